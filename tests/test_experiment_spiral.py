"""The spirals: the notebook's arithmetic in plain NumPy, its net of single layers, and what the run gives back."""

import numpy as np
import pytest
from drawn import look_at_all
from matplotlib.figure import Figure

from fastnn import datasets
from fastnn.experiments import spiral
from fastnn.experiments.outcome import Options


def published_code(updates, lr=1.0):
    """The notebook's TwoLayerNet, its typing errors put right, on all rows; the parameters and the last loss."""
    x, t = datasets.spiral()[0], np.eye(3)[datasets.spiral()[1]]
    np.random.seed(0)
    params = [np.random.randn(2, 10), np.zeros(10), np.random.randn(10, 3), np.zeros(3)]
    for _ in range(updates):
        w1, b1, w2, b2 = params
        h = 1 / (1 + np.exp(-(np.matmul(x, w1) + b1)))
        s = np.matmul(h, w2) + b2
        y = np.exp(s - s.max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)
        loss = -np.sum(np.log(y[np.arange(300), t.argmax(axis=1)] + 1e-7)) / 300
        ds = y.copy()
        ds[np.arange(300), t.argmax(axis=1)] -= 1
        ds /= 300
        dh = np.matmul(ds, w2.T) * (1.0 - h) * h
        grads = [np.matmul(x.T, dh), np.sum(dh, axis=0), np.matmul(h.T, ds), np.sum(ds, axis=0)]
        for param, grad in zip(params, grads, strict=True):
            param -= lr * grad
    return params, loss


@pytest.fixture(scope="module")
def outcome():
    return spiral.run(Options(quick=True), lambda what: None)


def test_two_layer_net_is_the_notebooks():
    params, loss = published_code(50)
    x, y = datasets.spiral()
    net = spiral.TwoLayerNet(2, 10, 3, np.random.RandomState(0))
    arrays = [id(grad) for grad in net.grads]
    for _ in range(50):
        found = net.forward(x, np.eye(3)[y])
        net.backward()
        net.update(1.0)
    for mine, theirs in zip(net.params, params, strict=True):
        assert np.abs(mine - theirs).max() < 1e-12
    assert 0 < found - loss < 1e-6  # the notebook adds 1e-7 to what it takes the logarithm of
    assert arrays == [id(grad) for grad in net.grads]


def test_the_net_is_the_books():
    net = spiral.spiral_net(seed=3)
    assert [param.shape for param in net.params] == [(2, 10), (10,), (10, 3), (3,)]
    assert 0.005 < net.params[0].std() < 0.02
    assert not net.params[1].any()


@pytest.mark.compiled
def test_all_findings_are_as_they_should_be(outcome):
    assert outcome.ok, [finding for finding in outcome.findings if not finding.ok]
    assert not [finding for finding in outcome.findings if "NOT" in finding.verdict]
    assert {run.mode: run.updates for run in outcome.runs} == {
        "batches of 30": 3000,
        "per sample": 90_000,
        "full batch": 3000,
        "batches of 30, many seeds": 20 * 3000,
    }
    *ways, many = outcome.runs
    assert [len(run.trace["loss_by_epoch"]) for run in ways] == [300, 300, 3000]
    assert many.nets == len(many.trace["final_loss_by_seed"]) == 20
    # side by side as alone, up to what 3,000 updates make of rounding
    assert many.trace["final_loss_by_seed"][0] == pytest.approx(ways[0].loss, rel=1e-6)
    assert sum(finding.what.startswith("typing error") for finding in outcome.findings) == 5


@pytest.mark.compiled
def test_pictures_and_the_film(outcome):
    look_at_all(outcome)
    data, curves, regions, losses = (Figure(layout="constrained") for _ in range(4))
    for picture, figure in zip(outcome.pictures, (data, curves, regions, losses), strict=True):
        picture.draw(figure)
    assert [len(figure.axes) for figure in (data, curves, regions, losses)] == [1, 2, 3, 1]
    lines = curves.axes[0].lines[::2]  # each is followed by a dashed one at the best
    for line, run in zip(lines, outcome.runs[:3], strict=True):
        assert line.get_label() == run.mode
        assert line.get_ydata().tolist() == run.trace["loss_by_epoch"]
    (film,) = outcome.films
    assert 40 <= film.n_frames <= 100
    figure = Figure()
    film.draw(figure)(film.n_frames - 1)
    assert figure.axes[0].get_title().startswith("epoch 300.0, loss 0.1")
