"""The losses: binary cross-entropy, softmax cross-entropy, mean squared error."""

from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..data.arguments import check_choice
from ..data.arrays import Array, as_float_array
from ..data.labels import encode_labels


class Loss:
    """A loss of the net's plain output z; `forward` and `backward` work on their own, too.

    `forward(z, y)` takes outputs (n, n_out) and targets, and returns the rows' mean loss, or their sum;
    `backward()` returns its gradient by z, (n, n_out), times `dout`.
    """

    name: ClassVar[str]
    code: ClassVar[int]
    link: ClassVar[str]  # the activation that belongs to the loss

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = check_choice("reduction", reduction, ("mean", "sum"))
        self._gradient: Array | None = None

    def n_classes(self, n_out: int) -> int | None:
        """How many classes a net with this many outputs tells apart; None if it predicts values."""
        return n_out

    def forward(self, z: Any, y: Any) -> float:
        """The loss of outputs z (n, n_out) for targets y: labels (n,), one-hot rows, or values for mse."""
        dtype = (
            np.dtype("float32")
            if getattr(z, "dtype", None) == np.float32
            else np.dtype("float64")
        )
        outputs = as_float_array("z", z, dtype)
        if outputs.ndim != 2:
            raise ValueError(
                f"z must have two dimensions, (n, n_out), not the shape {outputs.shape}"
            )
        n_out = outputs.shape[1]
        self.check_outputs(n_out)
        codes, _ = encode_labels(
            y, len(outputs), n_out, self.n_classes(n_out), None, dtype
        )
        self._gradient = np.empty_like(outputs)
        mean = self.reduction == "mean"
        total, _, _ = kernels.loops.layers.loss_forward(
            self._gradient, outputs, codes, self.code, mean
        )
        return float(total / len(outputs) if mean else total)

    def backward(self, dout: float = 1.0) -> Array:
        """The gradient by z of the last `forward`, times `dout`: an array (n, n_out) of the caller's own."""
        if self._gradient is None:
            raise RuntimeError(f"call {type(self).__name__}.forward before backward")
        return self._gradient * self._gradient.dtype.type(dout)

    def check_outputs(self, n_out: int) -> None:
        """Refuse a number of outputs that the loss cannot take."""

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}()"
            if self.reduction == "mean"
            else f"{type(self).__name__}('sum')"
        )


class BCE(Loss):
    """Binary cross-entropy of one output z, the logit of class 1: max(z, 0) - t z + log(1 + exp(-|z|)).

    >>> round(BCE().forward([[0.0], [0.0]], [0, 1]), 6)
    0.693147
    """

    name, code, link = "bce", kernels.codes.BCE, "Sigmoid"

    def n_classes(self, n_out: int) -> int:
        return 2

    def check_outputs(self, n_out: int) -> None:
        if n_out != 1:
            raise ValueError(
                f"loss 'bce' takes a net with 1 output, not {n_out}: use 'softmax_ce', or end in 1"
            )


class SoftmaxCE(Loss):
    """Cross-entropy of softmax(z), one output a class: log sum_k exp(z_k) - z_t for the true class t.

    >>> round(SoftmaxCE().forward([[0.0, 0.0, 0.0]], [2]), 6)
    1.098612
    """

    name, code, link = "softmax_ce", kernels.codes.SOFTMAX_CE, "Softmax"

    def check_outputs(self, n_out: int) -> None:
        if n_out < 2:
            raise ValueError(
                "loss 'softmax_ce' takes a net with one output a class, at least 2, not 1: use 'bce'"
            )


class MSE(Loss):
    """Mean squared error of a sample's outputs: mean_k (z_k - y_k)^2, for targets y (n, n_out), or (n,) for one output.

    >>> MSE("sum").forward([[1.0], [3.0]], [0.0, 1.0])
    5.0
    """

    name, code, link = "mse", kernels.codes.MSE, "Identity"

    def n_classes(self, n_out: int) -> None:
        return None


LOSSES: dict[str, type[Loss]] = {loss.name: loss for loss in (BCE, SoftmaxCE, MSE)}
