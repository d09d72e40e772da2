"""What happens at the end of an epoch: early stopping, and a function of the user's.

A training without them never stops at the end of an epoch; one that has them does so
after the validation, whose results they read.
"""

from dataclasses import dataclass

import numpy as np

from ..data.arguments import check_bool, check_choice, check_float, check_int
from ..data.arrays import Array

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
    far by more than min_delta, the training ends. monitor is "val_loss",
    "val_accuracy", "loss" or "accuracy", as in `History`; a loss is better where it is
    smaller, an accuracy where it is larger, and NaN never is. With restore_best the net
    gets the parameters from the end of the best epoch, also where the training ends
    without stopping early; `History.best_epoch` is its number. For `fit_many` each net
    stops by its own values.

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
