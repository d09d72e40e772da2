"""The xor-grid experiment, compared with the page's code, mistake included."""

from itertools import pairwise

import numpy as np
import pytest
from drawn import look_at_all
from matplotlib.figure import Figure

from fastnn import datasets
from fastnn.experiments.outcome import Options
from fastnn.experiments.published import xor_grid


def published_code(epochs, correct=False):
    """Return losses and hits per epoch of the page's loop, or of a corrected one."""
    X, y = datasets.xor_grid(100)
    np.random.seed(0)
    neurons = [[np.random.randn(2), np.random.randn()] for _ in range(3)]
    losses, hits = [], []
    for _ in range(epochs):
        total, n_right = 0.0, 0
        for x, t in zip(X, y, strict=True):
            p1, p2 = (1 / (1 + np.exp(-(np.dot(w, x) + b))) for w, b in neurons[:2])
            h = np.array([p1, p2])
            w, b = neurons[2]
            pred = 1 / (1 + np.exp(-(np.dot(w, h) + b)))
            total += -(t * np.log(pred) + (1 - t) * np.log(1 - pred))
            n_right += (pred > 0.5) == (t == 1)
            dz = (pred - t) / (pred * (1 - pred)) * (pred * (1 - pred))
            dh = dz * w if correct else dz * h
            neurons[2] = [w - dz * h * 0.25, b - dz * 0.25]
            for k, p in enumerate((p1, p2)):
                d = dh[k] * (p * (1 - p))
                neurons[k] = [neurons[k][0] - d * x * 0.25, neurons[k][1] - d * 0.25]
        losses.append(total / len(X))
        hits.append(n_right)
    return np.array(losses), hits


@pytest.fixture(scope="module")
def messages():
    return []


@pytest.fixture(scope="module")
def outcome(messages):
    return xor_grid.run(Options(quick=True), messages.append)


def test_initial_parameters_are_the_published_draws():
    np.random.seed(0)
    draws = [(np.random.randn(2), np.random.randn()) for _ in range(3)]
    w1, b1, w2, b2 = xor_grid.initial_parameters()
    for k in range(2):
        assert (w1[:, k] == draws[k][0]).all()
        assert b1[k] == draws[k][1]
    assert (w2[:, 0] == draws[2][0]).all()
    assert b2[0] == draws[2][1]


def test_one_expression_makes_the_labels_of_the_page():
    spot = np.linspace(-0.5, 1.5, 100)
    x1, x2 = np.meshgrid(spot, spot)
    x2 = x2[::-1]
    X, y = datasets.xor_grid(100)
    assert np.array_equal(X, np.stack([x1.flatten(), x2.flatten()], axis=1))
    assert xor_grid.published_labels(X) == y.tolist()


@pytest.mark.compiled
def test_the_first_epochs_as_published_equal_the_published_code():
    trained = xor_grid.train_as_published(*datasets.xor_grid(100), epochs=2)
    losses, hits = published_code(2)
    assert np.abs(trained.history.loss - losses).max() < 1e-12
    assert (trained.history.accuracy == np.array(hits) / 10_000).all()
    assert abs(losses[0] - xor_grid.PUBLISHED_LOSSES[1]) < 1e-14


@pytest.mark.compiled
def test_the_first_epochs_with_the_correct_gradient_equal_corrected_code():
    net = xor_grid.correct_net()
    history = net.fit(*datasets.xor_grid(100), epochs=2, lr=0.25, shuffle=False)
    losses, hits = published_code(2, correct=True)
    assert np.abs(history.loss - losses).max() < 1e-12
    assert (history.accuracy == np.array(hits) / 10_000).all()
    assert abs(losses[0] - xor_grid.CORRECT_FIRST_LOSS) < 1e-14


@pytest.mark.compiled
def test_as_published_to_the_end():
    X, y = datasets.xor_grid(100)
    history = xor_grid.train_as_published(X, y).history
    assert abs(history.loss[49] - 0.02129332475926467) < 1e-9
    cumulative = xor_grid.cumulative_accuracy(history)
    assert cumulative[0] == pytest.approx(0.8933, abs=1e-12)
    assert cumulative[49] == pytest.approx(0.986, abs=1e-12)


def test_the_loop_trains_the_same_net_as_the_layers():
    X, y = datasets.xor_grid(9)
    trained = xor_grid.train_as_published(X, y, epochs=3)
    net = xor_grid.published_net()
    history = net.fit(X, y, epochs=3, lr=0.25, shuffle=False)
    assert trained.history.loss == pytest.approx(history.loss, rel=1e-12)
    assert (trained.history.accuracy == history.accuracy).all()
    assert trained.history.updates == history.updates == 3 * 81
    assert np.abs(trained.net.theta - net.theta).max() < 1e-12
    assert (trained.thetas[0] == xor_grid.published_net().theta).all()


def test_the_published_gradient_is_the_same_layer_by_layer_and_in_batches():
    X, y = datasets.xor_grid(9)
    loss, grads = xor_grid.published_net().loss_and_grads(X, y)
    by_hand = xor_grid.published_net()
    z = X
    for layer in by_hand.layers:
        z = layer.forward(z)
    assert by_hand.loss.forward(z, y) == pytest.approx(loss, rel=1e-14)
    d = by_hand.loss.backward()
    for layer in reversed(by_hand.layers):
        d = layer.backward(d)
    layer_grads = [grad for layer in by_hand.layers for grad in layer.grads]
    for grad, expected in zip(layer_grads, grads, strict=True):
        assert np.abs(grad - expected).max() < 1e-14
    # The gradient of a batch is the mean of its samples' gradients.
    alone = [
        xor_grid.published_net().loss_and_grads(X[i : i + 1], y[i : i + 1])[1]
        for i in range(81)
    ]
    for number, grad in enumerate(grads):
        mean = np.mean([one[number] for one in alone], axis=0)
        assert np.abs(mean - grad).max() < 1e-14


@pytest.mark.compiled
def test_no_finding_fails(outcome, messages):
    assert outcome.ok, [finding for finding in outcome.findings if not finding.ok]
    assert not [finding for finding in outcome.findings if "NOT" in finding.verdict]
    assert [run.mode for run in outcome.runs] == [
        "as published",
        "correct gradient",
        "correct gradient, shuffled",
    ]
    assert [run.updates for run in outcome.runs] == [500_000] * 3
    assert all(len(run.trace["loss"]) == 50 for run in outcome.runs)
    # The final net's accuracy, which is not what the page counts.
    assert outcome.runs[0].accuracy == pytest.approx(0.9975, abs=1e-12)
    assert messages[:3] == [run.mode for run in outcome.runs]


@pytest.mark.compiled
def test_a_result_that_differs_fails(monkeypatch):
    monkeypatch.setitem(xor_grid.PUBLISHED_LOSSES, 50, 0.0213)
    outcome = xor_grid.run(Options(), lambda message: None)
    (wrong,) = [finding for finding in outcome.findings if not finding.ok]
    assert wrong.what == "loss in epoch 50"
    assert wrong.verdict.startswith("NOT equal")
    assert not outcome.ok


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
    figures = [Figure(layout="constrained") for _ in range(4)]
    for picture, figure in zip(outcome.pictures, figures, strict=True):
        picture.draw(figure)
    maps, spaced, curves, gradients = figures
    assert [len(figure.axes) for figure in figures] == [16, 16, 3, 4]
    # The page counts these epochs from 0, as 3, 6, ..., 48.
    assert [ax.get_title().split("\n")[0] for ax in maps.axes] == [
        f"after {epoch} epochs" for epoch in range(4, 50, 3)
    ]
    assert spaced.axes[0].get_title() == "before training\n43.0% correct"
    shown = [np.asarray(ax.images[0].get_array()) for ax in spaced.axes]
    borders = [(np.abs(a - b) > 0.1).mean() for a, b in pairwise(shown)]
    assert min(borders) > 0.02  # each map differs from the one before
    loss, best = curves.axes[1].lines
    assert loss.get_ydata().tolist() == outcome.runs[0].trace["loss"]
    assert best.get_ydata()[0] == min(outcome.runs[0].trace["loss"])
    (film,) = outcome.films
    assert 40 <= film.n_frames <= 100
    figure = Figure()
    film.draw(figure)(film.n_frames - 1)
    for ax, still, run in zip(
        figure.axes, gradients.axes[1:], outcome.runs, strict=True
    ):
        last, final = f"{run.mode}\nepoch 50.00, loss ", f"{run.mode}\nloss "
        assert ax.get_title().startswith(last)
        # Both show the same net, and its loss on all points.
        loss = ax.get_title().removeprefix(last)
        assert still.get_title() == f"{final}{loss}, {run.accuracy:.1%} correct"


@pytest.mark.compiled
def test_a_map_shows_the_net_after_that_epoch():
    X, y = datasets.xor_grid(100)
    whole = xor_grid.train_as_published(X, y, epochs=7)
    shorter = xor_grid.train_as_published(X, y, epochs=4)
    assert (whole.net_after(40_000).theta == shorter.net.theta).all()
    assert (whole.net_after(40_000).theta != whole.net.theta).any()


@pytest.mark.parametrize("seed", [1, 5, 41])
@pytest.mark.compiled
def test_another_seed_changes_the_shuffled_training_only(outcome, seed):
    other = xor_grid.run(Options(seed=seed), lambda message: None)
    same = [a.loss == b.loss for a, b in zip(outcome.runs, other.runs, strict=True)]
    assert same == [True, True, False]
    assert other.ok
    assert other.findings[:-1] == outcome.findings[:-1]


@pytest.mark.parametrize("seed", [0, 1, 5, 41])
@pytest.mark.compiled
def test_the_conclusion_describes_the_nets(seed):
    X, y = datasets.xor_grid(100)
    shuffled = xor_grid.correct_net()
    shuffled.fit(X, y, epochs=50, lr=0.25, seed=seed)
    loss, published = (
        shuffled.loss_and_grads(X, y)[0],
        xor_grid.train_as_published(X, y).loss,
    )
    assert shuffled.score(X, y) > 0.95  # "learns as well"
    outcome = xor_grid.run(Options(seed=seed), lambda message: None)
    comparison = "below" if loss < published else "above"
    text = f"ends at {loss:.4f}, {comparison} the published net's loss"
    assert text in " ".join(outcome.conclusion)


@pytest.mark.parametrize("nudge", [0.0, 1e-14, 1e-13, 1e-12])
@pytest.mark.compiled
def test_the_correct_gradient_does_not_learn_row_by_row_whatever_the_rounding(nudge):
    X, y = datasets.xor_grid(100)
    net = xor_grid.correct_net()
    net.theta *= 1.0 + nudge
    history = net.fit(X, y, epochs=50, lr=0.25, shuffle=False)
    assert history.loss[-1] < 0.2  # "looks as if it did"
    assert net.loss_and_grads(X, y)[0] > 1.0
    assert net.score(X, y) < 0.8


@pytest.mark.compiled
def test_findings_that_no_page_shows_are_ours(outcome):
    assert {
        finding.kind for finding in outcome.findings if finding.page == "not shown"
    } == {"ours"}
    assert all(
        "its code, run" in finding.page
        for finding in outcome.findings
        if finding.what.startswith("accuracy after")
    )
