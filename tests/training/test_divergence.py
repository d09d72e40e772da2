"""Losses and parameters that are not finite stop a training."""

import pickle

import numpy as np
import pytest
from nets import xor_net

import fastnn

pytestmark = pytest.mark.filterwarnings(
    "ignore:overflow|invalid:RuntimeWarning"
)  # of the interpreted run


def diverge(batch_size, length=None, chunks=None, optimizer=None):
    if length:
        chunks(length)
    X = np.linspace(-3, 3, 40)[:, None]
    net = fastnn.mlp(1, 3, 1, activation="relu", loss="mse", seed=0)
    with pytest.raises(fastnn.DivergenceError) as caught:
        net.fit(
            X,
            5 * X[:, 0],
            epochs=400,
            optimizer=optimizer or fastnn.SGD(5.0),
            batch_size=batch_size,
            seed=2,
        )
    return net, caught.value


RUINOUS = {
    "sgd": fastnn.SGD(5.0),
    "momentum": fastnn.SGD(5.0, momentum=0.9),
    "nesterov": fastnn.SGD(5.0, momentum=0.9, nesterov=True),
    "adam": fastnn.Adam(1e160),
}


@pytest.mark.parametrize("rule", RUINOUS)
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
def test_divergence_is_found_at_its_update_whatever_the_chunk(chunks, rule, batch_size):
    found = set()
    for length in (1, 13, 1_000_000):
        net, error = diverge(batch_size, length, chunks, RUINOUS[rule])
        assert np.isfinite(net.theta).all()
        assert np.isfinite(net.history.loss).all()
        assert net.history.epochs == error.epoch - 1
        found.add(
            (
                net.theta.tobytes(),
                error.epoch,
                error.sample,
                net.history.updates,
                net.history.loss.tobytes(),
            )
        )
    assert len(found) == 1


def test_a_diverged_net_goes_on_with_a_smaller_lr():
    net, error = diverge(1)
    for part in ("epoch", "sample", "lr=5", "smaller lr"):
        assert part in str(error)
    assert error.lr == 5.0
    assert 0 <= error.sample < 40
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.epoch, copy.sample, str(copy)) == (
        error.epoch,
        error.sample,
        str(error),
    )
    # the update before the bad one is in: one more sample, the one that the error names, breaks the net
    X = np.linspace(-3, 3, 40)[:, None]
    loss, grads = net.loss_and_grads(X[[error.sample]], 5 * X[[error.sample], 0])
    broken = [param - 5.0 * grad for param, grad in zip(net.params, grads, strict=True)]
    assert not np.isfinite(loss) or not all(
        np.isfinite(array).all() for array in broken
    )


def test_a_parameter_that_overflows_counts_as_well():
    # sigmoid saturates: with an infinite first weight the loss would stay finite
    net = fastnn.mlp(1, 1, 1, init=[[[1e308]], [0.0], [[1.0]], [0.0]])
    before = net.theta.copy()
    with pytest.raises(fastnn.DivergenceError, match="epoch 1"):
        net.fit([[1.0]], [1], epochs=3, optimizer=fastnn.SGD(1e300, weight_decay=1e10))
    assert net.theta.tolist() == before.tolist()


def test_a_net_that_is_not_finite_is_not_trained():
    net = xor_net()
    net.theta[3] = np.nan
    with pytest.raises(ValueError, match="parameters are not finite"):
        net.fit(*fastnn.datasets.xor_gate(), epochs=1, lr=0.1)


def test_the_layer_by_layer_path_diverges_and_is_interrupted_alike(chunks):
    def net():
        return fastnn.Sequential(
            [fastnn.MatMul(1, 3), fastnn.ReLU(), fastnn.Affine(3, 1)], "mse", seed=0
        )

    X = np.linspace(-3, 3, 40)[:, None]
    found = set()
    for length in (1, 1000):
        chunks(length)
        broken = net()
        with np.errstate(all="ignore"), pytest.raises(fastnn.DivergenceError) as caught:
            broken.fit(X, 5 * X[:, 0], epochs=400, lr=5.0, batch_size=7)
        assert np.isfinite(broken.theta).all()
        found.add((broken.theta.tobytes(), caught.value.epoch, caught.value.sample))
    assert len(found) == 1


@pytest.mark.parametrize("stack", ["fused", "layer by layer"])
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
def test_the_sample_that_is_named_is_the_one_to_blame(stack, batch_size):
    # one weight of 1e200, and one row whose output overflows: the 13th of 20, the last but one of the second batch
    X = np.ones((20, 1))
    X[12] = 1e200
    layers = [
        fastnn.Affine(1, 1),
        *([] if stack == "fused" else [fastnn.Identity(), fastnn.Affine(1, 1)]),
    ]
    arrays = [[[1e200]], [0.0], *([] if stack == "fused" else [[[1.0]], [0.0]])]
    if stack != "fused":
        layers.insert(0, fastnn.Identity())
    net = fastnn.Sequential(layers, "mse", init=arrays)
    with pytest.raises(fastnn.DivergenceError) as caught:
        net.fit(
            X,
            np.full(20, 1e200),
            epochs=1,
            lr=0.0,
            batch_size=batch_size,
            shuffle=False,
        )
    assert caught.value.sample == 12
    assert net.history.updates == {1: 12, 7: 1, "full": 0}[batch_size]


def test_a_rollback_into_the_middle_of_an_update(chunks):
    # batches of 300 rows, chunks of 64: the chunk that breaks a parameter began within its update
    X = np.linspace(-3, 3, 600)[:, None]
    found = set()
    for length in (64, 10**6):
        chunks(length)
        for rule in (fastnn.SGD(5.0, momentum=0.9), fastnn.Adam(1e160)):
            net = fastnn.mlp(1, 3, 1, activation="relu", loss="mse", seed=0)
            with pytest.raises(fastnn.DivergenceError) as caught:
                net.fit(
                    X, 5 * X[:, 0], epochs=400, optimizer=rule, batch_size=300, seed=2
                )
            assert np.isfinite(net.theta).all()
            found.add(
                (
                    repr(rule),
                    net.theta.tobytes(),
                    caught.value.epoch,
                    caught.value.sample,
                    net.history.updates,
                )
            )
    assert len(found) == 2


@pytest.mark.parametrize("length", [1, 4, 10**6])
@pytest.mark.parametrize(
    "optimizer",
    [
        fastnn.SGD(1.0, momentum=0.5),
        fastnn.Adam(0.1),
        fastnn.SGD(1e30, weight_decay=1e-32),
    ],
)
def test_divergence_per_sample_is_told_the_same_for_any_chunk(
    chunks, optimizer, length
):
    chunks(length)
    net = fastnn.mlp(1, 1, 1, 1, activation="identity", loss="mse")
    net.theta = [1, 0, 1e200, 0, 1e200, 0]
    X, y = np.zeros((9, 1)), np.zeros(9)
    y[7] = 1  # the first gradient that is not zero, and infinite
    with pytest.raises(fastnn.DivergenceError, match="sample 7"):
        net.fit(X, y, epochs=2, optimizer=optimizer, shuffle=False)
    assert net.history.updates == 7


def test_padding_is_clean_after_an_update_that_broke_it(chunks):
    found = set()
    for length in (1, 10**6):
        chunks(length)
        net = fastnn.mlp(
            1, 3, 1, activation="tanh", loss="mse", dtype="float32", seed=1
        )
        X, y = np.ones((9, 1)), np.zeros(9)
        y[7] = 1e9
        with pytest.raises(fastnn.DivergenceError):
            net.fit(
                X,
                y,
                epochs=2,
                optimizer=fastnn.SGD(1e30, weight_decay=1e-32),
                shuffle=False,
            )
        found.add((net.theta.tobytes(), net.history.updates))
    assert len(found) == 1
