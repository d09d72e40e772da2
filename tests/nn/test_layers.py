"""Layers on their own."""

import copy

import numpy as np
import pytest
from differences import central_differences

import fastnn

RNG = np.random.default_rng(0)


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
    expected = central_differences(
        lambda x: (LAYERS[name]().forward(x) * dout).sum(), x
    )
    assert np.abs(dx - expected).max() < 1e-8
    grads = [grad.copy() for grad in layer.grads]
    for param, grad in zip(layer.params, grads, strict=True):
        original = param.copy()

        def output_at(value, param=param, original=original):
            param[...] = value
            result = (layer.forward(x) * dout).sum()
            param[...] = original
            return result

        assert np.abs(grad - central_differences(output_at, original)).max() < 1e-8


def test_forward_computes_the_named_function():
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


def test_backward_writes_gradients_in_place():
    layer = fastnn.Affine(2, 3)
    grads = layer.grads
    layer.forward(np.ones((4, 2)))
    layer.backward(np.ones((4, 3)))
    assert all(
        before is after for before, after in zip(grads, layer.grads, strict=True)
    )
    assert grads[1].tolist() == [4, 4, 4]


def test_layers_with_float32_arrays_compute_in_float32():
    layer = fastnn.Affine(
        2, 3, init=[np.ones((2, 3), np.float32), np.zeros(3, np.float32)]
    )
    assert layer.forward(np.ones((4, 2))).dtype == np.float32
    assert layer.backward(np.ones((4, 3))).dtype == np.float32
    assert fastnn.Tanh().forward(np.ones((4, 2), np.float32)).dtype == np.float32


def test_backward_before_forward_and_wrong_shapes_are_refused():
    with pytest.raises(RuntimeError, match="forward before backward"):
        fastnn.Affine(2, 3).backward(np.ones((1, 3)))
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


def test_arrays_changed_by_the_caller_do_not_change_backward():
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


def test_a_net_starts_from_parameters_that_its_layers_already_have():
    layer = fastnn.Affine(2, 1)
    layer.params[0][...] = 7.0
    net = fastnn.Sequential([layer], "bce")
    assert net.theta.tolist() == [7, 7, 0]
    trained = fastnn.Sequential(
        [copy.deepcopy(net.layers[0]), fastnn.Tanh(), fastnn.Affine(1, 1)], "bce"
    )
    assert trained.theta[:3].tolist() == [7, 7, 0]
    assert not np.shares_memory(trained.theta, net.theta)
