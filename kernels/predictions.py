"""From inputs to outputs, and from these to probabilities and classes, for any number of rows."""

from .activations import logistic
from .codes import BCE, LANES
from .compile import kernel
from .lanes import forward, gather
from .nodes import softmax
from .places import output


@kernel
def outputs(out, theta, X, rows, layers, a):
    """out (n, n_out) = the last layer's plain output z for the rows given; a as in `batches.train`."""
    z, n_out = output(layers)
    for first in range(0, rows.size, LANES):
        width = min(LANES, rows.size - first)
        gather(a, X, rows, first, width)
        forward(a, theta, layers, width)
        for i in range(width):
            for k in range(n_out):
                out[first + i, k] = a[(z + k) * LANES + i]


@kernel
def probabilities(out, z, loss):
    """out (n, n_classes) from z (n, n_out): sigmoid(-z) and sigmoid(z) for BCE, softmax(z) otherwise."""
    one = z.dtype.type(1)
    for i in range(z.shape[0]):
        if loss == BCE:
            out[i, 1], out[i, 0], _ = logistic(z[i, 0], one)
        else:
            softmax(out, z, i)


@kernel
def classes(out, z, loss):
    """out (n,) = the number of the class: z > 0 for BCE, the first largest z otherwise."""
    for i in range(z.shape[0]):
        if loss == BCE:
            out[i] = z[i, 0] > 0
        else:
            best = 0
            for k in range(1, z.shape[1]):
                if z[i, k] > z[i, best]:
                    best = k
            out[i] = best
