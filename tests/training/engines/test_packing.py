"""Packings: where each parameter is in the whole vectors of the per-sample loop."""

from itertools import pairwise

import numpy as np
import pytest

from fastnn import Affine, Tanh
from fastnn.kernels import codes
from fastnn.training.engines.packing import packing
from fastnn.training.engines.table import layer_table

SIZES = [(2, 1), (2, 3, 1), (3, 9, 4), (2, 17, 5, 1), (8, 8, 8), (2, 128, 3)]


def pack(sizes, vector=8):
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [Affine(n_in, n_out), Tanh()]
    return packing(layer_table(layers[:-1]), vector)


@pytest.mark.parametrize("vector", [8, 16])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_each_parameter_has_a_place_of_its_own(sizes, vector):
    packed = pack(sizes, vector)
    n_params = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    assert packed.sources[:n_params].tolist() == list(range(n_params))
    assert len(packed.places) == len(packed.sources)
    assert len(np.unique(packed.places)) == len(packed.places)
    assert packed.places.max() < packed.size


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_layers_are_filled_up_to_whole_vectors(sizes):
    packed = pack(sizes)
    widths = [17 * 8 if n == 128 else -(-n // 8) * 8 for n in sizes]
    assert packed.size % 8 == 0
    assert packed.layers[:, codes.WIDTH_IN].tolist() == widths[:-1]
    assert packed.layers[:, codes.WIDTH_OUT].tolist() == widths[1:]
    units = []
    for n, width in zip(sizes, widths, strict=True):
        units += [1.0] * n + [0.0] * (width - n)
    assert packed.units.tolist() == units


def test_rows_of_wide_layers_are_an_odd_number_of_vectors():
    packed = pack((3, 120, 128, 250, 2))
    widths = [120, 17 * 8, 33 * 8, 8]
    assert packed.layers[:, codes.WIDTH_OUT].tolist() == widths
    assert packed.units.size == 8 + sum(widths)
    assert packed.units.sum() == 3 + 120 + 128 + 250 + 2


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_weights_are_packed_by_row_by_column_or_both(sizes):
    packed = pack(sizes)
    theta = np.arange(1.0, packed.sources.max() + 2)
    values = np.zeros(packed.size)
    values[packed.places] = theta[packed.sources]
    for layer, row in enumerate(packed.layers.astype(int)):
        n_in, n_out = row[codes.N_IN], row[codes.N_OUT]
        width_in, width_out = row[codes.WIDTH_IN], row[codes.WIDTH_OUT]
        start = row[codes.WEIGHTS]
        weights = theta[start : start + n_in * n_out].reshape(n_in, n_out)
        bias = theta[start + n_in * n_out :][:n_out]
        assert values[row[codes.BIAS] :][:n_out].tolist() == bias.tolist()
        if not row[codes.BY_COLUMN]:
            rows = values[row[codes.ROWS] :][: n_in * width_out]
            rows = rows.reshape(n_in, width_out)
            assert (rows[:, :n_out] == weights).all()
            assert not rows[:, n_out:].any()
        # The first layer passes no gradient back, so it needs no columns.
        if layer > 0:
            columns = values[row[codes.COLUMNS] :][: n_out * width_in]
            columns = columns.reshape(n_out, width_in)
            assert (columns[:, :n_in] == weights.T).all()
            assert not columns[:, n_in:].any()
