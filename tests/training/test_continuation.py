"""Fits in a loop: they go on with the net's orders and the optimizer's moments."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from nets import xor_net

import fastnn
from fastnn.training import trainer

X, Y = fastnn.datasets.xor_grid(6)
OPTIMIZERS = {
    "sgd": partial(fastnn.SGD, 0.1),
    "momentum": partial(fastnn.SGD, 0.05, momentum=0.9, weight_decay=1e-3),
    "nesterov": partial(fastnn.SGD, 0.05, momentum=0.9, nesterov=True, bias_lr=0.01),
    "adam": partial(fastnn.Adam, 0.02),
}


def bits(net):
    return net.theta.tobytes()


def layerwise_net():
    layers = [fastnn.MatMul(2, 3), fastnn.Tanh(), fastnn.Affine(3, 1)]
    return fastnn.Sequential(layers, seed=1)


@pytest.mark.parametrize("make_net", [xor_net, layerwise_net])
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_ten_fits_of_one_epoch_are_one_fit_of_ten(kind, batch_size, make_net):
    net, at_once, optimizer = make_net(), make_net(), OPTIMIZERS[kind]()
    parts = [
        net.fit(X, Y, epochs=1, optimizer=optimizer, batch_size=batch_size)
        for _ in range(10)
    ]
    history = at_once.fit(
        X, Y, epochs=10, optimizer=OPTIMIZERS[kind](), batch_size=batch_size
    )
    assert bits(net) == bits(at_once)
    assert [part.loss[0] for part in parts] == history.loss.tolist()


def test_float32_goes_on_as_well():
    net, at_once = (fastnn.mlp(2, 3, 1, seed=1, dtype="float32") for _ in range(2))
    optimizer = fastnn.Adam(0.02)
    for epochs in (3, 1, 2):
        net.fit(X, Y, epochs=epochs, optimizer=optimizer)
    at_once.fit(X, Y, epochs=6, optimizer=fastnn.Adam(0.02))
    assert bits(net) == bits(at_once)


def test_single_rows_learn_as_well_as_the_whole():
    # An epoch of one row has no order; only the moments go on.
    net, at_once, optimizer = xor_net(), xor_net(), fastnn.Adam(0.02)
    for x, y in zip(X, Y, strict=True):
        net.fit([x], [y], epochs=1, optimizer=optimizer)
    at_once.fit(X, Y, epochs=1, optimizer=fastnn.Adam(0.02), shuffle=False)
    assert bits(net) == bits(at_once)


def test_a_seed_starts_the_stream_of_orders():
    net, rng = xor_net(), np.random.default_rng(5)
    orders = [rng.permutation(len(X)) for _ in range(3)]
    net.fit(X, Y, epochs=1, lr=0.1)
    for seed in (5, "continue", "continue"):
        net.fit(X, Y, epochs=1, lr=0.1, seed=seed)
    net.fit(X, Y, epochs=1, lr=0.1, shuffle=False)
    net.fit(X, Y, epochs=1, lr=0.1, batch_size="full")
    twin = xor_net()
    first = np.random.default_rng(0).permutation(len(X))
    for order in (first, *orders, np.arange(len(X))):
        twin.fit(X[order], Y[order], epochs=1, lr=0.1, shuffle=False)
    twin.fit(X, Y, epochs=1, lr=0.1, batch_size="full")
    assert bits(net) == bits(twin)


def test_the_same_seed_gives_the_same_order_each_time():
    net, twin = xor_net(), xor_net()
    for _ in range(3):
        net.fit(X, Y, epochs=1, lr=0.1, seed=7)
    order = np.random.default_rng(7).permutation(len(X))
    for _ in range(3):
        twin.fit(X[order], Y[order], epochs=1, lr=0.1, shuffle=False)
    assert bits(net) == bits(twin)


def test_another_word_than_continue_is_refused_and_draws_nothing():
    net, twin = xor_net(), xor_net()
    with pytest.raises(TypeError, match="'go on'"):
        net.fit(X, Y, epochs=1, lr=0.1, seed="go on")
    with pytest.raises(ValueError, match="specialised"):
        net.fit(X, Y, epochs=1, optimizer=fastnn.Adam(0.1), loop="specialised")
    for each in (net, twin):
        each.fit(X, Y, epochs=1, lr=0.1)
    assert bits(net) == bits(twin)


def test_reset_starts_the_moments_anew():
    net, optimizer = xor_net(), fastnn.Adam(0.02)
    net.fit(X, Y, epochs=2, optimizer=optimizer, shuffle=False)
    twin = net.with_theta(net.theta)
    optimizer.reset()
    net.fit(X, Y, epochs=2, optimizer=optimizer, shuffle=False)
    twin.fit(X, Y, epochs=2, optimizer=fastnn.Adam(0.02), shuffle=False)
    assert bits(net) == bits(twin)
    array = np.ones(3)
    optimizer.update([array], [np.ones(3)])
    once = array.copy()
    optimizer.reset()
    optimizer.update([array], [np.ones(3)])
    assert array == pytest.approx(once - 0.02)


def test_names_of_optimizers_start_with_moments_of_zero():
    net = xor_net()
    net.fit(X, Y, epochs=1, optimizer="adam", lr=0.02, shuffle=False)
    twin = net.with_theta(net.theta)
    for each in (net, twin):
        each.fit(X, Y, epochs=1, optimizer="adam", lr=0.02, shuffle=False)
    assert bits(net) == bits(twin)


def test_two_optimizers_and_two_nets_keep_their_own_moments():
    optimizers = fastnn.Adam(0.02), fastnn.SGD(0.05, momentum=0.9)
    a, b, alone = xor_net(), fastnn.mlp(2, 5, 1, seed=3), xor_net()
    for _ in range(3):
        for optimizer in optimizers:
            a.fit(X, Y, epochs=1, optimizer=optimizer)
            b.fit(X, Y, epochs=1, optimizer=optimizer)
    own = fastnn.Adam(0.02), fastnn.SGD(0.05, momentum=0.9)
    for _ in range(3):
        for optimizer in own:
            alone.fit(X, Y, epochs=1, optimizer=optimizer)
    assert bits(a) == bits(alone)


def continued(net, optimizer):
    net.fit(X, Y, epochs=2, optimizer=optimizer)
    return bits(net)


def test_copies_go_on_as_the_net_would():
    net, optimizer = xor_net(), fastnn.Adam(0.02)
    net.fit(X, Y, epochs=3, optimizer=optimizer)
    copies = [
        (copy.deepcopy(net), optimizer),
        (copy.copy(net), optimizer),
        copy.deepcopy((net, optimizer)),
        pickle.loads(pickle.dumps((net, optimizer))),
        (net.astype("float64"), optimizer),
    ]
    expected = continued(net, optimizer)
    for other, its_optimizer in copies:
        assert continued(other, its_optimizer) == expected
    # A copy's fit leaves the net's own stream and moments alone.
    twin = xor_net()
    twin.fit(X, Y, epochs=7, optimizer=fastnn.Adam(0.02))
    assert continued(net, optimizer) == bits(twin)


def test_with_theta_and_files_start_anew(tmp_path):
    net, optimizer = xor_net(), fastnn.Adam(0.02)
    net.fit(X, Y, epochs=3, optimizer=optimizer)
    net.save(tmp_path / "net.npz")
    fresh = [net.with_theta(net.theta), fastnn.load(tmp_path / "net.npz")]
    order = np.random.default_rng(0).permutation(len(X))
    twin = net.with_theta(net.theta)
    twin.fit(X[order], Y[order], epochs=1, optimizer=fastnn.Adam(0.02), shuffle=False)
    for other in fresh:
        other.fit(X, Y, epochs=1, optimizer=optimizer)
        assert bits(other) == bits(twin)


def test_an_optimizer_that_is_gone_leaves_nothing():
    net = xor_net()
    net.fit(X, Y, epochs=1, optimizer=fastnn.Adam(0.02))
    assert not pickle.loads(pickle.dumps(net))._kept._moments
    assert not net._kept._moments


class Interrupting(trainer.ProgressBar):
    """Stands for Ctrl-C when so many updates are made."""

    at = 0

    def is_due(self, done):
        return True

    def update(self, made, position, note="", saved=0):
        if made >= self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("updates", [36, 90, 108])
def test_after_ctrl_c_the_next_fit_draws_the_next_order(monkeypatch, chunks, updates):
    chunks(18)
    net, twin, optimizer = xor_net(), xor_net(), fastnn.Adam(0.02)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ProgressBar", Interrupting)
        patch.setattr(Interrupting, "at", updates)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, Y, epochs=9, optimizer=optimizer)
    assert net.history.updates == updates
    net.fit(X, Y, epochs=1, optimizer=optimizer)
    rng, own = np.random.default_rng(0), fastnn.Adam(0.02)
    rest = updates
    while rest > 0:
        order = rng.permutation(len(X))[:rest]
        twin.fit(X[order], Y[order], epochs=1, optimizer=own, shuffle=False)
        rest -= len(X)
    order = rng.permutation(len(X))
    twin.fit(X[order], Y[order], epochs=1, optimizer=own, shuffle=False)
    assert bits(net) == bits(twin)


@pytest.mark.compiled
def test_a_specialised_loop_is_stopped_where_the_next_fit_goes_on(monkeypatch, chunks):
    chunks(25)
    net, twin = xor_net(), xor_net()
    options = {"lr": 0.3, "loop": "specialised"}
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ProgressBar", Interrupting)
        patch.setattr(Interrupting, "at", 130)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, Y, epochs=9, **options)
    assert net.history.updates == 3 * len(X)
    net.fit(X, Y, epochs=9 - net.history.epochs, **options)
    twin.fit(X, Y, epochs=9, **options)
    assert bits(net) == bits(twin)
