"""Many nets of one architecture in batches: a parameter is a vector of nets.

A few vectors of nets at a time, a group, are trained as far as they should come; what
they work on stays in the first-level cache. A batch is divided into tiles of samples,
the same whatever the budget, whose gradients are added.
"""

import numpy as np

from ..codes import (
    HITS,
    LOSSES,
    MAX_SAMPLES,
    N_CONSTANTS,
    SAMPLES,
    UPDATES,
)
from ..compiler.compile import entry_point, subroutine
from ..functions.clipped_losses import clipped_losses
from ..functions.lane_losses import lane_losses
from ..functions.lane_optimizers import (
    advance_clock,
    clip_nets,
    clips,
    fill_constants,
    set_rates,
    step_nets,
)
from ..functions.losses import gradient_scale
from ..functions.optimizers import is_adam
from ..functions.penalties import add_decay_of_nets
from ..passes.samples import Tile, backward_of_nets, forward
from ..primitives.pointers import flat
from ..primitives.rows import fill
from ..primitives.table import output_rows
from ..primitives.vectors import (
    broadcast,
    constant,
    load,
    offset,
    scalar,
    store,
    vector_length,
)
from .stopping import stop_nets

# Losses are summed over the samples of a tile, of which there are at most MAX_SAMPLES.
_TILE_SCALE = 1.0 / MAX_SAMPLES


@subroutine
def _show_rows(a, x, X, n_columns, rows, n, tile):
    """Bring the rows rows[0] ... rows[n - 1] of X into the rows of a from x on.

    A sample is a vector of equal numbers for each vector of nets; the rest is zero.
    """
    step = vector_length(a)
    for j in range(n_columns):
        for s in range(tile.width // step):
            column = broadcast(X, rows[s] * n_columns + j) if s < n else constant(a, 0)
            for v in range(tile.nets):
                store(a, (x + j) * tile.lanes + v * tile.width + s * step, column)


@subroutine
def _fill_weights(
    weights, scales, scale, all_weights, n_weights, net, rows, n, numbers, tile
):
    """Fill a tile's rows of weights and of scales, for the n samples `rows`.

    A sample has n_weights in all_weights: one for each net, of which the tile's start
    with `net`, 1 for all nets, or 0 where all are 1.
    """
    for v in range(tile.nets):
        used, rest = v * tile.width + n * numbers, tile.width - n * numbers
        for s in range(n if n_weights else 0):
            at, own = v * tile.width + s * numbers, rows[s] * n_weights
            for i in range(numbers):
                weight = all_weights[own + (0 if n_weights == 1 else net + i)]
                weights[at + i], scales[at + i] = weight, weight * scale
        if n_weights == 0:
            fill(weights, v * tile.width, n * numbers, scalar(weights, 1))
            fill(scales, v * tile.width, n * numbers, scale)
        fill(weights, used, rest, scalar(weights, -1))
        fill(scales, used, rest, scalar(weights, 0))
        net += numbers


@subroutine
def _add_sums(loss_sums, n_right, t, sums, loss_scale, tile):
    """Add the rows LOSSES, scaled, and HITS of t to each net's sums over the samples.

    sums is scratch: a vector of losses, and one of hits.
    """
    step, lanes, scale = vector_length(t), tile.lanes, loss_scale / _TILE_SCALE
    for v in range(tile.nets):
        start, stop = v * tile.width, (v + 1) * tile.width
        # A power of two, so that no bit changes, and the sum cannot overflow.
        tile_scale = constant(t, _TILE_SCALE)
        loss, hits = load(t, LOSSES * lanes + start), load(t, HITS * lanes + start)
        loss = tile_scale * loss
        for i in range(start + step, stop, step):
            loss = loss + tile_scale * load(t, LOSSES * lanes + i)
            hits = hits + load(t, HITS * lanes + i)
        store(sums, 0, loss)
        store(sums, step, hits)
        for i in range(step):
            loss_sums[v * step + i] += np.float64(sums[i]) * scale
            n_right[v * step + i] += np.int64(sums[step + i])


@entry_point
def train(state, data, plan, scratch, first_epoch, end, budget):
    """Train all groups up to update `end`, for `budget` samples, or until all stopped.

    Updates are counted over all epochs, samples over all groups. A budget may end after
    a tile; the next call continues there. The arguments are SweepArrays, Data,
    SweepPlan and SweepTileScratch (see `arguments`); data.order and state.losses start
    with first_epoch.
    """
    n, n_in = data.X.shape
    n_targets, batch_size, every = data.y.shape[1], plan.batch_size, plan.every
    n_vectors, n_params, numbers = state.theta.shape
    layers, n_layers, optimizer = (
        flat(plan.layers),
        plan.layers.shape[0],
        plan.optimizer,
    )
    n_moments, n_settings = state.moments.shape[1], state.settings.shape[1]
    per_epoch = (n + batch_size - 1) // batch_size
    group, lanes = scratch.g.shape[0], scratch.scales.size
    tile_samples = lanes // (group * numbers)
    g, a, d, t = flat(scratch.g), flat(scratch.a), flat(scratch.d), flat(scratch.losses)
    scales, weights, constants, position = (
        flat(scratch.scales),
        flat(scratch.weights),
        flat(scratch.constants),
        state.position,
    )
    # Taken out of the tuples once: each time counts references, with atomic operations.
    X, targets = flat(data.X), flat(data.y)
    order, n_orders = flat(data.order), len(data.order)
    all_theta, all_moments, sums = (
        flat(state.theta),
        flat(state.moments),
        flat(scratch.sums),
    )
    all_settings, all_clock = flat(state.settings), flat(state.clock)
    all_losses, all_right = flat(state.losses), flat(state.n_right)
    penalties, l2, has_l2 = flat(state.penalties), flat(plan.l2), plan.l2.size > 0
    all_trained, trained = flat(state.trained), state.trained
    schedule, all_weights = flat(plan.schedule), flat(data.weights)
    has_schedule, biases_follow = plan.schedule.size > 0, plan.biases_follow
    n_rates = plan.schedule.shape[1] * plan.schedule.shape[2]
    n_weights = data.weights.shape[1] * data.weights.shape[2]
    if data.weights.size == 0:
        n_weights = 0
    mean, loss, loss_scale = plan.mean, plan.loss, plan.loss_scale
    epochs, stop_below, low = plan.epochs, plan.stop_below, plan.low
    z, n_out = output_rows(layers, n_layers)
    x, size = z + n_out, n_params * numbers
    y = x + n_in
    skipped = (first_epoch + every - 1) // every
    for q in range(position.shape[0]):
        first = q * group
        nets = min(group, n_vectors - first)
        theta = offset(all_theta, first * size)
        moments = offset(all_moments, first * n_moments * size)
        settings = offset(all_settings, first * n_settings * numbers)
        clock = offset(all_clock, first * 2 * numbers)
        n_active, changed, is_filled, scheduled = 0, True, False, np.int64(-1)
        for v in range(first, first + nets):
            for i in range(numbers):
                n_active += trained[v, i] == 0
        while n_active > 0 and position[q, UPDATES] < end and budget > 0:
            epoch = position[q, UPDATES] // per_epoch
            if has_schedule and epoch != scheduled:
                rates = offset(schedule, (epoch - first_epoch) * n_rates)
                for v in range(nets):
                    lane = (first + v) * numbers
                    set_rates(
                        offset(settings, v * n_settings * numbers),
                        offset(all_trained, lane),
                        rates if n_rates == 1 else offset(rates, lane),
                        n_rates,
                        biases_follow,
                        numbers,
                    )
                changed, scheduled = True, epoch
            if changed and not is_adam(
                optimizer
            ):  # whose constants are those of an update
                for v in range(nets):
                    fill_constants(
                        offset(constants, v * N_CONSTANTS * numbers),
                        offset(settings, v * n_settings * numbers),
                        offset(clock, v * 2 * numbers),
                        optimizer,
                        numbers,
                    )
            changed = False
            rows = offset(order, (epoch - first_epoch) % n_orders * n)
            start = (position[q, UPDATES] - epoch * per_epoch) * batch_size
            stop = min(start + batch_size, n)
            done = start + position[q, SAMPLES]
            record = epoch % every == 0 or epoch == epochs - 1
            recorded = (epoch + every - 1) // every - skipped
            at = (recorded * n_vectors + first) * numbers
            loss_sums = offset(all_losses, at)
            n_right = offset(all_right, at)
            scale = gradient_scale(a, stop - start, mean)
            if done == start:
                fill(g, 0, nets * size, scalar(g, 0))
            while done < stop and budget > 0:
                m = min(tile_samples, stop - done)
                width = (m + 1) // 2 * 2 * numbers
                tile = Tile(lanes, width, nets, size)
                if not is_filled:
                    of_tile = offset(rows, done)
                    _show_rows(a, x, X, n_in, of_tile, m, tile)
                    _show_rows(a, y, targets, n_targets, of_tile, m, tile)
                    net = first * numbers
                    _fill_weights(
                        weights,
                        scales,
                        scale,
                        all_weights,
                        n_weights,
                        net,
                        of_tile,
                        m,
                        numbers,
                        tile,
                    )
                    # the next tile is the same one where it has all samples in one
                    # order
                    is_filled = m == n and n_orders == 1
                forward(a, x, theta, layers, n_layers, tile)
                lane_losses(
                    d,
                    a,
                    z,
                    n_out,
                    offset(a, y * lanes),
                    scales,
                    weights,
                    loss,
                    t,
                    record,
                    lanes,
                    nets * width,
                )
                if low > 0.0:
                    clipped_losses(
                        a,
                        z,
                        n_out,
                        offset(a, y * lanes),
                        weights,
                        loss,
                        t,
                        low,
                        lanes,
                        nets * width,
                    )
                if record:
                    _add_sums(loss_sums, n_right, t, sums, loss_scale, tile)
                backward_of_nets(g, d, a, x, theta, layers, n_layers, tile)
                done += m
                budget -= m
            if done < stop:
                position[q, SAMPLES] = done - start
                return
            for v in range(nets):
                own_constants = offset(constants, v * N_CONSTANTS * numbers)
                own_settings = offset(settings, v * n_settings * numbers)
                if has_l2:
                    add_decay_of_nets(
                        offset(g, v * size),
                        offset(theta, v * size),
                        layers,
                        n_layers,
                        offset(l2, (first + v) * numbers),
                        scale,
                        offset(penalties, at + v * numbers),
                        loss_scale,
                        sums,
                    )
                if clips(own_settings, numbers):
                    own_g = offset(g, v * size)
                    clip_nets(own_g, own_settings, n_params, numbers)
                if is_adam(optimizer):
                    own_clock = offset(clock, v * 2 * numbers)
                    advance_clock(own_clock, own_settings, numbers)
                    fill_constants(
                        own_constants, own_settings, own_clock, optimizer, numbers
                    )
                step_nets(
                    offset(theta, v * size),
                    offset(moments, v * n_moments * size),
                    offset(g, v * size),
                    optimizer,
                    own_constants,
                    layers,
                    n_layers,
                    numbers,
                )
            position[q, UPDATES] += 1
            position[q, SAMPLES] = 0
            if record and stop == n and stop_below > 0.0:
                n_active, changed = 0, True
                for v in range(nets):
                    n_active += stop_nets(
                        offset(all_trained, (first + v) * numbers),
                        offset(settings, v * n_settings * numbers),
                        offset(loss_sums, v * numbers),
                        n * loss_scale,
                        stop_below,
                        epoch + 1,
                        numbers,
                    )
