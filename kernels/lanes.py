"""Samples side by side: unit u of the sample in lane i stands at a[u * lanes + i], so that every loop over lanes
is a loop over vectors, whatever the sizes of the layers.

Alphabet as in `per_sample`. A tile is up to `lanes` samples; `width` lanes of it are worked on, a number of whole pairs
of vectors.
"""

import numpy as np

from . import activations
from .blocks import add_products, add_totals, keep, nothing, outer, start
from .codes import ACTIVATION, FEEDBACK, FEEDBACK_WEIGHTS, N_COLUMNS
from .compile import helper, part, stage
from .places import place
from .pointers import entry
from .vectors import fma, load, numbers_in, store, total

ONE, TWO, FOUR = (0,), (0, 0), (0, 0, 0, 0)


@helper
def whole(a, n):
    """The width that n samples take."""
    pair = 2 * numbers_in(a)
    return (n + pair - 1) // pair * pair


@part
def gather(a, lanes, x, X, n_columns, rows, n):
    """Bring the rows rows[0] ... rows[n - 1] of X into the units from x on, and zeros into the rest of their width.

    Where rows is None, they are the first n ones.
    """
    for j in range(n_columns):
        for i in range(n):
            a[(x + j) * lanes + i] = X[(i if rows is None else rows[i]) * n_columns + j]
        for i in range(n, whole(a, n)):
            a[(x + j) * lanes + i] = 0


@part
def combine(out, z, a, x, n, theta, w, term, unit, bias, m, lanes, width):
    """Units z, z + 1 ... of out = theta[bias] + sum_j theta[w + j term] times unit x + j of a, j < n, and so on with
    w + unit and bias + 1, for len(m) units at once; without a bias where that is negative.

    The forward pass takes a row of weights after the other, the way back a column after the other.
    """
    pair = 2 * numbers_in(a)
    for i in range(0, width, pair):
        block = nothing(a, m) if bias < 0 else start(theta, bias, 1, m)
        for j in range(n):
            block = add_products(block, a, (x + j) * lanes + i, theta, w + j * term, unit)
        keep(out, z * lanes + i, lanes, block)


@stage
def combine_all(out, z, n_units, a, x, n, theta, w, term, unit, bias, lanes, width):
    """`combine` for all units of a layer, four at a time: eight sums are under way at once."""
    k = 0
    while k < n_units:
        b = bias + k if bias >= 0 else bias
        if k + 4 <= n_units:
            combine(out, z + k, a, x, n, theta, w + k * unit, term, unit, b, FOUR, lanes, width)
            k += 4
        elif k + 2 <= n_units:
            combine(out, z + k, a, x, n, theta, w + k * unit, term, unit, b, TWO, lanes, width)
            k += 2
        else:
            combine(out, z + k, a, x, n, theta, w + k * unit, term, unit, b, ONE, lanes, width)
            k += 1


@stage
def forward(a, x_first, theta, layers, n_layers, lanes, width):
    """Fill the tile with every layer's output: z = b + x w, then the activation. The samples are at unit x_first."""
    for layer in range(n_layers):
        n_in, n_out, x, z, w, b = place(layers, layer)
        if layer == 0:
            x = x_first
        combine_all(a, z, n_out, a, x, n_in, theta, w, n_out, np.int64(1), b, lanes, width)
        activation = entry(layers, layer, ACTIVATION, N_COLUMNS)
        if width == lanes:
            activations.forward(a, z * lanes, (z + n_out) * lanes, activation)
        else:
            for k in range(z, z + n_out):
                activations.forward(a, k * lanes, k * lanes + width, activation)


@part
def add_gradients(g, w, n_out, d, z, a, x, n_in, lanes, width):
    """Add sum_i a[x + j]_i d[z + k]_i to g[w + j n_out + k] for all j and k, two times four at once."""
    step = numbers_in(a)
    for j in range(0, n_in - 1, 2):
        for k in range(0, n_out - 3, 4):
            block = nothing(a, FOUR)
            for i in range(0, width, step):
                block = outer(block, a, (x + j) * lanes + i, lanes, d, (z + k) * lanes + i, lanes)
            at = w + j * n_out + k
            add_totals(g, at, block[0], block[2], block[4], block[6])
            add_totals(g, at + n_out, block[1], block[3], block[5], block[7])
    for j in range(n_in):
        paired = j < n_in // 2 * 2
        for k in range(n_out // 4 * 4 if paired else 0, n_out):
            block = nothing(a, ONE)
            for i in range(0, width, 2 * step):
                of, to = (x + j) * lanes + i, (z + k) * lanes + i
                first = fma(load(a, of), load(d, to), block[0])
                block = (first, fma(load(a, of + step), load(d, to + step), block[1]))
            g[w + j * n_out + k] += total(block[0] + block[1])


@part
def add_bias_gradients(g, b, n_out, d, z, lanes, width):
    """Add sum_i d[z + k]_i to g[b + k] for all k."""
    step = numbers_in(d)
    for k in range(n_out):
        at = (z + k) * lanes
        sums = load(d, at)
        for i in range(step, width, step):
            sums = sums + load(d, at + i)
        g[b + k] += total(sums)


@part
def feed_inputs_back(d, z, n_out, a, x, n_in, lanes, width):
    """The mistake of FEEDBACK_INPUTS: d[x + j] = a[x + j] sum_k d[z + k]."""
    for i in range(0, width, numbers_in(a)):
        sums = load(d, z * lanes + i)
        for k in range(1, n_out):
            sums = sums + load(d, (z + k) * lanes + i)
        for j in range(x, x + n_in):
            store(d, j * lanes + i, load(a, j * lanes + i) * sums)


@stage
def backward(g, d, a, x_first, theta, layers, n_layers, lanes, width):
    """Add the tile's gradient to g, where the last units of d hold dL/dz of the last layer."""
    for back in range(n_layers):
        layer = n_layers - 1 - back
        n_in, n_out, x, z, w, b = place(layers, layer)
        add_bias_gradients(g, b, n_out, d, z, lanes, width)
        add_gradients(g, w, n_out, d, z, a, x if layer > 0 else x_first, n_in, lanes, width)
        if layer > 0:
            if entry(layers, layer, FEEDBACK, N_COLUMNS) == FEEDBACK_WEIGHTS:
                combine_all(d, x, n_in, d, z, n_out, theta, w, np.int64(1), n_out, np.int64(-1), lanes, width)
            else:
                feed_inputs_back(d, z, n_out, a, x, n_in, lanes, width)
            activation = entry(layers, layer - 1, ACTIVATION, N_COLUMNS)
            for j in range(x, x + n_in):
                activations.backward(d, a, j * lanes, j * lanes + width, activation)
