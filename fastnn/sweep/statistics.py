"""When many nets have learned."""

from dataclasses import dataclass

import numpy as np

from ..data.arrays import Array
from .curves import checked_share, quantiles
from .rate import Proportion


@dataclass(frozen=True, eq=False)
class EpochsTo:
    """The epochs that many nets take until their mean loss of an epoch is below a bound.

    each (n_nets,) is the first kept epoch in which it is, counted from 1, and infinity where it never is.

    >>> found = EpochsTo(0.1, np.array([200.0, 50.0, np.inf, 120.0]))
    >>> found
    EpochsTo(loss below 0.1: 3 of 4 nets, the first in epoch 50, half of all nets by epoch 120)
    >>> found.quantile(0.75), found.quantile(0.9)
    (200.0, inf)
    """

    loss_below: float
    each: Array

    @property
    def share(self) -> Proportion:
        """The share of nets that got there, with its 95 % interval."""
        return Proportion(self._count, len(self.each))

    def quantile(self, q: float) -> float:
        """The epoch by which a share q of all nets has got there; infinity if it never has."""
        return float(
            quantiles(self.each[:, np.newaxis], np.array(checked_share(q)), np.inf)[0]
        )

    @property
    def median(self) -> float:
        """The epoch by which half of all nets have got there; infinity if they never have."""
        return self.quantile(0.5)

    @property
    def _count(self) -> int:
        return int(np.isfinite(self.each).sum())

    def __repr__(self) -> str:
        there = f"EpochsTo(loss below {self.loss_below:g}: {self._count} of {len(self.each)} nets"
        if not self._count:
            return f"{there})"
        half = f"by epoch {self.median:.0f}" if np.isfinite(self.median) else "never"
        return f"{there}, the first in epoch {self.each.min():.0f}, half of all nets {half})"
