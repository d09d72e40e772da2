"""What `fit_many` returns: many trainings of one architecture."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from . import checks
from .arrays import Array

if TYPE_CHECKING:
    from .model import Sequential

_Z = 1.959963984540054  # of a normal distribution 95 % lie within so many standard deviations


class Rate(float):
    """A share of nets; low and high are its 95 % interval by Wilson (1927), in which the true share may lie."""

    low: float
    high: float
    _counts: tuple[int, int]

    def __new__(cls, successes: int, n: int) -> "Rate":
        """The share of so many successes in n, which is at least 1."""
        share = successes / n
        rate = super().__new__(cls, share)
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        reach = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        rate.low = max(0.0, middle - reach) if successes else 0.0  # rounding would leave 1e-17
        rate.high = min(1.0, middle + reach) if successes < n else 1.0
        rate._counts = successes, n
        return rate

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]  # what __new__ takes
        return self._counts

    def __repr__(self) -> str:
        return f"{float(self):.4g} ({self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True, eq=False)
class Runs:
    """The nets that `fit_many` trained, and how: a net a row.

    loss (n_nets, m) is each net's mean over an epoch of each sample's loss at its forward pass, before its update;
    accuracy (n_nets, m) the share of samples whose class was right then, NaN for mse; epochs (m,) says of which epochs,
    counted from 1. theta (n_nets, n_params) are the parameters at the end. updates and seconds are those of all nets.
    """

    net: "Sequential"
    theta: Array
    loss: Array
    accuracy: Array
    epochs: Array
    updates: int
    seconds: float

    def __len__(self) -> int:
        return len(self.theta)

    def __getitem__(self, i: int) -> "Sequential":
        """Net number i, as if trained alone; one that diverged raises ValueError, as its parameters are not finite."""
        if not np.isfinite(self.theta[i]).all():
            raise ValueError(f"net {i} diverged, and no net can have its parameters, runs.theta[{i}]: it is not finite")
        return self.net.with_theta(self.theta[i])

    def __iter__(self) -> Iterator["Sequential"]:
        return (self[i] for i in range(len(self)))

    @property
    def diverged(self) -> Array:
        """True (n_nets,) for each net whose parameters, or losses of the last epoch, are no longer finite."""
        return np.any(~np.isfinite(self.theta), axis=1) | ~np.isfinite(self.loss[:, -1])

    def success_rate(self, loss_below: float | None = None, accuracy_above: float | None = None) -> Rate:
        """The share of nets that did not diverge and end with a loss, or accuracy, or both, that are good enough.

        >>> from fastnn import datasets, mlp
        >>> runs = mlp(2, 2, 1).fit_many(*datasets.xor_gate(), seeds=range(100), epochs=2000, lr=2.0, batch_size="full")
        >>> rate = runs.success_rate(loss_below=0.05)
        >>> bool(rate.low < rate < rate.high)
        True
        """
        if loss_below is None and accuracy_above is None:
            raise ValueError("success_rate needs loss_below= or accuracy_above=: what is a success?")
        if accuracy_above is not None and np.isnan(self.accuracy).all() and not self.diverged.all():
            raise ValueError("these nets predict values, which have no accuracy: use loss_below")
        solved = ~self.diverged
        if loss_below is not None:
            solved &= self.loss[:, -1] < checks.real("loss_below", loss_below)
        if accuracy_above is not None:
            solved &= self.accuracy[:, -1] > checks.real("accuracy_above", accuracy_above)
        return Rate(int(solved.sum()), len(self))

    def __repr__(self) -> str:
        losses: Any = np.nanquantile(self.loss[:, -1], (0.05, 0.5, 0.95)) if np.isfinite(self.loss[:, -1]).any() else ()
        spread = ", loss " + " / ".join(f"{each:.4g}" for each in losses) + " (5, 50, 95 %)" if len(losses) else ""
        diverged = f", {self.diverged.sum()} diverged" if self.diverged.any() else ""
        return f"Runs({len(self)} nets, {self.updates} updates{spread}{diverged}, {self.seconds:.3g} s)"
