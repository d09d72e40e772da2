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
    """A row of 2-2-1: 6 weights forward, 2 back, 9 in the gradient, 15 per sigmoid."""
    limits = limit.Limits(1.0, 1.0, ONES, ONES)
    batch = ALL["xor-grid full batch"]
    assert bound.per_unit(batch, limits, 1) == pytest.approx(len(batch.X) * 62e-9)
    assert bound.per_unit(batch, limits, 2) == pytest.approx(len(batch.X) * 31e-9)
    rows = ALL["predict a million rows"]
    assert bound.per_unit(rows, limits, 1) == pytest.approx((50 + 13 * 15) * 1e-9)
    nets = ALL["xor-grid 256 nets float32"]
    assert bound.per_unit(nets, limits, 1) == pytest.approx((6 + 2 + 9 + 36) * 1e-9)


def test_the_bound_of_the_issue_slots_by_hand():
    """One slot per vector of 4 or 8 numbers, which takes a quarter of a nanosecond."""
    for vector_bytes, lanes in ((64, 8), (32, 4)):
        fast = dataclasses.replace(
            dataclasses.replace(ONES, **dict.fromkeys(vars(ONES), 0.0)),
            fma_throughput=0.25 / lanes,
        )
        limits = limit.Limits(0.0, 0.0, fast, fast, vector_bytes)
        # 2-2-1: rows 2, sigmoids 15, update 3; then a product, an addition, a sigmoid
        # from the table 8, one backward, an update of 2.
        assert bound.per_unit(ALL["xor-grid per sample"], limits, 1) == pytest.approx(
            33 * 0.25e-9
        )
    # 64-32-10 in vectors of 8 float32: rows 64 x 4, sigmoids 12 x 4, update
    # 65 x 4; then rows 32 x 2, exponentials 12 x 2, backward 10 x 4, update 33 x 2.
    digits = ALL["digits per sample"]
    slots = (64 * 4 + 12 * 4 + 65 * 4) + (32 * 2 + 12 * 2 + 10 * 4 + 33 * 2)
    limits = dataclasses.replace(limits, float32=fast)
    expected = slots * 8 * fast.fma_throughput * 1e-9
    assert bound.per_unit(digits, limits, 1) == pytest.approx(expected)


def test_vectors_are_as_long_as_the_units_that_execute_them():
    avx512, avx = {"avx512f": True, "avx": True}, {"avx": True}
    assert limit.vector_bytes(avx512, 14.5) == 64  # of float64 per cycle, on Zen 5
    assert limit.vector_bytes(avx512, 7.9) == 32  # two halves, on Zen 4
    assert limit.vector_bytes(avx, 7.9) == 32
    assert limit.vector_bytes({}, 7.9) == 16  # four units for 16 bytes, on ARM64


def test_every_case_has_a_bound():
    limits = limit.Limits(1.0, 1.0, ONES, ONES)
    for name, case in ALL.items():
        assert bound.per_unit(case, limits, 1) > 0.0, name
    in_order, shuffled = (
        bound.per_unit(ALL[f"spiral batch 30{order}"], limits, 1)
        for order in ("", " shuffled")
    )
    assert shuffled == in_order


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
