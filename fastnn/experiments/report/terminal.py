"""The report as text in a terminal."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..outcome import Finding
from .document import (
    FINDING_TITLES,
    RUN_NOTE,
    RUN_TITLES,
    Chapter,
    Report,
    count,
    row,
    verdict,
)

# Terminal columns: from the first on, a table of numbers fits; from the second on,
# all columns of the tables fit side by side.
_NARROW, _WIDE = 80, 130
_STYLES = {
    "equal": "cyan",
    "among": "green",
    "differs": "magenta",
    "ours": "dim",
    "fails": "bold red",
}


def show(report: Report, folder: Path) -> None:
    """Print conclusions, tables, what fails, and where the files are."""
    console = Console(markup=False, emoji=False, highlight=False)
    if console.is_terminal:
        _show(console, report, folder)
        return
    if "COLUMNS" not in os.environ:
        console.width = 150
    with console.capture() as captured:
        _show(console, report, folder)
    # Rich fills lines with spaces up to the terminal's width; here there is none.
    console.file.writelines(
        f"{line.rstrip()}\n" for line in captured.get().splitlines()
    )


def _show(console: Console, report: Report, folder: Path) -> None:
    for chapter in report.chapters:
        _show_chapter(console, chapter)
    console.print(RUN_NOTE)
    console.print(
        f"{report.summary}. Training took {report.training_seconds:.2f} s of "
        f"{report.seconds:.1f} s in total."
    )
    for name, finding in report.failures:
        console.print(
            f"FAILS: {name}: {finding.what}: the page has {finding.page}, found "
            f"{finding.found}: {finding.verdict}",
            style="bold red",
        )
    files = [file for chapter in report.chapters for file in chapter.files]
    films = sum(file.endswith(".gif") for file in files)
    written = [
        "results.json",
        count(len(files) - films, "picture"),
        *([count(films, "film")] if films else []),
    ]
    console.print(
        f"written: {folder / 'report.html'} (open it), {', '.join(written)}",
        soft_wrap=True,
    )


def _show_chapter(console: Console, chapter: Chapter) -> None:
    """Print a chapter so that no number is cut off.

    In a narrow terminal, text that does not fit into a table is printed below it, or
    instead of it.
    """
    experiment, outcome = chapter.experiment, chapter.outcome
    console.print(f"{experiment.name}: {experiment.title}", style="bold")
    console.print(f"{experiment.question} The page: {experiment.source}.")
    for paragraph in outcome.conclusion:
        console.print(Padding(paragraph, (1, 0, 0, 0)))
    rows = [row(run) for run in outcome.runs]
    if console.width >= _WIDE:
        console.print(_table(RUN_TITLES, rows, n_texts=2))
        findings = [
            (finding.what, finding.page, finding.found, _verdict(finding, console.file))
            for finding in outcome.findings
        ]
        console.print(_table(FINDING_TITLES, findings, n_texts=4))
        return
    if console.width >= _NARROW:
        titles = RUN_TITLES[:1] + RUN_TITLES[2:]
        short_rows = [cells[:1] + cells[2:] for cells in rows]
        console.print(_table(titles, short_rows, n_texts=1))
    else:
        console.print()
    for mode, setting, *numbers in rows:
        console.print(Padding(f"{mode}: {setting}", (0, 0, 0, 2)))
        if console.width < _NARROW:
            cells = [
                f"{title}: {number}"
                for title, number in zip(RUN_TITLES[2:], numbers, strict=True)
                if number
            ]
            console.print(Padding("; ".join(cells), (0, 0, 0, 4)))
    console.print()
    for finding in outcome.findings:
        head = Text.assemble(f"{finding.what}: ", _verdict(finding, console.file))
        values = f"the page: {finding.page}; found: {finding.found}"
        console.print(Padding(head, (0, 0, 0, 2)))
        console.print(Padding(values, (0, 0, 0, 4)))
    console.print()


def _verdict(finding: Finding, stream: IO[str]) -> Text:
    """Return the verdict; its mark and word say the same as its colour.

    The mark is spelled as the stream will spell it, so that columns stay aligned.
    """
    kind, mark, rest = verdict(finding)
    if isinstance(stream, io.TextIOWrapper):
        mark = mark.encode(stream.encoding, stream.errors or "replace").decode(
            stream.encoding
        )
    return Text.assemble((mark, _STYLES[kind]), rest)


def _table(
    titles: Sequence[str], rows: Sequence[Sequence[str | Text]], n_texts: int
) -> Table:
    """Return a table whose columns are at least as wide as their longest word.

    The first n_texts columns are text, the others numbers, which are never wrapped.
    """
    table = Table(box=box.SIMPLE_HEAD)
    for column, (title, *cells) in enumerate(zip(titles, *rows, strict=True)):
        number = column >= n_texts
        width = max(len(word) for text in (title, *cells) for word in str(text).split())
        table.add_column(
            title,
            justify="right" if number else "left",
            no_wrap=number,
            min_width=width,
        )
    for row_cells in rows:
        table.add_row(*row_cells)
    return table
