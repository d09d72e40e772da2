"""Validation: loss and accuracy on rows that a training does not learn from."""

from dataclasses import dataclass
from typing import Any

from ..data.arrays import Array, readonly_fields


@dataclass(frozen=True, eq=False)
class ValidationData:
    """Rows to validate on, checked and converted once, as the kernels take them.

    X (n, n_in), y as in `data.labels`, and weights (n,) as in `data.weights`.
    """

    X: Array
    y: Array
    weights: Array

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(readonly_fields(state, ("X", "y", "weights")))
