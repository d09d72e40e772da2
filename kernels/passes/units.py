"""Forward and backward passes of one sample: the numbers of a vector are units.

Parameters are packed (see `codes`): weights stand twice, by rows for the forward pass
and by columns for the backward pass, so that neither adds up the numbers within a
vector.
"""

from typing import Any, NamedTuple

from numba import types

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
from ..primitives import arithmetic, memory
from ..primitives.vectors import (
    Vector,
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
    traced,
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
    """How a gradient g changes a value: gradient_factor g is added.

    Weight decay adds decay_factor value to weights, and bias_decay_factor value to
    biases. The two are None without decay.
    """

    gradient_factor: Any
    decay_factor: Any
    bias_decay_factor: Any


@inlined_by_llvm
def weighted_rule(rule, weight):
    """Return the rule for a sample of this weight, which is off the critical path."""
    return Rule(
        rule.gradient_factor * weight,
        rule.decay_factor,
        rule.bias_decay_factor,
    )


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


def _changed(old: Any, x: Any, scaled: Any, decay: Any) -> Any:
    """Return old + decay old + x scaled: a weight changed by a `Rule`."""
    if decay is None:
        return arithmetic.fma(x, scaled, old)
    # The last two are added first: of float32's old value alone, a small decay would
    # be lost in rounding.
    return old + arithmetic.fma(x, scaled, decay * old)


def _changed_bias(old: Any, scaled: Any, decay: Any) -> Any:
    """Return old + decay old + scaled."""
    if decay is None:
        return old + scaled
    return old + arithmetic.fma(decay, old, scaled)


def _constant_or_none(a: Any, x: Any) -> Any:
    """Return a vector of a's type with x in every lane, or None for None."""
    return None if x is None else memory.constant(a, x)


def _if_given(decay: Any, x: Any) -> Any:
    """Return None where there is no decay, otherwise x."""
    return None if decay is None else x


def _none_or(kind: Any, given: Any) -> Any:
    return types.none if given == types.none else kind


changed, changed_bias = traced(_changed), traced(_changed_bias)
constant_or_none = traced(_constant_or_none, lambda a, x: _none_or(Vector(a.dtype), x))
if_given = traced(_if_given, lambda decay, x: _none_or(x, decay))


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
def update_and_forward(theta, w, width, n, x, scaled, decay, start, next_x):
    """Update a first layer's weights, and return `affine` of the next sample.

    Both are done in one sweep over the vectors theta[w + j width], j < n.
    """
    s0 = start
    j = 0
    if n >= 4:
        s1 = constant(theta, 0)
        s2, s3 = s1, s1
        while j + 4 <= n:
            p = w + j * width
            w0, w1 = load(theta, p), load(theta, p + width)
            w2, w3 = load(theta, p + 2 * width), load(theta, p + 3 * width)
            w0 = changed(w0, broadcast(x, j), scaled, decay)
            w1 = changed(w1, broadcast(x, j + 1), scaled, decay)
            w2 = changed(w2, broadcast(x, j + 2), scaled, decay)
            w3 = changed(w3, broadcast(x, j + 3), scaled, decay)
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
        w0 = load(theta, w + j * width)
        w0 = changed(w0, broadcast(x, j), scaled, decay)
        store(theta, w + j * width, w0)
        s0 = fma(broadcast(next_x, j), w0, s0)
        j += 1
    return s0


@inlined_by_llvm
def accumulate_gradients(g, decay, w, width, n, x, scaled):
    """Change the vectors g[w + j width], j < n, by the gradients x[j] scaled."""
    for j in range(n):
        p = w + j * width
        store(g, p, changed(load(g, p), broadcast(x, j), scaled, decay))


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
    layer: dL/dx_j = sum_k d_k w_jk with the weights as they were, then g is changed by
    the rule. Where `fused`, for SGD, g is theta
    itself, and the next sample goes through the first layer in the same sweep.
    """
    length = vector_length(theta)
    a, d, scaled_d = units.a, units.d, units.scaled_d
    zero, one = constant(a, 0), constant(a, 1)
    factor = constant(a, rule.gradient_factor)
    decay = constant_or_none(a, rule.decay_factor)
    bias_decay = constant_or_none(a, rule.bias_decay_factor)
    last = packed_layer(layers, n_layers - 1)
    by_column, scaled = last.by_column, rule.gradient_factor * gradient
    only, scaled_only = constant(a, gradient), constant(a, scaled)
    if by_column:
        g[last.b] = changed_bias(g[last.b], scaled, rule.bias_decay_factor)
    else:
        for v in range(0, last.width_out, length):
            e, w = factor * load(d, last.z + v), last.rows + v
            store(scaled_d, last.z + v, e)
            bias = changed_bias(load(g, last.b + v), e, bias_decay)
            store(g, last.b + v, bias)
            if n_layers > 1:
                inputs = offset(a, last.x)
                accumulate_gradients(g, decay, w, last.width_out, last.n_in, inputs, e)
            elif fused:
                z = update_and_forward(
                    g, w, last.width_out, last.n_in, x, e, decay, bias, next_x
                )
                store(a, last.z + v, z)
            else:
                accumulate_gradients(g, decay, w, last.width_out, last.n_in, x, e)
    for back in range(n_layers - 1):
        layer = packed_layer(layers, n_layers - 1 - back)
        before = packed_layer(layers, n_layers - 2 - back)
        is_second, width, n_in = back == n_layers - 2, layer.width_in, before.n_in
        for v in range(0, width, length):
            out, column = load(a, layer.x + v), layer.columns + v
            derivative = activate_backward(one, out, before.activation)
            if by_column:
                down = only * (load(theta, column) * derivative)
                weight = changed(load(g, column), out, scaled_only, decay)
                store(g, column, weight)
            else:
                above = offset(d, layer.z)
                down = affine(zero, theta, column, width, above, layer.n_out)
                down = down * derivative
                scaled_above = offset(scaled_d, layer.z)
                accumulate_gradients(
                    g, decay, column, width, layer.n_out, scaled_above, out
                )
            store(d, layer.x + v, down)
            e, w = factor * down, before.rows + v
            store(scaled_d, layer.x + v, e)
            bias = changed_bias(load(g, before.b + v), e, bias_decay)
            store(g, before.b + v, bias)
            if not is_second:
                inputs = offset(a, before.x)
                accumulate_gradients(g, decay, w, width, n_in, inputs, e)
            elif fused:
                z = update_and_forward(g, w, width, n_in, x, e, decay, bias, next_x)
                mask = load(units.mask, layer.x + v)
                store(a, layer.x + v, activate(z, before.activation, mask))
            else:
                accumulate_gradients(g, decay, w, width, n_in, x, e)
        by_column = False
