"""The activations: layers without parameters."""

from typing import ClassVar

import numpy as np

from .. import kernels
from ..data.arrays import Array
from .layers import BuiltIn

_CODES = (
    kernels.codes.IDENTITY,
    kernels.codes.SIGMOID,
    kernels.codes.TANH,
    kernels.codes.RELU,
)


class Activation(BuiltIn):
    """Base class of the functions that are applied to each unit."""

    code: ClassVar[int]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if getattr(cls, "code", kernels.codes.IDENTITY) not in _CODES:
            raise ValueError(
                f"{cls.__name__}.code is {cls.code!r}, which no kernel knows: leave it "
                "out, and define compute and compute_back"
            )

    def _run(self, x: Array) -> Array:
        out = np.empty(x.shape, x.dtype)
        kernels.loops.layers.activation_forward(
            out.reshape(-1), x.reshape(-1), self.code
        )
        return out

    def _run_back(self, dout: Array, x: Array, out: Array) -> Array:
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


class Softmax(BuiltIn):
    """The softmax of each row, exp(x_k) / sum_j exp(x_j).

    >>> Softmax().forward([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """

    def _run(self, x: Array) -> Array:
        out = np.empty(x.shape, x.dtype)
        kernels.loops.layers.softmax_forward(out, x)
        return out

    def _run_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.softmax_backward(dx, dout, out)
        return dx


ACTIVATIONS: dict[str, type[Activation]] = {
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "identity": Identity,
}
