"""Reading the layer table."""

from typing import Any, NamedTuple

from ..codes import INPUT, N_COLUMNS, N_IN, N_OUT, OUTPUT, WEIGHTS
from ..compiler.compile import inlined_by_llvm
from .vectors import entry


class Layer(NamedTuple):
    """A layer's sizes; where its x and z start in the scratch, and w and b in theta."""

    n_in: Any
    n_out: Any
    x: Any
    z: Any
    w: Any
    b: Any


@inlined_by_llvm
def layer_offsets(layers, layer):
    """Return the Layer in a row of the table."""
    n_in = entry(layers, layer, N_IN, N_COLUMNS)
    n_out = entry(layers, layer, N_OUT, N_COLUMNS)
    x = entry(layers, layer, INPUT, N_COLUMNS)
    z = entry(layers, layer, OUTPUT, N_COLUMNS)
    w = entry(layers, layer, WEIGHTS, N_COLUMNS)
    return Layer(n_in, n_out, x, z, w, w + n_in * n_out)


@inlined_by_llvm
def output_rows(layers, n_layers):
    """Return the first row of the last layer's z, and the number of its rows."""
    layer = layer_offsets(layers, n_layers - 1)
    return layer.z, layer.n_out
