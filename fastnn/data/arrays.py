"""Conversion of lists, frames and arrays of all kinds to the kernels' arrays."""

import math
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TYPE_NAMES = {
    "f": "long doubles",
    "O": "objects",
    "U": "strings",
    "S": "bytes",
    "c": "complex numbers",
    "M": "dates",
    "m": "durations",
}


def as_array(name: str, value: Any) -> Array:
    """Return `value` as a NumPy array of any dtype that holds it without loss."""
    if np.ma.isMaskedArray(value) and np.ma.is_masked(value):
        raise ValueError(f"{name} has masked values: fill or drop them first")
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise TypeError(f"{name} is a sparse matrix: pass {name}.toarray()")
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
    if array.dtype.kind == "O" and hasattr(value, "dtypes"):
        return _from_pandas(name, value)
    return array


def _from_pandas(name: str, frame: Any) -> Array:
    """Return the values of a frame or series that NumPy would make objects of.

    Its columns have missing values, or types without a common NumPy type.
    """
    dtypes = list(np.atleast_1d(np.asarray(frame.dtypes, object)))
    not_numeric = [
        column
        for column, dtype in enumerate(dtypes)
        if getattr(dtype, "kind", "O") not in "biuf"
    ]
    if not not_numeric:
        return np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))
    if frame.ndim == 1:
        return np.asarray(frame)
    column = not_numeric[0]
    raise TypeError(
        f"{name} has no numbers in column {column} ({frame.columns[column]!r}), but "
        f"{dtypes[column]} values: drop the column or convert it to numbers"
    )


def _items(values: Any) -> Iterator[Any]:
    """Yield the items of nested lists and tuples."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _items(value)
        else:
            yield value


def as_float_array(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """Return `value` as a read-only, aligned, C-contiguous array of `dtype`.

    dtype is float64 or float32. Integers, booleans and floats of up to 64 bits are
    converted, float64 to float32 by rounding. A value that is not finite after that
    raises a ValueError that names its row and column. An array that needs no conversion
    is not copied.
    """
    fits = (
        type(value) is np.ndarray
        and value.dtype == dtype
        and value.flags.c_contiguous
        and value.flags.aligned
    )
    result: Array = value if fits and value.size else _convert(name, value, dtype)
    if not all_finite(result):
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        original = as_array(name, value)[index]
        reason = "is not finite"
        if np.isfinite(original):
            reason = f"is not finite in {dtype}"
        raise ValueError(
            f"{name} has {original} in {_row_and_column(index)}, which {reason}: drop "
            "or replace such values first"
        )
    return readonly(result)


def all_finite(array: Array) -> bool:
    """Return True if all numbers are finite."""
    # A NaN or an infinity makes the sum not finite. Summing is three times as fast as
    # testing each number, if there are many.
    if array.size > 4096:
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(np.add.reduce(array, axis=None)):
                return True
    return bool(np.isfinite(array).all())


def _convert(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """Return a C-contiguous, aligned array of `dtype` for real numbers of any kind."""
    array = as_array(name, value)
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
    if kind in "iu" and max(int(array.max()), -int(array.min())) > 2**53:
        raise ValueError(
            f"{name} has integers beyond 2**53, which floats cannot hold: scale it "
            "first"
        )
    with np.errstate(over="ignore"):
        return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])


def readonly(array: Array) -> Array:
    """Return a read-only view of `array`.

    Kernels only ever receive read-only arrays as data, so each compiles for one type.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def aligned_zeros(n: int, dtype: Any) -> Array:
    """Return n zeros that start at the beginning of a cache line.

    Reading a vector across two cache lines takes at least twice as long.
    """
    itemsize, line = np.dtype(dtype).itemsize, 64
    raw = np.zeros(n * itemsize + line, np.uint8)
    start = -raw.ctypes.data % line
    return raw[start : start + n * itemsize].view(dtype)


def aligned_arrays(dtype: Any, *shapes: tuple[int, ...]) -> list[Array]:
    """Return arrays of zeros of these shapes, each aligned as `aligned_zeros` are.

    They are views into one array.
    """
    line = 64 // np.dtype(dtype).itemsize
    sizes = [math.prod(shape) for shape in shapes]
    starts = list(accumulate((-(-size // line) * line for size in sizes), initial=0))
    flat = aligned_zeros(starts[-1], dtype)
    return [
        flat[start : start + size].reshape(shape)
        for start, size, shape in zip(starts, sizes, shapes, strict=False)
    ]


def as_features(X: Any, n_in: int, dtype: np.dtype[Any]) -> Array:
    """Return X as numbers (n, n_in)."""
    array = as_array("X", X)
    if array.ndim == 0:
        raise TypeError(
            f"X must be a table of numbers with two dimensions, (n, {n_in}), "
            f"not {type(X).__name__}"
        )
    if array.ndim != 2:
        hint = ""
        if array.ndim == 1:
            hint = ": pass X[None, :] for one sample, X[:, None] for one feature"
        raise ValueError(
            f"X must have two dimensions, (n, {n_in}), not shape {array.shape}{hint}"
        )
    features = as_float_array("X", array, dtype)
    if features.shape[1] != n_in:
        raise ValueError(
            f"X has {features.shape[1]} columns, but the net takes {n_in} inputs: pass "
            "one column per input"
        )
    return features


def _row_and_column(index: tuple[int, ...]) -> str:
    """Return the place in words, such as "row 2, column 1"."""
    return ", ".join(
        f"{axis} {i}" for axis, i in zip(("row", "column"), index, strict=False)
    )
