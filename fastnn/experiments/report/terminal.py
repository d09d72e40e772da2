"""What `fastnn reproduce` prints: tables, conclusions, what fails, and where the files are."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..outcome import Finding
from .document import FINDING_TITLES, RUN_TITLES, Chapter, Report, count, row, verdict

_NARROW, _WIDE = (
    80,
    130,
)  # columns of a terminal: what a table of numbers needs, and what lets all stand side by side
_STYLES = {
    "equal": "cyan",
    "among": "green",
    "differs": "magenta",
    "ours": "dim",
    "fails": "bold red",
}


def show(report: Report, folder: Path) -> None:
    """Print the tables, the conclusions, what fails, and where the files are."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 150
    for chapter in report.chapters:
        _show_chapter(console, chapter)
    console.print(
        f"{report.summary}. Trained for {report.training_seconds:.2f} s, all in {report.seconds:.1f} s."
    )
    for name, finding in report.failures:
        page, found = f"the page has {finding.page}", f"found {finding.found}"
        console.print(
            f"FAILS: {name}: {finding.what}: {page}, {found}: {finding.verdict}",
            style="bold red",
        )
    files = [file for chapter in report.chapters for file in chapter.files]
    films = sum(file.endswith(".gif") for file in files)
    parts = [
        "results.json",
        count(len(files) - films, "picture"),
        *([count(films, "film")] if films else []),
    ]
    console.print(
        f"written: {folder / 'report.html'} (open it), {', '.join(parts)}",
        soft_wrap=True,
    )


def _show_chapter(console: Console, chapter: Chapter) -> None:
    """What a narrow terminal has no room for in a table stands below it, or instead of it, and no number is cut off."""
    experiment, outcome = chapter.experiment, chapter.outcome
    console.print(f"{experiment.name}: {experiment.title}", style="bold")
    console.print(f"{experiment.question} Source: {experiment.source}.")
    for paragraph in outcome.conclusion:
        console.print(Padding(paragraph, (1, 0, 0, 0)))
    rows = [row(run) for run in outcome.runs]
    if console.width >= _WIDE:
        console.print(_table(RUN_TITLES, rows, 2))
        findings = [
            (each.what, each.page, each.found, _verdict(each))
            for each in outcome.findings
        ]
        console.print(_table(FINDING_TITLES, findings, 4))
        return
    if console.width >= _NARROW:
        console.print(
            _table(
                RUN_TITLES[:1] + RUN_TITLES[2:],
                [cells[:1] + cells[2:] for cells in rows],
                1,
            )
        )
    else:
        console.print()
    for mode, setting, *numbers in rows:
        console.print(Padding(f"{mode}: {setting}", (0, 0, 0, 2)))
        if console.width < _NARROW:
            named = [
                f"{title}: {cell}"
                for title, cell in zip(RUN_TITLES[2:], numbers, strict=True)
                if cell
            ]
            console.print(Padding("; ".join(named), (0, 0, 0, 4)))
    console.print()
    for each in outcome.findings:
        console.print(
            Padding(Text.assemble(f"{each.what}: ", _verdict(each)), (0, 0, 0, 2))
        )
        console.print(
            Padding(f"the page: {each.page}; found: {each.found}", (0, 0, 0, 4))
        )
    console.print()


def _verdict(finding: Finding) -> Text:
    """A sign and a word say what the colour says."""
    kind, mark, rest = verdict(finding)
    return Text.assemble((mark, _STYLES[kind]), rest)


def _table(
    titles: Sequence[str], rows: Sequence[Sequence[str | Text]], n_texts: int
) -> Table:
    """A table whose columns are never narrower than the longest word: so many of text, the others of numbers."""
    table = Table(box=box.SIMPLE_HEAD)
    for place, (title, *cells) in enumerate(zip(titles, *rows, strict=True)):
        number = place >= n_texts
        width = max(len(word) for text in (title, *cells) for word in str(text).split())
        table.add_column(
            title,
            justify="right" if number else "left",
            no_wrap=number,
            min_width=width,
        )
    for line in rows:
        table.add_row(*line)
    return table
