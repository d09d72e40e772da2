"""Operations that mean the same for numbers and for vectors, while code is compiled and in plain Python.

What is written with these and with + - * / is run as it stands on floats and NumPy arrays. While a kernel is compiled
it is run once with a `Value` for each number or vector, and each operation on one emits an instruction (see `vectors`).

Nothing is left to the compiler's choice: a product and a sum are one operation where `fma` says so and nowhere else,
and no sum is reordered. Hence the same bits on every processor that has a fused multiply-add.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

_BITS = {"double": 64, "float": 32}
_MANTISSA = {"double": 52, "float": 23}


class Value:
    """A number, or a vector of them, of which only the instruction that makes it is known."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value
        kind = value.type
        self.number = kind.element if isinstance(kind, ir.VectorType) else kind
        self.count = kind.count if isinstance(kind, ir.VectorType) else None
        self.mantissa = _MANTISSA[str(self.number)]
        self.word = ir.IntType(_BITS[str(self.number)])  # an integer of the same size

    def like(self, other: Any) -> "Value":
        """A constant as a Value of this one's type, or a Value as it is."""
        return (
            other
            if isinstance(other, Value)
            else Value(self.builder, self._repeated(self.number, float(other)))
        )

    def bits(self) -> Any:
        """The same bits as integers."""
        return self.builder.bitcast(self.value, self._repeated(self.word, 0).type)

    def integer(self, number: int) -> Any:
        """A constant to combine with `bits`."""
        return self._repeated(self.word, number)

    def from_bits(self, bits: Any) -> "Value":
        """The Value that has these bits."""
        return Value(self.builder, self.builder.bitcast(bits, self.value.type))

    def call(self, name: str, *others: Any) -> "Value":
        """One of LLVM's intrinsic functions, of this value and others."""
        arguments = [self.value, *(self.like(other).value for other in others)]
        vector = "" if self.count is None else f"v{self.count}"
        kind = ir.FunctionType(self.value.type, [self.value.type] * len(arguments))
        full = f"llvm.{name}.{vector}f{self.word.width}"
        function = cgutils.get_or_insert_function(self.builder.module, kind, full)
        return Value(self.builder, self.builder.call(function, arguments))

    def _repeated(self, kind: Any, number: float) -> Any:
        if self.count is None:
            return ir.Constant(kind, number)
        return ir.Constant(ir.VectorType(kind, self.count), [number] * self.count)

    def _with(self, operation: str, other: Any) -> "Value":
        return Value(
            self.builder,
            getattr(self.builder, operation)(self.value, self.like(other).value),
        )

    def __add__(self, other: Any) -> "Value":
        return self._with("fadd", other)

    def __sub__(self, other: Any) -> "Value":
        return self._with("fsub", other)

    def __mul__(self, other: Any) -> "Value":
        return self._with("fmul", other)

    def __truediv__(self, other: Any) -> "Value":
        return self._with("fdiv", other)

    def __radd__(self, other: Any) -> "Value":
        return self.like(other) + self

    def __rsub__(self, other: Any) -> "Value":
        return self.like(other) - self

    def __rmul__(self, other: Any) -> "Value":
        return self.like(other) * self

    def __rtruediv__(self, other: Any) -> "Value":
        return self.like(other) / self

    def __neg__(self) -> "Value":
        return Value(self.builder, self.builder.fneg(self.value))


class Pointer:
    """A flat array, of which only the instruction that makes its address is known."""

    def __init__(self, builder: Any, address: Any) -> None:
        self.builder, self.address = builder, address

    def __getitem__(self, place: Any) -> Value:
        return Value(self.builder, self.builder.load(self.after(place).address))

    def after(self, place: Any) -> "Pointer":
        """The array from a place on, a constant or what `step_of` found."""
        at = (
            place if isinstance(place, ir.Value) else ir.Constant(ir.IntType(64), place)
        )
        return Pointer(self.builder, self.builder.gep(self.address, [at]))


def digits(x: Any) -> int:
    """How many bits a number has after its first one: 52 in float64, 23 in float32."""
    return x.mantissa if isinstance(x, Value) else np.finfo(x.dtype).nmant


def _magic(x: Any) -> float:
    """In its sum with a number of x's type no bits are left for a fraction: the last ones are a whole number."""
    return 1.5 * 2.0 ** digits(x)


def row_of(table: Any, middle: int, row: Any, width: int) -> Any:
    """The numbers of a table from a row on, counted from the place of row 0 in the middle."""
    if not isinstance(table, Pointer):
        return table[middle + row * width :]
    return table.after(middle).after(
        table.builder.mul(row, ir.Constant(ir.IntType(64), width))
    )


def step_of(x: Any, per_unit: int) -> tuple[Any, Any]:
    """The number of the multiple of 1 / per_unit nearest to x, which must be below 2^15, and what x is more than it.

    After the sum with 1.5 * 2^52 / per_unit the number is in the last 16 bits, which are 0 in a NaN of arithmetic's.
    """
    if not isinstance(x, Value):
        near = np.round(x * per_unit)
        return int(np.nan_to_num(near)), x - near / per_unit
    magic = _magic(x) / per_unit
    last = x + magic
    bits = x.builder.trunc(last.bits(), ir.IntType(16))
    return x.builder.sext(bits, ir.IntType(64)), x - (last - magic)


def _first(*values: Any) -> Value | None:
    return next((value for value in values if isinstance(value, Value)), None)


def fma(x: Any, y: Any, z: Any) -> Any:
    """The product x y plus z, rounded once where the processor can."""
    one = _first(x, y, z)
    return x * y + z if one is None else one.like(x).call("fmuladd", y, z)


def where_greater(x: Any, y: Any, this: Any, that: Any) -> Any:
    """Where x > y `this`, `that` elsewhere, also where x or y is NaN."""
    one = _first(x, y, this, that)
    if one is None:
        kind = next(each.dtype for each in (x, y, this, that) if hasattr(each, "dtype"))
        return np.where(x > y, this, that).astype(kind)[()]
    above = one.builder.fcmp_ordered(">", one.like(x).value, one.like(y).value)
    return Value(
        one.builder,
        one.builder.select(above, one.like(this).value, one.like(that).value),
    )


def within(x: Any, low: float, high: float) -> Any:
    """The nearest number from low to high; a NaN stays one."""
    x = where_greater(x, high, high, x)
    return where_greater(low, x, low, x)


def root(x: Any) -> Any:
    """The square root."""
    return x.call("sqrt") if isinstance(x, Value) else np.sqrt(x)


def magnitude(x: Any) -> Any:
    """|x|."""
    return x.call("fabs") if isinstance(x, Value) else np.abs(x)


def nearest(x: Any, y: float) -> tuple[Any, Any]:
    """The whole number k nearest to x y, and the number whose last bits are k, for `power`."""
    last = fma(x, y, _magic(x))
    return last - _magic(x), last


def power(p: Any, last: Any) -> Any:
    """The product p 2^k, where k is what `nearest` made; p and the result must be normal numbers.

    A NaN stays one if arithmetic made it: then its last bits are zero.
    """
    if not isinstance(last, Value):
        k = np.round(last - _magic(last)).astype(int)
        return np.ldexp(np.asarray(p, last.dtype), k)
    p = last.like(p)
    k = last.builder.shl(
        last.bits(), last.integer(last.mantissa)
    )  # where the exponent stands
    return p.from_bits(last.builder.add(p.bits(), k))


def split(x: Any) -> tuple[Any, Any]:
    """The parts of x = m 2^k, m from sqrt(1/2) to sqrt(2); x must be a positive normal number."""
    if not isinstance(x, Value):
        m, k = np.frexp(x)
        low = m < np.sqrt(0.5)
        return np.where(low, m + m, m)[()], (k - low).astype(x.dtype)
    build = x.builder
    from_half = build.sub(x.bits(), x.like(0.5**0.5).bits())
    k = build.ashr(from_half, x.integer(x.mantissa))
    m = x.from_bits(build.sub(x.bits(), build.shl(k, x.integer(x.mantissa))))
    # k is added to the last bits: a conversion that every processor has
    return m, x.from_bits(build.add(x.like(_magic(x)).bits(), k)) - _magic(x)
