"""BCE, softmax cross-entropy and mean squared error from the last layer's plain output z, and their gradients.

BCE: L = log(1 + e^-z) for class 1, log(1 + e^z) for class 0; dL/dz = sigmoid(z) - t, and class 1 where z > 0.
Softmax cross-entropy: L = log(sum_k e^(z_k - z_t)), dL/dz = softmax(z) - [k = t], and the first largest z wins.
MSE: L = mean_k (z_k - y_k)^2, dL/dz = 2 (z - y) / n_out, never "right".
"""

import numpy as np

from ..codes import BCE, SOFTMAX_CE
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..primitives import arithmetic, elementary
from ..primitives.vectors import (
    absolute,
    constant,
    exp,
    load,
    log1p,
    reduce_add,
    scalar,
    store,
    traced,
    vector_length,
    where_greater,
)


def _bce_slope(z, t):
    sign = 1.0 - (t + t)
    s = sign * z  # positive where the wrong class has won
    e = elementary.exp(-arithmetic.absolute(s))
    r = 1.0 / (1.0 + e)
    return sign * arithmetic.where_greater(s, 0.0, r, e * r), e


def _bce_loss(z, t, e):
    s = (1.0 - (t + t)) * z
    value = arithmetic.where_greater(s, 0.0, s, 0.0) + elementary.log1p_to_1(e)
    return value, arithmetic.where_greater(z, 0.0, t, 1.0 - t)


# For t, 0 or 1: dL/dz, and e^-|z|, from which the other has a sample's loss, and 1 if its class was right, otherwise 0.
# Over many samples each has a loop of its own: in one, too many operations wait for others.
bce_slope, bce_loss = traced(_bce_slope, 2), traced(_bce_loss, 2)


@inlined_by_llvm
def share(theta, n, mean):
    """What a sample's gradient counts in a batch of n: 1 / n in a mean, 1 in a sum."""
    one = theta.dtype.type(1)
    return one / theta.dtype.type(n) if mean else one


@subroutine
def bce_losses(d, a, z, y, scales, wanted, nets, lanes, width):
    """`tile_sums` for BCE."""
    zero = constant(a, 0)
    losses, rights = zero, zero
    for i in range(0, width, vector_length(a)):
        slope, e = bce_slope(load(a, z * lanes + i), load(a, y * lanes + i))
        store(d, z * lanes + i, load(scales, i) * slope)
        store(d, (z - 1) * lanes + i, e)
    for i in range(0, width if wanted else 0, vector_length(a)):
        scale, e = load(scales, i), load(d, (z - 1) * lanes + i)
        value, hit = bce_loss(load(a, z * lanes + i), load(a, y * lanes + i), e)
        value = where_greater(scale, zero, value, zero)
        hit = where_greater(scale, zero, hit, zero)
        store(d, (z - 1) * lanes + i, value)
        if nets is not None:
            store(d, (z + 1) * lanes + i, hit)
        losses, rights = losses + value, rights + hit
    return losses, rights


@subroutine
def softmax_losses(d, a, z, n_out, y, scales, wanted, nets, lanes, width):
    """`tile_sums` for softmax cross-entropy."""
    zero, half, one = constant(a, 0), constant(a, 0.5), constant(a, 1)
    losses, rights = zero, zero
    for i in range(0, width, vector_length(a)):
        scale, t = load(scales, i), load(a, y * lanes + i)
        top, largest = zero, load(a, z * lanes + i)
        for k in range(1, n_out):
            x = load(a, (z + k) * lanes + i)
            top = where_greater(x, largest, constant(a, k), top)
            largest = where_greater(x, largest, x, largest)
        rest, true = zero, zero
        for k in range(n_out):
            x, place = load(a, (z + k) * lanes + i), constant(a, k)
            e = exp(x - largest)
            store(d, (z + k) * lanes + i, e)
            rest = rest + where_greater(absolute(top - place), half, e, zero)
            true = where_greater(absolute(t - place), half, true, x)
        norm = one / (one + rest)
        for k in range(n_out):
            at, place = (z + k) * lanes + i, constant(a, k)
            store(
                d,
                at,
                scale
                * (
                    load(d, at) * norm
                    - where_greater(absolute(t - place), half, zero, one)
                ),
            )
        if wanted:
            value = where_greater(scale, zero, log1p(rest) + (largest - true), zero)
            hit = where_greater(
                scale, zero, where_greater(absolute(t - top), half, zero, one), zero
            )
            store(d, (z - 1) * lanes + i, value)
            if nets is not None:
                store(d, (z + n_out) * lanes + i, hit)
            losses, rights = losses + value, rights + hit
    return losses, rights


@subroutine
def mse_losses(d, a, z, n_out, y, scales, lanes, width):
    """`tile_sums` for MSE."""
    zero, share = constant(a, 0), constant(a, scalar(a, 1) / scalar(a, n_out))
    losses = zero
    for i in range(0, width, vector_length(a)):
        scale, value = load(scales, i), zero
        for k in range(n_out):
            gap = load(a, (z + k) * lanes + i) - load(a, (y + k) * lanes + i)
            value = value + share * gap * gap
            store(d, (z + k) * lanes + i, scale * (share * (gap + gap)))
        value = where_greater(scale, zero, value, zero)
        store(d, (z - 1) * lanes + i, value)
        losses = losses + value
    return losses, zero


@inlined_by_numba
def tile_sums(d, a, z, n_out, y, scales, loss, wanted, nets, lanes, width):
    """The sums over a tile's vectors of the losses and of the right classes, where they are wanted.

    Outputs are at unit z of a, targets at unit y: the number of the true class, or n_out values for MSE. Unit z of d
    and the following ones = scale dL/dz, with a scale for each lane, which is 0 where there is no sample. The samples'
    losses are written to d's unit before z; of many nets (nets is not None) who was right to the one after its last.
    """
    if loss == BCE:
        losses, rights = bce_losses(d, a, z, y, scales, wanted, nets, lanes, width)
    elif loss == SOFTMAX_CE:
        losses, rights = softmax_losses(
            d, a, z, n_out, y, scales, wanted, nets, lanes, width
        )
    else:
        losses, rights = mse_losses(d, a, z, n_out, y, scales, lanes, width)
    return losses, rights


@inlined_by_numba
def tile_losses(d, a, z, n_out, y, scales, loss, lanes, width):
    """A tile's sum of losses and number of right classes, and the first lane whose loss is not finite, or -1.

    Arguments as in `tile_sums`.
    """
    losses, rights = tile_sums(
        d, a, z, n_out, y, scales, loss, True, None, lanes, width
    )
    summed, bad = reduce_add(losses), -1
    if not np.isfinite(summed):
        for i in range(width):
            if bad < 0 and not np.isfinite(d[(z - 1) * lanes + i]):
                bad = i
    return np.float64(summed), np.int64(reduce_add(rights)), bad
