"""Packing: parameters in whole vectors, for the loop over single samples."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ... import kernels
from ...data.arrays import Array

# The vectors of a layer from which on their number is odd. With 8 it would cost more
# than it saves.
_WIDE = 16


@dataclass(frozen=True, eq=False)
class Packing:
    """Index maps between theta and the packed parameters: see `kernels.codes`.

    layers: the packed table. The packed parameter places[p] is the parameter sources[p]
    of theta; the first theta.size of them are theta in its order, and the others the
    weights that are stored twice. units is 1 for each unit, and 0 for what fills a
    layer up to whole vectors.
    """

    layers: Array
    size: int
    places: Array
    sources: Array
    units: Array


def packing(table: Array, vector: int) -> Packing:
    """Return the packing of a layer table for vectors of that many numbers."""
    return _packing(table.tobytes(), vector)


def _width(n: int, vector: int) -> int:
    """Return n, padded to whole vectors, and where there are many, to an odd number.

    Rows that are a large power of two apart share a few lines of the caches: 64-512-10
    took 69 us an update where this takes 15, and 64-1024-10 146 instead of 40.
    """
    vectors = -(-n // vector)
    return (vectors | 1 if vectors >= _WIDE else vectors) * vector


@lru_cache
def _packing(table_bytes: bytes, vector: int) -> Packing:
    codes = kernels.codes
    table = np.frombuffer(table_bytes, np.uint32).reshape(-1, codes.N_COLUMNS)
    layers = np.zeros((len(table), codes.N_PACKED_COLUMNS), np.uint32)
    layers[:, : codes.N_COLUMNS] = table
    sizes = (table[0, codes.N_IN], *table[:, codes.N_OUT])
    widths = [_width(int(n), vector) for n in sizes]
    starts = np.cumsum([0, *widths])
    units = np.zeros(starts[-1])
    for n, start in zip(sizes, starts, strict=False):
        units[start : start + n] = 1
    size = 0
    first, second = [], []
    for layer, row in enumerate(layers):
        n_in, n_out = int(row[codes.N_IN]), int(row[codes.N_OUT])
        width_in, width_out = widths[layer : layer + 2]
        by_column = 0 < layer == len(layers) - 1 and n_out == 1
        row[codes.INPUT], row[codes.OUTPUT] = starts[layer : layer + 2]
        row[codes.WIDTH_IN], row[codes.WIDTH_OUT] = width_in, width_out
        row[codes.BY_COLUMN] = by_column
        j, k = np.arange(n_in)[:, np.newaxis], np.arange(n_out)
        row[codes.ROWS] = size
        rows = size + j * width_out + k
        size += 0 if by_column else n_in * width_out
        row[codes.COLUMNS] = size
        columns = size + j + k * width_in
        size += n_out * width_in if layer > 0 else 0
        row[codes.BIAS] = size
        first += [columns if by_column else rows, size + k]
        has_both = layer > 0 and not by_column
        second.append(columns if has_both else np.zeros(0, np.int64))
        size += width_out
    places = np.concatenate([part.reshape(-1) for part in first])
    weights = table[:, codes.WEIGHTS].astype(np.int64)
    sources = [
        start + np.arange(part.size)
        for start, part in zip(weights, second, strict=True)
    ]
    return Packing(
        layers=layers,
        size=size,
        places=np.concatenate([places, *(part.reshape(-1) for part in second)]),
        sources=np.concatenate([np.arange(places.size), *sources]),
        units=units,
    )
