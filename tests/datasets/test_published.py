"""Data sets that equal the published code's, bit for bit."""

import numpy as np
import pytest

from fastnn import datasets


def test_xor_grid_equals_the_published_loop():
    spot = np.linspace(-0.5, 1.5, 100)
    x1, x2 = np.meshgrid(spot, spot)
    x2 = x2[::-1]
    x1, x2 = x1.flatten(), x2.flatten()
    w = 0.5
    labels = []
    for a, b in zip(x1, x2, strict=True):
        z = w * a + w * b
        labels.append(1 if (z > 0.25) and (z < 0.75) else 0)
    X, y = datasets.xor_grid(100)
    assert X.tobytes() == np.stack([x1, x2], axis=1).tobytes()
    assert y.tolist() == labels
    assert int(y.sum()) == 4300
    assert (X.dtype, y.dtype, X.flags.c_contiguous) == (np.float64, np.int64, True)
    assert X[0].tolist() == [-0.5, 1.5]


def test_xor_gate_has_the_four_rows_in_the_published_order():
    X, y = datasets.xor_gate()
    assert X.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert y.tolist() == [0, 1, 1, 0]
    assert (X.dtype, y.dtype) == (np.float64, np.int64)


@pytest.mark.parametrize(("n", "classes", "seed"), [(100, 3, 1984), (7, 5, 0)])
def test_spiral_equals_the_loop_of_the_book(n, classes, seed):
    random = np.random.RandomState(seed)
    points, labels = np.zeros((n * classes, 2)), np.zeros(n * classes, int)
    for j in range(classes):
        for i in range(n):
            rate = i / n
            radius = 1.0 * rate
            theta = j * 4.0 + 4.0 * rate + random.randn() * 0.2
            points[n * j + i] = np.array(
                [radius * np.sin(theta), radius * np.cos(theta)]
            )
            labels[n * j + i] = j
    X, y = datasets.spiral(n, classes=classes, seed=seed)
    assert X.tobytes() == points.tobytes()
    assert y.tolist() == labels.tolist()


@pytest.mark.parametrize(("n", "classes", "seed"), [(100, 3, 0), (7, 5, 12), (1, 2, 3)])
def test_cs231n_spiral_equals_the_loop_of_the_course(n, classes, seed):
    random = np.random.RandomState(seed)
    points, labels = np.zeros((n * classes, 2)), np.zeros(n * classes, "uint8")
    for j in range(classes):
        rows = range(n * j, n * (j + 1))
        r = np.linspace(0.0, 1, n)
        t = np.linspace(j * 4, (j + 1) * 4, n) + random.randn(n) * 0.2
        points[rows] = np.c_[r * np.sin(t), r * np.cos(t)]
        labels[rows] = j
    X, y = datasets.cs231n_spiral(n, classes=classes, seed=seed)
    assert X.tobytes() == points.tobytes()
    assert y.tolist() == labels.tolist()
    assert (X.dtype, y.dtype, X.flags.c_contiguous) == (np.float64, np.int64, True)


def test_threshold_labels_normal_draws_by_their_side_of_the_boundary():
    draws = np.random.RandomState(3).normal(7.0, 2, 100)
    X, y = datasets.threshold(100, boundary=7.0, direction="pos", seed=3)
    assert X.shape == (100, 1)
    assert X[:, 0].tobytes() == draws.tobytes()
    assert y.tolist() == [int(x > 7.0) for x in draws]
    X, y = datasets.threshold(50, boundary=0.0, direction="neg", seed=3)
    assert y.tolist() == [int(x < 0.0) for x in X[:, 0]]
    assert 10 < y.sum() < 40


@pytest.mark.parametrize(
    "call",
    [
        lambda: datasets.xor_grid(0),
        lambda: datasets.xor_grid(2.5),
        lambda: datasets.spiral(-1),
        lambda: datasets.spiral(classes=0),
        lambda: datasets.spiral(seed=2**32),
        lambda: datasets.spiral(seed=-1),
        lambda: datasets.cs231n_spiral(0),
        lambda: datasets.cs231n_spiral(classes=1.5),
        lambda: datasets.threshold(boundary=np.nan),
        lambda: datasets.threshold(direction="up"),
        lambda: datasets.threshold(n="many"),
    ],
)
def test_bad_arguments_are_refused(call):
    with pytest.raises((ValueError, TypeError), match="must be"):
        call()


def test_the_global_generator_is_left_alone():
    np.random.seed(0)
    state = np.random.get_state()[1].tolist()
    for name in datasets.__all__:
        getattr(datasets, name)()
    assert np.random.get_state()[1].tolist() == state
