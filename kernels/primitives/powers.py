"""Powers 2^(k/n) from a table of n, the same bits however the table is read.

n is 16, for float32 8: what two registers of AVX-512 hold, or one of AVX2. A vector's
powers come out of these by a permutation; on Zen 4 `elementary.sigmoid` of 8 numbers
takes 16 cycles with it, and 21 with a gather instruction. Elsewhere they are loaded one
by one: with AVX2 25 cycles, where a polynomial without a table takes 33.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from .arithmetic import magic_number, mantissa_bits
from .memory import load, shuffle, vector_length
from .symbols import INT64, Value, has_feature

# 2^(j/16)
POWERS = (
    1.0,
    1.0442737824274138,
    1.0905077326652577,
    1.1387886347566916,
    1.189207115002721,
    1.241857812073484,
    1.2968395546510096,
    1.3542555469368927,
    1.4142135623730951,
    1.4768261459394993,
    1.5422108254079407,
    1.6104903319492543,
    1.681792830507429,
    1.7562521603732995,
    1.8340080864093424,
    1.9152065613971474,
)


def powers_for(x: Any) -> tuple[float, ...]:
    """Return 2^(j/n) for each j < n, n by the type of x."""
    return POWERS if mantissa_bits(x) == 52 else POWERS[::2]


def power_of_two(last: Any) -> Any:
    """Return 2^(k/n) for the `last` of `arithmetic.round_product`.

    Where this is no normal number, the result is any number.
    """
    powers = powers_for(last)
    n = len(powers)
    if not isinstance(last, Value):
        k = np.round(last - magic_number(last))
        k = np.clip(np.nan_to_num(k), -(2**20), 2**20).astype(int)
        return np.ldexp(np.array(powers, last.dtype)[k % n], k // n)
    return _times_exponent(_entries(_minus_index(last), last), last)


def stored_power_of_two(a: Any, at: Any) -> Any:
    """Return `power_of_two` of the vector at a[at].

    A number's last byte is the index into a table that repeats: where entries are
    loaded one by one no register has to be taken apart.
    """
    last = load(a, at)
    if not isinstance(last, Value) or _has_permutation(last):
        return power_of_two(last)
    table = _minus_index(last)
    numbers = (a[at + i] for i in range(vector_length(a)))
    entries = _loaded_vector(table * (256 // len(table)), numbers, last)
    return _times_exponent(entries, last)


def _shift(last: Value) -> int:
    """Return by how many bits k moves to the left, so that its upper bits are 2^k's."""
    return last.mantissa - (len(powers_for(last)).bit_length() - 1)


def _minus_index(last: Value) -> list[float]:
    """Return the powers with their index, shifted, subtracted from their bits."""
    number, word = ("f8", "i8") if last.mantissa == 52 else ("f4", "i4")
    powers = np.array(powers_for(last), number)
    index = np.arange(len(powers), dtype=word) << _shift(last)
    bits = powers.view(word) - index
    return [float(x) for x in bits.view(number)]


def _times_exponent(entries: Value, last: Value) -> Value:
    """Return entries of `_minus_index` with the bits of k added to theirs.

    The upper bits of k move to the exponent, the index to the mantissa's first bits,
    whence it has been subtracted.
    """
    moved = last.builder.shl(last.bits(), last.integer(_shift(last)))
    return last.from_bits(last.builder.add(entries.bits(), moved))


def _entries(table: list[float], last: Value) -> Value:
    """Return the entries of a table that the last bits of a number or vector choose."""
    if last.count is None:
        return _loaded(table, last)
    if not _has_permutation(last):
        build, kind = last.builder, ir.IntType(32)
        lanes = (ir.Constant(kind, i) for i in range(last.count))
        numbers = (build.extract_element(last.value, lane) for lane in lanes)
        return _loaded_vector(table, (Value(build, x) for x in numbers), last)
    if not has_feature("avx512f"):
        return _from_halves(table, last)
    single = last.mantissa == 23
    return _from_one(table + table, last) if single else _from_two(table, last)


def _has_permutation(last: Value) -> bool:
    """Return True if the processor takes a vector's entries out of registers."""
    return has_feature("avx512f") or (last.mantissa == 23 and has_feature("avx2"))


# Instructions that take entries out of registers ignore the bits before the index.


def _from_one(table: list[float], last: Value) -> Value:
    register = ir.Constant(last.value.type, table)
    return _permute("llvm.x86.avx512.permvar.sf.512", last, register, last.bits())


def _from_two(table: list[float], last: Value) -> Value:
    half, kind = len(table) // 2, last.value.type
    low, high = ir.Constant(kind, table[:half]), ir.Constant(kind, table[half:])
    return _permute("llvm.x86.avx512.vpermi2var.pd.512", last, low, last.bits(), high)


def _from_halves(table: list[float], last: Value) -> Value:
    n = len(table)
    register = ir.Constant(ir.VectorType(last.number, n), table)
    halves = (shuffle(last, last, list(range(i, i + n))) for i in (0, n))
    low, high = (
        _permute("llvm.x86.avx2.permps", half, register, half.bits()) for half in halves
    )
    both: Value = shuffle(low, high, list(range(2 * n)))
    return both


def _permute(name: str, last: Value, *arguments: Any) -> Value:
    build, kinds = last.builder, [each.type for each in arguments]
    signature = ir.FunctionType(last.value.type, kinds)
    function = cgutils.get_or_insert_function(build.module, signature, name)
    return Value(build, build.call(function, arguments))


def _loaded_vector(table: list[float], numbers: Iterable[Value], last: Value) -> Value:
    """Return the entries for each of some numbers, as a vector like `last`."""
    build, found = last.builder, ir.Constant(last.value.type, ir.Undefined)
    for i, number in enumerate(numbers):
        entry = _loaded(table, number).value
        lane = ir.Constant(ir.IntType(32), i)
        found = build.insert_element(found, entry, lane)
    return Value(build, found)


def _loaded(table: list[float], last: Value) -> Value:
    """Return the entry of a table in memory for one number."""
    build, name = last.builder, f"fastnn.powers.{last.number}.{len(table)}"
    if name not in build.module.globals:
        entries = ir.Constant(ir.ArrayType(last.number, len(table)), table)
        cgutils.global_constant(build.module, name, entries)
    index = build.and_(last.bits(), last.integer(len(table) - 1))
    index = index if last.word == INT64 else build.zext(index, INT64)
    address = build.gep(build.module.globals[name], [ir.Constant(INT64, 0), index])
    return Value(build, build.load(address))
