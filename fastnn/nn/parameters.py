"""Parameters: the arrays of a net or a layer, as views that can be assigned."""

import operator
from collections.abc import Iterable
from typing import Any

from ..data.arrays import Array, as_float_array


class Parameters(tuple[Array, ...]):
    """Views [W1, b1, ...] of the arrays of a net or a layer.

    Their numbers may be changed in place. Assigning an array copies its values, and
    refuses other shapes. The views are the reader's own: whatever becomes of their
    shape, the net keeps its arrays.

    >>> from fastnn import mlp
    >>> net = mlp(2, 1)
    >>> net.params[0] = [[1.0], [2.0]]
    >>> net.theta.tolist()
    [1.0, 2.0, 0.0]
    """

    __slots__ = ()

    def __new__(cls, arrays: Iterable[Array]) -> "Parameters":
        return super().__new__(cls, [array.view() for array in arrays])

    def __setitem__(self, index: int, values: Any) -> None:
        own: Array = self[operator.index(index)]
        if values is own:  # after params[0] += ...
            return
        array = as_float_array(f"params[{index}]", values, own.dtype)
        if array.shape != own.shape:
            raise ValueError(
                f"params[{index}] has shape {own.shape}, but the values have shape "
                f"{array.shape}: they must be the same"
            )
        own[...] = array

    def __repr__(self) -> str:
        return repr(list(self))
