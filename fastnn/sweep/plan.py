"""What `fit_many` keeps of the epochs on its way, and whether memory can hold it."""

from bisect import bisect_left
from typing import Any

import numpy as np

from ..data.arguments import check_choice, check_float, check_int
from ..data.arrays import Array
from ..data.machine import check_memory, memory_limit
from ..training.state import FitConfig

_ALL = 2**24  # so many losses are kept of each net unless asked otherwise,
WINDOW = 2**24  # and percentiles are taken of so many at a time
_LOSS = 24  # bytes of a loss and an accuracy, and of what is sorted for the percentiles
_SUM = 16  # bytes of a sum of losses and of right classes, in a block of so many lanes, of which
_LANES, _MOST_LANES = 32, 512  # so many may be under way
_PERCENTILES = (
    2 * 2 * 101 * 8
)  # bytes of an epoch's, which are collected and then put together


class LossRecording:
    """The arguments every=, losses= and stop_below=: losses are kept of epoch 1, every further `every`, and the last.

    only_percentiles is True if no net's own losses are kept.
    """

    def __init__(
        self, job: FitConfig, n_nets: int, every: Any, losses: Any, stop_below: Any
    ) -> None:
        self.every, self._epochs = check_int("every", every, 1), job.epochs
        if losses is not None:
            check_choice("losses", losses, ("all", "percentiles"))
        self.only_percentiles = losses == "percentiles" or (
            losses is None and n_nets * self.n > _ALL
        )
        self.stop_below: float | None = None
        if stop_below is not None:
            self.stop_below = check_float("stop_below", stop_below, 0.0)
            if self.stop_below == 0.0:
                raise ValueError("stop_below must be above 0: no loss is below it")

    @property
    def n(self) -> int:
        """Of how many epochs losses are kept."""
        return _n(self._epochs, self.every)

    @property
    def epochs(self) -> Array:
        """Their numbers, from 1 on."""
        return np.append(np.arange(1, self._epochs, self.every), self._epochs)

    def place(self, epoch: Any) -> Any:
        """The place of this epoch, which counts from 0, or of the next kept one, among the kept epochs."""
        return -(-epoch // self.every)

    def within(self, first: int, last: int) -> slice:
        """The places of the kept ones of the epochs from `first` up to `last`, which count from 0."""
        return slice(
            self.place(first), self.place(last) if last < self._epochs else self.n
        )

    def check_memory(self, n_nets: int, net_bytes: int) -> None:
        """Refuse what memory does not hold, with ways that fit; a net takes so many bytes beside its losses."""

        def fits(
            nets: int = n_nets,
            every: int = self.every,
            only_percentiles: bool = self.only_percentiles,
        ) -> bool:
            return (
                _bytes(nets, net_bytes, _n(self._epochs, every), only_percentiles)
                <= memory_limit()
            )

        if fits():
            return
        ways = ["losses='percentiles'"] if fits(only_percentiles=True) else []
        every = 1 + bisect_left(
            range(1, self._epochs), True, key=lambda every: fits(every=every)
        )
        if every < self._epochs:
            ways.append(f"every={every}")
        nets = bisect_left(range(1, n_nets), True, key=lambda nets: not fits(nets))
        if nets:
            ways.append(f"at most {nets:,} nets in a call")
        what = (
            "percentiles of their losses and accuracies"
            if self.only_percentiles
            else "losses and accuracies"
        )
        check_memory(
            _bytes(n_nets, net_bytes, self.n, self.only_percentiles),
            f"{n_nets:,} nets with {what} in {self.n:,} epochs",
            f"choose {' or '.join(ways) or 'a smaller net'}",
        )


def _n(epochs: int, every: int) -> int:
    """Of how many epochs losses are kept."""
    return -(-(epochs - 1) // every) + 1


def _bytes(n_nets: int, net_bytes: int, n: int, only_percentiles: bool) -> int:
    """What it takes in all to keep n epochs: for the nets, in the blocks under way, and for percentiles."""
    window = min(n, max(1, WINDOW // n_nets)) if only_percentiles else n
    in_blocks = min(-(-n_nets // _LANES) * _LANES, _MOST_LANES)
    of_nets = n_nets * (net_bytes + _LOSS * window) + in_blocks * _SUM * window
    return of_nets + (_PERCENTILES * n if only_percentiles else 0)
