"""Conversion of y of any kind to the targets that the losses take.

Targets are class numbers (n, 1); probabilities of the classes (n, n_classes), or for
one output of class 1, (n, 1); of several labels per row that of each, (n, n_out); or
values (n, n_out).
"""

from typing import Any, NamedTuple

import numpy as np

from .arrays import Array, as_array, as_float_array
from .labels import Labels, check_n_rows, encode_labels, from_objects


class TargetKind(NamedTuple):
    """What the targets of a net with n_out outputs are.

    n_classes is None for values, which are at least `minimum`. is_multilabel: each
    output has a label of its own, 0 or 1. takes_probabilities: targets may also be
    probabilities.
    """

    n_out: int
    n_classes: int | None
    is_multilabel: bool
    takes_probabilities: bool
    minimum: float

    @property
    def n_probabilities(self) -> int:
        """The number of probabilities per row that `predict_proba` returns."""
        if self.is_multilabel or self.n_classes is None:
            return self.n_out
        return self.n_classes


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
    """Return the targets for n_rows rows, and the labels of the classes, if any.

    Arguments as in `labels.encode_labels`.
    """
    if kind.n_classes is not None and not kind.is_multilabel:
        return encode_labels(
            y,
            n_rows,
            kind.n_out,
            kind.n_classes,
            known,
            dtype,
            takes_probabilities=kind.takes_probabilities,
            learns=learns,
            declared=declared,
        )
    if declared is not None:
        raise ValueError(
            "classes= is for nets that predict one label per row: this net's loss "
            f"takes {'a 0 or 1 per output' if kind.is_multilabel else 'values'}"
        )
    targets = _as_values(y, n_rows, kind, dtype)
    if kind.is_multilabel:
        return targets, _multilabel(y, targets, kind, known)
    if targets.min() < kind.minimum:
        row = int(targets.min(axis=1).argmin())
        raise ValueError(
            f"y has {targets[row].min():g} in row {row}, but this loss takes values of "
            f"at least {kind.minimum:g}, such as counts: use loss='mse' for others"
        )
    return targets, None


def share_right(numbers: Array, targets: Array, kind: TargetKind) -> float:
    """Return the share of rows whose predicted classes are right.

    numbers are class numbers (n,), or those of each output, (n, n_out). The first of
    the most probable classes is right, and class 1 where its probability is above 1/2.
    """
    if kind.is_multilabel:
        return float(np.mean((numbers == (targets > 0.5)).all(axis=1)))
    if targets.shape[1] > 1:
        return float(np.mean(numbers == targets.argmax(axis=1)))
    true = targets[:, 0]
    return float(np.mean(numbers == (true > 0.5 if kind.n_out == 1 else true)))


def _as_values(y: Any, n_rows: int, kind: TargetKind, dtype: np.dtype[Any]) -> Array:
    """Return y as values (n_rows, n_out)."""
    values = as_float_array("y", y, dtype)
    n_out = kind.n_out
    if values.ndim == 1 and n_out == 1:
        values = values.reshape(-1, 1)
    check_n_rows(values, n_rows)
    if values.shape != (n_rows, n_out):
        hint = ""
        if kind.is_multilabel:
            hint = (
                ", each with a 0 or 1; for one of several labels per row make the net "
                "with loss='softmax_ce'"
            )
        raise ValueError(
            f"y has shape {values.shape}, but must have ({n_rows}, {n_out}), as the "
            f"net has {n_out} outputs{hint}"
        )
    return values


def _multilabel(
    y: Any, targets: Array, kind: TargetKind, known: Labels | None
) -> Labels | None:
    """Return the labels 0 and 1 in the dtype of y; what is known if y has others.

    ValueError for targets that are neither labels nor probabilities.
    """
    is_label = (targets == 0) | (targets == 1)
    if not is_label.all():
        allowed, wrong = "must be 0 or 1", ~is_label
        if kind.takes_probabilities:
            allowed = "must be 0 or 1, or a probability between them"
            wrong = (targets < 0) | (targets > 1)
        if wrong.any():
            row, column = (int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"y has {targets[row, column]:g} in row {row}, column {column}: each "
                f"label of a row {allowed}"
            )
        return known
    if known is not None:
        return known
    given = as_array("y", y)
    if given.dtype == object:
        given = from_objects("y", given.ravel())
    return Labels(np.array([0, 1]).astype(given.dtype), np.ones(2, bool))
