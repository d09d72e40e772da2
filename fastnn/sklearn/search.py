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
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _check_method_params

from .epochs import Task, Training, train
from .estimators import MLPClassifier, MLPRegressor
from .lanes import train_side_by_side
from .scores import Scored

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
        groups = _possible_twins(self.estimator, candidates)
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
                self._fold(X, y, fold, candidates, groups, scorers, routed, evaluations)
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
        groups: list[list[int]],
        scorers: Any,
        routed: Any,
        evaluations: list[Any],
    ) -> list[dict[str, Any]]:
        """Train and score all candidates on a fold; return what sklearn keeps of it.

        groups are `_possible_twins`, and evaluations the tasks that callbacks are told
        of.
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
        watched = hasattr(self.estimator, "_skl_callbacks")
        models: dict[int, Any] = {}
        error_score = self.error_score
        results: dict[int, dict[str, Any]] = {}
        for group in groups:
            if watched:
                for i in group:
                    self._note_alone(candidates[i], "it has callbacks")
                continue  # they are trained below, where callbacks are told of epochs
            for i in group:
                evaluations[i].call_on_fit_task_begin(**given)
            of_group = {i: candidates[i] for i in group}
            models |= self._trained(of_group, data[:2], of_rows)
        seconds = (time.time() - started) / len(candidates)
        for group in groups:
            own, held_out = (
                Scored(data[k], data[k + 1], scorers, for_scores[k // 2], error_score)
                for k in (0, 2)
            )
            for i in group:
                if i not in models or not _is_finite(models[i]):
                    continue
                started = time.time()
                results[i] = {"fit_error": None, "fit_time": seconds}
                results[i]["test_scores"] = held_out.score(models[i])
                results[i]["score_time"] = time.time() - started
                results[i]["n_test_samples"] = len(data[3])
                if self.return_train_score:
                    results[i]["train_scores"] = own.score(models[i])
        for i, settings in enumerate(candidates):
            if i not in results:
                results[i] = _fit_and_score(
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
                    callback_ctx=evaluations[i] if watched else None,
                )
            if not watched:
                evaluations[i].call_on_fit_task_end(**given)
        return [results[i] for i in range(len(candidates))]

    def _trained(
        self, candidates: dict[int, dict[str, Any]], data: list[Any], params: Any
    ) -> dict[int, Any]:
        """Train candidates that may be twins; return the models that do not fail."""
        models: dict[int, Any] = {}
        together: dict[Any, list[tuple[Task, Training]]] = defaultdict(list)
        first = None
        for i, settings in candidates.items():
            try:
                if first is not None:
                    model = first._postponed_twin(settings)
                else:
                    model = self._candidate(settings)
                    model._postponed = []
                    model.fit(*data, **params)
            except Exception:
                continue  # it fails again in `_fit_and_score`, and is reported there
            models[i], why = model, _why_alone(model)
            if why:
                self._note_alone(settings, why)
            elif first is None:
                first = model
            for task, run in model._postponed:
                key = i if why else (task.solver.rule.code,)
                together[key].append((task, run))
        for tasks in together.values():
            if len(tasks) > 1:
                train_side_by_side(tasks)
            else:
                train(*tasks[0])
        for model in models.values():
            del model._postponed
        return models

    def _note_alone(self, settings: dict[str, Any], why: str) -> None:
        if (settings, why) in self.alone_:
            return
        self.alone_.append((settings, why))
        if self.verbose > 0:
            print(f"trained alone, because {why}: {settings}")


def _metadata(params: dict[str, Any]) -> dict[str, Any] | None:
    """Return what callbacks get beside X and y."""
    weights = params.get("sample_weight")
    return None if weights is None else {"sample_weight": weights}


def _is_finite(model: Any) -> bool:
    return all(np.isfinite(w).all() for w in (*model.coefs_, *model.intercepts_))


def _why_alone(model: Any) -> str:
    """Return why an estimator cannot be trained beside others, or nothing."""
    if not model._postponed:
        return "it has no epochs to share"
    ((task, _),) = model._postponed
    if not isinstance(model.random_state, Integral):
        return "random_state is not an integer"
    if not isinstance(task.samples.X, np.ndarray):
        return "X is sparse"
    if task.batch_size == 1:
        return "a batch is one row"
    if task.samples.weights is not None:
        return "rows have weights"
    return ""


def _possible_twins(
    estimator: Any, candidates: list[dict[str, Any]]
) -> list[list[int]]:
    """Return the numbers of the candidates that differ in settings of `_OWN` only."""
    shared = _shown(estimator.get_params(deep=False))
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, settings in enumerate(candidates):
        groups[frozenset((shared | _shown(settings)).items())].append(i)
    return list(groups.values())


def _shown(settings: dict[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in settings.items() if name not in _OWN}
