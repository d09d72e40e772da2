"""Errors of exp, log, sigmoid and tanh against 50 decimal digits; special values."""

import math
from decimal import Decimal, getcontext
from functools import cache

import numba
import numpy as np
import pytest

from fastnn.kernels.primitives import elementary
from fastnn.kernels.primitives.pointers import flat
from fastnn.kernels.primitives.vectors import (
    constant,
    exp,
    load,
    log,
    log1p,
    sigmoid,
    store,
    tanh,
    traced,
    vector_length,
)

log1p_to_1 = traced(elementary.log1p_to_1)
NAMES = ["exp", "log", "log1p", "log1p_to_1", "sigmoid", "tanh"]
EXP, LOG, LOG1P, LOG1P_TO_1, SIGMOID, TANH = range(6)
COMPILED = not numba.config.DISABLE_JIT
both = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@numba.njit(error_model="numpy")
def value(x, one, function):
    """Return a function of a number or a vector: one compilation for all functions."""
    if function == EXP:
        x = exp(x)
    elif function == LOG:
        x = log(x)
    elif function == LOG1P:
        x = log1p(x)
    elif function == LOG1P_TO_1:
        x = log1p_to_1(x)
    elif function == SIGMOID:
        x = sigmoid(x, one)
    else:
        x = tanh(x)
    return x


@numba.njit(error_model="numpy")
def of_vectors(out, x, function):
    """Fill out with a function of x, one vector after another."""
    a, to = flat(x), flat(out)
    for i in range(0, x.size, vector_length(a)):
        store(to, i, value(load(a, i), constant(a, 1), function))


@numba.njit(error_model="numpy")
def of_numbers(out, x, function):
    """Fill out with a function of x, number by number."""
    for i in range(x.size):
        out[i] = value(x[i], x.dtype.type(1), function)


def computed(name, x, loop=of_vectors):
    """Return the function of each x; the last vector is padded with ones."""
    padded = np.ones(-(-x.size // 16) * 16, x.dtype)
    padded[: x.size] = x
    out = np.zeros_like(padded)
    loop(out, padded, NAMES.index(name))
    return out[: x.size]


def exact(name, x):
    """Return the value to 30 digits: near 0 from a series, as the rest would cancel."""
    if name == "exp":
        return x.exp()
    if name == "log":
        return x.ln()
    if name == "sigmoid":
        return 1 / (1 + (-x).exp())
    small = abs(x) < Decimal("1e-10")
    if name == "tanh":
        return x - x**3 / 3 if small else 1 - 2 / ((2 * x).exp() + 1)
    return x - x**2 / 2 + x**3 / 3 if small else (1 + x).ln()


@cache
def points(name, dtype):
    """Return points of the whole range, and more where more digits can be lost."""
    draw, kind = np.random.default_rng(0), np.finfo(dtype)
    end, least = (708.0, -300) if dtype == np.float64 else (87.0, -37)
    small = 10 ** draw.uniform(least, 0, 500)
    ulps = np.arange(1, 40) * float(kind.eps)
    if name == "log":
        x = [
            10 ** draw.uniform(least, -least, 800),
            draw.uniform(0.5, 2, 800),
            1 + ulps,
            1 - ulps,
        ]
        x += [
            0.5**0.5 * (1 + ulps),
            0.5**0.5 * (1 - ulps),
            2.0 ** np.arange(-120, 120),
            [kind.tiny, kind.max],
        ]
    elif name == "log1p":
        x = [
            small,
            10 ** draw.uniform(0, -least, 400),
            draw.uniform(0, 2, 800),
            ulps,
            1 / ulps,
            [kind.max],
        ]
    elif name == "log1p_to_1":
        x = [small, draw.uniform(0, 1, 1000), ulps, 1 - ulps]
    else:
        halves = (np.arange(-40, 40) + 0.5) * np.log(2)  # where k changes
        x = [
            draw.uniform(-end, end, 800),
            draw.uniform(-40, 40, 800),
            draw.uniform(-1, 1, 800),
        ]
        x += [
            small,
            -small,
            ulps,
            -ulps,
            halves,
            end * (1 - ulps),
            -end * (1 - ulps),
            [end, -end],
        ]
    return np.concatenate(x).astype(dtype)


def errors(name, x):
    """Return errors in units in the last place, at least of the least normal number."""
    getcontext().prec = 50
    kind = np.finfo(x.dtype)
    wanted = [exact(name, Decimal(float(each))) for each in x]
    # without a difference of neighbours: a C library that was loaded may have switched
    # off subnormal numbers
    exponents = [math.frexp(max(abs(float(w)), float(kind.tiny)))[1] for w in wanted]
    units = [Decimal(2) ** (exponent - 1 - kind.nmant) for exponent in exponents]
    values = computed(name, x)
    return np.array(
        [
            float(abs(Decimal(float(v)) - w) / u)
            for v, w, u in zip(values, wanted, units, strict=True)
        ]
    )


@both
@pytest.mark.parametrize(
    ("name", "bound"), list(zip(NAMES, [2, 2, 2, 2, 3, 3], strict=True))
)
def test_errors_are_a_few_units_in_the_last_place(name, bound, dtype):
    x = points(name, dtype)
    error = errors(name, x)
    if not COMPILED and name in ("exp", "sigmoid"):
        # plain Python has no fma: k ln 2 is rounded, by up to |x| units of the result
        error -= np.abs(x)
    assert (error < bound).all(), (error.max(), x[error.argmax()])


@both
def test_special_values_are_exact(dtype):
    end = [-np.inf, -1000, 0, 1000, np.inf]
    for name, x, wanted in [
        ("exp", end, [0, 0, 1, np.inf, np.inf]),
        ("sigmoid", end, [0, 0, 0.5, 1, 1]),
        ("tanh", end, [-1, -1, 0, 1, 1]),
        ("log", [1], [0]),
        ("log1p", [0], [0]),
        ("log1p_to_1", [0], [0]),
    ]:
        assert computed(name, np.array(x, dtype)).tolist() == wanted


@both
def test_functions_go_on_to_their_ends(dtype):
    # Beyond it e^x is infinite, and before it e^-z is 0.
    end = 1024 * np.log(2) if dtype == np.float64 else 128 * np.log(2)
    x = np.concatenate(
        [np.linspace(0.99 * end, 1.01 * end, 999), np.geomspace(1.01 * end, 1e30, 99)]
    ).astype(dtype)
    e = computed("exp", x)
    assert (np.diff(e[np.isfinite(e)]) >= 0).all()
    assert np.isinf(e[x > 1.0001 * end]).all()
    assert np.isfinite(e[x < 0.9999 * end]).all()
    assert not computed("exp", -x)[x > end].any()
    small = computed("sigmoid", -x)
    assert (np.diff(small) <= 0).all()
    assert not small[x > 1.0001 * end].any()
    assert (computed("sigmoid", x) == 1).all()


@pytest.mark.filterwarnings("ignore:invalid:RuntimeWarning")  # of the interpreted run
@both
@pytest.mark.parametrize("name", ["exp", "sigmoid", "tanh"])
def test_nan_stays_nan(name, dtype):
    assert np.isnan(computed(name, np.array([np.nan, -np.nan], dtype))).all()


@both
@pytest.mark.parametrize("name", NAMES)
def test_numbers_have_the_bits_of_vectors(name, dtype):
    x = points(name, dtype)[::3]
    assert computed(name, x).tobytes() == computed(name, x, of_numbers).tobytes()


@both
@pytest.mark.parametrize(
    ("name", "bound"), list(zip(NAMES, [2, 2, 2, 2, 3, 3], strict=True))
)
def test_greater_numbers_have_greater_results_up_to_the_error(name, bound, dtype):
    low, high = {"log": (0.5, 2), "log1p": (0, 3), "log1p_to_1": (0, 1)}.get(
        name, (-20, 20)
    )
    values = computed(name, np.linspace(low, high, 20_000).astype(dtype))
    error = bound if COMPILED or name not in ("exp", "sigmoid") else bound + 20
    assert (np.diff(values) >= -2 * error * np.spacing(np.abs(values[1:]))).all()
