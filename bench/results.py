"""Results of a run, as objects and as JSON."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fastnn.data.files import write_atomically

from .cases import Case
from .contenders import OURS, OWN

SCHEMA = 1
BAD = ("invalid", "failed")  # statuses of contenders that should have been timed


@dataclass
class Row:
    """One contender in one case.

    status: "timed", "invalid" (another loss), "not installed", "unsupported" or
    "failed"; `why` is the reason. imported: seconds from the start of the process until
    the library is imported. first_empty, first_filled: seconds of the first epoch in a
    new process, with an empty and with a filled cache. seconds: those of `epochs` warm
    epochs, for each round. disturbed: the rounds (0, 1, ...) in which something else
    used the processor.
    """

    contender: str
    title: str
    status: str = ""
    why: str = ""
    versions: str = ""
    loss: float = math.nan
    imported: float | None = None
    first_empty: float | None = None
    first_filled: float | None = None
    epochs: int = 0
    seconds: list[float] = field(default_factory=list)
    disturbed: list[int] = field(default_factory=list)

    def add(self, seconds: float, quiet: bool) -> None:
        """Add a round, in which nothing else used the processor if it was `quiet`."""
        if not quiet:
            self.disturbed.append(len(self.seconds))
        self.seconds.append(seconds)

    @property
    def counted(self) -> list[int]:
        """Return the rounds that nothing disturbed, or all if there is none."""
        rounds = range(len(self.seconds))
        return [i for i in rounds if i not in self.disturbed] or list(rounds)

    def per_unit(self, units: int) -> list[float]:
        """Return the seconds per update or row of each round that counts."""
        return [self.seconds[i] / self.epochs / units for i in self.counted]


@dataclass
class CaseResult:
    """All contenders in one case.

    `loss` is the loss that all must reach, `bound` the least seconds per unit that this
    machine allows.
    """

    name: str
    description: str
    unit: str
    units: int
    checked_epochs: int
    loss: float
    tolerance: float
    bound: float | None
    rows: list[Row] = field(default_factory=list)
    why_missing: str = ""

    @classmethod
    def of(cls, case: Case, bound: float) -> "CaseResult":
        """Return the empty result of a case that is to be measured."""
        return cls(
            case.name,
            case.description,
            case.unit,
            case.units,
            case.checked_epochs,
            math.nan,
            case.tolerance,
            bound,
        )

    @classmethod
    def missing(cls, name: str, why: str) -> "CaseResult":
        """Return the result of a case that cannot be measured, with the reason."""
        return cls(name, "", "", 0, 0, math.nan, 0.0, None, why_missing=why)

    def row(self, contender: str) -> Row | None:
        """Return the row of a contender, or None if it was not timed."""
        return next(
            (row for row in self.rows if row.contender == contender and row.seconds),
            None,
        )

    def ratios(self, row: Row) -> list[float]:
        """Return the row's time as a multiple of ours, for each round.

        Where no round counts for both, it is the ratio of the medians.
        """
        ours = self.row(OURS)
        if ours is None or not row.seconds:
            return []
        times, own = (
            dict(zip(one.counted, one.per_unit(self.units), strict=True))
            for one in (row, ours)
        )
        return [times[i] / own[i] for i in times if i in own] or [
            median(times.values()) / median(own.values())
        ]

    def nearest(self) -> Row | None:
        """Return the row of the fastest rival."""
        rivals = [row for row in self.rows if row.contender not in OWN and row.seconds]
        return min(
            rivals,
            key=lambda row: median(self.ratios(row) or row.per_unit(self.units)),
            default=None,
        )


@dataclass
class Curve:
    """Growth of one contender's cost along an axis.

    seconds: per epoch, for each value. exponent: the slope of their logarithms.
    """

    contender: str
    title: str
    values: list[int]
    seconds: list[float]
    exponent: float | None


@dataclass
class Growth:
    """Curves of all contenders along an axis, with notes on those that failed."""

    axis: str
    description: str
    rounds: int
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Run:
    """A whole run: machine, method and results.

    estimators: fits of estimators by fastnn.sklearn and by scikit-learn, of which
    `estimator_ratio` is the median of theirs to ours. crossover: the growth with the
    hidden width at each of several batch sizes.
    """

    name: str
    machine: dict[str, Any]
    method: dict[str, Any]
    limits: dict[str, Any]
    cases: list[CaseResult] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    estimators: list[CaseResult] = field(default_factory=list)
    estimator_ratio: float | None = None
    crossover: list[Growth] = field(default_factory=list)
    complete: bool = False

    @property
    def measured(self) -> list[CaseResult]:
        """Return the cases and the fits of estimators."""
        return self.cases + self.estimators

    def save(self, path: Path) -> None:
        """Write the run as JSON; after a failed write the old file is still whole."""
        write_atomically(path, self.as_json().encode())

    def as_json(self) -> str:
        """Return the run as JSON text."""
        content = _without_nan({"schema": SCHEMA, **asdict(self)})
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def load(path: Path) -> Run:
    """Read a saved run; raise ValueError if the file holds something else."""
    try:
        content = json.loads(path.read_text())
        if content.pop("schema") != SCHEMA:
            raise ValueError("unknown version of the format")
        # A run from before there were estimators or a crossover has none.
        for name in ("cases", "estimators"):
            content[name] = [_case(part) for part in content.get(name, [])]
        for name in ("growth", "crossover"):
            content[name] = [_growth(part) for part in content.get(name, [])]
        return Run(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a result of this benchmark ({error}); pass the JSON file "
            "of an earlier run"
        ) from None


def _case(fields: dict[str, Any]) -> CaseResult:
    rows = [Row(**_with_nan(row)) for row in fields["rows"]]
    return CaseResult(**{**_with_nan(fields), "rows": rows})


def _growth(fields: dict[str, Any]) -> Growth:
    curves = [Curve(**curve) for curve in fields["curves"]]
    return Growth(**{**fields, "curves": curves})


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "loss": math.nan if fields["loss"] is None else fields["loss"]}
