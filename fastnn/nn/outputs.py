"""Outputs of a net: their memory, whether they are finite, and how well they fit."""

import numpy as np

from .. import kernels
from ..data.arrays import Array, all_finite
from ..data.machine import check_memory

# Up to this number of bytes, outputs fit into any memory.
_FEW_BYTES = 2**20


def check_outputs_memory(n_rows: int, n_columns: int, itemsize: int) -> None:
    """Refuse outputs (n_rows, n_columns) that do not fit into memory."""
    n_bytes = n_rows * n_columns * itemsize
    if n_bytes > _FEW_BYTES:
        check_memory(
            n_bytes,
            f"outputs of {n_rows:,} rows with {n_columns:,} columns",
            "pass fewer rows of X at a time",
        )


def check_finite_outputs(outputs: Array) -> Array:
    """Return outputs (n, n_columns); ValueError for a row that is not finite.

    Parameters and inputs are finite, so a sum of their products was not.
    """
    if not all_finite(outputs):
        row = int(np.argwhere(~np.isfinite(outputs))[0, 0])
        largest = float(np.finfo(outputs.dtype).max)
        raise ValueError(
            f"the net's output for row {row} of X is not known: a sum of weights times "
            f"inputs, or what is made of it, is beyond {largest:.2g}, the largest "
            f"number of {outputs.dtype}: "
            "scale X, set net.theta to smaller parameters, or make a new net"
        )
    return outputs


def wide_activation(z: Array, code: int) -> Array:
    """Return the activation of outputs z (n, n_out) that may be infinite.

    Where one of a softmax's outputs is infinite, it is 1; where two are, all are NaN.
    """
    codes = kernels.codes
    with np.errstate(all="ignore"):
        if code == codes.SIGMOID:
            return np.asarray(1.0 / (1.0 + np.exp(-z)))
        if code == codes.TANH:
            return np.asarray(np.tanh(z))
        if code == codes.EXP:
            return np.asarray(np.exp(z))
        if code == codes.RELU:
            return np.maximum(z, 0.0)
        if code == codes.IDENTITY:
            return z
        largest = z.max(axis=1, keepdims=True)
        e = np.exp(z - largest)
        is_only = (z == largest).sum(axis=1, keepdims=True) == 1
        e = np.where((z == largest) & is_only, 1.0, e)
        return np.asarray(e / e.sum(axis=1, keepdims=True))


def wide_probabilities(z: Array) -> Array:
    """Return the classes' probabilities for outputs z (n, n_out) that may be infinite.

    One output is the logit of class 1.
    """
    if z.shape[1] > 1:
        return wide_activation(z, kernels.codes.SOFTMAX)
    return wide_activation(np.hstack([-z, z]), kernels.codes.SIGMOID)


def r_squared(values: Array, y: Array) -> float:
    """Return the mean over outputs of R^2 = 1 - sum (values - y)^2 / sum (y - mean)^2.

    values and y are (n, n_out). As in scikit-learn, an output whose y is constant
    counts as 1 if it is met exactly, and otherwise as 0. ValueError if all are.

    >>> r_squared(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]]))
    0.5
    """
    # Divided by the largest numbers, whose squares would overflow.
    scale = np.abs(y).max(axis=0).astype(np.float64)
    targets = y / np.where(scale > 0.0, scale, 1.0)
    spread = targets - targets.mean(axis=0)
    variance = (spread**2).sum(axis=0)
    constant = (y == y[0]).all(axis=0)
    if constant.all():
        raise ValueError(
            "y is the same in all rows, so R^2 is undefined: use loss_and_grads"
        )
    size = np.maximum(np.abs(values).max(axis=0), np.abs(y).max(axis=0))
    size = np.where(size > 0.0, size, 1.0).astype(np.float64)
    squares = ((values / size - y / size) ** 2).sum(axis=0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scores = 1.0 - (squares / variance) * (size / scale) ** 2
    scores[constant] = (squares == 0.0)[constant]
    score = float(scores.mean())
    if not np.isfinite(score):
        raise ValueError("R^2 is beyond -1.8e308: the net's values are far off y")
    return score
