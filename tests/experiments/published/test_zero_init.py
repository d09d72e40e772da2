"""The zero-init experiment, compared with the page's code."""

import numpy as np
import pytest
from drawn import look_at_all

import fastnn
from fastnn.experiments.outcome import Options
from fastnn.experiments.published import equal_neurons, gate, zero_init


def published_code(params, steps, tanh):
    """Return parameters and all losses of the page's step.

    It sums the gradients of weights, and takes the mean of those of biases.
    """
    X = np.array([0, 0, 1, 1, 0, 1, 0, 1]).reshape(2, 4)
    Y = np.array([0, 1, 1, 0]).reshape(1, 4)
    W1, B1, W2, B2 = (param.copy() for param in params)
    losses = []
    for _ in range(steps):
        Z1 = np.dot(W1.T, X) + B1
        H = np.tanh(Z1) if tanh else 1.0 / (1 + np.exp(-1 * Z1))
        Y_hat = 1.0 / (1 + np.exp(-1 * (np.dot(W2.T, H) + B2)))
        losses.append(
            1.0 / 4 * np.sum(-1 * (Y * np.log(Y_hat) + (1 - Y) * np.log(1 - Y_hat)))
        )
        dZ1 = np.dot(W2, Y_hat - Y) * ((1 - H * H) if tanh else H * (1 - H))
        dW2, dB2 = (
            np.dot(H, (Y_hat - Y).T),
            1.0 / 4.0 * np.sum(Y_hat - Y, axis=1, keepdims=True),
        )
        dW1, dB1 = np.dot(X, dZ1.T), 1.0 / 4.0 * np.sum(dZ1, axis=1, keepdims=True)
        W1, B1, W2, B2 = W1 - 0.1 * dW1, B1 - 0.1 * dB1, W2 - 0.1 * dW2, B2 - 0.1 * dB2
    return np.concatenate([param.ravel() for param in (W1, B1, W2, B2)]), np.array(
        losses
    )


def draws(seed, deviation=0.1):
    np.random.seed(seed)
    return [
        np.random.rand(2, 2) * deviation,
        np.random.random((2, 1)) * deviation,
        np.random.rand(2, 1) * deviation,
        np.random.random((1, 1)) * deviation,
    ]


@pytest.fixture(scope="module")
def outcome():
    return zero_init.EXPERIMENT.run(Options(quick=True), lambda message: None)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.compiled
def test_the_listed_step_equals_the_published_code(activation):
    params = draws(0, deviation=1.0)
    theta, losses = published_code(params, 300, activation == "tanh")
    net = fastnn.mlp(
        2,
        2,
        1,
        activation=activation,
        init=[param.squeeze() for param in params[:2]] + [params[2], params[3].ravel()],
    )
    history = zero_init.train(net, 300, 100)
    assert np.abs(history.loss - losses).max() < 1e-12
    assert np.abs(net.theta - theta).max() < 1e-12


def test_initial_theta_is_the_published_draws():
    for seed in (0, 5):
        assert (
            zero_init.initial_theta(seed)
            == np.concatenate([param.ravel() for param in draws(seed)])
        ).all()


def test_the_rows_are_in_the_order_of_the_page():
    X, y = zero_init.page_rows()
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [0, 1, 1, 0]


@pytest.mark.compiled
def test_losses_equal_those_of_the_published_code():
    sigmoid = zero_init.train_many("sigmoid", range(3), 100_000)
    assert (sigmoid.runs.loss[:, -1] < 0.1).tolist() == [True, True, False]
    assert sigmoid.runs.loss[:, -1] == pytest.approx(
        [0.000635, 0.00214, 0.693147], rel=2e-3
    )
    tanh = zero_init.train_many("tanh", range(8), 5000)
    assert tanh.runs.loss[:, -1].min() == pytest.approx(0.0038, abs=5e-5)
    assert tanh.runs.loss[:, -1].max() == pytest.approx(0.0076, abs=5e-5)


@pytest.mark.compiled
def test_the_page_fits_the_mean_of_all_gradients():
    listed = zero_init.train_many("tanh", range(100), 5000)
    mean = zero_init.train_many(
        "tanh", range(100), zero_init.MEAN_TANH_STEPS, listed=False
    )
    assert listed.nearest(zero_init.PAGE_TANH)[1] > 1e-3
    net, gap = mean.nearest(zero_init.PAGE_TANH)
    assert gap < 2e-5
    assert mean.final_drop(net) == pytest.approx(
        1 - gate.bce(zero_init.PAGE_TANH) / zero_init.PAGE_TANH_LOSS, rel=0.01
    )


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.compiled
def test_equal_neurons_stay_equal_to_the_bit_and_get_no_further_than_one(activation):
    net = fastnn.mlp(2, 2, 1, activation=activation)
    for seed in range(5):
        drawn = np.random.default_rng(seed).normal(size=9)
        history = zero_init.train(
            net.with_theta(drawn + drawn[equal_neurons.SWAP]), 5000, 50
        )
        assert (equal_neurons.neuron_distance(history.recording.theta) == 0.0).all()
        assert history.loss.min() > equal_neurons.ONE_NEURON


def test_swapping_the_neurons_is_the_same_net():
    net = fastnn.mlp(2, 2, 1, activation="tanh", seed=3)
    X = np.random.default_rng(0).normal(size=(20, 2))
    twin = net.with_theta(net.theta[equal_neurons.SWAP])
    assert (net.theta != twin.theta).any()
    assert np.abs(net.predict_proba(X) - twin.predict_proba(X)).max() < 1e-15


@pytest.mark.parametrize("seed", [0, 2, 77])
@pytest.mark.compiled
def test_nearly_equal_neurons_separate_only_from_far_enough_apart(seed):
    starts = equal_neurons.nearly_equal_starts(zero_init.initial_theta(seed))
    assert equal_neurons.neuron_distance(np.stack(starts)) == pytest.approx(
        equal_neurons.DISTANCES, rel=1e-6
    )
    net = fastnn.mlp(2, 2, 1, activation="tanh")
    histories = [
        zero_init.train(net.with_theta(theta), zero_init.MEAN_TANH_STEPS, 100)
        for theta in starts
    ]
    assert [history.loss[-1] < 0.1 for history in histories] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert [history.loss[-1] for history in histories[:3]] == pytest.approx(
        [equal_neurons.ONE_NEURON] * 3, abs=1e-3
    )
    why = equal_neurons.explanation(histories, np.stack(starts), "")[1]
    assert "that start 0.0001 or 0.01 apart separate" in why
    assert "start 1e-08 or 1e-06 apart have not learned it" in why


@pytest.mark.compiled
def test_no_finding_fails(outcome):
    assert outcome.ok
    assert outcome.runs[0].loss == 0.6931471805599453
    assert all(finding.verdict == "equal" for finding in outcome.findings[:4])
    # fastnn's warning is quoted.
    assert any(
        "get equal gradients" in paragraph for paragraph in outcome.conclusion[1:]
    )
    assert [len(run.trace["last_loss_of_each_seed"]) for run in outcome.runs[1:]] == [
        100,
        100,
        200,
        200,
    ]


@pytest.mark.parametrize("seed", [1, 5, 41, 2**32 - 1])
@pytest.mark.compiled
def test_the_conclusion_holds_from_other_seeds(seed):
    outcome = zero_init.EXPERIMENT.run(Options(seed=seed), lambda message: None)
    assert [finding.what for finding in outcome.findings if not finding.ok] == []
    shares = [
        np.mean(np.array(run.trace["last_loss_of_each_seed"]) < 0.1)
        for run in outcome.runs[1:3]
    ]
    assert f"leads {shares[0]:.0%} of 1,000 seeds" in outcome.conclusion[3]
    assert f"and {shares[1]:.0%} with tanh" in outcome.conclusion[3]


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
