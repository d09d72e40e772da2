"""One call of `fit`, as the loops see it: what they read, and what they change."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import kernels
from ..data.arrays import Array, all_finite
from ..nn.optimizers import initial_moments

# Trains a job on: the orders of the rows in the epochs from a first one on, that epoch, the update at which to end, and
# for how many samples at most. The answer is one of the kernels' codes.
Advance = Callable[[Array, int, int, int], int]


@dataclass(frozen=True)
class FitConfig:
    """Checked arguments: X (n, n_in), y as in `targets`, both as the kernels take them.

    rule is the optimizer's code, settings are its numbers and rates the learning rates of all parameters where they
    differ, as they were when the training began. loop is "auto", "general" or "specialised" (see `loops`); n_jobs is
    how many threads may work, -1 for all. record_at has the updates after which parameters are kept, in order.
    """

    X: Array
    y: Array
    rule: int
    settings: Array
    rates: Array
    epochs: int
    batch_size: int
    mean: bool
    shuffle: bool
    seed: int
    loop: str
    n_jobs: int
    record_at: Array

    @property
    def lr(self) -> float:
        """The learning rate."""
        return float(self.settings[kernels.codes.LR])

    @property
    def per_epoch(self) -> int:
        """Updates an epoch; the last batch may be smaller."""
        return -(-len(self.X) // self.batch_size)

    @property
    def updates(self) -> int:
        """Updates in all."""
        return self.per_epoch * self.epochs


class State:
    """What training changes, in place: all that has to be put back to undo an update."""

    def __init__(self, theta: Array, job: FitConfig) -> None:
        self.theta, self.g = theta, np.zeros((1, theta.size), theta.dtype)
        self.moments, self.clock = initial_moments(job.rule, theta)
        self.loss_sums = np.zeros(job.epochs)
        self.n_right = np.zeros(job.epochs, np.int64)
        self.position = np.zeros(kernels.codes.N_POSITION, np.int64)
        self.carried = np.zeros(0)  # what a loop wants to find again in the next chunk
        # not put back: what is done again writes the same again
        self.recorded = np.empty((len(job.record_at), theta.size), theta.dtype)
        self.recorded_sums = np.zeros((len(job.record_at), 2))
        if job.record_at.size and job.record_at[0] == 0:
            self.recorded[0] = theta
        self._per_epoch = job.per_epoch

    @property
    def done(self) -> int:
        """The updates made so far."""
        return int(self.position[kernels.codes.UPDATES])

    @property
    def samples(self) -> int:
        """The samples of the next update that are summed already."""
        return int(self.position[kernels.codes.SAMPLES])

    @property
    def epoch(self) -> int:
        """The epochs that are complete, which is the number of the one under way."""
        return self.done // self._per_epoch

    def record(self, job: FitConfig) -> None:
        """Record the update that was just made, if it is to be: what the compiled loops do themselves."""
        place = int(np.searchsorted(job.record_at, self.done))
        if place < len(job.record_at) and job.record_at[place] == self.done:
            self.recorded[place] = self.theta
            if self.done % self._per_epoch:
                self.recorded_sums[place] = (
                    self.loss_sums[self.epoch],
                    self.n_right[self.epoch],
                )

    def finite(self) -> bool:
        """True while every parameter is finite."""
        return all_finite(self.theta)

    def keep(self) -> "Snapshot":
        """A copy to return to; of the sums, those of the epoch under way, as later ones are zero."""
        sums = [array[self.epoch : self.epoch + 1].copy() for array in self._sums()]
        return Snapshot(self.epoch, [array.copy() for array in self._small()], sums)

    def put_back(self, kept: "Snapshot") -> None:
        """Return to what was kept. It may be repeated, so that nothing that interrupts it leaves a mixture."""
        reached = max(self.epoch, kept.epoch) + 1
        for array, copy in zip(self._sums(), kept.sums, strict=True):
            array[kept.epoch : reached] = 0
            array[kept.epoch : kept.epoch + 1] = copy
        for array, copy in zip(
            self._small(), kept.small, strict=True
        ):  # the position last
            array[...] = copy

    def _small(self) -> tuple[Array, ...]:
        return self.theta, self.g, self.moments, self.clock, self.carried, self.position

    def _sums(self) -> tuple[Array, Array]:
        return self.loss_sums, self.n_right


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A state to return to."""

    epoch: int
    small: list[Array]
    sums: list[Array]
