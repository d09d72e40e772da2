"""The report in a terminal."""

import pytest
from fake_experiments import Page, experiment, reproduce


@pytest.fixture(autouse=True)
def _no_width_from_the_environment(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)


def test_the_columns_of_page_and_terminal_have_the_same_names(page, tmp_path, capsys):
    titles = [cell["data-title"] for cell in Page(page).all("td")]
    reproduce(tmp_path, experiment("cat"), film=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert " ".join(titles[:4]).split() in lines  # the findings come first
    assert " ".join(titles[16:24]).split() in lines


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
        "~ in range: at percentile",
        "≠ differs:",
        "• own check: equal to",
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


def test_outside_a_terminal_no_line_ends_in_spaces(tmp_path, capsys):
    reproduce(tmp_path, experiment("cat"))
    shown = capsys.readouterr().out
    assert "verdict" in shown
    assert [line for line in shown.splitlines() if line.endswith(" ")] == []
