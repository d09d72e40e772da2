"""The loop for many nets with one hidden layer has the bits of that for any nets."""

import numpy as np
import pytest

import fastnn
from fastnn import kernels
from fastnn.sweeps import blocks


def make_data(n_in, dtype, soft=False):
    rng = np.random.default_rng(n_in)
    X = rng.normal(size=(11, n_in)).astype(dtype)
    return X, rng.random(11).astype(dtype) if soft else rng.integers(0, 2, 11)


def arrays_of(runs):
    return [runs.theta, runs.loss, runs.accuracy, runs.trained]


def train_by_both(monkeypatch, net, X, y, **options):
    """Return what the loop for one hidden layer and the general one give."""
    options = {"epochs": 5, "lr": 0.7, "batch_size": 1, "seeds": range(5)} | options
    own = arrays_of(net.fit_many(X, y, **options))
    monkeypatch.setattr(blocks, "_is_plain", lambda config: False)
    return own, arrays_of(net.fit_many(X, y, **options))


def assert_same_bits(both):
    for own, general in zip(*both, strict=True):
        assert own.dtype == general.dtype
        assert own.tobytes() == general.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("sizes", "activation"),
    [
        ((1, 1, 1), "tanh"),
        ((2, 2, 1), "sigmoid"),
        ((3, 9, 1), "relu"),
        ((4, 2, 1), "identity"),
        ((7, 17, 1), "sigmoid"),
    ],
)
def test_nets_of_any_size(monkeypatch, sizes, activation, dtype):
    net = fastnn.mlp(*sizes, activation=activation, dtype=dtype)
    both = train_by_both(monkeypatch, net, *make_data(sizes[0], dtype))
    assert np.isfinite(both[0][1]).all()
    assert_same_bits(both)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [700.0, 1e6, 1e30])
def test_sums_whose_exponentials_are_too_large(monkeypatch, size, dtype):
    X, y = make_data(2, dtype)
    X = (X * size).astype(dtype)
    both = train_by_both(monkeypatch, fastnn.mlp(2, 2, 1, dtype=dtype), X, y, lr=1e-3)
    assert_same_bits(both)


OPTIONS = {
    "a rate per net": {"lr": [0.1, 0.2, 0.3, 0.4, 0.5]},
    "a schedule": {"lr": fastnn.schedules.step(0.5, 2, 0.5)},
    "recorded at times": {"every": 2},
    "stopping": {"stop_below": 0.65},
    "a net that diverges": {"lr": [0.1, 1e308, 0.3, 1e300, 0.5]},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPTIONS)
def test_options(monkeypatch, name):
    net = fastnn.mlp(2, 3, 1)
    assert_same_bits(
        train_by_both(monkeypatch, net, *make_data(2, "float64"), **OPTIONS[name])
    )


def test_probabilities_as_targets(monkeypatch):
    data = make_data(2, "float64", soft=True)
    assert_same_bits(train_by_both(monkeypatch, fastnn.mlp(2, 3, 1), *data))


@pytest.mark.parametrize("length", [1, 4])
def test_chunks_change_no_bit(monkeypatch, chunks, length):
    chunks(length)
    both = train_by_both(monkeypatch, fastnn.mlp(2, 3, 1), *make_data(2, "float64"))
    assert_same_bits(both)


@pytest.mark.parametrize(
    ("sizes", "optimizer", "is_called"),
    [
        ((2, 3, 1), fastnn.SGD(0.1), True),
        ((2, 3, 1), fastnn.SGD([0.1, 0.2]), True),
        ((2, 3, 1), fastnn.SGD(0.1, momentum=0.5), False),
        ((2, 3, 1), fastnn.SGD(0.1, bias_lr=0.2), False),
        ((2, 3, 1), fastnn.SGD(0.1, weight_decay=[0.0, 0.1]), False),
        ((2, 3, 1), fastnn.SGD(0.1, clip_norm=1.0), False),
        ((2, 3, 2), fastnn.SGD(0.1), False),
        ((2, 1), fastnn.SGD(0.1), False),
        ((2, 3, 3, 1), fastnn.SGD(0.1), False),
    ],
)
def test_which_loop_is_called(monkeypatch, sizes, optimizer, is_called):
    called = []
    for name in ("sweep_one_hidden_layer", "sweep_per_sample"):
        loop = getattr(kernels.loops, name)
        train = lambda *_, name=name: called.append(name)  # noqa: E731
        monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr(blocks.NetBlock, "unfinished", lambda *_: not called)
    X, y = make_data(2, "float64")
    how = {"epochs": 1, "batch_size": 1, "seeds": [0, 1], "optimizer": optimizer}
    fastnn.mlp(*sizes).fit_many(X, y, **how)
    expected = "sweep_one_hidden_layer" if is_called else "sweep_per_sample"
    assert set(called) == {expected}
