"""The Playground's data sets equal slow loops of its published formulas.

Each loop takes one number of the generator where the published code calls Math.random.
"""

import math

import numpy as np
import pytest

from fastnn import datasets

RADIUS = {"circle": 5.0, "xor": 5.0, "reg_plane": 6.0, "reg_gauss": 6.0}


def scaled(value, domain, target):
    """d3's linear scale."""
    part = (value - domain[0]) / (domain[1] - domain[0])
    return target[0] * (1.0 - part) + target[1] * part


class Loops:
    """The data sets, point by point."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed).random
        self.points = []

    def uniform(self, low, high):
        return self.random() * (high - low) + low

    def normal(self, mean, variance):
        while True:
            v1, v2 = 2.0 * self.random() - 1.0, 2.0 * self.random() - 1.0
            s = v1 * v1 + v2 * v2
            if s <= 1.0:
                break
        return mean + math.sqrt(variance) * (math.sqrt(-2.0 * math.log(s) / s) * v1)

    def noisy(self, name, x, y, noise):
        radius = RADIUS[name]
        noise_x = self.uniform(-radius, radius) * noise
        return x + noise_x, y + self.uniform(-radius, radius) * noise

    def circle(self, n, noise):
        for low, high in ((0.0, 2.5), (3.5, 5.0)):
            for _ in range(n // 2):
                r = self.uniform(low, high)
                angle = self.uniform(0.0, 2.0 * math.pi)
                x, y = r * math.sin(angle), r * math.cos(angle)
                a, b = self.noisy("circle", x, y, noise)
                inside = math.sqrt(a * a + b * b) < 2.5
                self.points.append((x, y, 1 if inside else -1))

    def xor(self, n, noise):
        for _ in range(n):
            x = self.uniform(-5.0, 5.0)
            x += 0.3 if x > 0 else -0.3
            y = self.uniform(-5.0, 5.0)
            y += 0.3 if y > 0 else -0.3
            # The published loop draws the coordinates' noise after both coordinates.
            a, b = self.noisy("xor", x, y, noise)
            self.points.append((x, y, 1 if a * b >= 0 else -1))

    def gauss(self, n, noise):
        variance = scaled(noise, (0.0, 0.5), (0.5, 4.0))
        for centre, label in ((2.0, 1), (-2.0, -1)):
            for _ in range(n // 2):
                x = self.normal(centre, variance)
                self.points.append((x, self.normal(centre, variance), label))

    def spiral(self, n, noise):
        half = n / 2
        for shift, label in ((0.0, 1), (math.pi, -1)):
            for i in range(n // 2):
                r, t = i / half * 5.0, 1.75 * i / half * 2.0 * math.pi + shift
                x = r * math.sin(t) + self.uniform(-1.0, 1.0) * noise
                y = r * math.cos(t) + self.uniform(-1.0, 1.0) * noise
                self.points.append((x, y, label))

    def reg_plane(self, n, noise):
        for _ in range(n):
            x, y = self.uniform(-6.0, 6.0), self.uniform(-6.0, 6.0)
            a, b = self.noisy("reg_plane", x, y, noise)
            self.points.append((x, y, scaled(a + b, (-10.0, 10.0), (-1.0, 1.0))))

    def reg_gauss(self, n, noise):
        bumps = [(-4, 2.5, 1), (0, 2.5, -1), (4, 2.5, 1)]
        bumps += [(-4, -2.5, -1), (0, -2.5, 1), (4, -2.5, -1)]
        for _ in range(n):
            x, y = self.uniform(-6.0, 6.0), self.uniform(-6.0, 6.0)
            a, b = self.noisy("reg_gauss", x, y, noise)
            label = 0.0
            for cx, cy, sign in bumps:
                distance = math.sqrt((a - cx) ** 2 + (b - cy) ** 2)
                height = scaled(min(max(distance, 0.0), 2.0), (0.0, 2.0), (1.0, 0.0))
                if abs(sign * height) > abs(label):
                    label = sign * height
            self.points.append((x, y, label))


NAMES = ("circle", "xor", "gauss", "spiral", "reg_plane", "reg_gauss")
CLASSES = NAMES[:4]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n", "noise", "seed"), [(300, 0.0, 0), (500, 0.35, 7)])
def test_a_data_set_equals_the_loop_of_its_formula(name, n, noise, seed):
    X, y = getattr(datasets, f"playground_{name}")(n, noise=noise, seed=seed)
    loops = Loops(seed)
    getattr(loops, name)(n, noise)
    x1, x2, labels = zip(*loops.points, strict=True)
    # NumPy and the C library round sines and logarithms differently, by some bits.
    np.testing.assert_allclose(X, np.stack([x1, x2], axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(y, labels, rtol=1e-12, atol=1e-12)
    assert (X.dtype, X.shape, X.flags.c_contiguous) == (np.float64, (n, 2), True)
    assert y.dtype == (np.int64 if name in CLASSES else np.float64)
    if name in CLASSES:
        assert sorted(set(y.tolist())) == [-1, 1]


@pytest.mark.parametrize("name", NAMES)
def test_sizes_and_seeds(name):
    make = getattr(datasets, f"playground_{name}")
    assert len(make()[0]) == (500 if name in CLASSES else 1200)
    assert [array.tobytes() for array in make(seed=1)] == [
        array.tobytes() for array in make(seed=1)
    ]
    assert make(seed=1, noise=0.1)[0].tobytes() != make(seed=2, noise=0.1)[0].tobytes()
    assert make(2)[0].shape == (2, 2)


@pytest.mark.parametrize("name", ["circle", "xor", "reg_plane", "reg_gauss"])
def test_noise_moves_labels_and_not_points(name):
    make = getattr(datasets, f"playground_{name}")
    (X, y), (noisy_X, noisy_y) = make(400, seed=3), make(400, noise=0.5, seed=3)
    assert X.tobytes() == noisy_X.tobytes()
    assert (y != noisy_y).mean() > 0.05


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be at least 1"),
        ({"n": 2.5}, "n must be"),
        ({"n": 2**31 - 1}, "not enough memory.*choose a smaller n"),
        ({"noise": -0.1}, "noise must be at least 0"),
        ({"noise": np.nan}, "noise must be finite"),
        ({"noise": "much"}, "noise must be a number"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": None}, "seed must be a whole number"),
    ],
)
def test_bad_arguments_are_refused(name, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(datasets, f"playground_{name}")(**arguments)


@pytest.mark.parametrize("name", ["circle", "gauss", "spiral"])
def test_halves_need_an_even_number_of_points(name):
    with pytest.raises(ValueError, match=r"n must be even.*not 5"):
        getattr(datasets, f"playground_{name}")(5)


def test_nets_learn_them():
    """Two labels by tanh and squared error, as the Playground does, and by classes."""
    import fastnn

    X, y = datasets.playground_circle(200, seed=1)
    net = fastnn.mlp(2, 4, 1, activation="tanh", seed=0)
    net.fit(X, y, epochs=60, lr=0.1, batch_size=10)
    assert net.score(X, y) > 0.95
    assert net.classes.tolist() == [-1, 1]
    X, y = datasets.playground_reg_plane(300, noise=0.05, seed=1)
    net = fastnn.mlp(2, 4, 1, activation="tanh", loss="mse", seed=0)
    net.fit(X, y, epochs=60, lr=0.1, batch_size=10)
    assert net.score(X, y) > 0.95
