"""MLPSearchCV: a grid search whose candidates are trained side by side."""

import time
from collections import defaultdict
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.model_selection._validation import (
    _fit_and_score,
    _score,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _check_method_params

from .epochs import Task, train
from .estimators import MLPClassifier, MLPRegressor
from .lanes import train_side_by_side

# Settings of which estimators that are trained side by side have their own.
_OWN = {
    *("alpha", "learning_rate", "learning_rate_init", "power_t", "momentum"),
    *("beta_1", "beta_2", "epsilon", "tol", "n_iter_no_change", "max_iter", "verbose"),
}


class MLPSearchCV(GridSearchCV):
    """A `GridSearchCV` over MLPClassifier or MLPRegressor that trains side by side.

    Parameters, attributes and numbers are those of
    `sklearn.model_selection.GridSearchCV`. Candidates that differ in alpha, learning
    rates, momentum, betas, epsilon, tol and numbers of epochs only are trained in the
    lanes of the same vectors, on each fold in turn. That needs random_state to be an
    integer, dense rows, batches of several rows, and one of the solvers "sgd" and
    "adam". Others are trained one after the other; `alone_` lists them with the reason.
    n_jobs is not used.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(5, learning_rate_init=0.01, tol=0.01, random_state=0)
    >>> search = MLPSearchCV(model, {"alpha": [0.0001, 0.01, 1.0]}, cv=3).fit(X, y)
    >>> len(search.cv_results_["mean_test_score"]), search.alone_
    (3, [])
    """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, **params: Any) -> Any:
        """Train and score all candidates on all folds, and the best one on all rows.

        params go to the estimator's `fit`, the scorer and the splitter, as in
        `GridSearchCV`: sample_weight, for one, to the first two, and groups to the
        last. What has one item per row is split with the rows.
        """
        if not isinstance(self.estimator, (MLPClassifier, MLPRegressor)):
            raise TypeError(
                "MLPSearchCV takes an MLPClassifier or MLPRegressor of fastnn.sklearn, "
                f"not {type(self.estimator).__name__}: use GridSearchCV"
            )
        scorers, metric = self._get_scorers()
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        candidates = list(ParameterGrid(self.param_grid))
        self.n_splits_ = len(splits)
        self.alone_: list[tuple[dict[str, Any], str]] = []
        given = {"estimator": self, "X": X, "y": y, "metadata": _metadata(params)}
        task = self._init_callback_context(max_subtasks=2 if self.refit else 1)
        task.call_on_fit_task_begin(**given)
        subtask = task.subcontext(
            task_name="search",
            max_subtasks=len(candidates) * len(splits),
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        if self.verbose > 0:
            n_fits = len(splits) * len(candidates)
            print(
                f"Fitting {len(splits)} folds for each of {len(candidates)} candidates,"
                f" totalling {n_fits} fits"
            )
        by_fold = []
        for number, fold in enumerate(splits):
            evaluations = [
                subtask.subcontext(
                    task_name="candidate-split-evaluation",
                    task_id=candidate * len(splits) + number,
                )
                for candidate in range(len(candidates))
            ]
            by_fold.append(
                self._fold(X, y, fold, candidates, scorers, routed, evaluations)
            )
        out = [
            by_fold[fold][candidate]
            for candidate, fold in product(range(len(candidates)), range(len(splits)))
        ]
        _warn_or_raise_about_fit_failures(out, self.error_score)
        results = self._format_results(candidates, len(splits), out)
        subtask.call_on_fit_task_end(estimator=self)
        self.multimetric_ = isinstance(out[0]["test_scores"], dict)
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, metric, results)
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        if self.refit:
            self.best_estimator_ = self._candidate(self.best_params_)
            subtask = task.subcontext(task_name="refit-with-best-params")
            with subtask.propagate_callback_context(self.best_estimator_):
                subtask.call_on_fit_task_begin(**given)
                started = time.time()
                self.best_estimator_.fit(X, y, **routed.estimator.fit)
                self.refit_time_ = time.time() - started
            subtask.call_on_fit_task_end(**given)
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        self.cv_results_ = results
        task.call_on_fit_task_end(**given)
        return self

    def _candidate(self, settings: dict[str, Any]) -> Any:
        return clone(self.estimator).set_params(**clone(settings, safe=False))

    def _fold(
        self,
        X: Any,
        y: Any,
        fold: tuple[Any, Any],
        candidates: list[dict[str, Any]],
        scorers: Any,
        routed: Any,
        evaluations: list[Any],
    ) -> list[dict[str, Any]]:
        """Train and score all candidates on a fold; return what sklearn keeps of it.

        evaluations are the tasks of which callbacks are told.
        """
        started, (rows, test) = time.time(), fold
        fit_params, score_params = routed.estimator.fit, routed.scorer.score
        data = [_safe_indexing(part, of) for of in fold for part in (X, y)]
        of_rows = _check_method_params(X, params=fit_params, indices=rows)
        for_scores = [
            _check_method_params(X, params=score_params, indices=of) for of in fold
        ]
        given = {"estimator": self, "X": data[0], "y": data[1]}
        given["metadata"] = _metadata(of_rows)
        models: dict[int, Any] = {}
        watched: set[int] = set()
        together: dict[Any, list[tuple[int, str]]] = defaultdict(list)
        for i, settings in enumerate(candidates):
            model = self._candidate(settings)
            if hasattr(model, "_skl_callbacks"):
                self._note_alone(settings, "it has callbacks")
                watched.add(i)
                continue  # it is trained below, where it is asked after each epoch
            evaluations[i].call_on_fit_task_begin(**given)
            model._postponed = []
            try:
                model.fit(*data[:2], **of_rows)
            except Exception:
                continue  # it fails again below, and is reported there
            models[i] = model
            why, key = "it has no epochs to share", (i,)
            for task, _ in model._postponed:
                why, key = _why_alone(model, task), _shared(model, task)
            together[(i,) if why else key].append((i, why))
        for members in together.values():
            self._train([(models[i], candidates[i], why) for i, why in members])
        seconds = (time.time() - started) / len(candidates)
        results = []
        for i, settings in enumerate(candidates):
            if i in models and _is_finite(models[i]):
                result = self._scored(models[i], scorers, data, for_scores)
                result["fit_time"] = seconds
            else:
                result = _fit_and_score(
                    clone(self.estimator),
                    X,
                    y,
                    scorer=scorers,
                    train=rows,
                    test=test,
                    verbose=self.verbose,
                    parameters=settings,
                    fit_params=fit_params,
                    score_params=score_params,
                    return_train_score=self.return_train_score,
                    return_n_test_samples=True,
                    return_times=True,
                    error_score=self.error_score,
                    caller=self,
                    callback_ctx=evaluations[i] if i in watched else None,
                )
            if i not in watched:
                evaluations[i].call_on_fit_task_end(**given)
            results.append(result)
        return results

    def _train(self, members: list[tuple[Any, dict[str, Any], str]]) -> None:
        """Train what was postponed, side by side if there are several."""
        tasks = [task for model, _, _ in members for task in model._postponed]
        if len(tasks) > 1:
            train_side_by_side(tasks)
        for model, settings, why in members:
            if len(tasks) == 1:
                train(*tasks[0])
            if why:
                self._note_alone(settings, why)
            del model._postponed

    def _note_alone(self, settings: dict[str, Any], why: str) -> None:
        if (settings, why) in self.alone_:
            return
        self.alone_.append((settings, why))
        if self.verbose > 0:
            print(f"trained alone, because {why}: {settings}")

    def _scored(
        self, model: Any, scorers: Any, data: list[Any], params: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return the scores of a model; data are the fold's X, y, test X and test y.

        params are the scorers' for its rows, and for those to test on.
        """
        started = time.time()
        of_rows, of_test = params
        result = {
            "fit_error": None,
            "test_scores": _score(model, *data[2:], scorers, of_test, self.error_score),
            "score_time": time.time() - started,
            "n_test_samples": len(data[3]),
        }
        if self.return_train_score:
            scores = _score(model, *data[:2], scorers, of_rows, self.error_score)
            result["train_scores"] = scores
        return result


def _metadata(params: dict[str, Any]) -> dict[str, Any] | None:
    """Return what callbacks get beside X and y."""
    weights = params.get("sample_weight")
    return None if weights is None else {"sample_weight": weights}


def _is_finite(model: Any) -> bool:
    return all(np.isfinite(w).all() for w in (*model.coefs_, *model.intercepts_))


def _why_alone(model: Any, task: Task) -> str:
    """Return why an estimator cannot be trained beside others, or nothing."""
    if not isinstance(model.random_state, Integral):
        return "random_state is not an integer"
    if not isinstance(task.samples.X, np.ndarray):
        return "X is sparse"
    if task.batch_size == 1:
        return "a batch is one row"
    if task.samples.weights is not None:
        return "rows have weights"
    return ""


def _shared(model: Any, task: Task) -> tuple[Any, ...]:
    """Return what estimators that are trained side by side must have in common."""
    settings = model.get_params(deep=False)
    shared = sorted((k, repr(v)) for k, v in settings.items() if k not in _OWN)
    return (task.solver.rule.code, task.batch_size, *shared)
