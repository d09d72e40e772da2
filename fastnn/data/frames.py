"""Frames of pandas, Polars and PyArrow: names of their columns, and their numbers.

None of these packages is imported: what they have in common tells a frame.
"""

import re
from typing import Any

import numpy as np

from .text import first_few

Columns = tuple[Any, ...]
LARGEST = 2**53  # up to it float64 holds all integers
BEYOND_FLOATS = "{} has integers beyond 2**53, which floats cannot hold: scale it first"

# Types that have no NumPy `kind`, by the names that Polars and PyArrow give them.
_NUMERIC = re.compile(r"u?int\d+|float\d*|double|halffloat|bool(ean)?", re.IGNORECASE)


def is_frame(value: Any) -> bool:
    """Return True for a table with named columns, each of one type."""
    # A lazy frame has no values yet, and asking it for its columns is work.
    return (
        hasattr(value, "__array__")
        and hasattr(value, "columns")
        and (hasattr(value, "dtypes") or hasattr(value, "schema"))
    )


def column_names(value: Any) -> Columns | None:
    """Return the names of a frame's columns; None for anything else.

    A name is a string, an integer, or a tuple of such names, so that a file can keep
    it; names of other types, such as dates, are returned as text.
    """
    if not is_frame(value):
        return None
    names = value.columns if hasattr(value, "dtypes") else value.column_names
    return tuple(map(_plain_name, names))


def frame_values(name: str, frame: Any) -> np.ndarray[Any, Any]:
    """Return the values (n, n_columns) of a frame whose columns hold numbers.

    TypeError that names the column where one has another type, and ValueError for
    integers that floats cannot hold. Columns of objects come back as objects, whose
    values are yet to be checked.
    """
    dtypes = list(frame.dtypes if hasattr(frame, "dtypes") else frame.schema.types)
    numeric = True
    for index, dtype in enumerate(dtypes):
        if not _is_numeric(dtype):
            numeric = False
            if str(dtype).lower() != "object":
                column = shown_column(index, column_names(frame))
                raise TypeError(
                    f"{name} has no numbers in {column}, but {dtype} values: drop the "
                    "column or convert it to numbers, words to a column of 0 and 1 per "
                    "word, dates to year, month and the like"
                )
    values = np.asarray(frame)
    # In pandas, types without a common NumPy type and missing integers give objects.
    if values.dtype == object and numeric and hasattr(dtypes[0], "kind"):
        values = np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))
    if values.dtype.kind == "f":
        integers = [i for i, dtype in enumerate(dtypes) if _is_integer(dtype)]
        # There 2**53 may stand for another integer, which was rounded.
        if integers and (np.abs(values[:, integers]) >= LARGEST).any():
            raise ValueError(BEYOND_FLOATS.format(name))
    return values


def check_columns(known: Columns | None, found: Columns | None) -> None:
    """Raise ValueError unless a frame has the columns of `fit`, in the same order.

    The names 0, 1, ... that pandas gives to columns without names match any strings.
    """
    if known is None or found is None or known == found:
        return
    numbered = [names == tuple(range(len(names))) for names in (known, found)]
    if any(numbered) and len(known) == len(found):
        named = found if numbered[0] else known
        if not any(isinstance(name, int) for name in named):
            return
    missing = [name for name in known if name not in found]
    unknown = [name for name in found if name not in known]
    faults, remedy = [], "pass X[list(net.columns)]"
    if missing:
        remedy = "prepare X as it was for the fit"
        faults.append(f"it lacks {first_few(missing)}")
    if unknown:
        faults.append(f"it has {first_few(unknown)} besides")
    if len(set(found)) < len(found):
        faults.append("some of its columns have the same name")
        remedy = "give each column a name of its own"
    if not faults:
        faults.append(
            f"they come in another order, as {first_few(found)} instead of "
            f"{first_few(known)}"
        )
    raise ValueError(
        f"X must have the columns that the net was fitted with: {', and '.join(faults)}"
        f"; {remedy}"
    )


def shown_column(index: int, columns: Columns | None) -> str:
    """Return a column in words, such as "column 1 ('height')"."""
    named = columns is not None and index < len(columns)
    return f"column {index}" + (f" ({columns[index]!r})" if named and columns else "")


def _is_integer(dtype: Any) -> bool:
    kind = getattr(dtype, "kind", None)
    return "int" in str(dtype).lower() if kind is None else kind in "iu"


def _is_numeric(dtype: Any) -> bool:
    kind = getattr(dtype, "kind", None)
    if kind is None:
        return _NUMERIC.fullmatch(str(dtype)) is not None
    return kind in tuple("biuf")


def _plain_name(name: Any) -> Any:
    if isinstance(name, tuple):
        return tuple(map(_plain_name, name))
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool):
        return int(name)
    return str(name)
