"""Layer by layer: every node on its own, forward and backward, over C-contiguous arrays (rows, units).

Outputs first: `out` and the gradients d... are filled in place.
"""

import numpy as np

from . import activations, optimizers
from .codes import FEEDBACK_WEIGHTS
from .compile import helper, kernel
from .losses import sample_loss


@kernel
def affine_forward(out, x, w, b):
    """out = x w + b, for x (n, n_in), w (n_in, n_out), b (n_out,)."""
    for i in range(x.shape[0]):
        for k in range(w.shape[1]):
            out[i, k] = b[k]
        for j in range(w.shape[0]):
            for k in range(w.shape[1]):
                out[i, k] += x[i, j] * w[j, k]


@kernel
def affine_backward(dx, dw, dout, x, w, feedback):
    """dw = x^T dout and dx = dout w^T; with FEEDBACK_INPUTS dx_ij = x_ij sum_k dout_ik."""
    dw[:] = 0
    for i in range(x.shape[0]):
        for j in range(w.shape[0]):
            total = dx.dtype.type(0)
            for k in range(w.shape[1]):
                dw[j, k] += x[i, j] * dout[i, k]
                total += dout[i, k] * (w[j, k] if feedback == FEEDBACK_WEIGHTS else x[i, j])
            dx[i, j] = total


@kernel
def sum_rows(out, x):
    """out (1, k) = the sum of the rows of x (n, k): Sum forward, Repeat backward, and an Affine's bias."""
    out[:] = 0
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[0, k] += x[i, k]


@kernel
def repeat_row(out, x):
    """Every row of out (n, k) = the only row of x (1, k): Repeat forward, Sum backward."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = x[0, k]


@kernel
def activation_forward(out, x, activation):
    """out = the activation of x, both flat."""
    for i in range(x.size):
        out[i] = x[i]
    activations.forward(out, 0, out.size, activation)


@kernel
def activation_backward(dx, dout, out, activation):
    """dx = dout times the activation's derivative at `out`, the forward pass's result; all flat."""
    for i in range(dout.size):
        dx[i] = dout[i]
    activations.backward(dx, out, 0, dx.size, activation)


@helper
def softmax(out, x, i):
    """Row i of out = e^(x - max x), divided by its sum."""
    largest = x[i, 0]
    for k in range(1, x.shape[1]):
        largest = max(largest, x[i, k])
    total = out.dtype.type(0)
    for k in range(x.shape[1]):
        out[i, k] = np.exp(x[i, k] - largest)
        total += out[i, k]
    for k in range(x.shape[1]):
        out[i, k] /= total


@kernel
def softmax_forward(out, x):
    """Each row of out = softmax of that row of x."""
    for i in range(x.shape[0]):
        softmax(out, x, i)


@kernel
def softmax_backward(dx, dout, out):
    """dx = out (dout - sum_k dout_k out_k), row by row."""
    for i in range(out.shape[0]):
        total = dx.dtype.type(0)
        for k in range(out.shape[1]):
            total += dout[i, k] * out[i, k]
        for k in range(out.shape[1]):
            dx[i, k] = out[i, k] * (dout[i, k] - total)


@kernel
def loss_forward(d, z, y, loss, mean):
    """The rows' sum of losses, how many were right, and the first row whose loss is not finite, or -1.

    d (n, n_out) = dL/dz, where L is the rows' mean loss if `mean`, otherwise their sum.
    """
    n, n_out = z.shape
    scale = z.dtype.type(1)
    if mean:
        scale = scale / z.dtype.type(n)
    flat, to = z.reshape(-1), d.reshape(-1)
    total, right, bad = 0.0, 0, -1
    for i in range(n):
        value, hit = sample_loss(to, flat, i * n_out, 1, n_out, y, i, loss, scale)
        total += value
        right += hit
        if bad < 0 and not np.isfinite(value):
            bad = i
    return total, right, bad


@kernel
def step(theta, moments, clock, g, optimizer, settings):
    """One update of theta by an optimizer (see `optimizers`)."""
    optimizers.step(theta, moments, clock, g, optimizer, settings)
