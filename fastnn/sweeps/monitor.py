"""Monitor of a sweep: what is measured at the end of an epoch, and who stops there.

Each net stops by its own values, and as it would alone: the rules are those of
`training.stopping`. Only with validation data or early stopping do the blocks of a
sweep end their chunks with epochs.
"""

from typing import NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..kernels.arguments import StopRule
from ..training.stopping import CURVES, NO_STOP, EarlyStopping, check_stopping
from ..training.validation import ValidationData

# Rows of `Nets.best`.
BEST_VALUE, BEST_EPOCH = kernels.codes.BEST_VALUE, kernels.codes.BEST_EPOCH
BEST_VAL = slice(kernels.codes.BEST_VAL_LOSS, kernels.codes.BEST_VAL_ACCURACY + 1)


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
        best = np.full((kernels.codes.N_BEST, n_nets), np.nan)
        best[BEST_VALUE], best[BEST_EPOCH] = np.inf, -1
        if self.stopping is None:
            best = best[:0]
        return best, np.zeros_like(theta[:, : n_params if self.restores else 0])

    def stop_rule(self, stop_below: float | None) -> StopRule:
        """Return the rule by which the kernels stop nets."""
        # For the integer 0, a kernel would be compiled once more, in 7 s.
        lowest = stop_below or 0.0
        return NO_STOP if self.stopping is None else self.stopping.rule(lowest)


def monitor(
    validation: ValidationData | None,
    early_stopping: EarlyStopping | None,
    classifies: bool,
) -> Monitor:
    """Check the arguments of `fit_many` that say what is measured, and who stops."""
    if early_stopping is not None:
        check_stopping(early_stopping, validation is not None, classifies)
    return Monitor(
        validation,
        early_stopping,
        listens=validation is not None or early_stopping is not None,
        restores=early_stopping is not None and early_stopping.restore_best,
        n_curves=2 if validation is None else len(CURVES),
    )
