"""The files of `fastnn reproduce`, failures, and interruptions."""

import json

import pytest
from fake_experiments import CURSE, Page, experiment, outcome, reproduce
from PIL import Image


def test_exactly_the_expected_files_are_written(folder):
    names = {
        f"{name}-{part}" for name in ("cat", "dog") for part in ("loss.png", "film.gif")
    }
    assert {path.name for path in folder.iterdir()} == names | {
        "results.json",
        "report.html",
    }
    with Image.open(folder / "cat-loss.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (440, 330))
    with Image.open(folder / "dog-film.gif") as film:
        assert (film.n_frames, film.info["loop"]) == (3, 0)


def test_results_are_strict_json_with_all_numbers(folder):
    def refuse(constant):
        raise AssertionError(constant)

    results = json.loads(
        (folder / "results.json").read_text(encoding="utf-8"), parse_constant=refuse
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
