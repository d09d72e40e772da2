"""The published experiments, each in a module of its own."""

from . import spiral, xor_grid
from .result import Experiment, Run

EXPERIMENTS: dict[str, Experiment] = {each.name: each for each in (xor_grid.EXPERIMENT, spiral.EXPERIMENT)}

__all__ = ["EXPERIMENTS", "Experiment", "Run"]
