"""Losses of a tile of samples, which gradients call by their addresses.

The frequent losses have kernels of their own, which serve samples without weights and
losses without bounds: they take a fraction of the time to compile. Arguments are those
of `lane_losses.lane_losses`. Each kernel returns the scaled sum of losses, the number
of right classes, and the first lane whose loss is not finite, or -1.
"""

import numpy as np

from ..codes import LOSSES
from ..compiler.compile import called_by_address, inlined_by_numba
from ..functions.clipped_losses import clipped_losses
from ..functions.lane_losses import (
    bce_lanes,
    bce_of_samples,
    lane_losses,
    softmax_lanes,
)
from ..primitives.vectors import reduce_add


@inlined_by_numba
def _total(losses, loss_scale):
    return np.float64(reduce_add(losses)) * loss_scale


@inlined_by_numba
def _total_of_lanes(t, loss_scale, lanes, width):
    """Return the scaled sum of the losses in t, and the first lane that is not finite.

    They may be finite, while their sum is not; loss_scale is at most 1 / width.
    """
    total, bad = 0.0, -1
    for i in range(width):
        total += np.float64(t[LOSSES * lanes + i]) * loss_scale
        if bad < 0 and not np.isfinite(t[LOSSES * lanes + i]):
            bad = i
    return total, bad


@called_by_address
def bce(
    d, a, z, n_out, y, scales, weights, weighted, loss, t, loss_scale, low, lanes, width
):
    """Return what the module says for BCE."""
    losses, hits = bce_of_samples(d, a, z, y, scales, weights, lanes, width)
    total, bad = _total(losses, loss_scale), -1
    if not np.isfinite(total):
        bce_lanes(d, a, z, y, scales, weights, t, True, lanes, width)
        total, bad = _total_of_lanes(t, loss_scale, lanes, width)
    return total, np.int64(reduce_add(hits)), bad


@called_by_address
def softmax_ce(
    d, a, z, n_out, y, scales, weights, weighted, loss, t, loss_scale, low, lanes, width
):
    """Return what the module says for SOFTMAX_CE."""
    losses, hits = softmax_lanes(
        d, a, z, n_out, y, scales, weights, t, True, lanes, width
    )
    total, bad = _total(losses, loss_scale), -1
    if not np.isfinite(total):
        total, bad = _total_of_lanes(t, loss_scale, lanes, width)
    return total, np.int64(reduce_add(hits)), bad


@called_by_address
def any_loss(
    d, a, z, n_out, y, scales, weights, weighted, loss, t, loss_scale, low, lanes, width
):
    """Return what the module says for the loss with this code."""
    losses, hits = lane_losses(
        d, a, z, n_out, y, scales, weights, loss, t, True, lanes, width
    )
    total, bad = _total(losses, loss_scale), -1
    if not np.isfinite(total):
        total, bad = _total_of_lanes(t, loss_scale, lanes, width)
    if low > 0.0:
        total = loss_scale * np.float64(
            clipped_losses(a, z, n_out, y, weights, loss, t, low, lanes, width)
        )
    return total, np.int64(reduce_add(hits)), bad
