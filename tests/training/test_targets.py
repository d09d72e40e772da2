"""Trainings with several labels per row, probabilities and counts, in all loops."""

import naive
import numpy as np
import pytest
from nets import build
from trainings import assert_equals_naive, initial_params

import fastnn

N = 33
DRAW = np.random.default_rng(5)
X = DRAW.standard_normal((N, 3))
WEIGHTS = np.random.default_rng(0).integers(0, 4, N) / 2
# The loss, the number of outputs and the targets.
KINDS = {
    "labels": ("bce", 3, DRAW.integers(0, 2, (N, 3))),
    "many labels": ("bce", 19, DRAW.random((N, 19)) < 0.5),
    "probabilities of labels": ("bce", 3, DRAW.choice([0, 0.2, 0.5, 0.9, 1], (N, 3))),
    "probabilities": ("bce", 1, DRAW.choice([0, 0.2, 0.5, 0.9, 1], N)),
    "probabilities of classes": ("softmax_ce", 4, DRAW.dirichlet(np.ones(4), N)),
    "of many classes": ("softmax_ce", 19, DRAW.dirichlet(np.ones(19), N)),
    "counts": ("poisson", 1, DRAW.poisson(2.0, N)),
    "several counts": ("poisson", 2, DRAW.poisson(2.0, (N, 2))),
}
kinds = pytest.mark.parametrize("kind", KINDS)
both = pytest.mark.parametrize("dtype", ["float64", "float32"])


def problem(kind):
    loss, n_out, y = KINDS[kind]
    return [p / 2 for p in initial_params([3, 4, n_out])], loss, y


def naively(params, loss, y, batch_size=1, epochs=3, **options):
    rule = naive.Rule("sgd", 0.1)
    y = y.astype(float)
    return naive.train(
        params, ["tanh"], loss, X, y, rule, epochs, batch_size, **options
    )


def layer_by_layer(params, loss, dtype="float64"):
    layers = [fastnn.Affine(*params[0].shape), fastnn.Tanh(), fastnn.Identity()]
    layers += [fastnn.Identity(), fastnn.Affine(*params[2].shape)]
    net = fastnn.Sequential(layers, loss, init=params, dtype=dtype)
    assert "layer by layer" in net.summary()
    return net


@both
@kinds
@pytest.mark.parametrize("batch_size", [1, 16, N])
def test_every_loop_equals_naive_code(kind, batch_size, dtype):
    params, loss, y = problem(kind)
    for weights in (None, WEIGHTS):
        expected = naively(params, loss, y, batch_size, weights=weights)
        for make in (lambda p, loss, d: build(p, ["tanh"], loss, d), layer_by_layer):
            net = make(params, loss, dtype)
            history = net.fit(
                X,
                y,
                epochs=3,
                lr=0.1,
                batch_size=batch_size,
                shuffle=False,
                sample_weight=weights,
                X_val=X[:20],
                y_val=y[:20],
            )
            tolerance = 1e-12 if dtype == "float64" else 2e-5
            if dtype == "float32":  # outputs near 0 may have the other sign
                history.accuracy[:] = np.nan
            assert_equals_naive(net, history, expected, tolerance)
            z = naive.forward(expected[0], ["tanh"], X[:20])[1][-1]
            losses, _ = naive.sample_losses(z, y[:20].astype(float), loss)
            assert history.val_loss[-1] == pytest.approx(losses.mean(), rel=tolerance)
            if loss == "poisson":
                assert np.isnan(history.val_accuracy).all()
            else:
                accuracy = net.score(X[:20], y[:20])
                assert history.val_accuracy[-1] == accuracy


@kinds
@pytest.mark.parametrize("batch_size", [1, 16])
def test_many_nets_equal_each_net_alone(kind, batch_size):
    params, loss, y = problem(kind)
    net = build(params, ["tanh"], loss, "float32")
    theta = np.array([net.theta, net.theta / 2, -net.theta])
    options = {"epochs": 3, "lr": 0.1, "batch_size": batch_size, "shuffle": False}
    runs = net.fit_many(X, y, init=theta, **options)
    for i in range(3):
        alone = net.with_theta(theta[i])
        history = alone.fit(X, y, loop="general", **options)
        if batch_size == 1:
            assert runs.loss[i].tobytes() == history.loss.tobytes()
            assert runs.theta[i].tobytes() == alone.theta.tobytes()
        assert np.abs(runs.theta[i] - alone.theta).max() < 1e-5
        assert np.abs(runs.loss[i] - history.loss).max() < 1e-5
        accuracies = runs.accuracy[i], history.accuracy
        assert np.array_equal(*accuracies, equal_nan=True)


@both
@pytest.mark.parametrize("kind", ["probabilities", "counts"])
def test_the_specialised_loop_equals_naive_code(kind, dtype):
    params, loss, y = problem(kind)
    net = build(params, ["tanh"], loss, dtype)
    history = net.fit(X, y, epochs=2, lr=0.1, loop="specialised", shuffle=False)
    expected = naively(params, loss, y, epochs=2)
    # float32: the looked-up sigmoid is exact to a few units of 6e-8
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert_equals_naive(net, history, expected, tolerance)


@kinds
def test_a_weight_of_2_is_the_row_twice(kind):
    params, loss, y = problem(kind)
    counts = np.array([2, 0, 1] * (N // 3))
    net, twin = (build(params, ["tanh"], loss) for _ in range(2))
    options = {"epochs": 3, "lr": 0.01, "batch_size": "full", "reduction": "sum"}
    net.fit(X, y, sample_weight=counts, **options)
    twin.fit(X.repeat(counts, axis=0), y.repeat(counts, axis=0), **options)
    assert np.abs(net.theta - twin.theta).max() < 1e-12


@kinds
def test_a_weight_of_0_leaves_the_row_out(kind):
    params, loss, y = problem(kind)
    weights = np.array([1.0, 0.0, 1.0] * (N // 3))
    net, twin = (build(params, ["tanh"], loss) for _ in range(2))
    options = {"epochs": 1, "lr": 0.1, "shuffle": False}
    net.fit(X, y, sample_weight=weights, **options)
    twin.fit(X[weights > 0], y[weights > 0], **options)
    assert net.theta.tobytes() == twin.theta.tobytes()


def with_outputs(z, loss, dtype="float64"):
    """Return a net 3-4-1 and two rows for which its outputs are z."""
    w = np.zeros((4, 1))
    w[0] = (z[1] - z[0]) / 2
    params = [np.zeros((3, 4)), np.zeros(4), w, np.array([(z[0] + z[1]) / 2])]
    params[0][0, 0] = 100.0
    return build(params, ["tanh"], loss, dtype), [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


@pytest.mark.filterwarnings("ignore::fastnn.SymmetryWarning")
@both
@pytest.mark.parametrize("loop", ["general", "specialised"])
def test_saturated_probabilities_have_exact_gradients_and_losses(dtype, loop):
    """The loss of z = 50 is e^-50 for y = 1, and 50 / 4 + e^-50 for y = 3 / 4."""
    net, rows = with_outputs((50.0, -50.0), "bce", dtype)
    history = net.fit(rows, [1.0, 0.25], epochs=1, lr=0.0, shuffle=False, loop=loop)
    assert history.loss[0] == pytest.approx(6.25, rel=1e-6)
    assert history.accuracy[0] == 1.0
    # Rows of weight 0 make the targets probabilities.
    net = build([np.zeros((1, 1)), np.array([50.0])], [], "bce", dtype)
    history = net.fit(
        [[0.0]] * 2, [1.0, 0.5], epochs=1, lr=1e9, shuffle=False, sample_weight=[1, 0]
    )
    assert history.loss[0] == pytest.approx(np.exp(-50.0) / 2, rel=1e-6)
    _, (_, db) = fastnn.mlp(1, 1, init=[[[0.0]], [50.0]], dtype=dtype).loss_and_grads(
        [[0.0]] * 2, [1.0, 1.0 - 2.0**-20], reduction="sum"
    )
    assert db[0] == pytest.approx(2.0**-20, rel=1e-6)


@both
@kinds
def test_a_learner_has_the_bits_of_a_fit(kind, dtype):
    params, loss, y = problem(kind)
    rows = X.astype(dtype)
    nets = [build(params, ["tanh"], loss, dtype) for _ in range(3)]
    history = nets[0].fit(rows, y, epochs=1, lr=0.1, shuffle=False, loop="general")
    learner = nets[1].learner(lr=0.1)
    losses = [learner.learn(x, t) for x, t in zip(rows, y, strict=True)]
    assert nets[1].theta.tobytes() == nets[0].theta.tobytes()
    assert np.mean(losses) == pytest.approx(history.loss[0], rel=1e-6)
    pieces = nets[2].learner(lr=0.1)
    pieces.learn(rows[:20], y[:20])
    pieces.learn(rows[20:], y[20:])
    assert nets[2].theta.tobytes() == nets[0].theta.tobytes()
    assert (learner.predict(X[0]) == nets[0].predict(X[:1])[0]).all()


def test_a_learner_refuses_negative_counts():
    net = fastnn.mlp(3, 1, loss="poisson")
    learner = net.learner(lr=0.1)
    learner.learn(X[0], 3.0)
    learner.learn(X[0], 3)
    before = net.theta.copy()
    for wrong in (-1.0, -1, np.nan, np.inf, "a"):
        with pytest.raises((ValueError, TypeError), match=r"y has|y must hold"):
            learner.learn(X[0], wrong)
    assert (net.theta == before).all()


@kinds
def test_gradients_equal_central_differences(kind):
    params, loss, y = problem(kind)
    for net in (build(params, ["tanh"], loss), layer_by_layer(params, loss)):
        assert fastnn.check_gradients(net, X, y).ok


@pytest.mark.filterwarnings("ignore::fastnn.SymmetryWarning")
@pytest.mark.parametrize(
    ("loop", "batch_size"), [("general", 1), ("general", 2), ("specialised", 1)]
)
def test_counts_that_overflow_diverge(loop, batch_size):
    # e^709 is finite, e^710 is not.
    net, rows = with_outputs((709.0, 710.0), "poisson")
    assert net.predict(rows[:1])[0] == pytest.approx(np.exp(709.0), rel=1e-12)
    with pytest.raises(ValueError, match=r"beyond 1.8e\+308"):
        net.predict(rows)
    with pytest.raises(fastnn.DivergenceError) as error:
        net.fit(
            rows,
            [1, 1],
            epochs=1,
            lr=0.0,
            shuffle=False,
            batch_size=batch_size,
            loop=loop,
        )
    assert error.value.sample == 1
    net, rows = with_outputs((-720.0, -800.0), "poisson")
    assert net.predict(rows) == pytest.approx(np.exp([-720.0, -800.0]), rel=1e-9)
