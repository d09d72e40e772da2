"""One sample at a time in NumPy, as tutorials write it."""

from collections.abc import Callable

import numpy as np

from ..cases import Case


def prepare(case: Case) -> Callable[[int], float] | None:
    """A function that trains, where the work is per sample with BCE."""
    if case.batch_size != 1 or case.loss != "bce":
        return None

    def train(epochs: int) -> float:
        w1, b1, w2, b2 = (p.copy() for p in case.params)
        for _ in range(epochs):
            total = 0.0
            for x, t in zip(case.X, case.y, strict=True):
                h = 1.0 / (1.0 + np.exp(-(np.dot(x, w1) + b1)))
                p = (1.0 / (1.0 + np.exp(-(np.dot(h, w2) + b2))))[0]
                total -= np.log(p) if t else np.log(1.0 - p)
                d = p - t
                dh = d * w2[:, 0] * h * (1.0 - h)
                w2[:, 0] -= case.lr * d * h
                b2 -= case.lr * d
                w1 -= case.lr * np.outer(x, dh)
                b1 -= case.lr * dh
        return total / len(case.X)

    return train
