"""What a scikit-learn estimator minimises, in the terms of the kernels.

scikit-learn's losses are sums over the outputs, those of the kernels are means. Its
gradients of squared errors are those of half their sum, but the losses that it shows
are half their mean. So an objective says how much larger scikit-learn's gradient is
than that of the kernels, and its loss than theirs.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy

from ..data.arrays import Array, readonly
from ..data.weights import no_weights
from ..nn.activations import Identity, ReLU, Sigmoid, Tanh
from ..nn.layers import Affine, Layer
from ..nn.losses import BCE, MSE, Loss, Poisson, SoftmaxCE
from ..training.engines.fused import Fused
from ..training.engines.table import layer_table

_ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
}
# The loss of values whose link makes a net's values of its plain outputs.
_VALUES = {
    "identity": MSE(),
    "exp": Poisson(),
    "logistic": MSE().linked("Sigmoid"),
    "softmax": MSE().linked("Softmax"),
}

# Rows of a sparse matrix that are made dense at once.
DENSE_ROWS = 4096


class Samples(NamedTuple):
    """Rows to train on: X (n, n_in) an array or a CSR matrix, y, weights (n,) or None.

    y is as in scikit-learn, (n, n_out).
    """

    X: Any
    y: Array
    weights: Array | None


class Objective(NamedTuple):
    """A loss by scikit-learn's name, the kernels' loss, and factors between the two."""

    name: str
    loss: Loss
    gradient_factor: float
    loss_factor: float

    def min_probability(self, dtype: np.dtype[Any]) -> float:
        """Return where scikit-learn clips probabilities: the type's precision, or 0."""
        return float(np.finfo(dtype).eps) if self.name.endswith("log_loss") else 0.0


def objective_of(estimator: Any) -> Objective:
    """Return the objective of an estimator."""
    n_out = float(estimator.n_outputs_)
    return {
        "softmax": Objective("log_loss", SoftmaxCE(), 1.0, 1.0),
        "logistic": Objective("binary_log_loss", BCE(), n_out, n_out),
        "identity": Objective("squared_error", MSE(), n_out / 2.0, 0.5),
        "exp": Objective("poisson", Poisson(), n_out, n_out),
    }[estimator.out_activation_]


def constants_of(objective: Objective, y: Array) -> Array:
    """Return what scikit-learn's losses (n,) have beyond those of the kernels.

    Its Poisson loss is a deviance, which is 0 where a prediction is right.
    """
    if objective.name != "poisson":
        return np.zeros(0)
    y = y.astype(np.float64)
    return (xlogy(y, y) - y).sum(axis=1)


def targets_of(objective: Objective, y: Array, dtype: np.dtype[Any]) -> Array:
    """Return scikit-learn's targets (n, n_out) as the kernels take them."""
    if isinstance(objective.loss, SoftmaxCE):
        y = y.argmax(axis=1)[:, np.newaxis]
    return np.ascontiguousarray(y, dtype)


def layers_of(sizes: Sequence[int], activation: str) -> list[Layer]:
    """Return the layers of a net with these numbers of units."""
    layers: list[Layer] = [Affine(sizes[0], sizes[1])]
    for n_in, n_out in pairwise(sizes[1:]):
        layers += [_ACTIVATIONS[activation](), Affine(n_in, n_out)]
    return layers


def engine_of(theta: Array, sizes: Sequence[int], activation: str, loss: Loss) -> Fused:
    """Return the engine that runs a net with these parameters (n_params,)."""
    return Fused(theta, _table(tuple(sizes), activation), loss)


def values(
    theta: Array, sizes: Sequence[int], activation: str, out: str, X: Array
) -> Array:
    """Return a net's outputs (n, n_out), after the activation `out`, for X."""
    loss = _VALUES[out]
    assert loss is not None
    return engine_of(theta, sizes, activation, loss).outputs(readonly(X))


@lru_cache(maxsize=64)
def _table(sizes: tuple[int, ...], activation: str) -> Array:
    table = layer_table(layers_of(sizes, activation))
    assert table is not None
    return table


def gradient_of(
    engine: Fused, theta: Array, objective: Objective, samples: Samples
) -> Array:
    """Return the flat gradient of scikit-learn's sum of losses.

    theta (n_params,) are the engine's. A sparse X is made dense in blocks of rows.
    """
    X, y, weights = samples
    targets = targets_of(objective, y, theta.dtype)
    rows = len(y) if isinstance(X, np.ndarray) else DENSE_ROWS
    gradient = np.zeros_like(theta)
    for start in range(0, len(y), rows):
        part = slice(start, start + rows)
        inputs = X if isinstance(X, np.ndarray) else X[part].toarray()
        of_rows = no_weights(theta.dtype)
        if weights is not None:
            of_rows = np.ascontiguousarray(weights[part], theta.dtype)
        _, g = engine.loss_and_gradient(
            readonly(np.ascontiguousarray(inputs, theta.dtype)),
            readonly(targets[part]),
            readonly(of_rows),
            mean=False,
        )
        gradient += g
    return objective.gradient_factor * gradient
