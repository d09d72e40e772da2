"""Compiling ahead: what the first calls would wait for."""

from collections.abc import Iterator

from . import datasets
from .model import mlp


def warm_up(dtypes: tuple[str, ...] = ("float64", "float32")) -> Iterator[str]:
    """Compile the loops of `fit`, `predict` and `loss_and_grads`, and say before each step what it is."""
    X, y = datasets.xor_gate()
    for dtype in dtypes:
        net = mlp(2, 2, 1, dtype=dtype)
        yield f"training per sample, {dtype}"
        net.fit(X, y, epochs=1, lr=0.1, batch_size=1, progress=False)
        yield f"training in batches, {dtype}"
        net.fit(X, y, epochs=1, lr=0.1, batch_size="full", progress=False)
        yield f"predictions, {dtype}"
        net.predict(X)
        net.predict_proba(X)
        yield f"gradients, {dtype}"
        net.loss_and_grads(X, y)
