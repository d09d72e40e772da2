"""Conversion of lists, frames and arrays of all kinds to the kernels' arrays."""

import math
from collections.abc import Iterator, Sequence
from ctypes import addressof, c_char
from numbers import Integral, Real
from typing import Any

import numpy as np

from .frames import (
    BEYOND_FLOATS,
    LARGEST,
    Columns,
    check_columns,
    column_names,
    frame_values,
    is_frame,
    shown_column,
)
from .machine import check_memory

# What numpy.typing.NDArray[Any] stands for, which takes a millisecond to import.
Array = np.ndarray[Any, np.dtype[Any]]

_TYPE_NAMES = {
    "f": "long doubles",
    "O": "objects",
    "U": "strings",
    "S": "bytes",
    "c": "complex numbers",
    "M": "dates",
    "m": "durations",
}
# Up to this number of numbers, Python's sum takes less time than a call of NumPy.
_FEW = 24
# Up to this number of bytes, a copy fits into any memory.
_FEW_BYTES = 2**24
# NumPy does not register its booleans as real numbers.
_REAL = (Real, np.bool_)


def as_array(name: str, value: Any) -> Array:
    """Return `value` as a NumPy array of any dtype that holds it without loss."""
    if type(value) is np.ndarray:
        return value
    if np.ma.isMaskedArray(value) and np.ma.is_masked(value):
        raise ValueError(f"{name} has masked values: fill or drop them first")
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise TypeError(f"{name} is a sparse matrix: pass {name}.toarray()")
    if hasattr(value, "collect") and not hasattr(value, "to_numpy"):
        raise TypeError(f"{name} is a lazy frame: pass {name}.collect()")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None
    if array.dtype.kind == "U" and isinstance(value, (list, tuple)):
        # NumPy turns numbers that are mixed with strings into strings.
        for item in _items(value):
            if not isinstance(item, str):
                raise TypeError(
                    f"{name} mixes strings with other values, such as {item!r}: "
                    "pass values of one kind"
                )
    elif (
        array.dtype.kind == "f"
        and isinstance(value, (list, tuple))
        and _has_large(array)
        and any(map(_is_beyond_floats, _items(value)))
    ):
        # NumPy rounds integers that are mixed with floats.
        raise ValueError(BEYOND_FLOATS.format(name))
    return array


def _has_large(array: Array) -> bool:
    """Return True if a number may stand for an integer that floats cannot hold."""
    # A sample of a stream has few: NumPy would take longer than all else.
    if array.size <= _FEW:
        return any(abs(number) >= LARGEST for number in array.ravel().tolist())
    return bool((np.abs(array) >= LARGEST).any())


def _items(values: Any) -> Iterator[Any]:
    """Yield the items of nested lists and tuples."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _items(value)
        else:
            yield value


def as_float_array(
    name: str, value: Any, dtype: np.dtype[Any], columns: Columns | None = None
) -> Array:
    """Return `value` as a read-only, aligned, C-contiguous array of `dtype`.

    dtype is float64 or float32. Integers, booleans and floats of up to 64 bits are
    converted, float64 to float32 by rounding; so are objects, if all are real numbers.
    A value that is not finite after that raises a ValueError that names its row and
    column. An array that needs no conversion is not copied. columns: the names of
    value's columns, for errors.
    """
    fits = (
        type(value) is np.ndarray
        and value.dtype == dtype
        and value.flags.c_contiguous
        and value.flags.aligned
    )
    if fits and value.size:
        result: Array = value
    else:
        columns = column_names(value) if columns is None else columns
        result = _convert(name, value, dtype, columns)
    if not all_finite(result):
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        original = _numbers(name, value, columns)[index]
        reason = "is not finite"
        if np.isfinite(original):
            reason = f"is not finite in {dtype}"
        raise ValueError(
            f"{name} has {original} in {_row_and_column(index, columns)}, which "
            f"{reason}: drop or replace such values first"
        )
    return readonly(result)


def all_finite(array: Array) -> bool:
    """Return True if all numbers are finite."""
    # A NaN or an infinity makes the sum not finite. Python's sum of few numbers takes a
    # third of the time of a call of NumPy, and NumPy's of many a third of the time of
    # testing each.
    if array.size <= _FEW:
        if math.isfinite(sum(array.ravel().tolist())):
            return True
    elif array.size > 4096:
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(np.add.reduce(array, axis=None)):
                return True
        return bool(np.isfinite(array).all())
    # Of few numbers the method `all` would take longer than all else.
    return not np.isfinite(array).tobytes().count(0)


def _convert(
    name: str, value: Any, dtype: np.dtype[Any], columns: Columns | None
) -> Array:
    """Return a C-contiguous, aligned array of `dtype` for real numbers of any kind."""
    array = _numbers(name, value, columns)
    kind = array.dtype.kind
    if kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name} must hold real numbers of up to 64 bits, not "
            f"{_TYPE_NAMES.get(kind, 'other values')} (dtype {array.dtype}): convert "
            "it first"
        )
    if array.size == 0:
        raise ValueError(
            f"{name} is empty, its shape is {array.shape}: pass at least one value"
        )
    if kind in "iu" and max(int(array.max()), -int(array.min())) > LARGEST:
        raise ValueError(BEYOND_FLOATS.format(name))
    n_bytes = array.size * dtype.itemsize
    if n_bytes > _FEW_BYTES:
        check_memory(
            n_bytes,
            f"{name} has the shape {array.shape}, and becomes an array of {dtype}",
            "pass fewer rows at a time",
        )
    with np.errstate(over="ignore"):
        return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])


def _numbers(name: str, value: Any, columns: Columns | None) -> Array:
    """Return the values of a frame or an array, with objects as float64."""
    array = frame_values(name, value) if is_frame(value) else as_array(name, value)
    if array.dtype != object or array.ndim == 0:
        return array
    if not all(issubclass(t, _REAL) for t in set(map(type, array.ravel().tolist()))):
        index, item = next(
            (index, item)
            for index, item in np.ndenumerate(array)
            if not isinstance(item, _REAL)
        )
        raise TypeError(
            f"{name} has {item!r} in {_row_and_column(index, columns)}, among objects, "
            "which is not a real number: convert or drop such values first"
        )
    try:
        values = array.astype(np.float64)
    except OverflowError:  # an integer of a thousand bits
        raise ValueError(BEYOND_FLOATS.format(name)) from None
    large = array[np.abs(values) >= LARGEST]
    if any(map(_is_beyond_floats, large.tolist())):
        raise ValueError(BEYOND_FLOATS.format(name))
    return values


def _is_beyond_floats(item: Any) -> bool:
    return isinstance(item, Integral) and abs(int(item)) > LARGEST


def readonly(array: Array) -> Array:
    """Return a read-only view of `array`.

    Kernels only ever receive read-only arrays as data, so each compiles for one type.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def readonly_fields(state: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the state of a pickle whose arrays of these names are read-only again.

    Kernels would be compiled anew for the writable arrays that a pickle makes.
    """
    arrays = {name: np.require(state[name], requirements=["C", "A"]) for name in names}
    return state | {name: readonly(array) for name, array in arrays.items()}


def aligned_zeros(n: int, dtype: Any) -> Array:
    """Return n zeros that start at the beginning of a cache line.

    Reading a vector across two cache lines takes at least twice as long.
    """
    itemsize, line = np.dtype(dtype).itemsize, 64
    raw = np.zeros(n + line // itemsize, dtype)
    # In a third of the time of raw.ctypes.data.
    start = -addressof(c_char.from_buffer(raw.data)) % line // itemsize
    return raw[start : start + n]


def aligned_arrays(dtype: Any, *shapes: tuple[int, ...]) -> list[Array]:
    """Return arrays of zeros of these shapes, each aligned as `aligned_zeros` are.

    They are views into one array.
    """
    line = 64 // np.dtype(dtype).itemsize
    places, end = [], 0
    for shape in shapes:
        size = shape[0] if len(shape) == 1 else math.prod(shape)
        places.append((shape, end, end + size))
        end += -(-size // line) * line
    flat = aligned_zeros(end, dtype)
    parts = [(shape, flat[start:stop]) for shape, start, stop in places]
    return [part if len(shape) == 1 else part.reshape(shape) for shape, part in parts]


def as_features(
    X: Any, n_in: int, dtype: np.dtype[Any], columns: Columns | None = None
) -> Array:
    """Return X as numbers (n, n_in).

    columns: the names that the columns of a frame must have; None allows any.
    """
    found = None if type(X) is np.ndarray else column_names(X)
    if found is None:
        array = as_array("X", X)
    else:
        check_columns(columns, found)
        array = frame_values("X", X)
    if array.ndim == 0:
        raise TypeError(
            f"X must be a table of numbers with two dimensions, (n, {n_in}), "
            f"not {type(X).__name__}"
        )
    if array.ndim != 2:
        hint = ""
        if array.ndim == 1:
            given = "X" if isinstance(X, np.ndarray) else "np.array(X)"
            hint = f": pass {given}[None, :] for one sample, {given}[:, None] for one "
            hint += "feature"
        raise ValueError(
            f"X must have two dimensions, (n, {n_in}), not shape {array.shape}{hint}"
        )
    features = as_float_array("X", array, dtype, found)
    if features.shape[1] != n_in:
        raise ValueError(
            f"X has {features.shape[1]} columns, but the net takes {n_in} inputs: pass "
            "one column per input"
        )
    return features


def _row_and_column(index: tuple[int, ...], columns: Columns | None) -> str:
    """Return the place in words, such as "row 2, column 1"."""
    if len(index) < 2:
        return ", ".join(f"row {i}" for i in index)
    return f"row {index[0]}, {shown_column(index[1], columns)}"
