"""Reading the layer table."""

from ..codes import INPUT, N_COLUMNS, N_IN, N_OUT, OUTPUT, WEIGHTS
from ..compiler.compile import helper
from .pointers import entry


@helper
def place(layers, layer):
    """A layer's sizes and places: n_in, n_out, its input x and output z in the scratch, w and b in theta."""
    n_in, n_out, w = (
        entry(layers, layer, N_IN, N_COLUMNS),
        entry(layers, layer, N_OUT, N_COLUMNS),
        entry(layers, layer, WEIGHTS, N_COLUMNS),
    )
    return (
        n_in,
        n_out,
        entry(layers, layer, INPUT, N_COLUMNS),
        entry(layers, layer, OUTPUT, N_COLUMNS),
        w,
        w + n_in * n_out,
    )


@helper
def output(layers, n_layers):
    """Where the last layer's output starts in the scratch, and its size."""
    return entry(layers, n_layers - 1, OUTPUT, N_COLUMNS), entry(
        layers, n_layers - 1, N_OUT, N_COLUMNS
    )
