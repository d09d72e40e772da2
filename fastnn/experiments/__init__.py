"""Published experiments, trained again and compared with their pages."""

from .outcome import Experiment, Options, Outcome
from .published import logistic_1d, spiral, xor_gate, xor_grid, zero_init

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (xor_grid, logistic_1d, xor_gate, spiral, zero_init)
}

__all__ = ["EXPERIMENTS", "Experiment", "Options", "Outcome"]
