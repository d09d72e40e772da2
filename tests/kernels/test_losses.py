"""Each loss in its three layouts, for units, samples and nets, against naive NumPy."""

import naive
import numba
import numpy as np
import pytest

from fastnn.kernels.codes import (
    BCE,
    EXP,
    HITS,
    LINK,
    LOSSES,
    MSE,
    PARTIAL_SUMS,
    POISSON,
    RELU,
    SIGMOID,
    SOFT_BCE,
    SOFT_CE,
    SOFTMAX,
    SOFTMAX_CE,
    TANH,
)
from fastnn.kernels.functions.lane_losses import (
    lane_losses,
    replace_by_probabilities,
    summed_losses,
)
from fastnn.kernels.functions.losses import (
    bce_of_sample,
    mse_of_sample,
    poisson_of_sample,
    soft_bce_of_sample,
    soft_ce_of_sample,
    softmax_of_sample,
    with_log,
)
from fastnn.kernels.primitives.pointers import flat
from fastnn.kernels.primitives.rows import tree_sum
from fastnn.kernels.primitives.vectors import load, reduce_add, store, vector_length

CASES = [("bce", BCE, 1), ("softmax_ce", SOFTMAX_CE, 3), ("mse", MSE, 2)]
CASES += [("softmax_ce", SOFTMAX_CE, 19), ("mse", MSE, 1)]
CASES += [("mse sigmoid", MSE + LINK * SIGMOID, 1)]
CASES += [("mse sigmoid", MSE + LINK * SIGMOID, 19)]
CASES += [("mse tanh", MSE + LINK * TANH, 2), ("mse relu", MSE + LINK * RELU, 3)]
CASES += [("mse softmax", MSE + LINK * SOFTMAX, n_out) for n_out in (3, 19)]
CASES += [("bce soft", BCE, 1)]  # probabilities as targets
CASES += [("bce soft", SOFT_BCE, n_out) for n_out in (1, 3, 19)]
CASES += [("softmax_ce soft", SOFT_CE, n_out) for n_out in (2, 19)]
CASES += [("poisson", POISSON + LINK * EXP, n_out) for n_out in (1, 3)]
LANES = 64
losses = pytest.mark.parametrize(("name", "code", "n_out"), CASES)
both = pytest.mark.parametrize("dtype", ["float64", "float32"])


@numba.njit
def of_sample(d, a, units, n_out, y, loss):
    """Return the loss of the outputs a, and whether the predicted class is right."""
    gradients, outputs, hit = flat(d), flat(a), False
    if loss == BCE:
        value, hit, d[0], e = bce_of_sample(a[0], y[0])
        value = with_log(value, e)
    elif loss == SOFTMAX_CE:
        true = np.int64(y[0])
        value, hit = softmax_of_sample(gradients, outputs, flat(units), 0, a.size, true)
    elif loss == SOFT_BCE:
        value, hit = soft_bce_of_sample(
            gradients, outputs, flat(units), 0, n_out, a.size, flat(y)
        )
    elif loss == SOFT_CE:
        value, hit = soft_ce_of_sample(
            gradients, outputs, flat(units), 0, n_out, a.size, flat(y)
        )
    elif loss % LINK == POISSON:
        value = poisson_of_sample(gradients, outputs, 0, n_out, flat(y))
    else:
        value = mse_of_sample(
            gradients, outputs, flat(units), 0, n_out, a.size, flat(y), loss // LINK
        )
    return value, hit


@numba.njit
def of_samples(d, a, n_out, y, scales, weights, weighted, loss, t):
    """Return the sum of losses / 64, the number of right classes, and a lane or -1."""
    return summed_losses(
        flat(d),
        flat(a),
        0,
        n_out,
        flat(y),
        flat(scales),
        flat(weights),
        weighted,
        loss,
        flat(t),
        1 / 64,
        a.shape[1],
        a.shape[1],
    )


@numba.njit
def of_nets(d, a, n_out, y, loss, t):
    """Fill d and the rows of t for many nets that share a sample's targets y."""
    lanes = a.shape[1]
    lane_losses(
        flat(d),
        flat(a),
        0,
        n_out,
        flat(y),
        None,
        None,
        loss,
        flat(t),
        True,
        lanes,
        lanes,
    )


def problem(name, n_out, dtype):
    """Return outputs of LANES samples, and their targets as naive code takes them."""
    draw = np.random.default_rng(n_out)
    z = (3 * draw.standard_normal((LANES, n_out))).astype(dtype)
    if name.startswith("mse"):
        return z, draw.standard_normal((LANES, n_out)).astype(dtype)
    z[0] = z[0, 0]  # equal outputs: the first class wins
    if name == "poisson":
        return z / 3, draw.poisson(3.0, (LANES, n_out)).astype(dtype)
    if name == "bce soft":
        y = draw.choice([0, 0.125, 0.5, 0.75, 1], (LANES, n_out)).astype(dtype)
        y[1::2] = z[1::2] > 0
        return z, y
    if name == "softmax_ce soft":
        y = draw.dirichlet(np.ones(n_out), LANES).astype(dtype)
        y[1], y[2] = np.eye(n_out)[1], 1 / n_out
        return z, y
    return z, draw.integers(0, max(n_out, 2), LANES)


def naive_losses(z, y, name):
    """Return each row's loss, its gradient, and whether its class is predicted."""
    loss, _, link = name.partition(" ")
    link = "identity" if link in ("", "soft") else link
    wide = y.astype(float) if y.dtype.kind == "f" else y
    values, slopes = naive.sample_losses(z.astype(float), wide, loss, link)
    return values, slopes, naive.is_correct(z, y, loss)


def columns(y, dtype):
    return y.reshape(len(y), -1).astype(dtype)


def tolerance(dtype):
    return 1e-12 if dtype == "float64" else 1e-5


@both
@losses
def test_units_of_one_sample(name, code, n_out, dtype):
    z, y = problem(name, n_out, dtype)
    wanted, slopes, hits = naive_losses(z, y, name)
    padded = -(-n_out // 16) * 16
    for i in range(LANES):
        a, d, units = np.zeros((3, padded), dtype)
        a[:n_out], units[:n_out] = z[i], 1
        loss, hit = of_sample(d, a, units, n_out, columns(y, dtype)[i].copy(), code)
        assert loss == pytest.approx(wanted[i], abs=tolerance(dtype))
        assert np.abs(d[:n_out] - slopes[i]).max() <= tolerance(dtype)
        assert bool(hit) == hits[i]


@both
@pytest.mark.parametrize("shift", [-1e4, 1e4])
@pytest.mark.parametrize(
    losses.args[0], [case for case in losses.args[1] if "softmax" in case[0]]
)
def test_padding_beside_outputs_far_from_zero(name, code, n_out, shift, dtype):
    z, y = problem(name, n_out, dtype)
    z = (z[:4] + shift).astype(dtype)
    wanted, slopes, _ = naive_losses(z, y[:4], name)
    padded = -(-n_out // 16) * 16
    for i in range(4):
        a, d, units = np.zeros((3, padded), dtype)
        a[:n_out], units[:n_out] = z[i], 1
        loss, _ = of_sample(d, a, units, n_out, columns(y, dtype)[i].copy(), code)
        assert loss == pytest.approx(wanted[i], abs=tolerance(dtype))
        assert np.abs(d[:n_out] - slopes[i]).max() <= tolerance(dtype)
        assert (d[n_out:] == 0).all()


@both
@losses
def test_samples_side_by_side(name, code, n_out, dtype):
    z, y = problem(name, n_out, dtype)
    n = LANES - 3  # the last lanes have no sample
    wanted, slopes, hits = naive_losses(z, y, name)
    a, d = np.ascontiguousarray(z.T), np.full((n_out, LANES), np.nan, dtype)
    targets = np.ascontiguousarray(columns(y, dtype).T)
    t, scales = np.zeros((PARTIAL_SUMS + 1, LANES), dtype), np.zeros(LANES, dtype)
    scales[:n], weights = 0.25, np.full(LANES, -1, dtype)
    # the hit of a row without weight counts, its loss does not
    weights[:n] = np.arange(n) % 3
    total, right, bad = of_samples(d, a, n_out, targets, scales, weights, True, code, t)
    wanted = wanted[:n] * weights[:n]
    assert total * 64 == pytest.approx(wanted.sum(), rel=tolerance(dtype))
    assert (right, bad) == (hits[:n].sum(), -1)
    assert np.abs(t[LOSSES, :n] - wanted).max() <= tolerance(dtype)
    assert (t[LOSSES, n:] == 0).all()
    assert np.abs(d[:, :n] - 0.25 * slopes[:n].T).max() <= tolerance(dtype)
    assert (d[:, n:] == 0).all()


@both
@pytest.mark.parametrize("least", [0.0, 8.0, 20.0])
@pytest.mark.parametrize("name", ["bce", "bce soft", "softmax_ce"])
def test_one_logarithm_for_samples_without_weights(name, least, dtype):
    n_out, code = (3, SOFTMAX_CE) if name == "softmax_ce" else (1, BCE)
    z, y = problem(name, n_out, dtype)
    rows, winner = np.arange(LANES), z.argmax(axis=1)
    if code == BCE:
        z += np.where(z > 0, least, -least).astype(dtype)
    else:
        z[rows, winner] += np.array(least, dtype)
    if least:  # all right and sure, so that only small losses are left
        y = winner if code == SOFTMAX_CE else (z > 0).reshape(y.shape).astype(y.dtype)
    n = LANES - 3
    wanted, slopes, hits = naive_losses(z, y, name)
    if least:
        others = -np.abs(z.astype(float))
        if code == SOFTMAX_CE:
            others = z.astype(float) - z.max(axis=1, keepdims=True)
            others[rows, winner] = -np.inf
        wanted = np.log1p(np.exp(others).sum(axis=1))
    a, d = np.ascontiguousarray(z.T), np.full((n_out, LANES), np.nan, dtype)
    targets = np.ascontiguousarray(columns(y, dtype).T)
    t, scales = np.zeros((PARTIAL_SUMS + 1, LANES), dtype), np.zeros(LANES, dtype)
    weights = np.full(LANES, -1, dtype)
    scales[:n], weights[:n] = 0.25, 1
    total, right, bad = of_samples(
        d, a, n_out, targets, scales, weights, False, code, t
    )
    assert total * 64 == pytest.approx(wanted[:n].sum(), rel=tolerance(dtype))
    assert (right, bad) == (hits[:n].sum(), -1)
    assert np.abs(d[:, :n] - 0.25 * slopes[:n].T).max() <= tolerance(dtype)
    assert (d[:, n:] == 0).all()


@both
def test_a_logarithm_of_a_product_that_is_too_large(dtype):
    # Each lane of a float32 vector has 64 samples: 9^64 is infinite.
    a, y = np.zeros((9, 1024), dtype), np.zeros((1, 1024), dtype)
    d, t = np.zeros_like(a), np.zeros((PARTIAL_SUMS + 1, 1024), dtype)
    ones = np.ones(1024, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        total, right, bad = of_samples(d, a, 9, y, ones, ones, False, SOFTMAX_CE, t)
    assert (right, bad) == (1024, -1)
    assert total == pytest.approx(1024 / 64 * np.log(9), rel=tolerance(dtype))


@both
@losses
def test_nets_have_the_bits_of_one_sample(name, code, n_out, dtype):
    z, y = problem(name, n_out, dtype)
    target = columns(y, dtype)[0].copy()
    a, d = np.array(z.T, order="C"), np.zeros((n_out, LANES), dtype)
    t = np.zeros((PARTIAL_SUMS + 64 // a.itemsize, LANES), dtype)
    of_nets(d, a, n_out, target, code, t)
    padded = -(-n_out // 16) * 16
    for i in range(LANES):
        outputs, slopes, units = np.zeros((3, padded), dtype)
        outputs[:n_out], units[:n_out] = z[i], 1
        loss, hit = of_sample(slopes, outputs, units, n_out, target, code)
        assert t[LOSSES, i].tobytes() == np.array(loss, dtype).tobytes()
        assert d[:, i].tobytes() == slopes[:n_out].tobytes()
        assert t[HITS, i] == hit


@both
@losses
def test_first_loss_that_is_not_finite_is_reported(name, code, n_out, dtype):
    z, y = problem(name, n_out, dtype)
    z[[5, 9], -1] = np.nan
    a, d = np.ascontiguousarray(z.T), np.zeros((n_out, LANES), dtype)
    targets = np.ascontiguousarray(columns(y, dtype).T)
    t = np.zeros((PARTIAL_SUMS + 1, LANES), dtype)
    with np.errstate(invalid="ignore"):
        ones = np.ones(LANES, dtype)
        total, _, bad = of_samples(d, a, n_out, targets, ones, ones, False, code, t)
    assert not np.isfinite(total)
    assert bad == 5


@both
def test_losses_that_are_infinite_only_in_their_sum_have_a_finite_one(dtype):
    largest = np.sqrt(np.finfo(dtype).max) / 2
    a, y = np.full((1, LANES), largest, dtype), np.zeros((1, LANES), dtype)
    d, t = np.zeros_like(a), np.zeros((PARTIAL_SUMS + 1, LANES), dtype)
    ones = np.ones(LANES, dtype)
    with np.errstate(over="ignore"):
        total, _, bad = of_samples(d, a, 1, y, ones, ones, False, MSE, t)
    assert bad == -1
    assert total == pytest.approx(float(largest) ** 2, rel=1e-6)


@numba.njit
def probabilities(a, n_out, loss):
    replace_by_probabilities(flat(a), 0, n_out, loss, a.shape[1], a.shape[1])


@both
def test_probabilities_are_sigmoid_and_softmax(dtype):
    z, _ = problem("softmax_ce", 3, dtype)
    a = np.ascontiguousarray(z.T)
    probabilities(a, 3, SOFTMAX_CE)
    assert np.abs(a - naive.softmax(z.astype(float)).T).max() <= tolerance(dtype)
    a = np.ascontiguousarray(z[:, :2].T)
    probabilities(a, 1, BCE)
    p = naive.activate(z[:, 0].astype(float), "sigmoid")
    assert np.abs(a - [1 - p, p]).max() <= tolerance(dtype)


@both
def test_probabilities_saturate_where_outputs_are_huge(dtype):
    huge, inf = np.finfo(dtype).max, np.inf
    rows = [
        ([huge, -huge, 0], [1, 0, 0]),
        ([-huge, -huge, -huge / 2], [0, 0, 1]),
        ([huge, huge, 0], [0.5, 0.5, 0]),
        ([inf, inf, 0], [np.nan] * 3),
        ([0, np.nan, 0], [np.nan] * 3),
    ]
    a = np.zeros((3, LANES), dtype)
    a[:, : len(rows)] = np.transpose([row for row, _ in rows])
    with np.errstate(over="ignore", invalid="ignore"):
        probabilities(a, 3, SOFTMAX_CE)
    wanted = np.transpose([p for _, p in rows])
    assert np.array_equal(a[:, : len(rows)], wanted, equal_nan=True)
    outputs = [huge, -huge, inf, -inf, np.nan]
    a = np.zeros((2, LANES), dtype)
    a[0, :5] = outputs
    with np.errstate(over="ignore", invalid="ignore"):
        probabilities(a, 1, BCE)
    wanted = [[0, 1, 0, 1, np.nan], [1, 0, 1, 0, np.nan]]
    assert np.array_equal(a[:, :5], wanted, equal_nan=True)


@numba.njit
def tree(rows, n, sums, x):
    tree_sum(flat(rows), n, rows.shape[1], rows.shape[1])
    length = vector_length(flat(x))
    for i in range(rows.shape[1]):
        store(flat(sums), 0, load(flat(x), i * length))
        sums[i + length] = reduce_add(load(flat(sums), 0))


@both
@pytest.mark.parametrize("missing", [0, 1, 5])
def test_sums_of_rows_have_the_order_of_sums_within_a_vector(missing, dtype):
    length = 64 // np.dtype(dtype).itemsize
    n = length - missing
    rows = np.random.default_rng(0).standard_normal((length, 16)).astype(dtype)
    rows[n:] = 0
    x, sums = np.ascontiguousarray(rows.T).reshape(-1), np.zeros(16 + length, dtype)
    tree(rows, n, sums, x)
    assert rows[0].tobytes() == sums[length:].tobytes()
