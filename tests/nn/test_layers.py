"""Layers, losses and optimizers on their own, and stacks that the fused loops do not know."""

import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(0)


def numeric_gradient(function, x):
    """Central differences of a function that returns a number."""
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        h = 1e-6
        up, down = x.copy(), x.copy()
        up[at] += h
        down[at] -= h
        gradient[at] = (function(up) - function(down)) / (2 * h)
    return gradient


LAYERS = {
    "Affine": lambda: fastnn.Affine(4, 3),
    "MatMul": lambda: fastnn.MatMul(4, 3),
    "Sigmoid": fastnn.Sigmoid,
    "Tanh": fastnn.Tanh,
    "ReLU": fastnn.ReLU,
    "Identity": fastnn.Identity,
    "Softmax": fastnn.Softmax,
    "Sum": fastnn.Sum,
    "Repeat": lambda: fastnn.Repeat(5),
}


@pytest.mark.parametrize("name", LAYERS)
def test_backward_equals_central_differences(name):
    layer = LAYERS[name]()
    x = RNG.standard_normal((1 if name == "Repeat" else 6, 4))
    out = layer.forward(x)
    dout = RNG.standard_normal(out.shape)
    dx = layer.backward(dout)
    assert np.abs(dx).max() > 0.01
    wanted = numeric_gradient(lambda x: (LAYERS[name]().forward(x) * dout).sum(), x)
    assert np.abs(dx - wanted).max() < 1e-8
    grads = [grad.copy() for grad in layer.grads]
    for param, grad in zip(layer.params, grads, strict=True):
        original = param.copy()

        def moved(value, param=param, original=original):
            param[...] = value
            result = (layer.forward(x) * dout).sum()
            param[...] = original
            return result

        assert np.abs(grad - numeric_gradient(moved, original)).max() < 1e-8


def test_forward_is_what_the_name_says():
    x = np.array([[-1.0, 0.0, 2.0], [3.0, -2.0, 0.5]])
    w, b = RNG.standard_normal((3, 2)), RNG.standard_normal(2)
    assert np.allclose(
        fastnn.Affine(3, 2, init=[w, b]).forward(x), x @ w + b, rtol=1e-15
    )
    assert np.allclose(fastnn.MatMul(3, 2, init=[w]).forward(x), x @ w, rtol=1e-15)
    assert fastnn.ReLU().forward(x).tolist() == [[0, 0, 2], [3, 0, 0.5]]
    assert np.allclose(fastnn.Sigmoid().forward(x), 1 / (1 + np.exp(-x)), rtol=1e-15)
    assert np.allclose(fastnn.Tanh().forward(x), np.tanh(x), rtol=1e-15)
    assert (fastnn.Identity().forward(x) == x).all()
    assert fastnn.Sum().forward(x).tolist() == [[2, -2, 2.5]]
    assert fastnn.Repeat(3).forward(x[:1]).tolist() == [x[0].tolist()] * 3
    assert np.allclose(fastnn.Softmax().forward(x).sum(axis=1), 1, rtol=1e-15)
    assert fastnn.Softmax().forward([[1000.0, 1000.0]]).tolist() == [[0.5, 0.5]]


def test_gradients_are_written_in_place():
    layer = fastnn.Affine(2, 3)
    grads = layer.grads
    layer.forward(np.ones((4, 2)))
    layer.backward(np.ones((4, 3)))
    assert all(kept is now for kept, now in zip(grads, layer.grads, strict=True))
    assert grads[1].tolist() == [4, 4, 4]


def test_layers_keep_to_float32():
    layer = fastnn.Affine(
        2, 3, init=[np.ones((2, 3), np.float32), np.zeros(3, np.float32)]
    )
    assert layer.forward(np.ones((4, 2))).dtype == np.float32
    assert layer.backward(np.ones((4, 3))).dtype == np.float32
    assert fastnn.Tanh().forward(np.ones((4, 2), np.float32)).dtype == np.float32


@pytest.mark.parametrize("loss", ["bce", "softmax_ce", "mse"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses_on_their_own(loss, reduction):
    from fastnn.nn.losses import LOSSES

    z = RNG.standard_normal((5, 1 if loss == "bce" else 3))
    y = RNG.standard_normal((5, 3)) if loss == "mse" else np.array([0, 1, 1, 0, 1])
    function = LOSSES[loss](reduction)
    value = function.forward(z, y)
    wanted = numeric_gradient(lambda z: LOSSES[loss](reduction).forward(z, y), z)
    assert np.abs(function.backward() - wanted).max() < 1e-8
    assert np.abs(function.backward(2.0) - 2 * wanted).max() < 1e-8
    other = LOSSES[loss]("sum" if reduction == "mean" else "mean").forward(z, y)
    assert max(value, other) == pytest.approx(5 * min(value, other), rel=1e-14)


def test_calls_out_of_turn_and_wrong_shapes_are_refused():
    with pytest.raises(RuntimeError, match="forward before backward"):
        fastnn.Affine(2, 3).backward(np.ones((1, 3)))
    with pytest.raises(RuntimeError, match="forward before backward"):
        fastnn.BCE().backward()
    layer = fastnn.Affine(2, 3)
    with pytest.raises(ValueError, match="takes 2 inputs, but gets 4"):
        layer.forward(np.ones((1, 4)))
    layer.forward(np.ones((5, 2)))
    with pytest.raises(ValueError, match="output of forward had"):
        layer.backward(np.ones((5, 2)))
    with pytest.raises(ValueError, match="two dimensions"):
        fastnn.Tanh().forward(np.ones(3))
    with pytest.raises(ValueError, match="takes one row"):
        fastnn.Repeat(3).forward(np.ones((2, 2)))
    with pytest.raises(ValueError, match="1 output"):
        fastnn.BCE().forward(np.ones((2, 2)), [0, 1])


def test_a_training_loop_of_ones_own():
    """The notebook's way: layers, a loss and an optimizer, by hand; the same numbers as a Sequential's."""
    X, y = fastnn.datasets.spiral(20)
    rng = np.random.default_rng(1)
    arrays = [
        rng.standard_normal((2, 5)),
        np.zeros(5),
        rng.standard_normal((5, 3)),
        np.zeros(3),
    ]
    net = fastnn.Sequential(
        [fastnn.Affine(2, 5), fastnn.Sigmoid(), fastnn.Affine(5, 3)], init=arrays
    )
    history = net.fit(
        X, y, epochs=10, optimizer=fastnn.SGD(0.5, momentum=0.5), batch_size="full"
    )

    layers = [
        fastnn.Affine(2, 5, init=arrays[:2]),
        fastnn.Sigmoid(),
        fastnn.Affine(5, 3, init=arrays[2:]),
    ]
    loss, optimizer = fastnn.SoftmaxCE(), fastnn.SGD(0.5, momentum=0.5)
    params = [param for layer in layers for param in layer.params]
    grads = [grad for layer in layers for grad in layer.grads]
    for epoch in range(10):
        out = X
        for layer in layers:
            out = layer.forward(out)
        assert loss.forward(out, y) == pytest.approx(history.loss[epoch], rel=1e-12)
        dout = loss.backward()
        for layer in reversed(layers):
            dout = layer.backward(dout)
        optimizer.update(params, grads)
    for by_hand, ours in zip(params, net.params, strict=True):
        assert np.allclose(by_hand, ours, rtol=0, atol=1e-12)


def test_update_of_arrays_that_are_not_contiguous():
    param = np.arange(12.0).reshape(3, 4)[:, ::2]
    fastnn.SGD(1.0).update([param], [np.ones((3, 2), order="F")])
    assert param.tolist() == [[-1, 1], [3, 5], [7, 9]]
    with pytest.raises(ValueError, match="one gradient for each"):
        fastnn.SGD(1.0).update([param], [])
    with pytest.raises(ValueError, match=r"grads\[0\]"):
        fastnn.SGD(1.0).update([param], [np.ones(3)])
    with pytest.raises(TypeError, match="float64 or float32"):
        fastnn.SGD(1.0).update([np.arange(3)], [np.ones(3)])


def numbers_of(stack, X, y, **options):
    net = fastnn.Sequential(stack, seed=5, **options)
    history = net.fit(X, y, epochs=4, optimizer=fastnn.Adam(0.05), batch_size=8)
    assert fastnn.check_gradients(net, X[:9], y[:9])
    return net, history


def test_a_stack_with_matmul_is_trained_layer_by_layer():
    X, y = fastnn.datasets.spiral(20)
    net, history = numbers_of(
        [fastnn.MatMul(2, 6), fastnn.Tanh(), fastnn.MatMul(6, 3)],
        X,
        y,
        loss="softmax_ce",
    )
    assert "layer by layer" in net.summary()
    assert history.loss[-1] < history.loss[0]
    assert [param.shape for param in net.params] == [(2, 6), (6, 3)]


def test_layer_by_layer_equals_the_fused_loops():
    X, y = fastnn.datasets.spiral(20)
    fused, _ = numbers_of(
        [fastnn.Affine(2, 6), fastnn.Tanh(), fastnn.Affine(6, 3)], X, y
    )
    # a second activation makes it a stack that the fused loops do not take
    layered, _ = numbers_of(
        [fastnn.Affine(2, 6), fastnn.Tanh(), fastnn.Identity(), fastnn.Affine(6, 3)],
        X,
        y,
    )
    other, _ = numbers_of(
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


def test_softmax_and_relu_within_a_stack():
    X, y = fastnn.datasets.spiral(20)
    stack = [
        fastnn.Affine(2, 6),
        fastnn.Softmax(),
        fastnn.Affine(6, 4),
        fastnn.ReLU(),
        fastnn.Affine(4, 3),
    ]
    net, history = numbers_of(stack, X, y)
    assert "layer by layer" in net.summary()
    assert history.loss[-1] < history.loss[0]


def test_repeat_and_sum_within_a_stack():
    # one row in, its score given to four rows: the net can learn nothing but their mean
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

    # all rows in, one out
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
def test_an_activation_before_that_of_the_loss_is_differentiated(last, loss):
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


def test_subclasses_run_their_own_code():
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

    class Narrow(fastnn.Affine):  # promises more than it gives
        def compute(self, x):
            return super().compute(x)[:, :1]

    liar = fastnn.Sequential([Narrow(2, 3)])
    for call in (liar.predict, lambda X: liar.loss_and_grads(X, y)):
        with pytest.raises(ValueError, match="promise 3 units"):
            call(X)


def test_one_net_predicts_in_two_threads_layer_by_layer():
    from concurrent.futures import ThreadPoolExecutor

    net = fastnn.Sequential(
        [fastnn.MatMul(2, 40), fastnn.Tanh(), fastnn.Affine(40, 3)], seed=1
    )
    inputs = [RNG.standard_normal((n, 2)) for n in (5, 500, 50, 5000)]
    wanted = [net.predict_proba(X) for X in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for found, shares in zip(
                pool.map(net.predict_proba, inputs), wanted, strict=True
            ):
                assert (found == shares).all()


def test_backward_does_not_depend_on_what_the_caller_does_with_the_arrays():
    x = np.ones((2, 2))
    layer = fastnn.Affine(2, 1, init=[np.ones((2, 1)), [0.0]])
    out = layer.forward(x)
    x[:] = 100.0
    layer.backward(np.ones_like(out))
    assert layer.grads[0].tolist() == [[2.0], [2.0]]
    sigmoid = fastnn.Sigmoid()
    out = sigmoid.forward([[0.0]])
    out *= 10
    assert sigmoid.backward([[1.0]]).tolist() == [[0.25]]


def test_a_rule_that_is_changed_between_two_updates_starts_its_moments_anew():
    w, optimizer = np.ones(3), fastnn.SGD(0.1)
    optimizer.update([w], [w.copy()])
    optimizer.momentum = 0.9
    optimizer.update([w], [np.ones(3)])
    optimizer.update([w], [np.ones(3)])
    assert np.allclose(w, 0.9 - 0.1 - 0.19, rtol=1e-12)
    single = np.ones(3, np.float32)
    optimizer.update([single], [np.ones(3)])
    assert np.allclose(single, 0.9)


def test_a_layers_parameters_go_with_it_into_a_net():
    import copy

    layer = fastnn.Affine(2, 1)
    layer.params[0][...] = 7.0
    net = fastnn.Sequential([layer], "bce")
    assert net.theta.tolist() == [7, 7, 0]
    trained = fastnn.Sequential(
        [copy.deepcopy(net.layers[0]), fastnn.Tanh(), fastnn.Affine(1, 1)], "bce"
    )
    assert trained.theta[:3].tolist() == [7, 7, 0]
    assert not np.shares_memory(trained.theta, net.theta)
