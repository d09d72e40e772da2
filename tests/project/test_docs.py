"""What the pages of docs/ show is there, and their Python runs."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
each = pytest.mark.parametrize(
    "page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem
)


@each
def test_its_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (DOCS / target).exists(), target


@pytest.mark.compiled
def test_the_code_about_ones_own_net_runs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(
        r"```python\n(.*?)```",
        (DOCS / "how-often-does-xor-work.md").read_text(),
        flags=re.DOTALL,
    )
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    plt.close("all")
    rates = re.findall(
        r"^(?:[\d.]+ )?([\d.]+) \([\d.]+ to [\d.]+\)$",
        capsys.readouterr().out,
        flags=re.MULTILINE,
    )
    assert len(rates) == 4
    assert float(rates[0]) > 0.8 > float(rates[3])  # at the rates of 1 and 10
    assert (tmp_path / "success.png").stat().st_size > 10_000
