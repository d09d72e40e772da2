"""Schema: what a net remembers of the data that it was fitted to."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .arrays import Array
from .frames import Columns
from .labels import Labels

if TYPE_CHECKING:
    from .archives import Archive


class Schema(NamedTuple):
    """Names of the columns of X, if X was a frame, and labels of the classes."""

    columns: Columns | None = None
    labels: Labels | None = None

    @property
    def classes(self) -> Array | None:
        """The sorted labels of the classes."""
        return None if self.labels is None else self.labels.in_order

    def facts(self) -> dict[str, Any]:
        """Return what a file keeps as JSON values."""
        facts: dict[str, Any] = {}
        if self.columns is not None:
            facts["columns"] = self.columns
        if self.labels is not None and self.labels.order is not None:
            facts["class_numbers"] = self.labels.order.tolist()
        if self.labels is not None and not self.labels.seen.all():
            facts["seen"] = self.labels.seen.tolist()
        return facts

    def arrays(self) -> dict[str, Array]:
        """Return what a file keeps as arrays: the sorted labels."""
        return {} if self.labels is None else {"classes": self.labels.in_order}


def schema_of(archive: "Archive", n_in: int, n_classes: int | None) -> Schema:
    """Return the schema of a net with n_in inputs that a file has; ValueError if wrong.

    n_classes is None for a net of values.
    """
    columns = archive.facts.get("columns")
    if columns is not None:
        columns = _names(columns)
        if not isinstance(columns, tuple) or len(columns) != n_in:
            raise ValueError(f"its columns are not {n_in} names")
    if "classes" not in archive.arrays:
        return Schema(columns)
    wrong = f"its labels are not {n_classes or 0} sorted numbers or strings"
    if n_classes is None or archive.shape("classes") != (n_classes,):
        raise ValueError(wrong)
    classes = archive.array("classes", (n_classes,), archive.dtype("classes"))
    is_float = classes.dtype.kind == "f"
    if not (classes[:-1] < classes[1:]).all() or (
        is_float and not (np.isfinite(classes) & (classes == np.floor(classes))).all()
    ):
        raise ValueError(wrong)
    numbers = np.arange(len(classes))
    order = archive.facts.get("class_numbers", numbers.tolist())
    seen = archive.facts.get("seen", [True] * len(classes))
    # NumPy would make large arrays of other values, such as long strings.
    if (
        not _are(int, order)
        or not _are(bool, seen)
        or len(seen) != len(classes)
        or sorted(order) != numbers.tolist()
    ):
        raise ValueError(f"its labels are not numbered from 0 to {n_classes - 1}")
    of_class = np.empty_like(classes)
    of_class[order] = classes
    return Schema(columns, Labels(of_class, np.array(seen)))


def _are(kind: type, values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is kind for value in values)


def _names(value: Any) -> Any:
    """Return names of columns as they were: JSON has lists in place of tuples."""
    if isinstance(value, list):
        return tuple(map(_names, value))
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"its columns have the name {value!r}")
    return value
