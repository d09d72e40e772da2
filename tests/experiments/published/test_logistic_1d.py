"""The logistic-1d experiment, compared with the page's code."""

import numpy as np
import pytest
from drawn import look_at_all
from matplotlib.figure import Figure

from fastnn.experiments.outcome import Options
from fastnn.experiments.published.logistic_1d import CASES, EXPERIMENT, Case, train
from fastnn.experiments.trainings import recorded


def published_code(boundary, seed, epochs=10):
    """Return X, Y, and w and b after every update, with the page's derivatives."""
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
    return EXPERIMENT.run(Options(quick=True), lambda message: None)


@pytest.mark.parametrize("boundary", [0.0, 7.0])
@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.compiled
def test_every_update_equals_the_published_code(boundary, seed):
    X, Y, thetas = published_code(boundary, seed)
    case = Case.from_seed(boundary, False, seed)
    assert (case.x == X).all()
    assert (case.y == Y).all()
    assert (case.theta == thetas[0]).all()
    path = recorded(train(case, record=1).history)
    assert path.shape == (1001, 2)
    assert np.abs(path - thetas).max() < 1e-12


def test_curves_are_the_predictions_of_the_neuron():
    case = Case.from_seed(7.0, True, 0)
    trained = train(case, record=100)
    x, curves = case.curves(recorded(trained.history))
    assert curves.shape == (11, 100)
    assert x[0] < case.x.min()
    assert x[-1] > case.x.max()
    predictions = trained.neuron.predict_proba(case.inputs(x))[:, 1]
    assert np.abs(predictions - curves[-1]).max() < 1e-12


def test_the_boundary_error_is_where_the_prediction_changes():
    for boundary, standardised in CASES:
        case = Case.from_seed(boundary, standardised, 1)
        theta = np.array([2.0, 0.6])
        x = case.inputs(np.array([boundary + case.boundary_error(theta)]))[0, 0]
        assert theta[0] * x + theta[1] == pytest.approx(0.0, abs=1e-12)


def test_the_condition_number_is_that_of_second_differences():
    case, theta = Case.from_seed(7.0, False, 0), np.array([0.3, -0.2])

    def loss(step):
        return case.losses(theta[np.newaxis] + step).mean()

    steps = 1e-4 * np.eye(2)
    second = [
        [loss(p + q) + loss(-p - q) - loss(p - q) - loss(q - p) for q in steps]
        for p in steps
    ]
    assert case.condition(theta) == pytest.approx(np.linalg.cond(second), rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 5, 41, 1000, 5000, 41_000])
@pytest.mark.compiled
def test_the_valley_is_narrow_around_7_and_wide_for_standardised_inputs(seed):
    zero, seven, standardised = (
        trained.case.condition(trained.neuron.theta)
        for trained in (train(Case.from_seed(*case, seed)) for case in CASES)
    )
    assert 1 < zero < 10
    assert seven > 300
    assert 1 < standardised < 10


@pytest.mark.parametrize("seed", [0, 1, 5, 41])
@pytest.mark.compiled
def test_the_conclusion_holds_from_other_seeds(seed):
    outcome = EXPERIMENT.run(Options(seed=seed, quick=True), lambda message: None)
    assert outcome.ok
    assert [run.updates for run in outcome.runs] == [1000] * 3
    shares = []
    for case, n in zip(CASES, (100, 20, 20), strict=True):
        accuracies = [
            train(Case.from_seed(*case, each)).accuracy
            for each in Options(seed).seeds(n)
        ]
        shares.append(float(np.mean(np.array(accuracies) >= 0.9)))
    zero, seven, standardised = shares
    # "finds the boundary", "mostly fails", "find the boundary"
    assert seven < 0.5 < 0.9 <= min(zero, standardised)
    finds, fails, remedy = outcome.conclusion
    assert f"from {zero:.1%} of 100 seeds" in finds
    assert f"mostly fails: it gets as far from {seven:.1%} of 20 seeds" in fails
    assert f"classifies {outcome.runs[1].accuracy:.0%} correctly" in fails
    assert remedy.endswith(f"from {standardised:.1%} of 20 seeds.")
    for finding, share in zip(outcome.findings[2:], shares, strict=True):
        assert finding.kind == "ours"
        assert finding.verdict.startswith(f"{share:.1%} of them")


@pytest.mark.compiled
def test_no_finding_fails(outcome):
    assert outcome.ok
    assert outcome.findings[0].verdict == "equal"
    assert outcome.findings[0].page == "1,000 (its code, run)"


@pytest.mark.compiled
def test_one_colour_is_one_loss_in_all_valleys(outcome):
    figure = Figure(layout="constrained")
    outcome.pictures[2].draw(figure)
    *valleys, bar = figure.axes
    scales = {
        (filled.norm.vmin, filled.norm.vmax)
        for ax in valleys
        for filled in ax.collections
        if filled.get_array() is not None
    }
    assert len(scales) == 1
    assert bar.get_ylabel() == "mean loss"


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
