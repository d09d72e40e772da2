"""Forward and backward passes of samples side by side, in tiles.

Unit u of the sample in lane i stands at a[u * lanes + i], so that every loop over lanes
is a loop over vectors, whatever the sizes of the layers. A tile is up to `lanes`
samples; `width` lanes of it are used, a number of whole pairs of vectors.

The same passes serve many nets, where a parameter is a vector of nets, and a sample is
a vector of equal numbers for each of them.
"""

from typing import Any, NamedTuple

import numpy as np

from ..codes import ACTIVATION, N_COLUMNS, RELU
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..functions import activations
from ..primitives.blocks import (
    add_firsts,
    add_four_reduced,
    add_outer_products,
    add_products,
    add_seconds,
    masked_block,
    parameter_block,
    rectified_block,
    store_block,
    zero_block,
)
from ..primitives.table import layer_offsets
from ..primitives.vectors import (
    entry,
    fma,
    load,
    offset,
    reduce_add,
    store,
    vector_length,
)

ONE, TWO, FOUR = (0,), (0, 0), (0, 0, 0, 0)


class Tile(NamedTuple):
    """The geometry of a tile, for one net or for vectors of nets.

    For many nets the columns of one vector of nets are `width` after those of another,
    and their parameters `size` numbers.
    """

    lanes: Any
    width: Any
    nets: Any  # the number of vectors of nets; None for one net
    size: Any


class Relu(NamedTuple):
    """Whether a contraction ends with ReLU, or backward with its derivative."""

    applies: Any
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
    for j in range(n_columns):
        for i in range(n):
            a[(x + j) * lanes + i] = X[(i if rows is None else rows[i]) * n_columns + j]
        for i in range(n, padded_width(a, n)):
            a[(x + j) * lanes + i] = 0


@subroutine
def scatter(out, a, z, n_out, lanes, n):
    """Write n_out units of the first n lanes, from unit z on, to the rows of out."""
    for i in range(n):
        for k in range(n_out):
            out[i * n_out + k] = a[(z + k) * lanes + i]


@subroutine
def _contract(out, z, a, x, n, theta, w, strides, b, m, tile, relu):
    """Fill len(m) units of out from z on: theta[b] + sum_j theta[w + j term] a[x + j].

    j < n; the next unit has w + strides.unit and b + 1. The forward pass goes along
    rows of weights, the backward pass along columns; it has no bias, and b < 0.

    Where `relu` applies, it costs nothing here; a loop of its own over a 4-100-3 net's
    tiles takes a fifth of the time.
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
            if relu.applies and b >= 0:
                block = rectified_block(block)
            elif relu.applies:
                block = masked_block(block, relu.results, at, tile.lanes)
            store_block(out, at, tile.lanes, block)


@inlined_by_numba
def contract(out, z, n_units, a, x, n, theta, w, strides, b, tile, relu):
    """Fill n_units of out like `_contract`, four units or eight sums at once."""
    k = 0
    while k < n_units:
        at, bias = w + k * strides.unit, b + k if b >= 0 else b
        if k + 4 <= n_units:
            _contract(out, z + k, a, x, n, theta, at, strides, bias, FOUR, tile, relu)
            k += 4
        elif k + 2 <= n_units:
            _contract(out, z + k, a, x, n, theta, at, strides, bias, TWO, tile, relu)
            k += 2
        else:
            _contract(out, z + k, a, x, n, theta, at, strides, bias, ONE, tile, relu)
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
        relu = Relu(activation == RELU, a)
        contract(a, z, n_out, a, x, layer.n_in, theta, layer.w, strides, b, tile, relu)
        if relu.applies:
            continue
        if used == tile.lanes:
            activations.forward(a, z * used, (z + n_out) * used, activation)
        else:
            for k in range(z, z + n_out):
                start = k * tile.lanes
                activations.forward(a, start, start + used, activation)


@subroutine
def _add_gradients(g, layer, x, d, a, lanes, width):
    """Add sum_i a[x + j]_i d[z + k]_i to each dL/dw_jk in g: two times four at once."""
    step, n_in, n_out, w, z = (
        vector_length(a),
        layer.n_in,
        layer.n_out,
        layer.w,
        layer.z,
    )
    for j in range(0, n_in - 1, 2):
        for k in range(0, n_out - 3, 4):
            block = zero_block(a, FOUR)
            for i in range(0, width, step):
                block = add_outer_products(
                    block, a, (x + j) * lanes + i, lanes, d, (z + k) * lanes + i, lanes
                )
            at = w + j * n_out + k
            add_four_reduced(g, at, block[0], block[2], block[4], block[6])
            add_four_reduced(g, at + n_out, block[1], block[3], block[5], block[7])
    for j in range(n_in):
        paired = j < n_in // 2 * 2
        for k in range(n_out // 4 * 4 if paired else 0, n_out):
            block = zero_block(a, ONE)
            for i in range(0, width, 2 * step):
                p, q = (x + j) * lanes + i, (z + k) * lanes + i
                first = fma(load(a, p), load(d, q), block[0])
                block = (first, fma(load(a, p + step), load(d, q + step), block[1]))
            g[w + j * n_out + k] += reduce_add(block[0] + block[1])


@subroutine
def _add_bias_gradients(g, layer, d, lanes, width):
    """Add sum_i d[z + k]_i to each dL/db_k in g."""
    step = vector_length(d)
    for k in range(layer.n_out):
        at = (layer.z + k) * lanes
        sums = load(d, at)
        for i in range(step, width, step):
            sums = sums + load(d, at + i)
        g[layer.b + k] += reduce_add(sums)


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
    activation, used = entry(layers, i - 1, ACTIVATION, N_COLUMNS), used_lanes(tile)
    relu, z, n_out, b = Relu(activation == RELU, a), layer.z, layer.n_out, np.int64(-1)
    contract(d, x, n_in, d, z, n_out, theta, layer.w, strides, b, tile, relu)
    if relu.applies:
        return
    if used == tile.lanes:
        activations.backward(d, a, x * used, (x + n_in) * used, activation)
    else:
        for j in range(x, x + n_in):
            start = j * tile.lanes
            activations.backward(d, a, start, start + used, activation)


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
        x, four = layer.x if i > 0 else x_first, layer.n_out // 4 * 4
        _add_bias_gradients_of_nets(g, layer, d, tile)
        _add_gradients_of_nets(g, layer, x, d, a, FOUR, 0, four, tile)
        _add_gradients_of_nets(g, layer, x, d, a, ONE, four, layer.n_out, tile)
        if i > 0:
            _backpropagate(d, a, theta, layers, i, tile)
