"""Losses of a tile of samples, which gradients call by their addresses.

The frequent losses have kernels of their own, which serve samples without weights and
losses without bounds: they take a fraction of the time to compile. Arguments are those
of `lane_losses.lane_losses`. Each kernel returns the scaled sum of losses, the number
of right classes, and the first lane whose loss is not finite, or -1.
"""

import numpy as np

from ..compiler.compile import called_by_address
from ..functions.clipped_losses import clipped_losses
from ..functions.lane_losses import lane_losses, summed, summed_bce, summed_softmax


@called_by_address
def bce(
    d, a, z, n_out, y, scales, weights, weighted, loss, t, loss_scale, low, lanes, width
):
    """Return what the module says for BCE."""
    return summed_bce(d, a, z, y, scales, weights, t, loss_scale, lanes, width)


@called_by_address
def softmax_ce(
    d, a, z, n_out, y, scales, weights, weighted, loss, t, loss_scale, low, lanes, width
):
    """Return what the module says for SOFTMAX_CE."""
    return summed_softmax(
        d, a, z, n_out, y, scales, weights, t, loss_scale, lanes, width
    )


@called_by_address
def any_loss(
    d, a, z, n_out, y, scales, weights, weighted, loss, t, loss_scale, low, lanes, width
):
    """Return what the module says for the loss with this code."""
    losses, hits = lane_losses(
        d, a, z, n_out, y, scales, weights, loss, t, True, lanes, width
    )
    total, right, bad = summed(losses, hits, t, loss_scale, lanes, width)
    if low > 0.0:
        total = loss_scale * np.float64(
            clipped_losses(a, z, n_out, y, weights, loss, t, low, lanes, width)
        )
    return total, right, bad
