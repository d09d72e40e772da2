"""The estimators of fastnn.sklearn against scikit-learn's: the same fit, timed in turn.

Each case first trains both and compares their `loss_curve_`; a case whose losses differ
is not timed. A fit has all that a user waits for: checks, label binarizer, splits.
Both run in this process, and scikit-learn keeps its default threads.
"""

import gc
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from .cases import MissingCase
from .contenders import CONTENDERS, OURS
from .method import Notify
from .quiet import Usual, loop_seconds
from .results import CaseResult, Row

RIVAL = "scikit_learn"
TOLERANCE = 1e-9  # of losses, relative to the largest
ROUNDS, QUICK_ROUNDS = 5, 1
QUICK_EPOCHS = 3


@dataclass(frozen=True)
class EstimatorCase:
    """A data set and the settings of an estimator for it."""

    name: str
    estimator: str  # "MLPClassifier" or "MLPRegressor"
    X: Any
    y: Any
    settings: dict[str, Any]
    quick: bool = False

    @property
    def description(self) -> str:
        """Return the work in a line; runs are compared where these lines are equal."""
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.estimator}({settings}), {len(self.X):,} rows"


def cases() -> Iterator[EstimatorCase | MissingCase]:
    """Yield all cases, or one that is missing without scikit-learn."""
    try:
        from sklearn import datasets
        from sklearn.preprocessing import StandardScaler

        import fastnn.sklearn  # noqa: F401 - needs a version of its own
    except ImportError as error:
        yield MissingCase("estimator", f"{error}; `pip install -e '.[sklearn]'`")
        return
    for name, solver in (
        ("iris", "adam"),
        ("iris", "sgd"),
        ("wine", "adam"),
        ("breast_cancer", "adam"),
        ("digits", "adam"),
    ):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        title = f"estimator: {name.replace('_', ' ')}"
        settings = {"solver": solver}
        first = (name, solver) == ("iris", "adam")
        yield EstimatorCase(
            f"{title}, {solver}", "MLPClassifier", X, y, settings, quick=first
        )
        if first:
            more: dict[str, dict[str, Any]] = {
                "ten hidden units": {"hidden_layer_sizes": (10,)},
                "batches of 32": {"batch_size": 32},
                "per sample": {"batch_size": 1, "solver": "sgd", "max_iter": 20},
                "early stopping": {"early_stopping": True},
            }
            for how, settings in more.items():
                yield EstimatorCase(f"{title}, {how}", "MLPClassifier", X, y, settings)
    X, y = datasets.make_moons(1000, noise=0.2, random_state=0)
    small = {"hidden_layer_sizes": (10, 10), "activation": "tanh", "batch_size": 32}
    name = "estimator: moons, two hidden layers"
    yield EstimatorCase(name, "MLPClassifier", X, y, small)
    X, y = datasets.load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    yield EstimatorCase("estimator: diabetes, adam", "MLPRegressor", X, y / 100, {})


def measure(
    case: EstimatorCase, quick: bool, usual: Usual, notify: Notify
) -> CaseResult:
    """Time both estimators in turn, if their losses are the same.

    A quick measurement fits for a few epochs, once. Turns are disturbed as those of the
    other contenders are.
    """
    import sklearn
    from sklearn import neural_network

    import fastnn.sklearn

    settings = {"random_state": 0} | case.settings
    rounds = ROUNDS
    if quick:
        rounds = QUICK_ROUNDS
        settings["max_iter"] = QUICK_EPOCHS
    makers = {OURS: fastnn.sklearn, RIVAL: neural_network}
    versions = {
        OURS: f"fastnn {fastnn.__version__}",
        RIVAL: f"scikit-learn {sklearn.__version__}",
    }
    rows, curves = {}, {}
    for name, module in makers.items():
        notify(f"{CONTENDERS[name].title}: the losses")
        row = rows[name] = Row(name, CONTENDERS[name].title, "timed")
        row.versions = versions[name]
        try:
            model = _fit(getattr(module, case.estimator)(**settings), case)[1]
        except Exception as error:  # as of any other contender
            row.status, row.why = "failed", f"{type(error).__name__}: {error}"
            continue
        curves[name] = np.array(model.loss_curve_)
        row.loss, row.epochs = float(curves[name][-1]), len(curves[name])
    if len(curves) < 2:
        rounds = 0
    elif (difference := _difference(curves[OURS], curves[RIVAL])) > TOLERANCE:
        rows[OURS].status = "invalid"
        rows[OURS].why = f"its loss_curve_ differs by {difference:.2g}"
        rounds = 0
    for i in range(rounds):
        for name, module in makers.items():
            notify(f"{CONTENDERS[name].title}: turn {i + 1} of {rounds}")
            model = getattr(module, case.estimator)(**settings)
            before = usual.is_quiet(loop_seconds())
            seconds, _ = _fit(model, case)
            after = usual.is_quiet(loop_seconds())
            rows[name].add(seconds, before and after)
    return CaseResult(
        case.name,
        case.description,
        "epoch",
        1,
        rows[RIVAL].epochs,
        rows[RIVAL].loss,
        TOLERANCE,
        None,
        list(rows.values()),
    )


def median_ratio(results: list[CaseResult]) -> float | None:
    """Return scikit-learn's time as a multiple of fastnn's, in the median of all."""
    ratios = [ratio(result) for result in results if result.row(OURS) is not None]
    return median(ratios) if ratios else None


def ratio(result: CaseResult) -> float:
    """Return scikit-learn's time as a multiple of fastnn's."""
    rival = result.row(RIVAL)
    assert rival is not None  # both are timed, or none
    return median(result.ratios(rival))


def _difference(ours: Any, theirs: Any) -> float:
    """Return the largest difference of two curves of losses, relative to the largest.

    It is infinite if one has more epochs than the other, or if a loss is not finite.
    """
    if len(ours) != len(theirs):
        return float("inf")
    difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    return difference if np.isfinite(difference) else float("inf")


def _fit(model: Any, case: EstimatorCase) -> tuple[float, Any]:
    """Return the seconds of a fit, with the garbage collector off, and the model."""
    from sklearn.exceptions import ConvergenceWarning

    gc.collect()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            started = time.perf_counter()
            model.fit(case.X, case.y)
            return time.perf_counter() - started, model
    finally:
        gc.enable()
