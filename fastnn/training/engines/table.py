"""Layer table: a stack of Affine layers and activations as a few integers per layer.

The table is data, not code, so one compilation of a loop serves every architecture.
`kernels.codes` names its columns.
"""

from collections.abc import Sequence

import numpy as np

from ... import kernels
from ...data.arrays import Array
from ...nn.activations import Activation
from ...nn.architecture import Architecture
from ...nn.layers import Affine, Layer

# Bytes of a tile's inputs, outputs and gradients.
_TILE_BYTES = 2**15


def layer_table(layers: Sequence[Layer]) -> Array | None:
    """Return the table of Affine layers with at most one activation each, else None."""
    codes = kernels.codes
    rows: list[list[int]] = []
    weights = unit = 0
    for layer in layers:
        if not _computes_like_its_base(layer):
            return None
        if isinstance(layer, Affine):
            if rows and rows[-1][codes.N_OUT] != layer.n_in:
                return None
            unit_out = unit + layer.n_in
            rows.append(
                [
                    layer.n_in,
                    layer.n_out,
                    codes.IDENTITY,
                    weights,
                    unit,
                    unit_out,
                ]
            )
            weights += (layer.n_in + 1) * layer.n_out
            unit = unit_out
        elif (
            isinstance(layer, Activation)
            and rows
            and rows[-1][codes.ACTIVATION] == codes.IDENTITY
        ):
            rows[-1][codes.ACTIVATION] = layer.code
        else:
            return None
    # The loss takes the plain output, so nothing may follow the last Affine.
    if not rows or rows[-1][codes.ACTIVATION] != codes.IDENTITY:
        return None
    return np.array(rows, np.uint32)


def describes(table: Array, architecture: Architecture) -> bool:
    """Return True if the table has the sizes of the architecture, and its loss.

    A subclass of a layer may declare other sizes than those that the kernels would use.
    """
    codes = kernels.codes
    n_in, n_out = table[:, codes.N_IN].astype(int), table[:, codes.N_OUT].astype(int)
    n_params = int(((n_in + 1) * n_out).sum())
    sizes = int(n_in[0]), int(n_out[-1]), n_params
    same = sizes == (architecture.n_in, architecture.n_out, architecture.n_params)
    return same and not architecture.loss.is_own


def n_units(table: Array) -> int:
    """Return the number of inputs plus that of all layers' outputs."""
    codes = kernels.codes
    return int(table[-1, codes.OUTPUT]) + int(table[-1, codes.N_OUT])


def tile_lanes(table: Array, itemsize: int) -> int:
    """Return the number of samples in a tile, for numbers of that many bytes.

    The tiles of a and d fill about half of a first-level cache, but have at least 8
    vectors, and at most 32.
    """
    vector_bytes = kernels.codes.VECTOR_BYTES
    vectors = _TILE_BYTES // (2 * n_units(table) * vector_bytes) // 2 * 2
    return min(max(vectors, 8), 32) * vector_bytes // itemsize


def _computes_like_its_base(layer: Layer) -> bool:
    """Return False for a subclass that overrides what an Affine or activation does."""
    kind = type(layer)
    base = Affine if isinstance(layer, Affine) else Activation
    return all(
        getattr(kind, name) is getattr(base, name)
        for name in ("shapes", "compute", "compute_back", "_run", "_run_back")
    )
