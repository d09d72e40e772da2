"""Sigmoid, tanh, ReLU and identity over a stretch of a flat array, forward and backward.

The backward pass needs only the forward pass's result a: sigmoid' = a (1 - a), tanh' = 1 - a^2, relu' = [a > 0].
"""

import numpy as np

from .codes import RELU, SIGMOID, TANH
from .compile import helper


@helper
def logistic(z, one):
    """sigmoid(z) and sigmoid(-z), neither by cancellation, and e^-|z|, which never overflows."""
    e = np.exp(-abs(z))
    r = one / (one + e)
    p, q = (r, e * r) if z >= 0 else (e * r, r)
    return p, q, e


@helper
def forward(a, start, stop, activation):
    """Replace a[start:stop] by its activation."""
    zero, one = a.dtype.type(0), a.dtype.type(1)
    if activation == SIGMOID:
        for i in range(start, stop):
            a[i], _, _ = logistic(a[i], one)
    elif activation == TANH:
        for i in range(start, stop):
            a[i] = np.tanh(a[i])
    elif activation == RELU:
        for i in range(start, stop):
            a[i] = zero if a[i] <= zero else a[i]  # in this order a NaN stays one


@helper
def backward(d, a, start, stop, activation):
    """Multiply d[start:stop] by the activation's derivative; a[start:stop] is the activation's result."""
    zero, one = a.dtype.type(0), a.dtype.type(1)
    if activation == SIGMOID:
        for i in range(start, stop):
            d[i] *= a[i] * (one - a[i])
    elif activation == TANH:
        for i in range(start, stop):
            d[i] *= one - a[i] * a[i]
    elif activation == RELU:
        for i in range(start, stop):
            d[i] = d[i] if a[i] > zero else zero
