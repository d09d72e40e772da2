"""Forward and backward passes of samples side by side, in tiles.

Unit u of the sample in lane i stands at a[u * lanes + i], so that every loop over lanes
is a loop over vectors, whatever the sizes of the layers. A tile is up to `lanes`
samples; `width` lanes of it are used, a number of whole pairs of vectors.

The same passes serve many nets, where a parameter is a vector of nets, and a sample is
a vector of equal numbers for each of them.
"""

from typing import Any, NamedTuple

import numpy as np

from ..codes import ACTIVATION, N_COLUMNS, RELU, SIGMOID, TANH
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..functions import activations
from ..primitives.blocks import (
    add_firsts,
    add_outer_products,
    add_products,
    add_products_reduced,
    add_seconds,
    add_two_reduced,
    block_times,
    has_registers_of_a_vector,
    parameter_block,
    rectified_block,
    store_block,
    zero_block,
)
from ..primitives.table import layer_offsets
from ..primitives.vectors import (
    constant,
    entry,
    load,
    offset,
    reduce_add,
    store,
    vector_length,
)

ONE, TWO, FOUR = (0,), (0, 0), (0, 0, 0, 0)
# As many pairs of sums as the registers hold.
MANY = FOUR if has_registers_of_a_vector() else TWO

_times_sigmoid_backward, _times_tanh_backward, _times_relu_backward = (
    block_times(derivative.plain)
    for derivative in (
        activations.sigmoid_backward,
        activations.tanh_backward,
        activations.relu_backward,
    )
)


class Tile(NamedTuple):
    """The geometry of a tile, for one net or for vectors of nets.

    For many nets the columns of one vector of nets are `width` after those of another,
    and their parameters `size` numbers.
    """

    lanes: Any
    width: Any
    nets: Any  # the number of vectors of nets; None for one net
    size: Any


class Activation(NamedTuple):
    """An activation with which a contraction ends: ReLU, or backward any derivative."""

    code: Any
    results: Any  # of the forward pass, in the rows of the contraction's results


class Strides(NamedTuple):
    """Steps between weights: to the next term of a sum, and to the next sum."""

    term: Any
    unit: Any


@inlined_by_llvm
def padded_width(a, n):
    """Return the width that n samples take."""
    pair = 2 * vector_length(a)
    return (n + pair - 1) // pair * pair


@inlined_by_llvm
def _n_vectors(nets):
    return 1 if nets is None else nets


@inlined_by_llvm
def _parameter_length(a, nets):
    return 1 if nets is None else vector_length(a)


@inlined_by_llvm
def used_lanes(tile):
    """Return how many lanes are used, from the first one on."""
    return _n_vectors(tile.nets) * tile.width


@subroutine
def gather(a, lanes, x, X, n_columns, rows, n):
    """Bring the rows rows[0] ... rows[n - 1] of X into lanes, units from x on.

    The rest of their width is zero. Without rows (None) they are the first n.
    """
    # Two columns at a time: a third less time for 64 columns, a tenth for two.
    for j in range(0, n_columns - 1, 2):
        for i in range(n):
            at = (i if rows is None else rows[i]) * n_columns + j
            a[(x + j) * lanes + i] = X[at]
            a[(x + j + 1) * lanes + i] = X[at + 1]
    for j in range(n_columns // 2 * 2, n_columns):
        for i in range(n):
            a[(x + j) * lanes + i] = X[(i if rows is None else rows[i]) * n_columns + j]
    for j in range(n_columns):
        for i in range(n, padded_width(a, n)):
            a[(x + j) * lanes + i] = 0


@subroutine
def scatter(out, a, z, n_out, lanes, n):
    """Write n_out units of the first n lanes, from unit z on, to the rows of out."""
    for i in range(n):
        for k in range(n_out):
            out[i * n_out + k] = a[(z + k) * lanes + i]


@subroutine
def _contract(out, z, a, x, n, theta, w, strides, b, m, tile, activation):
    """Fill len(m) units of out from z on: theta[b] + sum_j theta[w + j term] a[x + j].

    j < n; the next unit has w + strides.unit and b + 1. The forward pass goes along
    rows of weights, the backward pass along columns; it has no bias, and b < 0.

    Where the activation is ReLU, it costs nothing here; a loop of its own over a
    4-100-3 net's tiles takes a fifth of the time.
    """
    pair, length = 2 * vector_length(a), _parameter_length(a, tile.nets)
    for v in range(_n_vectors(tile.nets)):
        own = offset(theta, v * tile.size)
        for i in range(v * tile.width, (v + 1) * tile.width, pair):
            block = (
                zero_block(a, m)
                if b < 0
                else parameter_block(own, b * length, length, m, tile.nets)
            )
            for j in range(n):
                block = add_products(
                    block,
                    a,
                    (x + j) * tile.lanes + i,
                    own,
                    (w + j * strides.term) * length,
                    strides.unit * length,
                    tile.nets,
                )
            at = z * tile.lanes + i
            code, results = activation.code, activation.results
            if b >= 0:
                if code == RELU:
                    block = rectified_block(block)
            elif code == SIGMOID:
                block = _times_sigmoid_backward(block, results, at, tile.lanes)
            elif code == TANH:
                block = _times_tanh_backward(block, results, at, tile.lanes)
            elif code == RELU:
                block = _times_relu_backward(block, results, at, tile.lanes)
            store_block(out, at, tile.lanes, block)


@inlined_by_numba
def contract(out, z, n_units, a, x, n, theta, w, strides, b, tile, activation):
    """Fill n_units of out like `_contract`, as many at once as registers hold."""
    k = 0
    while k < n_units:
        at, bias = w + k * strides.unit, b + k if b >= 0 else b
        if k + len(MANY) <= n_units:
            _contract(
                out, z + k, a, x, n, theta, at, strides, bias, MANY, tile, activation
            )
            k += len(MANY)
        elif k + 2 <= n_units:
            _contract(
                out, z + k, a, x, n, theta, at, strides, bias, TWO, tile, activation
            )
            k += 2
        else:
            _contract(
                out, z + k, a, x, n, theta, at, strides, bias, ONE, tile, activation
            )
            k += 1


@inlined_by_numba
def forward(a, x_first, theta, layers, n_layers, tile):
    """Fill the tile with every layer's output; the samples start in row x_first."""
    used = used_lanes(tile)
    for i in range(n_layers):
        layer = layer_offsets(layers, i)
        z, n_out = layer.z, layer.n_out
        x = layer.x if i > 0 else x_first
        strides, b = Strides(n_out, np.int64(1)), layer.b
        activation = entry(layers, i, ACTIVATION, N_COLUMNS)
        own = Activation(activation, a)
        contract(a, z, n_out, a, x, layer.n_in, theta, layer.w, strides, b, tile, own)
        if activation == RELU:
            continue
        if used == tile.lanes:
            activations.forward(a, z * used, (z + n_out) * used, activation)
        else:
            for k in range(z, z + n_out):
                start = k * tile.lanes
                activations.forward(a, start, start + used, activation)


@inlined_by_llvm
def _sums(a, x, lanes, d, z, width):
    """Return vectors of sums of a[x + i] d[z + i], a[x + lanes + i] d[z + i], d[z + i].

    Of the products, vectors with even and odd numbers are summed apart. The third sum
    is a chain of additions, which takes no time beside them.
    """
    step = vector_length(a)
    even, odd, total = zero_block(a, ONE), zero_block(a, ONE), constant(a, 0)
    for i in range(0, width, 2 * step):
        p, q = x + i + step, z + i + step
        even = add_outer_products(even, a, x + i, lanes, d, z + i, 0)
        odd = add_outer_products(odd, a, p, lanes, d, q, 0)
        total = total + load(d, z + i) + load(d, q)
    return even[0] + odd[0], even[1] + odd[1], total


@subroutine
def _add_gradients(g, layer, x, d, a, lanes, width):
    """Add sum_i a[x + j]_i d[z + k]_i to each dL/dw_jk in g: two rows at once.

    Where units are not taken together, their dL/db_k are added as well.
    """
    step, n_in, n_out, w = vector_length(a), layer.n_in, layer.n_out, layer.w
    x, z, many = x * lanes, layer.z * lanes, n_out // 4 * 4
    for j in range(0, n_in - 1, 2):
        row, at = x + j * lanes, w + j * n_out
        for k in range(0, many, len(MANY)):
            block = zero_block(a, MANY)
            for i in range(0, width, step):
                column = z + k * lanes + i
                block = add_outer_products(block, a, row + i, lanes, d, column, lanes)
            add_products_reduced(g, at + k, n_out, block)
        for k in range(many, n_out):
            first, second, total = _sums(a, row, lanes, d, z + k * lanes, width)
            add_two_reduced(g, at + k, n_out, first, second)
            if j == 0:
                g[layer.b + k] += reduce_add(total)
    if n_in % 2 == 1:
        row, at = x + (n_in - 1) * lanes, w + (n_in - 1) * n_out
        for k in range(0, n_out - 1, 2):
            first, second, _ = _sums(d, z + k * lanes, lanes, a, row, width)
            add_two_reduced(g, at + k, 1, first, second)
        if n_out % 2 == 1:
            last = z + (n_out - 1) * lanes
            only, _, _ = _sums(d, last, 0, a, row, width)
            g[at + n_out - 1] += reduce_add(only)


@subroutine
def _add_bias_gradients(g, layer, d, lanes, width):
    """Add sum_i d[z + k]_i to each dL/db_k in g that `_add_gradients` leaves out."""
    step, z, b = vector_length(d), layer.z * lanes, layer.b
    n = layer.n_out if layer.n_in == 1 else layer.n_out // 4 * 4
    for k in range(0, n - 1, 2):
        at = z + k * lanes
        first, second = load(d, at), load(d, at + lanes)
        for i in range(at + step, at + width, step):
            first, second = first + load(d, i), second + load(d, i + lanes)
        add_two_reduced(g, b + k, 1, first, second)
    if n % 2 == 1:
        at = z + (n - 1) * lanes
        sums = load(d, at)
        for i in range(at + step, at + width, step):
            sums = sums + load(d, i)
        g[b + n - 1] += reduce_add(sums)


@subroutine
def _add_gradients_of_nets(g, layer, x, d, a, m, first, last, tile):
    """Do `_add_gradients` for many nets and the units from `first` up to `last`.

    len(m) units are taken at once. Vectors of nets are sums already.
    """
    step, n_in, n_out, lanes = vector_length(a), layer.n_in, layer.n_out, tile.lanes
    for v in range(tile.nets):
        for k in range(first, last, len(m)):
            for j in range(0, n_in, 2):
                two = j + 1 < n_in
                block = zero_block(a, m)
                for i in range(v * tile.width, (v + 1) * tile.width, step):
                    block = add_outer_products(
                        block,
                        a,
                        (x + j) * lanes + i,
                        lanes if two else 0,
                        d,
                        (layer.z + k) * lanes + i,
                        lanes,
                    )
                at = v * tile.size + (layer.w + j * n_out + k) * step
                add_firsts(g, at, block)
                if two:
                    add_seconds(g, at + n_out * step, block)


@subroutine
def _add_bias_gradients_of_nets(g, layer, d, tile):
    """Do `_add_bias_gradients` for many nets."""
    step = vector_length(d)
    for v in range(tile.nets):
        for k in range(layer.n_out):
            at = v * tile.size + (layer.b + k) * step
            row = (layer.z + k) * tile.lanes
            sums = load(g, at)
            for i in range(row + v * tile.width, row + (v + 1) * tile.width, step):
                sums = sums + load(d, i)
            store(g, at, sums)


@inlined_by_numba
def _backpropagate(d, a, theta, layers, i, tile):
    """Fill dL/dz of the layer before layer i from dL/dz of layer i, in d."""
    layer = layer_offsets(layers, i)
    x, n_in = layer.x, layer.n_in
    strides = Strides(np.int64(1), layer.n_out)
    activation = Activation(entry(layers, i - 1, ACTIVATION, N_COLUMNS), a)
    z, n_out, b = layer.z, layer.n_out, np.int64(-1)
    contract(d, x, n_in, d, z, n_out, theta, layer.w, strides, b, tile, activation)


@inlined_by_numba
def backward(g, d, a, x_first, theta, layers, n_layers, tile):
    """Add the tile's gradient to g; the last rows of d hold dL/dz of the last layer."""
    for back in range(n_layers):
        i = n_layers - 1 - back
        layer = layer_offsets(layers, i)
        x = layer.x if i > 0 else x_first
        _add_bias_gradients(g, layer, d, tile.lanes, tile.width)
        _add_gradients(g, layer, x, d, a, tile.lanes, tile.width)
        if i > 0:
            _backpropagate(d, a, theta, layers, i, tile)


@inlined_by_numba
def backward_of_nets(g, d, a, x_first, theta, layers, n_layers, tile):
    """Add the tile's gradients of many nets to g, as `backward` does for one."""
    for back in range(n_layers):
        i = n_layers - 1 - back
        layer = layer_offsets(layers, i)
        x, many = layer.x if i > 0 else x_first, layer.n_out // len(MANY) * len(MANY)
        _add_bias_gradients_of_nets(g, layer, d, tile)
        _add_gradients_of_nets(g, layer, x, d, a, MANY, 0, many, tile)
        _add_gradients_of_nets(g, layer, x, d, a, ONE, many, layer.n_out, tile)
        if i > 0:
            _backpropagate(d, a, theta, layers, i, tile)
