"""Conversion of y of any kind to the targets that the losses take.

`Labels` is what a net remembers of its labels.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .arrays import Array, all_finite, as_array, as_float_array, readonly
from .targets import TargetKind, check_values
from .text import first_few

# From this number of different numbers on, y is more likely a quantity than labels.
_MANY = 20
_USE_MSE = "for a regression make the net with loss='mse'"
# How far the sum of a row of probabilities may be from 1: that of a softmax in float32
# over many classes is.
_SUM_ERROR = 1e-5
# Up to so many numbers, a list is looked through sooner than an array.
_FEW = 64
# NumPy's kinds of numbers, of which booleans are none.
_NUMBERS = "iuf"


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of a net's classes.

    of_class (n_classes,) has the label of each class number, which is the output that
    stands for it. Labels are numbered in sorted order as far as they are known in time;
    a number is never given to another label that y has had. seen (n_classes,) is False
    for labels that y has not had: they are assumed, and give way to others.
    """

    of_class: Array
    seen: Array

    def __post_init__(self) -> None:
        self.of_class.flags.writeable = self.seen.flags.writeable = False

    @cached_property
    def order(self) -> Array | None:
        """The class numbers in the order of the labels; None if they are in order."""
        order = np.argsort(self.of_class, kind="stable")
        return None if (order[:-1] < order[1:]).all() else readonly(order)

    @cached_property
    def all_seen(self) -> bool:
        """Whether y has had all labels."""
        return bool(self.seen.all())

    @cached_property
    def _are_numbers(self) -> bool:
        """Whether each class's label is its number."""
        counted = self.of_class == np.arange(len(self.of_class))
        return self.of_class.dtype.kind in _NUMBERS and bool(counted.all())

    def numbers(self, labels: Array) -> Array:
        """Return the class number of each label (n,).

        A number below 0, or above those of the classes, stands for another label.
        """
        if self._are_numbers and labels.dtype.kind in _NUMBERS:
            return labels
        return class_numbers(labels, self.of_class)

    @property
    def in_order(self) -> Array:
        """The labels (n_classes,), sorted as NumPy sorts."""
        return self.of_class if self.order is None else self.of_class[self.order]

    def with_seen(self, distinct: Array) -> "Labels | None":
        """Return the labels after y had these; None if there is no class for one.

        distinct: sorted labels. A new label takes the class of an assumed one, the
        first after those of smaller labels if there is one.
        """
        numbers = class_numbers(distinct, self.of_class)
        if (numbers >= 0).all() and self.seen[numbers].all():
            return self
        seen = self.seen.copy()
        seen[numbers[numbers >= 0]] = True
        new = distinct[numbers < 0]
        if len(new) > np.count_nonzero(~seen):
            return None
        if len(new) and _is_text(new) != _is_text(self.of_class):
            return None
        of_class = self.of_class
        if len(new):  # a copy, in a type that holds both
            of_class = of_class.astype(np.result_type(of_class, new))
        for label in new:
            free = np.flatnonzero(~seen)
            smaller = np.flatnonzero(seen & (of_class < label))
            after = free[free > smaller[-1]] if len(smaller) else free
            number = (after if len(after) else free)[0]
            of_class[number], seen[number] = label, True
        # No type holds both -1 and 2**64 - 1.
        if (class_numbers(distinct, of_class) < 0).any():
            return None
        return Labels(of_class, seen)


def encode_targets(
    y: Any,
    n_rows: int,
    kind: TargetKind,
    known: Labels | None,
    dtype: np.dtype[Any],
    *,
    learns: bool = False,
    declared: Any = None,
) -> tuple[Array, Labels | None]:
    """Return the targets for a loss, and the labels of the classes.

    y has labels, which are whole numbers, booleans, strings or bytes, one-hot rows, or
    what else `targets.TargetKind` allows. known: the labels of earlier fits, which fits
    to probabilities leave as they are. learns: the caller remembers the labels that are
    returned. declared: the labels of all classes, whether y has them or not.
    """
    n_out, n_classes = kind.n_out, kind.n_classes
    if n_classes is None or kind.is_multilabel:
        if declared is not None:
            raise _no_classes(kind)
        try:
            values = as_float_array("y", y, dtype)
        except (TypeError, ValueError) as error:
            if not kind.is_multilabel:
                raise
            raise type(error)(
                f"{error}; several labels per row are one column of 0 and 1 per label"
            ) from None
        _check_n_rows(values, n_rows)
        targets = check_values(values, kind)
        if known is None and kind.is_multilabel:
            known = _labels_of_outputs(y, targets)
        return targets, known
    labels = as_array("y", y)
    if labels.size == 0:
        raise ValueError(
            f"y is empty, its shape is {labels.shape}: pass one label per row"
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    _check_n_rows(labels, n_rows)
    probabilities = None
    if labels.ndim == 2:
        _check_columns(labels, n_out, n_classes)
        if kind.takes_probabilities:
            probabilities = _class_probabilities(labels, dtype)
        if probabilities is None:
            labels = from_one_hot(labels)
    elif labels.ndim != 1:
        raise ValueError(f"y must hold one label per row, not shape {labels.shape}")
    else:
        labels = _typed("y", labels, y)
        if not _are_whole(labels):
            if not (kind.takes_probabilities and n_out == 1 and _are_shares(labels)):
                raise _not_whole("y", labels)
            probabilities = labels.astype(dtype).reshape(-1, 1)
    if probabilities is not None:
        if declared is not None:
            known = _with_declared(known, declared, n_classes, None)
        return readonly(np.ascontiguousarray(probabilities)), known
    if declared is not None:
        known = _with_declared(known, declared, n_classes, labels)
    if known is None:
        known = _first_labels(_distinct(labels, n_classes), n_classes, learns)
    numbers = known.numbers(labels)
    if not known.all_seen or not _are_below(n_classes, numbers):
        known = _more_labels(known, labels, declared is not None)
        numbers = class_numbers(labels, known.of_class)
        # Kernels use them as indices.
        assert _are_below(n_classes, numbers)
    # Only of floats could one be -0.0, and adding 0 to others takes half as long again.
    is_float = numbers.dtype.kind == "f"
    targets = np.add(numbers, 0.0, dtype=dtype) if is_float else numbers.astype(dtype)
    targets = targets.reshape(-1, 1)
    targets.flags.writeable = False
    return targets, known


def _distinct(labels: Array, n_classes: int) -> Array:
    """Return the different labels, sorted."""
    if labels.dtype.kind in _NUMBERS:
        # 6 us for 10,000 labels, or 35, in place of 160.
        low, high = _extremes(labels)
        if high - low <= 1:
            return np.array([low] if low == high else [low, high], labels.dtype)
        if low >= 0 and high < n_classes:
            counts = np.bincount(labels.astype(np.intp))
            return np.flatnonzero(counts).astype(labels.dtype)
    return np.unique(labels)


def _extremes(numbers: Array) -> tuple[int, int]:
    """Return the smallest and the largest of some whole numbers (n,)."""
    if len(numbers) <= _FEW:  # 0.6 us in place of 5.6 for four of them
        few = numbers.tolist()
        return min(few), max(few)
    return int(np.minimum.reduce(numbers)), int(np.maximum.reduce(numbers))


def _are_below(n_classes: int, numbers: Array) -> bool:
    """Return True if whole numbers (n,) are from 0 to n_classes - 1."""
    if len(numbers) > _FEW and numbers.dtype.kind in "iu":
        # One way through them in place of two. Any number below 0 makes it negative.
        together = int(np.bitwise_or.reduce(numbers))
        if 0 <= together < n_classes:
            return True
    low, high = _extremes(numbers)
    return low >= 0 and high < n_classes


def declare_labels(known: Labels | None, declared: Any, kind: TargetKind) -> Labels:
    """Return the labels of all classes, of which some may be known already."""
    if kind.n_classes is None or kind.is_multilabel:
        raise _no_classes(kind)
    return _with_declared(known, declared, kind.n_classes, None)


def _no_classes(kind: TargetKind) -> ValueError:
    what = "a 0 or 1 for each output" if kind.is_multilabel else "values"
    return ValueError(
        "classes= is for nets that predict one label per row: this net's loss takes "
        f"{what}"
    )


def plain_labels(name: str, labels: Array, given: Any) -> Array:
    """Return labels (n,) as booleans, whole numbers, strings or bytes.

    Objects get the NumPy type that holds them all. Missing labels and other values
    raise an error that names the row. The order of bytes is this machine's. given: what
    labels was made of, which may know a narrower type.
    """
    typed = _typed(name, labels, given)
    if not _are_whole(typed):
        raise _not_whole(name, typed)
    return typed


def _typed(name: str, labels: Array, given: Any) -> Array:
    """Return labels (n,) as `plain_labels` does, but floats of any value."""
    kind = labels.dtype.kind
    if kind in "TO":
        labels = from_objects(name, labels)
        # pandas has types such as Int8, of which NumPy makes objects.
        narrow = getattr(getattr(given, "dtype", None), "numpy_dtype", None)
        if narrow is not None and getattr(narrow, "kind", "O") in "biuf":
            labels = labels.astype(narrow)
        kind = labels.dtype.kind
    if kind not in "biufUS" or (kind == "f" and labels.dtype.itemsize > 8):
        raise TypeError(
            f"labels must be whole numbers, booleans or strings, not dtype "
            f"{labels.dtype}: convert {name} first, such as by {name}.astype(str)"
        )
    if labels.dtype.isnative:
        return labels
    return labels.astype(labels.dtype.newbyteorder("="))


def _are_whole(labels: Array) -> bool:
    """Return False if a number is not whole, or not finite."""
    if labels.dtype.kind != "f":
        return True
    if len(labels) <= _FEW:
        return all(map(float.is_integer, labels.tolist()))
    return all_finite(labels) and bool((labels == np.floor(labels)).all())


def _not_whole(name: str, labels: Array) -> ValueError:
    """Return the error of labels that are missing, or not whole numbers."""
    missing = np.isnan(labels)
    if missing.any():
        row = int(missing.argmax())
        return _missing(name, labels[row], row)
    wrong = ~(np.isfinite(labels) & (labels == np.floor(labels)))
    # Numbers from 0 to 1 alone could be probabilities, others are the fault.
    worse = wrong & ~((labels >= 0) & (labels <= 1))
    row = int((worse if worse.any() else wrong).argmax())
    return ValueError(
        f"{name} has the label {labels[row]} in row {row}: labels must be whole "
        f"numbers, booleans or strings; {_USE_MSE}"
    )


def _are_shares(labels: Array) -> bool:
    """Return True for numbers that are all from 0 to 1."""
    return bool(((labels >= 0) & (labels <= 1)).all())


def _class_probabilities(y: Array, dtype: np.dtype[Any]) -> Array | None:
    """Return y (n, n_classes) as probabilities of the classes; None for other numbers.

    ValueError for probabilities whose sum is not 1, within the rounding of float32.
    """
    rows = as_float_array("y", y, np.dtype("float64"))
    if ((rows == 0) | (rows == 1)).all():
        return None
    tolerance = _SUM_ERROR if y.dtype != np.float16 else 100 * _SUM_ERROR
    wrong = (rows < 0).any(axis=1) | (np.abs(rows.sum(axis=1) - 1) > tolerance)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"row {row} of y is [{first_few(rows[row])}], with the sum "
            f"{rows[row].sum():.9g}, which is neither one-hot nor the probabilities of "
            f"the classes: pass rows whose numbers are >= 0 and have the sum 1; "
            f"{_USE_MSE}"
        )
    return rows.astype(dtype)


def from_objects(name: str, labels: Array) -> Array:
    """Return objects (n,) as an array of the type that holds them all."""
    items = labels.tolist()
    types = set(map(type, items))
    for allowed in (
        str,
        bytes,
        (bool, np.bool_),
        (bool, np.bool_, int, float, np.number),
    ):
        if all(issubclass(t, allowed) for t in types):
            break
    else:
        for row, item in enumerate(items):
            if _is_missing(item):
                raise _missing(name, item, row)
        row = next(
            (i for i, item in enumerate(items) if not isinstance(item, allowed)), 0
        )
        raise TypeError(
            f"{name} has {items[row]!r} in row {row}, among objects: labels must be "
            "all whole numbers, all booleans or all strings"
        )
    plain = np.array(items)
    for row, (item, held) in enumerate(zip(items, plain.tolist(), strict=True)):
        if item != held or plain.dtype == object:
            if _is_missing(item):
                raise _missing(name, item, row)
            raise ValueError(
                f"{name} has the label {item!r} in row {row}, which no NumPy type of "
                f"these labels holds: number the labels, or pass other strings"
            )
    return plain


def class_numbers(labels: Array, of_class: Array) -> Array:
    """Return the class number of each label (n,), -1 where no class has it.

    >>> class_numbers(np.array([4, 2, 3]), np.array([2, 4]))
    array([ 1,  0, -1])
    """
    if _is_text(labels) != _is_text(of_class):
        return np.full(len(labels), -1)
    values = labels
    if labels.dtype != of_class.dtype and labels.dtype.kind not in "US":
        with np.errstate(all="ignore"):
            values = labels.astype(of_class.dtype)
    order = np.argsort(of_class, kind="stable")
    places = np.searchsorted(of_class, values, sorter=order)
    numbers = order[np.minimum(places, len(of_class) - 1)]
    wrong = of_class[numbers] != labels
    if values is not labels:
        # NumPy compares integers with floats as floats.
        wrong |= values.astype(labels.dtype) != labels
    return np.where(wrong, -1, numbers) if wrong.any() else numbers


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
        row = rows[wrong[0]]
        remedy = _USE_MSE
        if ((rows == 0) | (rows == 1)).all():
            remedy = "for several labels per row make the net with loss='bce'"
        raise ValueError(
            f"row {wrong[0]} of y is {row.tolist()}, which is not one-hot: pass rows "
            f"with a single 1 among zeros; {remedy}"
        )
    return rows.argmax(axis=1)


def _check_n_rows(y: Array, n_rows: int) -> None:
    """Raise ValueError unless y has n_rows rows."""
    if y.ndim == 0 or len(y) != n_rows:
        rows = "is a single value" if y.ndim == 0 else f"has {len(y)} rows"
        raise ValueError(
            f"y {rows}, but {n_rows} rows are needed: one for each row of the net's "
            "output"
        )


def _labels_of_outputs(y: Any, targets: Array) -> Labels | None:
    """Return the labels 0 and 1 in the dtype of y, if it has no others."""
    if not ((targets == 0) | (targets == 1)).all():
        return None
    given = as_array("y", y)
    if given.dtype == object:
        given = from_objects("y", given.ravel())
    return _all_seen(np.array([0, 1]).astype(given.dtype))


def _check_columns(y: Array, n_out: int, n_classes: int) -> None:
    """Raise ValueError unless y (n, n_columns) has a column for each class."""
    if n_out == 1:
        remedy = f"end the net in {y.shape[1]} outputs"
        if y.shape[1] == 2:
            remedy = f"pass np.argmax(y, axis=1) if they are one-hot, or {remedy}"
        raise ValueError(
            f"loss 'bce' takes one label per row for a net with one output, not "
            f"{y.shape[1]} columns: {remedy}"
        )
    if y.shape[1] != n_classes:
        raise ValueError(
            f"y has {y.shape[1]} columns, but the net has {n_classes} outputs: pass "
            "one column per class, or labels"
        )


def _is_text(labels: Array) -> str:
    """Return the kind of text, "U" or "S", that the labels are; "" for numbers."""
    return labels.dtype.kind if labels.dtype.kind in "US" else ""


def _is_missing(item: Any) -> bool:
    """Return True for None, NaN, NaT and pandas' NA, without importing pandas."""
    if item is None or type(item).__name__ in ("NAType", "NaTType"):
        return True
    numeric = isinstance(item, (float, np.floating, np.datetime64, np.timedelta64))
    return numeric and bool(item != item)


def _missing(name: str, item: Any, row: int) -> ValueError:
    return ValueError(
        f"{name} has a missing label, {item!s}, in row {row}: drop such rows, or give "
        "them a label of their own"
    )


def _with_declared(
    known: Labels | None, declared: Any, n_classes: int, y: Array | None
) -> Labels:
    """Return the labels that classes= declares; those that y has must be among them."""
    classes = as_array("classes", declared)
    if classes.ndim != 1:
        raise ValueError(
            f"classes must be a list of {n_classes} labels, not {declared!r}"
        )
    classes = plain_labels("classes", classes, declared)
    distinct = np.unique(classes)
    if len(distinct) != len(classes) or len(distinct) != n_classes:
        repeated = len(classes) - len(distinct)
        raise ValueError(
            f"classes has {len(distinct)} different labels ({first_few(distinct)})"
            f"{f' and {repeated} repeated' if repeated else ''}, but the net has "
            f"{n_classes} classes: list each label once"
        )
    if known is None:
        return _all_seen(distinct if y is None else _held_by(distinct, y.dtype))
    declared_labels = known.with_seen(distinct)
    if declared_labels is None:
        raise ValueError(
            f"classes has the labels {first_few(distinct)}, but the net has learned "
            f"{first_few(known.of_class[known.seen])}: make a new net"
        )
    return declared_labels


def _first_labels(distinct: Array, n_classes: int, learns: bool) -> Labels:
    """Return the labels of the classes, for the sorted labels of a first y.

    As many labels as classes are the classes. Of fewer ones, those from 0 are their own
    numbers, and -1 goes with 1.
    """
    numbers, is_text = np.arange(n_classes), _is_text(distinct)
    if len(distinct) == n_classes:
        if learns or is_text:
            return _all_seen(distinct)
        # A caller that forgets them would number a batch with fewer labels otherwise.
        from_0 = class_numbers(distinct, numbers)
        if ((from_0 < 0) | (from_0 == numbers)).all():
            return _all_seen(distinct)
        raise ValueError(
            f"y has the labels {first_few(distinct)}, and the net has not been fitted "
            f"to them: fit it first, or pass labels from 0 to {n_classes - 1}"
        )
    for assumed in (numbers, np.array([-1, 1])):
        if len(assumed) == n_classes and not is_text:
            found = class_numbers(distinct, assumed)
            if (found >= 0).all():
                seen = np.isin(numbers, found)
                of_class = _held_by(assumed, distinct.dtype)
                return Labels(of_class, seen)
    if len(distinct) < n_classes:
        kinds = "1 kind" if len(distinct) == 1 else f"{len(distinct)} kinds"
        raise ValueError(
            f"y has {kinds} of labels ({first_few(distinct)}), but the net has "
            f"{n_classes} classes: pass all {n_classes} labels, as "
            f"classes=[{first_few(distinct[:5])}, ...] of fit or net.learner"
        )
    remedy = (
        f"end the net in {len(distinct)} outputs, with loss 'softmax_ce'; or {_USE_MSE}"
    )
    if is_text:
        remedy = f"end the net in {len(distinct)} outputs, with loss 'softmax_ce'"
    elif len(distinct) > _MANY:
        remedy = f"these look like values, not labels: {_USE_MSE}"
    raise ValueError(
        f"y has {len(distinct)} kinds of labels ({first_few(distinct)}), but the net "
        f"has {n_classes} classes: {remedy}"
    )


def _more_labels(known: Labels, labels: Array, declared: bool) -> Labels:
    """Return the known labels with those of another y."""
    more = known.with_seen(np.unique(labels))
    if more is not None:
        return more
    names = first_few(known.of_class[known.seen])
    whose = f"classes has {names}" if declared else f"the net has learned {names}"
    if _is_text(labels) != _is_text(known.of_class):
        raise ValueError(f"y has labels like {labels[0].item()!r}, but {whose}")
    row = int(np.argmin(class_numbers(labels, known.of_class)))
    hint = "" if declared else ": make a new net, and pass all labels as classes="
    raise ValueError(
        f"y has the label {labels[row].item()!r} in row {row}, but {whose}{hint}"
    )


def _all_seen(of_class: Array) -> Labels:
    return Labels(of_class, np.ones(len(of_class), bool))


def _held_by(labels: Array, dtype: np.dtype[Any]) -> Array:
    """Return labels in the dtype of y, or in the next that holds them."""
    if dtype.kind in "US" or _is_text(labels):
        return labels
    with np.errstate(all="ignore"):
        converted = labels.astype(dtype)
    if (converted == labels).all():
        return converted
    return labels.astype(np.result_type(labels, dtype))
