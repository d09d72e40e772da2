"""Samples side by side: unit u of the sample in lane i stands at a[u * LANES + i], so that every loop over lanes
is a vector loop, whatever the sizes of the layers.

Alphabet as in `per_sample`. A tile is up to LANES samples; `width` of its lanes are in use.
"""

import numpy as np

from . import activations
from .codes import ACTIVATION, FEEDBACK, FEEDBACK_WEIGHTS, LANES
from .compile import helper, sum_helper
from .losses import sample_loss
from .places import output, place


@helper
def gather(a, X, rows, start, width):
    """Bring the samples rows[start:start + width] into the first units of the tile."""
    for i in range(width):
        for j in range(X.shape[1]):
            a[j * LANES + i] = X[rows[start + i], j]


@helper
def forward(a, theta, layers, width):
    """Fill the tile with every layer's output: z = b + x w, then the activation."""
    for layer in range(layers.shape[0]):
        n_in, n_out, x, z, w, b = place(layers, layer)
        for k in range(n_out):
            to = (z + k) * LANES
            for i in range(width):
                a[to + i] = theta[b + k]
            for j in range(n_in):
                weight, of = theta[w + j * n_out + k], (x + j) * LANES
                for i in range(width):
                    a[to + i] += a[of + i] * weight
            activations.forward(a, to, to + width, layers[layer, ACTIVATION])


@helper
def losses(d, a, layers, y, rows, start, width, loss, scale):
    """The tile's sum of losses and number of right classes, and the first lane whose loss is not finite, or -1.

    d = scale dL/dz of the last layer.
    """
    z, n_out = output(layers)
    total, right, bad = 0.0, 0, -1
    for i in range(width):
        value, hit = sample_loss(d, a, z * LANES + i, LANES, n_out, y, rows[start + i], loss, scale)
        total += value
        right += hit
        if bad < 0 and not np.isfinite(value):
            bad = i
    return total, right, bad


@sum_helper
def product(d, a, to, of, width):
    """sum_i d[to + i] a[of + i]: one weight's gradient over a tile."""
    total = d.dtype.type(0)
    for i in range(width):
        total += d[to + i] * a[of + i]
    return total


@sum_helper
def lane_sum(d, to, width):
    """sum_i d[to + i]: one bias's gradient over a tile."""
    total = d.dtype.type(0)
    for i in range(width):
        total += d[to + i]
    return total


@helper
def backward(g, d, a, theta, layers, width):
    """Add the tile's gradient to g, where the last units of d hold dL/dz of the last layer."""
    for back in range(layers.shape[0]):
        layer = layers.shape[0] - 1 - back
        n_in, n_out, x, z, w, b = place(layers, layer)
        for k in range(n_out):
            g[b + k] += lane_sum(d, (z + k) * LANES, width)
        for j in range(n_in):
            of = (x + j) * LANES
            for k in range(n_out):
                g[w + j * n_out + k] += product(d, a, (z + k) * LANES, of, width)
            if layer > 0:
                for i in range(width):
                    d[of + i] = 0
                for k in range(n_out):
                    weight, to = theta[w + j * n_out + k], (z + k) * LANES
                    if layers[layer, FEEDBACK] == FEEDBACK_WEIGHTS:
                        for i in range(width):
                            d[of + i] += d[to + i] * weight
                    else:
                        for i in range(width):
                            d[of + i] += d[to + i] * a[of + i]
                activations.backward(d, a, of, of + width, layers[layer - 1, ACTIVATION])
