"""Losses and gradients of random nets compared with naive NumPy and PyTorch.

PyTorch's values are in golden.json; where it is installed, it is run as well.
"""

import json
from pathlib import Path

import naive
import numpy as np
import pytest
from nets import build
from random_nets import N_NETS, case, digest

import fastnn

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())["nets"]


def assert_close(actual, expected, tolerance):
    """Compare with a tolerance relative to the largest expected entry.

    1e-15, about the rounding error of a sum of terms near 1, is always allowed.
    """
    actual, expected = np.asarray(actual, float), np.asarray(expected, float)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= (
        tolerance * np.abs(expected).max() + 1e-15
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_losses_and_gradients_equal_naive_numpy(dtype):
    nonzero = 0
    for number in range(N_NETS):
        net = case(number)
        loss, grads = build(
            net.params, net.activations, net.loss, dtype
        ).loss_and_grads(net.X, net.y, net.reduction)
        if dtype == "float32":  # round the same numbers for both
            net.params = [p.astype("float32").astype(float) for p in net.params]
            net.X = net.X.astype("float32").astype(float)
            if net.y.dtype.kind == "f":
                net.y = net.y.astype("float32").astype(float)
        expected = naive.loss_and_grads(
            net.params, net.activations, net.loss, net.X, net.y, net.reduction
        )
        tolerance = 1e-10 if dtype == "float64" else 1e-4
        assert_close(loss, expected[0], tolerance)
        # Relative to the whole net's largest gradient: with ReLU, a layer's gradients
        # may be far smaller than the others.
        scale = max(np.abs(g).max() for g in expected[1])
        for grad, g in zip(grads, expected[1], strict=True):
            assert grad.shape == g.shape
            assert np.abs(grad - g).max() <= tolerance * scale
            nonzero += np.abs(g).max() > 0
    assert nonzero > N_NETS  # not a comparison of zeros


def test_losses_and_gradients_equal_pytorchs_stored_values():
    assert len(GOLDEN) == N_NETS
    for number, expected in enumerate(GOLDEN):
        net = case(number)
        loss, grads = build(net.params, net.activations, net.loss).loss_and_grads(
            net.X, net.y, net.reduction
        )
        assert_close(loss, expected["loss"], 1e-10)
        for (our_norm, our_product), (norm, product) in zip(
            digest(grads), expected["grads"], strict=True
        ):
            assert abs(our_norm - norm) <= 1e-10 * norm + 1e-14
            assert abs(our_product - product) <= 1e-10 * norm + 1e-14


def test_losses_and_gradients_equal_pytorchs():
    pytest.importorskip("torch")
    import torch_nets

    for number in range(N_NETS):
        net = case(number)
        loss, grads = build(net.params, net.activations, net.loss).loss_and_grads(
            net.X, net.y, net.reduction
        )
        expected = torch_nets.loss_and_grads(net)
        assert_close(loss, expected[0], 1e-10)
        scale = max(np.abs(g).max() for g in expected[1])
        for grad, g in zip(grads, expected[1], strict=True):
            assert np.abs(grad - g).max() <= 1e-10 * scale


@pytest.mark.filterwarnings("ignore::fastnn.SymmetryWarning")
@pytest.mark.parametrize("loss", ["bce", "softmax_ce"])
def test_a_net_of_zeros_has_the_loss_of_guessing(loss):
    n_out = 1 if loss == "bce" else 5
    net = build(
        [np.zeros((3, 4)), np.zeros(4), np.zeros((4, n_out)), np.zeros(n_out)],
        ["tanh"],
        loss,
    )
    assert net.loss_and_grads(np.ones((4, 3)), [0, 1, 1, 0])[0] == pytest.approx(
        np.log(max(n_out, 2)), rel=1e-15
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_saturated_outputs_have_exact_losses_and_gradients(dtype):
    # With one weight of 1, z is the input. log(1 + e^1000) = 1000 in floats, and a
    # saturated correct output has the loss 0.
    net = build([np.ones((1, 1)), np.zeros(1)], [], "bce", dtype)
    for z, label, loss, slope in [
        (1000, 1, 0, 0),
        (1000, 0, 1000, 1),
        (-1000, 0, 0, 0),
        (-1000, 1, 1000, -1),
    ]:
        actual, (dw, db) = net.loss_and_grads([[float(z)]], [label])
        assert actual == loss
        assert db[0] == slope
        assert dw[0, 0] == slope * z
    net = build([np.array([[1.0, -1.0]]), np.zeros(2)], [], "softmax_ce", dtype)
    loss, (_, db) = net.loss_and_grads([[1000.0]], [1])
    assert loss == 2000
    assert db.tolist() == [1, -1]


def test_small_probabilities_are_not_lost_to_cancellation():
    # The true class has the probability 1 - 1e-18: loss and slope are 1e-18, not 0.
    z = np.log(1e18)
    net = build([np.ones((1, 1)), np.zeros(1)], [], "bce")
    loss, (_, db) = net.loss_and_grads([[z]], [1])
    assert loss == pytest.approx(1e-18, rel=1e-12)
    assert db[0] == pytest.approx(-1e-18, rel=1e-12)


# NumPy warns of the overflow where the kernels run as plain Python.
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
@pytest.mark.parametrize("stack", ["fused", "layer by layer"])
def test_a_loss_beyond_the_largest_number_is_refused(stack):
    layers = [
        fastnn.Affine(1, 1),
        *([] if stack == "fused" else [fastnn.Identity(), fastnn.Identity()]),
    ]
    net = fastnn.Sequential(layers, "mse", init=[[[1e200]], [0.0]])
    # The first of three rows overflows: none may be left out of the sums.
    with pytest.raises(ValueError, match="beyond the largest number of float64"):
        net.loss_and_grads([[1e200], [1.0], [2.0]], [0.0, 0.0, 0.0])
