"""Many nets of one architecture, in batches: tiles of `lanes`, where a parameter is a vector of nets.

A few vectors of nets at a time, a group, are trained as far as they should come; what they work on stays in the
first-level cache. A batch is divided into tiles of samples, the same whatever the budget, whose gradients are added.
"""

import numpy as np

from ..codes import ADAM, HITS, LOSSES, N_RATES, SAMPLES, UPDATES
from ..compiler.compile import entry_point, subroutine
from ..functions.losses import share, tile_sums
from ..functions.many_steps import fill, leave, set_rates, step, tick
from ..passes.samples import backward_of_nets, forward
from ..primitives.pointers import flat
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


@subroutine
def show(a, lanes, x, X, n_columns, rows, n, width, n_vectors):
    """Bring the rows rows[0] ... rows[n - 1] of X into the units from x on, for each vector of nets, a row a vector."""
    step = vector_length(a)
    for j in range(n_columns):
        for s in range(width // step):
            numbers = broadcast(X, rows[s] * n_columns + j) if s < n else constant(a, 0)
            for v in range(n_vectors):
                store(a, (x + j) * lanes + v * width + s * step, numbers)


@subroutine
def add_sums(sums, counts, d, lost, right, t, nets, width):
    """Add the rows of d from `lost` and `right` on, summed over samples, to each net's sum and count."""
    step = vector_length(d)
    for v in range(nets):
        loss, hits = load(d, lost + v * width), load(d, right + v * width)
        for i in range(v * width + step, (v + 1) * width, step):
            loss, hits = loss + load(d, lost + i), hits + load(d, right + i)
        store(t, LOSSES * step, loss)
        store(t, HITS * step, hits)
        for i in range(step):
            sums[v * step + i] += t[LOSSES * step + i]
            counts[v * step + i] += np.int64(t[HITS * step + i])


@entry_point
def train(
    theta,
    moments,
    clock,
    settings,
    losses,
    n_right,
    trained,
    position,
    X,
    y,
    order,
    layers,
    loss,
    optimizer,
    batch_size,
    mean,
    every,
    epochs,
    stop_below,
    first_epoch,
    end,
    budget,
    g,
    a,
    d,
    t,
    scales,
    rates,
):
    """Train all groups up to the update `end`, counted over all epochs, or for `budget` samples in all, or until all
    nets have left. A budget may end after a tile; the next call goes on there.

    Changed in place, `numbers` being those of a vector: theta (n_vectors, n_params, numbers), moments (n_vectors,
    N_MOMENTS[optimizer], n_params, numbers), clock (n_vectors, 2, numbers) float64; settings (n_vectors, 6, numbers)
    float64; losses and n_right (n_kept, n_vectors, numbers), trained (n_vectors, numbers), as in `many_nets.train`;
    position (n_groups, N_POSITION).
    Read: data and order as in `batches.train`.
    Scratch: g (group, n_params, numbers); a and d with a row of lanes for each unit, a with one more for each input and
    target, d with one more of zeros; t (2, numbers); scales as a row of a; rates (group, N_RATES, numbers).
    """
    n, n_in = X.shape
    n_vectors, n_params, numbers = theta.shape
    n_layers, n_y = layers.shape[0], y.shape[1]
    n_moments = moments.shape[1]
    per_epoch = (n + batch_size - 1) // batch_size
    group, lanes = g.shape[0], scales.size
    tile = lanes // (group * numbers)
    table, grads, x, slope, extra, by, c = (
        flat(layers),
        flat(g),
        flat(a),
        flat(d),
        flat(t),
        flat(scales),
        flat(rates),
    )
    z, n_out = output_rows(table, n_layers)
    inputs, size = z + n_out, n_params * numbers
    n_settings = settings.shape[1]
    before = (first_epoch + every - 1) // every
    for q in range(position.shape[0]):
        first = q * group
        count = min(group, n_vectors - first)
        w, moments_of = (
            offset(flat(theta), first * size),
            offset(flat(moments), first * n_moments * size),
        )
        given, times = (
            offset(flat(settings), first * n_settings * numbers),
            offset(flat(clock), first * 2 * numbers),
        )
        left, set_anew, shown = 1, True, False
        if stop_below > 0.0:
            left = 0
            for v in range(first, first + count):
                for i in range(numbers):
                    left += trained[v, i] == 0
        while left > 0 and position[q, UPDATES] < end and budget > 0:
            if set_anew and optimizer != ADAM:  # whose rates are those of an update
                for v in range(count):
                    own = offset(given, v * n_settings * numbers)
                    set_rates(
                        offset(c, v * N_RATES * numbers), own, times, optimizer, numbers
                    )
            set_anew = False
            epoch = position[q, UPDATES] // per_epoch
            rows = offset(flat(order), (epoch - first_epoch) % order.shape[0] * n)
            start = (position[q, UPDATES] - epoch * per_epoch) * batch_size
            stop = min(start + batch_size, n)
            done = start + position[q, SAMPLES]
            wanted = epoch % every == 0 or epoch == epochs - 1
            kept = (
                ((epoch + every - 1) // every - before) * n_vectors + first
            ) * numbers
            sums, counts = offset(flat(losses), kept), offset(flat(n_right), kept)
            scale = share(theta, stop - start, mean)
            if done == start:
                fill(grads, 0, count * size, scalar(grads, 0))
            while done < stop and budget > 0:
                some = min(tile, stop - done)
                width = (some + 1) // 2 * 2 * numbers
                if not shown:
                    show(
                        x,
                        lanes,
                        inputs,
                        flat(X),
                        n_in,
                        offset(rows, done),
                        some,
                        width,
                        count,
                    )
                    show(
                        x,
                        lanes,
                        inputs + n_in,
                        flat(y),
                        n_y,
                        offset(rows, done),
                        some,
                        width,
                        count,
                    )
                    for v in range(count):
                        fill(by, v * width, some * numbers, scale)
                        fill(
                            by,
                            v * width + some * numbers,
                            width - some * numbers,
                            scalar(grads, 0),
                        )
                    shown = (
                        some == n and order.shape[0] == 1
                    )  # then it is always the same tile
                forward(x, inputs, w, table, n_layers, count, size, lanes, width)
                tile_sums(
                    slope,
                    x,
                    z,
                    n_out,
                    inputs + n_in,
                    by,
                    loss,
                    wanted,
                    count,
                    lanes,
                    count * width,
                )
                if wanted:
                    lost, right = (z - 1) * lanes, (z + n_out) * lanes
                    add_sums(sums, counts, slope, lost, right, extra, count, width)
                backward_of_nets(
                    grads,
                    slope,
                    x,
                    inputs,
                    w,
                    table,
                    n_layers,
                    count,
                    size,
                    lanes,
                    width,
                )
                done += some
                budget -= some
            if done < stop:
                position[q, SAMPLES] = done - start
                return
            for v in range(count):
                if optimizer == ADAM:
                    own, clock_of = (
                        offset(given, v * n_settings * numbers),
                        offset(times, v * 2 * numbers),
                    )
                    tick(clock_of, own, numbers)
                    set_rates(
                        offset(c, v * N_RATES * numbers),
                        own,
                        clock_of,
                        optimizer,
                        numbers,
                    )
                step(
                    offset(w, v * size),
                    offset(moments_of, v * n_moments * size),
                    offset(grads, v * size),
                    optimizer,
                    offset(c, v * N_RATES * numbers),
                    table,
                    n_layers,
                    n_params,
                    numbers,
                )
            position[q, UPDATES] += 1
            position[q, SAMPLES] = 0
            if wanted and stop == n and stop_below > 0.0:
                left, set_anew = 0, True
                for v in range(count):
                    own, reached = (
                        offset(given, v * n_settings * numbers),
                        offset(flat(trained), (first + v) * numbers),
                    )
                    left += leave(
                        reached,
                        own,
                        offset(sums, v * numbers),
                        n,
                        stop_below,
                        epoch + 1,
                        numbers,
                    )
