"""What a function of the user sees and says at the end of each epoch: `on_epoch`.

The trainer ends a chunk at the end of each epoch only where there is one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arguments import check_bool, check_float, check_int
from ..data.arrays import Array, readonly
from .config import FitConfig
from .state import TrainingState

if TYPE_CHECKING:
    from ..data.archives import Archive


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


class EpochCallback:
    """The calls of one training's `on_epoch`; TypeError for what cannot be called.

    n_ended counts the epochs whose end was dealt with, and is_over says that the last
    of them was to be the last one.
    """

    def __init__(
        self, net: Any, config: FitConfig, on_epoch: Callable[[EpochState], Any]
    ) -> None:
        if not callable(on_epoch):
            raise TypeError(
                f"on_epoch must be a function of the epoch's state, not {on_epoch!r}"
            )
        self._net, self._config, self._on_epoch = net, config, on_epoch
        self._classifies = net.architecture.n_classes is not None
        self.n_ended, self.is_over = 0, False

    def epoch_ended(self, state: TrainingState, epoch: int) -> bool:
        """Report an epoch; return True to end the training.

        What was interrupted can be repeated, and an epoch that was dealt with is not
        dealt with again.
        """
        if epoch < self.n_ended:
            return self.is_over
        config = self._config
        values = state.values(epoch, self._classifies)
        seen = EpochState(self._net, epoch, config.epochs, values, config.schedule)
        try:
            stop = _says_stop(self._on_epoch(seen))
        finally:
            seen.end()
        self.is_over, self.n_ended = stop, epoch + 1
        return stop

    def saved(self) -> "Archive":
        """Return what a checkpoint keeps of the epochs that have ended."""
        from ..data.archives import Archive  # here, as only checkpoints need it

        facts = {"n_ended": self.n_ended, "is_over": self.is_over}
        return Archive(facts, {"schedule": self._config.schedule})

    def restore(self, archive: "Archive", updates: int) -> None:
        """Go on where `saved` was called; ValueError unless that fits these updates."""
        n = check_int("n_ended", archive.fact("n_ended"), 0)
        if n not in {n_done := updates // self._config.per_epoch, n_done - 1}:
            raise ValueError(f"{n} epochs have ended there after {updates} updates")
        self.is_over = check_bool("is_over", archive.fact("is_over"))
        self.n_ended, schedule = n, self._config.schedule
        schedule[...] = archive.array("schedule", schedule.shape)


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
