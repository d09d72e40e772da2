"""One net in batches: gradients over tiles of samples side by side, then one step."""

from typing import Any, NamedTuple

import numpy as np

from ..codes import CLIP_NORM, DONE, NOT_FINITE, PARTIAL_SUMS, ROW, SAMPLES, UPDATES
from ..compiler.compile import entry_point, inlined_by_numba
from ..functions.clipped_losses import clipped_losses
from ..functions.lane_losses import fill_weights, summed_losses
from ..functions.losses import gradient_scale
from ..functions.optimizers import clip, set_rate, step
from ..functions.penalties import add_decay, sum_of_weights
from ..passes import wide
from ..passes.samples import Tile, backward, forward, gather, padded_width, scatter
from ..primitives.barrier import wait
from ..primitives.pointers import aligned, flat
from ..primitives.table import layer_offsets, output_rows
from ..primitives.vectors import offset, scalar
from .recordings import next_record


class Net(NamedTuple):
    """Pointers to a net's parameters and layer table, and its loss."""

    theta: Any
    layers: Any
    n_layers: Any
    loss: Any


class Samples(NamedTuple):
    """Pointers to all inputs and targets, and their numbers of columns."""

    X: Any
    n_in: Any
    y: Any
    n_targets: Any
    weights: Any  # the array itself, which may be empty


class TileRows(NamedTuple):
    """Pointers to the rows of a tile (see `arguments.TileScratch`)."""

    a: Any
    d: Any
    scales: Any
    weights: Any
    losses: Any
    lanes: Any


@inlined_by_numba
def _losses(
    samples, loss, rows, n, scale, loss_scale, low, tile_rows, z, n_out, targets
):
    """Fill the last rows of d with scale dL/dz of the n samples `rows`.

    a has their outputs from row z on. low: see `FitPlan`. Returned are the sum of
    losses times loss_scale, the number of right classes, and the first lane whose loss
    is not finite, or -1.
    """
    a, d, scales, weights, losses, lanes = tile_rows
    width = padded_width(a, n)
    fill_weights(weights, scales, scale, samples.weights, rows, n, width)
    total, right, bad = summed_losses(
        d,
        a,
        z,
        n_out,
        targets,
        scales,
        weights,
        samples.weights.size > 0,
        loss,
        losses,
        loss_scale,
        lanes,
        width,
    )
    if low > 0.0:
        total = loss_scale * np.float64(
            clipped_losses(
                a, z, n_out, targets, weights, loss, losses, low, lanes, width
            )
        )
    return total, right, bad


@inlined_by_numba
def _add_tile(
    g, net, samples, rows, n, scale, loss_scale, low, tile_rows, x, is_filled
):
    """Add scale dL/dtheta of the n samples `rows` to g; return what `_losses` does.

    Inputs and targets go to the rows of a from x on, unless they are there already.
    """
    a, d, lanes = tile_rows.a, tile_rows.d, tile_rows.lanes
    theta, layers, n_layers, loss = net
    X, n_in, y, n_targets, _ = samples
    tile = Tile(lanes, padded_width(a, n), None, 0)
    if not is_filled:
        gather(a, lanes, x, X, n_in, rows, n)
        gather(a, lanes, x + n_in, y, n_targets, rows, n)
    forward(a, x, theta, layers, n_layers, tile)
    z, n_out = output_rows(layers, n_layers)
    targets = offset(a, (x + n_in) * lanes)
    total, right, bad = _losses(
        samples, loss, rows, n, scale, loss_scale, low, tile_rows, z, n_out, targets
    )
    backward(g, d, a, x, theta, layers, n_layers, tile)
    return total, right, bad


@inlined_by_numba
def _add_wide_tile(
    g, net, samples, rows, n, scale, loss_scale, low, tile_rows, wide_rows
):
    """Do `_add_tile` with the passes of `wide`; only losses are in lanes."""
    a, d, lanes = tile_rows.a, tile_rows.d, tile_rows.lanes
    theta, layers, n_layers, loss = net
    X, n_in, y, n_targets, _ = samples
    x = wide.samples(wide_rows.x, X, n_in, rows, n)
    start = wide.forward(wide_rows, theta, x, layers, n_layers, n)
    _, n_out = output_rows(layers, n_layers)
    columns = wide.whole_vectors(a, n_out)
    gather(a, lanes, 0, offset(wide_rows.a, start), columns, None, n)
    gather(a, lanes, columns, y, n_targets, rows, n)
    targets = offset(a, columns * lanes)
    total, right, bad = _losses(
        samples, loss, rows, n, scale, loss_scale, low, tile_rows, 0, n_out, targets
    )
    scatter(offset(wide_rows.d, start), d, 0, columns, lanes, n)
    wide.backward(g, wide_rows, theta, x, start, layers, n_layers, n)
    return total, right, bad


@inlined_by_numba
def _add_penalty(g, net, factor):
    """Add factor times the weights to their gradients; return their squares' sum."""
    squares = 0.0
    for i in range(net.n_layers):
        layer = layer_offsets(net.layers, i)
        squares += add_decay(flat(g), net.theta, layer.w, layer.b, factor)
    return squares


@entry_point
def loss_and_gradient(
    g, theta, X, y, weights, rows, layers, loss, mean, loss_scale, lanes
):
    """Return the sum of losses of `rows` times loss_scale, and fill g with a gradient.

    It is that of the rows' mean loss if `mean`, otherwise that of the sum. weights:
    see `arguments.Data`.
    """
    scale = gradient_scale(flat(theta), rows.size, mean)
    g[:] = 0
    total = 0.0
    z, n_out = output_rows(flat(layers), layers.shape[0])
    units, n_columns = z + n_out, X.shape[1] + y.shape[1]
    n_rows = 2 * units + n_columns + 2 + PARTIAL_SUMS + 1
    scratch = np.zeros(n_rows * lanes + 16, theta.dtype)
    a = aligned(flat(scratch))
    d = offset(a, (units + n_columns) * lanes)
    scales = offset(d, units * lanes)
    tile_rows = TileRows(
        a, d, scales, offset(scales, lanes), offset(scales, 2 * lanes), lanes
    )
    net = Net(flat(theta), flat(layers), layers.shape[0], loss)
    samples = Samples(flat(X), X.shape[1], flat(y), y.shape[1], weights)
    for first in range(0, rows.size, lanes):
        value, _, _ = _add_tile(
            flat(g),
            net,
            samples,
            offset(flat(rows), first),
            min(lanes, rows.size - first),
            scale,
            loss_scale,
            0.0,
            tile_rows,
            units,
            False,
        )
        total += value
    scratch[0] = 0  # it must live until here
    return total


@entry_point
def train(
    state, data, plan, scratch, tiles, wide_scratch, team, first_epoch, end, budget
):
    """Train up to update `end`, counted over all epochs, or for `budget` samples.

    Returns DONE, or NOT_FINITE where a loss was not finite: then state.position[ROW] is
    its row, and the update is not made. The arguments are FitArrays, Data, FitPlan,
    TileScratch and Team (see `arguments`); data.order starts with the order of
    first_epoch. All threads of the team call this, each with its own scratch and
    number.

    tiles (n_tiles,) int64, zero at first, marks the tiles of an epoch that scratch.a
    keeps, or is empty where it has space for one. For wide layers it is None, and
    wide_scratch is a WideScratch, which is None otherwise.

    A batch is divided into parts of team.part_tiles tiles, whose gradients are summed
    apart and then added in their order: the numbers are the same whatever thread takes
    a part. A budget may end after a part; the next call continues there.
    """
    theta, g, position = state.theta, state.g, state.position
    loss_sums, n_right, record_at = state.loss_sums, state.n_right, plan.record_at
    part_sums, thread = team.part_sums, team.thread
    batch_size, n = plan.batch_size, data.X.shape[0]
    n_columns = data.X.shape[1] + data.y.shape[1]
    per_epoch = (n + batch_size - 1) // batch_size
    lanes = scratch.scales.size
    per_batch, part_size = (batch_size + lanes - 1) // lanes, team.part_tiles * lanes
    z, n_out = output_rows(flat(plan.layers), plan.layers.shape[0])
    tile_rows = TileRows(
        flat(scratch.a),
        flat(scratch.d),
        flat(scratch.scales),
        flat(scratch.weights),
        flat(scratch.losses),
        lanes,
    )
    # Taken out of the tuples once: each time counts references, with atomic operations.
    order, n_orders, sync, n_threads = (
        flat(data.order),
        len(data.order),
        flat(team.sync),
        team.n_threads,
    )
    moments, clock, optimizer = state.moments, state.clock, plan.optimizer
    settings, rates, decays = plan.settings, plan.rates, plan.decays
    schedule = plan.schedule
    mean, loss_scale = plan.mean, plan.loss_scale
    weighted, l2 = plan.weighted_mean and data.weights.size > 0, plan.l2
    low = plan.low
    if wide_scratch is not None:
        wide_rows = wide.WideRows(
            flat(wide_scratch.a),
            flat(wide_scratch.d),
            flat(wide_scratch.x),
            flat(wide_scratch.panel),
            flat(wide_scratch.sums),
            flat(wide_scratch.zeros),
        )
    net = Net(flat(theta), flat(plan.layers), len(plan.layers), plan.loss)
    samples = Samples(
        flat(data.X), data.X.shape[1], flat(data.y), data.y.shape[1], data.weights
    )
    record = next_record(record_at, position[UPDATES])
    status = DONE
    while position[UPDATES] < end and budget > 0 and status == DONE:
        update = position[UPDATES]
        epoch = update // per_epoch
        rows = offset(order, (epoch - first_epoch) % n_orders * n)
        batch = update - epoch * per_epoch
        start, done = batch * batch_size, position[SAMPLES]
        stop = min(start + batch_size, n)
        scale, loss_factor = gradient_scale(flat(theta), stop - start, mean), 1.0
        if weighted:
            of_batch = sum_of_weights(data.weights, offset(rows, start), stop - start)
            if not of_batch > 0.0:
                if thread == 0:
                    position[ROW] = rows[start]
                return NOT_FINITE
            scale = scalar(flat(theta), 1) / scalar(flat(theta), of_batch)
            loss_factor = (stop - start) / of_batch
        first_part, n_parts = (
            done // part_size,
            (stop - start + part_size - 1) // part_size,
        )
        last = min(n_parts, first_part + (budget - 1) // part_size + 1)
        for part in range(first_part + thread, last, n_threads):
            g[part] = 0
            part_sums[part, 0], part_sums[part, 1], part_sums[part, 2] = 0.0, 0.0, -1.0
            part_start = start + part * part_size
            for first in range(part_start, min(part_start + part_size, stop), lanes):
                if tiles is not None:
                    slot = 0
                    if tiles.size:
                        slot = batch * per_batch + (first - start) // lanes
                    total, right, bad = _add_tile(
                        flat(g[part]),
                        net,
                        samples,
                        offset(rows, first),
                        min(lanes, stop - first),
                        scale,
                        loss_scale,
                        low,
                        tile_rows,
                        z + n_out + slot * n_columns,
                        tiles.size > 0 and tiles[slot] == 1,
                    )
                    if tiles.size:
                        tiles[slot] = 1
                if wide_scratch is not None:
                    total, right, bad = _add_wide_tile(
                        flat(g[part]),
                        net,
                        samples,
                        offset(rows, first),
                        min(lanes, stop - first),
                        scale,
                        loss_scale,
                        low,
                        tile_rows,
                        wide_rows,
                    )
                part_sums[part, 0] += total
                part_sums[part, 1] += right
                if bad >= 0 and part_sums[part, 2] < 0:
                    part_sums[part, 2] = rows[first + bad]
        budget -= min(last * part_size, stop - start) - done
        if not wait(sync, n_threads):
            return status
        for part in range(first_part, last):
            if part_sums[part, 2] >= 0:
                status = NOT_FINITE
        if thread == 0 and status == DONE:
            for part in range(first_part, last):
                loss_sums[epoch] += part_sums[part, 0] * loss_factor
                n_right[epoch] += np.int64(part_sums[part, 1])
                if part > 0:
                    for p in range(theta.size):
                        g[0, p] += g[part, p]
            if last * part_size < stop - start:
                position[SAMPLES] = last * part_size
            else:
                set_rate(settings, schedule, epoch)
                if l2 > 0.0:
                    squares = _add_penalty(g[0], net, l2 * np.float64(scale))
                    penalty = 0.5 * l2 * squares * loss_factor * loss_scale
                    state.penalty_sums[epoch] += penalty
                if settings[CLIP_NORM] > 0.0:
                    clip(g[0], None, theta.size, settings[CLIP_NORM])
                step(theta, moments, clock, g[0], optimizer, settings, rates, decays)
                position[UPDATES] += 1
                position[SAMPLES] = 0
                if record < record_at.size and record_at[record] == position[UPDATES]:
                    for p in range(theta.size):
                        state.recorded[record, p] = theta[p]
                    if stop < n:
                        state.recorded_sums[record, 0] = loss_sums[epoch]
                        state.recorded_sums[record, 1] = n_right[epoch]
                    record += 1
        elif thread == 0:
            for part in range(last - 1, first_part - 1, -1):
                if part_sums[part, 2] >= 0:
                    position[ROW] = np.int64(part_sums[part, 2])
        if not wait(sync, n_threads):
            return status
    return status
