"""The spiral experiment, compared with the notebook's arithmetic in plain NumPy."""

import numpy as np
import pytest
from drawn import look_at_all
from matplotlib.figure import Figure

from fastnn import datasets
from fastnn.experiments.outcome import Options
from fastnn.experiments.published import spiral
from fastnn.experiments.report import document


def published_code(updates, lr=1.0):
    """Return parameters and last loss of the notebook's net, typing errors corrected.

    Each update is on all rows.
    """
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
        grads = [
            np.matmul(x.T, dh),
            np.sum(dh, axis=0),
            np.matmul(h.T, ds),
            np.sum(ds, axis=0),
        ]
        for param, grad in zip(params, grads, strict=True):
            param -= lr * grad
    return params, loss


@pytest.fixture(scope="module")
def outcome():
    return spiral.run(Options(quick=True), lambda message: None)


def test_two_layer_net_equals_the_published_code():
    params, loss = published_code(50)
    x, y = datasets.spiral()
    net = spiral.TwoLayerNet(2, 10, 3, np.random.RandomState(0))
    arrays = [id(grad) for grad in net.grads]
    for _ in range(50):
        net_loss = net.forward(x, np.eye(3)[y])
        net.backward()
        net.update(1.0)
    for param, published in zip(net.params, params, strict=True):
        assert np.abs(param - published).max() < 1e-12
    # The notebook adds 1e-7 inside the logarithm.
    assert 0 < net_loss - loss < 1e-6
    assert arrays == [id(grad) for grad in net.grads]


def test_the_net_is_that_of_the_book():
    net = spiral.spiral_net(seed=3)
    assert [param.shape for param in net.params] == [(2, 10), (10,), (10, 3), (3,)]
    assert 0.005 < net.params[0].std() < 0.02
    assert not net.params[1].any()


@pytest.mark.compiled
def test_no_finding_fails(outcome):
    assert outcome.ok, [finding for finding in outcome.findings if not finding.ok]
    assert not [finding for finding in outcome.findings if "NOT" in finding.verdict]
    assert {run.mode: run.updates for run in outcome.runs} == {
        "batches of 30": 3000,
        "per sample": 90_000,
        "full batch": 3000,
        "batches of 30, many seeds": 20 * 3000,
    }
    *single, many = outcome.runs
    # Every second epoch, and every 15th.
    assert [len(run.trace["loss"]) for run in single] == [150, 150, 200]
    assert many.nets == len(many.trace["final_loss_by_seed"]) == 20
    # Nets side by side differ from one alone by rounding, which 3,000 updates amplify.
    first = many.trace["final_loss_by_seed"][0]
    assert first == pytest.approx(single[0].loss, rel=1e-6)
    # The table's loss and accuracy are those of the trained net.
    X, y = datasets.spiral()
    net = spiral.train(spiral.BOOK, X, y, seed=0).net
    assert single[0].final_loss == net.loss_and_grads(X, y)[0] != single[0].loss
    assert single[0].accuracy == net.score(X, y)
    assert f"{single[0].final_loss:.6g}" in document.row(single[0])
    errors = [each for each in outcome.findings if each.what.startswith("typing error")]
    assert len(errors) == 5


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
    data, curves, regions, losses = (Figure(layout="constrained") for _ in range(4))
    for picture, figure in zip(
        outcome.pictures, (data, curves, regions, losses), strict=True
    ):
        picture.draw(figure)
    assert [len(figure.axes) for figure in (data, curves, regions, losses)] == [
        1,
        2,
        3,
        1,
    ]
    lines = curves.axes[0].lines[::2]  # each is followed by a dashed one
    for line, run in zip(lines, outcome.runs[:3], strict=True):
        best = min(line.get_ydata())
        assert line.get_label() == f"{run.mode} (dashed: best, {best:.3f})"
        assert [
            line.get_ydata()[epoch - 1] for epoch in run.trace["epochs"]
        ] == run.trace["loss"]
    (film,) = outcome.films
    assert 40 <= film.n_frames <= 100
    figure = Figure()
    film.draw(figure)(film.n_frames - 1)
    assert figure.axes[0].get_title().startswith("epoch 300.0, loss 0.1")


@pytest.mark.parametrize("seed", [0, 1, 5, 41])
@pytest.mark.compiled
def test_the_conclusion_holds_from_other_seeds(seed):
    outcome = spiral.run(Options(seed=seed, quick=True), lambda message: None)
    assert outcome.ok
    text = " ".join(outcome.conclusion)
    losses = outcome.runs[-1].trace["final_loss_by_seed"]
    low, high = np.quantile(losses, (0.25, 0.75))
    assert ("rather lucky" in text) == (low > 0.11)
    assert ("rather unlucky" in text) == (high < 0.11)
    # Loss and accuracy are those of one net, at the end.
    net = spiral.spiral_net(1000 * seed)
    history = net.fit(
        *datasets.spiral(), epochs=300, lr=1.0, batch_size=30, seed=1000 * seed
    )
    loss = net.loss_and_grads(*datasets.spiral())[0]
    accuracy = net.score(*datasets.spiral())
    result = f"a loss of {loss:.3f}, with {accuracy:.1%} correct"
    assert f"the net ends, over all points, with {result}" in text
    assert outcome.runs[0].accuracy == accuracy
    slow = int((history.loss > 1.0).sum())
    assert f"above 1 for {slow} epochs" in text
    assert (history.loss[:slow] > 1.0).all()
    assert 5 < slow < 50


@pytest.mark.parametrize(
    ("losses", "luck"),
    [((0.12, 0.13), "lucky"), ((0.1, 0.12), "ordinary"), ((0.08, 0.1), "unlucky")],
)
def test_luck_is_where_the_loss_of_the_book_lies(losses, luck):
    net = spiral.spiral_net()
    history = net.fit(*datasets.spiral(), epochs=1, lr=1.0, batch_size="full")
    trainings = [
        spiral.Training(mode, net, history, loss=1.0, accuracy=0.5)
        for mode in spiral.MODES
    ]
    conclusion = spiral._conclusion(trainings, np.array(losses))
    assert f" {luck} one." in " ".join(conclusion)


@pytest.mark.compiled
def test_many_seeds_see_several_orders_of_the_points():
    X, y = datasets.spiral()
    groups = spiral.train_many(X, y, range(1000, 1060))
    assert [len(runs) for runs in groups] == [50, 10]
    alone = spiral.spiral_net(1050)
    history = alone.fit(X, y, epochs=300, lr=1.0, batch_size=30, seed=1050)
    assert groups[1].loss[0, -1] == pytest.approx(history.loss[-1], rel=1e-6)
