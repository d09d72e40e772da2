"""The losses: binary and softmax cross-entropy, mean squared error, Poisson."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..data.arguments import check_reduction
from ..data.arrays import Array, as_float_array
from ..data.labels import encode_targets
from ..data.targets import TargetKind
from ..data.weights import no_weights
from .boundary import readable


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

    A loss of your own is a subclass that defines `compute` and `compute_back`; what
    they return is checked. It is a loss of values, unless it names the activation that
    makes probabilities of z: link = "Sigmoid" for one output and two classes, "Softmax"
    for one output per class. With takes_probabilities = True targets may be
    probabilities, as for `BCE` and `SoftmaxCE`, and "Sigmoid" may have several outputs,
    each with a label of its own. Its net runs layer by layer. `fastnn.check_gradients`
    compares its gradient with central differences.

    >>> from fastnn import check_gradients, mlp
    >>> class LogCosh(Loss):
    ...     '''The sum of log cosh(z - y), which grows like |z - y|.'''
    ...
    ...     def compute(self, z, y):
    ...         return np.log(np.cosh(z - y)).sum(axis=1)
    ...
    ...     def compute_back(self, z, y):
    ...         return np.tanh(z - y)
    >>> net = mlp(1, 3, 1, loss=LogCosh())
    >>> check_gradients(net, [[0.0], [1.0], [2.0]], [0.0, 1.0, 4.0]).ok
    True
    """

    name: ClassVar[str]
    kind: ClassVar[int]  # the kernels' number of the loss, without its link
    takes_probabilities: ClassVar[bool] = False
    minimum: ClassVar[float] = -np.inf  # of a loss's values

    reduction: str = "mean"

    # The gradient (n, n_out) of the last `forward`, which `backward` returns.
    _gradient: Array | None = field(default=None, init=False, compare=False)

    def __init_subclass__(cls) -> None:
        if cls.__module__ != __name__:
            _check_own(cls)

    def __post_init__(self) -> None:
        check_reduction(self.reduction)

    @property
    def is_own(self) -> bool:
        """True for a loss that is not built in."""
        return type(self).compute is not Loss.compute

    @property
    def link(self) -> str:
        """The name of the activation that the loss contains."""
        return "Identity"

    @cached_property
    def code(self) -> int:
        """The kernels' number of the loss with its link."""
        return type(self).kind

    def linked(self, activation: str) -> "Loss | None":
        """Return the loss that contains an activation, None if there is none."""
        return self if activation == self.link else None

    def n_classes(self, n_out: int) -> int | None:
        """Return the number of classes for n_out outputs, None for a net of values."""
        return {"Identity": None, "Sigmoid": 2}.get(self.link, n_out)

    def targets(self, n_out: int) -> TargetKind:
        """Return what the targets of n_out outputs are."""
        n_classes = self.n_classes(n_out)
        is_multilabel = n_classes is not None and self.link == "Sigmoid" and n_out > 1
        takes_probabilities = type(self).takes_probabilities
        return TargetKind(
            n_out, n_classes, is_multilabel, takes_probabilities, type(self).minimum
        )

    def arguments(self) -> list[Any]:
        """Return the constructor's arguments, numbers and strings, for a file.

        A net with a loss of your own can be saved if the loss's class defines this.
        """
        return []

    def compute(self, z: Array, y: Array) -> Array:
        """Return the loss of each row (n,), for a loss of your own.

        z (n, n_out) are plain outputs; y are values or probabilities, (n, n_out), or
        numbers of classes from 0 on, (n, 1). Both are read-only floats.
        """
        raise NotImplementedError

    def compute_back(self, z: Array, y: Array) -> Array:
        """Return the gradient (n, n_out) of each row's own loss with respect to z."""
        raise NotImplementedError

    def forward(self, z: Any, y: Any) -> float:
        """Return the loss of outputs z (n, n_out) for the targets y.

        y holds labels (n,), one-hot rows or probabilities (n, n_out), or values
        (n, n_out) for "mse" and "poisson".
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
        targets, _ = encode_targets(y, len(outputs), self.targets(n_out), None, dtype)
        gradient = np.empty_like(outputs)
        mean = self.reduction == "mean"
        scale = loss_scale(len(targets))
        total, _, _ = summed_loss(
            self, gradient, outputs, targets, no_weights(dtype), mean, scale
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
        several = self.link == "Sigmoid" and n_out > 1
        if (self.link, n_out) == ("Softmax", 1) or (
            several and not type(self).takes_probabilities
        ):
            raise ValueError(
                f"loss {self.name!r} contains {self.link}(), which does not fit a net "
                f"with {n_out} outputs: Sigmoid takes 1, or several if the loss says "
                "takes_probabilities = True, Softmax one per class"
            )

    def __repr__(self) -> str:
        argument = "" if self.reduction == "mean" else repr(self.reduction)
        return f"{type(self).__name__}({argument})"


@dataclass(frozen=True, repr=False)
class BCE(Loss):
    """Binary cross-entropy of one output z, the logit of class 1, or of several.

    For the target t it is max(z, 0) - t z + log(1 + exp(-|z|)). t is 0 or 1, or a
    probability between them. Several outputs are for several labels per row, each 0 or
    1, as with PyTorch's BCEWithLogitsLoss: a row's loss is the mean over its outputs.

    >>> round(BCE().forward([[0.0], [0.0]], [0, 1]), 6)
    0.693147
    >>> round(BCE().forward([[2.0, -2.0]], [[1, 0]]), 6)
    0.126928
    """

    name, kind = "bce", kernels.codes.BCE
    takes_probabilities = True

    @property
    def link(self) -> str:
        return "Sigmoid"


@dataclass(frozen=True, repr=False)
class SoftmaxCE(Loss):
    """Cross-entropy of softmax(z), with one output per class.

    For the true class t it is log sum_k exp(z_k) - z_t. For probabilities of the
    classes, rows (n, n_classes), it is the mean of this over the classes t.

    >>> round(SoftmaxCE().forward([[0.0, 0.0, 0.0]], [2]), 6)
    1.098612
    >>> round(SoftmaxCE().forward([[1.0, 0.0]], [[0.75, 0.25]]), 6)
    0.563262
    """

    name, kind = "softmax_ce", kernels.codes.SOFTMAX_CE
    takes_probabilities = True

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

    @cached_property
    def code(self) -> int:
        return type(self).kind + kernels.codes.LINK * _LINKS[self._link]

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


@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """Loss of counts y with the mean e^z, whose logarithm is the net's plain output z.

    It is mean_k (exp(z_k) - y_k z_k), the negative logarithm of their likelihood in a
    Poisson distribution without the term log(y!), which does not depend on z; as
    PyTorch's PoissonNLLLoss with its defaults. The net predicts the means e^z. The
    targets y >= 0, which need not be whole, have the shape (n, n_out), or (n,) for one
    output.

    >>> Poisson().forward([[0.0], [0.0]], [3, 0])
    1.0
    """

    name, kind = "poisson", kernels.codes.POISSON
    minimum = 0.0

    @property
    def link(self) -> str:
        return "Exp"

    @cached_property
    def code(self) -> int:
        return type(self).kind + kernels.codes.LINK * kernels.codes.EXP

    def n_classes(self, n_out: int) -> None:
        return None


_LINKS = {
    "Identity": kernels.codes.IDENTITY,
    "Sigmoid": kernels.codes.SIGMOID,
    "Tanh": kernels.codes.TANH,
    "ReLU": kernels.codes.RELU,
    "Softmax": kernels.codes.SOFTMAX,
}


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss for loss in (BCE, SoftmaxCE, MSE, Poisson)
}


# The numbers of the losses for more than one target per row.
_SOFT = {
    kernels.codes.BCE: kernels.codes.SOFT_BCE,
    kernels.codes.SOFTMAX_CE: kernels.codes.SOFT_CE,
}


def code_for(code: int, y: Array) -> int:
    """Return the kernels' number of a loss for targets y (n, n_targets)."""
    return _SOFT.get(code, code) if y.shape[1] > 1 else code


def summed_loss(
    loss: Loss,
    gradient: Array,
    z: Array,
    y: Array,
    weights: Array,
    mean: bool,
    scale: float,
) -> tuple[float, int, int]:
    """Return scale times the sum of losses, the number of right classes, and a row.

    It is the first row whose loss is not finite, or -1. gradient (n, n_out) = dL/dz,
    where L is the rows' mean loss if `mean`, otherwise their sum. weights (n,) are
    factors of the rows' losses, or (0,).
    """
    if not loss.is_own:
        total, right, bad = kernels.loops.layers.loss_forward(
            gradient, z, y, weights, code_for(loss.code, y), mean, scale
        )
        return float(total), int(right), int(bad)
    n = len(z)
    losses = readable(loss, "returned losses", loss.compute(z, y), (n,), z.dtype)
    back = loss.compute_back(z, y)
    d = readable(loss, "returned a gradient", back, z.shape, z.dtype)
    if weights.size:
        losses, d = weights * losses, weights[:, np.newaxis] * d
    gradient[...] = d / n if mean else d
    wrong = np.flatnonzero(~np.isfinite(losses))
    right = 0
    if loss.link == "Sigmoid":
        right = int(((z > 0) == (y > 0.5)).all(axis=1).sum())
    elif loss.link == "Softmax":
        true = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
        right = int((z.argmax(axis=1) == true).sum())
    total = float(losses.astype(np.float64).sum() * scale)
    return total, right, int(wrong[0]) if wrong.size else -1


# What the kernels go by; a loss of one's own has it from its link.
_KINDS = {
    "Identity": kernels.codes.MSE,
    "Sigmoid": kernels.codes.BCE,
    "Softmax": kernels.codes.SOFTMAX_CE,
}
_FIXED = ("kind", "code", "linked", "n_classes", "targets", "minimum")


def _check_own(kind: type[Loss]) -> None:
    """Give a class of a user's the name and kind that it needs; TypeError if it cannot.

    A class that only changed what the kernels go by would let them read wrong targets.
    """
    name, link = kind.__name__, vars(kind).get("link", "Identity")
    is_own = kind.compute is not Loss.compute
    if is_own != (kind.compute_back is not Loss.compute_back):
        raise TypeError(f"{name} must define both compute(z, y) and compute_back(z, y)")
    fixed = _FIXED if is_own else (*_FIXED, "link", "takes_probabilities")
    for member in (*fixed, "check_outputs"):
        if member in vars(kind):
            raise TypeError(
                f"{name}.{member} cannot be defined: define compute, compute_back, and "
                "link if it is a loss of classes"
            )
    if not is_own:
        return
    if "link" in vars(kind) and link not in _KINDS:
        raise TypeError(f"{name}.link is {link!r}, but must be one of {[*_KINDS]}")
    if "link" in vars(kind) or not hasattr(kind, "kind"):
        kind.kind = _KINDS[link]
    # What a built-in loss takes, the formulas of a subclass of it need not.
    owns = (c for c in kind.__mro__ if c.__module__ != __name__)
    if not any("takes_probabilities" in vars(c) for c in owns):
        kind.takes_probabilities = False
    if "name" not in vars(kind):
        kind.name = name
