"""exp, log, sigmoid and tanh of numbers and vectors, from + - * / and `arithmetic`.

They have the same bits on every processor with a fused multiply-add, which no
mathematics library promises. They call no library, so they also run on vectors. Errors
were measured over the whole range (see the tests): below 2 units in the last place for
exp (up to x = 709.76, float32: 88.72), log and log1p, below 3 for sigmoid and tanh.

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
# Constants of each type: ln 2 in two parts, the polynomials for e^x with the table and
# without it, for log x and log(1 + x), the largest z of e^-z that is not 0, and the
# number of octaves above 1.
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
    1024,
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
    128,
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


def _reduce_range(z: Any, per_octave: int, most: int | None = None) -> tuple[Any, Any]:
    """Return -f, and a number whose last bits are k, where e^-z = 2^(k/per_octave) e^f.

    per_octave is a power of 2. k is at most `most`.
    """
    (high, low), *_ = _constants(z)
    # in plain Python infinities would warn; their results are not used
    with np.errstate(invalid="ignore", over="ignore"):
        k, last = round_product(z, -per_octave * LOG2_E, most)
        return fma(k, low / per_octave, fma(k, high / per_octave, z)), last


def exp(x: Any) -> Any:
    """Return e^x, which is 0 for x below -708 (float32: -87)."""
    return exp_of_minus(-x)


# These take z for e^-z: after a bound a minus costs nothing, because a multiply-add has
# it, and before a bound it would be one more instruction.


def exp_of_minus(z: Any) -> Any:
    """Return e^-z, which is 0 for z above 708 (float32: 87)."""
    return zero_above(z, exp_of_parts(*exp_parts(z)))


def exp_of_minus_positive(z: Any) -> Any:
    """Return `exp_of_minus` of z >= 0."""
    return zero_above(z, exp_of_parts(*exp_parts_of_positive(z)))


def zero_above(z: Any, e: Any) -> Any:
    """Return e, or 0 where z is above 708 (float32: 87)."""
    *_, largest, _ = _constants(z)
    return where_greater(z, largest, 0.0, e)


def exp_parts(z: Any) -> tuple[Any, Any]:
    """Return -f, and a number whose last bits are k, where e^-z = 2^(k/n) e^f.

    The largest k stays below infinity. Beyond it f goes on, and the product becomes
    infinite. For z above 708 (float32: 87) both are any numbers.
    """
    *_, octaves = _constants(z)
    return _reduce_range(z, len(powers_for(z)), octaves * len(powers_for(z)) - 1)


def exp_parts_of_positive(z: Any) -> tuple[Any, Any]:
    """Return `exp_parts` of z >= 0."""
    return _reduce_range(z, len(powers_for(z)))


def exp_of_parts(minus_f: Any, last: Any) -> Any:
    """Return e^-z from its `exp_parts`."""
    return _exp_of_power(minus_f, power_of_two(last))


def stored_exp(parts: Any, last: Any, i: Any) -> Any:
    """Return e^-z of the vector whose `exp_parts` are at parts[i] and last[i]."""
    return _exp_of_power(load(parts, i), stored_power_of_two(last, i))


def _exp_of_power(minus_f: Any, power: Any) -> Any:
    _, coefficients, *_ = _constants(minus_f)
    f = -minus_f
    with np.errstate(invalid="ignore", over="ignore"):
        less_1 = fma(f * f, _polynomial(coefficients, f), f)
        return fma(power, less_1, power)


def sigmoid_parts(z: Any) -> tuple[Any, Any]:
    """Return the `exp_parts` of a number e with which 1 / (1 + e) is `sigmoid`."""
    *_, largest, _ = _constants(z)
    # in this order it is the processors' minimum, one instruction
    return exp_parts(where_greater(z, largest, largest, z))


def exp_for_sigmoid(z: Any) -> Any:
    """Return a number e with which 1 / (1 + e) is `sigmoid`."""
    return exp_of_parts(*sigmoid_parts(z))


def sigmoid(z: Any, one: Any) -> Any:
    """Return one / (1 + e^-z).

    `one` is 1, or 0 in lanes whose result should be 0.
    """
    e = exp_of_minus(z)
    return one / (1.0 + e)


def tanh(z: Any) -> Any:
    """Return (e^2z - 1) / (e^2z - 1 + 2).

    e^2z - 1 = 2^k (e^f - 1) + (2^k - 1), so that no digits are lost near 0.
    """
    minus_f, last = _reduce_range(clip(-2.0 * z, -60.0, 60.0), 1)
    f = -minus_f
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
    *_, coefficients, _, _ = _constants(x)
    s = x / (x + 2.0)
    return fma(s * (s * s), _polynomial(coefficients, s * s), s + s)


def log1p(x: Any) -> Any:
    """Return log(1 + x) for x >= 0."""
    y = 1.0 + x
    return log(y) + (x - (y - 1.0)) / y
