"""Stacks of layers that the compiled loops do not know, run layer by layer."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(0)


def train_stack(stack, X, y, **options):
    """Return a trained net, whose gradients have been checked, and its history."""
    net = fastnn.Sequential(stack, seed=5, **options)
    history = net.fit(X, y, epochs=4, optimizer=fastnn.Adam(0.05), batch_size=8)
    assert fastnn.check_gradients(net, X[:9], y[:9])
    return net, history


def test_a_stack_with_matmul_learns_layer_by_layer():
    X, y = fastnn.datasets.spiral(20)
    net, history = train_stack(
        [fastnn.MatMul(2, 6), fastnn.Tanh(), fastnn.MatMul(6, 3)],
        X,
        y,
        loss="softmax_ce",
    )
    assert "layer by layer" in net.summary()
    assert history.loss[-1] < history.loss[0]
    assert [param.shape for param in net.params] == [(2, 6), (6, 3)]


def test_training_layer_by_layer_equals_the_fused_loops():
    X, y = fastnn.datasets.spiral(20)
    fused, _ = train_stack(
        [fastnn.Affine(2, 6), fastnn.Tanh(), fastnn.Affine(6, 3)], X, y
    )
    # The fused loops take one activation per layer, and none before the first.
    layered, _ = train_stack(
        [fastnn.Affine(2, 6), fastnn.Tanh(), fastnn.Identity(), fastnn.Affine(6, 3)],
        X,
        y,
    )
    other, _ = train_stack(
        [fastnn.Identity(), fastnn.Affine(2, 6), fastnn.Tanh(), fastnn.Affine(6, 3)],
        X,
        y,
    )
    assert "fused" not in fused.summary()
    assert "layer by layer" in other.summary()
    assert np.abs(fused.theta - layered.theta).max() < 1e-12
    assert np.abs(fused.theta - other.theta).max() < 1e-12
    assert fused.history.accuracy.tolist() == other.history.accuracy.tolist()
    for size in (1, 7):
        for net in (fused, other):
            net.fit(X, y, epochs=2, lr=0.1, batch_size=size)
        assert np.abs(fused.theta - other.theta).max() < 1e-12


def test_a_stack_with_softmax_and_relu_inside_learns():
    X, y = fastnn.datasets.spiral(20)
    stack = [
        fastnn.Affine(2, 6),
        fastnn.Softmax(),
        fastnn.Affine(6, 4),
        fastnn.ReLU(),
        fastnn.Affine(4, 3),
    ]
    net, history = train_stack(stack, X, y)
    assert "layer by layer" in net.summary()
    assert history.loss[-1] < history.loss[0]


def test_a_stack_with_repeat_takes_one_row_and_gives_several():
    # One row goes in and its score is repeated for four labels, so the net can only
    # learn their mean.
    net = fastnn.Sequential(
        [fastnn.MatMul(2, 3), fastnn.Repeat(4), fastnn.Affine(3, 1)], loss="bce", seed=0
    )
    X, y = [[1.0, 2.0]], [0, 1, 1, 1]
    assert fastnn.check_gradients(net, X, y)
    history = net.fit(X, y, epochs=300, lr=0.5, batch_size="full")
    assert history.loss[-1] == pytest.approx(
        -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)), abs=1e-3
    )
    assert history.accuracy[-1] == 0.75
    assert net.predict_proba(X).shape == (4, 2)
    with pytest.raises(ValueError, match="takes one row, but gets 2"):
        net.fit([[1.0, 2.0], [1.0, 2.0]], y, epochs=1, lr=0.5, batch_size="full")


def test_a_stack_with_sum_takes_all_rows_and_gives_one():
    pooled = fastnn.Sequential(
        [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Sum(), fastnn.Affine(3, 2)], seed=0
    )
    X = RNG.standard_normal((5, 2))
    assert fastnn.check_gradients(pooled, X, [1])
    before = pooled.loss_and_grads(X, [1])[0]
    assert pooled.fit(X, [1], epochs=20, lr=0.2, batch_size="full").loss[-1] < before
    with pytest.raises(ValueError, match="y has 5 rows, but 1"):
        pooled.fit(X, [1] * 5, epochs=1, lr=0.2, batch_size="full")
    with pytest.raises(ValueError, match="batch_size='full'"):
        pooled.fit(X, [1], epochs=1, lr=0.2, batch_size=2)


@pytest.mark.parametrize("last", [fastnn.ReLU, fastnn.Tanh])
@pytest.mark.parametrize("loss", ["bce", "softmax_ce", "mse"])
def test_an_activation_before_the_losss_own_is_differentiated(last, loss):
    n_out = 1 if loss == "bce" else 3
    end = {
        "bce": [fastnn.Sigmoid()],
        "softmax_ce": [fastnn.Softmax()],
        "mse": [fastnn.Affine(3, 3)],
    }[loss]
    net = fastnn.Sequential(
        [fastnn.Affine(2, 4), fastnn.Tanh(), fastnn.Affine(4, n_out), last(), *end],
        loss,
        seed=2,
    )
    X = RNG.standard_normal((8, 2))
    y = (
        X @ RNG.standard_normal((2, 3))
        if loss == "mse"
        else np.arange(8) % max(n_out, 2)
    )
    assert fastnn.check_gradients(net, X, y)
    before = net.loss_and_grads(X, y)[0]
    assert net.fit(X, y, epochs=50, lr=0.05).loss[-1] < before


def test_subclasses_run_their_own_compute():
    class Leaky(fastnn.ReLU):
        def compute(self, x):
            return np.where(x > 0, x, 0.1 * x)

        def compute_back(self, dout, x, out):
            return np.where(x > 0, dout, 0.1 * dout)

    class NoBias(fastnn.Affine):
        def shapes(self):
            return [(self.n_in, self.n_out)]

        def compute(self, x):
            return x @ self.params[0]

        def compute_back(self, dout, x, out):
            self.grads[0][...] = x.T @ dout
            return dout @ self.params[0].T

    X, y = fastnn.datasets.spiral(10)
    net = fastnn.Sequential([NoBias(2, 5), Leaky(), fastnn.Affine(5, 3)], seed=1)
    assert net.theta.size == 10 + 18
    assert fastnn.check_gradients(net, X[1:], y[1:])
    hidden = X @ net.params[0]
    z = np.where(hidden > 0, hidden, 0.1 * hidden) @ net.params[1] + net.params[2]
    assert (net.predict(X) == z.argmax(axis=1)).all()


def test_a_layer_with_fewer_outputs_than_it_declares_is_refused():
    class Narrow(fastnn.Affine):
        """A layer with fewer outputs than it promises."""

        def compute(self, x):
            return super().compute(x)[:, :1]

    X, y = fastnn.datasets.spiral(10)
    narrow = fastnn.Sequential([Narrow(2, 3)])
    for call in (narrow.predict, lambda X: narrow.loss_and_grads(X, y)):
        with pytest.raises(ValueError, match="declare 3 units"):
            call(X)


@pytest.mark.compiled
def test_threads_that_share_a_net_get_the_same_predictions():
    net = fastnn.Sequential(
        [fastnn.MatMul(2, 40), fastnn.Tanh(), fastnn.Affine(40, 3)], seed=1
    )
    inputs = [RNG.standard_normal((n, 2)) for n in (5, 500, 50, 5000)]
    expected = [net.predict_proba(X) for X in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for actual, probabilities in zip(
                pool.map(net.predict_proba, inputs), expected, strict=True
            ):
                assert (actual == probabilities).all()
