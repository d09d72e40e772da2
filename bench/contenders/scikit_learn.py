"""scikit-learn's MLPClassifier and MLPRegressor."""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ..cases import Array, Case
from . import Unsupported


def versions() -> str:
    """Return the name and version of the library."""
    return f"scikit-learn {sklearn.__version__}"


def prepare(case: Case) -> Callable[[int], float | Array]:
    """Return a function that trains or predicts."""
    if case.n_nets > 1:
        raise Unsupported("is used for one net at a time here")
    if case.output != "identity":
        raise Unsupported("has no activation before a squared error")
    if case.shuffled:
        raise Unsupported("draws orders of its own")
    model = _started(case)

    def train(epochs: int) -> float:
        _set(model, case.params)
        model.loss_curve_, model.n_iter_, model.t_ = [], 0, 0
        model.max_iter, model.n_iter_no_change = epochs, sys.maxsize
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            model.fit(case.X, case.y)
        return float(model.loss_) * (2.0 if case.loss == "mse" else 1.0)

    def learn(epochs: int) -> float:
        _set(model, case.params)
        model.warm_start = False  # for which each sample would need all classes
        for _ in range(epochs):
            total = 0.0
            for i in range(len(case.X)):
                model.partial_fit(case.X[i : i + 1], case.y[i : i + 1])
                total += model.loss_
        return total / len(case.X)

    def predict(times: int) -> Array:
        for _ in range(times):
            p = model.predict_proba(case.X)
        return p

    if case.by_sample:
        return learn
    return train if case.kind == "train" else predict


def _started(case: Case) -> Any:
    """Return a model that starts from the parameters of the case.

    Only a model that continues its training (warm start) accepts initial parameters.
    Its gradient is that of half the squared error summed over outputs, here it is that
    of the mean: a larger learning rate gives the same update of SGD, a larger eps that
    of Adam. (It adds eps before the correction of the second moment instead of after
    it; the difference is lost in rounding here.)
    """
    factor = case.sizes[-1] / 2.0 if case.loss == "mse" else 1.0
    adam = case.optimizer == "adam"
    model = (MLPRegressor if case.loss == "mse" else MLPClassifier)(
        hidden_layer_sizes=case.sizes[1:-1],
        activation="logistic" if case.hidden == "sigmoid" else "tanh",
        alpha=0.0,
        batch_size=case.batch_size,
        shuffle=False,
        max_iter=1,
        tol=0.0,
        warm_start=True,
        solver=case.optimizer,
        momentum=0.0,
        nesterovs_momentum=False,
        epsilon=1e-8 * factor,
        learning_rate_init=case.lr / (1.0 if adam else factor) or 1.0,
    )
    y = case.y if case.loss == "mse" else np.arange(max(2, case.sizes[-1]))
    rows = max(len(y), case.batch_size) if case.kind == "train" else len(y)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        model.fit(
            np.resize(case.X, (rows, case.X.shape[1])),
            np.resize(y, (rows, *y.shape[1:])),
        )
    _set(model, case.params)
    return model


def _set(model: Any, params: tuple[Array, ...]) -> None:
    model.coefs_ = [p.copy() for p in params[::2]]
    model.intercepts_ = [p.copy() for p in params[1::2]]
