"""Tests of the losses of single samples, which are added in subtotals."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

import fastnn
from fastnn.kernels.functions.losses import PER_SUBTOTAL

N = 2 * PER_SUBTOTAL + 22
X = np.random.default_rng(0).uniform(-1, 1, (N, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
HOW = {"epochs": 2, "lr": 0.1, "batch_size": 1, "shuffle": False}
# Of one hidden layer and of any net, alone and many.
SIZES = [(2, 3, 1), (2, 4, 3, 1), (2, 1)]
OTHERS = [((2, 3, 2), "softmax_ce"), ((2, 3, 1), "mse")]
sizes = pytest.mark.parametrize("sizes", SIZES)
NETS = [*((sizes, "bce") for sizes in SIZES), *OTHERS]
nets = pytest.mark.parametrize(("sizes", "loss"), NETS)
# There is no specialised loop for several classes.
LOOPS = [
    (*net, loop)
    for net in NETS
    for loop in ("auto", "specialised", "layer by layer")
    if (net[1], loop) != ("softmax_ce", "specialised")
]
both = pytest.mark.parametrize("dtype", ["float64", "float32"])


def make_net(sizes, dtype, loss="bce"):
    return fastnn.mlp(*sizes, activation="tanh", loss=loss, seed=1, dtype=dtype)


@both
@nets
def test_chunks_and_records_change_no_bit_of_the_losses(chunks, sizes, loss, dtype):
    whole = make_net(sizes, dtype, loss)
    expected = whole.fit(X, Y, **HOW)
    for length in (1, PER_SUBTOTAL - 1, PER_SUBTOTAL, 100):
        chunks(length)
        net = make_net(sizes, dtype, loss)
        history = net.fit(X, Y, **HOW, record=[1, PER_SUBTOTAL, 100, N, N + 1])
        np.testing.assert_array_equal(history.loss, expected.loss)
        np.testing.assert_array_equal(net.theta, whole.theta)
        runs = make_net(sizes, dtype, loss).fit_many(X, Y, seeds=[1, 2], **HOW)
        np.testing.assert_array_equal(runs.loss[0], expected.loss)


@sizes
def test_the_losses_up_to_a_record_are_those_of_the_samples(sizes):
    at = [0, 1, PER_SUBTOTAL - 1, PER_SUBTOTAL, PER_SUBTOTAL + 5, N, N + 3, 2 * N]
    net = make_net(sizes, "float64")
    recording = net.fit(X, Y, **HOW, record=at).recording
    every = make_net(sizes, "float64").fit(X, Y, **HOW, record=1).recording
    samples = []
    for update in range(2 * N):
        net.theta, i = every.theta[update], update % N
        samples.append(net.loss_and_grads(X[i : i + 1], Y[i : i + 1])[0])
    for first, last, loss in zip(at, at[1:], recording.loss[1:], strict=False):
        assert loss == pytest.approx(np.mean(samples[first:last]), rel=1e-13)


@both
@pytest.mark.parametrize(("sizes", "loss", "loop"), LOOPS)
def test_a_recorded_loss_after_large_ones_keeps_its_digits(sizes, loss, loop, dtype):
    net, y, how = make_net(sizes, dtype, loss), Y, HOW | {"lr": 0.0}
    if loop == "layer by layer":
        layers = [fastnn.Identity(), *net.architecture.copy().layers]
        net = fastnn.Sequential(layers, loss, dtype=dtype, seed=1)
    elif loop == "specialised":
        how |= {"loop": loop}
    # Outputs of up to 40, right or wrong: losses of 40 and of 1e-16 take turns.
    net.theta = 25 * net.theta
    if loss == "mse":
        net.theta, y = 0 * net.theta, 1e-3 ** (2 * Y - 1)
    recording = net.fit(X, y, **how, record=1).recording
    losses = [net.loss_and_grads(X[i : i + 1], y[i : i + 1])[0] for i in range(N)]
    assert max(losses) > 1e7 * min(losses)
    # The outputs of the specialised loop, and so of these losses, differ in 1e-6.
    rel = 1e-4 if dtype == "float32" else 1e-12
    assert recording.loss[1:] == pytest.approx(np.tile(losses, 2), rel=rel, abs=0)


@pytest.mark.parametrize("n_nets", [None, 3])
def test_small_losses_keep_their_digits(n_nets):
    # All outputs are right, by 3 to 40: the losses are from 5e-2 to 3e-18.
    z = 3.0 + np.arange(N) / 4
    net = fastnn.mlp(1, 1, seed=0)
    how = HOW | {"epochs": 1, "lr": 0.0}
    for start in (0, 50, N - 20):
        middle = z[(start + N) // 2]
        x, y = z[start:, None] - middle, np.ones(N - start)
        net.theta = [1.0, middle]
        if n_nets is None:
            loss = net.fit(x, y, **how).loss[0]
        else:
            runs = net.fit_many(x, y, init=[net.theta] * n_nets, **how)
            loss = runs.loss[-1, 0]
        with localcontext(prec=50):
            exact = sum(
                (1 + (-Decimal(float(value))).exp()).ln() for value in z[start:]
            )
            exact /= len(x)
        assert loss == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize(
    ("weights", "target"), [([1, 1], 0), ([1, -1], 0), ([1, -1], 1)]
)
def test_a_loss_that_is_not_finite_is_found_at_its_sample(weights, target):
    # Both hidden units become infinite: their sum is, and their difference is NaN.
    net = fastnn.mlp(2, 2, 1, activation="relu", seed=1)
    net.theta = [10.0, 0.0, 0.0, 10.0, 0.0, 0.0, *weights, 0.0]
    data, row = np.zeros((N, 2)), PER_SUBTOTAL + 1
    data[row] = 1e308
    with pytest.raises(fastnn.DivergenceError) as caught:
        net.fit(data, np.full(N, target), **HOW | {"lr": 1e-3})
    assert (caught.value.epoch, caught.value.sample) == (1, row)
