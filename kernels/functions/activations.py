"""Sigmoid, tanh, ReLU and identity of vectors, and over whole vectors of a flat array, forward and backward.

The backward pass needs only the forward pass's result a: sigmoid' = a (1 - a), tanh' = 1 - a^2, relu' = [a > 0].
"""

from ..codes import IDENTITY, RELU, SIGMOID, TANH
from ..compiler.compile import inlined_by_llvm, subroutine
from ..primitives.vectors import (
    constant,
    load,
    sigmoid,
    store,
    tanh,
    vector_length,
    where_greater,
)


@inlined_by_llvm
def activated(z, activation, units):
    """The activation of a vector; units is 1 where there is a unit, otherwise 0."""
    zero = units - units
    if activation == SIGMOID:
        a = sigmoid(z, units)
    elif activation == TANH:
        a = tanh(z)
    elif activation == RELU:
        a = where_greater(zero, z, zero, z)  # in this order a NaN stays one
    else:
        a = z
    return a


@inlined_by_llvm
def passed_back(d, a, activation, one):
    """A vector times the activation's derivative, where a is the activation's result."""
    zero = one - one
    if activation == SIGMOID:
        d = d * (a * (one - a))
    elif activation == TANH:
        d = d * (one - a * a)
    elif activation == RELU:
        d = where_greater(a, zero, d, zero)
    return d


@subroutine
def forward(a, start, stop, activation):
    """Replace a[start:stop], a number of whole vectors, by its activation."""
    if activation != IDENTITY:
        for i in range(start, stop, vector_length(a)):
            store(a, i, activated(load(a, i), activation, constant(a, 1)))


@subroutine
def backward(d, a, start, stop, activation):
    """Multiply d[start:stop] by the activation's derivative; a[start:stop] is the activation's result."""
    if activation != IDENTITY:
        for i in range(start, stop, vector_length(a)):
            store(d, i, passed_back(load(d, i), load(a, i), activation, constant(a, 1)))
