"""Nets and a loss that several tests use."""

from dataclasses import dataclass

import numpy as np

import fastnn
from fastnn.nn.activations import ACTIVATIONS

GATE = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
LABELS = np.array([0, 1, 1, 0])


@dataclass(frozen=True, repr=False)
class Scaled(fastnn.losses.Loss):
    """Squares times a factor."""

    factor: float = 1.0

    def compute(self, z, y):
        return self.factor * ((z - y) ** 2).sum(axis=1)

    def compute_back(self, z, y):
        return 2.0 * self.factor * (z - y)


def build(params, activations, loss, dtype="float64"):
    """Return a net from the plain description that `naive` and PyTorch use."""
    layers, kinds = [], {**ACTIVATIONS, "softmax": fastnn.Softmax}
    for layer, weights in enumerate(params[::2]):
        layers.append(fastnn.Affine(*weights.shape))
        if layer < len(activations):
            layers.append(kinds[activations[layer]]())
    return fastnn.Sequential(layers, loss, init=params, dtype=dtype)


def xor_net():
    """Return an untrained net with 2 inputs, 4 hidden neurons and 1 output."""
    return fastnn.mlp(2, 4, 1, activation="tanh", seed=1)


def trained_on_gate(X, y):
    """Return a net after three epochs on X and y, some form of `GATE` and `LABELS`."""
    net = fastnn.mlp(2, 3, 1, activation="tanh", seed=3)
    net.fit(X, y, epochs=3, lr=0.5)
    return net
