"""Data sets and settings on which estimators are compared with scikit-learn's own."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

import fastnn.sklearn

CLASSIFIER, REGRESSOR = "MLPClassifier", "MLPRegressor"


class Case(NamedTuple):
    """A data set's name, and the settings of an estimator for it."""

    data: str
    settings: dict[str, Any]
    weighted: bool = False

    def __str__(self) -> str:
        settings = ", ".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.data}: {settings}" + ", weighted" * self.weighted


def data(name: str) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the kind of estimator for a data set, X and y."""
    if name.startswith("moons"):
        return CLASSIFIER, *datasets.make_moons(200, noise=0.2, random_state=0)
    if name == "multi-label":
        return CLASSIFIER, *datasets.make_multilabel_classification(100, random_state=0)
    if name == "three outputs":
        X, y = datasets.make_regression(100, 5, n_targets=3, random_state=0)
        return REGRESSOR, X, y / 50
    if name == "counts":
        X, y = datasets.load_diabetes(return_X_y=True)
        return REGRESSOR, X[:150] * 20, np.floor(y[:150] / 50)
    loaded = getattr(datasets, f"load_{name.split(' ')[0].replace('-', '_')}")
    X, y = loaded(return_X_y=True)
    if not name.endswith("unscaled"):
        X = StandardScaler().fit_transform(X)
    if name.startswith("diabetes"):
        return REGRESSOR, X, y / 100
    return CLASSIFIER, X, y


def fitted(module: Any, case: Case, dtype: str = "float64") -> Any:
    """Return the estimator of a module, fitted to a case."""
    kind, X, y = data(case.data)
    settings = {"random_state": 1, "max_iter": 30} | case.settings
    weights = np.random.default_rng(0).random(len(X)) if case.weighted else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = getattr(module, kind)(**settings)
        return model.fit(X.astype(dtype), y, sample_weight=weights)


def both(case: Case, dtype: str = "float64") -> tuple[Any, Any]:
    """Return scikit-learn's estimator and this package's, fitted to a case."""
    return fitted(neural_network, case, dtype), fitted(fastnn.sklearn, case, dtype)


def deviation(theirs: Any, ours: Any) -> float:
    """Return the largest difference of numbers, relative to the largest number.

    Compared are parameters, losses and validation scores; infinity if there are not
    the same number of epochs.
    """
    if theirs.n_iter_ != ours.n_iter_ or theirs.t_ != ours.t_:
        return float("inf")
    pairs = list(zip(theirs.coefs_, ours.coefs_, strict=True))
    pairs += zip(theirs.intercepts_, ours.intercepts_, strict=True)
    scale = max(np.abs(x).max() for x, _ in pairs)
    worst = max(np.abs(x - y).max() for x, y in pairs) / scale
    if hasattr(theirs, "loss_curve_"):
        pairs = [(theirs.loss_curve_, ours.loss_curve_)]
        if theirs.validation_scores_ is not None:
            pairs.append((theirs.validation_scores_, ours.validation_scores_))
        for x, y in pairs:
            gap = np.abs(np.subtract(x, y)).max()
            worst = max(worst, gap / max(np.abs(x).max(), 1e-9))
    return float(worst)


# Trainings that are not chaotic: see docs/sklearn.md.
SAME_NUMBERS = [
    *(
        Case(name, {"solver": solver})
        for name in ("iris", "wine", "breast-cancer", "moons", "diabetes")
        for solver in ("adam", "sgd")
    ),
    Case("digits", {"hidden_layer_sizes": 20, "max_iter": 5}),
    Case("wine unscaled", {}),
    Case("breast-cancer unscaled", {"solver": "sgd", "batch_size": 50}),
    Case("iris", {"hidden_layer_sizes": (), "alpha": 0.0, "learning_rate_init": 5.0}),
    Case("multi-label", {}),
    Case("multi-label", {"solver": "sgd", "batch_size": 30}),
    Case("three outputs", {}),
    Case("three outputs", {"solver": "sgd", "batch_size": 30, "alpha": 0.5}),
    Case("counts", {"loss": "poisson"}),
    Case("counts", {"loss": "poisson", "solver": "sgd", "learning_rate_init": 1e-4}),
    Case("counts", {"loss": "poisson", "batch_size": 40}, weighted=True),
    Case("counts", {"loss": "poisson", "batch_size": 1, "max_iter": 3}),
    Case("multi-label", {"batch_size": 1, "max_iter": 3}, weighted=True),
    Case("iris", {"activation": "identity", "hidden_layer_sizes": (7, 3)}),
    Case("iris", {"activation": "logistic", "hidden_layer_sizes": (7, 5, 3)}),
    Case("iris", {"activation": "tanh", "hidden_layer_sizes": ()}),
    Case("iris", {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3}),
    Case(
        "iris",
        {
            "solver": "sgd",
            "learning_rate": "adaptive",
            "learning_rate_init": 0.1,
            "tol": 0.01,
            "n_iter_no_change": 2,
            "max_iter": 100,
        },
    ),
    Case("iris", {"tol": 0.05, "n_iter_no_change": 3, "max_iter": 200}),
    Case("iris", {"early_stopping": True, "max_iter": 60}),
    Case("moons", {"early_stopping": True, "validation_fraction": 0.3}),
    Case("diabetes", {"early_stopping": True}),
    Case("iris", {"batch_size": 32, "alpha": 1.0}),
    Case("iris", {"batch_size": 1, "solver": "sgd", "max_iter": 5}),
    Case("iris", {"batch_size": 1, "solver": "sgd", "momentum": 0, "max_iter": 5}),
    Case("moons", {"batch_size": 1, "alpha": 0.1, "max_iter": 5}),
    Case("iris", {"shuffle": False, "batch_size": 40}),
    Case("iris", {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5}),
    Case("iris", {"batch_size": 16, "solver": "sgd", "alpha": 0.1}, weighted=True),
    Case("moons", {"batch_size": 1, "alpha": 0.1, "max_iter": 5}, weighted=True),
    Case("diabetes", {"early_stopping": True}, weighted=True),
    Case("multi-label", {"early_stopping": True}, weighted=True),
]
