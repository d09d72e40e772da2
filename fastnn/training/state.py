"""State of one training, and snapshots of it to return to."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..nn.optimizers import initial_moments
from .config import FitConfig
from .continuation import Moments
from .engines.threads import Workers

_UPDATES, _SAMPLES = kernels.codes.UPDATES, kernels.codes.SAMPLES
_BEST_EPOCH = kernels.codes.BEST_EPOCH
_NOTHING = np.empty(0)


class TrainingState:
    """Mutable training state: everything needed to roll back an update, and records.

    theta (n_params,), moments and clock of the optimizer, and g, the gradients of the
    update under way, are changed by every update. loss_sums, n_right and penalty_sums
    (epochs,) sum over an epoch's samples; without a penalty the last one is (0,).
    subtotals (epochs, 2): see `kernels.functions.losses.PER_SUBTOTAL`. position has
    the updates made, and the samples already summed for the next one; carried is what a
    loop passes on to its next chunk. recorded and recorded_sums: see
    `kernels.loops.recordings`. val_loss and val_accuracy (epochs,), best and best_theta
    are measured at the ends of epochs, see `kernels.arguments.EpochEnds`. The moments
    and clock begin with copies of those given, or with zeros and ones.
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
        self.penalty_sums = np.zeros(config.epochs) if config.l2 else _NOTHING
        self.subtotals = np.zeros((config.epochs, 2))
        self.position = np.zeros(kernels.codes.N_POSITION, np.int64)
        self.carried = _NOTHING
        # The threads that train it together, if there are several.
        self.workers: Workers | None = None
        n_records = len(config.record_at)
        # Not restored: re-running a chunk rewrites identical values.
        self.recorded = np.empty((n_records, theta.size), theta.dtype)
        self.recorded_sums = np.zeros((n_records, 2))
        if n_records and config.record_at[0] == 0:
            self.recorded[0] = theta
        self._config, self._per_epoch = config, config.per_epoch
        self.val_loss = self.val_accuracy = _NOTHING
        if config.validation is not None:
            self.val_loss = np.zeros(config.epochs)
            self.val_accuracy = np.zeros(config.epochs)
        self._stopping = config.early_stopping
        self.best, self.best_theta = _NOTHING, theta[:0]
        if self._stopping is not None:
            self.best = np.array([np.inf, -1.0])
            if self._stopping.restore_best:
                self.best_theta = np.zeros_like(theta)

    @property
    def epochs_done(self) -> int:
        """The number of completed epochs."""
        return int(self.position[_UPDATES]) // self._per_epoch

    @property
    def has_stopped(self) -> bool:
        """Whether early stopping has ended the training."""
        stopping = self._stopping
        return stopping is not None and stopping.ends(self.best, self.epochs_done)

    @property
    def best_epoch(self) -> int | None:
        """The number of the best epoch by early stopping, from 0."""
        if self._stopping is None or self.best[_BEST_EPOCH] < 0:
            return None
        return int(self.best[_BEST_EPOCH])

    @property
    def restored_epoch(self) -> int | None:
        """The epoch whose parameters `restore_best` gives the net, from 0, or None."""
        return self.best_epoch if self.best_theta.size else None

    def restore_best(self) -> None:
        """Give the net the parameters of the best epoch, if it should have them."""
        if self.restored_epoch is not None:
            self.theta[...] = self.best_theta

    def values(self, epoch: int, classifies: bool) -> dict[str, float]:
        """Return what was measured of an epoch, by name; NaN for what was not."""
        config, nan = self._config, np.nan
        n = len(config.y)
        accuracy, val_loss, val_accuracy = nan, nan, nan
        if classifies:
            accuracy = float(self.n_right[epoch] / n)
        if self.val_loss.size:
            val_loss = float(self.val_loss[epoch])
            val_accuracy = float(self.val_accuracy[epoch]) if classifies else nan
        return {
            "loss": float(self.loss_sums[epoch] / (n * config.loss_scale)),
            "accuracy": accuracy,
            "val_loss": val_loss,
            "val_accuracy": val_accuracy,
        }

    def snapshot(self) -> "Snapshot":
        """Return a copy to return to."""
        # The sums of later epochs and records are zero.
        sums = [
            array[index : index + 1].copy()
            for array, index in self._under_way(int(self.position[_UPDATES]))
        ]
        # Only within a batch is there anything in g, which may be the largest array.
        # Copying an array that is empty would take as long as the others.
        unused = None if self.position[_SAMPLES] else self.g
        arrays = [
            array.copy() if array.size and array is not unused else array
            for array in self._arrays()
        ]
        return Snapshot(arrays, sums)

    def restore(self, snapshot: "Snapshot") -> None:
        """Return to a snapshot; what is interrupted can be repeated."""
        now = self._under_way(int(self.position[_UPDATES]))
        then = self._under_way(snapshot.updates)
        for (array, later), (_, index), copy in zip(
            now, then, snapshot.sums, strict=True
        ):
            array[index : max(index, later) + 1] = 0
            array[index : index + 1] = copy
        for array, copy in zip(self._arrays(), snapshot.arrays, strict=True):
            array[...] = copy

    def saved(self, position: Array | None = None) -> dict[str, Array]:
        """Return what a checkpoint keeps: views of what changes, by name.

        They end at the present position, or at the one that is passed.
        """
        position = self.position if position is None else position
        updates = int(position[_UPDATES])
        n_done = updates // self._per_epoch
        n_epochs = min(n_done + 1, len(self.loss_sums))
        n_records = self._n_recorded(updates)
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
            "subtotals": self.subtotals[:n_epochs],
            "recorded": self.recorded[:n_records],
            "recorded_sums": self.recorded_sums[: n_records + 1],
            "val_loss": self.val_loss[:n_done],
            "val_accuracy": self.val_accuracy[:n_done],
            "best": self.best,
            "best_theta": self.best_theta,
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
            self.best,
            self.best_theta,
            self.position,
        )

    def _under_way(self, updates: int) -> list[tuple[Array, int]]:
        """Return all that is summed, and where the sums of the next update are."""
        epoch = updates // self._per_epoch
        sums = [
            (array, epoch)
            for array in (
                self.loss_sums,
                self.n_right,
                self.penalty_sums,
                self.subtotals,
            )
            if array.size
        ]
        if self.recorded_sums.size:
            sums.append((self.recorded_sums, self._n_recorded(updates)))
        return sums

    def _n_recorded(self, updates: int) -> int:
        """Return how many records there are after so many updates."""
        return int(np.searchsorted(self._config.record_at, updates, "right"))


class Snapshot(NamedTuple):
    """Copy of a training state: its small arrays, and the sums under way."""

    arrays: list[Array]
    sums: list[Array]

    @property
    def updates(self) -> int:
        """The updates made until then."""
        return int(self.arrays[-1][_UPDATES])
