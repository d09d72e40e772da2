"""Tests of the curves of growing cost."""

import math

import numpy as np
import pytest
from bench_fakes import PLAN, FakeWorkers

from bench import growth, method
from bench.results import Growth


def test_exponents():
    values = [1, 2, 4, 8, 16, 32]
    constant = growth.exponent(values, [5.0 + 1e-9 * v for v in values])
    assert constant == pytest.approx(0.0, abs=1e-6)
    assert growth.exponent(values, [3.0 * v**1.5 for v in values]) == pytest.approx(1.5)
    upper_half_counts = growth.exponent(values, [1.0, 1.0, 1.0, 8.0, 16.0, 32.0])
    assert upper_half_counts == pytest.approx(1.0)
    for few in ([1], [1, 64]):
        assert growth.exponent(few, [2.0 * v for v in few]) is None
    assert growth.exponent([1, 2, 4, 8], [9.0, 2.0, 4.0, 8.0]) == pytest.approx(1.0)


def test_curves_end_before_a_point_that_takes_too_long():
    axis = growth.Axis(
        "rows",
        "",
        lambda rows: growth._case([2, 2, 1], rows, 1),
        (10,),
        (10, 100, 1_000),
    )
    workers = FakeWorkers(
        ours=(0.5, 1e-4), jax_scan=(0.5, 1.0), scikit_learn=(0.5, 1.0), fann=(0.5, 1.0)
    )
    result = Growth("rows", "", 3)
    growth.measure(result, axis, workers, PLAN, lambda text: None)
    curves = {curve.contender: curve for curve in result.curves}
    assert list(curves) == ["ours", "jax_scan"]  # the nearest rivals only
    assert curves["ours"].values == [10, 100, 1_000]
    assert curves["jax_scan"].values == [10]  # a hundred rows might take 10 s
    assert curves["ours"].exponent == pytest.approx(0.0, abs=1e-9)
    assert result.notes == []


def test_growth_times_only_contenders_that_reach_our_loss():
    axis = growth.Axis(
        "rows", "", lambda rows: growth._case([2, 2, 1], rows, 1), (10,), (10,)
    )
    workers = FakeWorkers(
        ours=(0.5, 1e-4), jax_scan=(0.5001, 1e-4), c_sizes=(0.5, 1e-4)
    )
    result = Growth("rows", "", 3)
    growth.measure(result, axis, workers, PLAN, lambda text: None)
    assert [curve.contender for curve in result.curves] == ["ours", "c_sizes"]
    assert "the right one 0.5" in result.notes[0]


def test_an_axis_can_set_the_number_of_threads(monkeypatch):
    numbers = []

    def workers(names, threads, scratch, usual):
        numbers.append(threads)
        return FakeWorkers(ours=(0.5, 1e-4))

    monkeypatch.setattr(growth, "Workers", workers)
    axis = growth.Axis(
        "nets",
        "",
        lambda nets: growth._case([2, 2, 1], 10, 1, nets),
        (1, 2),
        (1, 2),
        threads=2,
    )
    result = Growth("nets", "", 3)
    growth.measure(result, axis, FakeWorkers(ours=(0.5, 1.0)), PLAN, lambda text: None)
    assert numbers == [2]  # once for all values
    assert result.curves[0].seconds == pytest.approx([1e-4, 1e-4])


def test_the_crossover_is_of_fastnn_jax_and_pytorch_in_float32():
    for axis, size in zip(growth.CROSSOVER, (1, 4, 16, 64, 256, 1_024), strict=True):
        case = axis.make(16)
        assert case.sizes == [64, 16, 10]
        assert (case.dtype, case.batch_size) == ("float32", size)
        assert len(case.X) >= 4 * size
    workers = FakeWorkers(
        ours=(0.5, 1e-4), c_sizes=(0.5, 1e-4), jax_scan=(0.50001, 2e-4)
    )
    result = Growth("width", "", 3)
    growth.measure(result, growth.CROSSOVER[1], workers, PLAN, lambda text: None)
    assert [curve.contender for curve in result.curves] == ["ours", "jax_scan"]


@pytest.mark.parametrize("axis", growth.AXES, ids=lambda axis: axis.name)
def test_each_axis_changes_what_it_names(axis):
    second = axis.values[:2][-1]  # one CPU has one number of threads only
    case = axis.make(second)
    if axis.name == "hidden width":
        assert case.sizes == [2, second, 3]
    if axis.name == "batch size":
        assert case.batch_size == second
    if axis.name == "rows":
        assert len(case.X) == second
    if axis.name.startswith("nets"):
        assert case.n_nets == second
        assert axis.make(1).many  # curves of many nets start at one
    assert set(np.unique(case.y)) == set(range(max(2, case.sizes[-1])))
    assert math.isfinite(method.reference(case))
