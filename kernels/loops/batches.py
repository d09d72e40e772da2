"""One net in batches: gradients over tiles of samples side by side, then one step."""

import numpy as np

from ..arguments import TileRows, WideRows
from ..codes import (
    DECAY,
    DONE,
    LR,
    NOT_FINITE,
    PARTIAL_SUMS,
    RECORD_SCALE,
    ROW,
    SAMPLES,
    UPDATES,
)
from ..compiler.compile import entry_point, entry_point_without_allocation
from ..functions.losses import gradient_scale
from ..functions.optimizers import set_rate, sgd_updates
from ..functions.penalties import sum_of_weights
from ..primitives.barrier import wait
from ..primitives.calls import call
from ..primitives.pointers import aligned, flat
from ..primitives.rows import add, copy
from ..primitives.table import output_rows
from ..primitives.vectors import offset, scalar
from .gradients import Kept, Loss, Net, Samples
from .recordings import next_record


@entry_point
def loss_and_gradient(g, theta, X, y, weights, layers, gradient, loss, mean, lanes):
    """Return the sum of losses times loss_scale, and fill g with a gradient.

    It is that of the rows' mean loss if `mean`, otherwise that of the sum. weights:
    see `arguments.Data`.
    """
    n = X.shape[0]
    scale = gradient_scale(flat(theta), n, mean)
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
    sums, rows = np.zeros(3), np.arange(n)
    samples = Samples(
        flat(X), X.shape[1], flat(y), y.shape[1], flat(weights), weights.size
    )
    call(
        gradient,
        None,
        (
            flat(g),
            flat(sums),
            Net(flat(theta), theta.size, flat(layers), layers.shape[0]),
            samples,
            loss,
            tile_rows,
            WideRows(a, a, a, a, a, a),
            Kept(flat(rows), 0, 0),
            flat(rows),
            n,
            scale,
        ),
    )
    scratch[0] = rows[0] = 0  # they must live until here
    return sums[0]


@entry_point_without_allocation
def train(state, data, plan, kernels, scratch, team, first_epoch, end, budget):
    """Train up to update `end`, counted over all epochs, or for `budget` samples.

    Returns DONE, or NOT_FINITE where a loss was not finite: then state.position[ROW] is
    its row, and the update is not made. The arguments are FitArrays, Data, FitPlan,
    BatchKernels, BatchScratch and Team (see `arguments`); data.order starts
    with the order of first_epoch. All threads of the team call this, each with its own
    scratch and number.

    A batch is divided into parts of team.part_tiles tiles, whose gradients are summed
    apart and then added in their order: the numbers are the same whatever thread takes
    a part. A budget may end after a part; the next call continues there.
    """
    position, loss_sums, n_right = (
        flat(state.position),
        flat(state.loss_sums),
        flat(state.n_right),
    )
    theta, g, part_sums = flat(state.theta), flat(state.g), flat(team.part_sums)
    n_params, n_orders = state.theta.size, len(data.order)
    record_at, n_records = flat(plan.record_at), plan.record_at.size
    recorded_sums = flat(state.recorded_sums)
    order, sync, thread, n_threads = (
        flat(data.order),
        flat(team.sync),
        team.thread,
        team.n_threads,
    )
    settings, weights = flat(plan.settings), flat(data.weights)
    numbers, places, wide = (
        flat(scratch.numbers),
        scratch.tile_rows,
        scratch.wide_rows,
    )
    kept, n_kept, lanes = flat(scratch.kept), scratch.kept.size, places.lanes
    tile_rows = TileRows(
        offset(numbers, places.a),
        offset(numbers, places.d),
        offset(numbers, places.scales),
        offset(numbers, places.weights),
        offset(numbers, places.losses),
        lanes,
    )
    wide_rows = WideRows(
        offset(numbers, wide.a),
        offset(numbers, wide.d),
        offset(numbers, wide.x),
        offset(numbers, wide.panel),
        offset(numbers, wide.sums),
        offset(numbers, wide.zeros),
    )
    batch_size, n = plan.batch_size, data.X.shape[0]
    per_epoch = (n + batch_size - 1) // batch_size
    per_batch, part_size = (batch_size + lanes - 1) // lanes, team.part_tiles * lanes
    mean, loss_scale, l2 = plan.mean, plan.loss_scale, plan.l2
    weighted = plan.weighted_mean and data.weights.size > 0
    net = Net(theta, n_params, flat(plan.layers), len(plan.layers))
    loss = Loss(kernels.loss, plan.loss, loss_scale, plan.low)
    samples = Samples(
        flat(data.X),
        data.X.shape[1],
        flat(data.y),
        data.y.shape[1],
        weights,
        data.weights.size,
    )
    record = next_record(plan.record_at, position[UPDATES])
    status = DONE
    while position[UPDATES] < end and budget > 0 and status == DONE:
        update = position[UPDATES]
        epoch = update // per_epoch
        rows = offset(order, (epoch - first_epoch) % n_orders * n)
        batch = update - epoch * per_epoch
        start, done = batch * batch_size, position[SAMPLES]
        stop = min(start + batch_size, n)
        scale, loss_factor = gradient_scale(theta, stop - start, mean), 1.0
        if weighted:
            of_batch = sum_of_weights(weights, offset(rows, start), stop - start)
            if not of_batch > 0.0:
                if thread == 0:
                    position[ROW] = rows[start]
                status = NOT_FINITE
                break
            scale = scalar(theta, 1) / scalar(theta, of_batch)
            loss_factor = (stop - start) / of_batch
        first_part = done // part_size
        n_parts = (stop - start + part_size - 1) // part_size
        last = min(n_parts, first_part + (budget - 1) // part_size + 1)
        for part in range(first_part + thread, last, n_threads):
            first = start + part * part_size
            call(
                kernels.gradient,
                None,
                (
                    offset(g, part * n_params),
                    offset(part_sums, 3 * part),
                    net,
                    samples,
                    loss,
                    tile_rows,
                    wide_rows,
                    Kept(kept, n_kept, batch * per_batch + part * team.part_tiles),
                    offset(rows, first),
                    min(part_size, stop - first),
                    scale,
                ),
            )
        budget -= min(last * part_size, stop - start) - done
        if not wait(sync, n_threads):
            break
        for part in range(first_part, last):
            if part_sums[3 * part + 2] >= 0:
                status = NOT_FINITE
        if thread == 0 and status == DONE:
            for part in range(first_part, last):
                part_loss = part_sums[3 * part] * loss_factor
                loss_sums[epoch] += part_loss
                n_right[epoch] += np.int64(part_sums[3 * part + 1])
                if record < n_records:
                    recorded_sums[2 * record] += part_loss * RECORD_SCALE
                    recorded_sums[2 * record + 1] += part_sums[3 * part + 1]
                if part > 0:
                    add(g, offset(g, part * n_params), n_params)
            if last * part_size < stop - start:
                position[SAMPLES] = last * part_size
            else:
                set_rate(plan.settings, plan.schedule, epoch)
                if kernels.step == 0:
                    sgd_updates(theta, g, n_params, settings[LR], settings[DECAY])
                else:
                    squares = call(
                        kernels.step,
                        0.0,
                        (
                            net,
                            state.theta,
                            state.moments,
                            state.clock,
                            state.g[0],
                            plan.optimizer,
                            plan.settings,
                            plan.rates,
                            plan.decays,
                            l2 * np.float64(scale),
                        ),
                    )
                    if l2 > 0.0:
                        state.penalty_sums[epoch] += (
                            0.5 * l2 * squares * loss_factor * loss_scale
                        )
                position[UPDATES] += 1
                position[SAMPLES] = 0
                if record < n_records and record_at[record] == position[UPDATES]:
                    copy(
                        offset(flat(state.recorded), record * n_params), theta, n_params
                    )
                    record += 1
        elif thread == 0:
            for part in range(last - 1, first_part - 1, -1):
                if part_sums[3 * part + 2] >= 0:
                    position[ROW] = np.int64(part_sums[3 * part + 2])
        if not wait(sync, n_threads):
            break
    return status
