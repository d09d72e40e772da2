"""Samples side by side: unit u of the sample in lane i stands at a[u * lanes + i], so that every loop over lanes
is a loop over vectors, whatever the sizes of the layers.

Alphabet as in `per_sample`. A tile is up to `lanes` samples; `width` lanes of it are worked on, a number of whole pairs
of vectors.

The same passes serve many nets, where a parameter is a vector of nets, and a sample a vector of as many equal numbers.
"""

import numpy as np

from ..codes import ACTIVATION, N_COLUMNS
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..functions import activations
from ..primitives.blocks import (
    add_firsts,
    add_four_reduced,
    add_outer_products,
    add_products,
    add_seconds,
    parameter_block,
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


@inlined_by_llvm
def whole(a, n):
    """The width that n samples take."""
    pair = 2 * vector_length(a)
    return (n + pair - 1) // pair * pair


@inlined_by_llvm
def vectors_of(nets):
    """How many vectors of nets there are; one net has no vector of its own."""
    return 1 if nets is None else nets


@inlined_by_llvm
def numbers_of(a, nets):
    """How many numbers a parameter is."""
    return 1 if nets is None else vector_length(a)


@subroutine
def gather(a, lanes, x, X, n_columns, rows, n):
    """Bring the rows rows[0] ... rows[n - 1] of X into the units from x on, and zeros into the rest of their width.

    Where rows is None, they are the first n ones.
    """
    for j in range(n_columns):
        for i in range(n):
            a[(x + j) * lanes + i] = X[(i if rows is None else rows[i]) * n_columns + j]
        for i in range(n, whole(a, n)):
            a[(x + j) * lanes + i] = 0


@subroutine
def combine(out, z, a, x, n, theta, w, term, unit, bias, m, nets, size, lanes, width):
    """Units z, z + 1 ... of out = theta[bias] + sum_j theta[w + j term] times unit x + j of a, j < n, and so on with
    w + unit and bias + 1, for len(m) units at once; without a bias where that is negative.

    The forward pass takes a row of weights after the other, the way back a column after the other.
    """
    pair, each = 2 * vector_length(a), numbers_of(a, nets)
    for v in range(vectors_of(nets)):
        own = offset(theta, v * size)
        for i in range(v * width, (v + 1) * width, pair):
            block = (
                zero_block(a, m)
                if bias < 0
                else parameter_block(own, bias * each, each, m, nets)
            )
            for j in range(n):
                block = add_products(
                    block,
                    a,
                    (x + j) * lanes + i,
                    own,
                    (w + j * term) * each,
                    unit * each,
                    nets,
                )
            store_block(out, z * lanes + i, lanes, block)


@inlined_by_numba
def combine_all(
    out, z, n_units, a, x, n, theta, w, term, unit, bias, nets, size, lanes, width
):
    """`combine` for all units of a layer, four at a time: eight sums are under way at once."""
    k = 0
    while k < n_units:
        b = bias + k if bias >= 0 else bias
        if k + 4 <= n_units:
            combine(
                out,
                z + k,
                a,
                x,
                n,
                theta,
                w + k * unit,
                term,
                unit,
                b,
                FOUR,
                nets,
                size,
                lanes,
                width,
            )
            k += 4
        elif k + 2 <= n_units:
            combine(
                out,
                z + k,
                a,
                x,
                n,
                theta,
                w + k * unit,
                term,
                unit,
                b,
                TWO,
                nets,
                size,
                lanes,
                width,
            )
            k += 2
        else:
            combine(
                out,
                z + k,
                a,
                x,
                n,
                theta,
                w + k * unit,
                term,
                unit,
                b,
                ONE,
                nets,
                size,
                lanes,
                width,
            )
            k += 1


@inlined_by_numba
def forward(a, x_first, theta, layers, n_layers, nets, size, lanes, width):
    """Fill the tile with every layer's output: z = b + x w, then the activation. The samples are at unit x_first.

    nets is None; or how many vectors of nets there are, whose parameters are `size` numbers apart and whose columns are
    `width` apart.
    """
    for layer in range(n_layers):
        n_in, n_out, x, z, w, b = layer_offsets(layers, layer)
        if layer == 0:
            x = x_first
        combine_all(
            a,
            z,
            n_out,
            a,
            x,
            n_in,
            theta,
            w,
            n_out,
            np.int64(1),
            b,
            nets,
            size,
            lanes,
            width,
        )
        activation, filled = (
            entry(layers, layer, ACTIVATION, N_COLUMNS),
            vectors_of(nets) * width,
        )
        if filled == lanes:
            activations.forward(a, z * lanes, (z + n_out) * lanes, activation)
        else:
            for k in range(z, z + n_out):
                activations.forward(a, k * lanes, k * lanes + filled, activation)


@subroutine
def add_gradients(g, w, n_out, d, z, a, x, n_in, lanes, width):
    """Add sum_i a[x + j]_i d[z + k]_i to g[w + j n_out + k] for all j and k, two times four at once."""
    step = vector_length(a)
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
                of, to = (x + j) * lanes + i, (z + k) * lanes + i
                first = fma(load(a, of), load(d, to), block[0])
                block = (first, fma(load(a, of + step), load(d, to + step), block[1]))
            g[w + j * n_out + k] += reduce_add(block[0] + block[1])


@subroutine
def add_bias_gradients(g, b, n_out, d, z, lanes, width):
    """Add sum_i d[z + k]_i to g[b + k] for all k."""
    step = vector_length(d)
    for k in range(n_out):
        at = (z + k) * lanes
        sums = load(d, at)
        for i in range(step, width, step):
            sums = sums + load(d, at + i)
        g[b + k] += reduce_add(sums)


@subroutine
def add_gradients_of_nets(
    g, w, n_out, d, z, a, x, n_in, m, first, last, nets, size, lanes, width
):
    """`add_gradients` of many nets, for units from `first` up to `last`, len(m) at once: vectors are sums already."""
    step = vector_length(a)
    for v in range(nets):
        for k in range(first, last, len(m)):
            for j in range(0, n_in, 2):
                both = j + 1 < n_in
                block = zero_block(a, m)
                for i in range(v * width, (v + 1) * width, step):
                    block = add_outer_products(
                        block,
                        a,
                        (x + j) * lanes + i,
                        lanes if both else 0,
                        d,
                        (z + k) * lanes + i,
                        lanes,
                    )
                at = v * size + (w + j * n_out + k) * step
                add_firsts(g, at, block)
                if both:
                    add_seconds(g, at + n_out * step, block)


@subroutine
def add_bias_gradients_of_nets(g, b, n_out, d, z, nets, size, lanes, width):
    """`add_bias_gradients` of many nets."""
    step = vector_length(d)
    for v in range(nets):
        for k in range(n_out):
            at = v * size + (b + k) * step
            sums = load(g, at)
            for i in range(
                (z + k) * lanes + v * width, (z + k) * lanes + (v + 1) * width, step
            ):
                sums = sums + load(d, i)
            store(g, at, sums)


@inlined_by_numba
def pass_back(d, a, theta, layers, layer, nets, size, lanes, width):
    """From dL/dz of a layer, in d, to dL/dz of the one before."""
    n_in, n_out, x, z, w, _ = layer_offsets(layers, layer)
    filled = vectors_of(nets) * width
    one, none = np.int64(1), np.int64(-1)
    combine_all(
        d, x, n_in, d, z, n_out, theta, w, one, n_out, none, nets, size, lanes, width
    )
    activation = entry(layers, layer - 1, ACTIVATION, N_COLUMNS)
    for j in range(x, x + n_in):
        activations.backward(d, a, j * lanes, j * lanes + filled, activation)


@inlined_by_numba
def backward(g, d, a, x_first, theta, layers, n_layers, lanes, width):
    """Add the tile's gradient to g, where the last units of d hold dL/dz of the last layer."""
    for back in range(n_layers):
        layer = n_layers - 1 - back
        n_in, n_out, x, z, w, b = layer_offsets(layers, layer)
        add_bias_gradients(g, b, n_out, d, z, lanes, width)
        add_gradients(
            g, w, n_out, d, z, a, x if layer > 0 else x_first, n_in, lanes, width
        )
        if layer > 0:
            pass_back(d, a, theta, layers, layer, None, 0, lanes, width)


@inlined_by_numba
def backward_of_nets(
    g, d, a, x_first, theta, layers, n_layers, nets, size, lanes, width
):
    """`backward` of many nets; nets and size as in `forward`."""
    for back in range(n_layers):
        layer = n_layers - 1 - back
        n_in, n_out, x, z, w, b = layer_offsets(layers, layer)
        first, four = x if layer > 0 else x_first, n_out // 4 * 4
        add_bias_gradients_of_nets(g, b, n_out, d, z, nets, size, lanes, width)
        add_gradients_of_nets(
            g, w, n_out, d, z, a, first, n_in, FOUR, 0, four, nets, size, lanes, width
        )
        add_gradients_of_nets(
            g,
            w,
            n_out,
            d,
            z,
            a,
            first,
            n_in,
            ONE,
            four,
            n_out,
            nets,
            size,
            lanes,
            width,
        )
        if layer > 0:
            pass_back(d, a, theta, layers, layer, nets, size, lanes, width)
