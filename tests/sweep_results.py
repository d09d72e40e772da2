"""Comparison of the results of many trainings, bit by bit."""

import numpy as np


def assert_same_runs(runs, expected):
    """Compare all but the seconds."""
    arrays, others = runs.to_arrays(), expected.to_arrays()
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        other = others[name]
        assert array.dtype == other.dtype, name
        assert array.shape == other.shape, name
        assert np.ascontiguousarray(array).tobytes() == other.tobytes(), name
    assert runs.updates == expected.updates
    assert runs.stop_below == expected.stop_below
