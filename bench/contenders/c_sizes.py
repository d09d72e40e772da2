"""Obvious loops in C for any net, batch and loss, with sizes known at run time only.

Several threads divide many nets among them.
"""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from .. import compiler
from ..cases import Array, Case

versions = compiler.version
_HIDDEN = ["sigmoid", "tanh"]
_THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
_LOSSES = ["bce", "softmax_ce", "mse"]


def prepare(case: Case) -> Callable[[int], float | Array]:
    """Return a function that trains or predicts."""
    real = ctypes.c_double if case.dtype == "float64" else ctypes.c_float
    long, reals = ctypes.c_long, ctypes.POINTER(real)
    longs = ctypes.POINTER(long)
    c_type = "double" if real is ctypes.c_double else "float"
    library = compiler.library(Path(__file__).with_suffix(".c"), f"-DREAL={c_type}")
    library.train_all.argtypes = [
        reals,
        reals,
        longs,
        long,
        long,
        longs,
        long,
        long,
        long,
        ctypes.c_double,
        long,
        long,
        long,
        long,
        reals,
    ]
    library.train_all.restype = ctypes.c_double
    library.predict.argtypes = [reals, long, long, longs, long, long, reals, reals]
    library.predict.restype = None

    def pointer(array: Array) -> Any:
        return array.ctypes.data_as(reals)

    X, targets = np.ascontiguousarray(case.X), case.targets()
    start = case.flat_params()
    out = np.empty_like(targets)
    orders = compiler.orders(case)
    rows, expected, first, outputs = map(pointer, (X, targets, start, out))
    sizes = (ctypes.c_long * len(case.sizes))(*case.sizes)
    pool = ThreadPoolExecutor(_THREADS)
    net = [
        len(case.sizes) - 1,
        sizes,
        _HIDDEN.index(case.hidden),
        3 if case.output == "sigmoid" else _LOSSES.index(case.loss),
    ]

    def train(epochs: int) -> float:
        nets = start.copy()
        rule = [int(case.optimizer == "adam"), case.lr, case.batch_size, epochs]

        def total_loss(part: Array) -> float:
            return library.train_all(
                rows, expected, orders, len(X), *net, *rule, *part.shape, pointer(part)
            )

        apply = map if _THREADS == 1 or len(nets) == 1 else pool.map
        parts = np.array_split(nets, min(_THREADS, len(nets)))
        return sum(apply(total_loss, parts)) / len(nets)

    def predict(times: int) -> Array:
        for _ in range(times):
            library.predict(rows, len(X), *net, first, outputs)
        return out

    return train if case.kind == "train" else predict
