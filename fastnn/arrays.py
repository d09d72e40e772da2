"""From whatever holds numbers to the arrays that the kernels take."""

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
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None


def numbers(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """`value` as real, finite, native, aligned, C-contiguous numbers of `dtype`: a view that nothing can write to.

    Integers, booleans and floats of up to 64 bits are taken; rounding float64 to a float32 net's type is what the
    net's dtype asks for. What is not finite afterwards is refused with its place.
    """
    array = as_array(name, value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} must hold real numbers of up to 64 bits, not {_kind(array)}: convert it first")
    if array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    with np.errstate(over="ignore"):
        result = np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and np.abs(result).max() > 2.0**53:
        raise ValueError(f"{name} has integers beyond 2**53, which floats cannot hold: scale it first")
    finite = np.isfinite(result)
    if not finite.all():
        at = tuple(int(i) for i in np.argwhere(~finite)[0])
        given = array[at]
        why = f"is not finite in {dtype}" if np.isfinite(given) else "is not finite"
        raise ValueError(f"{name} has {given} in {_place(at)}, which {why}: drop or replace such values first")
    return frozen(result)


def frozen(array: Array) -> Array:
    """A view that nothing can write to. Data always go to the kernels so: one type, and so one compilation."""
    view = array.view()
    view.flags.writeable = False
    return view


def features(X: Any, n_in: int, dtype: np.dtype[Any]) -> Array:
    """X as (n, n_in) numbers."""
    shape = np.shape(X) if hasattr(X, "shape") else as_array("X", X).shape
    if len(shape) != 2:
        hint = ": a single sample is X[None, :], a single feature X[:, None]" if len(shape) == 1 else ""
        raise ValueError(f"X must have two dimensions, (n, {n_in}), not the shape {tuple(shape)}{hint}")
    array = numbers("X", X, dtype)
    if array.shape[1] != n_in:
        raise ValueError(f"X has {array.shape[1]} columns, but the net takes {n_in} inputs")
    return array


def _place(at: tuple[int, ...]) -> str:
    return ", ".join(f"{word} {i}" for word, i in zip(("row", "column"), at, strict=False))


def _kind(array: Array) -> str:
    names = {"O": "objects", "U": "strings", "S": "bytes", "c": "complex numbers", "M": "dates", "m": "durations"}
    return f"{names.get(array.dtype.kind, 'that')} (dtype {array.dtype})"
