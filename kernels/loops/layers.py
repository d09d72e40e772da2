"""Layer by layer: each layer on its own, over C-contiguous arrays (rows, units).

Outputs come first: `out` and the gradients d... are filled in place.
"""

import numpy as np

from ..codes import CLIP_NORM, PARTIAL_SUMS, SOFTMAX
from ..compiler.compile import entry_point
from ..functions import activations, optimizers
from ..functions.activations import exponential
from ..functions.lane_losses import fill_weights, replace_by_values, summed_losses
from ..functions.losses import gradient_scale
from ..passes.samples import gather, padded_width, scatter
from ..primitives.pointers import flat
from ..primitives.vectors import offset, vector_length

_VECTORS = 16  # of a tile


@entry_point
def affine_forward(out, x, w, b):
    """Fill out = x w + b, for x (n, n_in), w (n_in, n_out), b (n_out,)."""
    for i in range(x.shape[0]):
        for k in range(w.shape[1]):
            out[i, k] = b[k]
        for j in range(w.shape[0]):
            for k in range(w.shape[1]):
                out[i, k] += x[i, j] * w[j, k]


@entry_point
def affine_backward(dx, dw, dout, x, w):
    """Fill dw = x^T dout and dx = dout w^T."""
    dw[:] = 0
    for i in range(x.shape[0]):
        for j in range(w.shape[0]):
            total = dx.dtype.type(0)
            for k in range(w.shape[1]):
                dw[j, k] += x[i, j] * dout[i, k]
                total += dout[i, k] * w[j, k]
            dx[i, j] = total


@entry_point
def sum_rows(out, x):
    """Fill out (1, k) with the sum of the rows of x (n, k).

    This is Sum forward, Repeat backward, and an Affine's bias backward.
    """
    out[:] = 0
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[0, k] += x[i, k]


@entry_point
def repeat_row(out, x):
    """Fill every row of out (n, k) with the only row of x (1, k).

    This is Repeat forward and Sum backward.
    """
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = x[0, k]


@entry_point
def activation_forward(out, x, activation):
    """Fill out with the activation of x, both flat."""
    length = vector_length(flat(out))
    stop = out.size - out.size % length
    for i in range(out.size):
        out[i] = x[i]
    activations.forward(flat(out), 0, stop, activation)
    rest = np.zeros(length, out.dtype)
    for i in range(stop, out.size):
        rest[i - stop] = x[i]
    activations.forward(flat(rest), 0, length, activation)
    for i in range(stop, out.size):
        out[i] = rest[i - stop]


@entry_point
def activation_backward(dx, dout, out, activation):
    """Fill dx = dout times the derivative where the result was `out`, all flat."""
    length = vector_length(flat(dx))
    stop = out.size - out.size % length
    for i in range(dout.size):
        dx[i] = dout[i]
    activations.backward(flat(dx), flat(out), 0, stop, activation)
    rest, a = np.zeros(length, dx.dtype), np.zeros(length, dx.dtype)
    for i in range(stop, out.size):
        rest[i - stop], a[i - stop] = dout[i], out[i]
    activations.backward(flat(rest), flat(a), 0, length, activation)
    a[0] = 0  # it must live until here
    for i in range(stop, out.size):
        dx[i] = rest[i - stop]


@entry_point
def softmax_forward(out, x):
    """Fill each row of out with the softmax of that row of x."""
    n, n_out = x.shape
    lanes = _VECTORS * vector_length(flat(x))
    a = np.zeros(n_out * lanes, x.dtype)
    for first in range(0, n, lanes):
        m, start = min(lanes, n - first), first * n_out
        gather(flat(a), lanes, 0, offset(flat(x), start), n_out, None, m)
        width = padded_width(flat(a), m)
        replace_by_values(flat(a), 0, n_out, SOFTMAX, lanes, width)
        scatter(offset(flat(out), start), flat(a), 0, n_out, lanes, m)
    a[0] = 0  # it must live until here


@entry_point
def exponential_forward(out, x):
    """Fill out (n,) with e^x."""
    for i in range(x.size):
        out[i] = exponential(x[i])


@entry_point
def softmax_backward(dx, dout, out):
    """Fill dx = out (dout - sum_k dout_k out_k), row by row."""
    for i in range(out.shape[0]):
        total = dx.dtype.type(0)
        for k in range(out.shape[1]):
            total += dout[i, k] * out[i, k]
        for k in range(out.shape[1]):
            dx[i, k] = out[i, k] * (dout[i, k] - total)


@entry_point
def loss_forward(d, z, y, all_weights, loss, mean, loss_scale):
    """Return the scaled sum of losses, the number of right classes, and a row or -1.

    The sum is that of the losses times loss_scale. The row is the first one whose loss
    is not finite. d (n, n_out) = dL/dz, where L is the rows' mean loss if `mean`,
    otherwise their sum. all_weights (n,) are factors of the rows' losses, or empty.
    """
    n, n_out = z.shape
    n_targets = y.shape[1]
    lanes = _VECTORS * vector_length(flat(z))
    # outputs, then targets
    a = np.zeros((n_out + n_targets) * lanes, z.dtype)
    gradients = np.zeros(n_out * lanes, z.dtype)
    losses = np.zeros((PARTIAL_SUMS + 1) * lanes, z.dtype)
    scales, weights = np.zeros(lanes, z.dtype), np.zeros(lanes, z.dtype)
    rows = np.arange(n)
    targets = offset(flat(a), n_out * lanes)
    total, right, bad = 0.0, 0, -1
    for first in range(0, n, lanes):
        m = min(lanes, n - first)
        gather(flat(a), lanes, 0, offset(flat(z), first * n_out), n_out, None, m)
        rows_of_y = offset(flat(y), first * n_targets)
        gather(flat(a), lanes, n_out, rows_of_y, n_targets, None, m)
        width = padded_width(flat(a), m)
        fill_weights(
            flat(weights),
            flat(scales),
            gradient_scale(flat(z), n, mean),
            flat(all_weights),
            all_weights.size > 0,
            offset(flat(rows), first),
            m,
            width,
        )
        value, hits, wrong = summed_losses(
            flat(gradients),
            flat(a),
            0,
            n_out,
            targets,
            flat(scales),
            flat(weights),
            all_weights.size > 0,
            loss,
            flat(losses),
            loss_scale,
            lanes,
            width,
        )
        total += value
        right += hits
        if bad < 0 and wrong >= 0:
            bad = first + wrong
        scatter(offset(flat(d), first * n_out), flat(gradients), 0, n_out, lanes, m)
    # they must live until here
    a[0] = gradients[0] = losses[0] = scales[0] = weights[0] = rows[0] = 0
    return total, right, bad


@entry_point
def step(theta, moments, clock, g, optimizer, settings, rates, decays):
    """Update theta by an optimizer (see `functions.optimizers`), which may clip g."""
    if settings[CLIP_NORM] > 0.0:
        optimizers.clip(g, None, theta.size, settings[CLIP_NORM])
    optimizers.step(theta, moments, clock, g, optimizer, settings, rates, decays)
