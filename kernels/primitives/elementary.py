"""exp, log, sigmoid and tanh of numbers and vectors, from + - * / and `arithmetic`.

They have the same bits on every processor with a fused multiply-add, which no
mathematics library promises. They call no library, so they also run on vectors. Errors
were measured over the whole range (see the tests): below 2 units in the last place for
exp, log and log1p, below 3 for sigmoid and tanh.

e^x = 2^(k/n) e^f, where k = n x / ln 2 rounded, f = x - k ln(2) / n and |f| <=
ln(2) / (2 n); ln 2 comes in two parts, and 2^(k/n) from a table of n powers, 16 or for
float32 8. Without the table the polynomial has twice as many terms (8 sigmoids: 22
instead of 16 cycles on Zen 4). For tanh, which subtracts 1 from e^x, n is 1, because
2^k has no error. log x = k ln 2 + log m, where x = 2^k m. The polynomials interpolate
(e^f - 1 - f) / f^2 and (log((1 + s) / (1 - s)) / s - 2) / s^2 at Chebyshev points, for
|s| up to (sqrt(2) - 1) / (sqrt(2) + 1) and up to 1/3, with relative errors below 2e-17
(float32: 2e-8).
"""

from typing import Any

import numpy as np

from .arithmetic import (
    clip,
    fma,
    mantissa_bits,
    round_product,
    split_exponent,
    times_power_of_two,
    where_greater,
)
from .memory import load
from .powers import power_of_two, powers_for, stored_power_of_two

LOG2_E = 1.4426950408889634
# Constants of each type: ln 2 in two parts, the polynomials for e^x with the
# table and without it, for log x and log(1 + x), and the largest |x| of e^x.
DOUBLE = (
    (0.6931471805599453, 2.3190468138462996e-17),
    (
        0.5,
        0.1666666666530169,
        0.04166666666496045,
        0.008333449701253456,
        0.0013889034348599464,
    ),
    (
        0.5,
        0.16666666666666669,
        0.041666666666624094,
        0.00833333333333006,
        0.0013888888917230724,
        0.00019841269863066696,
        2.4801521269532122e-05,
        2.7557268439678e-06,
        2.7620101012098e-07,
        2.5100395159429243e-08,
    ),
    (
        0.666666666666667,
        0.3999999999989889,
        0.28571428626253836,
        0.22222211089379496,
        0.1818289243253687,
        0.15331611722055008,
        0.14617807153417325,
    ),
    (
        0.6666666666666666,
        0.40000000000014596,
        0.2857142856710506,
        0.22222222717801782,
        0.18181789417326447,
        0.15385570592912243,
        0.13314135550881162,
        0.12001155182857778,
        0.08800317650868773,
        0.16164938169471338,
    ),
    708.0,
)
SINGLE = (
    (0.693147182464599609375, -1.904654299957767e-09),
    (0.5, 0.1666783968696943, 0.04166862168412452),
    (
        0.5,
        0.1666657695378877,
        0.04166655457234514,
        0.008363185031533224,
        0.0013926191056242137,
    ),
    (0.6666668509542907, 0.39988757716604845, 0.29580985929974424),
    (0.6666664032562869, 0.40007563065259333, 0.28236546657557726, 0.268520272939997),
    87.0,
)


def _constants(x: Any) -> Any:
    return DOUBLE if mantissa_bits(x) == 52 else SINGLE


def _polynomial(c: tuple[float, ...], x: Any) -> Any:
    """Return c[0] + c[1] x + c[2] x^2 ...

    Pairs of terms, then pairs of pairs, until at most three are left: few operations
    wait for one another.
    """
    terms: list[Any] = list(c)
    while len(terms) > 3:
        pairs = [fma(x, terms[i + 1], terms[i]) for i in range(0, len(terms) - 1, 2)]
        terms = pairs + terms[2 * len(pairs) :]
        x = x * x
    p = terms.pop()
    while terms:
        p = fma(x, p, terms.pop())
    return p


def _reduce_range(x: Any, per_octave: int) -> tuple[Any, Any]:
    """Return f, and a number whose last bits are k, where e^x = 2^(k/per_octave) e^f.

    per_octave is a power of 2.
    """
    (high, low), *_ = _constants(x)
    k, last = round_product(x, per_octave * LOG2_E)
    return fma(k, -low / per_octave, fma(k, -high / per_octave, x)), last


def exp(x: Any) -> Any:
    """Return e^x for |x| up to 708 (float32: 87).

    For smaller x it is 0, for larger x the value at 708.
    """
    *_, largest = _constants(x)
    x = where_greater(x, largest, largest, x)
    return zero_below(x, _unbounded_exp(x))


def exp_of_negative(x: Any) -> Any:
    """Return e^x for x <= 0; it is 0 for x below -708 (float32: -87)."""
    return zero_below(x, _unbounded_exp(x))


def zero_below(x: Any, e: Any) -> Any:
    """Return e, or 0 where x is below -708 (float32: -87)."""
    *_, largest = _constants(x)
    return where_greater(-largest, x, 0.0, e)


def _unbounded_exp(x: Any) -> Any:
    """Return e^x for |x| up to 708 (float32: 87), NaN for NaN, else any number."""
    f, last = exp_parts(x)
    with np.errstate(invalid="ignore", over="ignore"):
        return _exp_of_parts(f, power_of_two(last))


def exp_parts(x: Any) -> tuple[Any, Any]:
    """Return f, and a number whose last bits are k, where e^x = 2^(k/n) e^f."""
    # in plain Python infinities would warn; their results are not used
    with np.errstate(invalid="ignore", over="ignore"):
        return _reduce_range(x, len(powers_for(x)))


def stored_exp(parts: Any, last: Any, i: Any) -> Any:
    """Return e^x of the vector whose `exp_parts` are at parts[i] and last[i]."""
    with np.errstate(invalid="ignore", over="ignore"):
        return _exp_of_parts(load(parts, i), stored_power_of_two(last, i))


def _exp_of_parts(f: Any, power: Any) -> Any:
    _, coefficients, *_ = _constants(f)
    less_1 = fma(f * f, _polynomial(coefficients, f), f)
    return fma(power, less_1, power)


def sigmoid_parts(z: Any) -> tuple[Any, Any]:
    """Return the `exp_parts` of a number e with which 1 / (1 + e) is `sigmoid`.

    Where e^-z is too large, f and so e are infinite.
    """
    *_, largest = _constants(z)
    x = -z
    # in this order they are the processors' maximum and minimum
    x = where_greater(-largest, x, -largest, x)
    with np.errstate(invalid="ignore"):
        f, last = exp_parts(where_greater(x, largest, largest, x))
    return where_greater(-largest, z, np.inf, f), last


def sigmoid(z: Any, one: Any) -> Any:
    """Return one / (1 + e^-z), which is 0 for z below -708 (float32: -87).

    `one` is 1, or 0 in lanes whose result should be 0.
    """
    return sigmoid_from_exp(z, exp_for_sigmoid(z), one)


def exp_for_sigmoid(z: Any) -> Any:
    """Return e^-z; any number for z below -708 (float32: -87)."""
    *_, largest = _constants(z)
    x = -z
    # in this order it is the processors' maximum, one instruction
    return _unbounded_exp(where_greater(-largest, x, -largest, x))


def sigmoid_from_exp(z: Any, e: Any, one: Any) -> Any:
    """Return the sigmoid of z, where e is its `exp_for_sigmoid`."""
    *_, largest = _constants(z)
    return where_greater(-largest, z, 0.0, one / (1.0 + e))


def tanh(z: Any) -> Any:
    """Return (e^2z - 1) / (e^2z - 1 + 2).

    e^2z - 1 = 2^k (e^f - 1) + (2^k - 1), so that no digits are lost near 0.
    """
    f, last = _reduce_range(clip(z + z, -60.0, 60.0), 1)
    _, _, coefficients, *_ = _constants(z)
    less_1 = fma(f * f, _polynomial(coefficients, f), f)
    two_k = times_power_of_two(1.0, last)
    e = fma(two_k, less_1, two_k - 1.0)
    return e / (e + 2.0)


def log(x: Any) -> Any:
    """Return the natural logarithm of a positive normal number."""
    (high, low), _, _, coefficients, *_ = _constants(x)
    m, k = split_exponent(x)
    f = m - 1.0
    s = f / (m + 1.0)
    half = f * f * 0.5
    rest = s * (half + _polynomial(coefficients, s * s) * (s * s))
    return fma(k, high, f - (half - fma(k, low, rest)))


def log1p_to_1(x: Any) -> Any:
    """Return log(1 + x) for x from 0 to 1."""
    *_, coefficients, _ = _constants(x)
    s = x / (x + 2.0)
    return fma(s * (s * s), _polynomial(coefficients, s * s), s + s)


def log1p(x: Any) -> Any:
    """Return log(1 + x) for x >= 0."""
    y = 1.0 + x
    return log(y) + (x - (y - 1.0)) / y
