"""From labels of any kind to what the losses take: class numbers, or values for mse."""

from typing import Any

import numpy as np

from .arrays import Array, as_array, as_float_array, readonly


def encode_labels(
    y: Any,
    n_rows: int,
    n_out: int,
    n_classes: int | None,
    known: Array | None,
    dtype: np.dtype[Any],
) -> tuple[Array, Array | None]:
    """y as an array (n_rows, 1) of class numbers, or (n_rows, n_out) of values; and the classes' labels.

    n_classes is None where values are wanted.
    `known` are the labels of an earlier fit, which then have to be the same. Labels are whole numbers from 0 on,
    -1 and 1 where there are two classes, strings (sorted, as many as there are classes), or one-hot rows.
    """
    if n_classes is None:
        values = as_float_array("y", y, dtype)
        if values.ndim == 1 and n_out == 1:
            values = values.reshape(-1, 1)
        _check_rows(values, n_rows)
        if values.shape != (n_rows, n_out):
            raise ValueError(
                f"y has the shape {values.shape}, but the net has {n_out} outputs: ({n_rows}, {n_out})"
            )
        return values, None

    labels = as_array("y", y)
    if labels.size == 0:
        raise ValueError(f"y is empty: its shape is {labels.shape}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    _check_rows(labels, n_rows)
    if labels.ndim == 2:
        if n_out == 1:
            raise ValueError(
                f"loss 'bce' takes one label a row, not {labels.shape[1]} columns: pass y.argmax(axis=1)"
            )
        if labels.shape[1] != n_classes:
            raise ValueError(
                f"y has {labels.shape[1]} columns, but the net has {n_classes} outputs"
            )
        labels = from_one_hot(labels)
    if labels.ndim != 1:
        raise ValueError(f"y must hold one label a row, not the shape {labels.shape}")
    labels = _comparable(labels)
    classes = known if known is not None else _classes(labels, n_classes)
    codes = _codes(labels, classes, known is not None)
    assert (
        0 <= codes.min() <= codes.max() < n_classes
    )  # the kernels take them for places
    return readonly(codes.astype(dtype).reshape(-1, 1)), readonly(classes)


def check_classes(classes: Array | None, n_classes: int | None) -> Array | None:
    """The labels of classes that come from a file, if they are such labels."""
    if classes is None:
        return None
    good = (
        classes.shape == (n_classes,)
        and classes.dtype.kind in "iU"
        and (classes[:-1] < classes[1:]).all()
    )
    if not good:
        raise ValueError(f"its labels are not {n_classes} sorted numbers or strings")
    return readonly(classes if classes.dtype.kind == "U" else classes.astype(np.int64))


def _check_rows(y: Array, n_rows: int) -> None:
    if y.ndim == 0 or len(y) != n_rows:
        found = "is a single value" if y.ndim == 0 else f"has {len(y)} rows"
        raise ValueError(
            f"y {found}, but {n_rows} are wanted: one for each row of the net's output"
        )


def from_one_hot(y: Array) -> Array:
    """The class numbers of one-hot rows (n, n_classes)."""
    rows = as_float_array("y", y, np.dtype("float64"))
    wrong = np.flatnonzero(
        ((rows != 0) & (rows != 1)).any(axis=1) | (rows.sum(axis=1) != 1)
    )
    if wrong.size:
        raise ValueError(
            f"row {wrong[0]} of y is {rows[wrong[0]].tolist()}: a one-hot row is one 1 among zeros, its sum is 1"
        )
    return rows.argmax(axis=1)


def _comparable(y: Array) -> Array:
    """Labels as int64 or as strings; anything else is refused."""
    if y.dtype.kind in "OTU":
        for row, label in enumerate(y):
            if not isinstance(label, str):
                given = f"{label!r} in row {row}, among objects"
                raise TypeError(
                    f"y has {given}: labels must be all whole numbers or all strings, none missing"
                )
        return np.array(y.tolist(), dtype=str)
    if y.dtype.kind not in "biuf":
        raise TypeError(
            f"labels must be whole numbers or strings, not dtype {y.dtype}: convert y first"
        )
    if y.dtype.kind == "f":
        y = y.astype(np.float64)
        wrong = np.flatnonzero(
            ~(np.isfinite(y) & (y == np.floor(y)) & (np.abs(y) < 2.0**53))
        )
    else:
        wrong = (
            np.flatnonzero(y > np.iinfo(np.int64).max)
            if y.dtype.kind == "u"
            else np.array([], int)
        )
    if wrong.size:
        raise ValueError(
            f"y has the label {y[wrong[0]]} in row {wrong[0]}: labels must be whole numbers or strings"
        )
    return y.astype(np.int64)


def _classes(y: Array, n_classes: int) -> Array:
    """The labels that the classes have by these targets."""
    found = np.unique(y)
    if y.dtype.kind == "U":
        if len(found) != n_classes:
            raise ValueError(
                f"y has {len(found)} kinds of labels ({_some(found)}), but the net tells {n_classes} classes apart"
            )
        return found
    if n_classes == 2 and found[0] == -1 and set(found.tolist()) <= {-1, 1}:
        return np.array([-1, 1])
    return np.arange(n_classes)


def _codes(y: Array, classes: Array, earlier: bool) -> Array:
    """The class number of each label."""
    if (y.dtype.kind == "U") != (classes.dtype.kind == "U"):
        raise ValueError(
            f"y has labels like {y[0].item()!r}, but the net {_knows(classes, earlier)}"
        )
    codes = np.searchsorted(classes, y).clip(0, len(classes) - 1)
    wrong = np.flatnonzero(classes[codes] != y)
    if wrong.size:
        hint = ""
        if (
            not earlier
            and classes.dtype.kind != "U"
            and y.min() == 1
            and y.max() == len(classes)
        ):
            hint = ": subtract 1, or pass the labels as strings"
        given = f"the label {y[wrong[0]].item()!r} in row {wrong[0]}"
        raise ValueError(f"y has {given}, but the net {_knows(classes, earlier)}{hint}")
    return codes


def _knows(classes: Array, earlier: bool) -> str:
    return (
        f"has learned the labels {_some(classes)}"
        if earlier
        else f"takes the labels {_some(classes)}"
    )


def _some(labels: Array) -> str:
    shown = ", ".join(repr(label) for label in labels[:5].tolist())
    return shown + (", ..." if len(labels) > 5 else "")
