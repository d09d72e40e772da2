"""How parameters are laid out for the loop over single samples: rows and columns of weights in whole vectors."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ... import kernels
from ...data.arrays import Array


@dataclass(frozen=True, eq=False)
class Packing:
    """How parameters are packed for the loop over single samples: see `kernels.codes`.

    The packed parameter places[p] is the parameter sources[p] of theta, and for p < theta.size that is p.
    units is 1 for each unit and 0 for what fills a layer up.
    """

    layers: Array
    size: int
    places: Array
    sources: Array
    units: Array


def packing(table: Array, vector: int) -> Packing:
    """The packing of a layer table for vectors of so many numbers."""
    return _packing(table.tobytes(), vector)


@lru_cache
def _packing(table_bytes: bytes, vector: int) -> Packing:
    codes = kernels.codes
    table = np.frombuffer(table_bytes, np.uint32).reshape(-1, codes.N_COLUMNS)
    layers = np.zeros((len(table), codes.N_PACKED_COLUMNS), np.uint32)
    layers[:, : codes.N_COLUMNS] = table
    widths = [
        int(n) + -int(n) % vector
        for n in (table[0, codes.N_IN], *table[:, codes.N_OUT])
    ]
    units = np.zeros(sum(widths))
    size, starts = 0, np.cumsum([0, *widths])
    first, second = [], []
    for place, row in enumerate(layers):
        n_in, n_out = int(row[codes.N_IN]), int(row[codes.N_OUT])
        units[starts[place] : starts[place] + n_in] = 1
        row[codes.INPUT], row[codes.OUTPUT] = starts[place : place + 2]
        width_in, width_out = row[codes.WIDTH_IN], row[codes.WIDTH_OUT] = widths[
            place : place + 2
        ]
        j, k = np.arange(n_in)[:, np.newaxis], np.arange(n_out)
        row[codes.BY_COLUMN] = by_column = 0 < place == len(layers) - 1 and n_out == 1
        row[codes.ROWS] = size
        rows = size + j * width_out + k
        size += 0 if by_column else n_in * width_out
        row[codes.COLUMNS] = size
        columns = size + j + k * width_in
        size += n_out * width_in if place > 0 else 0
        row[codes.BIAS] = size
        first += [columns if by_column else rows, size + k]
        second.append(columns if place > 0 and not by_column else np.zeros(0, np.int64))
        size += width_out
    units[starts[-2] : starts[-2] + n_out] = 1
    places = np.concatenate([part.reshape(-1) for part in first])
    again = [
        row[codes.WEIGHTS] + np.arange(part.size)
        for row, part in zip(table.astype(np.int64), second, strict=True)
    ]
    return Packing(
        layers,
        size,
        np.concatenate([places, *(part.reshape(-1) for part in second)]),
        np.concatenate([np.arange(places.size), *again]),
        units,
    )
