"""Tests of the limits of a machine and of the bound that follows from them."""

import dataclasses
from statistics import median

import pytest
from bench_fakes import ALL, ONES

from bench import bound, limit, results
from bench.__main__ import FOLDER


def test_the_bound_of_the_chain_by_hand():
    """2-2-1 sigmoids: fma 1, activation 5, sum of two 2, activation 5."""
    latencies_only = dataclasses.replace(
        ONES, fma_throughput=0.0, division_throughput=0.0, load_throughput=0.0
    )
    limits = limit.Limits(1.0, 1.0, latencies_only, latencies_only)
    assert bound.per_unit(ALL["xor-grid per sample"], limits, 1) == pytest.approx(13e-9)
    # 2-10-3 softmax: fma 1, activation 5, sum of ten 5, exponential 5, tree of three 2,
    # division 1.
    assert bound.per_unit(ALL["spiral per sample"], limits, 1) == pytest.approx(19e-9)
    # 2-8-8-1 tanh: fma 1, twice an activation 5 and a sum of eight 4, activation 5.
    assert bound.per_unit(ALL["2-8-8-1 per sample"], limits, 1) == pytest.approx(24e-9)


def test_the_bound_of_the_arithmetic_by_hand():
    """A row of 2-2-1: 6 weights forward, 2 back, 9 in the gradient, 8 per sigmoid."""
    limits = limit.Limits(1.0, 1.0, ONES, ONES)
    batch = ALL["xor-grid full batch"]
    assert bound.per_unit(batch, limits, 1) == pytest.approx(len(batch.X) * 41e-9)
    assert bound.per_unit(batch, limits, 2) == pytest.approx(len(batch.X) * 20.5e-9)
    rows = ALL["predict a million rows"]
    assert bound.per_unit(rows, limits, 1) == pytest.approx((50 + 13 * 8) * 1e-9)


def test_nothing_in_the_reference_run_is_below_the_bound():
    for case in results.load(FOLDER / "reference.json").cases:
        for row in case.rows:
            if row.seconds:
                time = median(row.per_unit(case.units))
                assert time > case.bound, (case.name, row.title)


@pytest.mark.compiled
def test_limits_are_measured():
    figures = dataclasses.asdict(limit.measure())
    flat = [
        figures["cycle"],
        figures["load_latency"],
        *figures["float64"].values(),
        *figures["float32"].values(),
    ]
    assert all(0.0 < figure < 1_000.0 for figure in flat)
    for name in ("fma_throughput", "division_throughput", "load_throughput"):
        # A vector holds twice as many float32.
        assert figures["float32"][name] < figures["float64"][name]
