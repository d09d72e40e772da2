"""What `fastnn reproduce` prints: tables, conclusions, what fails, and where the files are."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

if TYPE_CHECKING:
    from .report import Chapter, Report

_NARROW, _WIDE = 80, 130  # columns of a terminal: what we need, and what lets all stand side by side


def show(report: "Report", folder: Path) -> None:
    """Print the tables, the conclusions, what fails, and where the files are."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 150
    console.width = max(console.width, _NARROW)
    for chapter in report.chapters:
        _show_chapter(console, chapter)
    console.print(f"{report.summary}. Trained for {report.training_seconds:.2f} s, all in {report.seconds:.1f} s.")
    for name, finding in report.failures:
        page, found = f"the page has {finding.page}", f"found {finding.found}"
        console.print(f"FAILS: {name}: {finding.what}: {page}, {found}: {finding.verdict}", style="bold red")
    pictures = [str(folder / file) for chapter in report.chapters for file in chapter.files]
    files = [*pictures, str(folder / "results.json"), f"{folder / 'report.html'} (all of it, to read)"]
    console.print(f"written: {', '.join(files)}", soft_wrap=True)


def _show_chapter(console: Console, chapter: "Chapter") -> None:
    """What a narrow terminal has no room for in a table stands below it, and no number is cut off."""
    experiment, outcome = chapter.experiment, chapter.outcome
    console.print(f"{experiment.name}: {experiment.title}", style="bold")
    console.print(f"{experiment.question} Source: {experiment.source}.")
    titles, *rows = chapter.table
    findings = [
        (each.what, each.page, each.found, each.verdict if each.ok else f"FAILS: {each.verdict}")
        for each in outcome.findings
    ]
    if console.width >= _WIDE:
        console.print(_table(titles, rows, 2))
        console.print(_table(("finding", "the page", "found", "verdict"), findings, 4))
    else:
        console.print(_table(titles[:1] + titles[2:], [row[:1] + row[2:] for row in rows], 1))
        for mode, setting, *_ in rows:
            console.print(Padding(f"{mode}: {setting}", (0, 0, 0, 2)))
        console.print()
        for what, page, found, verdict in findings:
            console.print(Padding(f"{what}: {verdict}", (0, 0, 0, 2)))
            console.print(Padding(f"page: {page}; found: {found}", (0, 0, 0, 4)))
    for paragraph in outcome.conclusion:
        console.print(Padding(paragraph, (1, 0, 0, 0)))
    console.print()


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int) -> Table:
    """A table whose columns are never narrower than the longest word: so many of text, the others of numbers."""
    table = Table(box=box.SIMPLE_HEAD)
    for place, (title, *cells) in enumerate(zip(titles, *rows, strict=True)):
        number = place >= n_texts
        width = max(map(len, " ".join([title, *cells]).split()))
        table.add_column(title, justify="right" if number else "left", no_wrap=number, min_width=width)
    for row in rows:
        table.add_row(*row)
    return table
