"""The work: data, net, update rule and number of updates, the same for every contender."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import datasets
from fastnn.experiments import xor_grid

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """A sigmoid net with plain SGD on mean losses, rows in their order; params are [W1, b1, W2, b2].

    Losses are compared after `checked_epochs`: on the grid, per sample, rounding decides them later on.
    """

    name: str
    X: Array
    y: Array
    params: list[Array]
    loss: str
    lr: float
    batch_size: int
    checked_epochs: int
    epochs: int

    @property
    def updates(self) -> int:
        """Updates that are timed."""
        return -(-len(self.X) // self.batch_size) * self.epochs


def cases(quick: bool) -> list[Case]:
    """All cases; quick ones make a twentieth of the updates."""
    share = 20 if quick else 1
    grid, spiral = datasets.xor_grid(100), datasets.spiral()
    rng = np.random.default_rng(0)
    spiral_net = [rng.standard_normal((2, 10)), np.zeros(10), rng.standard_normal((10, 3)), np.zeros(3)]
    xor_net = xor_grid.initial_parameters()
    return [
        Case("xor-grid per sample", *grid, xor_net, "bce", 0.25, 1, 1, 20 // share),
        Case("xor-grid full batch", *grid, xor_net, "bce", 0.25, len(grid[0]), 10, 100 // share),
        Case("spiral batch 30", *spiral, spiral_net, "softmax_ce", 1.0, 30, 10, 200 // share),
        Case("spiral per sample", *spiral, spiral_net, "softmax_ce", 0.1, 1, 3, 60 // share),
    ]
