"""Early stopping: the end of a training that no longer gets better."""

from dataclasses import dataclass
from typing import Any

from .. import kernels
from ..data.arguments import check_bool, check_choice, check_float, check_int
from ..data.arrays import Array
from ..kernels.arguments import StopRule

# In the order of the codes LOSS to VAL_ACCURACY.
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")
# In the order in which errors name them.
_MONITORS = ("val_loss", "val_accuracy", "loss", "accuracy")


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
            ("monitor", check_choice("monitor", self.monitor, _MONITORS)),
            ("min_delta", check_float("min_delta", self.min_delta, 0.0)),
            ("restore_best", check_bool("restore_best", self.restore_best)),
        ):
            object.__setattr__(self, name, value)

    def rule(self, stop_below: float = 0.0) -> StopRule:
        """Return the rule for the kernels, with the lowest loss of a net of a sweep."""
        return StopRule(
            CURVES.index(self.monitor),
            -1.0 if self.monitor.endswith("accuracy") else 1.0,
            self.min_delta,
            self.patience,
            self.restore_best,
            stop_below,
        )

    def ends(self, best: Array, epochs: int) -> bool:
        """Return True if the training ends after that many epochs.

        best: what the kernels keep of the best epoch, see `kernels.codes`.
        """
        return epochs - 1 - best[kernels.codes.BEST_EPOCH] >= self.patience


# The rule of a training that does not stop early.
NO_STOP = StopRule(-1, 1.0, 0.0, 1, False, 0.0)


def check_stopping(early_stopping: Any, has_validation: bool, classifies: bool) -> None:
    """Refuse another object, and one that monitors what is not measured."""
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
