"""The data of the experiments: each function returns X (n, n_features) float64 and labels y (n,) int64."""

from typing import Any

import numpy as np

from .data.arguments import check_choice, check_float, check_int, check_seed
from .data.arrays import Array


def xor_grid(n: int = 100) -> tuple[Array, Array]:
    """An n x n grid over [-0.5, 1.5]^2 with XOR's diagonal band labelled 1; (n * n, 2) and (n * n,).

    Row by row, the first coordinate ascending within a row, the second descending from row to row. The label is 1
    where 0.25 < 0.5 x1 + 0.5 x2 < 0.75: 4,300 of 10,000 points. (Cells on the border depend on rounding, so the
    labels are computed by exactly that expression.)

    >>> X, y = xor_grid(100)
    >>> X.shape, int(y.sum())
    ((10000, 2), 4300)
    """
    spot = np.linspace(-0.5, 1.5, check_int("n", n, 1))
    x1, x2 = np.meshgrid(spot, spot[::-1])
    z = 0.5 * x1 + 0.5 * x2
    return np.stack([x1.ravel(), x2.ravel()], axis=1), (
        (z > 0.25) & (z < 0.75)
    ).ravel().astype(np.int64)


def xor_gate() -> tuple[Array, Array]:
    """The four rows of XOR: (0, 0), (1, 0), (0, 1), (1, 1) with the labels 0, 1, 1, 0; (4, 2) and (4,).

    >>> xor_gate()[1].tolist()
    [0, 1, 1, 0]
    """
    return np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array(
        [0, 1, 1, 0], np.int64
    )


def spiral(n: int = 100, classes: int = 3, seed: int = 1984) -> tuple[Array, Array]:
    """Spirals of n points each, one a class: (n * classes, 2) and (n * classes,).

    Point i of class j has the radius i / n and the angle 4 j + 4 i / n + 0.2 N(0, 1), from `RandomState(seed)`,
    class after class; it lies at (radius sin angle, radius cos angle). The data of chapter 1 of "Deep Learning from
    Scratch 2".
    """
    n, classes = check_int("n", n, 1), check_int("classes", classes, 1)
    radius = np.arange(n) / n
    j = np.arange(classes)[:, np.newaxis]
    angle = j * 4.0 + 4.0 * radius + _legacy(seed).randn(classes, n) * 0.2
    X = np.stack(
        [(radius * np.sin(angle)).ravel(), (radius * np.cos(angle)).ravel()], axis=1
    )
    return X, np.repeat(np.arange(classes, dtype=np.int64), n)


def threshold(
    n: int = 100, boundary: float = 7.0, direction: str = "pos", seed: int = 0
) -> tuple[Array, Array]:
    """n draws of N(boundary, 2), labelled by the side of the boundary they lie on: (n, 1) and (n,).

    The label is x > boundary for direction "pos", x < boundary for "neg"; 2 is the standard deviation. The draws are
    those of `RandomState(seed).normal(boundary, 2, n)`.
    """
    boundary = check_float("boundary", boundary)
    above = check_choice("direction", direction, ("pos", "neg")) == "pos"
    x = _legacy(seed).normal(boundary, 2.0, check_int("n", n, 1))
    return x[:, np.newaxis], (x > boundary if above else x < boundary).astype(np.int64)


def _legacy(seed: Any) -> np.random.RandomState:
    """The generator that the published experiments were made with."""
    number = check_seed(seed)
    if number >= 2**32:
        raise ValueError(f"seed must be less than 2**32 here, not {number}")
    return np.random.RandomState(number)
