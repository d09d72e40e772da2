"""Forward and backward passes of one sample: the numbers of a vector are units.

Parameters are packed (see `codes`): weights stand twice, by rows for the forward pass
and by columns for the backward pass, so that neither adds up the numbers within a
vector.
"""

from typing import Any, NamedTuple

from ..codes import (
    ACTIVATION,
    BIAS,
    BY_COLUMN,
    COLUMNS,
    INPUT,
    N_IN,
    N_OUT,
    N_PACKED_COLUMNS,
    OUTPUT,
    ROWS,
    WIDTH_IN,
    WIDTH_OUT,
)
from ..compiler.compile import inlined_by_llvm, subroutine
from ..functions.activations import activate, activate_backward
from ..primitives.vectors import (
    add_first_two,
    broadcast,
    constant,
    entry,
    fma,
    load,
    offset,
    reduce_add,
    scalar,
    store,
    vector_length,
)


class PackedLayer(NamedTuple):
    """A row of the packed table."""

    n_in: Any
    n_out: Any
    activation: Any
    by_column: Any
    width_in: Any
    width_out: Any
    x: Any  # first unit of its input
    z: Any  # first unit of its output
    rows: Any
    columns: Any
    b: Any


class Units(NamedTuple):
    """Pointers to rows with a number per unit (see `arguments.PackedScratch`)."""

    a: Any
    d: Any
    scaled_d: Any
    mask: Any


class Rule(NamedTuple):
    """How a gradient g changes a value: keep_factor value + gradient_factor g."""

    keep_factor: Any
    gradient_factor: Any


@inlined_by_llvm
def packed_layer(layers, layer):
    """Return the PackedLayer in a row of the table."""
    return PackedLayer(
        entry(layers, layer, N_IN, N_PACKED_COLUMNS),
        entry(layers, layer, N_OUT, N_PACKED_COLUMNS),
        entry(layers, layer, ACTIVATION, N_PACKED_COLUMNS),
        entry(layers, layer, BY_COLUMN, N_PACKED_COLUMNS) > 0,
        entry(layers, layer, WIDTH_IN, N_PACKED_COLUMNS),
        entry(layers, layer, WIDTH_OUT, N_PACKED_COLUMNS),
        entry(layers, layer, INPUT, N_PACKED_COLUMNS),
        entry(layers, layer, OUTPUT, N_PACKED_COLUMNS),
        entry(layers, layer, ROWS, N_PACKED_COLUMNS),
        entry(layers, layer, COLUMNS, N_PACKED_COLUMNS),
        entry(layers, layer, BIAS, N_PACKED_COLUMNS),
    )


@inlined_by_llvm
def affine(start, theta, w, width, x, n):
    """Return start + sum_j x[j] times the vector theta[w + j width], j < n.

    From n = 4 on these are four sums side by side.
    """
    s0 = start
    j = 0
    if n >= 4:
        s1 = constant(theta, 0)
        s2, s3 = s1, s1
        while j + 4 <= n:
            s0 = fma(broadcast(x, j), load(theta, w + j * width), s0)
            s1 = fma(broadcast(x, j + 1), load(theta, w + (j + 1) * width), s1)
            s2 = fma(broadcast(x, j + 2), load(theta, w + (j + 2) * width), s2)
            s3 = fma(broadcast(x, j + 3), load(theta, w + (j + 3) * width), s3)
            j += 4
        s0 = (s0 + s1) + (s2 + s3)
    while j < n:
        s0 = fma(broadcast(x, j), load(theta, w + j * width), s0)
        j += 1
    return s0


@inlined_by_llvm
def update_and_forward(theta, w, width, n, x, scaled, keep, start, next_x):
    """Update a first layer's weights, and return `affine` of the next sample.

    Both are done in one sweep: the vectors theta[w + j width] become keep times them +
    x[j] scaled, j < n.
    """
    s0 = start
    j = 0
    if n >= 4:
        s1 = constant(theta, 0)
        s2, s3 = s1, s1
        while j + 4 <= n:
            p = w + j * width
            w0 = fma(broadcast(x, j), scaled, keep * load(theta, p))
            w1 = fma(broadcast(x, j + 1), scaled, keep * load(theta, p + width))
            w2 = fma(broadcast(x, j + 2), scaled, keep * load(theta, p + 2 * width))
            w3 = fma(broadcast(x, j + 3), scaled, keep * load(theta, p + 3 * width))
            store(theta, p, w0)
            store(theta, p + width, w1)
            store(theta, p + 2 * width, w2)
            store(theta, p + 3 * width, w3)
            s0 = fma(broadcast(next_x, j), w0, s0)
            s1 = fma(broadcast(next_x, j + 1), w1, s1)
            s2 = fma(broadcast(next_x, j + 2), w2, s2)
            s3 = fma(broadcast(next_x, j + 3), w3, s3)
            j += 4
        s0 = (s0 + s1) + (s2 + s3)
    while j < n:
        w0 = fma(broadcast(x, j), scaled, keep * load(theta, w + j * width))
        store(theta, w + j * width, w0)
        s0 = fma(broadcast(next_x, j), w0, s0)
        j += 1
    return s0


@inlined_by_llvm
def accumulate_gradients(g, keep, w, width, n, x, scaled):
    """Replace the vectors g[w + j width] by keep times them + x[j] scaled, j < n."""
    for j in range(n):
        p = w + j * width
        store(g, p, fma(broadcast(x, j), scaled, keep * load(g, p)))


@subroutine
def first_layer(units, theta, x, layers):
    """Fill the first layer's output for the sample x."""
    layer = packed_layer(layers, 0)
    for v in range(0, layer.width_out, vector_length(theta)):
        start = load(theta, layer.b + v)
        z = affine(start, theta, layer.rows + v, layer.width_out, x, layer.n_in)
        mask = load(units.mask, layer.z + v)
        store(units.a, layer.z + v, activate(z, layer.activation, mask))


@inlined_by_llvm
def forward(units, theta, layers, n_layers):
    """Fill every layer's output from the second layer on.

    The output of a last layer that is BY_COLUMN is returned instead.
    """
    length, out = vector_length(theta), scalar(theta, 0)
    a = units.a
    for i in range(1, n_layers):
        layer = packed_layer(layers, i)
        if layer.by_column:
            s = constant(theta, 0)
            for v in range(0, layer.width_in, length):
                s = fma(load(a, layer.x + v), load(theta, layer.columns + v), s)
            out = (add_first_two(s) if layer.n_in <= 2 else reduce_add(s)) + theta[
                layer.b
            ]
        else:
            x = offset(a, layer.x)
            for v in range(0, layer.width_out, length):
                start, w = load(theta, layer.b + v), layer.rows + v
                z = affine(start, theta, w, layer.width_out, x, layer.n_in)
                mask = load(units.mask, layer.z + v)
                store(a, layer.z + v, activate(z, layer.activation, mask))
    return out


@inlined_by_llvm
def backward(g, theta, rule, gradient, units, x, next_x, fused, layers, n_layers):
    """Carry dL/dz of the last layer back through all layers, and change g.

    dL/dz is in units.d, or in `gradient` where the last layer is BY_COLUMN. Layer by
    layer: dL/dx_j = sum_k d_k w_jk with the weights as they were, then
    g = keep_factor g + gradient_factor dL/dtheta. Where `fused`, for SGD, g is theta
    itself, and the next sample goes through the first layer in the same sweep.
    """
    length = vector_length(theta)
    a, d, scaled_d = units.a, units.d, units.scaled_d
    zero, one = constant(a, 0), constant(a, 1)
    factor, keep = constant(a, rule.gradient_factor), constant(a, rule.keep_factor)
    last = packed_layer(layers, n_layers - 1)
    by_column, scaled = last.by_column, rule.gradient_factor * gradient
    only, scaled_only = constant(a, gradient), constant(a, scaled)
    if by_column:
        g[last.b] = fma(rule.keep_factor, g[last.b], scaled)
    else:
        for v in range(0, last.width_out, length):
            e, w = factor * load(d, last.z + v), last.rows + v
            store(scaled_d, last.z + v, e)
            bias = fma(keep, load(g, last.b + v), e)
            store(g, last.b + v, bias)
            if n_layers > 1:
                inputs = offset(a, last.x)
                accumulate_gradients(g, keep, w, last.width_out, last.n_in, inputs, e)
            elif fused:
                z = update_and_forward(
                    g, w, last.width_out, last.n_in, x, e, keep, bias, next_x
                )
                store(a, last.z + v, z)
            else:
                accumulate_gradients(g, keep, w, last.width_out, last.n_in, x, e)
    for back in range(n_layers - 1):
        layer = packed_layer(layers, n_layers - 1 - back)
        before = packed_layer(layers, n_layers - 2 - back)
        is_second, width, n_in = back == n_layers - 2, layer.width_in, before.n_in
        for v in range(0, width, length):
            out, column = load(a, layer.x + v), layer.columns + v
            derivative = activate_backward(one, out, before.activation)
            if by_column:
                down = only * (load(theta, column) * derivative)
                store(g, column, fma(scaled_only, out, keep * load(g, column)))
            else:
                above = offset(d, layer.z)
                down = affine(zero, theta, column, width, above, layer.n_out)
                down = down * derivative
                scaled_above = offset(scaled_d, layer.z)
                accumulate_gradients(
                    g, keep, column, width, layer.n_out, scaled_above, out
                )
            store(d, layer.x + v, down)
            e, w = factor * down, before.rows + v
            store(scaled_d, layer.x + v, e)
            bias = fma(keep, load(g, before.b + v), e)
            store(g, before.b + v, bias)
            if not is_second:
                inputs = offset(a, before.x)
                accumulate_gradients(g, keep, w, width, n_in, inputs, e)
            elif fused:
                z = update_and_forward(g, w, width, n_in, x, e, keep, bias, next_x)
                mask = load(units.mask, layer.x + v)
                store(a, layer.x + v, activate(z, before.activation, mask))
            else:
                accumulate_gradients(g, keep, w, width, n_in, x, e)
        by_column = False
