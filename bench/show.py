"""Tables and progress in the terminal."""

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

from .contenders import OURS
from .results import BAD, CaseResult, Growth, Row, Run, quartiles

_WIDTH = 130  # columns of tables that do not go to a terminal
_WIDE = 112  # columns that all figures need; narrower terminals show the main figures


def console(stderr: bool) -> Console:
    """Return the console for the tables."""
    out = Console(stderr=stderr)
    if not out.is_terminal:
        out.width = _WIDTH
    return out


class Display:
    """Live table of the current case, with a progress bar below it.

    Tables of finished cases stay above.
    """

    def __init__(self, out: Console, steps: int) -> None:
        self._out = out
        self._step = ""  # the last one printed, without a terminal
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=out,
            auto_refresh=False,
        )
        self._task = self._progress.add_task("", total=steps)
        # Drawn between timings only, because nothing else must run during one.
        self._live = Live(console=out, auto_refresh=False, transient=True)

    @contextmanager
    def open(self) -> Iterator["Display"]:
        """Show the table and the bar during the block."""
        with self._live:
            yield self

    def update(self, text: str, result: CaseResult | None = None) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=text)
        if self._out.is_terminal:
            parts = [] if result is None else [case_table(result, self._out.width)]
            self._live.update(Group(*parts, self._progress), refresh=True)
            return
        step = text.partition(":")[0] if result is None else result.name
        if step != self._step:
            self._step = step
            print(f"{step} ...", file=sys.stderr, flush=True)

    def finish(
        self, result: CaseResult | None = None, growth: Growth | None = None
    ) -> None:
        """Print the finished table and advance the bar."""
        self._progress.advance(self._task)
        if growth is not None:
            self._out.print(growth_table(growth))
            for note in growth.notes:
                self._out.print(note, style="red", highlight=False)
        if result is not None:
            self._out.print(case_table(result, self._out.width))
            for note in notes(result):
                self._out.print(note, style="dim", highlight=False)
            self._out.print()


def case_table(result: CaseResult, width: int) -> Table:
    """Return the table of a case, with one row per contender that can do the work.

    In a narrow terminal it lacks the columns of starts and counts.
    """
    table = Table(
        title=f"[bold]{result.name}[/bold]: {result.description}",
        title_justify="left",
        title_style="",
        padding=(0, 1),
        caption=f"loss in epoch {result.checked_epochs}: {result.loss:.10g} "
        f"(within {result.tolerance:g}); ±: half the interquartile range of the rounds",
        caption_justify="left",
    )
    headers = [
        "contender",
        "import\ns",
        "empty\ncache\ns",
        "new\nprocess\ns",
        f"warm\nµs per\n{result.unit}",
        "\n\n±",
        f"{result.unit}s\ntimed",
        "times\nfastnn",
        "\n\n±",
        "times\nlimit",
    ]
    shown = range(len(headers)) if width >= _WIDE else (0, 4, 5, 7, 8, 9)
    for i in shown:
        table.add_column(headers[i], justify="right" if i else "left", no_wrap=True)
    for row in result.rows:
        if row.status in ("timed", ""):
            cells = _cells(result, row)
        elif row.status in BAD:
            cells = [row.title, "", "", "", f"[red]{row.status}[/red]"]
        else:
            continue
        cells += [""] * (len(headers) - len(cells))
        table.add_row(
            *(cells[i] for i in shown), style="bold" if row.contender == OURS else ""
        )
    return table


def _cells(result: CaseResult, row: Row) -> list[str]:
    starts = [
        "" if t is None else f"{t:.2f}"
        for t in (row.imported, row.first_empty, row.first_filled)
    ]
    if not row.seconds:
        return [row.title, *starts]
    times = [1e6 * t for t in row.per_unit(result.units)]
    cells = [
        row.title,
        *starts,
        significant(median(times)),
        spread(times),
        f"{row.epochs * result.units:,}",
    ]
    ratios = result.ratios(row)
    if row.contender == OURS:
        limit = f"{1e-6 * median(times) / result.bound:.1f}" if result.bound else ""
        cells += ["1", "", limit]
    elif ratios:
        cells += [significant(median(ratios)), spread(ratios)]
    return cells


def spread(values: list[float]) -> str:
    """Return half the interquartile range, relative to the median."""
    if len(values) < 2:
        return ""
    low, middle, high = quartiles(values)
    return f"{50.0 * (high - low) / middle:.0f} %"


def notes(result: CaseResult) -> Iterator[str]:
    """Yield why contenders are missing, in one line per reason."""
    absent = [row for row in result.rows if row.status not in ("timed", "")]
    for (status, why), rows in groupby(absent, key=lambda row: (row.status, row.why)):
        verb = "" if status == "unsupported" else f"{status}: "
        yield f"{', '.join(row.title for row in rows)}: {verb}{why}"
    for row in result.rows:
        times = row.per_unit(result.units)
        if times and row.why:
            yield f"{row.title}: {row.why}"
        if times and result.bound and median(times) < result.bound:
            yield f"{row.title} is below the limit, so bench/bound.py is wrong"


def summary(run: Run, width: int) -> Table:
    """Return a table with one line per case: ours, the nearest rival, the limit."""
    table = Table(
        title="[bold]fastnn and its nearest rival[/bold]",
        title_justify="left",
        title_style="",
    )
    headers = [
        "case",
        "fastnn\nµs",
        "per",
        "nearest rival",
        "µs",
        "times\nfastnn",
        "limit\nµs",
        "times\nlimit",
    ]
    shown = range(len(headers)) if width >= _WIDE else (0, 1, 3, 5, 7)
    for i in shown:
        table.add_column(
            headers[i], justify="left" if i in (0, 2, 3) else "right", no_wrap=True
        )
    for result in run.measured:
        ours, rival = result.row(OURS), result.nearest()
        if ours is None:
            continue
        own = median(ours.per_unit(result.units))
        cells = [result.name, significant(own * 1e6), result.unit, "", "", "", "", ""]
        if rival is not None:
            ratio = median(result.ratios(rival))
            style = "green" if ratio > 1.0 else "red"
            theirs = median(rival.per_unit(result.units))
            cells[3:6] = [
                rival.title,
                significant(theirs * 1e6),
                f"[{style}]{significant(ratio)}[/{style}]",
            ]
        if result.bound:
            cells[6:] = [significant(result.bound * 1e6), f"{own / result.bound:.1f}"]
        table.add_row(*(cells[i] for i in shown))
    return table


def growth_table(growth: Growth) -> Table:
    """Return the table of the exponents, with the cost at both ends."""
    table = Table(
        title=f"[bold]growth with {growth.axis}[/bold]: {growth.description}",
        title_justify="left",
        title_style="",
    )
    headers = ("contender", "from", "ms per epoch", "to", "ms per epoch", "exponent")
    for header in headers:
        table.add_column(header, justify="left" if header == "contender" else "right")
    for curve in growth.curves:
        first, last = (significant(1e3 * curve.seconds[i]) for i in (0, -1))
        exponent = "" if curve.exponent is None else f"{curve.exponent:.2f}"
        table.add_row(
            curve.title,
            f"{curve.values[0]:,}",
            first,
            f"{curve.values[-1]:,}",
            last,
            exponent,
        )
    return table


def significant(value: float) -> str:
    """Return a number with three significant digits, without an exponent."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"
