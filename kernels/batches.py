"""One net, a mini-batch or all rows an update: gradients over tiles of samples side by side, then one step."""

from .codes import DONE, LANES, NOT_FINITE, ROW, SAMPLES, UPDATES
from .compile import helper, kernel
from .lanes import backward, forward, gather, losses
from .optimizers import step


@helper
def add_tile(g, theta, X, y, rows, first, width, layers, loss, scale, a, d):
    """Add scale dL/dtheta of the samples rows[first:first + width] to g.

    Returned are their sum of losses, how many were right, and the first lane whose loss is not finite, or -1.
    """
    gather(a, X, rows, first, width)
    forward(a, theta, layers, width)
    total, right, bad = losses(d, a, layers, y, rows, first, width, loss, scale)
    backward(g, d, a, theta, layers, width)
    return total, right, bad


@helper
def share(theta, n, mean):
    """What a sample's gradient counts in a batch of n: 1 / n in a mean, 1 in a sum."""
    one = theta.dtype.type(1)
    return one / theta.dtype.type(n) if mean else one


@kernel
def loss_and_gradient(g, theta, X, y, rows, layers, loss, mean, a, d):
    """The sum of losses of the rows given; g = the gradient of their mean loss if `mean`, otherwise of that sum."""
    scale = share(theta, rows.size, mean)
    g[:] = 0
    total = 0.0
    for first in range(0, rows.size, LANES):
        width = min(LANES, rows.size - first)
        tile_total, _, _ = add_tile(g, theta, X, y, rows, first, width, layers, loss, scale, a, d)
        total += tile_total
    return total


@kernel
def train(
    theta, moments, clock, g, loss_sums, n_right, position,
    X, y, order, layers, loss, optimizer, settings, batch_size, mean, first_epoch, end, budget,
    a, d,
):  # fmt: skip
    """Train up to the update `end`, counted over all epochs, or for `budget` samples; the answer is DONE or NOT_FINITE.

    A budget may end within an update: the next call goes on with its next tile, and the numbers are the same.
    Changed in place: theta (n_params,), moments (N_MOMENTS[optimizer], n_params), clock (2,) float64, the gradient g
    (n_params,) of the update under way; loss_sums and n_right (epochs,), to which each sample's loss and whether its
    class was right are added at its forward pass; position (N_POSITION,). Where a loss is not finite, position[ROW]
    tells the row, and the update is not made.
    Read: X (n, n_in), y as in `losses`, order (k, n) with the order of the rows in the epochs from first_epoch on
    (k = 1: the same in all), layers (the table of `codes`), settings (5,) float64.
    Scratch: a and d (n_units * LANES,).
    """
    n = X.shape[0]
    per_epoch = (n + batch_size - 1) // batch_size
    while position[UPDATES] < end and budget > 0:
        epoch = position[UPDATES] // per_epoch
        rows = order[(epoch - first_epoch) % order.shape[0]]
        start = (position[UPDATES] - epoch * per_epoch) * batch_size
        stop = min(start + batch_size, n)
        scale = share(theta, stop - start, mean)
        first = start + position[SAMPLES]
        if first == start:
            g[:] = 0
        while first < stop and budget > 0:
            width = min(LANES, stop - first)
            total, right, bad = add_tile(g, theta, X, y, rows, first, width, layers, loss, scale, a, d)
            if bad >= 0:
                position[ROW] = rows[first + bad]
                return NOT_FINITE
            loss_sums[epoch] += total
            n_right[epoch] += right
            first += width
            budget -= width
        if first < stop:
            position[SAMPLES] = first - start
        else:
            step(theta, moments, clock, g, optimizer, settings)
            position[UPDATES] += 1
            position[SAMPLES] = 0
    return DONE
