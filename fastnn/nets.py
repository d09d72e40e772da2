"""Nets that are made in a line, or read from a file."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .data import labels
from .data.arguments import check_choice, check_int
from .model import Sequential
from .nn import storage
from .nn.activations import ACTIVATIONS
from .nn.initializers import Init
from .nn.layers import Affine, Layer
from .nn.losses import Loss


def mlp(
    *sizes: int,
    activation: str = "sigmoid",
    loss: str | Loss | None = None,
    init: str | Init | Sequence[Any] = "xavier",
    seed: int = 0,
    dtype: Any = "float64",
) -> Sequential:
    """A multilayer perceptron: Affine layers of these sizes with an activation between them.

    mlp(2, 3, 1) has 2 inputs, 3 hidden neurons and 1 output. activation: "sigmoid", "tanh", "relu" or "identity".
    The other arguments are those of `Sequential`.

    >>> mlp(2, 3, 1, activation="tanh", seed=0)
    Sequential([Affine(2, 3), Tanh(), Affine(3, 1)], loss='bce', dtype='float64')  # 13 parameters
    """
    if len(sizes) < 2:
        raise ValueError(
            f"mlp needs the number of inputs and of outputs at least, as in mlp(2, 3, 1), not {sizes}"
        )
    between = ACTIVATIONS[check_choice("activation", activation, ACTIVATIONS)]
    whole = [check_int(f"size {place}", size, 1) for place, size in enumerate(sizes)]
    layers: list[Layer] = []
    for n_in, n_out in pairwise(whole):
        layers += [Affine(n_in, n_out), between()]
    return Sequential(layers[:-1], loss, init=init, seed=seed, dtype=dtype)


def load(path: str | os.PathLike[str]) -> Sequential:
    """The net that `Sequential.save` wrote to `path`: same architecture, parameters, labels and dtype."""
    with storage.reading(path, "net") as saved:
        net = rebuilt(saved)
        net.theta = saved.arrays["theta"]
    return net


def rebuilt(saved: storage.Saved) -> Sequential:
    """A net of the architecture, loss, labels and dtype in a file, with parameters of its own."""
    net = Sequential(saved.layers, saved.loss, dtype=saved.arrays["theta"].dtype)
    net._init = None
    net._classes = labels.check_classes(saved.classes, net._n_classes)
    return net
