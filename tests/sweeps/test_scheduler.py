"""Many nets side by side are the same nets as alone, however the work is divided."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import fastnn
from fastnn.nn.activations import ACTIVATIONS
from fastnn.sweeps import scheduler
from fastnn.training.orders import EpochOrders

GATE = fastnn.datasets.xor_gate()
SPIRAL = fastnn.datasets.spiral(10)
X1, X2 = SPIRAL[0].T
VALUES = SPIRAL[0], np.stack([X1 * X2, X1**2], axis=1)

# Sizes, activation, loss and data. There are hidden layers of one, of a few and of more
# units than a vector has numbers.
NETS = {
    "2-1": ((2, 1), "identity", "bce", GATE),
    "2-2-1": ((2, 2, 1), "sigmoid", "bce", GATE),
    "2-3-1": ((2, 3, 1), "relu", "mse", (GATE[0], GATE[1] * 0.5)),
    "2-19-1": ((2, 19, 1), "tanh", "bce", GATE),
    "2-10-3": ((2, 10, 3), "sigmoid", "softmax_ce", SPIRAL),
    "2-5-9-2": ((2, 5, 9, 2), "tanh", "mse", VALUES),
    "2-3-1-4-1": ((2, 3, 1, 4, 1), "sigmoid", "bce", GATE),
    "2-3-18": ((2, 3, 18), "relu", "softmax_ce", SPIRAL),
    "2-2-1 sigmoid": ((2, 2, 1), "sigmoid", "mse", (GATE[0], GATE[1] * 1.0)),
    "2-9 tanh": ((2, 9), "tanh", "mse", (SPIRAL[0], np.eye(9)[SPIRAL[1]])),
    "2-4-10 softmax": ((2, 4, 10), "tanh", "mse", (SPIRAL[0], np.eye(10)[SPIRAL[1]])),
}
LINKS = {"sigmoid": fastnn.Sigmoid, "tanh": fastnn.Tanh, "softmax": fastnn.Softmax}
RULES = {
    "sgd": fastnn.SGD(0.1, weight_decay=0.01),
    "bias_lr": fastnn.SGD(0.1, bias_lr=0.03),
    "decay of weights": fastnn.SGD(0.1, weight_decay=0.01, bias_weight_decay=0.0),
    "momentum": fastnn.SGD(0.05, momentum=0.8, weight_decay=0.01),
    "nesterov": fastnn.SGD(0.05, momentum=0.8, nesterov=True),
    "adam": fastnn.Adam(0.01, weight_decay=0.01),
    "adam, decay of weights": fastnn.Adam(
        0.01, weight_decay=0.01, bias_weight_decay=0.0
    ),
}


def make_net(name, seed=0, dtype="float64"):
    sizes, activation, loss, _ = NETS[name]
    options = {"activation": activation, "loss": loss, "init": "normal(0.7)"}
    if link := name.partition(" ")[2]:
        between, layers = ACTIVATIONS[options.pop("activation")], []
        for n_in, n_out in pairwise(sizes):
            layers += [fastnn.Affine(n_in, n_out), between()]
        layers[-1] = LINKS[link]()
        return fastnn.Sequential(layers, seed=seed, dtype=dtype, **options)
    return fastnn.mlp(*sizes, seed=seed, dtype=dtype, **options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NETS)
def test_per_sample_each_net_has_the_bits_of_the_net_alone(name, rule, dtype):
    X, y = NETS[name][3]
    options = {"epochs": 4, "optimizer": RULES[rule], "seed": 7}
    runs = make_net(name, dtype=dtype).fit_many(X, y, seeds=range(5), **options)
    assert runs.loss.shape == runs.accuracy.shape == (5, 4)
    for seed in (0, 3):
        alone = make_net(name, seed, dtype)
        history = alone.fit(X, y, loop="general", **options)
        assert runs.theta.dtype == alone.theta.dtype
        assert (runs.theta[seed] == alone.theta).all()
        assert (runs.loss[seed] == history.loss).all()
        assert np.array_equal(runs.accuracy[seed], history.accuracy, equal_nan=True)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("batch_size", [3, "full"])
@pytest.mark.parametrize("rule", ["sgd", "adam", "bias_lr"])
@pytest.mark.parametrize("name", NETS)
def test_in_batches_each_net_is_the_net_alone_up_to_rounding(
    name, rule, batch_size, reduction
):
    X, y = NETS[name][3]
    options = {"epochs": 1, "batch_size": batch_size, "reduction": reduction}
    options |= {"optimizer": RULES[rule], "seed": 7}
    runs = make_net(name).fit_many(X, y, seeds=[4, 9], **options)
    for i, seed in enumerate((4, 9)):
        alone = make_net(name, seed)
        history = alone.fit(X, y, **options)
        scale = max(1.0, np.abs(alone.theta).max())
        assert np.abs(runs.theta[i] - alone.theta).max() < 1e-12 * scale
        assert runs.loss[i] == pytest.approx(history.loss, rel=1e-12)
        assert np.array_equal(runs.accuracy[i], history.accuracy, equal_nan=True)


def test_the_published_mistake_is_the_same_side_by_side():
    from fastnn.experiments.published.xor_grid import published_net

    X, y = fastnn.datasets.xor_grid(9)
    net = published_net()
    options = {"epochs": 2, "lr": 0.25, "shuffle": False}
    initial = np.array([net.theta, net.theta + 0.1])
    runs = net.fit_many(X, y, init=initial, **options)
    history = net.fit(X, y, **options)
    assert (runs.theta[0] == net.theta).all()
    assert (runs.loss[0] == history.loss).all()


@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("length", [1, 100, 10**9])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_numbers_of_nets_threads_and_chunks_change_no_bit(
    n_jobs, length, batch_size, chunks
):
    options = {"epochs": 4, "lr": 0.1, "seed": 1, "batch_size": batch_size}
    net, seeds = make_net("2-10-3"), [0, 1, 99]
    few = net.fit_many(*SPIRAL, seeds=seeds, **options)
    chunks(length)
    runs = net.fit_many(*SPIRAL, seeds=range(100), n_jobs=n_jobs, **options)
    for i, seed in enumerate(seeds):
        assert (runs.theta[seed] == few.theta[i]).all()
        assert (runs.loss[seed] == few.loss[i]).all()


@pytest.mark.parametrize("rule", [fastnn.SGD(0.1), fastnn.Adam(0.01)], ids=str)
def test_orders_that_are_drawn_in_stages_change_no_bit(monkeypatch, rule):
    net, alone = fastnn.mlp(2, 4, 3), fastnn.mlp(2, 4, 3, seed=2)
    options = {"epochs": 11, "optimizer": rule, "seed": 5}
    whole = net.fit_many(*SPIRAL, seeds=range(3), **options)
    alone.fit(*SPIRAL, **options)
    assert (whole.theta[2] == alone.theta).all()
    # The orders of one, two or four epochs of 30 rows at once.
    for ahead in (1, 65, 130):
        few_at_once = partial(EpochOrders, ahead=ahead)
        monkeypatch.setattr(
            scheduler, "EpochOrders", lambda config, _, draw=few_at_once: draw(config)
        )
        runs = net.fit_many(*SPIRAL, seeds=range(3), **options)
        assert (runs.theta[2] == alone.theta).all()
        assert (runs.theta == whole.theta).all()


def test_each_net_may_have_its_own_learning_rate():
    rates = [0.1, 0.7, 0.0]
    net = make_net("2-2-1")
    before = net.theta.copy()
    runs = net.fit_many(*GATE, init=[net.theta] * 3, epochs=3, lr=rates)
    assert (net.theta == before).all()
    for lr, theta in zip(rates, runs.theta, strict=True):
        alone = make_net("2-2-1")
        alone.fit(*GATE, epochs=3, lr=lr)
        assert (alone.theta == theta).all()


# An optimizer, its settings of three nets, and those that the nets share.
PER_NET = {
    "momentum": (
        fastnn.SGD,
        {"lr": [0.1, 0.2, 0.3], "momentum": [0.5, 0.8, 0.1]},
        {"weight_decay": 0.01},
    ),
    "decay": (fastnn.SGD, {"weight_decay": [0.0, 0.1, 0.3]}, {"lr": 0.1}),
    "decay of biases": (
        fastnn.SGD,
        {"weight_decay": [0.0, 0.1, 0.1], "bias_weight_decay": [0.2, 0.0, 0.1]},
        {"lr": 0.1},
    ),
    "bias_lr": (fastnn.SGD, {"bias_lr": [0.0, 0.2, 0.3]}, {"lr": 0.1}),
    "adam": (
        fastnn.Adam,
        {"beta1": [0.5, 0.9, 0.8], "beta2": [0.9, 0.99, 0.999]},
        {"lr": 0.01},
    ),
}


@pytest.mark.parametrize("case", PER_NET)
def test_each_net_may_have_its_own_settings(case):
    kind, per_net, shared = PER_NET[case]
    runs = make_net("2-2-1").fit_many(
        *GATE, seeds=[4, 4, 4], epochs=3, optimizer=kind(**per_net, **shared)
    )
    for i in range(3):
        own = {name: values[i] for name, values in per_net.items()}
        alone = make_net("2-2-1", 4)
        alone.fit(*GATE, epochs=3, optimizer=kind(**own, **shared), loop="general")
        assert (alone.theta == runs.theta[i]).all()
    assert (runs.theta[0] != runs.theta[1]).any()


def test_one_net_refuses_the_settings_of_many():
    net, optimizer = make_net("2-2-1"), fastnn.SGD(0.1, momentum=[0.1, 0.2])
    message = "momentum has 2 values for one net: .*fit_many"
    with pytest.raises(ValueError, match=message):
        net.fit(*GATE, epochs=1, optimizer=optimizer)
    with pytest.raises(ValueError, match="momentum must be less than 1"):
        fastnn.SGD(0.1, momentum=[0.1, 1.0])
    assert repr(optimizer) == "SGD(lr=0.1, momentum=[0.1, 0.2])"


def test_layers_with_an_init_of_their_own_keep_it():
    own = fastnn.Affine(2, 3, init=[[[1, 2, 3], [4, 5, 6]], [7, 8, 9]])
    used = fastnn.Affine(3, 2, seed=5)
    before = [param.copy() for param in used.params]
    net = fastnn.Sequential(
        [own, fastnn.Tanh(), used, fastnn.Tanh(), fastnn.Affine(2, 1)], seed=3
    )
    net.fit(*GATE, epochs=1, lr=0.1)
    runs = net.fit_many(*GATE, seeds=[3, 4], epochs=1, lr=0.0)
    first, second = runs[0].params, runs[1].params
    assert first[0].tolist() == second[0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert (second[2] == before[0]).all()
    assert (first[4] != second[4]).all()
