"""One net, a mini-batch or all rows an update: gradients over tiles of samples side by side, then one step."""

from .codes import DONE, NOT_FINITE, ROW, SAMPLES, UPDATES
from .compile import kernel, stage
from .lanes import backward, forward, gather, whole
from .losses import share, tile_losses
from .optimizers import step
from .places import output
from .vectors import after, flat, number


@stage
def add_tile(g, theta, X, n_in, y, n_y, rows, n, layers, n_layers, loss, scale, a, d, scales, lanes, tile, kept):
    """Add scale dL/dtheta of the n samples `rows` to g.

    Where `kept`, the tile at unit `tile` holds these samples already.
    Returned are their sum of losses, how many were right, and the first lane whose loss is not finite, or -1.
    """
    width = whole(a, n)
    if not kept:
        gather(a, lanes, tile, X, n_in, rows, n)
        gather(a, lanes, tile + n_in, y, n_y, rows, n)
    for i in range(width):
        scales[i] = scale if i < n else number(a, 0)
    forward(a, tile, theta, layers, n_layers, lanes, width)
    z, n_out = output(layers, n_layers)
    total, right, bad = tile_losses(d, a, z, n_out, tile + n_in, scales, loss, lanes, width)
    backward(g, d, a, tile, theta, layers, n_layers, lanes, width)
    return total, right, bad


@kernel
def loss_and_gradient(g, theta, X, y, rows, layers, loss, mean, a, d, scales):
    """The sum of losses of the rows given; g = the gradient of their mean loss if `mean`, otherwise of that sum.

    a, d and scales as in `train`.
    """
    scale = share(theta, rows.size, mean)
    g[:] = 0
    total = 0.0
    n_layers = layers.shape[0]
    z, n_out = output(flat(layers), n_layers)
    for first in range(0, rows.size, scales.size):
        value, _, _ = add_tile(
            flat(g), flat(theta), flat(X), X.shape[1], flat(y), y.shape[1],
            after(flat(rows), first), min(scales.size, rows.size - first), flat(layers), n_layers, loss, scale,
            flat(a), flat(d), flat(scales), scales.size, z + n_out, False,
        )  # fmt: skip
        total += value
    return total


@kernel
def train(
    theta, moments, clock, g, loss_sums, n_right, position,
    X, y, order, layers, loss, optimizer, settings, batch_size, mean, first_epoch, end, budget,
    a, d, scales, tiles,
):  # fmt: skip
    """Train up to the update `end`, counted over all epochs, or for `budget` samples; the answer is DONE or NOT_FINITE.

    A budget may end within an update: the next call goes on with its next tile, and the numbers are the same.
    Changed in place: theta (n_params,), moments (N_MOMENTS[optimizer], n_params), clock (2,) float64, the gradient g
    (n_params,) of the update under way; loss_sums and n_right (epochs,), to which each sample's loss and whether its
    class was right are added at its forward pass; position (N_POSITION,). Where a loss is not finite, position[ROW]
    tells the row, and the update is not made.
    Read: X (n, n_in), y as in `losses`, order (k, n) with the order of the rows in the epochs from first_epoch on
    (k = 1: the same in all), layers (the table of `codes`), settings (5,) float64.
    Scratch: scales has a number for each lane. d has a row of lanes for each unit; a has as many, and then a row for
    each input and target of a tile, for one tile. Where all epochs have the same order there may be room for all tiles
    of one, so that each is filled once: tiles, zero at first, then marks those that are. Otherwise it is empty.
    """
    n, n_layers = X.shape[0], layers.shape[0]
    per_epoch = (n + batch_size - 1) // batch_size
    lanes = scales.size
    per_batch = (batch_size + lanes - 1) // lanes
    z, n_out = output(flat(layers), n_layers)
    while position[UPDATES] < end and budget > 0:
        epoch = position[UPDATES] // per_epoch
        rows = after(flat(order), (epoch - first_epoch) % order.shape[0] * n)
        batch = position[UPDATES] - epoch * per_epoch
        start = batch * batch_size
        stop = min(start + batch_size, n)
        scale = share(theta, stop - start, mean)
        first = start + position[SAMPLES]
        if first == start:
            g[:] = 0
        while first < stop and budget > 0:
            width = min(lanes, stop - first)
            slot = batch * per_batch + (first - start) // lanes if tiles.size else 0
            total, right, bad = add_tile(
                flat(g), flat(theta), flat(X), X.shape[1], flat(y), y.shape[1],
                after(rows, first), width, flat(layers), n_layers, loss, scale, flat(a), flat(d), flat(scales), lanes,
                z + n_out + slot * (X.shape[1] + y.shape[1]), tiles.size > 0 and tiles[slot] == 1,
            )  # fmt: skip
            if bad >= 0:
                position[ROW] = rows[first + bad]
                return NOT_FINITE
            if tiles.size:
                tiles[slot] = 1
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
