"""logistic-1d: the page's code again, and what the experiment says."""

import numpy as np
import pytest
from drawn import look_at_all

from fastnn.experiments.logistic_1d import CASES, EXPERIMENT, Case, path
from fastnn.experiments.outcome import Options


def page(boundary, seed, epochs=10):
    """The page's draws, and w and b after every update, with its chain of derivatives."""
    np.random.seed(seed)
    X = np.random.normal(loc=boundary, scale=2, size=(100,))
    Y = (boundary < X).astype(int)
    w, b = np.random.normal(0, 1, 1), np.random.normal(0, 1, 1)
    thetas = [[w[0], b[0]]]
    for _ in range(epochs):
        for x, y in zip(X, Y, strict=True):
            pred = 1 / (1 + np.exp(-(w * x + b)))
            dloss_dz = (pred - y) / (pred * (1 - pred)) * (pred * (1 - pred))
            w, b = w - 0.01 * dloss_dz * x, b - 0.01 * dloss_dz
            thetas.append([w[0], b[0]])
    return X, Y, np.array(thetas)


@pytest.fixture(scope="module")
def outcome():
    return EXPERIMENT.run(Options(quick=True), lambda text: None)


@pytest.mark.parametrize("boundary", [0.0, 7.0])
@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.compiled
def test_every_update_equals_the_published_code(boundary, seed):
    X, Y, thetas = page(boundary, seed)
    case = Case.draw(boundary, False, seed)
    assert (case.x == X).all()
    assert (case.y == Y).all()
    assert (case.theta == thetas[0]).all()
    _, history = case.train(record=1)
    assert path(history).shape == (1001, 2)
    assert np.abs(path(history) - thetas).max() < 1e-12


def test_curves_are_the_neurons_answers():
    case = Case.draw(7.0, True, 0)
    neuron, history = case.train(record=100)
    x, curves = case.curves(path(history))
    assert curves.shape == (11, 100)
    assert x[0] < case.x.min()
    assert x[-1] > case.x.max()
    assert np.abs(neuron.predict_proba(case.inputs(x))[:, 1] - curves[-1]).max() < 1e-12


def test_the_learned_boundary_is_where_the_answer_changes():
    for boundary, standardised in CASES:
        case = Case.draw(boundary, standardised, 1)
        theta = np.array([2.0, 0.6])
        at = boundary + case.learned(theta)
        assert theta[0] * case.inputs(np.array([at]))[0, 0] + theta[1] == pytest.approx(0.0, abs=1e-12)


def test_the_valley_is_narrow_around_7_and_round_for_standardised_inputs():
    zero, seven, standardised = (Case.draw(*case, 0).steepness() for case in CASES)
    assert 2 < zero < 10
    assert seven > 300
    assert standardised == pytest.approx(1.0)


@pytest.mark.compiled
def test_what_is_found(outcome):
    assert outcome.ok
    assert [run.updates for run in outcome.runs] == [1000] * 3
    zero, seven, standardised = (run.accuracy for run in outcome.runs)
    assert min(zero, standardised) > 0.9 > seven
    assert outcome.findings[0].verdict == "equal"


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
