"""One net, a mini-batch or all rows an update: gradients over tiles of samples side by side, then one step."""

import numpy as np

from ..codes import DONE, NOT_FINITE, ROW, SAMPLES, UPDATES
from ..compiler.compile import entry_point, inlined_by_numba
from ..functions.losses import share, tile_losses
from ..functions.optimizers import step
from ..passes.samples import backward, forward, gather, whole
from ..primitives.barrier import wait
from ..primitives.pointers import aligned, flat
from ..primitives.table import output_rows
from ..primitives.vectors import offset, scalar
from .recordings import next_record


@inlined_by_numba
def add_tile(
    g,
    theta,
    X,
    n_in,
    y,
    n_y,
    rows,
    n,
    layers,
    n_layers,
    loss,
    scale,
    a,
    d,
    scales,
    lanes,
    tile,
    kept,
):
    """Add scale dL/dtheta of the n samples `rows` to g.

    Where `kept`, the tile at unit `tile` holds these samples already.
    Returned are their sum of losses, how many were right, and the first lane whose loss is not finite, or -1.
    """
    width = whole(a, n)
    if not kept:
        gather(a, lanes, tile, X, n_in, rows, n)
        gather(a, lanes, tile + n_in, y, n_y, rows, n)
    for i in range(width):
        scales[i] = scale if i < n else scalar(a, 0)
    forward(a, tile, theta, layers, n_layers, None, 0, lanes, width)
    z, n_out = output_rows(layers, n_layers)
    total, right, bad = tile_losses(
        d, a, z, n_out, tile + n_in, scales, loss, lanes, width
    )
    backward(g, d, a, tile, theta, layers, n_layers, lanes, width)
    return total, right, bad


@entry_point
def loss_and_gradient(g, theta, X, y, rows, layers, loss, mean, lanes):
    """The sum of losses of the rows given; g = the gradient of their mean loss if `mean`, otherwise of that sum."""
    scale = share(theta, rows.size, mean)
    g[:] = 0
    total = 0.0
    n_layers = layers.shape[0]
    z, n_out = output_rows(flat(layers), n_layers)
    units, n_columns = z + n_out, X.shape[1] + y.shape[1]
    room = np.empty((2 * units + n_columns + 1) * lanes + 16, theta.dtype)
    a = aligned(flat(room))
    d, scales = (
        offset(a, (units + n_columns) * lanes),
        offset(a, (2 * units + n_columns) * lanes),
    )
    for first in range(0, rows.size, lanes):
        value, _, _ = add_tile(
            flat(g),
            flat(theta),
            flat(X),
            X.shape[1],
            flat(y),
            y.shape[1],
            offset(flat(rows), first),
            min(lanes, rows.size - first),
            flat(layers),
            n_layers,
            loss,
            scale,
            a,
            d,
            scales,
            lanes,
            units,
            False,
        )
        total += value
    room[0] = 0  # it must live until here
    return total


@entry_point
def train(
    theta,
    moments,
    clock,
    g,
    loss_sums,
    n_right,
    position,
    recorded,
    recorded_sums,
    X,
    y,
    order,
    layers,
    loss,
    optimizer,
    settings,
    rates,
    batch_size,
    mean,
    record_at,
    first_epoch,
    end,
    budget,
    part_tiles,
    part_sums,
    sync,
    thread,
    n_threads,
    a,
    d,
    scales,
    tiles,
):
    """Train up to the update `end`, counted over all epochs, or for `budget` samples; the answer is DONE or NOT_FINITE.

    A batch is divided into parts of part_tiles tiles, whose gradients are summed apart and then added in their order:
    the numbers are the same whatever thread takes a part. A budget may end after a part; the next call goes on there.
    Changed in place: theta (n_params,), moments (N_MOMENTS[optimizer], n_params), clock (2,) float64, the gradients g
    (n_parts, n_params) of the update under way; loss_sums and n_right (epochs,), to which each sample's loss, and
    whether its class was right, are added at its forward pass; position (N_POSITION,). Where a loss is not finite,
    position[ROW] tells the row, and the update is not made. recorded and recorded_sums: see `recordings`.
    Read: X (n, n_in), y as in `losses`, order (k, n) with the order of the rows in the epochs from first_epoch on
    (k = 1: the same in all), layers (the table of `codes`), settings (5,) float64, rates as in `optimizers`.
    All n_threads threads call this with the same arguments, but for their number `thread` and the scratch from a on.
    Shared scratch: part_sums (n_parts, 3) float64, and sync of `barrier`.
    Scratch: scales has a number for each lane. d has a row of lanes for each unit; a has as many, and then a row for
    each input and target of a tile, for one tile. Where all epochs have the same order there may be room for all tiles
    of one, so that each is filled once: tiles, zero at first, then marks those that are. Otherwise it is empty.
    """
    n, n_layers = X.shape[0], layers.shape[0]
    per_epoch = (n + batch_size - 1) // batch_size
    lanes = scales.size
    per_batch, part_size = (batch_size + lanes - 1) // lanes, part_tiles * lanes
    z, n_out = output_rows(flat(layers), n_layers)
    record = next_record(record_at, position[UPDATES])
    status = DONE
    while position[UPDATES] < end and budget > 0 and status == DONE:
        update = position[UPDATES]
        epoch = update // per_epoch
        rows = offset(flat(order), (epoch - first_epoch) % order.shape[0] * n)
        batch = update - epoch * per_epoch
        start, done = batch * batch_size, position[SAMPLES]
        stop = min(start + batch_size, n)
        scale = share(theta, stop - start, mean)
        last = min(
            (stop - start + part_size - 1) // part_size,
            done // part_size + (budget - 1) // part_size + 1,
        )
        for part in range(done // part_size + thread, last, n_threads):
            g[part] = 0
            part_sums[part, 0], part_sums[part, 1], part_sums[part, 2] = 0.0, 0.0, -1.0
            for first in range(
                start + part * part_size,
                min(start + (part + 1) * part_size, stop),
                lanes,
            ):
                slot = batch * per_batch + (first - start) // lanes if tiles.size else 0
                total, right, bad = add_tile(
                    flat(g[part]),
                    flat(theta),
                    flat(X),
                    X.shape[1],
                    flat(y),
                    y.shape[1],
                    offset(rows, first),
                    min(lanes, stop - first),
                    flat(layers),
                    n_layers,
                    loss,
                    scale,
                    flat(a),
                    flat(d),
                    flat(scales),
                    lanes,
                    z + n_out + slot * (X.shape[1] + y.shape[1]),
                    tiles.size > 0 and tiles[slot] == 1,
                )
                if tiles.size:
                    tiles[slot] = 1
                part_sums[part, 0] += total
                part_sums[part, 1] += right
                if bad >= 0 and part_sums[part, 2] < 0:
                    part_sums[part, 2] = rows[first + bad]
        budget -= min(last * part_size, stop - start) - done
        if not wait(flat(sync), n_threads):
            return status
        for part in range(done // part_size, last):
            if part_sums[part, 2] >= 0:
                status = NOT_FINITE
        if thread == 0 and status == DONE:
            for part in range(done // part_size, last):
                loss_sums[epoch] += part_sums[part, 0]
                n_right[epoch] += np.int64(part_sums[part, 1])
                if part > 0:
                    for p in range(theta.size):
                        g[0, p] += g[part, p]
            if last * part_size < stop - start:
                position[SAMPLES] = last * part_size
            else:
                step(theta, moments, clock, g[0], optimizer, settings, rates)
                position[UPDATES] += 1
                position[SAMPLES] = 0
                if record < record_at.size and record_at[record] == position[UPDATES]:
                    for p in range(theta.size):
                        recorded[record, p] = theta[p]
                    if stop < n:
                        recorded_sums[record, 0], recorded_sums[record, 1] = (
                            loss_sums[epoch],
                            n_right[epoch],
                        )
                    record += 1
        elif thread == 0:
            for part in range(last - 1, done // part_size - 1, -1):
                if part_sums[part, 2] >= 0:
                    position[ROW] = np.int64(part_sums[part, 2])
        if not wait(flat(sync), n_threads):
            return status
    return status
