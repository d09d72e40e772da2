"""Text for messages."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def first_few(values: Sequence[Any] | np.ndarray[Any, Any]) -> str:
    """Return up to five values as text.

    >>> first_few([1, 2, 3, 4, 5, 6])
    '1, 2, 3, 4, 5, ...'
    """
    shown = values[:5]
    plain = shown.tolist() if isinstance(shown, np.ndarray) else shown
    return ", ".join(map(repr, plain)) + (", ..." if len(values) > 5 else "")
