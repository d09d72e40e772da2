"""The L2 penalty of a batch: l2 / 2 times the sum of all squared weights.

It is added to the sum of a batch's losses, before the reduction divides that, so that
it counts the less, the more rows a batch has. Biases have none. In an array of
parameters a layer's weights end where its bias starts.
"""

import numpy as np

from ..compiler.compile import inlined_by_llvm, subroutine
from ..primitives.table import layer_offsets
from ..primitives.vectors import (
    constant,
    fma,
    load,
    reduce_add,
    scalar,
    store,
    vector_length,
)


@subroutine
def add_decay(g, theta, start, stop, factor):
    """Add factor times the parameters from `start` up to `stop` to their gradients g.

    Returned is the sum of the parameters' squares.
    """
    step, real_factor = vector_length(g), scalar(g, factor)
    factors, squares = constant(g, real_factor), constant(g, 0)
    whole = start + (stop - start) // step * step
    for p in range(start, whole, step):
        w = load(theta, p)
        store(g, p, fma(factors, w, load(g, p)))
        squares = fma(w, w, squares)
    total = np.float64(reduce_add(squares))
    for p in range(whole, stop):
        g[p] += real_factor * theta[p]
        total += np.float64(theta[p]) * np.float64(theta[p])
    return total


@subroutine
def add_decay_of_nets(g, theta, layers, n_layers, l2, scale, penalties, factor, sums):
    """Do `add_decay` for a vector of nets, each with its own l2, times scale.

    Their penalties, times factor, are added to `penalties`. sums is scratch: a vector
    of factors, and one of squares.
    """
    step = vector_length(g)
    for i in range(step):
        sums[i] = scalar(g, l2[i]) * scale
    factors, squares = load(sums, 0), constant(g, 0)
    for i in range(n_layers):
        layer = layer_offsets(layers, i)
        for p in range(layer.w * step, layer.b * step, step):
            w = load(theta, p)
            store(g, p, fma(factors, w, load(g, p)))
            squares = fma(w, w, squares)
    store(sums, step, squares)
    for i in range(step):
        penalties[i] += 0.5 * l2[i] * np.float64(sums[step + i]) * factor


@inlined_by_llvm
def sum_of_weights(weights, rows, n):
    """Return the sum of the weights of n rows, in float64."""
    total = 0.0
    for i in range(n):
        total += np.float64(weights[rows[i]])
    return total
