"""The gradient check, and the warning of hidden neurons that start equal."""

import copy
import warnings

import numpy as np
import pytest

import fastnn
from fastnn.experiments.published.xor_grid import published_net

X, Y = fastnn.datasets.spiral(5)
GATE = fastnn.datasets.xor_gate()


class WrongAffine(fastnn.Affine):
    """An Affine that passes dout times the input back, not dout times the weights."""

    def compute_back(self, dout, x, out):
        super().compute_back(dout, x, out)
        return dout.sum(axis=1, keepdims=True) * x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_correct_gradients_pass(dtype, activation, reduction):
    net = fastnn.mlp(2, 4, 5, 3, activation=activation, seed=3, dtype=dtype)
    before = net.theta.tobytes()
    report = fastnn.check_gradients(net, X, Y, reduction)
    assert report, str(report)
    assert report.ok
    assert not report.all_zero
    assert [parameter.name for parameter in report.parameters] == [
        "W1",
        "b1",
        "W2",
        "b2",
        "W3",
        "b3",
    ]
    assert net.theta.tobytes() == before


def test_the_published_mistake_is_found_in_the_first_layer():
    data = fastnn.datasets.xor_grid(10)
    report = fastnn.check_gradients(published_net(), *data)
    assert not report
    assert [parameter.ok for parameter in report.parameters] == [
        False,
        False,
        True,
        True,
    ]
    text = str(report)
    assert "DIFFER" in text
    assert text.count("WRONG") == 2
    assert "W1" in text
    assert "b2" in text


def test_a_large_loss_hides_no_wrong_gradient():
    data, labels = fastnn.datasets.xor_gate()
    for size in (1.0, 1e4, 1e8):
        for layer, correct in ((fastnn.Affine, True), (WrongAffine, False)):
            net = fastnn.Sequential(
                [fastnn.Affine(2, 3), fastnn.Sigmoid(), layer(3, 1)], "mse", seed=1
            )
            assert (
                fastnn.check_gradients(net, data, (labels + 0.3) * size).ok == correct
            )


def test_kinks_of_relu_are_left_out_and_counted():
    report = fastnn.check_gradients(
        fastnn.mlp(2, 3, 1, activation="relu"), *fastnn.datasets.xor_gate()
    )
    assert report.ok
    assert report.max_error < 1e-8
    # The three hidden biases: the row of zeros puts their ReLUs at 0.
    assert sum(parameter.kinks.sum() for parameter in report.parameters) == 3
    assert "3 at a kink of ReLU left out" in repr(report)


def test_a_single_wrong_entry_is_found(monkeypatch):
    net = fastnn.mlp(2, 4, 3, seed=1)
    correct = net.loss_and_grads(X, Y)[1][2][3, 1]

    def wrong(self, *arguments):
        loss, grads = original(self, *arguments)
        if self is net:
            grads[2][3, 1] += 1e-4
        return loss, grads

    original = fastnn.Sequential.loss_and_grads
    monkeypatch.setattr(fastnn.Sequential, "loss_and_grads", wrong)
    report = fastnn.check_gradients(net, X, Y)
    assert [parameter.ok for parameter in report.parameters] == [
        True,
        True,
        False,
        True,
    ]
    assert report.parameters[2].worst == (3, 1)
    assert report.max_error == pytest.approx(1e-4, rel=1e-3)
    assert report.parameters[2].gradient[3, 1] == pytest.approx(
        correct + 1e-4, rel=1e-12
    )


def test_gradients_that_are_all_zero_prove_nothing():
    net = fastnn.mlp(
        2,
        2,
        1,
        init=[np.zeros((2, 2)), [-1.0, -2.0], np.zeros((2, 1)), [1000.0]],
        activation="relu",
    )
    report = fastnn.check_gradients(net, [[1.0, 1.0]], [1])
    assert report.all_zero
    assert not report.ok
    assert "NOTHING TO COMPARE" in str(report)


def test_a_net_of_zeros_warns_at_the_callers_line():
    with pytest.warns(
        fastnn.SymmetryWarning, match=r"the 2 hidden .* are worth only 1: .*stay equal"
    ) as caught:
        fastnn.mlp(2, 2, 1, init="zeros")
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, "full"])
def test_equal_neurons_stay_equal_in_training(batch_size, shuffle):
    equal = [
        [[0.3, 0.3, 0.7], [-0.2, -0.2, 0.1]],
        [0.5, 0.5, 0.5],
        [[0.9], [0.9], [0.9]],
        [0.1],
    ]
    with pytest.warns(fastnn.SymmetryWarning, match="the 3 hidden .* are worth only 2"):
        net = fastnn.mlp(2, 3, 1, init=equal)
    history = net.fit(
        *GATE, epochs=50, lr=0.5, batch_size=batch_size, shuffle=shuffle, record=1
    )
    w, b, out = (
        history.recording.theta[:, part]
        for part in (slice(0, 6), slice(6, 9), slice(9, 12))
    )
    assert (w[:, 0] == w[:, 1]).all()
    assert (w[:, 3] == w[:, 4]).all()
    assert (b[:, 0] == b[:, 1]).all()
    assert (out[:, 0] == out[:, 1]).all()
    assert (w[-1] != w[0]).all()  # all the same, each weight has changed
    assert w[-1, 2] != w[-1, 0]


def test_equal_neurons_are_found_in_each_hidden_layer():
    with pytest.warns(fastnn.SymmetryWarning) as caught:
        fastnn.mlp(2, 3, 2, 1, init="zeros")
    assert [str(warning.message).split(",")[0] for warning in caught] == [
        "the 3 hidden neurons of layer 0",
        "the 2 hidden neurons of layer 2",
    ]
    with pytest.warns(fastnn.SymmetryWarning, match=r"layer 0, MatMul\(2, 2\)"):
        fastnn.Sequential(
            [fastnn.MatMul(2, 2), fastnn.Tanh(), fastnn.MatMul(2, 1)], init="zeros"
        )


def test_nets_with_different_neurons_do_not_warn(tmp_path):
    equal, different = [[1, 1], [2, 2]], [[1, 2], [2, 1]]
    plus_and_minus, ones = [[1.0], [-1.0]], [[1.0], [1.0]]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fastnn.mlp(2, 1, init="zeros")  # no hidden neurons
        for incoming, outgoing in [
            (equal, plus_and_minus),
            (np.zeros((2, 2)), plus_and_minus),
            (different, ones),
        ]:
            fastnn.mlp(2, 2, 1, init=[incoming, [0, 0], outgoing, [0]])
        net = fastnn.mlp(2, 30, 30, 3)
        net.save(tmp_path / "net.npz")
        fastnn.load(tmp_path / "net.npz")
        copy.deepcopy(net)
    assert not caught


class Numbering(fastnn.Identity):
    """A layer that adds another number to each unit."""

    def compute(self, x):
        return x + np.arange(x.shape[1])


def test_neurons_before_a_layer_that_tells_them_apart_do_not_warn():
    fastnn.Sequential(
        [fastnn.Affine(2, 2), Numbering(), fastnn.Tanh(), fastnn.Affine(2, 1)],
        init="zeros",
    )


class Gain(fastnn.layers.Weighted):
    """A layer of one's own, with a trained factor per unit."""

    def shapes(self):
        return [(self.n_out,)]

    def draw(self, rng, default):
        return [np.arange(1.0, self.n_out + 1.0)]

    def compute(self, x):
        return x * self.params[0]

    def compute_back(self, dout, x, out):
        self.grads[0][...] = (dout * x).sum(axis=0)
        return dout * self.params[0]


def test_layers_of_ones_own_are_not_compared():
    layers = [fastnn.Affine(2, 3), Gain(3, 3), fastnn.Tanh(), fastnn.Affine(3, 1)]
    fastnn.Sequential(layers, init="zeros").fit(*GATE, epochs=1, lr=0.1)
