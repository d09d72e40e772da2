"""Statistics of many nets: proportions with their intervals, and epochs to a loss."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from ..data.arrays import Array
from .curves import check_proportion, quantiles

# 95 % of a normal distribution lie within this number of standard deviations.
_Z = 1.959963984540054


class Proportion(float):
    """A proportion with its 95 % Wilson score interval, `low` to `high` (Wilson, 1927).

    >>> Proportion(15, 40)
    0.375 (0.2422 to 0.5297)
    """

    low: float
    high: float
    _counts: tuple[int, int]

    def __new__(cls, successes: int, n: int) -> "Proportion":
        """Return the proportion of successes in n, which is at least 1."""
        p = successes / n
        proportion = super().__new__(cls, p)
        center = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        # Rounding would leave 1e-17 in place of 0.
        proportion.low = max(0.0, center - half) if successes else 0.0
        proportion.high = min(1.0, center + half) if successes < n else 1.0
        proportion._counts = successes, n
        return proportion

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        return self._counts  # what __new__ takes, for copies and pickles

    def __repr__(self) -> str:
        return f"{float(self):.4g} ({self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True, eq=False)
class EpochsTo:
    """Epochs that many nets take until their mean loss of an epoch is below a bound.

    each (n_nets,) is the first recorded epoch with such a loss, counted from 1;
    infinite for a net that has none.

    >>> result = EpochsTo(0.1, np.array([200.0, 50.0, np.inf, 120.0]))
    >>> result
    EpochsTo(loss below 0.1: 3 of 4 nets, first in epoch 50, half of all by epoch 120)
    >>> result.quantile(0.75), result.quantile(0.9)
    (200.0, inf)
    """

    loss_below: float
    each: Array

    @property
    def share(self) -> Proportion:
        """The proportion of nets that get there, with its 95 % interval."""
        return Proportion(self._count, len(self.each))

    def quantile(self, q: float) -> float:
        """Return the epoch by which a proportion q of nets is there, or infinity."""
        values, proportion = self.each[:, np.newaxis], check_proportion(q)
        return float(quantiles(values, np.array(proportion), np.inf)[0])

    @property
    def median(self) -> float:
        """The epoch by which half of all nets get there; infinity if they never do."""
        return self.quantile(0.5)

    @property
    def _count(self) -> int:
        return int(np.isfinite(self.each).sum())

    def __repr__(self) -> str:
        n_nets = len(self.each)
        text = f"loss below {self.loss_below:g}: {self._count} of {n_nets} nets"
        if self._count:
            median = self.median
            half = f"by epoch {median:.0f}" if np.isfinite(median) else "never"
            text += f", first in epoch {self.each.min():.0f}, half of all {half}"
        return f"EpochsTo({text})"
