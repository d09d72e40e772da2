"""Reading the layer table."""

import numpy as np

from .codes import INPUT, N_IN, N_OUT, OUTPUT, WEIGHTS
from .compile import helper


@helper
def place(layers, layer):
    """A layer's sizes and places: n_in, n_out, its input x and output z in the scratch, w and b in theta.

    The table is unsigned: the compiler then knows that no index is negative, which NumPy's rules would let wrap.
    """
    n_in, n_out = np.int64(layers[layer, N_IN]), np.int64(layers[layer, N_OUT])
    w = np.int64(layers[layer, WEIGHTS])
    return n_in, n_out, np.int64(layers[layer, INPUT]), np.int64(layers[layer, OUTPUT]), w, w + n_in * n_out


@helper
def output(layers):
    """Where the last layer's output starts in the scratch, and its size."""
    last = layers.shape[0] - 1
    return np.int64(layers[last, OUTPUT]), np.int64(layers[last, N_OUT])
