"""Losses or accuracies of many nets over the epochs: of each net, or their percentiles."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arguments import check_float
from ..data.arrays import Array

_ROUNDING = 1e-6  # 0.07 * 100 is a little more than 7


def checked_share(q: Any) -> float:
    """A share of the nets, from 0 to 1."""
    found = check_float("q", q, 0.0)
    if found > 1.0:
        raise ValueError(f"q must be a share of the nets, at most 1, not {found:g}")
    return found


def quantiles(values: Array, q: Array, worst: float) -> Array:
    """For each share in q (...,) the smallest of the values that at least so many of the nets do not exceed.

    values (n_nets, k) give (..., k). Values that are not finite count as `worst`.

    >>> quantiles(np.array([[4.0], [1.0], [3.0], [2.0]]), np.array([0.0, 0.5, 0.51, 1.0]), worst=np.inf)[:, 0]
    array([1., 2., 3., 4.])
    """
    ordered = np.where(np.isfinite(values), values, worst)
    ordered.sort(axis=0)
    places = np.ceil(q * len(values) - _ROUNDING).astype(np.int64) - 1
    return ordered[np.maximum(places, 0)]


def percentiles(values: Array, worst: float) -> Array:
    """The `quantiles` (101, k) of 0, 1 ... 100 percent, of values (n_nets, k)."""
    return quantiles(values, np.arange(101) / 100, worst)


def forward_filled(each: Array, epochs: Array, trained: Array) -> Array:
    """The values (n_nets, m) with each net's last one in place of the NaN after it left.

    epochs (m,) are the kept ones, trained (n_nets,) says how many epochs each net was trained.

    >>> carried(np.array([[0.9, 0.2, np.nan]]), np.array([1, 11, 21]), np.array([11]))
    array([[0.9, 0.2, 0.2]])
    """
    last = np.searchsorted(epochs, trained, "right") - 1
    return np.where(
        epochs <= trained[:, np.newaxis],
        each,
        each[np.arange(len(each)), last][:, np.newaxis],
    )


def first_below(values: Array, at: Array, bound: float) -> Array:
    """Where each row of values (n_nets, m) is below a bound first, of the places at (m,); infinity where it never is.

    >>> first_below(np.array([[0.9, 0.2, 0.1], [0.9, 0.8, 0.7]]), np.array([1, 11, 21]), 0.5)
    array([11., inf])
    """
    below = values < bound
    return np.where(below.any(axis=1), at[below.argmax(axis=1)], np.inf)


@dataclass(frozen=True, eq=False)
class Curves:
    """Losses, or accuracies, of many nets in the kept epochs (m,), which count from 1.

    Either each (n_nets, m), NaN after a net's last epoch, or percentiles (101, m) over the nets; the other is None.
    """

    epochs: Array
    each: Array | None = None
    percentiles: Array | None = None

    def of_each_net(self) -> Array:
        """The values (n_nets, m)."""
        if self.each is None:
            raise ValueError(
                "only percentiles over the nets were kept: call fit_many with losses='all' for those of each net"
            )
        return self.each

    def rows(self, trained: Array) -> Array:
        """Each net's values (n_nets, m), carried on; or percentiles (100, m), each of which stands for 1 % of the nets.

        trained (n_nets,) says how many epochs each net was trained.
        """
        return (
            forward_filled(self.of_each_net(), self.epochs, trained)
            if self.percentiles is None
            else self.percentiles[1:]
        )

    def quantiles(self, q: Any, trained: Array, worst: float) -> Array:
        """The `quantiles` (m,) of a share q, or (len(q), m) of several; nets that left count with their last value."""
        shares = np.array(
            [checked_share(each) for each in q] if np.iterable(q) else checked_share(q)
        )
        if self.percentiles is None:
            return quantiles(self.rows(trained), shares, worst)
        percents = np.rint(100 * shares)
        odd = shares[np.abs(100 * shares - percents) > _ROUNDING]
        if odd.size:
            raise ValueError(
                f"q must be whole percents, such as 0.05, not {odd[0]:g}, as only percentiles over the nets were kept: "
                "call fit_many with losses='all' for others"
            )
        return self.percentiles[percents.astype(np.int64)]
