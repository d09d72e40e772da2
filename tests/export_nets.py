"""Random nets of all kinds that can be exported, and rows for them."""

from itertools import pairwise

import numpy as np

import fastnn
from fastnn.data.labels import Labels
from fastnn.data.schema import Schema
from fastnn.nn.net import build_net

ACTIVATIONS = (fastnn.Sigmoid, fastnn.Tanh, fastnn.ReLU, fastnn.Identity)
LABELS = (
    None,
    lambda n: np.array([f"c{i:02}" for i in range(n)]),
    lambda n: np.arange(n) * 3 - 1,
    lambda n: np.roll(np.arange(n) * 2.0, 1),  # met in another order
)


def random_net(number, scale=1.0):
    """Return a net of up to four layers; every other one runs layer by layer.

    Losses, dtypes and kinds of labels alternate, too.
    """
    rng = np.random.default_rng([20, number])
    loss = ("bce", "softmax_ce", "mse")[number % 3]
    several = number % 9 == 3  # outputs, with a label each
    loss = "poisson" if number % 9 == 5 else loss
    sizes = rng.integers(1, 20, size=int(rng.integers(2, 6))).tolist()
    if loss in ("bce", "softmax_ce"):
        has_one = loss == "bce" and not several
        sizes[-1] = 1 if has_one else max(2, sizes[-1])
    by_layer = number % 2 == 1
    layers = [fastnn.Tanh()] if by_layer and rng.random() < 0.3 else []
    for n_in, n_out in pairwise(sizes):
        kinds = (fastnn.Affine, fastnn.MatMul) if by_layer else (fastnn.Affine,)
        layers.append(rng.choice(kinds)(n_in, n_out))
        choice = (*ACTIVATIONS, fastnn.Softmax) if by_layer else ACTIVATIONS
        for _ in range(int(rng.integers(0, 3)) if by_layer else 1):
            layers.append(rng.choice(choice)())
    if loss != "mse" or (sizes[-1] == 1 and isinstance(layers[-1], fastnn.Softmax)):
        while not isinstance(layers[-1], (fastnn.Affine, fastnn.MatMul)):
            layers.pop()
    dtype = ("float64", "float32")[number // 2 % 2]
    net = fastnn.Sequential(layers, loss, seed=number, dtype=dtype)
    theta = (0.3 if loss == "poisson" else scale) * (
        net.theta + rng.normal(0, 0.3, net.theta.size)
    )
    net.theta = theta.astype(dtype)
    labels, n_classes = LABELS[number // 4 % len(LABELS)], net.architecture.n_classes
    if several or not (labels and n_classes):
        return net
    return with_labels(net, labels(n_classes))


def with_labels(net, labels):
    """Return the net with the label of each class number."""
    seen = np.ones(len(labels), bool)
    schema = Schema(labels=Labels(np.array(labels), seen))
    return build_net(net.architecture, net.theta, schema)


def random_rows(net, n, number=0, sizes=(1.0,)):
    """Return n rows for a net, some of them `sizes` times as large as others."""
    rng = np.random.default_rng([21, number])
    rows = rng.standard_normal((n, net.n_in)) * rng.choice(sizes, size=(n, 1))
    rows[0] = 0
    return rows.astype(net.dtype)


def results(net, X):
    """Return what a net computes for rows, (n, n_results)."""
    if net.loss.name in ("mse", "poisson"):
        return net.predict(X).reshape(len(X), -1)
    return net.predict_proba(X)


def overflowing(dtype):
    """Return a net of four classes, and rows for which some of its outputs overflow."""
    largest = np.finfo(dtype).max
    W = np.array([[2.0, 3.0, 2.0, 2.0], [0.0, 0.0, -2.0, 0.0]])
    net = fastnn.mlp(2, 4, init=[W, np.zeros(4)], dtype=dtype)
    sizes = largest * np.array([0.1, 0.4, 0.6, 1.0])
    X = [[sign * x, y * x] for x in sizes for y in (0.0, 1.0) for sign in (1, -1)]
    return net, np.array(X, dtype)
