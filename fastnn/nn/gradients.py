"""A check of the gradients that a net computes, by central differences."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arrays import Array, as_features
from .activations import ReLU

_STEP = float(
    np.cbrt(np.finfo(np.float64).eps)
)  # 6e-6, where rounding and curvature do the least harm

_ATOL = {"float64": 1e-9, "float32": 1e-5}
_RTOL = {"float64": 1e-5, "float32": 1e-3}


@dataclass(frozen=True, eq=False, repr=False)
class ParameterCheck:
    """One array of parameters: its gradient, that by central differences, and where they differ most.

    kinks marks the entries at a kink of the loss, where a ReLU's input is 0: they are left out.
    """

    name: str
    gradient: Array
    numeric: Array
    tolerance: Array
    kinks: Array

    @property
    def errors(self) -> Array:
        """|gradient - numeric|, entry by entry; 0 at kinks."""
        return np.where(self.kinks, 0.0, np.abs(self.gradient - self.numeric))

    @property
    def ok(self) -> bool:
        """True if every entry agrees within its tolerance."""
        return bool((self.errors <= self.tolerance).all())

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the entry that is furthest beyond, or nearest to, its tolerance."""
        at = np.unravel_index(
            np.argmax(self.errors / self.tolerance), self.errors.shape
        )
        return tuple(int(i) for i in at)

    def __str__(self) -> str:
        at = self.worst
        place = ", ".join(map(str, at))
        left_out = (
            f"; {self.kinks.sum()} at a kink of ReLU left out"
            if self.kinks.any()
            else ""
        )
        return (
            f"{'ok   ' if self.ok else 'WRONG'} {self.name:<6} {self.gradient.shape!s:<12} worst [{place}]: "
            f"gradient {self.gradient[at]: .9e}, numeric {self.numeric[at]: .9e}, difference {self.errors[at]:.1e}"
            f"{left_out}"
        )

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class GradientReport:
    """What `check_gradients` found: true if all is well; printed, a line for each array of parameters."""

    parameters: list[ParameterCheck]

    @property
    def ok(self) -> bool:
        """True if every gradient agrees and they are not all zero."""
        return not self.all_zero and all(parameter.ok for parameter in self.parameters)

    @property
    def all_zero(self) -> bool:
        """True if there was nothing to compare."""
        return not any(p.gradient.any() or p.numeric.any() for p in self.parameters)

    @property
    def max_error(self) -> float:
        """The largest difference of any entry."""
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
    net: Any, X: Any, y: Any, reduction: str = "mean"
) -> GradientReport:
    """Compare the gradients of `net.loss_and_grads` with central differences, parameter by parameter.

    The differences (L(theta + h) - L(theta - h)) / 2h are taken in float64 with h = 6e-6 max(1, |theta|); a float32
    net's gradients are compared with those of its float64 copy. An entry agrees if it is within 1e-9 max(1, |L|) +
    1e-5 |numeric| (float32: 1e-5 and 1e-3). Where a ReLU's input is 0 the slopes to the left and to the right differ;
    a gradient between them is right, and left out of the comparison. The net is not changed. Two evaluations a
    parameter: for small nets.

    >>> from fastnn import mlp, datasets
    >>> check_gradients(mlp(2, 3, 1, seed=1), *datasets.xor_gate()).ok
    True
    """
    _, grads = net.loss_and_grads(X, y, reduction)
    twin = net.astype("float64")
    inputs = as_features(X, net.n_in, net.dtype)  # the same rounded numbers for both
    here = twin.loss_and_grads(inputs, y, reduction)[0]
    numeric, gap = np.empty_like(twin.theta), np.zeros_like(twin.theta)
    for p, value in enumerate(twin.theta.copy()):
        h = _STEP * max(1.0, abs(value))
        above, below = value + h, value - h
        losses = []
        for twin.theta[p] in (above, below):
            losses.append(twin.loss_and_grads(inputs, y, reduction)[0])
        twin.theta[p] = value
        numeric[p] = (losses[0] - losses[1]) / (above - below)
        gap[p] = abs(
            (losses[0] - here) / (above - value) - (here - losses[1]) / (value - below)
        )
    tolerance = _ATOL[str(net.dtype)] * max(1.0, abs(here)) + _RTOL[
        str(net.dtype)
    ] * np.abs(numeric)
    flat = np.concatenate([grad.reshape(-1) for grad in grads]).astype(np.float64)
    error = np.abs(flat - numeric)
    kinks = (error > tolerance) & (error <= tolerance + 0.5 * gap)
    kinks &= any(isinstance(layer, ReLU) for layer in net.layers)
    checked, at = [], 0
    for name, grad in zip(_names(net), grads, strict=True):
        part = slice(at, at + grad.size)
        arrays = [
            array[part].reshape(grad.shape)
            for array in (flat, numeric, tolerance, kinks)
        ]
        checked.append(ParameterCheck(name, *arrays))
        at += grad.size
    return GradientReport(checked)


def _names(net: Any) -> list[str]:
    """W1, b1, W2, ... in the order of `net.params`."""
    return [
        f"{'Wb'[place]}{number}"
        for number, shapes in enumerate(
            (s for s in (layer.shapes() for layer in net.layers) if s), start=1
        )
        for place in range(len(shapes))
    ]
