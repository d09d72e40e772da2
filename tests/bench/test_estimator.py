"""Tests of the estimators' cases: equal losses first, then both timed."""

import math
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from bench import estimator
from bench.contenders import OURS
from bench.quiet import Usual


def silent(text):
    pass


@pytest.mark.compiled
def test_measures_both_where_their_losses_are_the_same():
    case = next(estimator.cases())
    result = estimator.measure(case, True, Usual(), silent)
    assert result.checked_epochs == estimator.QUICK_EPOCHS
    assert [row.status for row in result.rows] == ["timed", "timed"]
    theirs, ours = (result.row(name).seconds[0] for name in (estimator.RIVAL, OURS))
    assert estimator.ratio(result) == pytest.approx(theirs / ours)
    assert estimator.median_ratio([result]) == estimator.ratio(result)
    assert result.description == "MLPClassifier(solver='adam'), 150 rows"


@pytest.mark.compiled
def test_refuses_to_time_other_losses():
    case = next(estimator.cases())
    fit = estimator._fit

    def fit_otherwise(model, case):
        is_ours = type(model).__module__.startswith("fastnn")
        return fit(model, replace(case, X=case.X * (1.5 if is_ours else 1.0)))

    with mock.patch.object(estimator, "_fit", fit_otherwise):
        result = estimator.measure(case, True, Usual(), silent)
    ours, theirs = result.rows
    assert (ours.status, theirs.status) == ("invalid", "timed")
    assert "loss_curve_ differs by" in ours.why
    assert not ours.seconds
    assert not theirs.seconds
    assert estimator.median_ratio([result]) is None


def test_a_fit_that_fails_does_not_end_the_run():
    case = next(estimator.cases())
    with mock.patch.object(estimator, "_fit", side_effect=ValueError("no rows")):
        result = estimator.measure(case, True, Usual(), silent)
    assert {(row.status, row.why) for row in result.rows} == {
        ("failed", "ValueError: no rows")
    }


def test_curves_of_other_lengths_and_without_numbers_differ():
    same = np.array([2.0, 1.0])
    assert estimator._difference(same, same) == 0.0
    assert estimator._difference(same + 1e-6, same) == pytest.approx(5e-7)
    assert estimator._difference(same, same[:1]) == math.inf
    assert estimator._difference(same * np.nan, same) == math.inf


def test_cases_have_data_of_their_own_estimator():
    cases = list(estimator.cases())
    assert len({case.name for case in cases}) == 11
    for case in cases:
        assert len(case.X) == len(case.y) > 100
        assert np.isfinite(case.X).all()
    assert [case.name for case in cases if case.quick] == ["estimator: iris, adam"]
