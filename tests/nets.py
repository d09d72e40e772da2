"""Nets that several tests take."""

import fastnn
from fastnn.nn.activations import ACTIVATIONS


def build(params, activations, loss, dtype="float64"):
    """A net from the plain description that the naive code and PyTorch take."""
    layers = []
    for layer, weights in enumerate(params[::2]):
        layers.append(fastnn.Affine(*weights.shape))
        if layer < len(activations):
            layers.append(ACTIVATIONS[activations[layer]]())
    return fastnn.Sequential(layers, loss, init=params, dtype=dtype)


def xor_net():
    return fastnn.mlp(2, 4, 1, activation="tanh", seed=1)
