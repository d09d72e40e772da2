"""One update of one net against naive NumPy, and of many nets against that of one."""

import naive
import numba
import numpy as np
import pytest

from fastnn.kernels.codes import (
    ADAM,
    ADAMW,
    BIAS_DECAY,
    BIAS_LR,
    DECAY,
    LR,
    MOMENTUM,
    N_COLUMNS,
    N_CONSTANTS,
    N_MOMENTS,
    NESTEROV,
    RMSPROP,
    SGD,
)
from fastnn.kernels.functions import lane_optimizers, optimizers
from fastnn.kernels.primitives.pointers import flat

KINDS = [
    ("sgd", SGD),
    ("momentum", MOMENTUM),
    ("nesterov", NESTEROV),
    ("rmsprop", RMSPROP),
    ("adam", ADAM),
    ("adamw", ADAMW),
]
SETTINGS = np.array([0.1, 0.01, 0.9, 0.99, 1e-8, 0.1, 0.01, 0, 0])
LANES, NOTHING = 16, np.zeros(0)
kinds = pytest.mark.parametrize(("kind", "code"), KINDS)
both = pytest.mark.parametrize("dtype", ["float64", "float32"])


@numba.njit
def step(theta, moments, clock, g, optimizer, settings, rates, decays):
    optimizers.step(theta, moments, clock, g, optimizer, settings, rates, decays)


@numba.njit
def step_nets(theta, moments, clock, g, optimizer, settings, constants, layers):
    lanes = theta.shape[1]
    if optimizer >= ADAM:
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
        step(theta, moments, clock, g, code, SETTINGS, NOTHING, NOTHING)
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
    # each net has its own learning rate and decay, and others for its biases
    settings = np.repeat(SETTINGS[:, None], LANES, axis=1)
    settings[[LR, DECAY]] *= np.arange(1, LANES + 1)
    settings[BIAS_LR] = settings[LR] if code >= ADAM else 2 * settings[LR]
    settings[BIAS_DECAY] = settings[DECAY] * (np.arange(LANES) % 3)
    alone = theta.copy()
    alone_moments, clocks = moments.copy(), np.ones((LANES, 2))
    for _ in range(3):
        g = draw.standard_normal((9, LANES)).astype(dtype)
        step_nets(theta, moments, clock, g, code, settings, constants, layers)
        for i in range(LANES):
            rates = np.repeat(settings[[LR, BIAS_LR], i], [6, 3])
            decays = np.repeat(settings[[DECAY, BIAS_DECAY], i], [6, 3])
            own, m = alone[:, i].copy(), alone_moments[:, :, i].copy()
            one = settings[:, i].copy()
            step(own, m, clocks[i], g[:, i].copy(), code, one, rates, decays)
            alone[:, i], alone_moments[:, :, i] = own, m
    assert theta.tobytes() == alone.tobytes()
    assert moments.tobytes() == alone_moments.tobytes()


@pytest.mark.parametrize("kind", ["momentum", "adam"])
def test_betas_that_float32_rounds_keep_their_value(kind):
    # float32 has no number from 1 - 6e-8 to 1, and 0.14 % too much of 1e-5
    code = dict(KINDS)[kind]
    settings = np.array([1e-6, 0, 1 - 1e-5, 1 - 2e-8, 1e-8, 1e-6, 0, 0, 0])
    g = np.random.default_rng(0).standard_normal(500_000).astype("float32") + 1
    start = np.zeros((N_MOMENTS[code], 1))
    double = after_steps(g.astype(float), start.copy(), code, settings)
    single = after_steps(g, start.astype("float32"), code, settings)
    # each of the 500,000 additions is rounded by up to 6e-8
    assert single == pytest.approx(double, rel=5e-4)


@numba.njit
def after_steps(g, moments, optimizer, settings):
    theta, clock = np.zeros(1, g.dtype), np.ones(2)
    for i in range(g.size):
        one = g[i : i + 1]
        step(theta, moments, clock, one, optimizer, settings, NOTHING, NOTHING)
    return moments
