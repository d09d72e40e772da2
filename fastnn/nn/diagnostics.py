"""Checks of a net: its gradients, and hidden neurons that start equal.

Two neurons of a layer with the same incoming and the same outgoing weights have the
same output and the same gradient for every sample. So each update changes both alike,
and they stay equal however long the net is trained. `warn_of_symmetry` finds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arrays import Array, as_features
from ..data.caller import warn_user
from .activations import ACTIVATIONS, ReLU
from .layers import Affine, Layer, MatMul
from .net import Net

# The cube root of the rounding unit, 6e-6: there the sum of the rounding error, which
# grows as 1 / h, and of the curvature's error, which grows as h^2, is smallest.
_STEP = float(np.cbrt(np.finfo(np.float64).eps))

_ATOL = {"float64": 1e-9, "float32": 1e-5}
_RTOL = {"float64": 1e-5, "float32": 1e-3}

_ACTIVATIONS = tuple(ACTIVATIONS.values())


class SymmetryWarning(UserWarning):
    """Hidden neurons start equal, and stay equal however long the net is trained."""


@dataclass(frozen=True, eq=False, repr=False)
class ParameterCheck:
    """Comparison of one parameter array's gradient with central differences.

    All arrays have the parameter's shape. `numeric` holds the central differences and
    `tolerance` the largest allowed difference of each entry. `kinks` marks the entries
    where the loss has a kink because a ReLU's input is 0: they are not compared.
    """

    name: str
    gradient: Array
    numeric: Array
    tolerance: Array
    kinks: Array

    @property
    def errors(self) -> Array:
        """|gradient - numeric| of each entry, 0 at kinks."""
        return np.where(self.kinks, 0.0, np.abs(self.gradient - self.numeric))

    @property
    def ok(self) -> bool:
        """True if every entry agrees within its tolerance."""
        return bool((self.errors <= self.tolerance).all())

    @property
    def worst(self) -> tuple[int, ...]:
        """Index of the entry with the largest ratio of error to tolerance."""
        index = np.unravel_index(
            np.argmax(self.errors / self.tolerance), self.errors.shape
        )
        return tuple(int(i) for i in index)

    def __str__(self) -> str:
        worst = self.worst
        index = ", ".join(map(str, worst))
        n_kinks = self.kinks.sum()
        skipped = f"; {n_kinks} at a kink of ReLU left out" if n_kinks else ""
        return (
            f"{'ok   ' if self.ok else 'WRONG'} {self.name:<6} "
            f"{self.gradient.shape!s:<12} worst [{index}]: "
            f"gradient {self.gradient[worst]: .9e}, "
            f"numeric {self.numeric[worst]: .9e}, "
            f"difference {self.errors[worst]:.1e}{skipped}"
        )

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class GradientReport:
    """Result of `check_gradients`, which is true if all gradients agree.

    Its text has one line per array of parameters.
    """

    parameters: list[ParameterCheck]

    @property
    def ok(self) -> bool:
        """True if every gradient agrees and at least one is not zero."""
        return not self.all_zero and all(parameter.ok for parameter in self.parameters)

    @property
    def all_zero(self) -> bool:
        """True if all gradients and all differences are zero, which proves nothing."""
        return not any(p.gradient.any() or p.numeric.any() for p in self.parameters)

    @property
    def max_error(self) -> float:
        """Largest difference of any entry."""
        return max(float(p.errors.max()) for p in self.parameters)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        verdict = "all gradients agree with" if self.ok else "GRADIENTS DIFFER from"
        if self.all_zero:
            verdict = "NOTHING TO COMPARE: all gradients are zero, as are"
        head = (
            f"{verdict} central differences (largest difference {self.max_error:.1e})"
        )
        return "\n".join([head, *map(str, self.parameters)])

    __repr__ = __str__


def check_gradients(
    net: Net, X: Any, y: Any, reduction: str = "mean"
) -> GradientReport:
    """Compare each gradient of `net.loss_and_grads` with a central difference.

    The differences (L(theta + h) - L(theta - h)) / 2h are computed in float64 with
    h = 6e-6 max(1, |theta|). The gradients of a float32 net are compared with the
    differences of its float64 copy. An entry agrees if it is within
    1e-9 max(1, |L|) + 1e-5 |numeric|, for float32 with 1e-5 and 1e-3 instead. Where a
    ReLU's input is 0, the left and right slopes differ. A gradient between the two is
    correct and is not compared. The net is not changed. The loss is evaluated twice per
    parameter, so the check is meant for small nets.

    Parameters
    ----------
    net : Sequential
        The net, with any layers and loss.
    X, y : array_like
        Rows (n, n_in) and their targets, as for `fit`.
    reduction : {"mean", "sum"}
        Of the rows' losses.

    Returns
    -------
    GradientReport
        True in a condition if all gradients agree; printed, it shows the largest
        difference of each parameter.

    Examples
    --------
    >>> from fastnn import mlp, datasets
    >>> check_gradients(mlp(2, 3, 1, seed=1), *datasets.xor_gate()).ok
    True
    """
    _, grads = net.loss_and_grads(X, y, reduction)
    float64_net = net.astype("float64")
    # Rounding X to the net's dtype first gives both nets the same inputs.
    inputs = as_features(X, net.n_in, net.dtype)
    loss = float64_net.loss_and_grads(inputs, y, reduction)[0]
    numeric, slope_gap = _differences(float64_net, inputs, y, reduction, loss)

    dtype = str(net.dtype)
    tolerance = _ATOL[dtype] * max(1.0, abs(loss)) + _RTOL[dtype] * np.abs(numeric)
    gradient = np.concatenate([grad.reshape(-1) for grad in grads]).astype(np.float64)
    errors = np.abs(gradient - numeric)
    kinks = (errors > tolerance) & (errors <= tolerance + 0.5 * slope_gap)
    kinks &= any(isinstance(layer, ReLU) for layer in net.layers)

    checks, start = [], 0
    for name, grad in zip(_parameter_names(net), grads, strict=True):
        entries = slice(start, start + grad.size)
        arrays = (gradient, numeric, tolerance, kinks)
        checks.append(
            ParameterCheck(name, *(a[entries].reshape(grad.shape) for a in arrays))
        )
        start += grad.size
    return GradientReport(checks)


def _differences(
    net: Net, X: Array, y: Any, reduction: str, loss: float
) -> tuple[Array, Array]:
    """Return each parameter's central difference and |right slope - left slope|."""
    central, slope_gap = np.empty_like(net.theta), np.zeros_like(net.theta)
    for i, value in enumerate(net.theta.copy()):
        h = _STEP * max(1.0, abs(value))
        upper, lower = value + h, value - h
        losses = []
        for net.theta[i] in (upper, lower):
            losses.append(net.loss_and_grads(X, y, reduction)[0])
        net.theta[i] = value
        central[i] = (losses[0] - losses[1]) / (upper - lower)
        slope_gap[i] = abs(
            (losses[0] - loss) / (upper - value) - (loss - losses[1]) / (value - lower)
        )
    return central, slope_gap


def _parameter_names(net: Net) -> list[str]:
    """Return the names W1, b1, W2, ... in the order of `net.params`."""
    shapes_by_layer = [layer.shapes() for layer in net.layers if layer.shapes()]
    return [
        f"{'Wb'[position]}{number}"
        for number, shapes in enumerate(shapes_by_layer, start=1)
        for position in range(len(shapes))
    ]


def warn_of_symmetry(layers: Sequence[Layer]) -> None:
    """Issue a `SymmetryWarning` if hidden neurons start with equal weights.

    Only neurons between two `Affine` or `MatMul` layers are compared, with activations
    between the two: any other layer may treat equal neurons differently. The warning
    names the line of the caller's code that called this package.
    """
    previous: Affine | MatMul | None = None
    previous_index = 0
    for index, layer in enumerate(layers):
        if isinstance(layer, Affine | MatMul) and type(layer) in (Affine, MatMul):
            if previous is not None:
                n_distinct = _n_distinct_neurons(previous, layer)
                if n_distinct < previous.n_out:
                    warn_user(
                        f"the {previous.n_out} hidden neurons of layer "
                        f"{previous_index}, {previous!r}, are worth only {n_distinct}: "
                        "neurons with equal weights in and out get equal gradients, so "
                        "they stay equal however long the net is trained. Start from "
                        "random weights, such as init='xavier'",
                        SymmetryWarning,
                    )
            previous, previous_index = layer, index
        elif type(layer) not in _ACTIVATIONS:
            previous = None


def _n_distinct_neurons(layer: Affine | MatMul, following: Affine | MatMul) -> int:
    """Return the number of neurons with different weights in, weights out or biases."""
    first_weights = layer.params[0][0]
    if len(np.unique(first_weights)) == layer.n_out:  # usual, and cheap to find out
        return layer.n_out
    incoming = [array.reshape(-1, layer.n_out).T for array in layer.params]
    return len(np.unique(np.hstack([*incoming, following.params[0]]), axis=0))
