"""How the cost grows."""

import math

import numpy as np
import pytest
from bench_fakes import PLAN, FakeField

from bench import growth, method
from bench.results import Growth


def test_exponents():
    values = [1, 2, 4, 8, 16, 32]
    assert growth.exponent(values, [5.0 + 1e-9 * v for v in values]) == pytest.approx(
        0.0, abs=1e-6
    )
    assert growth.exponent(values, [3.0 * v**1.5 for v in values]) == pytest.approx(1.5)
    assert growth.exponent(values, [1.0, 1.0, 1.0, 8.0, 16.0, 32.0]) == pytest.approx(
        1.0
    )  # the upper half counts
    assert growth.exponent([1], [1.0]) is None


def test_growth_fills_curves_and_stops_where_it_takes_too_long():
    axis = growth.Axis(
        "rows",
        "",
        lambda rows: growth._case([2, 2, 1], rows, 1),
        (10,),
        (10, 100, 1_000),
    )
    field = FakeField(
        ours=(0.5, 1e-4), jax_scan=(0.5, 1.0), scikit_learn=(0.5, 1.0), fann=(0.5, 1.0)
    )
    found = Growth("rows", "", 3)
    growth.measure(found, axis, field, PLAN, lambda text: None)
    curves = {curve.contender: curve for curve in found.curves}
    assert list(curves) == ["ours", "jax_scan"]  # the nearest rivals only
    assert curves["ours"].values == [10, 100, 1_000]
    assert curves["jax_scan"].values == [10]  # a hundred rows might take 10 s
    assert curves["ours"].exponent == pytest.approx(0.0, abs=1e-9)
    assert found.notes == []


def test_growth_times_only_what_reaches_our_loss():
    axis = growth.Axis(
        "rows", "", lambda rows: growth._case([2, 2, 1], rows, 1), (10,), (10,)
    )
    field = FakeField(ours=(0.5, 1e-4), jax_scan=(0.5001, 1e-4), c_sizes=(0.5, 1e-4))
    found = Growth("rows", "", 3)
    growth.measure(found, axis, field, PLAN, lambda text: None)
    assert [curve.contender for curve in found.curves] == ["ours", "c_sizes"]
    assert "0.5 is right" in found.notes[0]


def test_an_axis_has_threads_of_its_own(monkeypatch):
    asked = []

    def field(names, threads, scratch):
        asked.append(threads)
        return FakeField(ours=(0.5, 1e-4))

    monkeypatch.setattr(growth, "Field", field)
    axis = growth.Axis(
        "nets",
        "",
        lambda nets: growth._case([2, 2, 1], 10, 1, nets),
        (1, 2),
        (1, 2),
        threads=2,
    )
    found = Growth("nets", "", 3)
    growth.measure(found, axis, FakeField(ours=(0.5, 1.0)), PLAN, lambda text: None)
    assert asked == [2]  # once for all values
    assert found.curves[0].seconds == pytest.approx([1e-4, 1e-4])


@pytest.mark.parametrize("axis", growth.AXES, ids=lambda axis: axis.name)
def test_axes_make_what_they_say(axis):
    second = axis.values[:2][-1]  # on one CPU there is one number of threads
    case = axis.make(second)
    if axis.name == "hidden width":
        assert case.sizes == [2, second, 3]
    if axis.name == "batch size":
        assert case.batch_size == second
    if axis.name == "rows":
        assert len(case.X) == second
    if axis.name.startswith("nets"):
        assert case.n_nets == second
        assert axis.make(1).many  # the curve of what is for many nets starts at one
    assert set(np.unique(case.y)) == set(range(max(2, case.sizes[-1])))
    assert math.isfinite(method.reference(case))
