"""Conversion of labels of any kind to the targets that the losses take.

Targets are class numbers for the classification losses, and values for "mse".
"""

from typing import Any

import numpy as np

from .arrays import Array, as_array, as_float_array, readonly


def encode_labels(
    y: Any,
    n_rows: int,
    n_out: int,
    n_classes: int | None,
    known_classes: Array | None,
    dtype: np.dtype[Any],
) -> tuple[Array, Array | None]:
    """Return the targets for a loss, and the label of each class (n_classes,).

    The targets are class numbers (n_rows, 1). If n_classes is None, they are the values
    of y (n_rows, n_out), and there are no labels. Labels are whole numbers from 0, -1
    and 1 for two classes, as many different strings as there are classes (numbered in
    sorted order), or one-hot rows. known_classes are the labels of an earlier fit, to
    which those of y must belong.
    """
    if n_classes is None:
        return _as_values(y, n_rows, n_out, dtype), None
    labels = as_array("y", y)
    if labels.size == 0:
        raise ValueError(
            f"y is empty, its shape is {labels.shape}: pass one label per row"
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    _check_n_rows(labels, n_rows)
    if labels.ndim == 2:
        labels = _from_one_hot(labels, n_out, n_classes)
    if labels.ndim != 1:
        raise ValueError(f"y must hold one label per row, not shape {labels.shape}")
    labels = _as_ints_or_strings(labels)
    classes = known_classes
    if classes is None:
        classes = readonly(_classes_of(labels, n_classes))
    class_numbers = _class_numbers(labels, classes, known_classes is not None)
    # Kernels use them as indices.
    assert 0 <= class_numbers.min() <= class_numbers.max() < n_classes
    return readonly(class_numbers.astype(dtype).reshape(-1, 1)), classes


def from_one_hot(y: Array) -> Array:
    """Return the class numbers (n,) of one-hot rows (n, n_classes).

    >>> from_one_hot(np.array([[1, 0, 0], [0, 0, 1]]))
    array([0, 2])
    """
    rows = as_float_array("y", y, np.dtype("float64"))
    wrong = np.flatnonzero(
        ((rows != 0) & (rows != 1)).any(axis=1) | (rows.sum(axis=1) != 1)
    )
    if wrong.size:
        raise ValueError(
            f"row {wrong[0]} of y is {rows[wrong[0]].tolist()}, which is not one-hot: "
            "pass rows with a single 1 among zeros"
        )
    return rows.argmax(axis=1)


def check_classes(classes: Array | None, n_classes: int | None) -> Array | None:
    """Return the labels of the classes from a file, if they are valid labels."""
    if classes is None:
        return None
    valid = (
        classes.shape == (n_classes,)
        and classes.dtype.kind in "iU"
        and (classes[:-1] < classes[1:]).all()
    )
    if not valid:
        raise ValueError(f"its labels are not {n_classes} sorted numbers or strings")
    return readonly(classes if classes.dtype.kind == "U" else classes.astype(np.int64))


def _as_values(y: Any, n_rows: int, n_out: int, dtype: np.dtype[Any]) -> Array:
    """Return y as values (n_rows, n_out)."""
    values = as_float_array("y", y, dtype)
    if values.ndim == 1 and n_out == 1:
        values = values.reshape(-1, 1)
    _check_n_rows(values, n_rows)
    if values.shape != (n_rows, n_out):
        raise ValueError(
            f"y has shape {values.shape}, but must have ({n_rows}, {n_out}), as the "
            f"net has {n_out} outputs"
        )
    return values


def _check_n_rows(y: Array, n_rows: int) -> None:
    """Raise ValueError unless y has n_rows rows."""
    if y.ndim == 0 or len(y) != n_rows:
        rows = "is a single value" if y.ndim == 0 else f"has {len(y)} rows"
        raise ValueError(
            f"y {rows}, but {n_rows} rows are needed: one for each row of the net's "
            "output"
        )


def _from_one_hot(y: Array, n_out: int, n_classes: int) -> Array:
    """Return the class numbers of one-hot rows, if they fit the net."""
    if n_out == 1:
        raise ValueError(
            f"loss 'bce' takes one label per row, not {y.shape[1]} columns: pass "
            "y.argmax(axis=1)"
        )
    if y.shape[1] != n_classes:
        raise ValueError(
            f"y has {y.shape[1]} columns, but the net has {n_classes} outputs: pass "
            "one column per class, or labels"
        )
    return from_one_hot(y)


def _as_ints_or_strings(y: Array) -> Array:
    """Return labels as int64 or as strings; other values raise an error."""
    kind = y.dtype.kind
    if kind in "OTU":
        for row, label in enumerate(y):
            if not isinstance(label, str):
                raise TypeError(
                    f"y has {label!r} in row {row}, among objects: labels must be all "
                    "whole numbers or all strings, none missing"
                )
        return np.array(y.tolist(), dtype=str)
    if kind not in "biuf":
        raise TypeError(
            f"labels must be whole numbers or strings, not dtype {y.dtype}: convert y "
            "first"
        )
    wrong = np.zeros(len(y), bool)
    if kind == "f":
        y = y.astype(np.float64)
        wrong = ~(np.isfinite(y) & (y == np.floor(y)) & (np.abs(y) < 2.0**53))
    elif kind == "u":
        wrong = y > np.iinfo(np.int64).max
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"y has the label {y[row]} in row {row}: labels must be whole numbers or "
            "strings"
        )
    return y.astype(np.int64)


def _classes_of(labels: Array, n_classes: int) -> Array:
    """Return the sorted labels of the classes, for the labels of a first fit."""
    distinct = np.unique(labels)
    if labels.dtype.kind == "U":
        if len(distinct) != n_classes:
            raise ValueError(
                f"y has {len(distinct)} kinds of labels ({_first_few(distinct)}), but "
                f"the net has {n_classes} classes: the two must be equal"
            )
        return distinct
    if n_classes == 2 and distinct[0] == -1 and set(distinct.tolist()) <= {-1, 1}:
        return np.array([-1, 1])
    return np.arange(n_classes)


def _class_numbers(labels: Array, classes: Array, from_earlier_fit: bool) -> Array:
    """Return the number of each label's class (n,)."""
    verb = "has learned" if from_earlier_fit else "takes"
    allowed = f"the net {verb} the labels {_first_few(classes)}"
    if (labels.dtype.kind == "U") != (classes.dtype.kind == "U"):
        raise ValueError(f"y has labels like {labels[0].item()!r}, but {allowed}")
    numbers = np.searchsorted(classes, labels).clip(0, len(classes) - 1)
    wrong = np.flatnonzero(classes[numbers] != labels)
    if wrong.size:
        row = wrong[0]
        hint = ""
        if (
            not from_earlier_fit
            and classes.dtype.kind != "U"
            and labels.min() == 1
            and labels.max() == len(classes)
        ):
            hint = ": subtract 1, or pass the labels as strings"
        raise ValueError(
            f"y has the label {labels[row].item()!r} in row {row}, but {allowed}{hint}"
        )
    return numbers


def _first_few(labels: Array) -> str:
    """Return up to five labels as text."""
    shown = ", ".join(repr(label) for label in labels[:5].tolist())
    return shown + (", ..." if len(labels) > 5 else "")
