"""State of one training, and snapshots of it to return to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..nn.optimizers import initial_moments
from .config import FitConfig
from .continuation import Moments
from .engines.threads import Workers

_UPDATES, _SAMPLES = kernels.codes.UPDATES, kernels.codes.SAMPLES


class TrainingState:
    """Mutable training state: everything needed to roll back an update, and records.

    theta (n_params,), moments and clock of the optimizer, and g, the gradients of the
    update under way, are changed by every update. loss_sums, n_right and penalty_sums
    (epochs,) sum over an epoch's samples; without a penalty the last one is (0,).
    position has the updates made, and the samples already summed for the next one;
    carried is what a loop passes on to its next chunk. recorded and recorded_sums: see
    `kernels.loops.recordings`. The moments and clock begin with copies of those given,
    or with zeros and ones.
    """

    def __init__(
        self, theta: Array, config: FitConfig, moments: Moments | None = None
    ) -> None:
        self.theta, self.g = theta, np.zeros((0, theta.size), theta.dtype)
        self.moments, self.clock = initial_moments(config.rule.code, theta)
        if moments is not None:
            self.moments[...], self.clock[...] = moments
        self.loss_sums = np.zeros(config.epochs)
        self.n_right = np.zeros(config.epochs, np.int64)
        self.penalty_sums = np.zeros(config.epochs if config.l2 else 0)
        self.position = np.zeros(kernels.codes.N_POSITION, np.int64)
        self.carried = np.zeros(0)
        # The threads that train it together, if there are several.
        self.workers: Workers | None = None
        n_records = len(config.record_at)
        # Not restored: re-running a chunk rewrites identical values.
        self.recorded = np.empty((n_records, theta.size), theta.dtype)
        self.recorded_sums = np.zeros((n_records, 2))
        if n_records and config.record_at[0] == 0:
            self.recorded[0] = theta
        self._per_epoch = config.per_epoch

    def snapshot(self) -> "Snapshot":
        """Return a copy to return to."""
        epoch = int(self.position[_UPDATES]) // self._per_epoch
        # Sums of later epochs are zero, so those of the epoch under way are enough.
        sums = [array[epoch : epoch + 1].copy() for array in self._sums()]
        # Copying an array that is empty would take as long as the others.
        arrays = [array.copy() if array.size else array for array in self._arrays()]
        return Snapshot(epoch, arrays, sums)

    def restore(self, snapshot: "Snapshot") -> None:
        """Return to a snapshot; what is interrupted can be repeated."""
        epoch = int(self.position[_UPDATES]) // self._per_epoch
        end = max(epoch, snapshot.epoch) + 1
        for array, copy in zip(self._sums(), snapshot.sums, strict=True):
            array[snapshot.epoch : end] = 0
            array[snapshot.epoch : snapshot.epoch + 1] = copy
        for array, copy in zip(self._arrays(), snapshot.arrays, strict=True):
            array[...] = copy

    def saved(
        self, record_at: Array, position: Array | None = None
    ) -> dict[str, Array]:
        """Return what a checkpoint keeps: views of what changes, by name.

        They end at the present position, or at the one that is passed.
        """
        position = self.position if position is None else position
        updates = int(position[_UPDATES])
        n_epochs = min(updates // self._per_epoch + 1, len(self.loss_sums))
        n_records = int(np.searchsorted(record_at, updates, "right"))
        return {
            "theta": self.theta,
            "moments": self.moments,
            "clock": self.clock,
            "position": position,
            # Only within a batch is there anything in it.
            "g": self.g if position[_SAMPLES] else self.g[:0],
            "carried": self.carried,
            "loss_sums": self.loss_sums[:n_epochs],
            "n_right": self.n_right[:n_epochs],
            "recorded": self.recorded[:n_records],
            "recorded_sums": self.recorded_sums[:n_records],
        }

    def resume(self, arrays: Mapping[str, Array]) -> None:
        """Go on where `saved` was called, with all that it returned or with a part.

        ValueError unless g and carried are those of this loop; the other arrays must
        have the right shapes. It can be repeated.
        """
        for name in ("g", "carried"):
            own, saved = getattr(self, name), arrays.get(name, np.empty(0))
            if saved.size and saved.shape != own.shape:
                raise ValueError(
                    f"the checkpoint's {name} has shape {saved.shape}, but this loop's "
                    f"has {own.shape}: delete the file to begin anew"
                )
        for name, saved in arrays.items():
            getattr(self, name)[: len(saved)] = saved

    def _arrays(self) -> tuple[Array, ...]:
        # The position comes last: until it is restored, `restore` can start over.
        return (
            self.theta,
            self.g,
            self.moments,
            self.clock,
            self.carried,
            self.position,
        )

    def _sums(self) -> tuple[Array, ...]:
        return self.loss_sums, self.n_right, self.penalty_sums


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Copy of a training state: its small arrays, and the sums of one epoch."""

    epoch: int
    arrays: list[Array]
    sums: list[Array]

    @property
    def updates(self) -> int:
        """The updates made until then."""
        return int(self.arrays[-1][_UPDATES])
