"""Nets of ours from the plain descriptions that the naive code and PyTorch take."""

import fastnn
from fastnn.activations import ACTIVATIONS


def build(params, activations, loss, dtype="float64"):
    layers = []
    for layer, weights in enumerate(params[::2]):
        layers.append(fastnn.Affine(*weights.shape))
        if layer < len(activations):
            layers.append(ACTIVATIONS[activations[layer]]())
    return fastnn.Sequential(layers, loss, init=params, dtype=dtype)
