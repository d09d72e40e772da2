"""Forward and backward passes of many nets, one per lane, for one sample.

Parameter p of the net in lane i stands at theta[p * lanes + i], its unit u at
a[u * lanes + i]. The operations are those of `units`, in the same order, so that the
bits are the same.
"""

from ..codes import (
    ACTIVATION,
    BIAS_DECAY_FACTOR,
    DECAY_FACTOR,
    GRADIENT_FACTOR,
    N_COLUMNS,
)
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..functions import activations
from ..functions.activations import activate_backward
from ..primitives.rows import tree_sum
from ..primitives.table import layer_offsets
from ..primitives.vectors import (
    broadcast,
    constant,
    entry,
    fma,
    load,
    store,
    vector_length,
    where_greater,
)


@subroutine
def show_sample(a, x, n_in, lanes):
    """Copy the sample x into the first n_in rows of a, the same in every lane."""
    for j in range(n_in):
        for i in range(0, lanes, vector_length(a)):
            store(a, j * lanes + i, broadcast(x, j))


# Four vectors side by side, in a tuple.


@inlined_by_llvm
def _load_four(a, at):
    step = vector_length(a)
    return (
        load(a, at),
        load(a, at + step),
        load(a, at + 2 * step),
        load(a, at + 3 * step),
    )


@inlined_by_llvm
def _store_four(a, at, s):
    step = vector_length(a)
    store(a, at, s[0])
    store(a, at + step, s[1])
    store(a, at + 2 * step, s[2])
    store(a, at + 3 * step, s[3])


@inlined_by_llvm
def _fma_four(theta, w, a, x, s):
    """Return s plus the products of the vectors at theta[w] and a[x]."""
    p, q = _load_four(theta, w), _load_four(a, x)
    return (
        fma(q[0], p[0], s[0]),
        fma(q[1], p[1], s[1]),
        fma(q[2], p[2], s[2]),
        fma(q[3], p[3], s[3]),
    )


@inlined_by_llvm
def _add_fours(s, t):
    return s[0] + t[0], s[1] + t[1], s[2] + t[2], s[3] + t[3]


@inlined_by_llvm
def _affine_four(s, theta, w, step, a, x, n, lanes):
    """Return s + sum_j a[x + j lanes] theta[w + j step], j < n, like `units.affine`."""
    zero = constant(theta, 0)
    if n >= 4:
        s1 = (zero, zero, zero, zero)
        s2, s3 = s1, s1
        for _ in range(n // 4):
            s = _fma_four(theta, w, a, x, s)
            s1 = _fma_four(theta, w + step, a, x + lanes, s1)
            s2 = _fma_four(theta, w + 2 * step, a, x + 2 * lanes, s2)
            s3 = _fma_four(theta, w + 3 * step, a, x + 3 * lanes, s3)
            w += 4 * step
            x += 4 * lanes
        s = _add_fours(_add_fours(s, s1), _add_fours(s2, s3))
    rest = n % 4  # a loop over so few terms takes twice as long
    if rest > 0:
        s = _fma_four(theta, w, a, x, s)
    if rest > 1:
        s = _fma_four(theta, w + step, a, x + lanes, s)
    if rest > 2:
        s = _fma_four(theta, w + 2 * step, a, x + 2 * lanes, s)
    return s


@subroutine
def _affine(a, theta, layer, lanes):
    """Fill a layer's z = x w + b."""
    step, x = layer.n_out * lanes, layer.x * lanes
    for k in range(layer.n_out):
        for i in range(0, lanes, 4 * vector_length(a)):
            start, w = _load_four(theta, (layer.b + k) * lanes + i), layer.w + k
            s = _affine_four(
                start, theta, w * lanes + i, step, a, x + i, layer.n_in, lanes
            )
            _store_four(a, (layer.z + k) * lanes + i, s)


@subroutine
def affine_to_one(a, theta, layer, sums, lanes):
    """Fill z of a last layer of one unit, whose sum is over a vector of units.

    `sums` is scratch with a row per number of a vector.
    """
    step, n_in = vector_length(a), layer.n_in
    x, z, w, b = layer.x * lanes, layer.z * lanes, layer.w * lanes, layer.b * lanes
    if n_in == 2:  # a quarter of the time
        for i in range(0, lanes, step):
            s = load(a, x + i) * load(theta, w + i)
            s = s + load(a, x + lanes + i) * load(theta, w + lanes + i)
            store(a, z + i, s + load(theta, b + i))
        return
    n_rows = min(n_in, step)
    for row in range(n_rows):
        for i in range(0, lanes, step):
            first = row * lanes + i
            s = load(a, x + first) * load(theta, w + first)
            for j in range(row + step, n_in, step):
                term = j * lanes + i
                s = fma(load(a, x + term), load(theta, w + term), s)
            store(sums, first, s)
    tree_sum(sums, n_rows, lanes, lanes)
    for i in range(0, lanes, step):
        store(a, z + i, load(sums, i) + load(theta, b + i))


@inlined_by_numba
def forward(a, theta, layers, n_layers, sums, lanes):
    """Fill a, whose first rows are the sample, with every layer's output."""
    for i in range(n_layers):
        layer = layer_offsets(layers, i)
        if layer.n_out == 1 and 0 < i == n_layers - 1:
            affine_to_one(a, theta, layer, sums, lanes)
        else:
            _affine(a, theta, layer, lanes)
        start, stop = layer.z * lanes, (layer.z + layer.n_out) * lanes
        activations.forward(a, start, stop, entry(layers, i, ACTIVATION, N_COLUMNS))


@subroutine
def _backpropagate_from_one(d, a, theta, layer, activation, lanes):
    """Fill dL/dz of the units before a last layer of one unit."""
    n_in, x, z, w = layer.n_in, layer.x, layer.z, layer.w
    for j in range(n_in):
        for i in range(0, lanes, vector_length(d)):
            out = load(a, (x + j) * lanes + i)
            weight = load(theta, (w + j) * lanes + i)
            down = activate_backward(weight, out, activation)
            store(d, (x + j) * lanes + i, load(d, z * lanes + i) * down)


@subroutine
def _backpropagate(d, a, theta, layer, activation, lanes):
    """Fill dL/dx_j = sum_k d_k w_jk, times the derivative of the layer before."""
    zero, step, n_out = constant(d, 0), vector_length(d), layer.n_out
    for j in range(layer.n_in):
        for i in range(0, lanes, 4 * step):
            start, w = (zero, zero, zero, zero), layer.w + j * n_out
            above = layer.z * lanes + i
            s = _affine_four(start, theta, w * lanes + i, lanes, d, above, n_out, lanes)
            _store_four(d, (layer.x + j) * lanes + i, s)
    start, stop = layer.x * lanes, (layer.x + layer.n_in) * lanes
    activations.backward(d, a, start, stop, activation)


@subroutine
def _accumulate_gradients(g, factors, layer, d, a, lanes):
    """Add dL/dtheta to a layer's part of g, times the row GRADIENT_FACTOR."""
    step, n_in, n_out = vector_length(d), layer.n_in, layer.n_out
    scales, x = GRADIENT_FACTOR * lanes, layer.x * lanes
    if n_in == 2:
        for k in range(n_out):
            for i in range(0, lanes, step):
                e = load(factors, scales + i) * load(d, (layer.z + k) * lanes + i)
                b, w0 = (layer.b + k) * lanes + i, (layer.w + k) * lanes + i
                w1 = w0 + n_out * lanes
                x0, x1 = load(a, x + i), load(a, x + lanes + i)
                # Loads come first: a load waits for a store to an address that differs
                # by a multiple of 4096, as those of b and w do (twice the time).
                bias, weight0, weight1 = load(g, b), load(g, w0), load(g, w1)
                store(g, b, bias + e)
                store(g, w0, fma(x0, e, weight0))
                store(g, w1, fma(x1, e, weight1))
        return
    for k in range(n_out):
        for i in range(0, lanes, 2 * step):
            then = i + step
            row = (layer.z + k) * lanes
            e0 = load(factors, scales + i) * load(d, row + i)
            e1 = load(factors, scales + then) * load(d, row + then)
            b, w, q = (layer.b + k) * lanes + i, (layer.w + k) * lanes + i, x + i
            bias0, bias1 = load(g, b), load(g, b + step)
            store(g, b, bias0 + e0)
            store(g, b + step, bias1 + e1)
            for _ in range(n_in):
                weight0, weight1 = load(g, w), load(g, w + step)
                store(g, w, fma(load(a, q), e0, weight0))
                store(g, w + step, fma(load(a, q + step), e1, weight1))
                w += n_out * lanes
                q += lanes


@subroutine
def _update_decaying(theta, factors, layer, d, a, lanes):
    """Change a layer's part of theta as SGD does, with weight decay in some lanes.

    The others get the bits of `_accumulate_gradients`.
    """
    step, n_out, zero = vector_length(d), layer.n_out, constant(d, 0)
    for k in range(n_out):
        for i in range(0, lanes, step):
            decay = load(factors, DECAY_FACTOR * lanes + i)
            bias_decay = load(factors, BIAS_DECAY_FACTOR * lanes + i)
            any_decay = decay + bias_decay  # below 0 where the net decays
            factor = load(factors, GRADIENT_FACTOR * lanes + i)
            e = factor * load(d, (layer.z + k) * lanes + i)
            b, w = (layer.b + k) * lanes + i, (layer.w + k) * lanes + i
            old = load(theta, b)
            store(theta, b, old + fma(bias_decay, old, e))
            for j in range(layer.n_in):
                x, old = load(a, (layer.x + j) * lanes + i), load(theta, w)
                decaying = old + fma(x, e, decay * old)
                store(
                    theta, w, where_greater(zero, any_decay, decaying, fma(x, e, old))
                )
                w += n_out * lanes


@inlined_by_numba
def backward(g, factors, decays, theta, d, a, layers, n_layers, lanes):
    """Carry dL/dz of the last layer, in d, back and change g; g may be theta itself.

    `decays` says that it is, and that weights decay.
    """
    for back in range(n_layers):
        i = n_layers - 1 - back
        layer = layer_offsets(layers, i)
        if i > 0:
            activation = entry(layers, i - 1, ACTIVATION, N_COLUMNS)
            if layer.n_out == 1 and back == 0:
                _backpropagate_from_one(d, a, theta, layer, activation, lanes)
            else:
                _backpropagate(d, a, theta, layer, activation, lanes)
        if decays:
            _update_decaying(g, factors, layer, d, a, lanes)
        else:
            _accumulate_gradients(g, factors, layer, d, a, lanes)
