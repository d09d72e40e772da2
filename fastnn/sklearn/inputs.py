"""Plain arrays, which need few of scikit-learn's checks.

Those also look for frames, other libraries' arrays and all kinds of targets: with the
label binarizer they took a third of a fit of 200 epochs on iris.
"""

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from ..data.arrays import Array, all_finite

_TYPES = (np.dtype(np.float64), np.dtype(np.float32))
# With more classes scikit-learn may warn of labels that are values.
_MAX_CLASSES = 20


def is_plain(X: Any, y: Any) -> bool:
    """Return True for arrays that scikit-learn's checks would return as they are."""
    return (
        type(X) is np.ndarray
        and type(y) is np.ndarray
        and X.dtype in _TYPES
        and y.dtype.kind in "biufU"
        and X.ndim == 2
        and X.size > 0
        and y.shape == X.shape[:1]
        and all_finite(X)
        and (y.dtype.kind != "f" or all_finite(y))
    )


def binarized(y: Array) -> tuple[LabelBinarizer, Array]:
    """Return the fitted binarizer of labels (n,), and their targets (n, n_out)."""
    binarizer = LabelBinarizer()
    if y.dtype.kind in "biuU":
        classes, numbers = np.unique(y, return_inverse=True)
        if 2 <= len(classes) <= _MAX_CLASSES:
            is_binary = len(classes) == 2
            binarizer.y_type_ = "binary" if is_binary else "multiclass"
            binarizer.sparse_input_ = False
            # Strings become as short as the longest.
            binarizer.classes_ = np.array(list(classes))
            columns = np.arange(1 if is_binary else 0, len(classes))
            return binarizer, numbers[:, np.newaxis] == columns
    return binarizer, binarizer.fit_transform(y).astype(bool)
