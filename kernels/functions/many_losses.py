"""The losses of many nets for one sample, a net in each lane, and their gradients: the operations of `per_sample`."""

import numpy as np

from ..codes import BCE, HITS, LOSSES, SOFTMAX_CE, TERMS, TIED
from ..compiler.compile import inlined_by_numba, subroutine
from ..passes.nets import fold
from ..primitives.vectors import (
    broadcast,
    constant,
    exp,
    load,
    log1p,
    offset,
    scalar,
    store,
    vector_length,
    where_greater,
)
from .losses import bce_loss, bce_slope


@subroutine
def bce_slopes(d, a, z, y, t, wanted, lanes):
    """`slopes` for BCE."""
    true = broadcast(y, 0)
    for i in range(0, lanes, vector_length(a)):
        slope, e = bce_slope(load(a, z * lanes + i), true)
        store(d, z * lanes + i, slope)
        store(t, LOSSES * lanes + i, e)
    if wanted:
        for i in range(0, lanes, vector_length(a)):
            value, hit = bce_loss(
                load(a, z * lanes + i), true, load(t, LOSSES * lanes + i)
            )
            store(t, LOSSES * lanes + i, value)
            store(t, HITS * lanes + i, load(t, HITS * lanes + i) + hit)


@subroutine
def softmax_slopes(d, a, z, n_out, y, t, wanted, lanes):
    """`slopes` for softmax cross-entropy: `per_sample.softmax_loss`."""
    step, zero, one = vector_length(a), constant(a, 0), constant(a, 1)
    rows, sums, true = min(n_out, step), offset(t, TERMS * lanes), z + np.int64(y[0])
    for i in range(0, lanes, step):
        top, tied = load(a, z * lanes + i), zero
        for k in range(z + 1, z + n_out):
            x = load(a, k * lanes + i)
            top = where_greater(x, top, x, top)
        for row in range(rows):
            below = zero
            for k in range(z + row, z + n_out, step):
                x = load(a, k * lanes + i)
                e, less = exp(x - top), where_greater(top, x, one, zero)
                store(d, k * lanes + i, e)
                below = below + e * less
                tied = tied + (one - less)
            store(sums, row * lanes + i, below)
        store(t, LOSSES * lanes + i, top)
        store(t, TIED * lanes + i, tied)
    fold(sums, rows, lanes)
    for i in range(0, lanes, step):
        rest, top, tied = (
            load(sums, i),
            load(t, LOSSES * lanes + i),
            load(t, TIED * lanes + i),
        )
        norm = one / (tied + rest)
        for k in range(z, z + n_out):
            store(d, k * lanes + i, load(d, k * lanes + i) * norm)
        store(d, true * lanes + i, load(d, true * lanes + i) - one)
        if wanted:
            x = load(a, true * lanes + i)
            hit = where_greater(top, x, zero, one)
            for k in range(z, true):  # of equals the first one wins
                hit = where_greater(top, load(a, k * lanes + i), hit, zero)
            store(t, LOSSES * lanes + i, log1p(rest + (tied - one)) + (top - x))
            store(t, HITS * lanes + i, load(t, HITS * lanes + i) + hit)


@subroutine
def mse_slopes(d, a, z, n_out, y, t, wanted, lanes):
    """`slopes` for MSE."""
    zero, each = constant(a, 0), constant(a, scalar(a, 1) / scalar(a, n_out))
    for i in range(0, lanes, vector_length(a)):
        value = zero
        for k in range(n_out):
            gap = load(a, (z + k) * lanes + i) - broadcast(y, k)
            value = value + each * gap * gap
            store(d, (z + k) * lanes + i, each * (gap + gap))
        if wanted:
            store(t, LOSSES * lanes + i, value)


@inlined_by_numba
def slopes(d, a, z, n_out, y, loss, t, wanted, lanes):
    """Unit z of d and the following ones = dL/dz for the target y, as in `losses`; where they are wanted, the
    row LOSSES of t has the losses, and to HITS 1 is added for each net that is right.
    """
    if loss == BCE:
        bce_slopes(d, a, z, y, t, wanted, lanes)
    elif loss == SOFTMAX_CE:
        softmax_slopes(d, a, z, n_out, y, t, wanted, lanes)
    else:
        mse_slopes(d, a, z, n_out, y, t, wanted, lanes)
