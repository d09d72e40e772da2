"""One call of `fit`, as the loops see it: what they read, and what they change."""

from dataclasses import dataclass

import numpy as np

from . import kernels
from .arrays import Array
from .optimizers import Optimizer


@dataclass(frozen=True)
class Job:
    """Checked arguments: X (n, n_in), y as in `targets`, both as the kernels take them."""

    X: Array
    y: Array
    optimizer: Optimizer
    settings: Array
    epochs: int
    batch_size: int
    mean: bool
    shuffle: bool
    seed: int

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

    def __init__(self, theta: Array, optimizer: Optimizer, epochs: int) -> None:
        self.theta, self.g = theta, np.zeros_like(theta)
        self.moments, self.clock = optimizer.moments(theta)
        self.loss_sums = np.zeros(epochs)
        self.n_right = np.zeros(epochs, np.int64)
        self.position = np.zeros(kernels.codes.N_POSITION, np.int64)

    @property
    def done(self) -> int:
        """The updates made so far."""
        return int(self.position[kernels.codes.UPDATES])

    @property
    def samples(self) -> int:
        """The samples of the next update that are summed already."""
        return int(self.position[kernels.codes.SAMPLES])

    def finite(self) -> bool:
        """True while every parameter is finite."""
        return bool(np.isfinite(self.theta).all())

    def keep(self, per_epoch: int) -> "Kept":
        """A copy of it all, of the sums the one of the epoch that is under way: later ones are zero."""
        epoch = self.done // per_epoch
        return Kept(self.done, [array.copy() for array in self._small()], epoch, *self._sums(epoch))

    def put_back(self, kept: "Kept") -> None:
        """Return to what was kept."""
        for array, copy in zip(self._small(), kept.arrays, strict=True):
            array[...] = copy
        self.loss_sums[kept.epoch :], self.n_right[kept.epoch :] = 0.0, 0
        self.loss_sums[kept.epoch], self.n_right[kept.epoch] = kept.loss_sum, kept.right

    def _small(self) -> tuple[Array, ...]:
        return self.theta, self.g, self.moments, self.clock, self.position

    def _sums(self, epoch: int) -> tuple[float, int]:
        return float(self.loss_sums[epoch]), int(self.n_right[epoch])


@dataclass(frozen=True)
class Kept:
    """A state to return to."""

    done: int
    arrays: list[Array]
    epoch: int
    loss_sum: float
    right: int
