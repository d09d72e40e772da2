"""Engine of the compiled loops: outputs, gradients and its description."""

import numpy as np
import pytest

import fastnn
from fastnn.data.weights import no_weights
from fastnn.nn.architecture import Architecture
from fastnn.training.engines.fused import Fused
from fastnn.training.engines.table import layer_table

NO_WEIGHTS = no_weights(np.dtype("float64"))


def make_engine(n_out=3, dtype="float64"):
    """Return an engine and its theta."""
    layers = [fastnn.Affine(2, 4), fastnn.Tanh(), fastnn.Affine(4, n_out)]
    architecture = Architecture.of(layers, "softmax_ce")
    theta = architecture.draw("xavier", np.random.default_rng(0)).astype(dtype)
    return Fused(theta, layer_table(architecture.stack), architecture.loss), theta


def make_data(n=70, dtype="float64"):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, 2)).astype(dtype), rng.integers(0, 3, (n, 1))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_outputs_of_a_row_do_not_depend_on_other_rows(dtype):
    (engine, _), (X, _) = make_engine(dtype=dtype), make_data(dtype=dtype)
    together = engine.outputs(X)
    assert (together.shape, together.dtype) == ((70, 3), np.dtype(dtype))
    for row in (0, 7, 69):
        alone = engine.outputs(X[row : row + 1])
        assert alone.tobytes() == together[row].tobytes()


def test_the_engine_follows_changes_of_theta():
    (engine, theta), (X, _) = make_engine(), make_data()
    before = engine.outputs(X)
    # The last three parameters are the biases of the outputs.
    theta[-3:] += 1.0
    assert engine.outputs(X) == pytest.approx(before + 1.0, rel=1e-14)


def test_the_gradient_of_the_mean_is_that_of_the_sum_over_rows():
    (engine, theta), (X, y) = make_engine(), make_data()
    before = theta.copy()
    total, mean_gradient = engine.loss_and_gradient(X, y, NO_WEIGHTS, True)
    same_total, gradient = engine.loss_and_gradient(X, y, NO_WEIGHTS, False)
    assert total == same_total
    assert mean_gradient * 70 == pytest.approx(gradient, rel=1e-12)
    assert (theta == before).all()


def test_the_summary_says_which_loops_run():
    tiny = fastnn.mlp(2, 3, 1, activation="tanh", seed=1)
    assert "50,000,000 updates" in tiny.summary()
    assert "one output" in fastnn.mlp(2, 2, 3).summary()
    assert "not 81" in fastnn.mlp(2, 20, 1).summary()
