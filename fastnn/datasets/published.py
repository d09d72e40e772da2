"""Data sets of published experiments and courses, bit for bit."""

from typing import Any

import numpy as np

from ..data.arguments import check_choice, check_float, check_int, check_seed
from ..data.arrays import Array
from ..data.generators import import_random
from ..data.machine import check_memory
from ..data.suggestions import suggests_arguments


@suggests_arguments
def xor_grid(n: int = 100) -> tuple[Array, Array]:
    """Return an n x n grid over [-0.5, 1.5]^2 with a diagonal band of ones.

    X is (n * n, 2) and y (n * n,). In each row of the grid x1 ascends, and from row to
    row x2 descends. The label is 1 if 0.25 < 0.5 x1 + 0.5 x2 < 0.75: XOR at the
    corners of the unit square, and 4,300 of 10,000 points for n = 100. Rounding decides
    about points on the border, so the labels are computed by exactly that expression.

    >>> X, y = xor_grid(100)
    >>> X.shape, int(y.sum())
    ((10000, 2), 4300)
    """
    n = check_int("n", n, 1)
    _check_rows_memory(n * n, "n x n points")
    side = np.linspace(-0.5, 1.5, n)
    x1, x2 = np.meshgrid(side, side[::-1])
    z = 0.5 * x1 + 0.5 * x2
    y = ((z > 0.25) & (z < 0.75)).ravel().astype(np.int64)
    return np.stack([x1.ravel(), x2.ravel()], axis=1), y


def xor_gate() -> tuple[Array, Array]:
    """Return the four rows of XOR, X (4, 2) and y (4,).

    >>> X, y = xor_gate()
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return X, np.array([0, 1, 1, 0], np.int64)


@suggests_arguments
def spiral(n: int = 100, classes: int = 3, seed: int = 1984) -> tuple[Array, Array]:
    """Return spirals of n points each, one per class.

    X is (n * classes, 2) and y (n * classes,), class after class. Point i of class j is
    at the radius i / n and the angle 4 j + 4 i / n + 0.2 N(0, 1), that is, at
    (radius sin angle, radius cos angle). The noise is drawn from `RandomState(seed)`.
    These are the data of chapter 1 of "Deep Learning from Scratch 2".

    >>> X, y = spiral(100)
    >>> X.shape, np.bincount(y).tolist()
    ((300, 2), [100, 100, 100])
    """
    n, classes = check_int("n", n, 1), check_int("classes", classes, 1)
    _check_rows_memory(n * classes, "n points of each class")
    radius = np.arange(n) / n
    j = np.arange(classes)[:, np.newaxis]
    angle = j * 4.0 + 4.0 * radius + _legacy_generator(seed).randn(classes, n) * 0.2
    x1, x2 = radius * np.sin(angle), radius * np.cos(angle)
    X = np.stack([x1.ravel(), x2.ravel()], axis=1)
    return X, np.repeat(np.arange(classes, dtype=np.int64), n)


@suggests_arguments
def cs231n_spiral(n: int = 100, classes: int = 3, seed: int = 0) -> tuple[Array, Array]:
    """Return the spirals of Stanford's course CS231n, n points per class.

    X is (n * classes, 2) and y (n * classes,), class after class. The n points of class
    j have radii from 0 to 1 and angles from 4 j to 4 (j + 1), in equal steps with both
    ends, plus 0.2 N(0, 1) on each angle; the point is (radius sin angle, radius cos
    angle). The noise is drawn from `RandomState(seed)`, so these are the points of the
    course's code after `numpy.random.seed(seed)`. `spiral` is the variant of a book, in
    whose steps the outer end is missing. Source: "Minimal Neural Network Case Study",
    https://cs231n.github.io/neural-networks-case-study.

    >>> X, y = cs231n_spiral(100)
    >>> X.shape, float(np.hypot(X[:, 0], X[:, 1]).max().round(12))
    ((300, 2), 1.0)
    """
    n, classes = check_int("n", n, 1), check_int("classes", classes, 1)
    _check_rows_memory(n * classes, "n points of each class")
    random, radius = _legacy_generator(seed), np.linspace(0.0, 1, n)
    X = np.empty((classes, n, 2))
    for j in range(classes):
        angle = np.linspace(j * 4, (j + 1) * 4, n) + random.randn(n) * 0.2
        X[j] = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    return X.reshape(-1, 2), np.repeat(np.arange(classes, dtype=np.int64), n)


@suggests_arguments
def threshold(
    n: int = 100, boundary: float = 7.0, direction: str = "pos", seed: int = 0
) -> tuple[Array, Array]:
    """Return n draws around a boundary, labelled by their side of it.

    Parameters
    ----------
    n : int
        Number of draws.
    boundary : float
        Where the label changes.
    direction : {"pos", "neg"}
        The label is x > boundary for "pos", and x < boundary for "neg".
    seed : int
        Of `RandomState(seed).normal(boundary, 2, n)`: the standard deviation is 2.

    Returns
    -------
    X : array of shape (n, 1)
        The draws.
    y : array of shape (n,)
        Their labels, 0 and 1.

    Examples
    --------
    >>> X, y = threshold(100, boundary=7.0)
    >>> bool(((X[:, 0] > 7.0) == y).all())
    True
    """
    boundary = check_float("boundary", boundary)
    above = check_choice("direction", direction, ("pos", "neg")) == "pos"
    n = check_int("n", n, 1)
    _check_rows_memory(n, "n points")
    x = _legacy_generator(seed).normal(boundary, 2.0, n)
    return x[:, np.newaxis], (x > boundary if above else x < boundary).astype(np.int64)


def _check_rows_memory(n_rows: int, what: str) -> None:
    """Refuse points that do not fit into memory while they are made."""
    check_memory(80 * n_rows, f"{what}, {n_rows:,} rows", "choose a smaller n")


def _legacy_generator(seed: Any) -> "np.random.RandomState":
    """Return the generator of NumPy that the published experiments used."""
    number = check_seed(seed)
    if number >= 2**32:
        raise ValueError(f"seed must be less than 2**32 here, not {number}")
    import_random()
    return np.random.RandomState(number)
