"""Random nets with data, for the tests and for `nn/make_golden.py`."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")
LINKS = ("sigmoid", "tanh", "relu", "softmax")
# The values of those from N_PLAIN on are an activation of their last layer, and the
# targets of those from N_LINKED on are probabilities, several labels per row or counts.
N_PLAIN, N_LINKED, N_NETS = 200, 240, 300


@dataclass
class Case:
    """A net as `naive` describes it, a reduction of the loss, and data."""

    activations: list
    loss: str
    reduction: str
    params: list
    X: np.ndarray
    y: np.ndarray


def case(number):
    """Return a net with 1 to 4 layers of 1 to 20 units, and 1 to 12 rows of data."""
    rng = np.random.default_rng([2026, number])
    is_plain = number < N_PLAIN
    loss = ("bce", "softmax_ce", "mse")[number % 3] if is_plain else "mse"
    kind = ""
    if number >= N_LINKED:
        kind = ("labels", "probabilities", "one", "classes", "counts")[number % 5]
        loss = {"classes": "softmax_ce", "counts": "poisson"}.get(kind, "bce")
    n_out = {
        "bce": 1,
        "softmax_ce": int(rng.integers(2, 7)),
        "mse": int(rng.integers(1, 6)),
        "poisson": 1 + number % 3,
    }[loss]
    if kind in ("labels", "probabilities"):
        n_out = int(rng.integers(2, 20))
    sizes = [*rng.integers(1, 21, size=int(rng.integers(1, 5))).tolist(), n_out]
    activations = [str(name) for name in rng.choice(ACTIVATIONS, size=len(sizes) - 2)]
    params = []
    for n_in, n_out_here in pairwise(sizes):
        params += [
            rng.standard_normal((n_in, n_out_here)) / np.sqrt(n_in),
            rng.standard_normal(n_out_here),
        ]
    rows = int(rng.integers(1, 13))
    y = {
        "bce": rng.integers(0, 2, rows),
        "softmax_ce": rng.integers(0, n_out, rows),
        "mse": rng.standard_normal((rows, n_out)),
    }.get(loss)
    if kind:
        y = {
            "labels": rng.integers(0, 2, (rows, n_out)),
            "probabilities": rng.random((rows, n_out)),
            "one": rng.choice([0.0, 0.3, 0.5, 1.0], rows),
            "classes": rng.dirichlet(np.ones(n_out), rows),
            "counts": rng.poisson(2.0, (rows, n_out)),
        }[kind]
    X = rng.standard_normal((rows, sizes[0]))
    if N_PLAIN <= number < N_LINKED:
        links = LINKS if n_out > 1 else LINKS[:-1]
        activations.append(links[number % len(links)])
    return Case(activations, loss, str(rng.choice(("mean", "sum"))), params, X, y)


def digest(grads):
    """Return two numbers per gradient array, which any error in it would change.

    They are its norm, and its inner product with cos(0), cos(1), ...
    """
    flat = [np.asarray(grad, float).reshape(-1) for grad in grads]
    return [
        [float(np.linalg.norm(g)), float(g @ np.cos(np.arange(g.size)))] for g in flat
    ]
