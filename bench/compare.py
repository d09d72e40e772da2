"""What changed since an earlier run, beyond noise."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.table import Table

from .contenders import OWN
from .results import Run, quartiles
from .show import significant

MARGIN = 0.05  # relative; a smaller change is never marked


@dataclass(frozen=True)
class Pair:
    """One contender in one case, seconds per unit of each round: in the earlier run and in this one."""

    case: str
    contender: str
    title: str
    before: list[float]
    now: list[float]
    same_version: bool = True

    @property
    def change(self) -> float:
        """By what factor the median grew."""
        return median(self.now) / median(self.before)


def table(new: Run, old: Run) -> Table:
    """What both runs timed, and whether it got slower."""
    found = pairs(new, old)
    drift = machine_drift(found)
    caption = f"now / then is divided by the rivals' median change, {drift:.2f}"
    if new.machine.get("cpu") != old.machine.get("cpu"):
        caption += f"; that was on another CPU, {old.machine.get('cpu')}"
    title = f"[bold]since {old.machine.get('date')}, commit {old.machine.get('commit')}[/bold]"
    shown = Table(
        title=title,
        title_style="",
        title_justify="left",
        caption=caption,
        caption_justify="left",
    )
    for header in ("case", "contender", "then, µs", "now, µs", "now / then", ""):
        shown.add_column(
            header, justify="left" if header in ("case", "contender", "") else "right"
        )
    for pair in found:
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
    """Why a run by such a method cannot be compared with the old one."""
    for name in ("threads", "quick"):
        if method[name] != old.method.get(name):
            return f"that run had {name}={old.method.get(name)}, this one has {name}={method[name]}"
    return None


def pairs(new: Run, old: Run) -> list[Pair]:
    """What both runs timed, of the same work."""
    earlier = {(case.name, case.description): case for case in old.cases}
    found = []
    for case in new.cases:
        before = earlier.get((case.name, case.description))
        for row in case.rows:
            was = before.row(row.contender) if before is not None else None
            if row.seconds and was is not None:
                times = (was.per_unit(case.units), row.per_unit(case.units))
                found.append(
                    Pair(
                        case.name,
                        row.contender,
                        row.title,
                        *times,
                        was.versions == row.versions,
                    )
                )
    return found


def machine_drift(found: list[Pair]) -> float:
    """By what factor the machine itself got slower: the median of the rivals' changes, or 1 without rivals."""
    changes = [
        pair.change for pair in found if pair.contender not in OWN and pair.same_version
    ]
    return median(changes) if changes else 1.0


def verdict(pair: Pair, drift: float) -> str:
    """Whether it is "slower" or "faster": the middle halves of the rounds lie apart, and the medians by over MARGIN."""
    low, _, high = (seconds / drift for seconds in quartiles(pair.now))
    old_low, _, old_high = quartiles(pair.before)
    if low > old_high and pair.change / drift > 1.0 + MARGIN:
        return "slower"
    if high < old_low and pair.change / drift < 1.0 / (1.0 + MARGIN):
        return "faster"
    return ""
