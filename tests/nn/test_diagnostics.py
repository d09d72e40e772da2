"""The public gradient check finds what is right, and what is wrong."""

import numpy as np
import pytest

import fastnn
from fastnn.experiments.published.xor_grid import published_net

X, Y = fastnn.datasets.spiral(5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_right_gradients_pass(dtype, activation, reduction):
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


def test_the_published_gradient_is_found_wrong_where_it_is():
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
    from fastnn.experiments.published.xor_grid import PublishedAffine

    data, labels = fastnn.datasets.xor_gate()
    for size in (1.0, 1e4, 1e8):
        for layer, right in ((fastnn.Affine, True), (PublishedAffine, False)):
            net = fastnn.Sequential(
                [fastnn.Affine(2, 3), fastnn.Sigmoid(), layer(3, 1)], "mse", seed=1
            )
            assert fastnn.check_gradients(net, data, (labels + 0.3) * size).ok == right


def test_kinks_of_relu_are_left_out_and_counted():
    report = fastnn.check_gradients(
        fastnn.mlp(2, 3, 1, activation="relu"), *fastnn.datasets.xor_gate()
    )
    assert report.ok
    assert report.max_error < 1e-8
    assert (
        sum(parameter.kinks.sum() for parameter in report.parameters) == 3
    )  # the biases, at the row of zeros
    assert "3 at a kink of ReLU left out" in repr(report)


def test_each_wrong_entry_is_named(monkeypatch):
    net = fastnn.mlp(2, 4, 3, seed=1)
    right = net.loss_and_grads(X, Y)[1][2][3, 1]

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
    assert report.parameters[2].gradient[3, 1] == pytest.approx(right + 1e-4, rel=1e-12)


def test_a_net_without_gradient_is_no_proof():
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
