"""The estimators of fastnn.sklearn against scikit-learn's: the same fit, timed in turn.

    python -m bench.estimator            # all cases, in three minutes
    python -m bench.estimator --quick    # fewer epochs and turns, to see that it works

Each case first trains both and compares their `loss_curve_`; a case whose losses differ
is not timed. Then both fit in turn, and the medians count. A fit has all that a user
waits for: checks, label binarizer, splits. scikit-learn keeps its default threads.
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

import fastnn.sklearn

from .show import significant

TURNS, QUICK_TURNS = 5, 1
QUICK_EPOCHS = 3
TOLERANCE = 1e-9  # of losses, relative to the largest


@dataclass(frozen=True)
class EstimatorCase:
    """A data set and the settings of an estimator for it."""

    name: str
    estimator: str  # "MLPClassifier" or "MLPRegressor"
    X: Any
    y: Any
    settings: dict[str, Any]


@dataclass(frozen=True)
class Timing:
    """Median seconds of a fit by scikit-learn and by fastnn, and its epochs."""

    name: str
    theirs: float
    ours: float
    epochs: int

    @property
    def ratio(self) -> float:
        """Return how many times faster fastnn is."""
        return self.theirs / self.ours


def cases() -> Iterator[EstimatorCase]:
    """Yield all cases."""
    for name, solver in (
        ("iris", "adam"),
        ("iris", "sgd"),
        ("wine", "adam"),
        ("breast_cancer", "adam"),
        ("digits", "adam"),
    ):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        title = f"{name.replace('_', ' ')}, {solver}"
        yield EstimatorCase(title, "MLPClassifier", X, y, {"solver": solver})
        if name == "iris" and solver == "adam":
            for more in (
                {"hidden_layer_sizes": (10,)},
                {"batch_size": 32},
                {"batch_size": 1, "solver": "sgd", "max_iter": 20},
                {"early_stopping": True},
            ):
                title = ", ".join(f"{key}={value}" for key, value in more.items())
                yield EstimatorCase(f"iris, {title}", "MLPClassifier", X, y, more)
    X, y = datasets.make_moons(1000, noise=0.2, random_state=0)
    small = {"hidden_layer_sizes": (10, 10), "activation": "tanh", "batch_size": 32}
    yield EstimatorCase("moons, two hidden layers", "MLPClassifier", X, y, small)
    X, y = datasets.load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    yield EstimatorCase("diabetes, adam", "MLPRegressor", X, y / 100, {})


def measure(case: EstimatorCase, turns: int, epochs: int | None) -> Timing:
    """Time both estimators; ValueError if their losses differ.

    epochs: the most of a fit, or None for those of the case.
    """
    settings = {"random_state": 0} | case.settings
    if epochs is not None:
        settings["max_iter"] = epochs
    makers = [
        getattr(module, case.estimator) for module in (neural_network, fastnn.sklearn)
    ]
    fits = [_fit(make(**settings), case)[1] for make in makers]
    theirs, ours = (np.array(model.loss_curve_) for model in fits)
    if len(theirs) != len(ours) or (
        np.abs(theirs - ours).max() > TOLERANCE * np.abs(theirs).max()
    ):
        raise ValueError(
            f"the losses of {case.name!r} differ: there is nothing to time"
        )
    seconds: list[list[float]] = [[], []]
    for _ in range(turns):
        for of_estimator, make in zip(seconds, makers, strict=True):
            of_estimator.append(_fit(make(**settings), case)[0])
    their_seconds, our_seconds = map(median, seconds)
    return Timing(case.name, their_seconds, our_seconds, fits[0].n_iter_)


def _fit(model: Any, case: EstimatorCase) -> tuple[float, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        started = time.perf_counter()
        model.fit(case.X, case.y)
        return time.perf_counter() - started, model


def table(timings: list[Timing]) -> Table:
    """Return the table of all cases, and the median ratio in its title."""
    middle = significant(median(timing.ratio for timing in timings))
    shown = Table(title=f"fit of an estimator: {middle} times faster in the median")
    for header in ("case", "epochs", "scikit-learn, ms", "fastnn, ms", "ratio"):
        shown.add_column(header, justify="left" if header == "case" else "right")
    for timing in timings:
        numbers = (1e3 * timing.theirs, 1e3 * timing.ours, timing.ratio)
        shown.add_row(timing.name, str(timing.epochs), *map(significant, numbers))
    return shown


def main() -> None:
    """Measure all cases, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few epochs, one turn")
    quick = parser.parse_args().quick
    turns, epochs = (QUICK_TURNS, QUICK_EPOCHS) if quick else (TURNS, None)
    Console().print(table([measure(case, turns, epochs) for case in cases()]))


if __name__ == "__main__":
    main()
