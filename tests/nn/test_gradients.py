"""Losses and gradients against naive NumPy, PyTorch's golden values, and PyTorch itself where it is installed."""

import json
from pathlib import Path

import naive
import numpy as np
import pytest
from nets import build
from random_nets import N_NETS, case, digest

import fastnn

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())["nets"]


def close(found, wanted, tolerance):
    """Equal within `tolerance` times the largest entry of what is wanted, or within what float64 can tell of 1."""
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max() + 1e-15


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equal_naive(dtype):
    nonzero = 0
    for number in range(N_NETS):
        net = case(number)
        loss, grads = build(
            net.params, net.activations, net.loss, dtype
        ).loss_and_grads(net.X, net.y, net.reduction)
        if dtype == "float32":  # the same rounded numbers for both
            net.params = [p.astype("float32").astype(float) for p in net.params]
            net.X = net.X.astype("float32").astype(float)
            net.y = (
                net.y if net.loss != "mse" else net.y.astype("float32").astype(float)
            )
        wanted = naive.loss_and_grads(
            net.params, net.activations, net.loss, net.X, net.y, net.reduction
        )
        tolerance = 1e-10 if dtype == "float64" else 1e-4
        close(loss, wanted[0], tolerance)
        # one scale for the net: with ReLU, layers may get gradients that are far below the others
        scale = max(np.abs(g).max() for g in wanted[1])
        for grad, g in zip(grads, wanted[1], strict=True):
            assert grad.shape == g.shape
            assert np.abs(grad - g).max() <= tolerance * scale
            nonzero += np.abs(g).max() > 0
    assert nonzero > N_NETS  # the comparison is not one of zeros


def test_equal_golden():
    assert len(GOLDEN) == N_NETS
    for number, wanted in enumerate(GOLDEN):
        net = case(number)
        loss, grads = build(net.params, net.activations, net.loss).loss_and_grads(
            net.X, net.y, net.reduction
        )
        close(loss, wanted["loss"], 1e-10)
        for found, (norm, product) in zip(digest(grads), wanted["grads"], strict=True):
            assert abs(found[0] - norm) <= 1e-10 * norm + 1e-14
            assert abs(found[1] - product) <= 1e-10 * norm + 1e-14


def test_equal_torch():
    pytest.importorskip("torch")
    import torch_nets

    for number in range(N_NETS):
        net = case(number)
        loss, grads = build(net.params, net.activations, net.loss).loss_and_grads(
            net.X, net.y, net.reduction
        )
        wanted = torch_nets.loss_and_grads(net)
        close(loss, wanted[0], 1e-10)
        scale = max(np.abs(g).max() for g in wanted[1])
        for grad, g in zip(grads, wanted[1], strict=True):
            assert np.abs(grad - g).max() <= 1e-10 * scale


@pytest.mark.filterwarnings("ignore::fastnn.SymmetryWarning")
@pytest.mark.parametrize("loss", ["bce", "softmax_ce"])
def test_zero_net_has_the_loss_of_guessing(loss):
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
def test_saturated_outputs_have_right_losses_and_gradients(dtype):
    # one weight of 1: z is the input. log(1 + e^1000) = 1000, and what is right beyond doubt costs nothing
    net = build([np.ones((1, 1)), np.zeros(1)], [], "bce", dtype)
    for z, label, loss, slope in [
        (1000, 1, 0, 0),
        (1000, 0, 1000, 1),
        (-1000, 0, 0, 0),
        (-1000, 1, 1000, -1),
    ]:
        found, (dw, db) = net.loss_and_grads([[float(z)]], [label])
        assert found == loss
        assert db[0] == slope
        assert dw[0, 0] == slope * z
    net = build([np.array([[1.0, -1.0]]), np.zeros(2)], [], "softmax_ce", dtype)
    loss, (_, db) = net.loss_and_grads([[1000.0]], [1])
    assert loss == 2000
    assert db.tolist() == [1, -1]


def test_small_probabilities_are_not_lost_to_cancellation():
    # p(right) = 1 - 1e-18: the loss and its slope are 1e-18, not 0
    z = np.log(1e18)
    net = build([np.ones((1, 1)), np.zeros(1)], [], "bce")
    loss, (_, db) = net.loss_and_grads([[z]], [1])
    assert loss == pytest.approx(1e-18, rel=1e-12)
    assert db[0] == pytest.approx(-1e-18, rel=1e-12)


@pytest.mark.filterwarnings(
    "ignore:overflow|invalid:RuntimeWarning"
)  # of the interpreted run
@pytest.mark.parametrize("stack", ["fused", "layer by layer"])
def test_what_overflows_is_told_as_it_is(stack):
    # the first of three rows overflows: neither it nor the rows behind it may be left out in silence
    layers = [
        fastnn.Affine(1, 1),
        *([] if stack == "fused" else [fastnn.Identity(), fastnn.Identity()]),
    ]
    net = fastnn.Sequential(layers, "mse", init=[[[1e200]], [0.0]])
    loss, (dw, _) = net.loss_and_grads([[1e200], [1.0], [2.0]], [0.0, 0.0, 0.0])
    assert loss == np.inf
    assert not np.isfinite(dw).all()
