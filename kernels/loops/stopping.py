"""Nets of a sweep that stop before the others: `stop_below`, or a loss not finite."""

import numpy as np

from ..codes import BIAS_LR, LR
from ..compiler.compile import subroutine


@subroutine
def stop_nets(trained, settings, loss_sums, n_scaled, stop_below, epochs, lanes):
    """Stop nets whose mean loss is below `stop_below` or not finite.

    n_scaled is the number of samples times the scale of loss_sums. A net that stops
    gets its number of epochs in `trained`, and learning rates of 0. Returned is how
    many nets go on.
    """
    n_active = 0
    for i in range(lanes):
        mean = loss_sums[i] / n_scaled
        if trained[i] == 0 and not stop_below <= mean < np.inf:
            trained[i] = epochs
            settings[LR * lanes + i] = settings[BIAS_LR * lanes + i] = 0.0
        if trained[i] == 0:
            n_active += 1
    return n_active
