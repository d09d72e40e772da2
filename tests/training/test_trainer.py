"""Training against the naive trainer, and what must not change the numbers."""

import copy
import dataclasses
from itertools import pairwise

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import build

import fastnn
from fastnn.training import trainer

RULES = {
    "sgd": (fastnn.SGD(0.3), naive.Rule("sgd", 0.3)),
    "sgd, decay": (
        fastnn.SGD(0.3, weight_decay=0.01),
        naive.Rule("sgd", 0.3, weight_decay=0.01),
    ),
    "momentum": (fastnn.SGD(0.1, momentum=0.8), naive.Rule("momentum", 0.1, 0.8)),
    "momentum, decay": (
        fastnn.SGD(0.1, momentum=0.8, weight_decay=0.01),
        naive.Rule("momentum", 0.1, 0.8, weight_decay=0.01),
    ),
    "nesterov": (
        fastnn.SGD(0.1, momentum=0.8, nesterov=True),
        naive.Rule("nesterov", 0.1, 0.8),
    ),
    "nesterov, decay": (
        fastnn.SGD(0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
        naive.Rule("nesterov", 0.1, 0.8, weight_decay=0.01),
    ),
    "adam": (fastnn.Adam(0.02), naive.Rule("adam", 0.02)),
    "adam, decay": (
        fastnn.Adam(0.02, weight_decay=0.01),
        naive.Rule("adam", 0.02, weight_decay=0.01),
    ),
}


def start(sizes, seed=0):
    """Initial parameters."""
    rng = np.random.default_rng(seed)
    return [
        array
        for a, b in pairwise(sizes)
        for array in (rng.standard_normal((a, b)) / np.sqrt(a), rng.standard_normal(b))
    ]


def rows(n, n_in, loss, n_out=1, seed=1):
    """Data that a net can learn something from."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n_in))
    if loss == "mse":
        return X, np.sin(X[:, :n_out])
    return X, (np.abs(X[:, 0]) * max(n_out, 2) / 1.5).astype(int) % max(n_out, 2)


def agree(net, history, wanted, tolerance=1e-12):
    params, losses, shares = wanted
    scale = max(np.abs(p).max() for p in params)
    for found, p in zip(net.params, params, strict=True):
        assert np.abs(found - p).max() <= tolerance * scale
    assert np.abs(history.loss - losses).max() <= tolerance * losses.max()
    if not np.isnan(history.accuracy).all():
        assert history.accuracy.tolist() == shares.tolist()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_epoch_equals_the_naive_trainer(rule, batch_size, reduction):
    ours, theirs = RULES[rule]
    if reduction == "sum" and batch_size != 1:
        theirs = copy.copy(theirs)
        theirs.lr = ours.lr / 100
        ours = dataclasses.replace(ours, lr=theirs.lr)
    X, y = rows(100, 3, "bce")
    net = build(start([3, 4, 1]), ["sigmoid"], "bce")
    before = net.theta.copy()
    history = net.fit(
        X,
        y,
        epochs=1,
        optimizer=ours,
        batch_size=batch_size,
        reduction=reduction,
        shuffle=False,
    )
    size = 100 if batch_size == "full" else batch_size
    wanted = naive.train(
        start([3, 4, 1]),
        ["sigmoid"],
        "bce",
        X,
        y,
        copy.deepcopy(theirs),
        1,
        size,
        reduction,
    )
    agree(net, history, wanted)
    assert np.abs(net.theta - before).max() > 1e-5


@pytest.mark.parametrize("loss", ["bce", "softmax_ce", "mse"])
@pytest.mark.parametrize("sizes", [[3], [3, 5], [3, 15, 4], [3, 4, 13, 2]], ids=str)
@pytest.mark.parametrize("batch_size", [1, 32, 100])
def test_architectures_and_losses_equal_the_naive_trainer(loss, sizes, batch_size):
    n_out = 1 if loss == "bce" else 3
    sizes = [*sizes, n_out]
    activations = ["tanh", "relu", "sigmoid"][: len(sizes) - 2]
    X, y = rows(150, 3, loss, n_out)
    net = build(start(sizes), activations, loss)
    history = net.fit(X, y, epochs=2, lr=0.05, batch_size=batch_size, shuffle=False)
    agree(
        net,
        history,
        naive.train(
            start(sizes),
            activations,
            loss,
            X,
            y,
            naive.Rule("sgd", 0.05),
            2,
            batch_size,
        ),
    )


@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_float32_follows_float64(rule, batch_size):
    X, y = rows(64, 3, "softmax_ce", 3)
    X = X.astype(np.float32)
    params = [p.astype(np.float32) for p in start([3, 14, 3])]
    single, double = (
        build(params, ["tanh"], "softmax_ce", dtype) for dtype in ("float32", "float64")
    )
    for net in (single, double):
        net.fit(
            X,
            y,
            epochs=1,
            optimizer=RULES[rule][0],
            batch_size=batch_size,
            shuffle=False,
        )
    assert single.theta.dtype == np.float32
    assert np.abs(single.theta - double.theta).max() < 1e-4
    assert (single.theta != double.theta).any()


def test_shuffling_is_that_of_the_documented_generator():
    X, y = rows(20, 2, "bce")
    rng = np.random.default_rng(5)
    orders = [rng.permutation(20) for _ in range(3)]
    for size in (1, 6):
        net = build(start([2, 3, 1]), ["tanh"], "bce")
        history = net.fit(X, y, epochs=3, lr=0.1, batch_size=size, seed=5)
        rule = naive.Rule("sgd", 0.1)
        agree(
            net,
            history,
            naive.train(
                start([2, 3, 1]), ["tanh"], "bce", X, y, rule, 3, size, orders=orders
            ),
        )


def test_the_identity_order_is_no_shuffle():
    from fastnn.training.trainer import EpochOrders

    X, y = rows(20, 2, "bce")
    nets = [build(start([2, 3, 1]), ["tanh"], "bce") for _ in range(2)]
    nets[0].fit(X, y, epochs=2, lr=0.1, shuffle=False)
    original = EpochOrders.reach

    def identity(self, epoch):
        original(self, epoch)
        self.block = np.sort(self.block, axis=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochOrders, "reach", identity)
        nets[1].fit(X, y, epochs=2, lr=0.1, shuffle=True)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_a_different_seed_is_a_different_order():
    X, y = rows(20, 2, "bce")
    thetas = []
    for seed in (1, 1, 2):
        net = build(start([2, 3, 1]), ["tanh"], "bce")
        net.fit(X, y, epochs=2, lr=0.1, seed=seed)
        thetas.append(net.theta.tobytes())
    assert thetas[0] == thetas[1] != thetas[2]


@pytest.mark.parametrize("rule", RULES)
def test_a_batch_of_one_is_a_per_sample_step(rule, monkeypatch):
    from fastnn.training.engines import dispatch

    X, y = rows(30, 3, "softmax_ce", 3)
    alone, together = (
        build(start([3, 5, 3]), ["tanh"], "softmax_ce") for _ in range(2)
    )
    alone.fit(X, y, epochs=1, optimizer=RULES[rule][0], batch_size=1, shuffle=False)
    # the loop over batches, of one each
    monkeypatch.setattr(
        dispatch, "_per_sample", lambda *work: dispatch._batches(*work, 64)
    )
    together.fit(X, y, epochs=1, optimizer=RULES[rule][0], batch_size=1, shuffle=False)
    assert np.abs(alone.theta - together.theta).max() <= 1e-13


@pytest.mark.parametrize("batch_size", [1, 5, "full"])
def test_lr_0_changes_nothing(batch_size):
    X, y = rows(20, 2, "bce")
    for optimizer in (
        fastnn.SGD(0.0, weight_decay=0.1),
        fastnn.SGD(0.0, momentum=0.9),
        fastnn.Adam(0.0),
    ):
        net = build(start([2, 3, 1]), ["tanh"], "bce")
        before = net.theta.tobytes()
        history = net.fit(X, y, epochs=2, optimizer=optimizer, batch_size=batch_size)
        assert net.theta.tobytes() == before
        assert history.loss[0] == pytest.approx(net.loss_and_grads(X, y)[0], rel=1e-13)


def run(sizes, activation, rule, batch_size, epochs, seed):
    X, y = rows(33, 2, "bce", seed=seed)
    net = fastnn.mlp(*sizes, activation=activation, seed=seed)
    history = net.fit(
        X, y, epochs=epochs, optimizer=rule, batch_size=batch_size, seed=seed
    )
    return net.theta.tobytes(), history.loss.tobytes(), history.accuracy.tobytes()


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam"])
@pytest.mark.parametrize("batch_size", [1, 10, "full"])
def test_the_length_of_a_chunk_changes_no_bit(chunks, rule, batch_size):
    found = set()
    for length in (1, 7, 1_000_000):
        chunks(length)
        found.add(run((2, 3, 1), "tanh", RULES[rule][0], batch_size, 5, 0))
    assert len(found) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 200), st.integers(1, 6), st.integers(0, 10))
def test_no_chunk_changes_a_bit_of_any_batch_size(batch_size, length, epochs, seed):

    class Pace:
        def __init__(self, n_params):
            self.samples = length

        def measured(self, samples, seconds):
            pass

    rule = fastnn.Adam(0.01)
    whole = run((2, 4, 1), "sigmoid", rule, batch_size, epochs, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "ChunkSizer", Pace)
        assert run((2, 4, 1), "sigmoid", rule, batch_size, epochs, seed) == whole


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_chunk_may_end_within_an_update(chunks, rule):
    X, y = rows(1000, 3, "softmax_ce", 3)
    found = set()
    for length in (1, 64, 130, 10_000):
        chunks(length)
        net = fastnn.mlp(3, 5, 3, seed=1)
        history = net.fit(X, y, epochs=3, optimizer=RULES[rule][0], batch_size=700)
        found.add(
            (net.theta.tobytes(), history.loss.tobytes(), history.accuracy.tobytes())
        )
    assert len(found) == 1


def test_blocks_of_drawn_orders_change_no_bit(monkeypatch):
    whole = run((2, 3, 1), "tanh", RULES["sgd"][0], 1, 7, 3)

    class TwoEpochs(trainer.EpochOrders):
        """Orders of two epochs of 33 rows are drawn at once."""

        def __init__(self, config):
            super().__init__(config, ahead=70)

    monkeypatch.setattr(trainer, "EpochOrders", TwoEpochs)
    assert run((2, 3, 1), "tanh", RULES["sgd"][0], 1, 7, 3) == whole


def test_fit_goes_on_where_the_last_one_stopped():
    X, y = rows(30, 2, "bce")
    once, twice = (fastnn.mlp(2, 3, 1, seed=4) for _ in range(2))
    once.fit(X, y, epochs=6, lr=0.2, shuffle=False)
    twice.fit(X, y, epochs=2, lr=0.2, shuffle=False)
    twice.fit(X, y, epochs=4, lr=0.2, shuffle=False)
    assert once.theta.tobytes() == twice.theta.tobytes()


def test_all_rows_in_one_batch_are_not_shuffled():
    X, y = rows(30, 2, "bce")
    thetas = set()
    for size, shuffle in (("full", True), ("full", False), (30, True), (31, True)):
        net = fastnn.mlp(2, 3, 1, seed=4)
        net.fit(X, y, epochs=3, lr=0.2, batch_size=size, shuffle=shuffle)
        thetas.add(net.theta.tobytes())
    assert len(thetas) == 1


def test_two_threads_train_as_in_turn():
    from concurrent.futures import ThreadPoolExecutor

    def one(seed):
        return run((2, 6, 1), "tanh", RULES["adam"][0], 1, 300, seed)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, range(4))) == [one(seed) for seed in range(4)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.compiled
def test_the_spiral_is_learnt(seed):
    X, y = fastnn.datasets.spiral()
    net = fastnn.mlp(2, 10, 3, init=fastnn.init.normal(0.01), seed=seed)
    history = net.fit(X, y, epochs=300, lr=1.0, batch_size=30, seed=seed)
    assert history.loss[-1] < 0.15
    assert net.score(X, y) > 0.95


@pytest.mark.compiled  # plain NumPy warns of 0 / 0
@pytest.mark.parametrize("batch_size", [1, 3])
def test_adam_without_eps_moves_nothing_that_has_no_gradient(batch_size):
    X, y = rows(12, 3, "bce")
    X = np.abs(X) + 0.5
    X[:, 1] = 0  # the weights of this input have no gradient: 0 / 0
    net = build(start([3, 3, 1]), ["tanh"], "bce")
    before = net.params[0][1].copy()
    net.fit(X, y, epochs=2, optimizer=fastnn.Adam(0.01, eps=0.0), batch_size=batch_size)
    assert np.isfinite(net.theta).all()
    assert (net.params[0][1] == before).all()


@pytest.mark.parametrize("layers", ["fused", "layer by layer"])
@pytest.mark.parametrize("batch_size", [1, 20])
@pytest.mark.parametrize(
    "settings",
    [{}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
)
def test_biases_may_have_a_learning_rate_of_their_own(settings, batch_size, layers):
    X, y = fastnn.datasets.xor_grid(9)

    def make():
        between = [fastnn.Tanh()] * (1 if layers == "fused" else 2)
        return fastnn.Sequential(
            [
                fastnn.Affine(2, 3),
                *(type(each)() for each in between),
                fastnn.Affine(3, 1),
            ],
            seed=5,
        )

    net = make()
    optimizer = fastnn.SGD(0.2, bias_lr=0.05, **settings)
    net.fit(
        X,
        y,
        epochs=2,
        batch_size=batch_size,
        shuffle=False,
        optimizer=optimizer,
        reduction="sum",
    )
    twin = make()
    params = [param.copy() for param in twin.params]
    v = [np.zeros_like(param) for param in params]
    momentum, decay = settings.get("momentum", 0.0), settings.get("weight_decay", 0.0)
    for start in [*range(0, 81, batch_size)] * 2:
        twin.theta = np.concatenate([param.ravel() for param in params])
        _, grads = twin.loss_and_grads(
            X[start : start + batch_size],
            y[start : start + batch_size],
            reduction="sum",
        )
        for place, lr in enumerate([0.2, 0.05] * 2):
            g = grads[place] + decay * params[place]
            v[place] = momentum * v[place] + g
            params[place] = params[place] - lr * (
                g + momentum * v[place] if "nesterov" in settings else v[place]
            )
    assert net.theta == pytest.approx(
        np.concatenate([param.ravel() for param in params]), rel=1e-9, abs=1e-12
    )


def test_a_bias_lr_of_lr_changes_nothing_much_and_zero_keeps_biases():
    X, y = fastnn.datasets.xor_grid(9)
    nets = [fastnn.mlp(2, 3, 1, seed=1) for _ in range(3)]
    for net, bias_lr in zip(nets, (None, 0.2, 0.0), strict=True):
        net.fit(X, y, epochs=1, optimizer=fastnn.SGD(0.2, bias_lr=bias_lr))
    assert nets[1].theta == pytest.approx(nets[0].theta, rel=1e-12)
    assert not nets[2].params[1].any()
    assert nets[0].params[1].all()
    assert repr(fastnn.SGD(0.2, bias_lr=0.1)) == "SGD(lr=0.2, bias_lr=0.1)"
    for wrong in (-1.0, "1", float("nan")):
        with pytest.raises((ValueError, TypeError), match="bias_lr"):
            fastnn.SGD(0.2, bias_lr=wrong)
    with pytest.raises(ValueError, match="one learning rate for all"):
        nets[0].fit(
            X, y, epochs=1, optimizer=fastnn.SGD(0.2, bias_lr=0.1), loop="specialised"
        )
