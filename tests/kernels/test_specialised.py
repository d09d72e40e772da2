"""Specialised loops for small nets against naive NumPy, and at extreme values."""

import subprocess
import sys
from decimal import Decimal, getcontext
from functools import cache
from itertools import pairwise
from pathlib import Path

import naive
import numba
import numpy as np
import pytest
from numba import types

from fastnn.kernels.arguments import Data, FitArrays, FitPlan
from fastnn.kernels.codes import (
    BCE,
    BIAS_DECAY,
    DECAY,
    DONE,
    IDENTITY,
    LINK,
    LR,
    MSE,
    N_POSITION,
    N_SETTINGS,
    NOT_FINITE,
    RELU,
    ROW,
    SGD,
    SIGMOID,
    TANH,
    UPDATES,
)
from fastnn.kernels.loops import specialised
from fastnn.kernels.primitives import arithmetic
from fastnn.kernels.primitives.pointers import flat
from fastnn.kernels.primitives.vectors import traced

NAMES = {IDENTITY: "identity", SIGMOID: "sigmoid", TANH: "tanh", RELU: "relu"}
LOSSES = {BCE: "bce", MSE: "mse"}
LOSS_SCALE = 1 / 64
CASES = [  # all sizes and activations, with both losses
    ((2, 1), (), BCE),
    ((2, 1), (), MSE),
    ((2, 2, 1), (SIGMOID,), BCE),
    ((2, 2, 1), (RELU,), MSE),
    ((3, 3, 1), (TANH,), BCE),
    ((3, 3, 1), (IDENTITY,), MSE),
    ((2, 3, 2, 1), (RELU, IDENTITY), BCE),
    ((2, 3, 2, 1), (TANH, SIGMOID), MSE),
    ((2, 1), (), MSE + LINK * SIGMOID),
    ((2, 2, 1), (SIGMOID,), MSE + LINK * SIGMOID),
    ((2, 3, 1), (TANH,), MSE + LINK * TANH),
    ((2, 3, 1), (RELU,), MSE + LINK * RELU),
]
both = pytest.mark.parametrize("dtype", ["float64", "float32"])
step_table = traced(specialised._sigmoid)


@cache
def problem(sizes, loss, dtype, n=60):
    """Return data and parameters rounded to dtype, which naive float64 starts from."""
    draw = np.random.default_rng(len(sizes) + loss)
    X = draw.uniform(-1, 1, (n, sizes[0])).astype(dtype)
    y = (X[:, :1] * X[:, 1:2] > 0 if loss == BCE else X[:, :1] * X[:, 1:2]).astype(
        dtype
    )
    shapes = [s for pair in pairwise(sizes) for s in (pair, pair[1:])]
    params = [draw.uniform(-1, 1, shape).astype(dtype) for shape in shapes]
    return X, y, params, np.array([draw.permutation(n) for _ in range(2)])


def run(
    case,
    theta,
    X,
    y,
    lr=0.2,
    decay=0.0,
    epochs=1,
    budget=10**9,
    order=None,
    bias_decay=None,
):
    """Train theta in calls of `budget` samples.

    Returns the last status, the sums of losses, the right classes and the position.
    """
    n = len(X)
    nothing = np.zeros(0, int)
    state = FitArrays(
        theta,
        np.zeros((0, theta.size), theta.dtype),
        np.ones(2),
        np.zeros((1, theta.size), theta.dtype),
        np.zeros(1 + case[0][1]),
        np.zeros(epochs),
        np.zeros(epochs, int),
        np.zeros(0),
        np.zeros(epochs),
        np.zeros(N_POSITION, int),
        np.zeros((0, theta.size), theta.dtype),
        np.zeros((0, 2)),
    )
    weights = np.zeros(0, X.dtype)
    data = Data(X, y, weights, np.arange(n)[None] if order is None else order)
    settings = np.zeros(N_SETTINGS)
    settings[[LR, DECAY, BIAS_DECAY]] = (
        lr,
        decay,
        decay if bias_decay is None else bias_decay,
    )
    plan = FitPlan(
        np.zeros((1, 1), np.uint32),
        case[2],
        SGD,
        settings,
        np.zeros(0),
        np.zeros(0),
        1,
        True,
        False,
        0.0,
        0.0,
        LOSS_SCALE,
        nothing,
        np.zeros(0),
    )
    table = specialised.sigmoid_table(theta.dtype)
    train = specialised.trainer(*case, decays=bool(settings[[DECAY, BIAS_DECAY]].any()))
    status = DONE
    while status == DONE and state.position[UPDATES] < epochs * n:
        status = train(state, data, plan, table, 0, epochs * n, budget)
    return status, state.loss_sums / LOSS_SCALE, state.n_right, state.position


def flattened(params):
    return np.concatenate([p.ravel() for p in params])


@both
@pytest.mark.parametrize("case", CASES, ids=str)
def test_trains_like_naive_code(case, dtype):
    sizes, activations, loss = case
    X, y, params, order = problem(sizes, loss, dtype)
    theta = flattened(params)
    status, sums, right, position = run(
        case, theta, X, y, decay=0.01, epochs=2, order=order
    )
    assert (status, position[UPDATES]) == (DONE, 2 * len(X))
    wide = [p.astype(float) for p in params]
    targets = y[:, 0].astype(float)
    rule = naive.Rule("sgd", 0.2, weight_decay=0.01)
    names = [NAMES[a] for a in activations]
    if loss >= LINK:
        names.append(NAMES[loss // LINK])
    kind, wide_X = LOSSES[loss % LINK], X.astype(float)
    wanted, means, accuracies = naive.train(
        wide, names, kind, wide_X, targets, rule, 2, orders=order
    )
    # float32: 120 updates, each rounded by about 6e-8
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert np.abs(theta - flattened(wanted)).max() <= tolerance
    assert np.abs(theta - flattened(params)).max() > 0.01
    assert np.abs(sums / len(X) - means).max() <= tolerance
    assert (right / len(X)).tolist() == accuracies.tolist()


@both
@pytest.mark.parametrize("case", CASES[2:4], ids=str)
def test_calls_for_whole_epochs_have_the_bits_of_one_call(case, dtype):
    X, y, params, order = problem(case[0], case[2], dtype)
    one, several = flattened(params), flattened(params)
    _, sums, right, _ = run(case, one, X, y, epochs=2, order=order)
    _, other_sums, hits, _ = run(
        case, several, X, y, epochs=2, order=order, budget=len(X)
    )
    assert one.tobytes() == several.tobytes()
    assert sums.tobytes() == other_sums.tobytes()
    assert right.tolist() == hits.tolist()


@both
@pytest.mark.parametrize("case", CASES[2:4], ids=str)
def test_calls_for_parts_of_an_epoch_have_the_bits_of_one_call(case, dtype):
    X, y, params, order = problem(case[0], case[2], dtype)
    one, several = flattened(params), flattened(params)
    run(case, one, X, y, epochs=2, order=order)
    run(case, several, X, y, epochs=2, order=order, budget=7)
    assert one.tobytes() == several.tobytes()


@both
@pytest.mark.parametrize("hidden", [0, 2])
def test_saturated_outputs_have_right_losses_and_gradients(hidden, dtype):
    # the output is one weight of z times an input, or a hidden unit, of 1: the update
    # is the gradient
    for z, t, loss, slope in [
        (1000, 1, 0, 0),
        (1000, 0, 1000, 1),
        (-1000, 0, 0, 0),
        (-1000, 1, 1000, -1),
    ]:
        theta = np.array(
            [0, 0, 0, 0, 100, 100, z, 0, 0] if hidden else [z, 0, 0], dtype
        )
        case, x, t = CASES[hidden], np.array([[1, 0]], dtype), np.array([[t]], dtype)
        _, sums, right, _ = run(case, theta, x, t, lr=1.0)
        assert (sums[0], right[0]) == (loss, loss == 0)
        assert theta[-3:].tolist() == [z - slope, -slope if hidden else 0, -slope]


@pytest.mark.filterwarnings("ignore:invalid:RuntimeWarning")  # of the interpreted run
@pytest.mark.parametrize(
    ("case", "dtype"),
    [(CASES[1], "float64"), (CASES[3], "float64"), (CASES[3], "float32")],
    ids=str,
)
def test_loss_that_is_not_finite_stops_before_its_update(case, dtype):
    X, y, params, _ = problem(case[0], case[2], dtype, 10)
    targets, order = y.copy(), np.arange(10)[::-1][None].copy()
    targets[3] = np.inf  # a NaN in X runs in its own process, see below
    theta, before = flattened(params), flattened(params)
    status, sums, _, position = run(case, theta, X, targets, order=order)
    assert (status, position[ROW], position[UPDATES]) == (NOT_FINITE, 3, 6)
    assert np.isfinite(sums).all()
    run(case, before, X[:3:-1].copy(), y[:3:-1].copy())
    assert theta.tobytes() == before.tobytes()


# Runs in its own process: NaN must not become an index of the table.
NAN = """
import test_specialised, numpy as np
case = test_specialised.CASES[2]
X = np.array([[1, 0], [np.nan, 0]], "DTYPE")
theta, y = np.ones(9, "DTYPE"), np.zeros((2, 1), "DTYPE")
status, _, _, position = test_specialised.run(case, theta, X, y)
assert (status, position.tolist()) == (1, [1, 0, 1])
"""


@pytest.mark.compiled
@both
def test_nan_in_a_hidden_unit_is_reported(dtype):
    here = Path(__file__).parent
    code = (
        f"import sys; sys.path[:0] = {[str(here), str(here.parent)]!r}"
        + NAN.replace("DTYPE", dtype)
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@numba.njit
def looked_up(out, x, table):
    c = flat(table)
    for i in range(x.size):
        out[i] = step_table(c, x[i])


nearest_step = traced(
    lambda x: arithmetic.nearest_step(x, 16, 2048)[0], lambda x: types.intp
)


@numba.njit
def stepped(x):
    steps = np.empty(x.size, np.int64)
    for i in range(x.size):
        steps[i] = nearest_step(x[i])
    return steps


def exact(x):
    getcontext().prec = 50
    return [1 / (1 + (-Decimal(float(z))).exp()) for z in x]


@both
def test_table_is_exact_to_two_units_in_the_last_place(dtype):
    values = specialised.sigmoid_table(np.dtype(dtype)).reshape(-1, 8)[:, 0]
    wanted = exact(np.r_[0:1024, -1024:0] / 16)
    errors = [
        abs(Decimal(float(s)) - w) / Decimal(float(np.spacing(s)))
        for s, w in zip(values, wanted, strict=True)
    ]
    assert max(errors) <= 2  # an exponential and a division, each rounded


@both
def test_looked_up_sigmoid_is_exact_to_the_last_place_of_1(dtype):
    x = np.concatenate([np.linspace(-40, 40, 2000), np.linspace(-3, 3, 2000)]).astype(
        dtype
    )
    values = np.zeros_like(x)
    looked_up(values, x, specialised.sigmoid_table(np.dtype(dtype)))
    errors = [abs(Decimal(float(s)) - w) for s, w in zip(values, exact(x), strict=True)]
    assert max(errors) < (3e-16 if dtype == "float64" else 2e-7)


@pytest.mark.compiled
@both
def test_a_nan_with_any_bits_is_looked_up_within_the_table(dtype):
    """Another thread may write such a NaN into X while the loop reads it."""
    integers, quiet = (np.uint64, 0x7FF8) if dtype == "float64" else (np.uint32, 0x7FC0)
    width = 8 * np.dtype(dtype).itemsize
    highest = 2**48 if width == 64 else 2**16
    payloads = np.random.default_rng(0).integers(0, highest, 2000, np.uint64)
    x = (payloads + (quiet << (width - 16))).astype(integers).view(dtype)
    assert np.isnan(x).all()
    values, table = np.zeros_like(x), specialised.sigmoid_table(np.dtype(dtype))
    looked_up(values, x, table)
    assert np.isnan(values).all()
    steps = {int(step) for step in stepped(x)}
    assert min(steps) >= 0
    assert max(steps) < 2048
    assert len(steps) > 500
