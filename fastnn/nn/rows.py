"""The layers between one row and many: Repeat and Sum, each the other's backward pass."""

import numpy as np

from .. import kernels
from ..data.arguments import check_int
from ..data.arrays import Array
from .layers import Layer


class Repeat(Layer):
    """One row (1, k) repeated n times, (n, k); backward sums the rows.

    >>> Repeat(2).forward([[1.0, 2.0]])
    array([[1., 2.],
           [1., 2.]])
    """

    mixes_rows = True

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = check_int("n", n, 1)

    def n_rows(self, n: int) -> int:
        if n != 1:
            raise ValueError(f"{self!r} takes one row, but gets {n}")
        return self.n

    def compute(self, x: Array) -> Array:
        out = np.empty((self.n_rows(len(x)), x.shape[1]), x.dtype)
        kernels.loops.layers.repeat_row(out, x)
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.sum_rows(dx, dout)
        return dx

    def __repr__(self) -> str:
        return f"Repeat({self.n})"


class Sum(Layer):
    """The sum of all rows, (n, k) to (1, k); backward repeats the row.

    >>> Sum().forward([[1.0, 2.0], [3.0, 4.0]])
    array([[4., 6.]])
    """

    mixes_rows = True

    def n_rows(self, n: int) -> int:
        return 1

    def compute(self, x: Array) -> Array:
        out = np.empty((1, x.shape[1]), x.dtype)
        kernels.loops.layers.sum_rows(out, x)
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.repeat_row(dx, dout)
        return dx
