"""Operations that mean the same for numbers and vectors, compiled and in plain Python.

Functions written with these and with + - * / run unchanged on floats and NumPy arrays.
While a kernel is compiled they run once with a symbol (see `symbols`) for each number
or vector, and each operation emits an instruction.

Nothing is left to the compiler's choice: a product and a sum are one operation where
`fma` says so and nowhere else, and no sum is reordered. Hence the same bits on every
processor that has a fused multiply-add.
"""

from typing import Any

import numpy as np

from .symbols import INT64, Index, Value


def mantissa_bits(x: Any) -> int:
    """Return the bits after a number's first one: 52 for float64, 23 for float32."""
    return x.mantissa if isinstance(x, Value) else np.finfo(x.dtype).nmant


def magic_number(x: Any) -> float:
    """Return 1.5 * 2^52 (float32: 1.5 * 2^23).

    In its sum with a number no bits are left for a fraction: the last bits are an
    integer.
    """
    return 1.5 * 2.0 ** mantissa_bits(x)


def nearest_step(x: Any, per_unit: int, n_steps: int) -> tuple[Any, Any]:
    """Return k modulo n_steps and x - k / per_unit, where k / per_unit is nearest to x.

    n_steps is a power of 2, and |k| at most 2^20. After the sum with 1.5 * 2^52 /
    per_unit the last bits of x are k. A mask of them is below n_steps whatever x is, a
    NaN with any bits included, so a table of n_steps entries is never left.
    """
    if not isinstance(x, Value):
        k = np.round(x * per_unit)
        return int(np.nan_to_num(k)) % n_steps, x - k / per_unit
    magic = magic_number(x) / per_unit
    last = x + magic
    masked = x.builder.and_(last.bits(), x.integer(n_steps - 1))
    if x.word != INT64:
        masked = x.builder.zext(masked, INT64)
    return Index(x.builder, masked), x - (last - magic)


def _first(*values: Any) -> Value | None:
    return next((value for value in values if isinstance(value, Value)), None)


def fma(x: Any, y: Any, z: Any) -> Any:
    """Return x y + z, rounded once where the processor can."""
    symbol = _first(x, y, z)
    return x * y + z if symbol is None else symbol.like(x).call("fmuladd", y, z)


def where_greater(x: Any, y: Any, this: Any, that: Any) -> Any:
    """Return `this` where x > y and `that` elsewhere, also where x or y is NaN."""
    one = _first(x, y, this, that)
    if one is None:
        dtypes = (v.dtype for v in (x, y, this, that) if hasattr(v, "dtype"))
        return np.where(x > y, this, that).astype(next(dtypes))[()]
    build = one.builder
    greater = build.fcmp_ordered(">", one.like(x).value, one.like(y).value)
    return Value(
        build, build.select(greater, one.like(this).value, one.like(that).value)
    )


def relu(z: Any) -> Any:
    """Return max(z, 0); NaN stays NaN, as it is not below 0."""
    return where_greater(0.0, z, 0.0, z)


def relu_backward(d: Any, a: Any) -> Any:
    """Return d where the ReLU's result a was positive, 0 elsewhere."""
    return where_greater(a, 0.0, d, 0.0)


def clip(x: Any, low: Any, high: Any) -> Any:
    """Return the number nearest to x from low to high; NaN stays NaN."""
    x = where_greater(x, high, high, x)
    return where_greater(low, x, low, x)


def sqrt(x: Any) -> Any:
    """Return the square root."""
    return x.call("sqrt") if isinstance(x, Value) else np.sqrt(x)


def absolute(x: Any) -> Any:
    """Return |x|."""
    return x.call("fabs") if isinstance(x, Value) else np.abs(x)


def round_product(x: Any, y: float, most: int | None = None) -> tuple[Any, Any]:
    """Return the integer k nearest to x y, and a number whose last bits are k.

    k is at most `most`. `times_power_of_two` takes the second one.
    """
    last = fma(x, y, magic_number(x))
    if most is not None:
        bound = magic_number(x) + most
        # in this order it is the processors' minimum, one instruction
        last = where_greater(last, bound, bound, last)
    return last - magic_number(x), last


def times_power_of_two(p: Any, last: Any) -> Any:
    """Return p 2^k for the `last` of `round_product`.

    p and the result must be normal numbers. A NaN that arithmetic made stays NaN, as
    its last bits are zero.
    """
    if not isinstance(last, Value):
        k = np.round(last - magic_number(last)).astype(int)
        return np.ldexp(np.asarray(p, last.dtype), k)
    p = last.like(p)
    # k moves to the bits of the exponent
    k = last.builder.shl(last.bits(), last.integer(last.mantissa))
    return p.from_bits(last.builder.add(p.bits(), k))


def split_exponent(x: Any) -> tuple[Any, Any]:
    """Return m and k of x = m 2^k, with m from sqrt(1/2) to sqrt(2).

    x must be a positive normal number.
    """
    if not isinstance(x, Value):
        m, k = np.frexp(x)
        low = m < np.sqrt(0.5)
        return np.where(low, m + m, m)[()], (k - low).astype(x.dtype)
    build = x.builder
    from_half = build.sub(x.bits(), x.like(0.5**0.5).bits())
    k = build.ashr(from_half, x.integer(x.mantissa))
    m = x.from_bits(build.sub(x.bits(), build.shl(k, x.integer(x.mantissa))))
    # adding k to the last bits is a conversion that every processor has
    return m, x.from_bits(build.add(x.like(magic_number(x)).bits(), k)) - magic_number(
        x
    )
