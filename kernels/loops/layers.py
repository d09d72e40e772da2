"""Layer by layer: every node on its own, forward and backward, over C-contiguous arrays (rows, units).

Outputs first: `out` and the gradients d... are filled in place.
"""

import numpy as np

from ..compiler.compile import entry_point, inlined_by_llvm
from ..functions import activations, optimizers
from ..functions.losses import share, tile_losses
from ..passes.samples import gather, whole
from ..primitives.pointers import flat
from ..primitives.vectors import exp, offset, vector_length


@entry_point
def affine_forward(out, x, w, b):
    """out = x w + b, for x (n, n_in), w (n_in, n_out), b (n_out,)."""
    for i in range(x.shape[0]):
        for k in range(w.shape[1]):
            out[i, k] = b[k]
        for j in range(w.shape[0]):
            for k in range(w.shape[1]):
                out[i, k] += x[i, j] * w[j, k]


@entry_point
def affine_backward(dx, dw, dout, x, w):
    """dw = x^T dout and dx = dout w^T."""
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
    """out (1, k) = the sum of the rows of x (n, k): Sum forward, Repeat backward, and an Affine's bias."""
    out[:] = 0
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[0, k] += x[i, k]


@entry_point
def repeat_row(out, x):
    """Every row of out (n, k) = the only row of x (1, k): Repeat forward, Sum backward."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = x[0, k]


@entry_point
def activation_forward(out, x, activation):
    """out = the activation of x, both flat."""
    whole = out.size - out.size % vector_length(flat(out))
    for i in range(out.size):
        out[i] = x[i]
    activations.forward(flat(out), 0, whole, activation)
    rest = np.zeros(vector_length(flat(out)), out.dtype)
    for i in range(whole, out.size):
        rest[i - whole] = x[i]
    activations.forward(flat(rest), 0, rest.size, activation)
    for i in range(whole, out.size):
        out[i] = rest[i - whole]


@entry_point
def activation_backward(dx, dout, out, activation):
    """dx = dout times the activation's derivative at `out`, the forward pass's result; all flat."""
    whole = out.size - out.size % vector_length(flat(out))
    for i in range(dout.size):
        dx[i] = dout[i]
    activations.backward(flat(dx), flat(out), 0, whole, activation)
    rest, a = (
        np.zeros(vector_length(flat(dx)), dx.dtype),
        np.zeros(vector_length(flat(dx)), dx.dtype),
    )
    for i in range(whole, out.size):
        rest[i - whole], a[i - whole] = dout[i], out[i]
    activations.backward(flat(rest), flat(a), 0, rest.size, activation)
    a[0] = 0  # it must live until here
    for i in range(whole, out.size):
        dx[i] = rest[i - whole]


@inlined_by_llvm
def softmax(out, x, i):
    """Row i of out = e^(x - max x), divided by its sum."""
    largest = x[i, 0]
    for k in range(1, x.shape[1]):
        largest = max(largest, x[i, k])
    total = out.dtype.type(0)
    for k in range(x.shape[1]):
        out[i, k] = exp(x[i, k] - largest)
        total += out[i, k]
    for k in range(x.shape[1]):
        out[i, k] /= total


@entry_point
def softmax_forward(out, x):
    """Each row of out = softmax of that row of x."""
    for i in range(x.shape[0]):
        softmax(out, x, i)


@entry_point
def softmax_backward(dx, dout, out):
    """dx = out (dout - sum_k dout_k out_k), row by row."""
    for i in range(out.shape[0]):
        total = dx.dtype.type(0)
        for k in range(out.shape[1]):
            total += dout[i, k] * out[i, k]
        for k in range(out.shape[1]):
            dx[i, k] = out[i, k] * (dout[i, k] - total)


@entry_point
def loss_forward(d, z, y, loss, mean):
    """The rows' sum of losses, how many were right, and the first row whose loss is not finite, or -1.

    d (n, n_out) = dL/dz, where L is the rows' mean loss if `mean`, otherwise their sum.
    """
    n, n_out = z.shape
    lanes = 16 * vector_length(flat(z))
    # unit 0 is for the losses, then come the outputs, then the targets
    a, slopes = (
        np.zeros((1 + n_out + y.shape[1]) * lanes, z.dtype),
        np.zeros((1 + n_out) * lanes, z.dtype),
    )
    scales = np.zeros(lanes, z.dtype)
    total, right, bad = 0.0, 0, -1
    for first in range(0, n, lanes):
        m = min(lanes, n - first)
        gather(flat(a), lanes, 1, offset(flat(z), first * n_out), n_out, None, m)
        gather(
            flat(a),
            lanes,
            1 + n_out,
            offset(flat(y), first * y.shape[1]),
            y.shape[1],
            None,
            m,
        )
        scales[:] = 0
        scales[:m] = share(z, n, mean)
        value, hits, wrong = tile_losses(
            flat(slopes),
            flat(a),
            1,
            n_out,
            1 + n_out,
            flat(scales),
            loss,
            lanes,
            whole(flat(a), m),
        )
        total += value
        right += hits
        if bad < 0 and wrong >= 0:
            bad = first + wrong
        for i in range(m):
            for k in range(n_out):
                d[first + i, k] = slopes[(1 + k) * lanes + i]
    return total, right, bad


@entry_point
def step(theta, moments, clock, g, optimizer, settings, rates):
    """One update of theta by an optimizer (see `optimizers`)."""
    optimizers.step(theta, moments, clock, g, optimizer, settings, rates)
