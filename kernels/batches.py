"""One net, a mini-batch or all rows an update: gradients over tiles of samples side by side, then one step."""

import numpy as np

from .codes import DONE, LANES, NOT_FINITE, ROW, UPDATES
from .compile import helper, kernel
from .lanes import backward, forward, gather, losses
from .optimizers import step


@helper
def gradient(g, theta, X, y, rows, start, stop, layers, loss, mean, a, d):
    """g = dL/dtheta over the samples rows[start:stop], their sum of losses, how many were right, and the row of the
    first sample whose loss is not finite, or -1. L is the samples' mean loss if `mean`, otherwise their sum.
    """
    one = theta.dtype.type(1)
    scale = one / theta.dtype.type(stop - start) if mean else one
    for p in range(theta.size):
        g[p] = 0
    total, right, bad = 0.0, 0, np.int64(-1)
    for first in range(start, stop, LANES):
        width = min(LANES, stop - first)
        gather(a, X, rows, first, width)
        forward(a, theta, layers, width)
        tile_total, tile_right, tile_bad = losses(d, a, layers, y, rows, first, width, loss, scale)
        total += tile_total
        right += tile_right
        if bad < 0 and tile_bad >= 0:
            bad = rows[first + tile_bad]
        backward(g, d, a, theta, layers, width)
    return total, right, bad


@kernel
def loss_and_gradient(g, theta, X, y, rows, layers, loss, mean, a, d):
    """`gradient` over all the rows given."""
    return gradient(g, theta, X, y, rows, 0, rows.size, layers, loss, mean, a, d)


@kernel
def train(
    theta, moments, clock, loss_sums, n_right, position,
    X, y, order, layers, loss, optimizer, settings, batch_size, mean, first_epoch, end,
    a, d, g,
):  # fmt: skip
    """Updates position[UPDATES] to `end` of a run, counted over all epochs; the answer is DONE or NOT_FINITE.

    Changed in place: theta (n_params,), moments (N_MOMENTS[optimizer], n_params), clock (2,) float64; loss_sums and
    n_right (epochs,), to which each sample's loss and whether its class was right are added at its forward pass;
    position (2,), whose ROW says where a loss was not finite: that update is not made.
    Read: X (n, n_in), y as in `losses`, order (k, n) with the order of the rows in the epochs from first_epoch on
    (k = 1: the same in all), layers (the table of `codes`), settings (5,) float64.
    Scratch: a and d (n_units * LANES,), g (n_params,).
    """
    n = X.shape[0]
    per_epoch = (n + batch_size - 1) // batch_size
    while position[UPDATES] < end:
        epoch = position[UPDATES] // per_epoch
        start = (position[UPDATES] - epoch * per_epoch) * batch_size
        rows = order[(epoch - first_epoch) % order.shape[0]]
        total, right, bad = gradient(g, theta, X, y, rows, start, min(start + batch_size, n), layers, loss, mean, a, d)
        if bad >= 0:
            position[ROW] = bad
            return NOT_FINITE
        step(theta, moments, clock, g, optimizer, settings)
        loss_sums[epoch] += total
        n_right[epoch] += right
        position[UPDATES] += 1
    return DONE
