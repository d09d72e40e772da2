"""Measuring: validation and early stopping at the end of each epoch, in Python.

A loop on one thread does it in compiled code, see `kernels.loops.epochs`.
"""

from collections.abc import Callable

from ... import kernels
from ...data.arrays import Array, all_finite
from ...kernels.arguments import StopRule
from ...nn.losses import loss_scale
from ..config import FitConfig
from ..state import TrainingState
from ..stopping import NO_STOP
from .engine import Advance

# Returns the scaled sum of losses, and how many of the classes are right.
Evaluate = Callable[[Array, Array, Array], tuple[float, int]]

_UPDATES, _SAMPLES = kernels.codes.UPDATES, kernels.codes.SAMPLES


def stop_rule(config: FitConfig) -> StopRule:
    """Return the rule by which a training stops early, if it does."""
    return NO_STOP if config.early_stopping is None else config.early_stopping.rule()


def measuring(
    advance: Advance, evaluate: Evaluate, config: FitConfig, state: TrainingState
) -> Advance:
    """Return a function that trains as `advance` does, and measures whole epochs.

    It is `advance` itself where nothing is measured.
    """
    validation = config.validation
    if validation is None and config.early_stopping is None:
        return advance
    position, per_epoch = state.position, config.per_epoch
    n, batch_size = len(config.y), config.batch_size
    n_val = 0 if validation is None else len(validation.y)
    rule, n_scaled = stop_rule(config), n * config.loss_scale
    val_scaled = n_val * loss_scale(max(n_val, 1))

    def advance_and_measure(
        order: Array, first_epoch: int, end: int, budget: int
    ) -> int:
        while (updates := int(position[_UPDATES])) < end and budget > 0:
            visited = updates * batch_size + int(position[_SAMPLES])
            epoch = updates // per_epoch
            epoch_end = (epoch + 1) * per_epoch
            status = advance(order, first_epoch, min(epoch_end, end), budget)
            updates = int(position[_UPDATES])
            budget -= updates * batch_size + int(position[_SAMPLES]) - visited
            if status != kernels.codes.DONE or not all_finite(state.theta):
                return status
            if updates < epoch_end:
                continue
            total, right = 0.0, 0
            if validation is not None:
                total, right = evaluate(validation.X, validation.y, validation.weights)
                budget -= n_val
            is_over = kernels.loops.epochs.end_epoch(
                *(state, state, rule, epoch, n, n_scaled),
                *(total, right, n_val, val_scaled),
            )
            if state.restored_epoch == epoch:
                state.best_theta[:] = state.theta
            if is_over:
                break
        return kernels.codes.DONE

    return advance_and_measure
