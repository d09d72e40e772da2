"""Optimizers in a training: no gradient, and a learning rate of the biases."""

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
