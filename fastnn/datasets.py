"""The data of the experiments.

Each function returns X (n, n_features) float64 and labels y (n,) int64.
"""

from typing import Any

import numpy as np

from .data.arguments import check_choice, check_float, check_int, check_seed
from .data.arrays import Array


def xor_grid(n: int = 100) -> tuple[Array, Array]:
    """Return an n x n grid over [-0.5, 1.5]^2, with XOR's diagonal band labelled 1.

    X is (n * n, 2) and y (n * n,). The points come row by row; the first coordinate
    ascends within a row, the second descends from row to row. The label is 1 where
    0.25 < 0.5 x1 + 0.5 x2 < 0.75, which holds for 4,300 of 10,000 points. Points on the
    border depend on rounding, so the labels are computed by exactly this expression.

    >>> X, y = xor_grid(100)
    >>> X.shape, int(y.sum())
    ((10000, 2), 4300)
    """
    coordinates = np.linspace(-0.5, 1.5, check_int("n", n, 1))
    x1, x2 = np.meshgrid(coordinates, coordinates[::-1])
    z = 0.5 * x1 + 0.5 * x2
    y = ((z > 0.25) & (z < 0.75)).ravel().astype(np.int64)
    return np.stack([x1.ravel(), x2.ravel()], axis=1), y


def xor_gate() -> tuple[Array, Array]:
    """Return the four rows of XOR: X (4, 2) and y (4,).

    The rows are (0, 0), (1, 0), (0, 1) and (1, 1) with the labels 0, 1, 1 and 0.

    >>> xor_gate()[1].tolist()
    [0, 1, 1, 0]
    """
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return X, np.array([0, 1, 1, 0], np.int64)


def spiral(n: int = 100, classes: int = 3, seed: int = 1984) -> tuple[Array, Array]:
    """Return one spiral of n points per class: X (n * classes, 2), y (n * classes,).

    Point i of class j has the radius i / n and the angle 4 j + 4 i / n + 0.2 N(0, 1),
    and lies at (radius sin angle, radius cos angle). The noise is drawn from
    `RandomState(seed)`, class after class. These are the data of chapter 1 of "Deep
    Learning from Scratch 2".

    >>> X, y = spiral(100)
    >>> X.shape, np.bincount(y).tolist()
    ((300, 2), [100, 100, 100])
    """
    n, classes = check_int("n", n, 1), check_int("classes", classes, 1)
    radius = np.arange(n) / n
    j = np.arange(classes)[:, np.newaxis]
    angle = j * 4.0 + 4.0 * radius + _legacy_generator(seed).randn(classes, n) * 0.2
    X = np.stack(
        [(radius * np.sin(angle)).ravel(), (radius * np.cos(angle)).ravel()], axis=1
    )
    return X, np.repeat(np.arange(classes, dtype=np.int64), n)


def threshold(
    n: int = 100, boundary: float = 7.0, direction: str = "pos", seed: int = 0
) -> tuple[Array, Array]:
    """Return n draws around a boundary, labelled by their side of it: X (n, 1), y (n,).

    X is `RandomState(seed).normal(boundary, 2, n)`, with the standard deviation 2. The
    label is x > boundary for the direction "pos", x < boundary for "neg".

    >>> X, y = threshold(3)
    >>> (X[:, 0] > 7.0).tolist(), y.tolist()
    ([True, True, True], [1, 1, 1])
    """
    boundary = check_float("boundary", boundary)
    upper_side = check_choice("direction", direction, ("pos", "neg")) == "pos"
    x = _legacy_generator(seed).normal(boundary, 2.0, check_int("n", n, 1))
    labels = x > boundary if upper_side else x < boundary
    return x[:, np.newaxis], labels.astype(np.int64)


def _legacy_generator(seed: Any) -> np.random.RandomState:
    """Return the generator that the published experiments used."""
    number = check_seed(seed)
    if number >= 2**32:
        raise ValueError(f"seed must be less than 2**32 here, not {number}")
    return np.random.RandomState(number)
