"""Losses of classes whose probabilities are clipped, to be recorded.

-log(p) of a probability p that is rounded to 1 is 0, and that of 0 is infinite. Some
libraries clip p to [low, 1 - low] before they take the logarithm, so that their losses
do not depend on outputs beyond. Gradients do not change. Targets are classes: their
number for SOFTMAX_CE, otherwise 0 or 1 for each output.
"""

import numpy as np

from ..codes import LOSSES, SOFTMAX_CE
from ..compiler.compile import inlined_by_llvm, subroutine
from ..primitives import arithmetic, elementary
from ..primitives.vectors import (
    absolute,
    constant,
    exp,
    load,
    reduce_add,
    scalar,
    store,
    traced,
    vector_length,
    where_greater,
)


def _clipped_log_loss(p, low):
    """Return -log(p) for a probability p, which is clipped; NaN for NaN.

    `log` takes the bits of NaN for those of a number, hence p - p: 0, or NaN.
    """
    p = arithmetic.clip(p, low, 1.0 - low)
    return (p - p) - elementary.log(p)


def _clipped_bce(z, y, low):
    """Return the loss of one output for the target y, 0 or 1.

    The probability of class 0 is 1 - sigmoid(z), with the rounding of that difference.
    """
    e = elementary.exp_of_minus_positive(arithmetic.absolute(z))
    r = 1.0 / (1.0 + e)
    p = arithmetic.where_greater(z, 0.0, r, e * r)
    return _clipped_log_loss(arithmetic.where_greater(y, 0.5, p, 1.0 - p), low)


clipped_log_loss, clipped_bce = traced(_clipped_log_loss), traced(_clipped_bce)


@inlined_by_llvm
def _clipped_softmax_lanes(a, z, n_out, y, low, i, lanes):
    """Return the losses of the lanes from i on, whose targets y are class numbers."""
    largest = load(a, z * lanes + i)
    for k in range(1, n_out):
        x = load(a, (z + k) * lanes + i)
        largest = where_greater(x, largest, x, largest)
    total, of_true = constant(a, 0), constant(a, 0)
    for k in range(n_out):
        e = exp(load(a, (z + k) * lanes + i) - largest)
        distance = absolute(load(y, i) - constant(a, k))
        of_true = where_greater(distance, constant(a, 0.5), of_true, e)
        total = total + e
    return clipped_log_loss(of_true / total, low)


@subroutine
def clipped_losses(a, z, n_out, y, weights, loss, t, low, lanes, width):
    """Fill row LOSSES of t with the weighted losses, and return their sum.

    Arguments are those of `lane_losses.lane_losses`, and the lower bound of
    probabilities.
    """
    zero, lows = constant(a, 0), constant(a, low)
    one_over = constant(a, scalar(a, 1) / scalar(a, n_out))
    losses = zero
    for i in range(0, width, vector_length(a)):
        if loss == SOFTMAX_CE:
            found = _clipped_softmax_lanes(a, z, n_out, y, lows, i, lanes)
        else:
            found = zero
            for k in range(n_out):
                target = load(y, k * lanes + i)
                term = clipped_bce(load(a, (z + k) * lanes + i), target, lows)
                found = found + term
            found = found * one_over
        weight = load(weights, i)
        found = where_greater(weight, zero, weight * found, zero)
        store(t, LOSSES * lanes + i, found)
        losses = losses + found
    return reduce_add(losses)


@subroutine
def clipped_loss_of_sample(a, z, n_out, y, loss, low):
    """Return the loss of the outputs a[z], a[z + 1] ... of one sample."""
    low = scalar(a, low)
    if loss == SOFTMAX_CE:
        largest, total = a[z], scalar(a, 0)
        for k in range(1, n_out):
            largest = max(largest, a[z + k])
        for k in range(n_out):
            total += exp(a[z + k] - largest)
        true = min(max(np.int64(y[0]), 0), n_out - 1)
        return clipped_log_loss(exp(a[z + true] - largest) / total, low)
    total = scalar(a, 0)
    for k in range(n_out):
        total += clipped_bce(a[z + k], y[k], low)
    return total / scalar(a, n_out)
