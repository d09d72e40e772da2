"""Curves: losses or accuracies of many nets over the epochs, or their percentiles."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arguments import check_float
from ..data.arrays import Array

# 0.07 * 100 is a little more than 7.
_ROUNDING = 1e-6


def check_proportion(q: Any) -> float:
    """Return q, a proportion of the nets from 0 to 1."""
    proportion = check_float("q", q, 0.0)
    if proportion > 1.0:
        raise ValueError(
            f"q must be a proportion of the nets, at most 1, not {proportion:g}"
        )
    return proportion


def quantiles(values: Array, q: Array, worst: float) -> Array:
    """Return the smallest values that at least a proportion q (...,) do not exceed.

    values (n_nets, k) give (..., k). Values that are not finite count as `worst`.

    >>> q = np.array([0.0, 0.5, 0.51, 1.0])
    >>> quantiles(np.array([[4.0], [1.0], [3.0], [2.0]]), q, worst=np.inf)[:, 0]
    array([1., 2., 3., 4.])
    """
    ordered = np.where(np.isfinite(values), values, worst)
    ordered.sort(axis=0)
    ranks = np.ceil(q * len(values) - _ROUNDING).astype(np.int64) - 1
    return ordered[np.maximum(ranks, 0)]


def percentiles(values: Array, worst: float) -> Array:
    """Return the quantiles (101, k) of 0, 1 ... 100 percent, of values (n_nets, k)."""
    return quantiles(values, np.arange(101) / 100, worst)


def forward_filled(values: Array, epochs: Array, trained: Array, final: Array) -> Array:
    """Replace the NaN after a net stopped by its final value, in values (n_nets, m).

    epochs (m,) are the recorded ones; trained (n_nets,) says for how many epochs each
    net was trained, the last of which need not be a recorded one, and final (n_nets,)
    with what it ended.

    >>> values = np.array([[0.9, 0.2, np.nan]])
    >>> epochs, trained = np.array([1, 11, 21]), np.array([14])
    >>> forward_filled(values, epochs, trained, final=np.array([0.1]))
    array([[0.9, 0.2, 0.1]])
    """
    reached = epochs <= trained[:, np.newaxis]
    return np.where(reached, values, final[:, np.newaxis])


def first_below(values: Array, at: Array, bound: float) -> Array:
    """Return where each row of values (n_nets, m) first falls below a bound.

    at (m,) are the positions of the columns; the result (n_nets,) is infinite for a row
    that never does.

    >>> values = np.array([[0.9, 0.2, 0.1], [0.9, 0.8, 0.7]])
    >>> first_below(values, np.array([1, 11, 21]), 0.5)
    array([11., inf])
    """
    below = values < bound
    return np.where(below.any(axis=1), at[below.argmax(axis=1)], np.inf)


@dataclass(frozen=True, eq=False)
class Curves:
    """Losses or accuracies of many nets in the recorded epochs (m,), counted from 1.

    Either each (n_nets, m), NaN after a net's last epoch, or percentiles (101, m) over
    the nets; the other is None.
    """

    epochs: Array
    each: Array | None = None
    percentiles: Array | None = None

    def of_each_net(self) -> Array:
        """Return the values (n_nets, m); ValueError if only percentiles are there."""
        if self.each is None:
            raise ValueError(
                "only percentiles over the nets were recorded: call fit_many with "
                "losses='all' for the values of each net"
            )
        return self.each

    def rows(self, trained: Array, final: Array) -> Array:
        """Return each net's values (n_nets, m), or percentiles (100, m) in their place.

        Nets that stopped count with their final values; each percentile stands for 1 %
        of the nets. trained and final (n_nets,): see `forward_filled`.
        """
        if self.percentiles is not None:
            return self.percentiles[1:]
        return forward_filled(self.of_each_net(), self.epochs, trained, final)

    def quantiles(self, q: Any, trained: Array, final: Array, worst: float) -> Array:
        """Return the `quantiles` (m,) of a proportion q, or (len(q), m) of several.

        Nets that stopped count with their final values. Where only percentiles were
        recorded, q must be whole percents.
        """
        if np.iterable(q):
            proportions = np.array([check_proportion(one) for one in q])
        else:
            proportions = np.array(check_proportion(q))
        if self.percentiles is None:
            return quantiles(self.rows(trained, final), proportions, worst)
        percents = np.rint(100 * proportions)
        between = proportions[np.abs(100 * proportions - percents) > _ROUNDING]
        if between.size:
            raise ValueError(
                f"q must be whole percents, such as 0.05, not {between[0]:g}, as only "
                "percentiles over the nets were recorded: call fit_many with "
                "losses='all' for others"
            )
        return self.percentiles[percents.astype(np.int64)]
