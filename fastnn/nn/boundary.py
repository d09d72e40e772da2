"""Boundary between layers, which anyone may write, and kernels, which check nothing.

Whatever a layer returns, and whatever a built-in layer gets, passes through here once
per call: afterwards it has the shape and the dtype that the kernels will read.
"""

from typing import Any

import numpy as np

from ..data.arrays import Array, as_array

# None stands for any number of rows, or of columns.
Shape = tuple[int | None, ...]

# What the output of a layer is called; its error says what declared the shape.
OUTPUT = "returned an output"

_FLOATS = (np.dtype("float64"), np.dtype("float32"))


def readable(owner: Any, what: str, value: Any, shape: Shape, dtype: Any) -> Array:
    """Return numbers as a read-only, C-contiguous array of this shape and dtype.

    Real numbers of another type or memory layout are converted. Anything else raises
    an error that begins with the owner, usually a layer, and `what` it did, such as
    "returned an output".
    """
    # A view of our own: another thread cannot change its shape after the check.
    if type(value) is np.ndarray and value.dtype == dtype:
        view = value.view()
        flags = view.flags
        if not (flags.c_contiguous and flags.aligned):
            view = np.require(view, requirements=["C", "A"])
    else:
        view = _as_floats(owner, what, value, shape, dtype)
    _check_shape(owner, what, view.shape, shape)
    view.flags.writeable = False
    return view


def writable(owner: Any, what: str, array: Any, shape: Shape, dtype: Any) -> Array:
    """Return a view of an array that a kernel may write to, as it is.

    Another shape or dtype, or an array that is read-only or not C-contiguous, raises
    an error as in `readable`.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"{owner} {what} that is {_kind(array)}, but {_words(shape, dtype)} is "
            "expected"
        )
    view = array.view(np.ndarray)
    _check_shape(owner, what, view.shape, shape)
    if view.dtype != dtype:
        raise TypeError(
            f"{owner} {what} of dtype {view.dtype}, but {dtype} is expected"
        )
    flags = view.flags
    if not (flags.writeable and flags.c_contiguous and flags.aligned):
        fault = "not contiguous" if flags.writeable else "read-only"
        raise ValueError(
            f"{owner} {what} that is {fault}, but an array that can be written row "
            "by row is expected"
        )
    return view


def float_dtype(owner: Any, what: str, array: Any) -> np.dtype[Any]:
    """Return the dtype of an array of parameters, which is float64 or float32."""
    dtype = getattr(array, "dtype", None)
    if dtype not in _FLOATS:
        raise TypeError(
            f"{owner} {what} of dtype {dtype}, but float64 or float32 is expected"
        )
    return np.dtype(dtype)


def _as_floats(owner: Any, what: str, value: Any, shape: Shape, dtype: Any) -> Array:
    array = as_array(f"what {owner} {what.partition(' ')[0]}", value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{owner} {what} that is {_kind(value)}, but {_words(shape, dtype)} is "
            "expected"
        )
    # float64 is rounded to float32 as inputs are; what overflows is not finite.
    with np.errstate(over="ignore"):
        return np.require(array, dtype, ["C", "A"]).view()


def _check_shape(owner: Any, what: str, actual: tuple[int, ...], shape: Shape) -> None:
    if actual == shape and 0 not in actual:
        return
    fits = len(actual) == len(shape) and all(
        n == wanted or wanted is None for n, wanted in zip(actual, shape, strict=True)
    )
    if not fits or 0 in actual:
        reason = ""
        if what == OUTPUT:
            reason = (
                f": n_rows and n_outputs declare {shape[1]} units in {shape[0]} rows"
            )
        raise ValueError(
            f"{owner} {what} of shape {actual}, but {_in_words(shape)} is expected"
            f"{reason}"
        )


def _words(shape: Shape, dtype: Any) -> str:
    return f"an array {_in_words(shape)} of {dtype}"


def _in_words(shape: Shape) -> str:
    """Return a shape with names for the numbers that may be any."""
    names = ("n", "k")
    parts = [
        name if number is None else str(number)
        for name, number in zip(names, shape, strict=False)
    ]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    dtype = f" of dtype {value.dtype}" if hasattr(value, "dtype") else ""
    return f"of type {type(value).__name__}{dtype}"
