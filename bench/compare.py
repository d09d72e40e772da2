"""Comparison with an earlier run: what changed by more than noise."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.table import Table

from .contenders import OWN
from .results import Run, quartiles
from .show import significant

MARGIN = 0.05  # relative; smaller changes are never marked


@dataclass(frozen=True)
class Pair:
    """One contender in one case of the earlier run and of this one.

    `before` and `now` are the seconds per unit of each round.
    """

    case: str
    contender: str
    title: str
    before: list[float]
    now: list[float]
    same_version: bool = True

    @property
    def change(self) -> float:
        """Return the factor by which the median grew."""
        return median(self.now) / median(self.before)


def table(new: Run, old: Run) -> Table:
    """Return a table of what both runs timed, with marks where it changed."""
    both = pairs(new, old)
    drift = machine_drift(both)
    caption = f"now / then is divided by the rivals' median change, {drift:.2f}"
    if new.machine.get("cpu") != old.machine.get("cpu"):
        caption += f"; the earlier run was on another CPU, {old.machine.get('cpu')}"
    earlier = f"since {old.machine.get('date')}, commit {old.machine.get('commit')}"
    shown = Table(
        title=f"[bold]{earlier}[/bold]",
        title_style="",
        title_justify="left",
        caption=caption,
        caption_justify="left",
    )
    for header in ("case", "contender", "then, µs", "now, µs", "now / then", ""):
        shown.add_column(
            header, justify="left" if header in ("case", "contender", "") else "right"
        )
    for pair in both:
        mark = verdict(pair, drift)
        style = {"slower": "red", "faster": "green"}.get(mark, "")
        times = (
            significant(1e6 * median(pair.before)),
            significant(1e6 * median(pair.now)),
        )
        shown.add_row(
            pair.case,
            pair.title,
            *times,
            f"{pair.change / drift:.2f}",
            mark,
            style=style,
        )
    return shown


def obstacle(method: dict[str, Any], old: Run) -> str | None:
    """Return why a run by this method cannot be compared with the old one, or None."""
    for name in ("threads", "quick"):
        new, before = method[name], old.method.get(name)
        if new != before:
            return f"that run had {name}={before}, this one has {name}={new}"
    return None


def pairs(new: Run, old: Run) -> list[Pair]:
    """Return what both runs timed, where the work is the same."""
    old_cases = {(case.name, case.description): case for case in old.cases}
    both = []
    for case in new.cases:
        old_case = old_cases.get((case.name, case.description))
        for row in case.rows:
            before = None if old_case is None else old_case.row(row.contender)
            if row.seconds and before is not None:
                both.append(
                    Pair(
                        case.name,
                        row.contender,
                        row.title,
                        before.per_unit(case.units),
                        row.per_unit(case.units),
                        before.versions == row.versions,
                    )
                )
    return both


def machine_drift(both: list[Pair]) -> float:
    """Return the factor by which the machine itself got slower.

    It is the median of the changes of the rivals' times, or 1 without rivals.
    """
    changes = [
        pair.change for pair in both if pair.contender not in OWN and pair.same_version
    ]
    return median(changes) if changes else 1.0


def verdict(pair: Pair, drift: float) -> str:
    """Return "slower", "faster" or "".

    A time changed if the middle halves of the rounds do not overlap and the medians
    differ by more than MARGIN.
    """
    low, _, high = (seconds / drift for seconds in quartiles(pair.now))
    old_low, _, old_high = quartiles(pair.before)
    if low > old_high and pair.change / drift > 1.0 + MARGIN:
        return "slower"
    if high < old_low and pair.change / drift < 1.0 / (1.0 + MARGIN):
        return "faster"
    return ""
