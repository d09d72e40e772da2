"""From whatever holds numbers to the arrays that the kernels take."""

import math
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def as_array(name: str, value: Any) -> Array:
    """`value` as a NumPy array of whatever type, where that loses nothing."""
    if np.ma.isMaskedArray(value) and np.ma.is_masked(value):
        raise ValueError(f"{name} has masked values: fill or drop them first")
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise TypeError(f"{name} is a sparse matrix: pass {name}.toarray()")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None
    if array.dtype.kind == "U" and isinstance(value, (list, tuple)):
        for each in _flat(value):  # NumPy would make a string of everything
            if not isinstance(each, str):
                raise TypeError(
                    f"{name} mixes strings with other values, such as {each!r}: use one kind"
                )
    if array.dtype.kind == "O" and hasattr(value, "dtypes"):
        return _from_pandas(name, value)
    return array


def _from_pandas(name: str, frame: Any) -> Array:
    """A frame or series whose columns NumPy has no common type for: with missing values, with strings."""
    types = list(np.atleast_1d(np.asarray(frame.dtypes, object)))
    odd = [
        place
        for place, kind in enumerate(types)
        if getattr(kind, "kind", "O") not in "biuf"
    ]
    if not odd:
        return np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))
    if frame.ndim == 1:
        return np.asarray(frame)
    raise TypeError(
        f"{name} has no numbers in column {odd[0]} ({frame.columns[odd[0]]!r}), but {types[odd[0]]} values"
    )


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value


def as_float_array(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """`value` as real, finite, native, aligned, C-contiguous numbers of `dtype`: a view that nothing can write to.

    Integers, booleans and floats of up to 64 bits are taken; rounding float64 to a float32 net's type is what the
    net's dtype asks for. What is not finite afterwards is refused with its place.
    """
    plain = (
        type(value) is np.ndarray
        and value.dtype == dtype
        and value.flags.c_contiguous
        and value.flags.aligned
    )
    result: Array = value if plain and value.size else _converted(name, value, dtype)
    if not all_finite(result):
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        given = as_array(name, value)[at]
        why = f"is not finite in {dtype}" if np.isfinite(given) else "is not finite"
        raise ValueError(
            f"{name} has {given} in {_place(at)}, which {why}: drop or replace such values first"
        )
    return readonly(result)


def all_finite(array: Array) -> bool:
    """True if all numbers are finite."""
    if (
        array.size > 4096
    ):  # a NaN or an infinity would be in the sum, which is three times as fast
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(np.add.reduce(array, axis=None)):
                return True
    return bool(np.isfinite(array).all())


def _converted(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    array = as_array(name, value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name} must hold real numbers of up to 64 bits, not {_kind(array)}: convert it first"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    if array.dtype.kind in "iu" and max(int(array.max()), -int(array.min())) > 2**53:
        raise ValueError(
            f"{name} has integers beyond 2**53, which floats cannot hold: scale it first"
        )
    with np.errstate(over="ignore"):
        return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])


def readonly(array: Array) -> Array:
    """A view that nothing can write to. Data always go to the kernels so: one type, and so one compilation."""
    view = array.view()
    view.flags.writeable = False
    return view


def aligned_zeros(n: int, dtype: Any) -> Array:
    """n zeros that start at a cache line's beginning: a vector across two lines takes twice as long or longer."""
    size, line = np.dtype(dtype).itemsize, 64
    raw = np.zeros(n * size + line, np.uint8)
    start = -raw.ctypes.data % line
    return raw[start : start + n * size].view(dtype)


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
    """X as (n, n_in) numbers."""
    found = as_array("X", X)
    if found.ndim == 0:
        raise TypeError(
            f"X must be a table of numbers with two dimensions, (n, {n_in}), not {type(X).__name__}"
        )
    if found.ndim != 2:
        hint = (
            ": a single sample is X[None, :], a single feature X[:, None]"
            if found.ndim == 1
            else ""
        )
        raise ValueError(
            f"X must have two dimensions, (n, {n_in}), not the shape {found.shape}{hint}"
        )
    array = as_float_array("X", found, dtype)
    if array.shape[1] != n_in:
        raise ValueError(
            f"X has {array.shape[1]} columns, but the net takes {n_in} inputs"
        )
    return array


def _place(at: tuple[int, ...]) -> str:
    return ", ".join(
        f"{word} {i}" for word, i in zip(("row", "column"), at, strict=False)
    )


def _kind(array: Array) -> str:
    names = {
        "f": "long doubles",
        "O": "objects",
        "U": "strings",
        "S": "bytes",
        "c": "complex numbers",
        "M": "dates",
        "m": "durations",
    }
    return f"{names.get(array.dtype.kind, 'that')} (dtype {array.dtype})"
