"""One update of one net against naive NumPy, and of many nets against that of one."""

import naive
import numba
import numpy as np
import pytest

from fastnn.kernels.codes import (
    ADAM,
    MOMENTUM,
    N_COLUMNS,
    N_CONSTANTS,
    N_MOMENTS,
    NESTEROV,
    SGD,
)
from fastnn.kernels.functions import lane_optimizers, optimizers
from fastnn.kernels.primitives.pointers import flat

KINDS = [("sgd", SGD), ("momentum", MOMENTUM), ("nesterov", NESTEROV), ("adam", ADAM)]
SETTINGS = np.array([0.1, 0.01, 0.9, 0.99, 1e-8])
LANES = 16
kinds = pytest.mark.parametrize(("kind", "code"), KINDS)
both = pytest.mark.parametrize("dtype", ["float64", "float32"])


@numba.njit
def step(theta, moments, clock, g, optimizer, settings, rates):
    optimizers.step(theta, moments, clock, g, optimizer, settings, rates)


@numba.njit
def step_nets(theta, moments, clock, g, optimizer, settings, constants, layers):
    lanes = theta.shape[1]
    if optimizer == ADAM:
        lane_optimizers.advance_clock(flat(clock), flat(settings), lanes)
    lane_optimizers.fill_constants(
        flat(constants), flat(settings), flat(clock), optimizer, lanes
    )
    lane_optimizers.step_nets(
        flat(theta),
        flat(moments),
        flat(g),
        optimizer,
        flat(constants),
        flat(layers),
        layers.shape[0],
        lanes,
    )


@both
@kinds
def test_one_net_moves_like_naive_code(kind, code, dtype):
    draw = np.random.default_rng(0)
    theta = draw.standard_normal(7).astype(dtype)
    moments, clock = np.zeros((N_MOMENTS[code], 7), dtype), np.ones(2)
    rule = naive.Rule(kind, 0.1, beta2=0.99, weight_decay=0.01)
    wanted = [theta.astype(float)]
    for _ in range(5):
        g = draw.standard_normal(7).astype(dtype)
        step(theta, moments, clock, g, code, SETTINGS, np.zeros(0))
        rule.update(wanted, [g.astype(float)])
    assert np.abs(theta - wanted[0]).max() <= (1e-14 if dtype == "float64" else 1e-5)


@both
@kinds
def test_many_nets_have_the_bits_of_one(kind, code, dtype):
    # a layer with 2 inputs and 3 units: 6 weights, then 3 biases
    layers = np.zeros((1, N_COLUMNS), np.uint32)
    layers[0, :2] = 2, 3
    draw = np.random.default_rng(1)
    theta = draw.standard_normal((9, LANES)).astype(dtype)
    moments = np.zeros((N_MOMENTS[code], 9, LANES), dtype)
    clock, constants = np.ones((2, LANES)), np.zeros((N_CONSTANTS, LANES), dtype)
    # each net has its own learning rate, and another one for its biases
    settings = np.empty((6, LANES))
    settings[:5] = SETTINGS[:, None]
    settings[0] *= np.arange(1, LANES + 1)
    settings[5] = settings[0] if code == ADAM else 2 * settings[0]
    alone = theta.copy()
    alone_moments, clocks = moments.copy(), np.ones((LANES, 2))
    for _ in range(3):
        g = draw.standard_normal((9, LANES)).astype(dtype)
        step_nets(theta, moments, clock, g, code, settings, constants, layers)
        for i in range(LANES):
            rates = np.repeat(settings[[0, 5], i], [6, 3])
            own, m = alone[:, i].copy(), alone_moments[:, :, i].copy()
            step(own, m, clocks[i], g[:, i].copy(), code, settings[:5, i].copy(), rates)
            alone[:, i], alone_moments[:, :, i] = own, m
    assert theta.tobytes() == alone.tobytes()
    assert moments.tobytes() == alone_moments.tobytes()
