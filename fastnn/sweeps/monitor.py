"""Monitor of a sweep: what is measured at the end of an epoch, and who stops there.

Each net stops by its own values, and as it would alone: the rules are those of
`training.callbacks`. Only with validation data or early stopping do the blocks of a
sweep end their chunks with epochs.
"""

from typing import NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..nn.losses import code_for, loss_scale
from ..training.callbacks import EarlyStopping, check_callbacks
from ..training.engines.table import tile_lanes
from ..training.validation import ValidationData

# The curves of a net, in this order: the last two are there with validation data.
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")
# Rows of `Nets.best`: the monitored value, negative where a larger one is better; the
# best epoch, from 0, or -1; and what was measured in it on the validation data.
BEST_VALUE, BEST_EPOCH, BEST_VAL = 0, 1, slice(2, 4)
N_BEST = 4


class Monitor(NamedTuple):
    """What a sweep measures after each epoch, and the rule by which nets stop early.

    listens: something is done at the end of an epoch. restores: nets get the parameters
    of their best epoch. n_curves: the number of CURVES.
    """

    validation: ValidationData | None = None
    stopping: EarlyStopping | None = None
    listens: bool = False
    restores: bool = False
    n_curves: int = 2

    def no_best(self, theta: Array) -> tuple[Array, Array]:
        """Return `Nets.best` and `Nets.best_theta` of nets with these parameters."""
        n_nets, n_params = theta.shape
        best = np.full((N_BEST if self.stopping else 0, n_nets), np.nan)
        best[:BEST_EPOCH], best[BEST_EPOCH : BEST_EPOCH + 1] = np.inf, -1
        return best, np.zeros_like(theta[:, : n_params if self.restores else 0])

    def validate(self, theta: Array, table: Array, loss: int) -> Array:
        """Return val_loss and val_accuracy (2, n_nets), with the bits of one net alone.

        theta is (n_nets, n_params), loss the loss's code.
        """
        assert self.validation is not None
        X, y, weights = self.validation.X, self.validation.y, self.validation.weights
        n, scale = len(y), loss_scale(len(y))
        totals, n_right = np.empty(len(theta)), np.empty(len(theta), np.int64)
        kernels.loops.predictions.evaluate_nets(
            totals,
            n_right,
            theta,
            X,
            y,
            weights,
            table,
            code_for(loss, y),
            scale,
            tile_lanes(table, theta.itemsize),
        )
        return np.stack([totals / (n * scale), n_right / n])


def monitor(
    validation: ValidationData | None,
    early_stopping: EarlyStopping | None,
    classifies: bool,
) -> Monitor:
    """Check the arguments of `fit_many` that say what is measured, and who stops."""
    check_callbacks(early_stopping, None, validation is not None, classifies)
    return Monitor(
        validation,
        early_stopping,
        listens=validation is not None or early_stopping is not None,
        restores=early_stopping is not None and early_stopping.restore_best,
        n_curves=2 if validation is None else len(CURVES),
    )


def compare(
    stopping: EarlyStopping,
    best: Array,
    measured: Array,
    epoch: int,
    finite: Array,
) -> tuple[Array, Array]:
    """Compare nets' values after an epoch with their best, which are changed in place.

    best (N_BEST, n) and measured (n_curves, n). finite (n,) is False for nets that have
    diverged. Returned are which nets (n,) are better than ever, and whose patience is
    over.
    """
    value = stopping.sign * measured[CURVES.index(stopping.monitor)]
    better = finite & (value < best[BEST_VALUE] - stopping.min_delta)
    best[BEST_VALUE, better], best[BEST_EPOCH, better] = value[better], epoch
    if len(measured) > 2:
        best[BEST_VAL, better] = measured[2:, better]
    return better, epoch - best[BEST_EPOCH] >= stopping.patience
