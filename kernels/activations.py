"""Sigmoid, tanh, ReLU and identity over whole vectors of a flat array, forward and backward.

The backward pass needs only the forward pass's result a: sigmoid' = a (1 - a), tanh' = 1 - a^2, relu' = [a > 0].
"""

from .codes import RELU, SIGMOID, TANH
from .compile import part
from .vectors import constant, load, numbers_in, sigmoid, store, tanh, where_greater


@part
def forward(a, start, stop, activation):
    """Replace a[start:stop], a number of whole vectors, by its activation."""
    step = numbers_in(a)
    zero, one = constant(a, 0), constant(a, 1)
    if activation == SIGMOID:
        for i in range(start, stop, step):
            store(a, i, sigmoid(load(a, i), one))
    elif activation == TANH:
        for i in range(start, stop, step):
            store(a, i, tanh(load(a, i)))
    elif activation == RELU:
        for i in range(start, stop, step):
            z = load(a, i)
            store(a, i, where_greater(zero, z, zero, z))  # in this order a NaN stays one


@part
def backward(d, a, start, stop, activation):
    """Multiply d[start:stop] by the activation's derivative; a[start:stop] is the activation's result."""
    step = numbers_in(a)
    zero, one = constant(a, 0), constant(a, 1)
    if activation == SIGMOID:
        for i in range(start, stop, step):
            x = load(a, i)
            store(d, i, load(d, i) * (x * (one - x)))
    elif activation == TANH:
        for i in range(start, stop, step):
            x = load(a, i)
            store(d, i, load(d, i) * (one - x * x))
    elif activation == RELU:
        for i in range(start, stop, step):
            store(d, i, where_greater(load(a, i), zero, load(d, i), zero))
