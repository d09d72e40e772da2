"""One net, one sample at a time: forward, backward and update for a whole run of samples in one call.

Alphabet: x input, w weights, b bias, z = x w + b, a = activation(z), d = dL/dz or dL/da, g = dL/dtheta.
"""

import numpy as np

from . import activations
from .codes import (
    ACTIVATION,
    DONE,
    FEEDBACK,
    FEEDBACK_INPUTS,
    FEEDBACK_WEIGHTS,
    NOT_FINITE,
    ROW,
    SGD,
    UPDATES,
)
from .compile import helper, kernel, sum_helper
from .losses import sample_loss
from .optimizers import descent, step
from .places import output, place
from .scalar import one_by_one

# From this many neurons on a layer's loops are worth vectorising.
WIDE = 12


@helper
def forward(a, theta, layers):
    """Fill the scratch a, whose first units hold the sample, with every layer's output."""
    for layer in range(layers.shape[0]):
        n_in, n_out, x, z, w, b = place(layers, layer)
        if n_out < WIDE:
            for k in range(n_out):
                total = theta[b + k]
                at = w + k
                for j in range(n_in):
                    total += a[x + j] * theta[at]
                    at += one_by_one(n_out)
                a[z + k] = total
        else:
            for k in range(n_out):
                a[z + k] = theta[b + k]
            for j in range(n_in):
                for k in range(n_out):
                    a[z + k] += a[x + j] * theta[w + j * n_out + k]
        activations.forward(a, z, z + n_out, layers[layer, ACTIVATION])


@sum_helper
def dot(d, z, theta, w, n):
    """The sum of d[z + k] theta[w + k] over k < n."""
    total = d.dtype.type(0)
    for k in range(n):
        total += d[z + k] * theta[w + k]
    return total


@helper
def backward(theta, g, d, a, layers, optimizer, kept, lr):
    """Carry dL/dz of the last layer, the last units of d, back through all layers.

    Layer by layer: dL/dx_j = sum_k d_k w_jk with the weights as they were, then dL/dw_jk = d_k x_j, dL/db_k = d_k.
    For SGD these go straight into theta = kept theta - lr g, otherwise into g.
    """
    for back in range(layers.shape[0]):
        layer = layers.shape[0] - 1 - back
        n_in, n_out, x, z, w, b = place(layers, layer)
        if layer > 0:
            for j in range(n_in):
                if n_out < WIDE or layers[layer, FEEDBACK] == FEEDBACK_INPUTS:
                    total = d.dtype.type(0)
                    for k in range(n_out):
                        k = one_by_one(k)
                        if layers[layer, FEEDBACK] == FEEDBACK_WEIGHTS:
                            total += d[z + k] * theta[w + j * n_out + k]
                        else:
                            total += d[z + k] * a[x + j]
                    d[x + j] = total
                else:
                    d[x + j] = dot(d, z, theta, w + j * n_out, n_out)
            activations.backward(d, a, x, z, layers[layer - 1, ACTIVATION])
        if optimizer == SGD:
            # one sweep over the weights, not two: 67 ns where g and `step` took 95 (XOR grid)
            if n_out < WIDE:
                for j in range(n_in):
                    for k in range(n_out):
                        k = one_by_one(k)
                        p = w + j * n_out + k
                        theta[p] = kept * theta[p] - lr * (d[z + k] * a[x + j])
            else:
                for j in range(n_in):
                    for k in range(n_out):
                        p = w + j * n_out + k
                        theta[p] = kept * theta[p] - lr * (d[z + k] * a[x + j])
            for k in range(n_out):
                k = one_by_one(k)
                theta[b + k] = kept * theta[b + k] - lr * d[z + k]
        else:
            for j in range(n_in):
                for k in range(n_out):
                    g[w + j * n_out + k] = d[z + k] * a[x + j]
            for k in range(n_out):
                g[b + k] = d[z + k]


@kernel
def train(
    theta, moments, clock, g, loss_sums, n_right, position,
    X, y, order, layers, loss, optimizer, settings, first_epoch, end, budget,
    a, d,
):  # fmt: skip
    """`batches.train` for batches of one sample; a and d are (n_units,)."""
    n = X.shape[0]
    z, n_out = output(layers)
    one = theta.dtype.type(1)
    kept, lr = descent(theta, settings)
    end = min(end, position[UPDATES] + budget)
    while position[UPDATES] < end:
        epoch = position[UPDATES] // n
        rows = order[(epoch - first_epoch) % order.shape[0]]
        total, right = loss_sums[epoch], n_right[epoch]
        stop = min(end - epoch * n, n)
        for s in range(position[UPDATES] - epoch * n, stop):
            i = rows[s]
            for j in range(X.shape[1]):
                a[one_by_one(j)] = X[i, j]
            forward(a, theta, layers)
            value, hit = sample_loss(d, a, z, 1, n_out, y, i, loss, one)
            if not np.isfinite(value):
                loss_sums[epoch], n_right[epoch] = total, right
                position[UPDATES], position[ROW] = epoch * n + s, i
                return NOT_FINITE
            backward(theta, g, d, a, layers, optimizer, kept, lr)
            if optimizer != SGD:
                step(theta, moments, clock, g, optimizer, settings)
            total += value
            right += hit
        loss_sums[epoch], n_right[epoch] = total, right
        position[UPDATES] = epoch * n + stop
    return DONE
