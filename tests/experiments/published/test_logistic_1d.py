"""logistic-1d: the page's code again, and what the experiment says."""

import numpy as np
import pytest
from drawn import look_at_all
from matplotlib.figure import Figure

from fastnn.experiments.findings import recorded, seeds
from fastnn.experiments.outcome import Options
from fastnn.experiments.published.logistic_1d import CASES, EXPERIMENT, Case, train


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
    case = Case.from_seed(boundary, False, seed)
    assert (case.x == X).all()
    assert (case.y == Y).all()
    assert (case.theta == thetas[0]).all()
    way = recorded(train(case, record=1).history)
    assert way.shape == (1001, 2)
    assert np.abs(way - thetas).max() < 1e-12


def test_curves_are_the_neurons_answers():
    case = Case.from_seed(7.0, True, 0)
    trained = train(case, record=100)
    x, curves = case.curves(recorded(trained.history))
    assert curves.shape == (11, 100)
    assert x[0] < case.x.min()
    assert x[-1] > case.x.max()
    assert (
        np.abs(trained.neuron.predict_proba(case.inputs(x))[:, 1] - curves[-1]).max()
        < 1e-12
    )


def test_the_learned_boundary_is_where_the_answer_changes():
    for boundary, standardised in CASES:
        case = Case.from_seed(boundary, standardised, 1)
        theta = np.array([2.0, 0.6])
        at = boundary + case.learned(theta)
        assert theta[0] * case.inputs(np.array([at]))[0, 0] + theta[1] == pytest.approx(
            0.0, abs=1e-12
        )


def test_bends_are_those_of_the_loss():
    case, theta = Case.from_seed(7.0, False, 0), np.array([0.3, -0.2])

    def loss(step):
        return case.losses(theta[np.newaxis] + step).mean()

    steps = 1e-4 * np.eye(2)
    second = [
        [loss(p + q) + loss(-p - q) - loss(p - q) - loss(q - p) for q in steps]
        for p in steps
    ]
    assert case.bends(theta) == pytest.approx(np.linalg.cond(second), rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 5, 41, 1000, 5000, 41_000])
@pytest.mark.compiled
def test_the_valley_is_narrow_around_7_and_wide_for_standardised_inputs(seed):
    zero, seven, standardised = (
        trained.case.bends(trained.neuron.theta)
        for trained in (train(Case.from_seed(*case, seed)) for case in CASES)
    )
    assert 1 < zero < 10
    assert seven > 300
    assert 1 < standardised < 10


@pytest.mark.parametrize("seed", [0, 1, 5, 41])
@pytest.mark.compiled
def test_the_conclusion_holds_from_other_seeds(seed):
    outcome = EXPERIMENT.run(Options(seed=seed, quick=True), lambda text: None)
    assert outcome.ok
    assert [run.updates for run in outcome.runs] == [1000] * 3
    shares = []
    for case, n in zip(CASES, (100, 20, 20), strict=True):
        scores = [
            train(Case.from_seed(*case, each)).score for each in seeds(Options(seed), n)
        ]
        shares.append(float(np.mean(np.array(scores) >= 0.9)))
    zero, seven, standardised = shares
    assert (
        seven < 0.5 < 0.9 <= min(zero, standardised)
    )  # "mostly fails", "finds the boundary"
    finds, fails, cure = outcome.conclusion
    assert f"from {zero:.1%} of 100 seeds" in finds
    assert f"mostly fails: from {seven:.1%} of 20 seeds" in fails
    assert f"has {outcome.runs[1].accuracy:.0%} right" in fails
    assert cure.endswith(f"from {standardised:.1%} of 20 seeds.")
    for finding, share in zip(outcome.findings[2:], shares, strict=True):
        assert finding.kind == "ours"
        assert finding.verdict.startswith(f"{share:.1%} of them")


@pytest.mark.compiled
def test_what_is_found(outcome):
    assert outcome.ok
    assert outcome.findings[0].verdict == "equal"
    assert outcome.findings[0].page == "1,000 (its code, run)"


def test_seeds_of_different_blocks_do_not_overlap():
    assert list(seeds(Options(), 3)) == [0, 1, 2]
    blocks = [seeds(Options(seed)) for seed in (0, 1, 5, 4_294_966)]
    assert [len(block) for block in blocks] == [1000] * 4
    assert len(set().union(*blocks)) == 4000
    for seed in (4_294_966, 4_294_967, 2**32 - 1, 10**5000):
        assert 0 <= seeds(Options(seed))[0] <= seeds(Options(seed))[-1] < 2**32


@pytest.mark.compiled
def test_one_colour_is_one_loss_in_all_valleys(outcome):
    figure = Figure(layout="constrained")
    outcome.pictures[2].draw(figure)
    *valleys, bar = figure.axes
    scales = {
        (hills.norm.vmin, hills.norm.vmax)
        for ax in valleys
        for hills in ax.collections
        if hills.get_array() is not None
    }
    assert len(scales) == 1
    assert bar.get_ylabel() == "mean loss"


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
