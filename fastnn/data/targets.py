"""What the targets of a net are, and whether values are such targets.

Targets are class numbers (n, 1); probabilities of the classes (n, n_classes), or for
one output of class 1, (n, 1); of several labels per row that of each, (n, n_out); or
values (n, n_out). `labels.encode_targets` makes them from y of any kind.
"""

from typing import NamedTuple

import numpy as np

from .arrays import Array


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


def check_values(values: Array, kind: TargetKind) -> Array:
    """Return values, or labels of several outputs, as targets (n, n_out).

    ValueError for another shape, and for values that the loss does not take.
    """
    n, n_out = len(values), kind.n_out
    if values.ndim == 1 and n_out == 1:
        values = values.reshape(-1, 1)
    if values.shape != (n, n_out):
        hint = ""
        if kind.is_multilabel:
            hint = (
                ", each with a 0 or 1; for one of several labels per row make the net "
                "with loss='softmax_ce'"
            )
        raise ValueError(
            f"y has shape {values.shape}, but must have ({n}, {n_out}), as the net has "
            f"{n_out} outputs{hint}"
        )
    if kind.is_multilabel:
        _check_labels(values, kind.takes_probabilities)
    elif values.min() < kind.minimum:
        row = int(values.min(axis=1).argmin())
        raise ValueError(
            f"y has {values[row].min():g} in row {row}, but this loss takes values of "
            f"at least {kind.minimum:g}, such as counts: use loss='mse' for others"
        )
    return values


def _check_labels(values: Array, takes_probabilities: bool) -> None:
    """Raise ValueError for numbers that are neither labels nor probabilities."""
    allowed, wrong = "must be 0 or 1", (values != 0) & (values != 1)
    if takes_probabilities:
        allowed = "must be 0 or 1, or a probability between them"
        wrong = (values < 0) | (values > 1)
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"y has {values[row, column]:g} in row {row}, column {column}: each label "
            f"of a row {allowed}"
        )


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
