"""Losses on their own."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from differences import central_differences

import fastnn
from fastnn.nn.losses import LOSSES

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_backward_equals_central_differences(loss, reduction):
    z = RNG.standard_normal((5, 1 if loss == "bce" else 3))
    y = np.array([0, 1, 1, 0, 1])
    if loss in ("mse", "poisson"):
        y = RNG.random((5, 3))
    function = LOSSES[loss](reduction)
    value = function.forward(z, y)
    expected = central_differences(lambda z: LOSSES[loss](reduction).forward(z, y), z)
    assert np.abs(function.backward() - expected).max() < 1e-8
    assert np.abs(function.backward(2.0) - 2 * expected).max() < 1e-8
    other = LOSSES[loss]("sum" if reduction == "mean" else "mean").forward(z, y)
    assert max(value, other) == pytest.approx(5 * min(value, other), rel=1e-14)


def test_backward_before_forward_is_refused():
    with pytest.raises(RuntimeError, match="forward before backward"):
        fastnn.BCE().backward()


def test_a_wrong_number_of_outputs_is_refused():
    with pytest.raises(ValueError, match=r"must have \(2, 2\)"):
        fastnn.BCE().forward(np.ones((2, 2)), [0, 1])
    with pytest.raises(ValueError, match="at least 2"):
        fastnn.SoftmaxCE().forward(np.ones((2, 1)), [0, 1])


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_equal_by_their_reduction_which_cannot_change(loss):
    mean, total = LOSSES[loss](), LOSSES[loss]("sum")
    with pytest.raises(dataclasses.FrozenInstanceError):
        mean.reduction = "sum"
    assert mean == LOSSES[loss]("mean") != total
    for twin in (copy.copy(total), pickle.loads(pickle.dumps(total))):
        assert twin == total
        assert hash(twin) == hash(total)
    assert repr(total) == f"{type(total).__name__}('sum')"
    with pytest.raises(ValueError, match="'mean', 'sum'"):
        LOSSES[loss]("average")
