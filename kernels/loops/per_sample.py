"""One net, one sample at a time: forward, backward and update for a whole run of samples in one call.

Alphabet: x input, w weights, b bias, z = x w + b, a = activation(z), d = dL/dz or dL/da, g = dL/dtheta.
A vector's numbers are units of a layer. Parameters are packed (see `codes`).
"""

import numpy as np

from ..codes import (
    ACTIVATION,
    BCE,
    BIAS,
    BY_COLUMN,
    COLUMNS,
    DONE,
    INPUT,
    N_IN,
    N_OUT,
    N_PACKED_COLUMNS,
    NOT_FINITE,
    OUTPUT,
    ROW,
    ROWS,
    SGD,
    SOFTMAX_CE,
    UPDATES,
    WIDTH_IN,
    WIDTH_OUT,
)
from ..compiler.compile import entry_point, inlined_by_llvm, subroutine
from ..functions.activations import activated, passed_back
from ..functions.losses import bce_loss, bce_slope
from ..functions.optimizers import descent, step
from ..primitives.pointers import flat
from ..primitives.vectors import (
    add_first_two,
    broadcast,
    constant,
    entry,
    exp,
    fma,
    load,
    log1p,
    offset,
    reduce_add,
    reduce_max,
    scalar,
    store,
    vector_length,
    where_greater,
)
from .recordings import next_record


@inlined_by_llvm
def place(layers, layer):
    """A layer's sizes and places: n_in, n_out and both widths, input x and output z in the scratch, w, columns, b."""
    return (
        entry(layers, layer, N_IN, N_PACKED_COLUMNS),
        entry(layers, layer, N_OUT, N_PACKED_COLUMNS),
        entry(layers, layer, WIDTH_IN, N_PACKED_COLUMNS),
        entry(layers, layer, WIDTH_OUT, N_PACKED_COLUMNS),
        entry(layers, layer, INPUT, N_PACKED_COLUMNS),
        entry(layers, layer, OUTPUT, N_PACKED_COLUMNS),
        entry(layers, layer, ROWS, N_PACKED_COLUMNS),
        entry(layers, layer, COLUMNS, N_PACKED_COLUMNS),
        entry(layers, layer, BIAS, N_PACKED_COLUMNS),
    )


@inlined_by_llvm
def product(start, theta, at, width, a, x, n):
    """start + sum_j a[x + j] times the vector theta[at + j width], j < n: four sums side by side where n >= 4."""
    s0 = start
    j = 0
    if n >= 4:
        s1 = constant(theta, 0)
        s2, s3 = s1, s1
        while j + 4 <= n:
            s0 = fma(broadcast(a, x + j), load(theta, at + j * width), s0)
            s1 = fma(broadcast(a, x + j + 1), load(theta, at + (j + 1) * width), s1)
            s2 = fma(broadcast(a, x + j + 2), load(theta, at + (j + 2) * width), s2)
            s3 = fma(broadcast(a, x + j + 3), load(theta, at + (j + 3) * width), s3)
            j += 4
        s0 = (s0 + s1) + (s2 + s3)
    while j < n:
        s0 = fma(broadcast(a, x + j), load(theta, at + j * width), s0)
        j += 1
    return s0


@inlined_by_llvm
def renewed(theta, at, width, n, x, i, e, keep, start, following):
    """Replace the vectors theta[at + j width] by keep times them + x[i + j] e, j < n, and return `product` of the new
    ones and x[following + j]: the update of a first layer, and the next sample's way through it, in one sweep.
    """
    s0 = start
    j = 0
    if n >= 4:
        s1 = constant(theta, 0)
        s2, s3 = s1, s1
        while j + 4 <= n:
            p = at + j * width
            w0 = fma(broadcast(x, i + j), e, keep * load(theta, p))
            w1 = fma(broadcast(x, i + j + 1), e, keep * load(theta, p + width))
            w2 = fma(broadcast(x, i + j + 2), e, keep * load(theta, p + 2 * width))
            w3 = fma(broadcast(x, i + j + 3), e, keep * load(theta, p + 3 * width))
            store(theta, p, w0)
            store(theta, p + width, w1)
            store(theta, p + 2 * width, w2)
            store(theta, p + 3 * width, w3)
            s0 = fma(broadcast(x, following + j), w0, s0)
            s1 = fma(broadcast(x, following + j + 1), w1, s1)
            s2 = fma(broadcast(x, following + j + 2), w2, s2)
            s3 = fma(broadcast(x, following + j + 3), w3, s3)
            j += 4
        s0 = (s0 + s1) + (s2 + s3)
    while j < n:
        w0 = fma(broadcast(x, i + j), e, keep * load(theta, at + j * width))
        store(theta, at + j * width, w0)
        s0 = fma(broadcast(x, following + j), w0, s0)
        j += 1
    return s0


@subroutine
def first_layer(a, theta, units, x, i, layers):
    """Fill a with the first layer's output for the sample x[i], x[i + 1] ..."""
    n_in, _, _, width, _, z, w, _, b = place(layers, 0)
    for v in range(0, width, vector_length(a)):
        out = product(load(theta, b + v), theta, w + v, width, x, i, n_in)
        store(
            a,
            z + v,
            activated(
                out, entry(layers, 0, ACTIVATION, N_PACKED_COLUMNS), load(units, z + v)
            ),
        )


@inlined_by_llvm
def forward(a, theta, units, layers, n_layers):
    """Fill the scratch a with every layer's output from the second one on; the output, where it is one by column."""
    vector = vector_length(a)
    only = scalar(a, 0)
    for layer in range(1, n_layers):
        n_in, _, width_in, width_out, x, z, w, columns, b = place(layers, layer)
        if entry(layers, layer, BY_COLUMN, N_PACKED_COLUMNS):
            sums = constant(theta, 0)
            for v in range(0, width_in, vector):
                sums = fma(load(a, x + v), load(theta, columns + v), sums)
            only = (add_first_two(sums) if n_in <= 2 else reduce_add(sums)) + theta[b]
        else:
            for v in range(0, width_out, vector):
                out = product(load(theta, b + v), theta, w + v, width_out, a, x, n_in)
                store(
                    a,
                    z + v,
                    activated(
                        out,
                        entry(layers, layer, ACTIVATION, N_PACKED_COLUMNS),
                        load(units, z + v),
                    ),
                )
    return only


@subroutine
def softmax_loss(d, a, units, z, width, true):
    """The loss of the class `true` and whether it won; d = dL/dz. Both are vectors from z on."""
    vector = vector_length(a)
    zero, half, one = constant(a, 0), constant(a, 0.5), constant(a, 1)
    top = a[z]
    for v in range(0, width, vector):  # where there is no unit, its 0 must not win
        top = max(
            top,
            reduce_max(
                where_greater(
                    load(units, z + v), half, load(a, z + v), constant(a, a[z])
                )
            ),
        )
    most = constant(a, top)
    below, tied = zero, zero
    for v in range(0, width, vector):
        x, unit = load(a, z + v), load(units, z + v)
        e = exp(x - most) * unit
        store(d, z + v, e)
        less = where_greater(most, x, one, zero)
        below = below + e * less
        tied = tied + unit * (one - less)
    n_tied, rest = reduce_add(tied), reduce_add(below)
    norm = constant(a, scalar(a, 1) / (n_tied + rest))
    for v in range(0, width, vector):
        store(d, z + v, load(d, z + v) * norm)
    loss = log1p(rest + (n_tied - scalar(a, 1))) + (top - a[z + true])
    right = a[z + true] == top
    if right and n_tied > 1:
        for k in range(true):
            right = right and a[z + k] < top
    d[z + true] -= 1
    return loss, right


@subroutine
def mse_loss(d, a, z, n_out, y):
    """The mean squared error of outputs a[z + k] and targets y[k]; d = dL/dz."""
    value, share = scalar(a, 0), scalar(a, 1) / scalar(a, n_out)
    for k in range(n_out):
        gap = a[z + k] - y[k]
        value += share * gap * gap
        d[z + k] = share * (gap + gap)
    return value


@inlined_by_llvm
def add_rows(g, keep, at, width, n, a, x, e):
    """Replace the vectors g[at + j width] by keep times them + a[x + j] e, j < n."""
    for j in range(n):
        p = at + j * width
        store(g, p, fma(broadcast(a, x + j), e, keep * load(g, p)))


@inlined_by_llvm
def backward(
    g, theta, kept, factor, slope, e, d, a, units, x, i, following, layers, n_layers
):
    """Carry dL/dz of the last layer, in d or, where it is one by column, `slope`, back through all layers.

    Layer by layer: dL/dx_j = sum_k d_k w_jk with the weights as they were, then g = kept g + factor dL/dtheta.
    For SGD g is theta itself, and the next sample, x[following], goes through the first layer on the same sweep.
    """
    vector = vector_length(a)
    zero, one, by, keep = (
        constant(a, 0),
        constant(a, 1),
        constant(a, factor),
        constant(a, kept),
    )
    fused = following >= 0
    n_in, n_out, width_in, width_out, before, z, w, columns, b = place(
        layers, n_layers - 1
    )
    by_column = entry(layers, n_layers - 1, BY_COLUMN, N_PACKED_COLUMNS) > 0
    only, scaled = constant(a, slope), constant(a, factor * slope)
    if by_column:
        g[b] = fma(kept, g[b], factor * slope)
    else:
        for v in range(0, width_out, vector):
            ev = by * load(d, z + v)
            store(e, z + v, ev)
            bias = fma(keep, load(g, b + v), ev)
            store(g, b + v, bias)
            if n_layers > 1:
                add_rows(g, keep, w + v, width_out, n_in, a, before, ev)
            elif fused:
                store(
                    a,
                    z + v,
                    renewed(g, w + v, width_out, n_in, x, i, ev, keep, bias, following),
                )
            else:
                add_rows(g, keep, w + v, width_out, n_in, x, i, ev)
    for back in range(n_layers - 1):
        layer = n_layers - 1 - back
        n_in, n_out, width_in, width_out, before, z, w, columns, b = place(
            layers, layer
        )
        n_first, _, _, _, earlier, _, w_before, _, b_before = place(layers, layer - 1)
        activation = entry(layers, layer - 1, ACTIVATION, N_PACKED_COLUMNS)
        for v in range(0, width_in, vector):
            out = load(a, before + v)
            at = columns + v
            rise = passed_back(one, out, activation, one)
            if by_column:
                down = only * (load(theta, at) * rise)
                store(g, at, fma(scaled, out, keep * load(g, at)))
            else:
                down = product(zero, theta, at, width_in, d, z, n_out)
                down = down * rise
                add_rows(g, keep, at, width_in, n_out, e, z, out)
            store(d, before + v, down)
            ev = by * down
            store(e, before + v, ev)
            bias = fma(keep, load(g, b_before + v), ev)
            store(g, b_before + v, bias)
            if layer > 1:
                add_rows(g, keep, w_before + v, width_in, n_first, a, earlier, ev)
            elif fused:
                out = renewed(
                    g, w_before + v, width_in, n_first, x, i, ev, keep, bias, following
                )
                store(
                    a, before + v, activated(out, activation, load(units, before + v))
                )
            else:
                add_rows(g, keep, w_before + v, width_in, n_first, x, i, ev)
        by_column = False


@entry_point
def train(
    theta,
    moments,
    clock,
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
    record_at,
    first_epoch,
    end,
    budget,
    packed,
    packed_moments,
    packed_g,
    packed_rates,
    a,
    d,
    e,
    units,
    places,
    sources,
):
    """`batches.train` for batches of one sample, on one thread.

    Read besides: layers is the packed table; the packed parameter places[p] is the parameter sources[p] of theta, and
    for p < n_params that is p; units is 1 for each unit and 0 for what fills a layer up.
    Scratch: packed, packed_g, packed_moments, packed_rates for theta, its gradient, the moments and the rates; a, d
    and e have a number for each filled-up unit.
    """
    n, n_in = X.shape
    n_layers = layers.shape[0]
    _, n_out, _, width, _, z, _, _, _ = place(flat(layers), n_layers - 1)
    by_column = entry(flat(layers), n_layers - 1, BY_COLUMN, N_PACKED_COLUMNS) > 0
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    kept, lr = descent(theta, settings)
    # What fills up must be zero, also after a run that was not finite.
    packed[:], packed_g[:], packed_moments[:] = 0, 0, 0
    a[:], d[:], e[:] = 0, 0, 0
    for p in range(places.size):
        packed[places[p]] = theta[sources[p]]
        if rates.size:
            packed_rates[places[p]] = rates[sources[p]]
        for row in range(moments.shape[0]):
            packed_moments[row, places[p]] = moments[row, sources[p]]
    end = min(end, position[UPDATES] + budget)
    record = next_record(record_at, position[UPDATES])
    status = DONE
    table, w, no_sample = flat(layers), flat(packed), np.int64(-1)
    fused = optimizer == SGD and rates.size == 0
    target, factor = (w, -lr) if fused else (flat(packed_g), one)
    if not fused:
        kept = zero
    x, out, slopes, scaled, mask = flat(X), flat(a), flat(d), flat(e), flat(units)
    while position[UPDATES] < end and status == DONE:
        epoch = position[UPDATES] // n
        rows = offset(flat(order), (epoch - first_epoch) % order.shape[0] * n)
        sum_of_losses, right = loss_sums[epoch], n_right[epoch]
        stop = min(end - epoch * n, n)
        if record < record_at.size:
            stop = min(record_at[record] - epoch * n, stop)
        s = position[UPDATES] - epoch * n
        i = rows[s]
        first_layer(out, w, mask, x, i * n_in, table)
        while s < stop:
            i = rows[s]
            only = forward(out, w, mask, table, n_layers)
            hit, slope = False, zero
            if loss == BCE:
                if n_layers == 1:
                    only = out[z]
                slope, e = bce_slope(only, y[i, 0])
                value, one_if_hit = bce_loss(only, y[i, 0], e)
                slopes[z] = slope
                hit = one_if_hit > 0
            elif loss == SOFTMAX_CE:
                value, hit = softmax_loss(
                    slopes, out, mask, z, width, np.int64(y[i, 0])
                )
            else:
                if by_column:
                    out[z] = only
                value = mse_loss(slopes, out, z, n_out, offset(flat(y), i * n_out))
                slope = slopes[z]
            if not np.isfinite(value):
                position[ROW], status = i, NOT_FINITE
                break
            following = rows[min(s + 1, n - 1)] * n_in
            backward(
                target,
                w,
                kept,
                factor,
                slope,
                scaled,
                slopes,
                out,
                mask,
                x,
                i * n_in,
                following if fused else no_sample,
                table,
                n_layers,
            )
            if not fused:
                step(
                    packed,
                    packed_moments,
                    clock,
                    packed_g,
                    optimizer,
                    settings,
                    packed_rates,
                )
                first_layer(out, w, mask, x, following, table)
            sum_of_losses += value
            right += hit
            s += 1
        loss_sums[epoch], n_right[epoch] = sum_of_losses, right
        position[UPDATES] = epoch * n + s
        if record < record_at.size and record_at[record] == position[UPDATES]:
            for p in range(theta.size):
                recorded[record, p] = packed[places[p]]
            if s < n:
                recorded_sums[record, 0], recorded_sums[record, 1] = (
                    sum_of_losses,
                    right,
                )
            record += 1
    for p in range(theta.size):
        theta[p] = packed[places[p]]
        for row in range(moments.shape[0]):
            moments[row, p] = packed_moments[row, places[p]]
    return status
