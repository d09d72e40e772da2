"""Scores of several estimators on the same rows, which are checked once."""

from typing import Any

import numpy as np
from sklearn.metrics._scorer import _PassthroughScorer
from sklearn.model_selection._validation import _score
from sklearn.utils.validation import validate_data

from .estimators import MLPClassifier, MLPRegressor


class Scored:
    """Rows on which estimators are scored that were fitted to the same rows.

    scorers, params and error_score are as in `GridSearchCV`. Where the score is that of
    the estimator, scikit-learn makes its checks for the first one; they take 30 times
    as long as the score itself.
    """

    def __init__(
        self, X: Any, y: Any, scorers: Any, params: dict[str, Any], error_score: Any
    ) -> None:
        self._given, self._error_score = (X, y, scorers, params), error_score
        self._may_check_once = (
            isinstance(scorers, _PassthroughScorer)
            and not params
            and isinstance(y, np.ndarray)
            and y.ndim == 1
        )
        self._checked: Any = None

    def score(self, model: Any) -> Any:
        """Return the score of a model, or the scores."""
        if self._checked is not None:
            return model._score(self._checked, self._given[1])
        if not self._may_check_once or type(model) not in (MLPClassifier, MLPRegressor):
            return _score(model, *self._given, self._error_score)
        try:
            score = _score(model, *self._given, "raise")
        except Exception:
            self._may_check_once = False
            return _score(model, *self._given, self._error_score)
        X = validate_data(
            model, self._given[0], accept_sparse=["csr", "csc"], reset=False
        )
        if model._score(X, self._given[1]) == score:
            self._checked = X
        return score
