"""Engine that runs a net layer by layer: rows, outputs and gradients."""

import numpy as np
import pytest

import fastnn
from fastnn.data.weights import no_weights
from fastnn.nn.architecture import Architecture
from fastnn.training.engines.fused import Fused
from fastnn.training.engines.layerwise import Layerwise
from fastnn.training.engines.table import layer_table

NO_WEIGHTS = no_weights(np.dtype("float64"))


def make_architecture(*between):
    layers = [fastnn.Affine(2, 4), fastnn.Tanh(), *between, fastnn.Affine(4, 3)]
    return Architecture.of(layers, "softmax_ce")


def draw(architecture):
    return architecture.draw("xavier", np.random.default_rng(0))


def make_engine(architecture):
    theta = draw(architecture)
    return Layerwise(architecture, theta, architecture.bind(theta))


def make_data(n=70):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, 2)), rng.integers(0, 3, (n, 1)).astype(np.float64)


def test_both_engines_compute_the_same():
    architecture, twin = make_architecture(), make_architecture()
    theta = draw(architecture)
    layerwise = Layerwise(architecture, theta, architecture.bind(theta))
    fused = Fused(theta, layer_table(twin.stack), twin.loss)
    X, y = make_data()
    assert layerwise.outputs(X) == pytest.approx(fused.outputs(X), rel=1e-12)
    assert layerwise.probabilities(X, 3) == pytest.approx(
        fused.probabilities(X, 3), rel=1e-12
    )
    for mean in (True, False):
        total, gradient = layerwise.loss_and_gradient(X, y, NO_WEIGHTS, mean)
        fused_total, fused_gradient = fused.loss_and_gradient(X, y, NO_WEIGHTS, mean)
        assert total == pytest.approx(fused_total, rel=1e-12)
        assert gradient == pytest.approx(fused_gradient, rel=1e-10, abs=1e-13)


def test_each_gradient_is_an_array_of_its_own():
    architecture = make_architecture(fastnn.Tanh())
    engine = make_engine(architecture)
    X, y = make_data()
    _, first = engine.loss_and_gradient(X, y, NO_WEIGHTS, True)
    before = first.copy()
    engine.loss_and_gradient(X, (y + 1) % 3, NO_WEIGHTS, True)
    assert (first == before).all()


def test_layers_that_change_the_number_of_rows_are_counted():
    def n_rows(n, *between):
        architecture = make_architecture(*between)
        return make_engine(architecture).n_rows(n)

    assert n_rows(5, fastnn.Tanh()) == 5
    assert n_rows(1, fastnn.Repeat(7)) == 7
    assert n_rows(5, fastnn.Sum()) == 1


def test_the_summary_says_that_layers_run_one_by_one():
    layers = [fastnn.Affine(2, 4), fastnn.Softmax(), fastnn.Affine(4, 1)]
    assert "layer by layer" in fastnn.Sequential(layers).summary()
