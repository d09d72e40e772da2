"""From inputs to outputs, to probabilities and to classes, for any number of rows."""

import numpy as np

from ..codes import BCE
from ..compiler.compile import entry_point, subroutine
from ..passes.samples import forward, gather, whole
from ..primitives.pointers import aligned, flat
from ..primitives.table import output_rows
from ..primitives.vectors import (
    constant,
    exp,
    load,
    offset,
    sigmoid,
    store,
    vector_length,
    where_greater,
)


@subroutine
def shares_of(a, z, n_out, loss, lanes, width):
    """Replace the outputs from unit z of a on by probabilities: sigmoid(-z) and sigmoid(z) for BCE, else softmax(z)."""
    one = constant(a, 1)
    for i in range(0, width, vector_length(a)):
        at = z * lanes + i
        if loss == BCE:
            x = load(a, at)
            store(a, at, sigmoid(constant(a, 0) - x, one))
            store(a, at + lanes, sigmoid(x, one))
        else:
            largest = load(a, at)
            for k in range(1, n_out):
                x = load(a, at + k * lanes)
                largest = where_greater(x, largest, x, largest)
            whole_sum = constant(a, 0)
            for k in range(n_out):
                e = exp(load(a, at + k * lanes) - largest)
                store(a, at + k * lanes, e)
                whole_sum = whole_sum + e
            for k in range(n_out):
                store(a, at + k * lanes, load(a, at + k * lanes) / whole_sum)


@subroutine
def spread_out(out, a, z, n_out, lanes, n):
    """Write n_out units from z on of the first n lanes to out, row by row."""
    for i in range(n):
        for k in range(n_out):
            out[i * n_out + k] = a[(z + k) * lanes + i]


@entry_point
def outputs(out, theta, X, layers, loss, shares, lanes):
    """out (n, n_out) = the last layer's plain output z, or, where `shares`, out (n, n_classes) = probabilities."""
    n_layers, n_in = layers.shape[0], X.shape[1]
    z, n_out = output_rows(flat(layers), n_layers)
    tile = z + n_out + 1  # one more unit, for the second probability of BCE
    room = np.empty((tile + n_in) * lanes + 16, theta.dtype)
    a = aligned(flat(room))
    for first in range(0, X.shape[0], lanes):
        n = min(lanes, X.shape[0] - first)
        width = whole(a, n)
        gather(a, lanes, tile, offset(flat(X), first * n_in), n_in, None, n)
        forward(a, tile, flat(theta), flat(layers), n_layers, None, 0, lanes, width)
        if shares:
            shares_of(a, z, n_out, loss, lanes, width)
        spread_out(
            offset(flat(out), first * out.shape[1]), a, z, out.shape[1], lanes, n
        )
    room[0] = 0  # it must live until here


@entry_point
def classes(out, z, loss):
    """out (n,) = the number of the class: z > 0 for BCE, the first largest z otherwise."""
    for i in range(z.shape[0]):
        if loss == BCE:
            out[i] = z[i, 0] > 0
        else:
            best = 0
            for k in range(1, z.shape[1]):
                if z[i, k] > z[i, best]:
                    best = k
            out[i] = best
