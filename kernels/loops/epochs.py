"""Epochs of one net: training, then validation and early stopping, in one call."""

import numpy as np

from ..codes import BEST_EPOCH, BEST_VALUE, DONE, SAMPLES, UPDATES
from ..compiler.compile import entry_point, inlined_by_numba
from ..primitives.calls import call


def end_epoch(state, ends, rule, epoch, n, n_scaled, total, right, n_val, val_scaled):
    """Note what was measured of an epoch; return True where it is the last one.

    Where it is the best one, the caller keeps its parameters, if they are to be kept.
    state and ends have the arrays of FitArrays and EpochEnds, and rule is a StopRule
    (see `arguments`). n is the number of samples, and n_scaled that times the scale of
    their losses; n_val and val_scaled are those of the validation data, of which
    `total` is the sum of losses, and `right` the number of right classes.
    """
    val_loss = val_accuracy = np.nan
    if n_val > 0:
        val_loss, val_accuracy = total / val_scaled, right / n_val
        ends.val_loss[epoch], ends.val_accuracy[epoch] = val_loss, val_accuracy
    if rule.monitor < 0:
        return False
    loss, accuracy = state.loss_sums[epoch] / n_scaled, state.n_right[epoch] / n
    value = rule.sign * (loss, accuracy, val_loss, val_accuracy)[rule.monitor]
    best = ends.best
    if value < best[BEST_VALUE] - rule.min_delta:
        best[BEST_VALUE], best[BEST_EPOCH] = value, epoch
    return epoch - best[BEST_EPOCH] >= rule.patience


_end_epoch = inlined_by_numba(end_epoch)


@entry_point
def train(loop, evaluate, arguments, validation, ends, rule, first_epoch, end, budget):
    """Train as a loop does, and measure each epoch at its end; stop where rule says so.

    loop and evaluate are what `compile.address_of` returns for the loop and for
    `predictions.evaluate`. arguments are the loop's up to first_epoch, of which the
    first three are FitArrays, Data and FitPlan; Validation, EpochEnds and StopRule
    follow (see `arguments`). A row of the validation data takes one of `budget`, too.
    An epoch after which a parameter is not finite is not measured.
    """
    state, data, plan = arguments[0], arguments[1], arguments[2]
    theta, position, batch_size = state.theta, state.position, plan.batch_size
    n, n_val = data.y.shape[0], validation.y.shape[0]
    per_epoch = (data.X.shape[0] + batch_size - 1) // batch_size
    status, is_over = DONE, False
    while position[UPDATES] < end and budget > 0 and status == DONE and not is_over:
        visited = position[UPDATES] * batch_size + position[SAMPLES]
        epoch = position[UPDATES] // per_epoch
        last = min((epoch + 1) * per_epoch, end)
        status = call(loop, 0, (*arguments, first_epoch, last, budget))
        budget -= position[UPDATES] * batch_size + position[SAMPLES] - visited
        if status != DONE or position[UPDATES] < (epoch + 1) * per_epoch:
            continue
        for p in range(theta.size):
            is_over = is_over or not np.isfinite(theta[p])
        if is_over:
            continue
        total, right = 0.0, 0
        if n_val > 0:
            total, right = call(
                evaluate,
                (0.0, 0),
                (
                    theta,
                    validation.X,
                    validation.y,
                    validation.weights,
                    validation.layers,
                    validation.loss,
                    validation.loss_scale,
                    validation.lanes,
                ),
            )
            budget -= n_val
        is_over = _end_epoch(
            state,
            ends,
            rule,
            epoch,
            n,
            n * plan.loss_scale,
            total,
            right,
            n_val,
            n_val * validation.loss_scale,
        )
        best_theta = ends.best_theta
        if best_theta.size > 0 and ends.best[BEST_EPOCH] == epoch:
            # A slice would take 2 s to compile.
            for p in range(theta.size):
                best_theta[p] = theta[p]
    return status
