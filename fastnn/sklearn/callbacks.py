"""scikit-learn's callbacks: a fit is a task, and each of its epochs a subtask."""

from copy import deepcopy
from typing import Any

# What a fit goes on changing in place while a callback holds a fitted copy.
_CHANGING = ("coefs_", "intercepts_", "loss_curve_", "validation_scores_")


class FitTask:
    """A fit that tells an estimator's callbacks of its beginning, epochs and end.

    The callbacks get X, y and sample_weight as they were passed to `fit`, and where an
    epoch or the fit ends, if they ask for it, the estimator as if the fit ended there.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._estimator = estimator
        self._given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        has_epochs = estimator.solver != "lbfgs"
        self._root = self._epoch = estimator._init_callback_context(
            max_subtasks=estimator.max_iter if has_epochs else 0
        )
        self._root.call_on_fit_task_begin(**self._given)

    def begin_epoch(self) -> None:
        """Tell the callbacks that an epoch begins."""
        self._epoch = self._root.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._given)

    def end_epoch(self) -> bool:
        """Tell the callbacks that the epoch has ended; return True if one says stop."""
        return bool(
            self._epoch.call_on_fit_task_end(
                **self._given, reconstruction_attributes=self._fitted
            )
        )

    def end(self) -> None:
        """Tell the callbacks that the fit has ended."""
        self._root.call_on_fit_task_end(
            **self._given, reconstruction_attributes=self._fitted
        )

    def _fitted(self) -> dict[str, Any]:
        """Return the attributes of the estimator as if its fit ended here."""
        estimator = self._estimator
        fitted = {name: getattr(estimator, name, None) for name in _CHANGING}
        if estimator.early_stopping and estimator.solver != "lbfgs":
            fitted["coefs_"] = estimator._best_coefs
            fitted["intercepts_"] = estimator._best_intercepts
        return deepcopy({name: value for name, value in fitted.items() if value})
