"""Tests that links, paths and code in the pages of documentation are right."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import fastnn

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
of_the_root = pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")), ids=lambda page: page.stem
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@of_the_root
def test_paths_lead_to_files(page):
    folders = "kernels|fastnn|tests|docs|bench|examples"
    for path in re.findall(rf"`((?:{folders})/[\w./]*)`", page.read_text()):
        # `python -m bench --quick` writes this file.
        assert path == "bench/results/quick.json" or (ROOT / path).exists(), path


@of_the_root
def test_lines_have_at_most_88_columns(page):
    """Tables, links, commands and the machine of the benchmark may be longer."""
    longer = ("|", "!", "[", "python3 -m venv", "AMD EPYC")
    text = re.sub(r"^```\w+\n.*?^```", "", page.read_text(), flags=re.M | re.S)
    for line in text.splitlines():
        assert len(line) <= 88 or line.startswith(longer), line


def test_contributing_names_the_sessions_of_nox():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (names,) = re.findall(r"its sessions \(([^)]*)\)", page)
    program = (ROOT / "noxfile.py").read_text()
    sessions = re.findall(r"^@nox\.session\ndef (\w+)", program, flags=re.MULTILINE)
    assert sorted(re.findall(r"\w+", names)) == sorted(sessions)


def test_citation_and_changelog_have_the_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {fastnn.__version__}\n" in citation
    assert f"\n## [{fastnn.__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.compiled
def test_the_code_about_ones_own_net_runs(tmp_path, monkeypatch, capsys):
    page = ROOT / "docs" / "how-often-does-xor-work.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    plt.close("all")
    shown = capsys.readouterr().out
    interval = r"^(?:[\d.]+ )?([\d.]+) \([\d.]+ to [\d.]+\)$"
    rates = re.findall(interval, shown, flags=re.MULTILINE)
    assert len(rates) == 4
    assert float(rates[0]) > 0.8 > float(rates[3])  # at learning rates of 1 and 10
    assert (tmp_path / "success.png").stat().st_size > 10_000
