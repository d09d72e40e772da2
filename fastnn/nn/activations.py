"""The activations: layers without parameters."""

from typing import ClassVar

import numpy as np

from .. import kernels
from ..data.arrays import Array
from .layers import Layer


class Activation(Layer):
    """Base class of the functions that are applied to each unit."""

    code: ClassVar[int]

    def compute(self, x: Array) -> Array:
        out = np.empty(x.shape, x.dtype)
        kernels.loops.layers.activation_forward(
            out.reshape(-1), x.reshape(-1), self.code
        )
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.activation_backward(
            dx.reshape(-1), dout.reshape(-1), out.reshape(-1), self.code
        )
        return dx


class Sigmoid(Activation):
    """The logistic function 1 / (1 + exp(-x)).

    >>> Sigmoid().forward([[0.0, -1000.0]])
    array([[0.5, 0. ]])
    """

    code = kernels.codes.SIGMOID


class Tanh(Activation):
    """The hyperbolic tangent.

    >>> Tanh().forward([[0.0, 1000.0]])
    array([[0., 1.]])
    """

    code = kernels.codes.TANH


class ReLU(Activation):
    """The rectifier max(x, 0), whose derivative is 0 at 0.

    >>> ReLU().forward([[-1.0, 2.0]])
    array([[0., 2.]])
    """

    code = kernels.codes.RELU


class Identity(Activation):
    """The function that returns x unchanged.

    >>> Identity().forward([[-1.0, 2.0]])
    array([[-1.,  2.]])
    """

    code = kernels.codes.IDENTITY


class Softmax(Layer):
    """The softmax of each row, exp(x_k) / sum_j exp(x_j).

    >>> Softmax().forward([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """

    def compute(self, x: Array) -> Array:
        out = np.empty(x.shape, x.dtype)
        kernels.loops.layers.softmax_forward(out, x)
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.softmax_backward(dx, dout, out)
        return dx


ACTIVATIONS: dict[str, type[Activation]] = {
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "identity": Identity,
}
