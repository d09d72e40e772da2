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
        self.theta = theta
        self.moments, self.clock = optimizer.moments(theta)
        self.loss_sums = np.zeros(epochs)
        self.n_right = np.zeros(epochs, np.int64)
        self.position = np.zeros(2, np.int64)

    @property
    def done(self) -> int:
        """The updates made so far."""
        return int(self.position[kernels.codes.UPDATES])

    def finite(self) -> bool:
        """True while every parameter is finite."""
        return bool(np.isfinite(self.theta).all())

    def keep(self, per_epoch: int) -> "Kept":
        """A copy of it all, of the epochs from the present one on."""
        epoch = self.done // per_epoch
        arrays = (self.theta, self.moments, self.clock, self.position)
        return Kept(epoch, [array.copy() for array in arrays], self.loss_sums[epoch], self.n_right[epoch])

    def put_back(self, kept: "Kept") -> None:
        """Return to what was kept."""
        for array, copy in zip((self.theta, self.moments, self.clock, self.position), kept.arrays, strict=True):
            array[...] = copy
        self.loss_sums[kept.epoch], self.n_right[kept.epoch] = kept.loss_sum, kept.right
        self.loss_sums[kept.epoch + 1 :] = 0.0
        self.n_right[kept.epoch + 1 :] = 0


@dataclass(frozen=True)
class Kept:
    """A state to return to: the sums of the epoch that was under way, later ones being zero."""

    epoch: int
    arrays: list[Array]
    loss_sum: float
    right: int
