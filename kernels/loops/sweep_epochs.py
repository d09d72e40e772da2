"""The end of an epoch of many nets: validation, and nets that stop early.

A net is measured and stopped as `fit` does it for one net alone, with the same bits.
"""

import numpy as np

from ..codes import (
    BEST_EPOCH,
    BEST_VAL_ACCURACY,
    BEST_VAL_LOSS,
    BEST_VALUE,
    BIAS_LR,
    LR,
    VAL_ACCURACY,
    VAL_LOSS,
)
from ..compiler.compile import entry_point, subroutine
from ..primitives.pointers import flat
from ..primitives.vectors import offset
from .predictions import add_losses


@subroutine
def _collect(nets, ids, all_theta, trained, n, n_params, numbers, epoch):
    """Copy the nets that were active in the epoch, one per row; return their number.

    ids gets their numbers.
    """
    active = 0
    for i in range(n):
        if trained[i] == 0 or trained[i] == epoch + 1:
            start = i // numbers * n_params * numbers + i % numbers
            for p in range(n_params):
                nets[active * n_params + p] = all_theta[start + p * numbers]
            ids[active] = i
            active += 1
    return active


@subroutine
def _is_finite(nets, start, n_params):
    """Return True if the parameters from `start` on are finite."""
    finite = True
    for p in range(start, start + n_params):
        finite = finite and np.isfinite(nets[p])
    return finite


@entry_point
def end_epoch(state, data, plan, rule, measured, epoch, row, recorded, lanes):
    """Measure the nets that were active in an epoch, and stop those that should.

    The arguments are SweepArrays, the Data to validate on, EpochPlan, StopRule and
    Measured (see `arguments`). The losses of the epoch are in state.losses[row]; what
    is measured on the data goes to measured.validated[:, recorded], or nowhere if that
    is below 0. lanes are those of a tile of samples.
    """
    final, best = measured.final, measured.best
    n_curves, n = final.shape
    n_params, numbers = state.theta.shape[1:]
    trained_size = state.trained.size
    nets, trained = flat(measured.nets), flat(state.trained)
    start = row * trained_size
    losses, n_right = (
        offset(flat(state.losses), start),
        offset(flat(state.n_right), start),
    )
    settings, n_settings = flat(state.settings), state.settings.shape[1]
    totals, hits, ids = measured.totals, measured.hits, measured.ids
    active = _collect(
        nets, ids, flat(state.theta), trained, n, n_params, numbers, epoch
    )
    if n_curves > VAL_LOSS and active > 0:
        totals[:active], hits[:active] = 0, 0
        add_losses(
            totals,
            hits,
            measured.nets,
            data.X,
            data.y,
            data.weights,
            plan.layers,
            plan.loss,
            plan.val_scale,
            lanes,
            active,
        )
    for k in range(active):
        i = ids[k]
        loss = losses[i] / (plan.n * plan.loss_scale)
        finite = np.isfinite(loss)
        final[0, i] = loss
        final[1, i] = n_right[i] / plan.n if finite and plan.classifies else np.nan
        if n_curves > VAL_LOSS:
            final[VAL_LOSS, i] = totals[k] / (data.X.shape[0] * plan.val_scale)
            accuracy = hits[k] / data.X.shape[0]
            final[VAL_ACCURACY, i] = accuracy if plan.classifies else np.nan
            if recorded >= 0:
                measured.validated[0, recorded, i] = final[VAL_LOSS, i]
                measured.validated[1, recorded, i] = final[VAL_ACCURACY, i]
        if rule.monitor < 0:
            continue
        finite = finite and _is_finite(nets, k * n_params, n_params)
        value = rule.sign * final[rule.monitor, i]
        if finite and value < best[BEST_VALUE, i] - rule.min_delta:
            best[BEST_VALUE, i], best[BEST_EPOCH, i] = value, epoch
            if n_curves > VAL_LOSS:
                best[BEST_VAL_LOSS, i] = final[VAL_LOSS, i]
                best[BEST_VAL_ACCURACY, i] = final[VAL_ACCURACY, i]
            for p in range(n_params if rule.restores else 0):
                measured.best_theta[i, p] = measured.nets[k, p]
        over = epoch - best[BEST_EPOCH, i] >= rule.patience
        enough = recorded >= 0 and rule.stop_below > 0.0 and loss < rule.stop_below
        if over or enough or not finite:
            trained[i] = epoch + 1
            start = i // numbers * n_settings * numbers + i % numbers
            settings[start + LR * numbers] = 0.0
            settings[start + BIAS_LR * numbers] = 0.0
    # Lanes that are left over repeat the last net.
    for i in range(n, trained_size if rule.monitor >= 0 else 0):
        trained[i] = trained[n - 1]
