"""Optimizers, initial parameters, data and comparisons that training tests share."""

from itertools import pairwise

import naive
import numpy as np

import fastnn

# Each update rule as fastnn and as `naive` has it.
RULES = {
    "sgd": (fastnn.SGD(0.3), naive.Rule("sgd", 0.3)),
    "sgd, decay": (
        fastnn.SGD(0.3, weight_decay=0.01),
        naive.Rule("sgd", 0.3, weight_decay=0.01),
    ),
    "sgd, decay of weights": (
        fastnn.SGD(0.3, weight_decay=0.01, bias_weight_decay=0.0),
        naive.Rule("sgd", 0.3, weight_decay=0.01, bias_weight_decay=0.0),
    ),
    "momentum": (fastnn.SGD(0.1, momentum=0.8), naive.Rule("momentum", 0.1, 0.8)),
    "momentum, decay": (
        fastnn.SGD(0.1, momentum=0.8, weight_decay=0.01),
        naive.Rule("momentum", 0.1, 0.8, weight_decay=0.01),
    ),
    "nesterov": (
        fastnn.SGD(0.1, momentum=0.8, nesterov=True),
        naive.Rule("nesterov", 0.1, 0.8),
    ),
    "nesterov, decay": (
        fastnn.SGD(0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
        naive.Rule("nesterov", 0.1, 0.8, weight_decay=0.01),
    ),
    "adam": (fastnn.Adam(0.02), naive.Rule("adam", 0.02)),
    "adam, decay of weights": (
        fastnn.Adam(0.02, weight_decay=0.01, bias_weight_decay=0.0),
        naive.Rule("adam", 0.02, weight_decay=0.01, bias_weight_decay=0.0),
    ),
    "adam, decay": (
        fastnn.Adam(0.02, weight_decay=0.01),
        naive.Rule("adam", 0.02, weight_decay=0.01),
    ),
    "adam, eps hat": (
        fastnn.Adam(0.02, eps=0.01, eps_hat=True),
        naive.Rule("adam", 0.02, eps=0.01, eps_hat=True),
    ),
    "adamw": (
        fastnn.AdamW(0.02, weight_decay=0.1, bias_weight_decay=0.2),
        naive.Rule("adamw", 0.02, weight_decay=0.1, bias_weight_decay=0.2),
    ),
    "rmsprop": (
        fastnn.RMSprop(0.02, rho=0.9, eps=0.01, weight_decay=0.01),
        naive.Rule("rmsprop", 0.02, beta2=0.9, eps=0.01, weight_decay=0.01),
    ),
    "clipped": (fastnn.SGD(0.3, clip_norm=0.1), naive.Rule("sgd", 0.3, clip_norm=0.1)),
    "clipped adam": (
        fastnn.Adam(0.02, weight_decay=0.01, clip_norm=0.1),
        naive.Rule("adam", 0.02, weight_decay=0.01, clip_norm=0.1),
    ),
}


def initial_params(sizes, seed=0):
    """Return random parameters [W1, b1, ...] for layers of these sizes."""
    rng = np.random.default_rng(seed)
    return [
        array
        for n_in, n_out in pairwise(sizes)
        for array in (
            rng.standard_normal((n_in, n_out)) / np.sqrt(n_in),
            rng.standard_normal(n_out),
        )
    ]


def learnable_data(n, n_in, loss, n_out=1, seed=1):
    """Return random X (n, n_in), and a y that a net can learn from it."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n_in))
    if loss == "mse":
        return X, np.sin(X[:, :n_out])
    n_classes = max(n_out, 2)
    return X, (np.abs(X[:, 0]) * n_classes / 1.5).astype(int) % n_classes


def assert_equals_naive(net, history, naive_result, tolerance=1e-12):
    """Compare a trained net and its history with what `naive.train` returned."""
    params, losses, accuracies = naive_result
    scale = max(np.abs(p).max() for p in params)
    for ours, theirs in zip(net.params, params, strict=True):
        assert np.abs(ours - theirs).max() <= tolerance * scale
    assert np.abs(history.loss - losses).max() <= tolerance * losses.max()
    if not np.isnan(history.accuracy).all():
        assert history.accuracy.tolist() == accuracies.tolist()


def bits_of(net, history):
    """Return all bits of a trained net's parameters and of its history."""
    return net.theta.tobytes(), history.loss.tobytes(), history.accuracy.tobytes()


def train(sizes, activation, optimizer, batch_size, epochs, seed):
    """Train a new net on 33 rows, and return its bits."""
    X, y = learnable_data(33, 2, "bce", seed=seed)
    net = fastnn.mlp(*sizes, activation=activation, seed=seed)
    history = net.fit(
        X, y, epochs=epochs, optimizer=optimizer, batch_size=batch_size, seed=seed
    )
    return bits_of(net, history)
