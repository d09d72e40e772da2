"""Tests that seeds give the generators and samples that NumPy makes of them."""

import numpy as np
import pytest

from fastnn.nn.seeds import generators, uniform_samples

SEEDS = [0, 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, *range(10_000, 10_500)]


@pytest.mark.parametrize("seeds", [SEEDS, range(5000), (2**64, 3), [2**200], []])
def test_generators_are_those_of_numpy(seeds):
    states = [rng.bit_generator.state for rng in generators(seeds)]
    assert states == [np.random.default_rng(seed).bit_generator.state for seed in seeds]


@pytest.mark.parametrize("seeds", [SEEDS, range(9000), range(3), (2**64, *range(99))])
@pytest.mark.parametrize("n", [1, 6, 33])
def test_uniform_samples_are_those_of_numpy(seeds, n):
    expected = [np.random.default_rng(seed).random(n) for seed in seeds]
    assert (uniform_samples(seeds, n) == expected).all()
