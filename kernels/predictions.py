"""From inputs to outputs, and from these to probabilities and classes, for any number of rows."""

from .codes import BCE
from .compile import kernel
from .elementary import sigmoid
from .lanes import forward, gather, whole
from .nodes import softmax
from .places import output
from .vectors import after, flat, traced

logistic = traced(sigmoid)


@kernel
def outputs(out, theta, X, rows, layers, a, lanes):
    """out (n, n_out) = the last layer's plain output z for the rows given; a as in `batches.train`."""
    n_layers = layers.shape[0]
    z, n_out = output(flat(layers), n_layers)
    tile = z + n_out
    for first in range(0, rows.size, lanes):
        n = min(lanes, rows.size - first)
        gather(flat(a), lanes, tile, flat(X), X.shape[1], after(flat(rows), first), n)
        forward(flat(a), tile, flat(theta), flat(layers), n_layers, lanes, whole(flat(a), n))
        for i in range(n):
            for k in range(n_out):
                out[first + i, k] = a[(z + k) * lanes + i]


@kernel
def probabilities(out, z, loss):
    """out (n, n_classes) from z (n, n_out): sigmoid(-z) and sigmoid(z) for BCE, softmax(z) otherwise."""
    one = z.dtype.type(1)
    for i in range(z.shape[0]):
        if loss == BCE:
            out[i, 0], out[i, 1] = logistic(-z[i, 0], one), logistic(z[i, 0], one)
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
