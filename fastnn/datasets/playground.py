"""Data sets of TensorFlow Playground, with its labels, sizes and noise.

The names end in those of the Playground's addresses, such as `dataset=circle`. The
formulas are those of its file `src/dataset.ts`
(https://github.com/tensorflow/playground). Where it calls `Math.random`, these take the
next number of `numpy.random.default_rng(seed)`: the same data sets, other points. The
slider for noise shows 100 times the argument `noise`, and ends at 50.
"""

import numpy as np

from ..data.arguments import check_float, check_int, check_seed
from ..data.arrays import Array
from ..data.generators import generator
from ..data.machine import check_memory
from ..data.suggestions import suggests_arguments

# Centres and signs of the six bumps of `playground_reg_gauss`.
_BUMPS = (
    (-4.0, 2.5, 1.0),
    (0.0, 2.5, -1.0),
    (4.0, 2.5, 1.0),
    (-4.0, -2.5, -1.0),
    (0.0, -2.5, 1.0),
    (4.0, -2.5, -1.0),
)


@suggests_arguments
def playground_circle(
    n: int = 500, noise: float = 0.0, seed: int = 0
) -> tuple[Array, Array]:
    """Return a disc within a ring: the Playground's "circle".

    X is (n, 2) and y (n,), n even. The first half of the points has radii from 0 to
    2.5, the other half from 3.5 to 5, both uniform, at uniform angles. The label is 1
    if the point, moved by up to 5 `noise` in each direction, is less than 2.5 from the
    origin, otherwise -1; X has the points that were not moved.

    >>> X, y = playground_circle(200)
    >>> X.shape, np.unique(y, return_counts=True)[1].tolist()
    ((200, 2), [100, 100])
    """
    half, noise, random = _half(n), _noise(noise), _generator(seed)
    X, y = np.empty((2, half, 2)), np.empty((2, half), np.int64)
    for i, (low, high) in enumerate(((0.0, 2.5), (3.5, 5.0))):
        drawn = random.random((half, 4))
        radius, angle = _uniform(drawn[:, 0], low, high), 2.0 * np.pi * drawn[:, 1]
        X[i] = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
        moved = X[i] + noise * _uniform(drawn[:, 2:], -5.0, 5.0)
        y[i] = _sign(np.hypot(moved[:, 0], moved[:, 1]) < 2.5)
    return X.reshape(-1, 2), y.ravel()


@suggests_arguments
def playground_xor(
    n: int = 500, noise: float = 0.0, seed: int = 0
) -> tuple[Array, Array]:
    """Return four squares, labelled alike across the diagonal: the Playground's "xor".

    X is (n, 2) and y (n,). Coordinates are uniform from -5 to 5, then moved away from
    the axes by 0.3. The label is 1 if the product of the coordinates, each moved by up
    to 5 `noise`, is at least 0, otherwise -1; X has the points that were not moved.

    >>> X, y = playground_xor(200)
    >>> bool(((X[:, 0] * X[:, 1] > 0) == (y == 1)).all())
    True
    """
    n, noise, random = _rows(n), _noise(noise), _generator(seed)
    drawn = _uniform(random.random((n, 4)), -5.0, 5.0)
    X = drawn[:, :2] + np.where(drawn[:, :2] > 0.0, 0.3, -0.3)
    moved = X + noise * drawn[:, 2:]
    return X, _sign(moved[:, 0] * moved[:, 1] >= 0.0)


@suggests_arguments
def playground_gauss(
    n: int = 500, noise: float = 0.0, seed: int = 0
) -> tuple[Array, Array]:
    """Return two clouds around (2, 2) and (-2, -2): the Playground's "gauss".

    X is (n, 2) and y (n,), n even: n / 2 points with label 1, then n / 2 with -1. Each
    coordinate is normal with a variance of 0.5 + 7 `noise`, which is 4 for 0.5, drawn
    by Marsaglia's polar method.

    >>> X, y = playground_gauss(200)
    >>> bool(((X.sum(axis=1) > 0) == (y == 1)).mean() > 0.99)
    True
    """
    half, noise, random = _half(n), _noise(noise), _generator(seed)
    deviation = np.sqrt(0.5 + 7.0 * noise)
    X = deviation * _polar_normal(random, 4 * half).reshape(2, half, 2)
    X[0] += 2.0
    X[1] -= 2.0
    return X.reshape(-1, 2), np.repeat(np.array([1, -1]), half)


@suggests_arguments
def playground_spiral(
    n: int = 500, noise: float = 0.0, seed: int = 0
) -> tuple[Array, Array]:
    """Return two spirals of 1.75 turns: the Playground's "spiral".

    X is (n, 2) and y (n,), n even: n / 2 points with label 1, then n / 2 with -1. With
    k = n / 2, point i of the first has the radius 5 i / k and the angle 3.5 pi i / k,
    that is, it is at (radius sin angle, radius cos angle); the second is turned by pi.
    Each coordinate is moved by up to `noise`, also in X. `spiral` and `cs231n_spiral`
    have three classes and are within the unit circle.

    >>> X, y = playground_spiral(200)
    >>> np.allclose(X[:100], -X[100:])  # without noise
    True
    """
    half, noise, random = _half(n), _noise(noise), _generator(seed)
    part = np.arange(half) / half
    radius = 5.0 * part
    angle = 3.5 * np.pi * part + np.array([[0.0], [np.pi]])
    X = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=2)
    X += noise * _uniform(random.random(X.shape), -1.0, 1.0)
    return X.reshape(-1, 2), np.repeat(np.array([1, -1]), half)


@suggests_arguments
def playground_reg_plane(
    n: int = 1200, noise: float = 0.0, seed: int = 0
) -> tuple[Array, Array]:
    """Return values of a plane over a square: the Playground's "reg-plane".

    X is (n, 2), uniform from -6 to 6, and y (n,) float64: (x1 + x2) / 10, of the point
    after each coordinate was moved by up to 6 `noise`; X has the points that were not
    moved. Fit it with loss="mse".

    >>> X, y = playground_reg_plane(200)
    >>> bool(abs(X.sum(axis=1) / 10.0 - y).max() < 1e-12)
    True
    """
    X, moved = _square(n, noise, seed)
    return X, moved.sum(axis=1) / 10.0


@suggests_arguments
def playground_reg_gauss(
    n: int = 1200, noise: float = 0.0, seed: int = 0
) -> tuple[Array, Array]:
    """Return values of six bumps over a square: the Playground's "reg-gauss".

    X is (n, 2), uniform from -6 to 6, and y (n,) float64. The bumps stand at x1 = -4, 0
    and 4 and x2 = 2.5 and -2.5, with alternating signs; each is a cone of height 1 and
    radius 2, and where cones overlap, the value with the greater magnitude counts. y is
    the value at the point after each coordinate was moved by up to 6 `noise`; X has the
    points that were not moved. Fit it with loss="mse".

    >>> X, y = playground_reg_gauss(200)
    >>> bool(abs(y).max() <= 1.0)
    True
    """
    X, moved = _square(n, noise, seed)
    y = np.zeros(len(X))
    for x1, x2, sign in _BUMPS:
        distance = np.hypot(moved[:, 0] - x1, moved[:, 1] - x2)
        value = sign * np.clip(1.0 - distance / 2.0, 0.0, 1.0)
        # Of equal magnitudes the first counts, as in the published loop.
        y = np.where(abs(value) > abs(y), value, y)
    return X, y


def _square(n: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return points of the square of the regressions, and the same points moved."""
    n, noise, random = _rows(n), _noise(noise), _generator(seed)
    drawn = _uniform(random.random((n, 4)), -6.0, 6.0)
    X = drawn[:, :2].copy()
    return X, X + noise * drawn[:, 2:]


def _polar_normal(random: "np.random.Generator", n: int) -> Array:
    """Return n standard normal numbers by Marsaglia's polar method, one per pair.

    Pairs outside the unit circle are thrown away, and so is the second number that a
    pair could give, as in the published code.
    """
    normal = np.empty(0)
    while len(normal) < n:
        # Four fifths of the pairs are inside.
        pairs = 2.0 * random.random((2 * (n - len(normal)), 2)) - 1.0
        s = (pairs**2).sum(axis=1)
        inside = (s <= 1.0) & (s > 0.0)
        v, s = pairs[inside, 0], s[inside]
        normal = np.concatenate([normal, np.sqrt(-2.0 * np.log(s) / s) * v])
    return normal[:n]


def _uniform(drawn: Array, low: float, high: float) -> Array:
    return drawn * (high - low) + low


def _sign(positive: Array) -> Array:
    return np.where(positive, 1, -1).astype(np.int64)


def _rows(n: int) -> int:
    n = check_int("n", n, 1)
    check_memory(160 * n, f"n points, {n:,} rows", "choose a smaller n")
    return n


def _half(n: int) -> int:
    n = _rows(n)
    if n % 2:
        raise ValueError(
            f"n must be even, because half of the points have each label, not {n}"
        )
    return n // 2


def _noise(noise: float) -> float:
    return check_float("noise", noise, 0.0)


def _generator(seed: int) -> "np.random.Generator":
    return generator(check_seed(seed))
