"""Choice of the loop that trains a net."""

import numpy as np
import pytest
from nets import build
from trainings import RULES, initial_params, learnable_data

import fastnn
from fastnn import kernels
from fastnn.training.engines import dispatch

GATE = fastnn.datasets.xor_gate()


def make_net():
    return fastnn.mlp(2, 3, 1, activation="tanh", seed=1)


def test_the_specialised_loop_differs_from_the_general_one_by_rounding():
    X, y = fastnn.datasets.xor_grid(60)
    nets = [make_net() for _ in range(3)]
    for net, loop in zip(nets, ("general", "specialised", "specialised"), strict=True):
        net.fit(X, y, epochs=1, lr=0.02, loop=loop)
    # There are 3,600 updates, each of which rounds.
    assert np.abs(nets[0].theta - nets[1].theta).max() < 1e-12
    assert nets[1].theta.tobytes() == nets[2].theta.tobytes()


@pytest.mark.parametrize("rule", RULES)
def test_a_batch_of_one_row_twice_is_a_per_sample_step(rule):
    X, y = learnable_data(30, 3, "softmax_ce", 3)
    params = initial_params([3, 5, 3])
    alone, twice = (build(params, ["tanh"], "softmax_ce") for _ in range(2))
    options = {"epochs": 1, "optimizer": RULES[rule][0], "shuffle": False}
    alone.fit(X, y, batch_size=1, **options)
    # Two equal gradients have the mean of one, and a batch of two takes another loop.
    twice.fit(np.repeat(X, 2, axis=0), np.repeat(y, 2), batch_size=2, **options)
    assert np.abs(alone.theta - twice.theta).max() <= 1e-13


@pytest.mark.parametrize("batch_size", [3, 5])
def test_a_last_batch_of_one_row_is_a_per_sample_step(batch_size):
    n = 2 * batch_size + 1
    X, y = learnable_data(n, 3, "softmax_ce", 3)
    params = initial_params([3, 5, 3])
    once, twice = (build(params, ["tanh"], "softmax_ce") for _ in range(2))
    options = {"epochs": 1, "lr": 0.3, "shuffle": False}
    once.fit(X, y, batch_size=batch_size, **options)
    twice.fit(X[:-1], y[:-1], batch_size=batch_size, **options)
    twice.fit(X[-1:], y[-1:], batch_size=1, **options)
    assert np.abs(once.theta - twice.theta).max() <= 1e-13


@pytest.fixture
def loops_called(monkeypatch):
    """Return a list to which each call of a loop appends the loop's name."""
    called = []

    def watch(module, function, name):
        original = getattr(module, function)

        def watched(*arguments):
            called.append(name)
            return original(*arguments)

        monkeypatch.setattr(module, function, watched)

    watch(kernels.loops.specialised, "trainer", "specialised")
    watch(kernels.loops.per_sample, "train", "per sample")
    watch(kernels.loops.one_hidden_layer, "train_bce", "one hidden layer")
    watch(kernels.loops.one_hidden_layer, "train_softmax", "one hidden layer")
    watch(kernels.loops.batches, "train", "batches")
    return called


WORK = {
    "few updates": (make_net, {"epochs": 99, "lr": 0.1}, "one hidden layer"),
    "many updates": (make_net, {"epochs": 100, "lr": 0.1}, "specialised"),
    "the general loop": (
        make_net,
        {"epochs": 100, "lr": 0.1, "loop": "general"},
        "one hidden layer",
    ),
    "the specialised loop": (
        make_net,
        {"epochs": 1, "lr": 0.1, "loop": "specialised"},
        "specialised",
    ),
    "Adam": (make_net, {"epochs": 100, "optimizer": fastnn.Adam(0.1)}, "per sample"),
    "batches": (make_net, {"epochs": 100, "lr": 0.1, "batch_size": 2}, "batches"),
    "a large net": (
        lambda: fastnn.mlp(2, 20, 1),
        {"epochs": 100, "lr": 0.1},
        "per sample",
    ),
    "two outputs": (
        lambda: fastnn.mlp(2, 2, 2),
        {"epochs": 100, "lr": 0.1},
        "one hidden layer",
    ),
    "two hidden layers": (
        lambda: fastnn.mlp(2, 2, 2, 1, init="normal"),
        {"epochs": 1, "lr": 0.1},
        "per sample",
    ),
    "weights of rows": (
        make_net,
        {"epochs": 1, "lr": 0.1, "sample_weight": [1, 2, 3, 4]},
        "per sample",
    ),
    "clipped gradients": (
        make_net,
        {"epochs": 1, "optimizer": fastnn.SGD(0.1, clip_norm=1.0)},
        "per sample",
    ),
}


@pytest.mark.parametrize("case", WORK)
def test_the_work_alone_chooses_the_loop(monkeypatch, chunks, loops_called, case):
    # An epoch of the gate has 4 updates, and all of them are one chunk.
    monkeypatch.setattr(dispatch, "SPECIALISED_PAYS", 400)
    chunks(10**6)
    make, options, expected = WORK[case]
    make().fit(*GATE, **options)
    assert loops_called == [expected]


REFUSED = {
    "two outputs": (lambda: fastnn.mlp(2, 2, 2), {"lr": 0.1}, "one output"),
    "a large net": (
        lambda: fastnn.mlp(2, 20, 1),
        {"lr": 0.1},
        "at most 40 parameters.*81",
    ),
    "batches": (make_net, {"lr": 0.1, "batch_size": 2}, "batch_size=1"),
    "momentum": (
        make_net,
        {"optimizer": fastnn.SGD(0.1, momentum=0.9)},
        "plain SGD",
    ),
    "layer by layer": (
        lambda: fastnn.Sequential(
            [fastnn.Affine(2, 2), fastnn.Softmax(), fastnn.Affine(2, 1)]
        ),
        {"lr": 0.1},
        "layer by layer",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_specialised_loop_refuses_what_it_cannot_train(case):
    make, options, reason = REFUSED[case]
    net = make()
    before = net.theta.tobytes()
    with pytest.raises(ValueError, match=f"specialised.*{reason}"):
        net.fit(*GATE, epochs=1, loop="specialised", **options)
    assert net.theta.tobytes() == before
