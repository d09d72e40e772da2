"""The losses: binary cross-entropy, softmax cross-entropy, mean squared error."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..data.arguments import check_choice
from ..data.arrays import Array, as_float_array
from ..data.labels import encode_labels


def loss_scale(n: int) -> float:
    """Return a power of two of at most 1 / n, by which sums of n losses are scaled.

    The sum cannot overflow then, and its bits are those of the sum times the scale.
    """
    return 2.0 ** -(n - 1).bit_length()


@dataclass(frozen=True, repr=False)
class Loss:
    """Base class of the losses, which are functions of the net's plain output z.

    reduction is "mean", for the mean loss of the rows, or "sum". A loss also works on
    its own: `forward(z, y)` returns the loss of outputs (n, n_out), and `backward()`
    its gradient with respect to z, (n, n_out).
    """

    name: ClassVar[str]
    kind: ClassVar[int]  # the kernels' number of the loss, without its link

    reduction: str = "mean"

    # The gradient (n, n_out) of the last `forward`, which `backward` returns.
    _gradient: Array | None = field(default=None, init=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("reduction", self.reduction, ("mean", "sum"))

    @property
    def link(self) -> str:
        """The name of the activation that the loss contains."""
        raise NotImplementedError(f"{type(self).__name__} must define link")

    @property
    def code(self) -> int:
        """The kernels' number of the loss with its link."""
        return self.kind

    def linked(self, activation: str) -> "Loss | None":
        """Return the loss that contains an activation, None if there is none."""
        return self if activation == self.link else None

    def n_classes(self, n_out: int) -> int | None:
        """Return the number of classes for n_out outputs, None for a net of values."""
        return n_out

    def forward(self, z: Any, y: Any) -> float:
        """Return the loss of outputs z (n, n_out) for the targets y.

        y holds labels (n,), one-hot rows (n, n_out), or values (n, n_out) for "mse".
        """
        is_float32 = getattr(z, "dtype", None) == np.float32
        dtype = np.dtype("float32" if is_float32 else "float64")
        outputs = as_float_array("z", z, dtype)
        if outputs.ndim != 2:
            raise ValueError(
                f"z must have two dimensions, (n, n_out), not shape {outputs.shape}"
            )
        n_out = outputs.shape[1]
        self.check_outputs(n_out)
        targets, _ = encode_labels(
            y, len(outputs), n_out, self.n_classes(n_out), None, dtype
        )
        gradient = np.empty_like(outputs)
        mean = self.reduction == "mean"
        scale = loss_scale(len(targets))
        total, _, _ = kernels.loops.layers.loss_forward(
            gradient, outputs, targets, self.code, mean, scale
        )
        object.__setattr__(self, "_gradient", gradient)
        return float(total / (len(targets) * scale if mean else scale))

    def backward(self, dout: float = 1.0) -> Array:
        """Return the gradient of the last `forward` with respect to z, times `dout`.

        It is a new array (n, n_out).
        """
        if self._gradient is None:
            raise RuntimeError(f"call {type(self).__name__}.forward before backward")
        return self._gradient * self._gradient.dtype.type(dout)

    def check_outputs(self, n_out: int) -> None:
        """Raise ValueError if the loss does not work with this number of outputs."""

    def __repr__(self) -> str:
        argument = "" if self.reduction == "mean" else repr(self.reduction)
        return f"{type(self).__name__}({argument})"


@dataclass(frozen=True, repr=False)
class BCE(Loss):
    """Binary cross-entropy of one output z, the logit of class 1.

    For the target t it is max(z, 0) - t z + log(1 + exp(-|z|)).

    >>> round(BCE().forward([[0.0], [0.0]], [0, 1]), 6)
    0.693147
    """

    name, kind = "bce", kernels.codes.BCE

    @property
    def link(self) -> str:
        return "Sigmoid"

    def n_classes(self, n_out: int) -> int:
        return 2

    def check_outputs(self, n_out: int) -> None:
        if n_out != 1:
            raise ValueError(
                f"loss 'bce' takes a net with 1 output, not {n_out}: use 'softmax_ce', "
                "or end in 1 output"
            )


@dataclass(frozen=True, repr=False)
class SoftmaxCE(Loss):
    """Cross-entropy of softmax(z), with one output per class.

    For the true class t it is log sum_k exp(z_k) - z_t.

    >>> round(SoftmaxCE().forward([[0.0, 0.0, 0.0]], [2]), 6)
    1.098612
    """

    name, kind = "softmax_ce", kernels.codes.SOFTMAX_CE

    @property
    def link(self) -> str:
        return "Softmax"

    def check_outputs(self, n_out: int) -> None:
        if n_out < 2:
            raise ValueError(
                "loss 'softmax_ce' takes a net with one output per class, at least 2, "
                f"not {n_out}: use 'bce'"
            )


@dataclass(frozen=True, repr=False)
class MSE(Loss):
    """Mean squared error of a sample's values, mean_k (f(z)_k - y_k)^2.

    f is the link, the net's last activation; f(z) = z for a loss on its own. The
    targets y have the shape (n, n_out), or (n,) for one output.

    >>> MSE("sum").forward([[1.0], [3.0]], [0.0, 1.0])
    5.0
    """

    name, kind = "mse", kernels.codes.MSE

    _link: str = field(default="Identity", init=False)

    @property
    def link(self) -> str:
        return self._link

    @property
    def code(self) -> int:
        return self.kind + kernels.codes.LINK * _LINKS[self._link]

    def linked(self, activation: str) -> "MSE | None":
        if activation not in _LINKS:
            return None
        loss = MSE(self.reduction)
        object.__setattr__(loss, "_link", activation)
        return loss

    def n_classes(self, n_out: int) -> None:
        return None

    def check_outputs(self, n_out: int) -> None:
        if self._link == "Softmax" and n_out < 2:
            raise ValueError(
                "the softmax of 1 output is always 1: end in Sigmoid(), or in at least "
                "2 outputs"
            )

    def __repr__(self) -> str:
        of = "" if self._link == "Identity" else f"  # of {self._link}()"
        return super().__repr__() + of


_LINKS = {
    "Identity": kernels.codes.IDENTITY,
    "Sigmoid": kernels.codes.SIGMOID,
    "Tanh": kernels.codes.TANH,
    "ReLU": kernels.codes.RELU,
    "Softmax": kernels.codes.SOFTMAX,
}


LOSSES: dict[str, type[Loss]] = {loss.name: loss for loss in (BCE, SoftmaxCE, MSE)}
