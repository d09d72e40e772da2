"""Identity, sigmoid, tanh and ReLU, forward and backward, and the exponential link.

The backward pass needs only the forward pass's result a: sigmoid' = a (1 - a),
tanh' = 1 - a^2, relu' = [a > 0].

Sigmoid and tanh themselves are elementary functions, and so in
`primitives/elementary.py`.
"""

from typing import Any

from ..codes import IDENTITY, RELU, SIGMOID, TANH
from ..compiler.compile import inlined_by_llvm, subroutine
from ..primitives import arithmetic, elementary
from ..primitives.vectors import (
    constant,
    load,
    sigmoid,
    store,
    tanh,
    traced,
    vector_length,
)


def _sigmoid_backward(d: Any, a: Any) -> Any:
    """Return d times the derivative of the sigmoid whose result was a."""
    return d * (a * (1.0 - a))


def _tanh_backward(d: Any, a: Any) -> Any:
    """Return d times the derivative of the tanh whose result was a."""
    return d * (1.0 - a * a)


def _exponential(z: Any) -> Any:
    """Return e^z from the square of e^(z/2).

    So it goes on to the ends of the numbers, where `elementary.exp` has fewer digits,
    or is 0.
    """
    root = elementary.exp(0.5 * z)
    return root * root


relu = traced(arithmetic.relu)
exponential = traced(_exponential)
exp_for_sigmoid = traced(elementary.exp_for_sigmoid)
sigmoid_backward = traced(_sigmoid_backward)
tanh_backward = traced(_tanh_backward)
relu_backward = traced(arithmetic.relu_backward)


@inlined_by_llvm
def activate(z, activation, units):
    """Return the activation of a vector; `units` is 1 per unit and 0 for padding."""
    if activation == SIGMOID:
        z = sigmoid(z, units)
    elif activation == TANH:
        z = tanh(z)
    elif activation == RELU:
        z = relu(z)
    return z


@inlined_by_llvm
def activate_backward(d, a, activation):
    """Return a vector times the derivative where the activation's result was a."""
    if activation == SIGMOID:
        d = sigmoid_backward(d, a)
    elif activation == TANH:
        d = tanh_backward(d, a)
    elif activation == RELU:
        d = relu_backward(d, a)
    return d


@inlined_by_llvm
def _sigmoids(a, start, stop):
    """Replace a[start:stop], whole vectors, by their sigmoid.

    While a vector is divided, the exponential of the next one is computed: together
    they are a chain of 55 cycles, more than processors with AVX2 look ahead. There it
    saves a sixth of the time.
    """
    step, one = vector_length(a), constant(a, 1)
    e = exp_for_sigmoid(load(a, start))
    for i in range(start, stop - step, step):
        following = exp_for_sigmoid(load(a, i + step))
        store(a, i, one / (one + e))
        e = following
    store(a, stop - step, one / (one + e))


@subroutine
def forward(a, start, stop, activation):
    """Replace a[start:stop], whole vectors, by its activation."""
    if activation == SIGMOID:
        if start < stop:
            _sigmoids(a, start, stop)
    elif activation != IDENTITY:
        for i in range(start, stop, vector_length(a)):
            store(a, i, activate(load(a, i), activation, constant(a, 1)))


@subroutine
def backward(d, a, start, stop, activation):
    """Multiply d[start:stop] by the derivative, where a is the activation's result."""
    if activation != IDENTITY:
        for i in range(start, stop, vector_length(a)):
            store(d, i, activate_backward(load(d, i), load(a, i), activation))
