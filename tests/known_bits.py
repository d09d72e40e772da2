"""Hashes of a fixed set of trainings and predictions, and the file that has them.

    python tests/known_bits.py                # print the hashes of all
    python tests/known_bits.py NAME ...       # or of those
    python tests/known_bits.py --write        # and keep them as tests/known_bits.json

With NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+avx2,+fma, or NUMBA_CPU_NAME=generic
NUMBA_CPU_FEATURES=+fma, the kernels are compiled for that processor, and the hashes
must be the same.

All numbers that go in come from a generator of uniform ones, without functions of a
mathematical library: these differ from one processor to another.
"""

import hashlib
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")


def _net_and_data(sizes, loss, dtype):
    """Return a net with random parameters, X (70, n_in) and y."""
    import fastnn

    rng = np.random.default_rng(7)
    net = fastnn.mlp(*sizes, activation="tanh", loss=loss, dtype=dtype)
    net.theta = rng.random(net.theta.size) * 2 - 1
    X = rng.random((70, sizes[0])) * 4 - 2
    return net, X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def _fit(sizes, loss, dtype, **how):
    net, X, y = _net_and_data(sizes, loss, dtype)
    history = net.fit(X, y, epochs=20, seed=0, progress=False, **how)
    return net.theta, history.loss, history.accuracy


def _fit_many(sizes, loss, dtype, **how):
    net, X, y = _net_and_data(sizes, loss, dtype)
    init = np.random.default_rng(3).random((20, net.theta.size)) * 2 - 1
    runs = net.fit_many(X, y, epochs=5, init=init, progress=False, n_jobs=1, **how)
    return runs.theta, runs.loss, runs.accuracy


def _predict(sizes, loss, dtype):
    net, X, y = _net_and_data(sizes, loss, dtype)
    net.fit(X, y, epochs=1, lr=0.1, batch_size="full", progress=False)
    return (net.predict_proba(X),)


def cases():
    """Return the trainings by name, as functions without arguments."""
    import fastnn

    found = {}
    for dtype in ("float64", "float32"):
        for name, train, sizes, loss, how in (
            ("per sample", _fit, (2, 5, 1), "bce", {"lr": 0.3}),
            (
                "per sample, adam",
                _fit,
                (3, 9, 4, 2),
                "softmax_ce",
                {"optimizer": fastnn.Adam(0.02, clip_norm=1.0)},
            ),
            (
                "batches",
                _fit,
                (3, 9, 2),
                "softmax_ce",
                {"optimizer": fastnn.SGD(0.3, momentum=0.5), "batch_size": 32},
            ),
            ("many nets per sample", _fit_many, (2, 3, 1), "bce", {"lr": 0.3}),
            (
                "many nets in batches",
                _fit_many,
                (2, 3, 2),
                "softmax_ce",
                {"optimizer": fastnn.Adam(0.02), "batch_size": 16},
            ),
            ("probabilities", _predict, (2, 5, 3), "softmax_ce", {}),
        ):

            def run(train=train, sizes=sizes, loss=loss, dtype=dtype, how=how):
                return train(sizes, loss, dtype, **how)

            found[f"{name}, {dtype}"] = run
    for name, dtype, batch_size in (
        ("wide layers, float32", "float32", 30),
        ("wide layers, few samples, float32", "float32", 4),
        ("wide layers, few samples, float64", "float64", 8),
    ):
        how = {"lr": 0.3, "batch_size": batch_size}
        found[name] = partial(_fit, (70, 63, 47, 15), "softmax_ce", dtype, **how)
    return found


def hashes(names=None):
    """Return the hash of each training, by name."""
    found = {}
    for name, run in cases().items():
        if names is None or name in names:
            state = hashlib.sha256()
            for array in run():
                state.update(array.tobytes())
            found[name] = state.hexdigest()[:16]
    return found


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if name != "--write"]
    found = json.dumps(hashes(names or None), indent=2)
    print(found)
    if "--write" in sys.argv:
        FILE.write_text(found + "\n")
