"""Tests that the READMEs tell the truth, and the same in both languages."""

import re
import subprocess
import sys
from statistics import median

import matplotlib.pyplot as plt
import pages
import pytest
from pages import ROOT
from PIL import Image

from bench import estimator, results
from bench.charts import circumstances
from bench.readme import BEGIN, END
from bench.show import significant

READMES = ("README.md", "README.ko.md")
README, KOREAN = ((ROOT / name).read_text(encoding="utf-8") for name in READMES)
REFERENCE = ROOT / "bench" / "results" / "reference.json"


@pytest.mark.compiled
def test_the_ten_lines_print_what_the_readme_shows(tmp_path, monkeypatch):
    (code,) = pages.blocks("README.md", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    assert len(pages.blocks("README.md", "text")) == 1
    monkeypatch.chdir(tmp_path)
    names = pages.run("README.md")
    plt.close("all")
    assert names["net"].history.updates == 500_000
    assert (tmp_path / "xor.png").stat().st_size > 10_000
    assert "void predict(const double *x" in (tmp_path / "xor.c").read_text()


def test_there_are_two_commands_and_a_clone():
    commands = [
        line
        for code in pages.blocks("README.md", "sh")
        for line in code.split("\n")
        if line
    ]
    assert len(commands) == 2
    assert commands[0].endswith("fastnn reproduce")
    assert commands[1].endswith("-m pytest -n auto")
    for text in commands:
        assert ".venv/bin/python -m pip install" in text
    (clone,) = pages.blocks("README.md", "console")
    assert "git clone" in clone


def test_commands_that_it_mentions_exist():
    shown = subprocess.run(
        [sys.executable, "-m", "fastnn", "--help"], capture_output=True, text=True
    ).stdout
    for command in set(re.findall(r"`fastnn (\w+)`", README)):
        assert command in shown


def test_the_number_of_promises_is_that_of_the_page():
    promises = (ROOT / "docs" / "promises.md").read_text()
    assert (
        f"{len(re.findall(r'^[0-9]+[.] ', promises, re.MULTILINE))} promises" in README
    )


def test_the_figures_in_sentences_are_those_of_the_reference_run():
    run = results.load(REFERENCE)
    case = next(case for case in run.cases if case.name == "xor-grid per sample")

    def microseconds(contender):
        return 1e6 * median(case.row(contender).per_unit(case.units))

    per_second = {
        name: 1e6 / microseconds(name) for name in ("ours", "pytorch", "scikit_learn")
    }
    assert f"**{per_second['ours'] / 1e6:.0f} million updates per second**" in README
    assert f"PyTorch makes {round(per_second['pytorch'], -2):,.0f} updates" in README
    assert f"scikit-learn {round(per_second['scikit_learn'], -3):,.0f} (" in README
    for contender in ("c_xor", "ours_specialised"):
        for text in (README, KOREAN):
            assert f"{microseconds(contender):.4f} µs" in text


def test_the_figures_of_the_estimators_are_those_of_the_reference_run():
    run = results.load(REFERENCE)
    ratios = [estimator.ratio(case) for case in run.estimators]
    middle, least, most = (
        significant(ratio) for ratio in (run.estimator_ratio, min(ratios), max(ratios))
    )
    assert len(ratios) == 11
    text = " ".join(README.split())
    assert f"fit {middle} times as fast as" in text
    assert f"the slowest {least} and the fastest {most} times" in text


def test_the_chart_is_of_the_reference_run():
    with Image.open(ROOT / "docs" / "speed.png") as chart:
        assert chart.info["Description"] == circumstances(results.load(REFERENCE))


def prose(text):
    """The text outside of code, links and what the benchmark writes."""
    text = re.sub(rf"{BEGIN}.*?{END}", "", text, flags=re.DOTALL)
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)", "]", text)


def test_both_languages_have_the_same_code_links_and_figures():
    assert pages.fences(README) == pages.fences(KOREAN)
    for pattern in (
        r"^#+ ",  # as many headings
        rf"{BEGIN}.*?{END}",
        r"^\|[-|]+\|$",  # as many tables, with as many columns
        r"`[^`\n]+`",  # the same names
    ):
        flags = re.MULTILINE | re.DOTALL
        found = [re.findall(pattern, text, flags) for text in (README, KOREAN)]
        assert found[0] == found[1] or sorted(found[0]) == sorted(found[1]), pattern
    links = [
        sorted(set(re.findall(r"\]\(([^)]+)\)", text)) - set(READMES))
        for text in (README, KOREAN)
    ]
    assert links[0] == links[1]
    # Korean has no word for a million, but one for ten thousand.
    korean = re.sub(r"(\d),(\d)00만", r"\1\2", prose(KOREAN))
    assert figures(prose(README)) == figures(korean)


def figures(text):
    """The numbers of a text, in the order of their size."""
    return sorted(re.findall(r"\d[\d,.-]*\d|\d", text))
