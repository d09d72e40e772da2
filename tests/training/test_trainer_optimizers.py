"""Optimizers in a training: no gradient, and a learning rate of the biases."""

import naive
import numpy as np
import pytest
from nets import build
from trainings import initial_params, learnable_data

import fastnn


# Plain NumPy warns of 0 / 0.
@pytest.mark.compiled
@pytest.mark.parametrize("batch_size", [1, 3])
def test_adam_without_eps_leaves_parameters_without_a_gradient(batch_size):
    X, y = learnable_data(12, 3, "bce")
    X = np.abs(X) + 0.5
    # The weights of this input have a gradient of 0, so that Adam computes 0 / 0.
    X[:, 1] = 0
    net = build(initial_params([3, 3, 1]), ["tanh"], "bce")
    before = net.params[0][1].copy()
    net.fit(X, y, epochs=2, optimizer=fastnn.Adam(0.01, eps=0.0), batch_size=batch_size)
    assert np.isfinite(net.theta).all()
    assert (net.params[0][1] == before).all()


def make_net(n_activations):
    """Return a net that is run layer by layer if it has two activations in a row."""
    activations = [fastnn.Tanh() for _ in range(n_activations)]
    layers = [fastnn.Affine(2, 3), *activations, fastnn.Affine(3, 1)]
    return fastnn.Sequential(layers, seed=5)


def naive_sgd(net, X, y, epochs, batch_size, lr, bias_lr, settings):
    """Return the parameters after SGD with two learning rates, from net's gradients."""
    params = [param.copy() for param in net.params]
    v = [np.zeros_like(param) for param in params]
    momentum, decay = settings.get("momentum", 0.0), settings.get("weight_decay", 0.0)
    for start in [*range(0, len(X), batch_size)] * epochs:
        batch = slice(start, start + batch_size)
        net.theta = np.concatenate([param.ravel() for param in params])
        _, grads = net.loss_and_grads(X[batch], y[batch], reduction="sum")
        for i, rate in enumerate([lr, bias_lr] * 2):
            g = grads[i] + decay * params[i]
            v[i] = momentum * v[i] + g
            step = g + momentum * v[i] if "nesterov" in settings else v[i]
            params[i] = params[i] - rate * step
    return np.concatenate([param.ravel() for param in params])


@pytest.mark.parametrize("n_activations", [1, 2], ids=["fused", "layer by layer"])
@pytest.mark.parametrize("batch_size", [1, 20])
@pytest.mark.parametrize(
    "settings",
    [{}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
)
def test_biases_may_have_their_own_learning_rate(settings, batch_size, n_activations):
    X, y = fastnn.datasets.xor_grid(9)
    net = make_net(n_activations)
    net.fit(
        X,
        y,
        epochs=2,
        batch_size=batch_size,
        shuffle=False,
        optimizer=fastnn.SGD(0.2, bias_lr=0.05, **settings),
        reduction="sum",
    )
    expected = naive_sgd(
        make_net(n_activations), X, y, 2, batch_size, 0.2, 0.05, settings
    )
    assert net.theta == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_bias_lr_of_lr_changes_only_rounding_and_0_fixes_the_biases():
    X, y = fastnn.datasets.xor_grid(9)
    nets = [fastnn.mlp(2, 3, 1, seed=1) for _ in range(3)]
    for net, bias_lr in zip(nets, (None, 0.2, 0.0), strict=True):
        net.fit(X, y, epochs=1, optimizer=fastnn.SGD(0.2, bias_lr=bias_lr))
    assert nets[1].theta == pytest.approx(nets[0].theta, rel=1e-12)
    assert not nets[2].params[1].any()
    assert nets[0].params[1].all()


def test_bias_lr_is_checked_and_shown():
    assert repr(fastnn.SGD(0.2, bias_lr=0.1)) == "SGD(lr=0.2, bias_lr=0.1)"
    for bias_lr in (-1.0, "1", float("nan")):
        with pytest.raises((ValueError, TypeError), match="bias_lr"):
            fastnn.SGD(0.2, bias_lr=bias_lr)


def test_the_specialised_loop_refuses_a_bias_lr():
    net, optimizer = fastnn.mlp(2, 3, 1, seed=1), fastnn.SGD(0.2, bias_lr=0.1)
    X, y = fastnn.datasets.xor_grid(9)
    with pytest.raises(ValueError, match="one learning rate for all"):
        net.fit(X, y, epochs=1, optimizer=optimizer, loop="specialised")


def test_bias_weight_decay_is_checked_and_shown():
    rule = fastnn.Adam(0.1, weight_decay=0.1, bias_weight_decay=0.0)
    assert repr(rule) == "Adam(lr=0.1, weight_decay=0.1, bias_weight_decay=0.0)"
    for decay in (-1.0, "1", float("inf")):
        with pytest.raises((ValueError, TypeError), match="bias_weight_decay"):
            fastnn.SGD(0.2, bias_weight_decay=decay)


@pytest.mark.parametrize("loop", ["general", "specialised"])
@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_the_loops_of_one_net_decay_weights_and_biases_alike(loop, decay):
    X, y = learnable_data(60, 2, "bce")
    params = initial_params([2, 3, 1])
    settings = {"weight_decay": decay, "bias_weight_decay": 0.1}
    net = build(params, ["tanh"], "bce")
    rule = fastnn.SGD(0.2, **settings)
    net.fit(X, y, epochs=3, optimizer=rule, shuffle=False, loop=loop)
    rule = naive.Rule("sgd", 0.2, **settings)
    expected = naive.train(params, ["tanh"], "bce", X, y, rule, 3)[0]
    for ours, theirs in zip(net.params, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_spiral_net_of_cs231n_equals_numpy():
    """The notes' "minimal neural network case study", in its own words."""
    N, D, K, h, reg, step_size = 100, 2, 3, 100, 1e-3, 1.0
    rng = np.random.default_rng(0)
    X, y = np.zeros((N * K, D)), np.repeat(np.arange(K), N)
    for j in range(K):
        r = np.linspace(0.0, 1, N)
        t = np.linspace(j * 4, (j + 1) * 4, N) + rng.standard_normal(N) * 0.2
        X[j * N : (j + 1) * N] = np.c_[r * np.sin(t), r * np.cos(t)]
    W, b = 0.01 * rng.standard_normal((D, h)), np.zeros((1, h))
    W2, b2 = 0.01 * rng.standard_normal((h, K)), np.zeros((1, K))
    net = fastnn.mlp(D, h, K, activation="relu", init=[W, b[0], W2, b2[0]])
    rule = fastnn.SGD(step_size, weight_decay=reg, bias_weight_decay=0.0)
    net.fit(X, y, epochs=1000, batch_size="full", optimizer=rule)
    for _ in range(1000):
        hidden_layer = np.maximum(0, np.dot(X, W) + b)
        exp_scores = np.exp(np.dot(hidden_layer, W2) + b2)
        dscores = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        dscores[range(N * K), y] -= 1
        dscores /= N * K
        dW2, db2 = np.dot(hidden_layer.T, dscores), np.sum(dscores, axis=0)
        dhidden = np.dot(dscores, W2.T)
        dhidden[hidden_layer <= 0] = 0
        dW, db = np.dot(X.T, dhidden), np.sum(dhidden, axis=0)
        dW2, dW = dW2 + reg * W2, dW + reg * W
        W, b = W - step_size * dW, b - step_size * db
        W2, b2 = W2 - step_size * dW2, b2 - step_size * db2
    assert net.score(X, y) > 0.9
    for ours, theirs in zip(net.params, (W, b[0], W2, b2[0]), strict=True):
        assert np.abs(ours - theirs).max() < 1e-9
