"""The functions that an exported C file may need, with the bits of the kernels.

Their constants are those of `kernels.primitives.elementary`, and so are the formulas.
Sums are added in the order of `kernels.passes.samples`, `kernels.functions.lane_losses`
and, for nets that run layer by layer, `kernels.loops.layers`.
"""

import re
from collections.abc import Iterable
from string import Template
from typing import Any

import numpy as np

from ..kernels.primitives import elementary, powers
from .exportable import wide_scale

# C for float64; the order is that of the file, so a function stands after those that
# it calls. `$name` is the name of the exported function: two exported files may be
# included in a third one.
_TEXTS = {
    "affine": """
/* out = x W + b. Each sum starts at its b and goes along the inputs, in this order. */
static void ${name}_affine(double *restrict out, const double *x, long n_in,
    long n_out, const double *w, const double *b)
{
    for (long k = 0; k < n_out; k++)
        out[k] = b[k];
    for (long j = 0; j < n_in; j++)
        for (long k = 0; k < n_out; k++) {
            $product_and_sum
        }
}
""",
    "matmul": """
/* out = x W. */
static void ${name}_matmul(double *restrict out, const double *x, long n_in,
    long n_out, const double *w)
{
    for (long k = 0; k < n_out; k++)
        out[k] = 0.0;
    for (long j = 0; j < n_in; j++)
        for (long k = 0; k < n_out; k++) {
            $product_and_sum
        }
}
""",
    "scale": """
/* p 2^k, where the last bits of `last` are the integer k: it moves to the exponent. */
static double ${name}_scale(double p, double last)
{
    union { double number; ${name}_bits bits; } a, b;
    a.number = p;
    b.number = last;
    a.bits += b.bits << $mantissa;
    return a.number;
}
""",
    "exp": """
/* e^x = 2^(k/$n) e^f, with $n x / ln 2 rounded to an integer k, which is in the last
   bits of `last`. Beyond the largest k f goes on, and the product is infinite. */
static double ${name}_exp(double x)
{
    static const double powers[$n] = {
        $powers
    };
    union { double number; ${name}_bits bits; } power, last;
    last.number = fma(x, $steps_per_unit, $magic);
    if (last.number > $last_of_all)
        last.number = $last_of_all;
    const double k = last.number - $magic;
    const double f = fma(k, $minus_low_step, fma(k, $minus_high_step, x));
    power.number = powers[last.bits & $index_mask];
    power.bits += last.bits >> $index_bits << $mantissa;
    /* (e^f - 1 - f) / f^2, pairs of terms */
    $polynomial_of_step
    return x < -$largest ? 0.0 : fma(power.number, fma(f * f, p, f), power.number);
}
""",
    "exponential": """
/* e^z from the square of e^(z/2), which goes on to the ends of the numbers */
static double ${name}_exponential(double z)
{
    const double root = ${name}_exp(0.5 * z);
    return root * root;
}
""",
    "sigmoid": """
/* 1 / (1 + e^-z) */
static double ${name}_sigmoid(double z)
{
    return 1.0 / (1.0 + ${name}_exp(-z));
}
""",
    "tanh": """
/* (e^2z - 1) / (e^2z - 1 + 2), with e^2z = 2^k e^f and no digits lost near 0 */
static double ${name}_tanh(double z)
{
    double x = z + z;
    if (x > 60.0)
        x = 60.0;
    if (x < -60.0)
        x = -60.0;
    const double last = fma(x, $log2_e, $magic);
    const double k = last - $magic;
    const double f = fma(k, $minus_low, fma(k, $minus_high, x));
    /* (e^f - 1 - f) / f^2, pairs of terms, then pairs of pairs */
    $polynomial
    const double two_k = ${name}_scale(1.0, last);
    const double e = fma(two_k, fma(f * f, p, f), two_k - 1.0);
    return e / (e + 2.0);
}
""",
    "wide": """
/* Where the largest of z = x W + b is beyond the largest number, put numbers in the
   place of z that are in proportion to them: the sums again, but scaled. */
static void ${name}_wide(double *restrict z, const double *x, long n_in, long n_out,
    const double *w, const double *b)
{
    double largest = z[0], size = 0.0;
    for (long k = 1; k < n_out && largest == largest; k++)
        if (!(z[k] <= largest))
            largest = z[k];
    if (largest - largest == 0.0)
        return;
    for (long k = 0; k < n_out; k++) {
        z[k] = b[k] * $scale * $scale;
        for (long j = 0; j < n_in; j++)
            z[k] = fma(x[j] * $scale, w[j * n_out + k] * $scale, z[k]);
        if (z[k] > size || -z[k] > size)
            size = z[k] > 0.0 ? z[k] : -z[k];
    }
    for (long k = 0; k < n_out; k++)
        z[k] = z[k] / size * $most;
}
""",
    "softmax": """
/* Replace n numbers z by e^z_k / sum_j e^z_j, which cannot overflow. The largest one
   has the term 1, also if it is infinite. */
static void ${name}_softmax(double *z, long n)
{
    long winner = 0;
    for (long k = 1; k < n; k++)
        if (z[k] > z[winner])
            winner = k;
    const double largest = z[winner];
    double total = 0.0;
    for (long k = 0; k < n; k++) {
        z[k] = k == winner ? 1.0 : ${name}_exp(z[k] - largest);
        total += z[k];
    }
    for (long k = 0; k < n; k++)
        z[k] /= total;
}
""",
}
_FUSED = ("out[k] = fma(x[j], *w++, out[k]);",)
# Compilers fuse a product and a sum although they are told not to: gcc 12 -O3 makes
# vfmsubadd with -ffp-contract=off.
_ROUNDED_TWICE = (
    "/* volatile: no compiler may fuse this product and the sum */",
    "const volatile double product = x[j] * *w++;",
    "out[k] += product;",
)
_CALLS = {
    "exponential": ("exp",),
    "sigmoid": ("exp",),
    "tanh": ("scale",),
    "softmax": ("exp",),
}


def with_callees(names: Iterable[str]) -> list[str]:
    """Return the names and those of all functions that they call, in the file's order.

    >>> with_callees(["sigmoid"])
    ['exp', 'sigmoid']
    """
    needed, ahead = set(), list(names)
    while ahead:
        needed.add(name := ahead.pop())
        ahead += _CALLS.get(name, ())
    return [name for name in _TEXTS if name in needed]


def function(which: str, name: str, dtype: np.dtype[Any], fused: bool) -> str:
    """Return the C text of a function for the file of `name`."""
    (high, low), of_step, of_octave, *_, largest, octaves = constants(dtype)
    table = powers.powers_for(dtype.type(0))
    n = len(table)
    mantissa = np.finfo(dtype).nmant
    most = float(np.finfo(dtype).max)
    values = {
        "name": name,
        "product_and_sum": "\n            ".join(_FUSED if fused else _ROUNDED_TWICE),
        "mantissa": str(mantissa),
        "magic": literal(1.5 * 2.0**mantissa, dtype),
        "log2_e": literal(elementary.LOG2_E, dtype),
        "minus_high": literal(-high, dtype),
        "minus_low": literal(-low, dtype),
        "n": str(n),
        "index_mask": str(n - 1),
        "index_bits": str(n.bit_length() - 1),
        "powers": _rows([literal(power, dtype) for power in table]),
        "steps_per_unit": literal(n * elementary.LOG2_E, dtype),
        "minus_high_step": literal(-high / n, dtype),
        "minus_low_step": literal(-low / n, dtype),
        "largest": str(largest),
        "last_of_all": literal(1.5 * 2.0**mantissa + octaves * n - 1, dtype),
        "most": literal(most, dtype),
        "scale": literal(wide_scale(dtype), dtype),
        "polynomial": _polynomial(of_octave, dtype),
        "polynomial_of_step": _polynomial(of_step, dtype),
    }
    return in_c(Template(_TEXTS[which]).substitute(values), dtype)


def constants(dtype: np.dtype[Any]) -> Any:
    """Return the constants of the elementary functions for float64 or float32."""
    return elementary.DOUBLE if dtype == np.float64 else elementary.SINGLE


def in_c(text: str, dtype: np.dtype[Any]) -> str:
    """Return C for float64, or the same for float32 where that is the dtype."""
    if dtype == np.float64:
        return text
    text = re.sub(r"\bdouble\b", "float", text).replace("fma(", "fmaf(")
    return re.sub(r"(?<![\w.])\d+\.\d+\b", r"\g<0>f", text)


def literal(value: float, dtype: np.dtype[Any]) -> str:
    """Return a number, rounded to the dtype, as a hexadecimal literal of C.

    >>> literal(0.1, np.dtype("float64")), literal(0.1, np.dtype("float32"))
    ('0x1.999999999999ap-4', '0x1.99999ap-4f')
    """
    mantissa, exponent = float(dtype.type(value)).hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    suffix = "" if dtype == np.float64 else "f"
    return f"{mantissa}p{exponent}{suffix}"


def _rows(literals: list[str]) -> str:
    """Return the literals of an array, three in a line."""
    lines = [", ".join(literals[i : i + 3]) for i in range(0, len(literals), 3)]
    return ",\n        ".join(lines)


def _polynomial(coefficients: tuple[float, ...], dtype: np.dtype[Any]) -> str:
    """Return C for p = c[0] + c[1] f + c[2] f^2 ..., in the order of `elementary`."""
    terms = [literal(c, dtype) for c in coefficients]
    lines, power, letters = [], 1, iter("abcdef")

    def power_of_f() -> str:
        return f"f{power}" if power > 1 else "f"

    while len(terms) > 3:
        letter, x = next(letters), power_of_f()
        pairs = [f"{letter}{i}" for i in range(len(terms) // 2)]
        for i, pair in enumerate(pairs):
            product = f"fma({x}, {terms[2 * i + 1]}, {terms[2 * i]})"
            lines.append(f"const double {pair} = {product};")
        terms, power = pairs + terms[2 * len(pairs) :], 2 * power
        lines.append(f"const double {power_of_f()} = {x} * {x};")
    p = terms.pop()
    while terms:
        p = f"fma({power_of_f()}, {p}, {terms.pop()})"
    return "\n    ".join([*lines, f"const double p = {p};"])
