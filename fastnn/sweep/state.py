"""Many nets under way: what is kept of each between the stages of a training, and of how it went."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..nn.losses import Loss
from ..training.state import FitConfig
from .curves import Curves, percentiles
from .plan import WINDOW, LossRecording
from .runs import Runs

if TYPE_CHECKING:
    from ..model import Sequential


class SweepState:
    """The nets of one `fit_many`: theta (n_nets, n_params), moments (n_moments, n_nets, n_params), clock (2, n_nets).

    trained (n_nets,) says how many epochs each net was trained; `left` which ones have met stop_below, or are no longer
    finite, and have left.
    The job's settings are (6, n_nets).
    """

    def __init__(
        self, loss: Loss, job: FitConfig, initial: Array, keep: LossRecording
    ) -> None:
        self.loss, self.job, self.theta, self.keep = loss, job, initial, keep
        n_nets = len(initial)
        self.moments = np.zeros(
            (kernels.codes.N_MOMENTS[job.rule], *initial.shape), initial.dtype
        )
        self.clock = np.ones((2, n_nets))
        self.trained, self.left = np.zeros(n_nets, np.int64), np.zeros(n_nets, bool)
        self._last = np.full((2, n_nets), np.nan)
        self.done = 0  # epochs of all stages that are complete
        self._rows = np.full(
            (2, 0 if keep.only_percentiles else keep.n, n_nets), np.nan
        )
        self._window = self._rows[:, :0]  # of the stage
        self._percentiles: list[Array] = []

    @property
    def under_way(self) -> Array:
        """True (n_nets,) for each net that has epochs before it."""
        return ~self.left & (self.done < self.job.epochs)

    @property
    def n_through(self) -> int:
        """How many nets need no more training."""
        return int(np.sum(self.left | (self.trained == self.job.epochs)))

    @property
    def spared(self) -> int:
        """The updates of the epochs that nets which left did not need."""
        # No choice by booleans, which would go wrong where another thread notes that a net has left meanwhile.
        return (
            int(np.sum((self.job.epochs - self.trained) * self.left))
            * self.job.per_epoch
        )

    def stage(self, most: int) -> tuple[int, int]:
        """Begin the next stage: its first epoch, and the one after its last, at most `most` further."""
        first, last = self.done, min(self.done + most, self.job.epochs)
        if self.keep.only_percentiles:
            rows = max(1, WINDOW // len(self.theta))
            last = min(last, (self.keep.place(first) + rows - 1) * self.keep.every + 1)
        kept = self.keep.within(first, last)
        if self.keep.only_percentiles:
            if not self._rows.size:
                self._rows = np.empty((2, min(rows, self.keep.n), len(self.theta)))
            self._window = self._rows[:, : kept.stop - kept.start]
            self._window[:, :, self.left] = self._last[:, np.newaxis, self.left]
        else:
            self._window = self._rows[:, kept]
        return first, last

    def note(
        self,
        nets: Array,
        loss: Array,
        accuracy: Array,
        left: Array,
        first: int,
        last: int,
    ) -> None:
        """Write down how nets fared in this stage.

        loss and accuracy (kept epochs of the stage, nets) are means; left (nets,) is 0, or after which epoch one left.
        """
        self.trained[nets], self.left[nets] = np.where(left > 0, left, last), left > 0
        if not len(loss):
            return
        final = np.where(
            left > 0, self.keep.place(left - 1) - self.keep.place(first), len(loss) - 1
        )
        in_a_row = nets[-1] - nets[0] == len(nets) - 1
        chosen = (
            slice(nets[0], nets[-1] + 1) if in_a_row else nets
        )  # a slice takes half of the time
        for table, all_last, values in zip(
            self._window, self._last, (loss, accuracy), strict=True
        ):
            last_values = values[final, np.arange(len(nets))]
            all_last[chosen] = last_values
            if left.any():
                gone = np.arange(len(loss))[:, np.newaxis] > final
                values = np.where(
                    gone, last_values if self.keep.only_percentiles else np.nan, values
                )
            table[:, chosen] = values

    def close(self, last: int, each: Callable[..., Iterable[Array]] = map) -> None:
        """End the stage at this epoch; `each` is map, or does the same with threads."""
        self.done = last
        if self.keep.only_percentiles and self._window.shape[1]:
            worst = np.inf, 0.0 if self.loss.code != kernels.codes.MSE else np.nan
            rows = [
                (values[np.newaxis].T, of)
                for table, of in zip(self._window, worst, strict=True)
                for values in table
            ]
            found = np.concatenate(
                list(each(percentiles, *zip(*rows, strict=True))), axis=1
            )
            self._percentiles.append(found.reshape(101, 2, -1).transpose(1, 0, 2))

    @property
    def has_runs(self) -> bool:
        """True once a net is trained, and it is known how."""
        return bool(self.trained.any()) and bool(
            self._percentiles or not self.keep.only_percentiles
        )

    def runs(self, net: "Sequential", seeds: Array | None, seconds: float) -> Runs:
        """The nets that were trained, as far as the last stage that each of them came through."""
        some: Any = slice(None) if self.trained.all() else np.flatnonzero(self.trained)
        epochs = self.keep.epochs
        if self.keep.only_percentiles:
            parts = np.concatenate([np.empty((2, 101, 0)), *self._percentiles], axis=2)
            epochs = epochs[: parts.shape[2]]
            losses, accuracies = (Curves(epochs, percentiles=part) for part in parts)
        else:
            epochs = epochs[epochs <= self.trained.max()]
            losses, accuracies = (
                Curves(epochs, each[: len(epochs), some].T) for each in self._rows
            )
        last_loss, last_accuracy = self._last[:, some]
        return Runs(
            net,
            self.theta[some],
            None if seeds is None else seeds[some],
            self.trained[some],
            last_loss,
            last_accuracy,
            losses,
            accuracies,
            self.keep.stop_below,
            int(self.trained.sum()) * self.job.per_epoch,
            seconds,
        )
