"""What changed since an earlier run, beyond noise."""

from statistics import median

from rich.table import Table

from .contenders import OURS
from .results import CaseResult, Row, Run, quartiles

MARGIN = 0.05  # relative; a smaller change is never marked


def table(new: Run, old: Run) -> Table:
    """Each row that both runs have. The machine's own change is taken out: it is the median of the rivals' changes."""
    pairs = _pairs(new, old)
    drift = machine_drift(pairs)
    found = Table(title=f"[bold]since {old.machine.get('date')}, commit {old.machine.get('commit')}[/bold]",
                  title_justify="left", title_style="",
                  caption=f"rivals take {drift:.2f} times what they took: now / then is divided by it",
                  caption_justify="left")  # fmt: skip
    for header in ("case", "contender", "then, µs", "now, µs", "now / then", ""):
        found.add_column(header, justify="left" if header in ("case", "contender", "") else "right")
    for case, now, before in pairs:
        was, is_now = (quartiles(times)[1] * 1e6 for times in (before, now[1]))
        mark = verdict(now[1], before, drift)
        style = {"slower": "red", "faster": "green"}.get(mark, "")
        found.add_row(
            case.name, now[0].title, f"{was:.4g}", f"{is_now:.4g}", f"{is_now / was / drift:.2f}", mark, style=style
        )
    return found


def verdict(now: list[float], before: list[float], drift: float) -> str:
    """ "slower" or "faster" where the middle halves of both runs' rounds lie apart and the medians by over MARGIN."""
    low, middle, high = (t / drift for t in quartiles(now))
    old_low, old_middle, old_high = quartiles(before)
    if low > old_high and middle > old_middle * (1.0 + MARGIN):
        return "slower"
    if high < old_low and middle * (1.0 + MARGIN) < old_middle:
        return "faster"
    return ""


def machine_drift(pairs: list[tuple[CaseResult, tuple[Row, list[float]], list[float]]]) -> float:
    """By what factor the rivals' times changed; 1 where there are none."""
    changes = [median(now) / median(before) for _, (row, now), before in pairs if row.contender != OURS]
    return median(changes) if changes else 1.0


def _pairs(new: Run, old: Run) -> list[tuple[CaseResult, tuple[Row, list[float]], list[float]]]:
    """Case, row with its seconds per unit now, and those then."""
    earlier = {case.name: case for case in old.cases}
    found = []
    for case in new.cases:
        before = earlier.get(case.name)
        if before is None or before.description != case.description:
            continue
        for row in case.rows:
            was = before.row(row.contender)
            if row.seconds and was is not None:
                found.append((case, (row, row.per_unit(case.units)), was.per_unit(before.units)))
    return found
