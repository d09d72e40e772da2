"""History of a training: losses and accuracies of its epochs, and recorded updates."""

from dataclasses import dataclass

import numpy as np

from .. import kernels
from ..data.arrays import Array
from .config import FitConfig
from .state import TrainingState


def _repeated(value: float, n: int) -> Array:
    """Return an array (n,) as `np.full` does, in a third of its time."""
    array = np.empty(n)
    array.fill(value)
    return array


@dataclass(frozen=True, eq=False)
class Recording:
    """Parameters, loss and accuracy at some of the updates that a fit made.

    updates (m,) counts the updates made; theta (m, n_params) are the parameters after
    them. loss and accuracy (m,) are means over the samples since the record before, as
    in `History`: of each sample's loss, and of whether its class was right, at its
    forward pass, before its update. They are NaN at update 0; accuracy also for values.
    """

    updates: Array
    theta: Array
    loss: Array
    accuracy: Array

    def __len__(self) -> int:
        return len(self.updates)

    def __repr__(self) -> str:
        span = ""
        if len(self):
            span = f", updates {self.updates[0]} to {self.updates[-1]}"
        n_params = self.theta.shape[1]
        return f"Recording({len(self)} records of {n_params} parameters{span})"


@dataclass(frozen=True, eq=False)
class History:
    """The epochs that a fit completed; fewer than asked for if it was interrupted.

    Attributes
    ----------
    loss : array of shape (epochs,)
        The mean over the epoch of each sample's loss at its forward pass, before its
        update.
    accuracy : array of shape (epochs,)
        The share of samples whose class was right then; NaN for values.
    updates, seconds : int, float
        Of all that was done, an unfinished epoch, compilation and what was done before
        a checkpoint included.
    recording : Recording or None
        What `record` asked for.
    seed : int or None
        That of the orders of the rows.
    val_loss, val_accuracy : array of shape (epochs,)
        Those of the validation data, with the parameters at the epoch's end; NaN where
        there are none.
    lr : array of shape (epochs,)
        The learning rate of each epoch; NaN where there is none.
    best_epoch : int or None
        The number of the best epoch by early stopping, from 0.
    """

    loss: Array
    accuracy: Array
    updates: int
    seconds: float
    recording: Recording | None = None
    seed: int | None = None
    val_loss: Array = None  # type: ignore[assignment]  # NaN in all epochs
    val_accuracy: Array = None  # type: ignore[assignment]
    lr: Array = None  # type: ignore[assignment]
    best_epoch: int | None = None

    def __post_init__(self) -> None:
        for name in ("val_loss", "val_accuracy", "lr"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, _repeated(np.nan, len(self.loss)))

    @property
    def epochs(self) -> int:
        """The number of completed epochs."""
        return len(self.loss)

    def __repr__(self) -> str:
        if not self.epochs:
            return f"History(0 epochs, {self.updates} updates)"
        accuracy = ""
        if not np.isnan(self.accuracy[-1]):
            accuracy = f", accuracy {self.accuracy[-1]:.4g}"
        if not np.isnan(self.val_loss[-1]):
            accuracy += f", val_loss {self.val_loss[-1]:.6g}"
        return (
            f"History({self.epochs} epochs, {self.updates} updates, "
            f"loss {self.loss[0]:.6g} -> {self.loss[-1]:.6g}{accuracy}, "
            f"{self.seconds:.3g} s)"
        )


def history_of(
    config: FitConfig,
    state: TrainingState,
    classifies: bool,
    seconds: float,
) -> History:
    """Return the history of the updates made; without classes accuracies are NaN."""
    updates = int(state.position[kernels.codes.UPDATES])
    epochs, n = updates // config.per_epoch, len(config.y)
    accuracy = state.n_right[:epochs] / n if classifies else _repeated(np.nan, epochs)
    recording = None
    if config.record_at.size:
        recording = _recording(config, state, updates, classifies)
    loss = state.loss_sums[:epochs] / (n * config.loss_scale)
    schedule = config.schedule[:epochs]
    lr = schedule.copy() if schedule.size else _repeated(config.lr, epochs)
    val_loss = val_accuracy = None
    if state.val_loss.size:
        val_loss = state.val_loss[:epochs].copy()
        val_accuracy = state.val_accuracy[:epochs].copy() if classifies else None
    return History(
        loss=loss,
        accuracy=accuracy,
        updates=updates,
        seconds=seconds,
        recording=recording,
        seed=config.seed,
        val_loss=val_loss,  # type: ignore[arg-type]  # None: NaN in all epochs
        val_accuracy=val_accuracy,  # type: ignore[arg-type]
        lr=lr,
        best_epoch=state.best_epoch,
    )


def _recording(
    config: FitConfig, state: TrainingState, updates: int, classifies: bool
) -> Recording:
    """Return what was recorded in the first updates."""
    m = int(np.searchsorted(config.record_at, updates, "right"))
    theta = state.recorded if m == len(state.recorded) else state.recorded[:m].copy()
    record_at = config.record_at[:m].copy()
    n = len(config.y)
    epoch, batch = np.divmod(record_at, config.per_epoch)
    samples = epoch * n + np.minimum(batch * config.batch_size, n)
    n_between = np.diff(samples, prepend=0)
    means = np.full((m, 2), np.nan)
    counts = n_between[:, np.newaxis]
    np.divide(state.recorded_sums[:m], counts, out=means, where=counts > 0)
    means[:, 0] /= kernels.codes.RECORD_SCALE * config.loss_scale
    if not classifies:
        means[:, 1] = np.nan
    return Recording(record_at, theta, means[:, 0].copy(), means[:, 1].copy())
