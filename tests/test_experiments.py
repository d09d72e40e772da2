"""The experiments, to the digit."""

import numpy as np
import pytest

from fastnn import datasets
from fastnn.experiments import EXPERIMENTS
from fastnn.experiments.spiral import spiral_net
from fastnn.experiments.xor_grid import cumulative_accuracy, initial_parameters, published_net, right_net


def published_code(epochs, right=False):
    """The page's training loop, its names and its mistake; the losses, and how often it was right."""
    X, y = datasets.xor_grid(100)
    np.random.seed(0)
    neurons = [[np.random.randn(2), np.random.randn()] for _ in range(3)]
    losses, hits = [], []
    for _ in range(epochs):
        total, right_ones = 0.0, 0
        for x, t in zip(X, y, strict=True):
            p1, p2 = (1 / (1 + np.exp(-(np.dot(w, x) + b))) for w, b in neurons[:2])
            h = np.array([p1, p2])
            w, b = neurons[2]
            pred = 1 / (1 + np.exp(-(np.dot(w, h) + b)))
            total += -(t * np.log(pred) + (1 - t) * np.log(1 - pred))
            right_ones += (pred > 0.5) == (t == 1)
            dz = (pred - t) / (pred * (1 - pred)) * (pred * (1 - pred))
            handed_on = dz * w if right else dz * h
            neurons[2] = [w - dz * h * 0.25, b - dz * 0.25]
            for k, p in enumerate((p1, p2)):
                d = handed_on[k] * (p * (1 - p))
                neurons[k] = [neurons[k][0] - d * x * 0.25, neurons[k][1] - d * 0.25]
        losses.append(total / len(X))
        hits.append(right_ones)
    return np.array(losses), hits


def test_initial_parameters_are_the_published_draws():
    np.random.seed(0)
    draws = [(np.random.randn(2), np.random.randn()) for _ in range(3)]
    w1, b1, w2, b2 = initial_parameters()
    for k in range(2):
        assert (w1[:, k] == draws[k][0]).all()
        assert b1[k] == draws[k][1]
    assert (w2[:, 0] == draws[2][0]).all()
    assert b2[0] == draws[2][1]


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.compiled
def test_the_first_epochs_equal_the_published_code(right):
    net = right_net() if right else published_net()
    history = net.fit(*datasets.xor_grid(100), epochs=2, lr=0.25, shuffle=False)
    losses, hits = published_code(2, right)
    # the right gradient's second epoch amplifies rounding already: 1e-12 is for the first
    assert abs(history.loss[0] - losses[0]) < 1e-12
    assert abs(history.loss[1] - losses[1]) < (1e-6 if right else 1e-12)
    assert history.accuracy[0] == hits[0] / 10_000
    assert abs(history.loss[0] - (0.15209648 if right else 0.30375386576179497)) < (5e-9 if right else 1e-12)


@pytest.mark.compiled
def test_as_published_to_the_end():
    history = published_net().fit(*datasets.xor_grid(100), epochs=50, lr=0.25, shuffle=False)
    assert abs(history.loss[49] - 0.02129332475926467) < 1e-9
    counted = cumulative_accuracy(history)
    assert counted[0] == pytest.approx(0.8933, abs=1e-12)
    assert counted[49] == pytest.approx(0.986, abs=1e-12)


def test_the_published_gradient_is_the_same_layer_by_layer_and_in_batches():
    X, y = datasets.xor_grid(9)
    loss, grads = published_net().loss_and_grads(X, y)
    by_hand = published_net()
    z = X
    for layer in by_hand.layers:
        z = layer.forward(z)
    assert by_hand.loss.forward(z, y) == pytest.approx(loss, rel=1e-14)
    d = by_hand.loss.backward()
    for layer in reversed(by_hand.layers):
        d = layer.backward(d)
    for found, wanted in zip([g for layer in by_hand.layers for g in layer.grads], grads, strict=True):
        assert np.abs(found - wanted).max() < 1e-14
    # and a batch's gradient is the mean of its samples'
    alone = [published_net().loss_and_grads(X[i : i + 1], y[i : i + 1])[1] for i in range(81)]
    for place, grad in enumerate(grads):
        assert np.abs(np.mean([one[place] for one in alone], axis=0) - grad).max() < 1e-14


@pytest.mark.compiled
def test_all_runs_agree_with_the_pages():
    for experiment in EXPERIMENTS.values():
        runs = list(experiment.runs())
        assert [run.mode for run in runs] == list(experiment.modes)
        for run in runs:
            assert run.ok
            assert "NOT" not in run.agrees
            assert run.record()["updates"] == run.history.updates
            assert len(run.record()["loss_by_epoch"]) == run.history.epochs
    assert {run.mode: run.history.updates for run in runs} == {
        "batches of 30": 3000,
        "per sample": 90_000,
        "full batch": 3000,
    }


def test_the_spirals_net_is_the_books():
    net = spiral_net(seed=3)
    assert [param.shape for param in net.params] == [(2, 10), (10,), (10, 3), (3,)]
    assert 0.005 < net.params[0].std() < 0.02
    assert not net.params[1].any()
