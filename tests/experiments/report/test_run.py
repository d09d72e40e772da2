"""The files and the output of `fastnn reproduce`, for experiments without training."""

import base64
import io
import json
import re
import time
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from fastnn.experiments.outcome import (
    Experiment,
    Film,
    Finding,
    Options,
    Outcome,
    Picture,
    Run,
)
from fastnn.experiments.report import run

CURSE = '<script>alert("&")</script>'


def outcome(name, good=True):
    """Return an outcome with two runs, a finding of each kind, a picture and a film.

    The second finding is ok if `good`.
    """

    def draw(figure):
        figure.subplots().plot([1, 2, 3])

    def film(figure):
        (line,) = figure.subplots().plot([0, 1, 2], [0, 0, 0])
        line.axes.set_ylim(0, 5)
        return lambda frame: line.set_ydata([0, frame, frame + 1])

    losses = np.array([0.7, 0.123456789012345])
    runs = [
        Run(
            "one net",
            "2-2-1 sigmoid, one sample after another, lr 0.25",
            500_000,
            0.0251,
            losses[-1],
            0.986,
            trace={"loss_by_epoch": losses, "counts": [np.int64(3), float("inf")]},
        ),
        Run(
            "a thousand nets",
            "the same from other seeds",
            1_234_567_890,
            61.5,
            float("nan"),
            float("nan"),
            1000,
        ),
    ]
    findings = [
        Finding(
            "loss after epoch 1",
            "0.30375386576179497",
            "0.30375386576179501",
            "equal to 15 digits",
            "equal",
        ),
        Finding(
            "does it fail?",
            "yes, it does",
            f"no {CURSE}",
            "its rows are in another order",
            "differs",
            good,
        ),
        Finding(
            "loss at the end",
            "0.25",
            "0.1 / 0.2 / 0.3",
            "at percentile 50 of 7 seeds",
            "among",
        ),
        Finding(
            "loss in epoch 2", "not shown", "0.27", "equal to plain Python", "ours"
        ),
    ]
    picture = Picture(f"{name}-loss", f"The loss of {name} {CURSE}", (4.0, 3.0), draw)
    return Outcome(
        runs,
        findings,
        [picture],
        [Film(f"{name}-film", f"{name} moves", (3.0, 2.0), 3, film)],
        ["The first paragraph.", f"The second, with {CURSE} and `a * b` in it."],
    )


def experiment(name, good=True, run=None):
    def run_it(options, say):
        say("[/red] training")
        return outcome(name, good)

    return Experiment(
        name,
        f"The {name} of {CURSE}",
        f'A. Author, "{name} 구현하기", https://example.org/{name}',
        f"Does {name} learn?",
        run or run_it,
    )


def reproduce(folder, *experiments, film=True, command="fastnn reproduce --film"):
    return run.reproduce(
        experiments, folder, Options(seed=3), film, command, time.perf_counter() - 1000
    )


class Page(HTMLParser):
    """Parser of a page: collects its elements and text, and checks closing tags."""

    EMPTY = ("meta", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    assert reproduce(folder, experiment("cat"), experiment("dog"))
    return folder


def test_exactly_the_expected_files_are_written(page):
    names = {
        f"{name}-{part}" for name in ("cat", "dog") for part in ("loss.png", "film.gif")
    }
    assert {path.name for path in page.iterdir()} == names | {
        "results.json",
        "report.html",
    }
    with Image.open(page / "cat-loss.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (440, 330))
    with Image.open(page / "dog-film.gif") as film:
        assert (film.n_frames, film.info["loop"]) == (3, 0)


def test_the_page_is_complete_and_fetches_nothing(page):
    text = (page / "report.html").read_text(encoding="utf-8")
    read = Page(text)
    assert read.all("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in read.all("meta")
    assert not read.all("script")
    assert not read.all("link")
    assert re.findall(r"https?://\S+", text) == [
        "https://example.org/cat</p>",
        "https://example.org/dog</p>",
    ]
    assert "url(" not in text
    assert "@import" not in text
    for name in ("cat", "dog"):
        assert {"href": f"#{name}"} in read.all("a")
        assert {"id": name} in read.all("section")
    for part in (
        "구현하기",
        "Does cat learn?",
        "0.30375386576179501",
        "2-2-1 sigmoid",
        "1,234,567,890",
        "25.1 ms",
        "61.50 s",
        "✓ equal to 15 digits",
        "≠ differs: its rows are in another order",
        "~ placed: at percentile 50 of 7 seeds",
        "• ours: equal to plain Python",
        "The first paragraph.",
        CURSE,
        "fastnn reproduce --film",
        "numba",
        "8 findings: 2 equal to the page, 2 placed among many seeds, 2 different for "
        "a stated reason, 2 checks of our own, 0 failed",
        "Training took 123.05 s of 100",
    ):
        assert part in read.text, part
    assert not re.search(r"\bnan\b", read.text)
    assert read.text.count("✗") == 0


def test_the_conclusion_follows_the_question(page):
    text = Page((page / "report.html").read_text(encoding="utf-8")).text
    parts = [
        "Does cat learn?",
        "The first paragraph.",
        "loss after epoch 1",
        "The loss of cat",
        "500,000",
    ]
    assert [text.index(part) for part in parts] == sorted(
        text.index(part) for part in parts
    )


def test_each_kind_of_finding_has_a_colour_of_its_own(page):
    text = (page / "report.html").read_text(encoding="utf-8")
    kinds = [span["class"] for span in Page(text).all("span")]
    assert kinds == ["equal", "differs", "among", "ours"] * 2
    assert all(
        re.search(rf"^(.*}} )?\.{kind} {{ color: var", text, re.M)
        for kind in (*kinds, "fails")
    )


def test_backticks_are_code(page):
    text = (page / "report.html").read_text(encoding="utf-8")
    assert " and <code>a * b</code> in it.</p>" in text
    assert "`" not in text


def test_the_columns_of_page_and_terminal_have_the_same_names(page, tmp_path, capsys):
    titles = [
        cell["data-title"]
        for cell in Page((page / "report.html").read_text(encoding="utf-8")).all("td")
    ]
    reproduce(tmp_path, experiment("cat"), film=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert " ".join(titles[:4]).split() in lines  # the findings come first
    assert " ".join(titles[16:24]).split() in lines


def test_pictures_and_films_are_in_the_page(page):
    images = Page((page / "report.html").read_text(encoding="utf-8")).all("img")
    files = [
        f"{name}-{part}" for name in ("cat", "dog") for part in ("loss.png", "film.gif")
    ]
    assert len(images) == len(files)
    for image, file in zip(images, files, strict=True):
        head, data = image["src"].split(",")
        assert head == f"data:image/{file[-3:]};base64"
        assert base64.b64decode(data, validate=True) == (page / file).read_bytes()
        with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
            assert opened.format == file[-3:].upper()
    # Screen readers read the caption as well.
    assert images[0]["alt"] == "cat-loss"


def test_results_are_strict_json_with_all_numbers(page):
    def refuse(constant):
        raise AssertionError(constant)

    results = json.loads(
        (page / "results.json").read_text(encoding="utf-8"), parse_constant=refuse
    )
    assert results["command"] == "fastnn reproduce --film"
    assert results["training_seconds"] == pytest.approx(2 * (0.0251 + 61.5))
    assert results["seconds"] > 0
    assert {"fastnn", "python", "numpy", "numba", "machine"} <= set(
        results["made_with"]
    )
    assert list(results["experiments"]) == ["cat", "dog"]
    cat = results["experiments"]["cat"]
    assert cat["ok"] is True
    assert cat["files"] == ["cat-loss.png", "cat-film.gif"]
    one, many = cat["runs"]
    assert one["trace"] == {
        "loss_by_epoch": [0.7, 0.123456789012345],
        "counts": [3, None],
    }
    assert (one["loss"], one["accuracy"], one["updates"], one["nets"]) == (
        0.123456789012345,
        0.986,
        500_000,
        1,
    )
    assert one["ns_per_update"] == pytest.approx(50.2)
    assert (many["loss"], many["accuracy"], many["nets"]) == (None, None, 1000)
    assert cat["findings"][0] == {
        "what": "loss after epoch 1",
        "page": "0.30375386576179497",
        "found": "0.30375386576179501",
        "verdict": "equal to 15 digits",
        "kind": "equal",
        "ok": True,
    }


def test_a_folder_name_may_be_invalid_text(tmp_path):
    assert reproduce(
        tmp_path,
        experiment("cat"),
        film=False,
        command="fastnn reproduce --out '\udcff'",
    )
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))[
        "command"
    ].endswith("'?'")


def test_films_are_made_only_if_wanted(tmp_path):
    assert reproduce(tmp_path, experiment("cat"), film=False)
    assert not list(tmp_path.glob("*.gif"))
    assert "image/gif" not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", [40, 60, 79, 80, 100, 150, 250])
def test_tables_fit_and_cut_off_no_number(columns, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    reproduce(tmp_path, experiment("cat"))
    shown = capsys.readouterr().out
    assert max(map(len, shown.split("written:")[0].splitlines())) <= columns
    words = " ".join(shown.split())
    for part in (
        "500,000",
        "1,234,567,890",
        "0.123457",
        "0.9860",
        "25.1 ms",
        "61.50 s",
        " 50 ",
        "0.30375386576179497",
        "0.30375386576179501",
        "✓ equal to 15 digits",
        "~ placed: at percentile",
        "≠ differs:",
        "• ours: equal to",
        "Does cat learn?",
        "The first paragraph.",
        "구현하기",
    ):
        assert part in words, part
    assert "one sample after another, lr 0.25" in words or columns >= 130
    assert words.index("The first paragraph.") < words.index("500,000")
    assert (
        f"written: {tmp_path}/report.html (open it), results.json, 1 picture, 1 film\n"
        in shown
    )
    if columns < 80:
        assert "updates: 500,000" in words
        assert "loss: ;" not in words


def test_a_failure_is_reported_everywhere_and_returned(tmp_path, capsys):
    assert not reproduce(
        tmp_path, experiment("cat"), experiment("dog", good=False), film=False
    )
    shown = " ".join(capsys.readouterr().out.split())
    summary = "1 different for a stated reason, 2 checks of our own, 1 failed."
    assert summary in shown
    assert "✗ FAILS: its rows are in another order" in shown
    failure = f"the page has yes, it does, found no {CURSE}: its rows are"
    assert f"FAILS: dog: does it fail?: {failure}" in shown
    experiments = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))[
        "experiments"
    ]
    assert [each["ok"] for each in experiments.values()] == [True, False]
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "✗ FAILS: its rows are in another order" in text
    assert "✗ a check fails" in text


def test_finished_experiments_survive_an_interruption(tmp_path):
    def interrupted(options, say):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(tmp_path, experiment("cat"), experiment("dog", run=interrupted))
    assert {path.name for path in tmp_path.iterdir()} == {
        "cat-loss.png",
        "cat-film.gif",
    }


def test_an_experiment_gets_the_options(tmp_path):
    received = []

    def run(options, say):
        received.append((options.seed, options.quick))
        return outcome("cat")

    reproduce(tmp_path, experiment("cat", run=run), film=False)
    assert received == [(3, False)]
