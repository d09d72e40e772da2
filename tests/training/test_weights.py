"""Weights of rows and learning-rate schedules in a training, against naive NumPy."""

import copy

import naive
import numpy as np
import pytest
from nets import build
from trainings import RULES, assert_equals_naive, initial_params, learnable_data

import fastnn

SIZES, N = [3, 4, 2], 33
WEIGHTS = np.random.default_rng(0).integers(0, 4, N) / 2


def problem(loss):
    n_out = 1 if loss == "bce" else 2
    X, y = learnable_data(N, 3, loss, n_out)
    return initial_params([3, 4, n_out]), X, y


def trained(params, loss, X, y, **options):
    net = build(params, ["tanh"], loss)
    return net, net.fit(X, y, shuffle=False, epochs=3, **options)


@pytest.mark.parametrize("batch_size", [1, 16, N])
@pytest.mark.parametrize("loss", ["bce", "softmax_ce", "mse"])
def test_weights_and_schedules_are_those_of_naive_code(loss, batch_size):
    params, X, y = problem(loss)
    rates = [0.3, 0.1, 0.2]
    net, history = trained(
        params,
        loss,
        X,
        y,
        lr=lambda epoch: rates[epoch],
        batch_size=batch_size,
        sample_weight=WEIGHTS,
    )
    expected = naive.train(
        params,
        ["tanh"],
        loss,
        X,
        y,
        naive.Rule("sgd", 0.0),
        3,
        batch_size,
        weights=WEIGHTS,
        rates=rates,
    )
    assert_equals_naive(net, history, expected)
    assert history.lr.tolist() == rates


@pytest.mark.parametrize("rule", ["momentum, decay", "adam, decay", "clipped"])
def test_weights_with_other_optimizers(rule):
    params, X, y = problem("bce")
    optimizer, naive_rule = RULES[rule][0], copy.deepcopy(RULES[rule][1])
    net, history = trained(
        params, "bce", X, y, optimizer=optimizer, sample_weight=WEIGHTS
    )
    expected = naive.train(
        params, ["tanh"], "bce", X, y, naive_rule, 3, weights=WEIGHTS
    )
    assert_equals_naive(net, history, expected)


def test_layer_by_layer_has_the_same_weights():
    X, y = learnable_data(N, 3, "bce")
    options = {"epochs": 3, "batch_size": 16, "lr": 0.3, "sample_weight": WEIGHTS}
    layers = [fastnn.Affine(3, 4), fastnn.Tanh(), fastnn.Affine(4, 1)]
    fused = fastnn.Sequential(layers, seed=1)
    layers = [fastnn.Affine(3, 4), fastnn.Tanh(), fastnn.Identity(), fastnn.Tanh()]
    by_layer = fastnn.Sequential([*layers[:2], fastnn.Affine(4, 1), layers[2]], seed=1)
    assert (
        np.abs(
            fused.fit(X, y, **options).loss - by_layer.fit(X, y, **options).loss
        ).max()
        < 1e-12
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_weight_is_a_number_of_equal_rows(dtype):
    params, X, y = problem("softmax_ce")
    weights = WEIGHTS * 2  # whole numbers, some of them 0
    rows = np.repeat(np.arange(N), weights.astype(int))
    options = {"lr": 1e-3, "batch_size": "full", "reduction": "sum", "epochs": 5}
    weighted = build(params, ["tanh"], "softmax_ce", dtype)
    weighted.fit(X, y, sample_weight=weights, **options)
    repeated = build(params, ["tanh"], "softmax_ce", dtype)
    repeated.fit(X[rows], y[rows], **options)
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    assert np.abs(weighted.theta - repeated.theta).max() <= tolerance


def test_weights_of_1_change_no_bit():
    params, X, y = problem("bce")
    for batch_size in (1, 16):
        options = {"lr": 0.3, "batch_size": batch_size}
        plain, _ = trained(params, "bce", X, y, **options)
        ones, _ = trained(params, "bce", X, y, sample_weight=np.ones(N), **options)
        assert plain.theta.tobytes() == ones.theta.tobytes()


def test_classes_are_weighed():
    params, X, y = problem("bce")
    labels = np.where(y, "yes", "no")
    by_class, history = trained(
        params, "bce", X, labels, lr=0.3, class_weight={"yes": 3}
    )
    by_row, _ = trained(
        params, "bce", X, labels, lr=0.3, sample_weight=np.where(y, 3.0, 1.0)
    )
    assert by_class.theta.tobytes() == by_row.theta.tobytes()
    assert np.isfinite(history.loss).all()


def test_schedules_go_with_optimizers_and_a_bias_lr():
    params, X, y = problem("bce")
    falling = fastnn.schedules.exponential(0.2, gamma=0.5)
    net, history = trained(
        params, "bce", X, y, optimizer=fastnn.SGD(falling, momentum=0.8)
    )
    rule = naive.Rule("momentum", 0.0, 0.8)
    rates = [0.2, 0.1, 0.05]
    expected = naive.train(params, ["tanh"], "bce", X, y, rule, 3, rates=rates)
    assert_equals_naive(net, history, expected)
    fixed, _ = trained(
        params, "bce", X, y, optimizer=fastnn.SGD(falling, bias_lr=0.0), batch_size=16
    )
    assert (fixed.params[1] == params[1]).all()
    assert (fixed.params[0] != params[0]).any()


def test_the_specialised_loop_refuses_what_it_does_not_have():
    X, y = fastnn.datasets.xor_gate()
    net = fastnn.mlp(2, 2, 1)
    for options, message in (
        ({"lr": lambda epoch: 0.1}, "one learning rate for all epochs"),
        ({"lr": 0.1, "sample_weight": [1, 2, 1, 1]}, "rows without weights"),
        ({"optimizer": fastnn.SGD(0.1, clip_norm=1.0)}, "not clipped"),
    ):
        with pytest.raises(ValueError, match=message):
            net.fit(X, y, epochs=1, loop="specialised", **options)
