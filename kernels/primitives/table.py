"""Reading the layer table."""

from ..codes import INPUT, N_COLUMNS, N_IN, N_OUT, OUTPUT, WEIGHTS
from ..compiler.compile import inlined_by_llvm
from .vectors import entry


@inlined_by_llvm
def layer_offsets(layers, layer):
    """Return n_in and n_out of a layer, and where its x, z, w and b start.

    x and z are rows of the scratch, w and b indices of theta.
    """
    n_in = entry(layers, layer, N_IN, N_COLUMNS)
    n_out = entry(layers, layer, N_OUT, N_COLUMNS)
    x = entry(layers, layer, INPUT, N_COLUMNS)
    z = entry(layers, layer, OUTPUT, N_COLUMNS)
    w = entry(layers, layer, WEIGHTS, N_COLUMNS)
    return n_in, n_out, x, z, w, w + n_in * n_out


@inlined_by_llvm
def output_rows(layers, n_layers):
    """Return where the last layer's z starts in the scratch, and how many rows it has."""
    z = entry(layers, n_layers - 1, OUTPUT, N_COLUMNS)
    return z, entry(layers, n_layers - 1, N_OUT, N_COLUMNS)
