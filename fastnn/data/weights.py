"""Weights of the rows: what each row's loss is multiplied by."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from .arrays import Array, as_float_array, readonly
from .text import first_few


@cache
def no_weights(dtype: np.dtype[Any]) -> Array:
    """Return (0,) weights, which stand for weights of 1."""
    return readonly(np.empty(0, dtype))


def row_weights(
    sample_weight: Any,
    class_weight: Any,
    targets: Array,
    classes: Array | None,
    n_nets: int | None = None,
) -> Array:
    """Return the weights of the rows (n,), of the targets' dtype, or (0,) if all are 1.

    sample_weight is (n,). class_weight maps labels to weights, those that it lacks to
    1; "balanced" gives a class that has k of the n rows n / (n_classes k), where
    classes without rows do not count (King and Zeng, 2001). targets (n, 1) are class
    numbers, and classes their labels; None where there are no classes. A row's weight
    is the product of the two.

    For n_nets nets each may have its own, sample_weight (n_nets, n) or a list of
    n_nets class_weight. Then the weights are (n, n_nets).
    """
    if sample_weight is None and class_weight is None:
        return no_weights(targets.dtype)
    weights = no_weights(targets.dtype)
    if sample_weight is not None:
        weights = _checked("sample_weight", sample_weight, len(targets), targets.dtype)
        if weights.ndim == 2:
            _check_nets("sample_weight", len(weights), n_nets)
    if class_weight is not None:
        if classes is None or targets.shape[1] > 1 or (targets % 1).any():
            raise ValueError(
                "class_weight needs one class per row, as with loss 'bce' and "
                "'softmax_ce': pass sample_weight instead"
            )
        numbers = targets[:, 0].astype(np.int64)
        if n_nets is not None and isinstance(class_weight, list | tuple):
            _check_nets("class_weight", len(class_weight), n_nets)
            of_classes = [_of_classes(one, numbers, classes) for one in class_weight]
            of_rows = np.array(of_classes)[:, numbers]
        else:
            of_rows = _of_classes(class_weight, numbers, classes)[numbers]
        weights = of_rows * weights if weights.size else of_rows
    empty = np.flatnonzero(~np.atleast_2d(weights).any(axis=1))
    if empty.size and weights.size:
        whose = f" of net {empty[0]}" if weights.ndim == 2 else ""
        raise ValueError(f"all weights{whose} are 0: no row is left to learn from")
    return readonly(np.ascontiguousarray(weights.T, targets.dtype))


def _check_nets(name: str, given: int, n_nets: int | None) -> None:
    """Refuse weights of nets for one net, or for another number of them."""
    if n_nets is None:
        raise ValueError(
            f"{name} has {given} rows of weights, as for {given} nets, but takes one "
            "weight per row of X: pass an array (n,)"
        )
    if given != n_nets:
        raise ValueError(
            f"{name} has weights of {given} nets, but there are {n_nets}: pass those "
            "of each net, or one for all"
        )


def _checked(name: str, value: Any, n: int, dtype: np.dtype[Any]) -> Array:
    weights = as_float_array(name, value, dtype)
    if weights.ndim not in (1, 2) or weights.shape[-1] != n:
        raise ValueError(
            f"{name} has shape {weights.shape}: pass one weight for each of the {n} "
            "rows"
        )
    if weights.min() < 0:
        row = int(weights.argmin()) % n
        raise ValueError(
            f"{name} has {weights.min():g} in row {row}: pass weights >= 0"
        )
    return weights


def _of_classes(class_weight: Any, numbers: Array, classes: Array) -> Array:
    """Return the weight of each class, (n_classes,) float64."""
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                "class_weight must be 'balanced' or a dict of labels and weights, such "
                f"as {{0: 1.0, 1: 2.5}}, not {class_weight!r}"
            )
        counts = np.bincount(numbers, minlength=len(classes))
        n_classes = np.count_nonzero(counts)
        return len(numbers) / (n_classes * np.maximum(counts, 1))
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            "class_weight must be 'balanced' or a dict of labels and weights, such as "
            f"{{0: 1.0, 1: 2.5}}, not {class_weight!r}"
        )
    weights, labels = np.ones(len(classes)), classes.tolist()
    for label, weight in class_weight.items():
        if label not in labels:
            raise ValueError(
                f"class_weight has the label {label!r}, but the net's labels are "
                f"{first_few(labels)}"
            )
        weights[labels.index(label)] = _checked("class_weight", [weight], 1, _FLOAT)[0]
    return weights


_FLOAT = np.dtype("float64")
