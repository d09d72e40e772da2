"""Symbols: what stands for numbers, vectors, integers and arrays in traced code.

While a kernel is compiled, traced functions (see `vectors.traced`) run once with
symbols as arguments. Each operation on a symbol emits an LLVM instruction.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.registry import cpu_target

INT64 = ir.IntType(64)
_BITS = {"double": 64, "float": 32}
_MANTISSA = {"double": 52, "float": 23}


def has_feature(name: str) -> bool:
    """Return True where code is compiled for a processor with that feature of LLVM."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return f"+{name}" in features.split(",")


class Value:
    """A number, or a vector of numbers, in traced code."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value
        kind = value.type
        self.number = kind.element if isinstance(kind, ir.VectorType) else kind
        self.count = kind.count if isinstance(kind, ir.VectorType) else None
        self.mantissa = _MANTISSA[str(self.number)]
        # an integer with as many bits as the number
        self.word = ir.IntType(_BITS[str(self.number)])

    def like(self, other: Any) -> "Value":
        """Return a constant as a Value of this one's type, or a Value unchanged."""
        if isinstance(other, Value):
            return other
        return Value(self.builder, self._repeated(self.number, float(other)))

    def bits(self) -> Any:
        """Return the same bits as integers."""
        return self.builder.bitcast(self.value, self._repeated(self.word, 0).type)

    def integer(self, number: int) -> Any:
        """Return a constant integer to combine with `bits`."""
        return self._repeated(self.word, number)

    def from_bits(self, bits: Any) -> "Value":
        """Return the Value that has these bits."""
        return Value(self.builder, self.builder.bitcast(bits, self.value.type))

    def call(self, name: str, *others: Any) -> "Value":
        """Call an LLVM intrinsic function of this value and others."""
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
        emit = getattr(self.builder, operation)
        return Value(self.builder, emit(self.value, self.like(other).value))

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


class Index:
    """An integer of 64 bits, in traced code."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def _with(self, operation: str, other: Any) -> "Index":
        emit = getattr(self.builder, operation)
        return Index(self.builder, emit(self.value, index_value(other)))

    def __add__(self, other: Any) -> "Index":
        return self._with("add", other)

    def __mul__(self, other: Any) -> "Index":
        return self._with("mul", other)

    __radd__, __rmul__ = __add__, __mul__


class Pointer:
    """A flat array, in traced code."""

    def __init__(self, builder: Any, address: Any) -> None:
        self.builder, self.address = builder, address

    @property
    def number(self) -> Any:
        """LLVM's type of the array's numbers."""
        return self.address.type.pointee

    def offset(self, at: Any) -> "Pointer":
        """Return the array from index `at` on, an int or an Index."""
        return Pointer(self.builder, self.builder.gep(self.address, [index_value(at)]))

    def __getitem__(self, at: Any) -> Value:
        return Value(self.builder, self.builder.load(self.offset(at).address))


def index_value(at: Any) -> Any:
    """Return the LLVM value of an Index or of an int."""
    return at.value if isinstance(at, Index) else ir.Constant(INT64, at)
