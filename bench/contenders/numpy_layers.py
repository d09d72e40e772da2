"""Layers as objects in NumPy, as tutorials write them.

The layers update their parameters during the backward pass.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..cases import Array, Case
from . import Unsupported
from .numpy_vectorised import epoch_batches, versions

__all__ = ["prepare", "versions"]


class Affine:
    """z = x W + b."""

    def __init__(self, w: Array, b: Array) -> None:
        self.w, self.b = w.copy(), b.copy()

    def forward(self, x: Array) -> Array:
        """Return the sums; keep the inputs."""
        self.x = x
        return np.dot(x, self.w) + self.b

    def backward(self, dz: Array, lr: float) -> Array:
        """Return the gradient of the inputs, and update the weights."""
        dx = np.dot(dz, self.w.T)
        self.w = self.w - lr * np.dot(self.x.T, dz)
        self.b = self.b - lr * np.sum(dz, axis=0)
        return dx


class Sigmoid:
    """1 / (1 + exp(-z))."""

    def forward(self, z: Array) -> Array:
        """Return the outputs, and keep them."""
        self.a = 1 / (1 + np.exp(-z))
        return self.a

    def backward(self, da: Array, lr: float) -> Array:
        """Return the gradient of the sums."""
        return da * self.a * (1 - self.a)


class Tanh:
    """tanh(z)."""

    def forward(self, z: Array) -> Array:
        """Return the outputs, and keep them."""
        self.a = np.tanh(z)
        return self.a

    def backward(self, da: Array, lr: float) -> Array:
        """Return the gradient of the sums."""
        return da * (1 - self.a**2)


class Loss:
    """The last activation, and the loss summed over a batch."""

    def __init__(self, name: str, output: str) -> None:
        self.name, self.output = name, output

    def forward(self, z: Array, t: Array) -> float:
        """Return the loss; keep the gradient of the sums."""
        if self.name == "bce":
            p = 1 / (1 + np.exp(-z))
            self.dz = (p - t) / len(t)
            return -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p))
        if self.name == "softmax_ce":
            e = np.exp(z - np.max(z, axis=1, keepdims=True))
            p = e / np.sum(e, axis=1, keepdims=True)
            self.dz = (p - t) / len(t)
            return -np.sum(t * np.log(p))
        a = z if self.output == "identity" else 1 / (1 + np.exp(-z))
        self.dz = 2 * (a - t) / z.size
        if self.output == "sigmoid":
            self.dz *= a * (1 - a)
        return np.sum(np.mean((a - t) ** 2, axis=1))


def prepare(case: Case) -> Callable[[int], float]:
    """Return a function that trains."""
    if case.kind != "train" or case.optimizer != "sgd" or case.n_nets > 1:
        raise Unsupported("trains one net with plain SGD")
    batches = epoch_batches(case)

    def train(epochs: int) -> float:
        layers: list[Any] = []
        for w, b in zip(case.params[::2], case.params[1::2], strict=True):
            layers += [Affine(w, b), Sigmoid() if case.hidden == "sigmoid" else Tanh()]
        layers.pop()  # the last activation belongs to the loss
        loss = Loss(case.loss, case.output)
        for epoch in range(epochs):
            total = 0.0
            for x, t in batches(epoch):
                for layer in layers:
                    x = layer.forward(x)
                total += loss.forward(x, t)
                d = loss.dz
                for layer in reversed(layers):
                    d = layer.backward(d, case.lr)
        return float(total / len(case.X))

    return train
