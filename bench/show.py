"""Tables for the terminal."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from statistics import median

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .contenders import OURS
from .results import BAD, CaseResult, Growth, Row, Run, quartiles

_WIDTH = 130  # of tables that do not go to a terminal


def console(stderr: bool) -> Console:
    """Where the tables go."""
    out = Console(stderr=stderr)
    if not out.is_terminal:
        out.width = _WIDTH
    return out


class Display:
    """The case under way as a table that fills, with a bar below; finished ones stay above it."""

    def __init__(self, out: Console, steps: int) -> None:
        self._out = out
        self._step = ""  # that was told last, where there is no terminal
        self._progress = Progress(
            BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=out, auto_refresh=False,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=steps)
        # Drawn between two timings only: nothing else is to run during one.
        self._live = Live(console=out, auto_refresh=False, transient=True)

    @contextmanager
    def open(self) -> Iterator["Display"]:
        """Show it."""
        with self._live:
            yield self

    def update(self, text: str, result: CaseResult | None = None) -> None:
        """Say what is done now."""
        self._progress.update(self._task, description=text)
        if self._out.is_terminal:
            parts = [] if result is None else [case_table(result)]
            self._live.update(Group(*parts, self._progress), refresh=True)
        elif (step := text.partition(":")[0] if result is None else result.name) != self._step:
            self._step = step
            print(f"{step} ...", file=sys.stderr, flush=True)

    def finish(self, result: CaseResult | None = None, growth: Growth | None = None) -> None:
        """Leave a finished table on the screen, and move the bar."""
        self._progress.advance(self._task)
        if growth is not None:
            self._out.print(growth_table(growth))
            for note in growth.notes:
                self._out.print(note, style="red", highlight=False)
        if result is not None:
            self._out.print(case_table(result))
            for note in notes(result):
                self._out.print(note, style="dim", highlight=False)
            self._out.print()


def case_table(result: CaseResult) -> Table:
    """One case: a row for each contender that can do it."""
    table = Table(
        title=f"[bold]{result.name}[/bold]: {result.description}", title_justify="left", title_style="", padding=(0, 1),
        caption=f"loss in epoch {result.checked_epochs}: {result.loss:.10g} (within {result.tolerance:g}); "
        "±: half of the middle half of the rounds", caption_justify="left",
    )  # fmt: skip
    table.add_column("contender", no_wrap=True)
    headers = (
        "import\ns", "empty\ncache\ns", "new\nprocess\ns", f"warm\nµs per\n{result.unit}", "\n\n±",
        f"{result.unit}s\ntimed", "times\nfastnn", "\n\n±", "times\nlimit",
    )  # fmt: skip
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    for row in result.rows:
        if row.status in ("timed", ""):
            table.add_row(*_cells(result, row), style="bold" if row.contender == OURS else "")
        elif row.status in BAD:
            table.add_row(row.title, *[""] * 3, f"[red]{row.status}[/red]")
    return table


def _cells(result: CaseResult, row: Row) -> list[str]:
    starts = ["" if t is None else f"{t:.2f}" for t in (row.imported, row.first_empty, row.first_filled)]
    if not row.seconds:
        return [row.title, *starts]
    times = [1e6 * t for t in row.per_unit(result.units)]
    cells = [row.title, *starts, significant(median(times)), spread(times), f"{row.epochs * result.units:,}"]
    ratios = result.ratios(row)
    if row.contender == OURS:
        limit = f"{1e-6 * median(times) / result.bound:.1f}" if result.bound else ""
        cells += ["1", "", limit]
    elif ratios:
        cells += [significant(median(ratios)), spread(ratios)]
    return cells


def spread(values: list[float]) -> str:
    """Half of the distance between the quartiles, relative to the median."""
    low, middle, high = quartiles(values)
    return f"{50.0 * (high - low) / middle:.0f} %"


def notes(result: CaseResult) -> Iterator[str]:
    """Why contenders are missing, one line for each reason."""
    absent = [row for row in result.rows if row.status not in ("timed", "")]
    for (status, why), rows in groupby(absent, key=lambda row: (row.status, row.why)):
        verb = "" if status == "unsupported" else f"{status}: "
        yield f"{', '.join(row.title for row in rows)}: {verb}{why}"
    for row in result.rows:
        if row.seconds and result.bound and median(row.per_unit(result.units)) < result.bound:
            yield f"{row.title} is below the limit, so bench/bound.py is wrong"


def summary(run: Run) -> Table:
    """One line a case: ours, the nearest rival, the limit."""
    table = Table(title="[bold]fastnn and its nearest rival[/bold]", title_justify="left", title_style="")
    for header in ("case", "fastnn, µs", "per", "nearest rival", "µs", "times\nfastnn", "limit, µs", "times\nlimit"):
        table.add_column(
            header, justify="left" if header in ("case", "per", "nearest rival") else "right", no_wrap=True
        )
    for result in run.cases:
        ours, rival = result.row(OURS), result.nearest()
        if ours is None:
            table.add_row(result.name, Text(result.why_missing or "not timed", style="yellow"))
            continue
        own = median(ours.per_unit(result.units))
        cells = [result.name, significant(own * 1e6), result.unit]
        if rival is None:
            cells += ["", "", ""]
        else:
            ratio = median(result.ratios(rival))
            style = "green" if ratio > 1.0 else "red"
            theirs = median(rival.per_unit(result.units))
            cells += [rival.title, significant(theirs * 1e6), f"[{style}]{significant(ratio)}[/{style}]"]
        cells += [significant(result.bound * 1e6), f"{own / result.bound:.1f}"] if result.bound else []
        table.add_row(*cells)
    return table


def growth_table(growth: Growth) -> Table:
    """Exponents, and the cost at both ends."""
    table = Table(
        title=f"[bold]growth with {growth.axis}[/bold]: {growth.description}", title_justify="left", title_style=""
    )
    for header in ("contender", "from", "ms an epoch", "to", "ms an epoch", "exponent"):
        table.add_column(header, justify="left" if header == "contender" else "right")
    for curve in growth.curves:
        first, last = (significant(1e3 * curve.seconds[i]) for i in (0, -1))
        exponent = "" if curve.exponent is None else f"{curve.exponent:.2f}"
        table.add_row(curve.title, f"{curve.values[0]:,}", first, f"{curve.values[-1]:,}", last, exponent)
    return table


def significant(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"
