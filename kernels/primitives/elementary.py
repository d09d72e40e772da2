"""exp, log, sigmoid and tanh of numbers and vectors, from + - * / and `arithmetic`.

They have the same bits on every processor with a fused multiply-add, which no
mathematics library promises. They call no library, so they also run on vectors. Errors
were measured over the whole range (see the tests): below 2 units in the last place for
exp, log and log1p, below 3 for sigmoid and tanh.

e^x = 2^k e^f, where k = x / ln 2 rounded, f = x - k ln 2 and |f| <= ln(2) / 2; ln 2
comes in two parts. log x = k ln 2 + log m, where x = 2^k m. The polynomials interpolate
(e^f - 1 - f) / f^2 and (log((1 + s) / (1 - s)) / s - 2) / s^2 at Chebyshev points, for
|s| up to (sqrt(2) - 1) / (sqrt(2) + 1) and up to 1/3, with relative errors below 2e-17
(float32: 2e-8).
"""

from typing import Any

from .arithmetic import (
    clip,
    fma,
    mantissa_bits,
    round_product,
    split_exponent,
    times_power_of_two,
    where_greater,
)

LOG2_E = 1.4426950408889634
# Constants of each type: ln 2 in two parts, the polynomials for e^x, log x and
# log(1 + x), and the largest |x| of e^x.
DOUBLE = (
    (0.6931471805599453, 2.3190468138462996e-17),
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

    Pairs of terms, then pairs of pairs: few operations wait for one another.
    """
    terms: list[Any] = list(c)
    while len(terms) > 1:
        pairs = [fma(x, terms[i + 1], terms[i]) for i in range(0, len(terms) - 1, 2)]
        terms = pairs + terms[2 * len(pairs) :]
        x = x * x
    return terms[0]


def _reduce_range(x: Any) -> tuple[Any, Any]:
    """Return f and what `times_power_of_two` takes for 2^k, where e^x = 2^k e^f."""
    (high, low), *_ = _constants(x)
    k, last = round_product(x, LOG2_E)
    return fma(k, -low, fma(k, -high, x)), last


def exp(x: Any) -> Any:
    """Return e^x for |x| up to 708 (float32: 87).

    For smaller x it is 0, for larger x the value at 708.
    """
    *_, largest = _constants(x)
    return where_greater(-largest, x, 0.0, _bounded_exp(x))


def _bounded_exp(x: Any) -> Any:
    _, coefficients, *_, largest = _constants(x)
    f, last = _reduce_range(clip(x, -largest, largest))
    return times_power_of_two(_polynomial((1.0, 1.0, *coefficients), f), last)


def sigmoid(z: Any, one: Any) -> Any:
    """Return one / (1 + e^-z), which is 0 for z below -708 (float32: -87).

    `one` is 1, or 0 in lanes whose result should be 0.
    """
    *_, largest = _constants(z)
    return where_greater(-largest, z, 0.0, one / (1.0 + _bounded_exp(-z)))


def tanh(z: Any) -> Any:
    """Return (e^2z - 1) / (e^2z - 1 + 2).

    e^2z - 1 = 2^k (e^f - 1) + (2^k - 1), so that no digits are lost near 0.
    """
    f, last = _reduce_range(clip(z + z, -60.0, 60.0))
    _, coefficients, *_ = _constants(z)
    less_1 = fma(f * f, _polynomial(coefficients, f), f)
    two_k = times_power_of_two(1.0, last)
    e = fma(two_k, less_1, two_k - 1.0)
    return e / (e + 2.0)


def log(x: Any) -> Any:
    """Return the natural logarithm of a positive normal number."""
    (high, low), _, coefficients, *_ = _constants(x)
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
