"""What happens at the end of an epoch: validation, early stopping, and `on_epoch`.

The trainer ends a chunk at the end of each epoch only where there is one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.archives import Archive
from ..data.arguments import check_bool, check_choice, check_float, check_int
from ..data.arrays import Array, readonly
from .config import FitConfig
from .engines.engine import Engine
from .state import TrainingState
from .validation import ValidationData

# Whether the larger of two values is the better one.
_LARGER_IS_BETTER = {
    "val_loss": False,
    "val_accuracy": True,
    "loss": False,
    "accuracy": True,
}


@dataclass(frozen=True)
class EarlyStopping:
    """Stop a training that no longer gets better.

    After `patience` epochs without a value of `monitor` that is better than the best so
    far by more than min_delta, the training ends. For `fit_many` each net stops by its
    own values.

    Parameters
    ----------
    patience : int
        Epochs without a better value after which the training ends, at least 1.
    monitor : {"val_loss", "val_accuracy", "loss", "accuracy"}
        The values to watch, as in `History`. A loss is better where it is smaller, an
        accuracy where it is larger, and NaN never is.
    min_delta : float
        By how much a better value must differ from the best so far, at least 0.
    restore_best : bool
        Give the net the parameters from the end of the best epoch, also where the
        training ends without stopping early, or diverges; `History.best_epoch` is its
        number, from 0.

    Raises
    ------
    TypeError, ValueError
        For other arguments.

    Examples
    --------
    >>> from fastnn import datasets, mlp
    >>> net, (X, y) = mlp(2, 10, 3, seed=0), datasets.spiral(100)
    >>> history = net.fit(X[::2], y[::2], epochs=1000, lr=0.5, X_val=X[1::2],
    ...     y_val=y[1::2], early_stopping=EarlyStopping(patience=20))
    >>> history.epochs == 1000 or history.epochs == history.best_epoch + 21
    True
    """

    patience: int = 10
    monitor: str = "val_loss"
    min_delta: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        # The values that are stored are plain numbers, which a checkpoint can compare.
        for name, value in (
            ("patience", check_int("patience", self.patience, 1)),
            ("monitor", check_choice("monitor", self.monitor, _LARGER_IS_BETTER)),
            ("min_delta", check_float("min_delta", self.min_delta, 0.0)),
            ("restore_best", check_bool("restore_best", self.restore_best)),
        ):
            object.__setattr__(self, name, value)

    @property
    def sign(self) -> int:
        """1 if a smaller value of `monitor` is better, and -1 if a larger one is."""
        return -1 if _LARGER_IS_BETTER[self.monitor] else 1


class EpochState:
    """An epoch that has ended, as `on_epoch` sees it.

    epoch is its number from 0, and epochs that of all that were asked for. loss and
    accuracy are those of the epoch as in `History`; val_loss and val_accuracy are NaN
    without validation data. lr is the learning rate of the epoch; assigning to it sets
    that of all later ones. theta (n_params,) is a read-only copy of the parameters at
    the epoch's end, made when `on_epoch` first reads it, and net the net, which must
    not be trained meanwhile. A state that is kept for later keeps what was read; once
    `on_epoch` has returned, RuntimeError for a theta that was not, and for another lr.
    """

    def __init__(
        self,
        net: Any,
        epoch: int,
        epochs: int,
        values: dict[str, float],
        schedule: Array,
    ) -> None:
        self.net, self.epoch, self.epochs = net, epoch, epochs
        self.loss, self.accuracy = values["loss"], values["accuracy"]
        self.val_loss, self.val_accuracy = values["val_loss"], values["val_accuracy"]
        self._schedule, self._is_over = schedule, False
        self._theta: Array | None = None

    @property
    def lr(self) -> float:
        """The learning rate of the epoch."""
        return float(self._schedule[self.epoch])

    @lr.setter
    def lr(self, value: float) -> None:
        if self._is_over:
            raise RuntimeError(
                f"epoch {self.epoch} is over: set lr while on_epoch has its state"
            )
        self._schedule[self.epoch + 1 :] = check_float("lr", value, 0.0)

    @property
    def theta(self) -> Array:
        """The parameters at the end of the epoch, (n_params,)."""
        if self._theta is None:
            if self._is_over:
                raise RuntimeError(
                    f"epoch {self.epoch} is over, and the net may have other parameters"
                    ": read state.theta in on_epoch, and the state keeps it"
                )
            self._theta = readonly(self.net.theta.copy())
        return self._theta

    def end(self) -> None:
        """Keep what was read: `on_epoch` has returned."""
        self._is_over = True

    def __repr__(self) -> str:
        names = ("loss", "accuracy", "val_loss", "val_accuracy", "lr")
        values = ", ".join(f"{name}={getattr(self, name):.5g}" for name in names)
        return f"EpochState(epoch={self.epoch} of {self.epochs}, {values})"


class Callbacks:
    """What one training does at the end of each epoch.

    TypeError or ValueError for what cannot be called, or monitors what is not measured.
    val_loss and val_accuracy (epochs,) are NaN where nothing was measured. best_epoch
    is the number of the best epoch by early stopping, from 0, or None. n_ended counts
    the epochs whose end was dealt with, and is_over says that the last of them was to
    be the last one.
    """

    def __init__(
        self,
        net: Any,
        config: FitConfig,
        validation: ValidationData | None,
        early_stopping: EarlyStopping | None,
        on_epoch: Callable[[EpochState], Any] | None,
    ) -> None:
        self._classifies = net.architecture.n_classes is not None
        check_callbacks(
            early_stopping, on_epoch, validation is not None, self._classifies
        )
        self._net, self._config, self.on_epoch = net, config, on_epoch
        self.validation, self.early_stopping = validation, early_stopping
        self.val_loss = np.full(config.epochs, np.nan)
        self.val_accuracy = np.full(config.epochs, np.nan)
        self.best_epoch: int | None = None
        self._best_value, self._best_theta = np.inf, np.zeros(0, net.dtype)
        self.n_ended, self.is_over = 0, False

    def epoch_ended(self, engine: Engine, state: TrainingState, epoch: int) -> bool:
        """Measure, compare and report an epoch; return True to end the training.

        What was interrupted can be repeated, and an epoch that was dealt with is not
        dealt with again.
        """
        if epoch < self.n_ended:
            return self.is_over
        if self.validation is not None:
            loss, accuracy = self.validation.evaluate(engine)
            self.val_loss[epoch] = loss
            if self._classifies:
                self.val_accuracy[epoch] = accuracy
        n = len(self._config.y)
        values = {
            "loss": float(state.loss_sums[epoch] / (n * self._config.loss_scale)),
            "accuracy": float(state.n_right[epoch] / n) if self._classifies else np.nan,
            "val_loss": float(self.val_loss[epoch]),
            "val_accuracy": float(self.val_accuracy[epoch]),
        }
        stop = False
        if self.early_stopping is not None:
            stop = self._compare(self.early_stopping, values, state.theta, epoch)
        if self.on_epoch is not None:
            epochs, schedule = self._config.epochs, self._config.schedule
            seen = EpochState(self._net, epoch, epochs, values, schedule)
            try:
                stop = _says_stop(self.on_epoch(seen)) or stop
            finally:
                seen.end()
        self.is_over, self.n_ended = stop, epoch + 1
        return stop

    def _compare(
        self,
        stopping: EarlyStopping,
        values: dict[str, float],
        theta: Array,
        epoch: int,
    ) -> bool:
        """Take note of an epoch that is the best; return True if patience is over."""
        value = stopping.sign * values[stopping.monitor]
        if value < self._best_value - stopping.min_delta:
            self._best_value, self.best_epoch = value, epoch
            if stopping.restore_best:
                self._best_theta = theta.copy()
        last_best = -1 if self.best_epoch is None else self.best_epoch
        return epoch - last_best >= stopping.patience

    def note(self, epoch: int) -> str:
        """Return an epoch's validation loss as text for the progress bar."""
        loss = self.val_loss[epoch]
        return "" if np.isnan(loss) else f", val_loss {loss:.5g}"

    def measured(self, epochs: int) -> dict[str, Any]:
        """Return what the history has of the completed epochs."""
        best = self.best_epoch
        return {
            "val_loss": self.val_loss[:epochs].copy(),
            "val_accuracy": self.val_accuracy[:epochs].copy(),
            "best_epoch": best if best is not None and best < epochs else None,
        }

    def saved(self) -> Archive:
        """Return what a checkpoint keeps of the epochs that have ended."""
        n = self.n_ended
        facts = {"n_ended": n, "is_over": self.is_over, "best_epoch": self.best_epoch}
        arrays = {
            "val_loss": self.val_loss[:n],
            "val_accuracy": self.val_accuracy[:n],
            "best_value": np.array([self._best_value]),
            "best_theta": self._best_theta,
        }
        if self.on_epoch is not None:
            arrays["schedule"] = self._config.schedule
        return Archive(facts, arrays)

    def restore(self, archive: Archive, updates: int) -> None:
        """Go on where `saved` was called; ValueError unless that fits these updates."""
        n = check_int("n_ended", archive.fact("n_ended"), 0)
        best = archive.fact("best_epoch")
        if n not in {n_done := updates // self._config.per_epoch, n_done - 1}:
            raise ValueError(f"{n} epochs have ended there after {updates} updates")
        if best is not None and check_int("best_epoch", best, 0) >= n_done:
            raise ValueError(f"the best epoch is {best} there, after {n_done} epochs")
        self.is_over = check_bool("is_over", archive.fact("is_over"))
        self.n_ended, self.best_epoch = n, best
        self.val_loss[:n] = archive.array("val_loss", (n,))
        self.val_accuracy[:n] = archive.array("val_accuracy", (n,))
        self._best_value = float(archive.array("best_value", (1,))[0])
        size = self._net.theta.size if archive.shape("best_theta") != (0,) else 0
        self._best_theta = archive.array("best_theta", (size,), self._net.dtype)
        if self.on_epoch is not None:
            schedule = self._config.schedule
            schedule[...] = archive.array("schedule", schedule.shape)

    @property
    def restored_epoch(self) -> int | None:
        """The epoch whose parameters `finish` gives the net, from 0, or None."""
        return self.best_epoch if self._best_theta.size else None

    def finish(self, state: TrainingState) -> None:
        """Give the net the parameters of the best epoch, if it should have them."""
        if self._best_theta.size:
            state.theta[...] = self._best_theta


def _says_stop(answer: Any) -> bool:
    """Return True if what `on_epoch` returned ends the training; TypeError if unclear.

    >>> _says_stop(None), _says_stop(np.array(True))
    (False, True)
    """
    if answer is None or isinstance(answer, bool | np.bool_):
        return bool(answer)
    if isinstance(answer, np.ndarray) and answer.shape == () and answer.dtype == bool:
        return bool(answer)
    raise TypeError(
        "on_epoch must return True to end the training, or False or None to go on, "
        f"not {answer!r}"
    )


def check_callbacks(
    early_stopping: Any, on_epoch: Any, has_validation: bool, classifies: bool
) -> None:
    """Refuse what cannot be called, or monitors what is not measured."""
    if early_stopping is not None:
        if not isinstance(early_stopping, EarlyStopping):
            raise TypeError(
                "early_stopping must be fastnn.EarlyStopping(...), such as "
                f"EarlyStopping(patience=20), not {early_stopping!r}"
            )
        if early_stopping.monitor.startswith("val_") and not has_validation:
            raise ValueError(
                f"early_stopping monitors {early_stopping.monitor!r}, which needs "
                "validation data: pass X_val= and y_val=, or monitor='loss'"
            )
        if early_stopping.monitor.endswith("accuracy") and not classifies:
            raise ValueError(
                f"early_stopping monitors {early_stopping.monitor!r}, but the net "
                "predicts values, not classes: monitor 'val_loss' or 'loss'"
            )
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(
            f"on_epoch must be a function of the epoch's state, not {on_epoch!r}"
        )
