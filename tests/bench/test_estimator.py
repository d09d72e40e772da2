from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from bench import estimator

pytestmark = pytest.mark.compiled


def test_measures_both_where_their_losses_are_the_same():
    case = next(iter(estimator.cases()))
    timing = estimator.measure(case, turns=1, epochs=2)
    assert timing.epochs == 2
    assert timing.ratio == timing.theirs / timing.ours > 0
    assert estimator.table([timing]).row_count == 1


def test_refuses_to_time_other_losses():
    case = next(iter(estimator.cases()))
    fit = estimator._fit

    def fit_otherwise(model, case):
        is_ours = type(model).__module__.startswith("fastnn")
        return fit(model, replace(case, X=case.X * (1.5 if is_ours else 1.0)))

    with (
        mock.patch.object(estimator, "_fit", fit_otherwise),
        pytest.raises(ValueError, match="losses of 'iris, adam' differ"),
    ):
        estimator.measure(case, turns=1, epochs=2)


def test_cases_have_data_of_their_own_estimator():
    for case in estimator.cases():
        assert len(case.X) == len(case.y) > 100
        assert np.isfinite(case.X).all()
