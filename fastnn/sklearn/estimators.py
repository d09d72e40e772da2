"""MLPClassifier and MLPRegressor: scikit-learn's own classes, with compiled training.

Constructor, checks, attributes, label binarizer, initial weights and predictions of
labels are inherited. What is overridden follows scikit-learn's
`_multilayer_perceptron.py` (BSD-3-Clause) where its behaviour depends on the order of
the steps.
"""

import inspect
from copy import copy
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

import numpy as np
from scipy.sparse import issparse
from sklearn import neural_network
from sklearn.base import _fit_context, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.neural_network._base import LOSS_FUNCTIONS
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._param_validation import (
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from ..data.arrays import Array
from ..data.caller import warn_user
from ..data.labels import Labels
from ..data.schema import Schema
from ..data.text import first_few
from ..nn.architecture import Architecture
from ..nn.net import Net, build_net
from .callbacks import FitTask
from .epochs import (
    Orders,
    Solver,
    Task,
    Training,
    epochs_at_once,
    scored_at_once,
    train,
)
from .inputs import binarized, is_plain
from .objectives import (
    DENSE_ROWS,
    Samples,
    engine_of,
    gradient_of,
    layers_of,
    objective_of,
    values,
)

Estimator = TypeVar("Estimator", bound=type)


def _lists_inherited_parameters(cls: Estimator) -> Estimator:
    """Let the constructor's signature show what it passes on as **settings.

    scikit-learn reads from it what an estimator's parameters are.
    """
    constructor: Any = vars(cls)["__init__"]
    inherited = inspect.signature(vars(cls.__bases__[1])["__init__"]).parameters
    own = inspect.signature(constructor)
    added = [
        parameter
        for name, parameter in own.parameters.items()
        if name not in inherited and parameter.kind != parameter.VAR_KEYWORD
    ]
    constructor.__signature__ = own.replace(parameters=[*inherited.values(), *added])
    return cls


class _Compiled(CallbackSupportMixin, BaseMultilayerPerceptron):
    """Base class of both estimators: compiled loops in place of scikit-learn's."""

    coefs_: list[Array]
    intercepts_: list[Array]
    loss_curve_: list[float]
    validation_scores_: Any
    _best_coefs: list[Array]
    _best_intercepts: list[Array]
    _no_improvement_count: int
    # Where trainings are put that are not to run yet: see `search`.
    _postponed: Any = None
    # What tells the callbacks of the epochs, if there are any, during `fit`.
    _fit_task: FitTask | None = None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Fit the model to X (n, n_features) and y, and return it.

        X: an array, a frame or a sparse matrix; y: labels or values (n,), or
        (n, n_outputs). sample_weight is (n,). X_val, y_val and sample_weight_val are
        rows to score after each epoch of the solvers "sgd" and "adam", in
        validation_scores_. With early_stopping=True they take the place of the rows
        that would be split off X otherwise. Callbacks passed to `set_callbacks` are
        told of each epoch of these solvers, and can end the fit.
        """
        if (X_val is None) != (y_val is None):
            raise ValueError("pass both X_val and y_val, or neither")
        if X_val is None and sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val")
        if X_val is not None and self.solver == "lbfgs":
            raise ValueError(
                "X_val is scored after each epoch, which solver='lbfgs' does not have: "
                "leave it out, or use 'sgd' or 'adam'"
            )
        try:
            if X_val is not None:
                self._given_validation = Samples(X_val, y_val, sample_weight_val)
            if hasattr(self, "_skl_callbacks"):
                self._fit_task = FitTask(self, X, y, sample_weight)
            self._fit(X, y, sample_weight=sample_weight, incremental=False)
            if self._fit_task is not None:
                self._fit_task.end()
        finally:
            for name in ("_given_validation", "_fit_task"):
                self.__dict__.pop(name, None)
        return self

    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False
    ) -> Any:
        watched = hasattr(self, "_given_validation") or self._fit_task is not None
        if sample_weight is not None and watched:
            sample_weight = _check_sample_weight(sample_weight, X)
            if (sample_weight < 0).any():
                raise ValueError(
                    "where rows have negative weights, which scikit-learn trains, "
                    "X_val is not scored and callbacks are not told of epochs: pass "
                    "weights of at least 0, or neither of them"
                )
        return super()._fit(X, y, sample_weight, incremental)

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, Array]:
        if is_plain(X, y) and not (incremental or self.warm_start):
            validate_data(self, X, reset=True, skip_check_array=True)
            y = self._targets(y)
        else:
            X, y = super()._validate_input(X, y, incremental, reset)
        if hasattr(self, "_given_validation"):
            self._given_validation = self._validation(X.dtype, y)
        return X, y

    def _targets(self, y: Array) -> Array:
        """Return the targets of a new fit for labels or values y (n,)."""
        return y

    def _sizes(self) -> list[int]:
        return [len(self.coefs_[0]), *(w.shape[1] for w in self.coefs_)]

    def _sizes_for(self, layer_units: list[int]) -> list[int]:
        """Return the sizes of the net, if it can be trained in a call with these.

        As with scikit-learn, a net that was fitted before keeps its hidden layers.
        """
        sizes = self._sizes()
        ends = sizes[0], sizes[-1]
        if len(sizes) != len(layer_units) or ends != (layer_units[0], layer_units[-1]):
            raise ValueError(
                f"the net that was fitted before has layers of {sizes} units, but the "
                f"data and hidden_layer_sizes={self.hidden_layer_sizes!r} need "
                f"{list(layer_units)}: train a new one, with fit and warm_start=False"
            )
        return sizes

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Array:
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        theta = _joined(self.coefs_, self.intercepts_)
        dtype = np.result_type(theta, X)
        if dtype not in (np.float32, np.float64):
            dtype = np.dtype(np.float64)
        theta = theta.astype(dtype, copy=False)
        how = self._sizes(), self.activation, self.out_activation_
        if isinstance(X, np.ndarray):
            return values(theta, *how, np.ascontiguousarray(X, dtype))
        X = X.tocsr()
        parts = [
            values(
                theta,
                *how,
                np.ascontiguousarray(X[start : start + DENSE_ROWS].toarray(), dtype),
            )
            for start in range(0, X.shape[0], DENSE_ROWS)
        ]
        return np.concatenate(parts)

    def _fit_stochastic(
        self,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        activations: Any,
        deltas: Any,
        coef_grads: Any,
        intercept_grads: Any,
        layer_units: list[int],
        incremental: bool,
    ) -> None:
        if sample_weight is not None and (sample_weight < 0).any():
            super()._fit_stochastic(
                X,
                y,
                sample_weight,
                activations,
                deltas,
                coef_grads,
                intercept_grads,
                layer_units,
                incremental,
            )
            return
        objective, sizes = objective_of(self), self._sizes_for(layer_units)
        # As with scikit-learn, they keep the dtype of the first rows.
        theta = _joined(self.coefs_, self.intercepts_)
        solver = getattr(self, "_solver", None) if incremental else None
        if solver is not None:
            theta = solver.continued(theta)
        elif theta.dtype not in (np.float32, np.float64):
            theta = theta.astype(X.dtype)
        X = X.astype(theta.dtype, copy=False)
        # After early stopping they are the best ones, which scikit-learn then trains.
        are_best = getattr(self, "_best_coefs", None) is self.coefs_
        # Views into theta: they are up to date after each epoch.
        self.coefs_, self.intercepts_ = _parts(theta, sizes)
        if are_best:
            self._best_coefs, self._best_intercepts = self.coefs_, self.intercepts_
        if solver is None:
            self._optimizer = _schedule(self)
            self._solver = Solver(self, objective, theta)
        # early_stopping in partial_fit doesn't make sense
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        samples = Samples(X, y, sample_weight)
        validation = getattr(self, "_given_validation", None)
        if self.early_stopping and validation is None:
            samples, validation = self._split(samples)
        most, after = epochs_at_once(len(samples.y)), theta[np.newaxis]
        if incremental or self._fit_task is not None:
            most = 1
        elif validation is not None:
            # side by side, only the parameters after the last epoch are there
            alone = self._postponed is None
            most = scored_at_once(samples, theta.size) if alone else 1
            if most > 1:
                after = np.empty((most, theta.size), theta.dtype)
        task = Task(
            theta=theta,
            engine=engine_of(theta, sizes, self.activation, objective.loss),
            solver=self._solver,
            objective=objective,
            samples=samples,
            batch_size=self._rows_of_batch(len(samples.y)),
            alpha=self.alpha,
            orders=Orders(len(samples.y), self._random_state if self.shuffle else None),
            validation=validation,
            most_epochs=most,
            after=after,
        )
        run = self._training(task, incremental)
        if self._postponed is None:
            train(task, run)
        else:
            self._postponed.append((task, run))

    def _postponed_twin(self, settings: dict[str, Any]) -> Any:
        """Return what a clone with other settings would be after its postponed `fit`.

        This estimator's `fit` was postponed on the same rows, and has not begun. The
        settings are those that count from the first epoch on: they are checked.
        """
        validate_parameter_constraints(
            self._parameter_constraints, settings, type(self).__name__
        )
        twin = copy(self)
        twin.__dict__.update(settings)
        ((task, _),) = self._postponed
        theta = task.theta.copy()
        twin.coefs_, twin.intercepts_ = _parts(theta, self._sizes())
        twin.loss_curve_ = []
        if self.validation_scores_ is not None:
            twin.validation_scores_ = []
        twin._optimizer = _schedule(twin)
        twin._solver = Solver(twin, task.objective, theta)
        task = task._replace(
            theta=theta,
            engine=engine_of(
                theta, self._sizes(), self.activation, task.objective.loss
            ),
            solver=twin._solver,
            alpha=twin.alpha,
            after=theta[np.newaxis],
        )
        twin._postponed = [(task, twin._training(task, incremental=False))]
        return twin

    def _split(self, samples: Samples) -> tuple[Samples, Samples]:
        """Split rows for early stopping off, with scikit-learn's draws."""
        # train_test_split, without its checks: 0.5 ms
        stratified = is_classifier(self) and self.n_outputs_ == 1
        splitter = (StratifiedShuffleSplit if stratified else ShuffleSplit)(
            test_size=self.validation_fraction, random_state=self._random_state
        )
        rows, rows_val = next(splitter.split(samples.y, samples.y))
        if len(rows_val) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' "
                "or the size of your dataset."
            )
        X, y, weights = samples
        train, validation = (
            Samples(X[part], y[part], None if weights is None else weights[part])
            for part in (rows, rows_val)
        )
        return train, validation._replace(y=self._decoded(validation.y))

    def _decoded(self, targets: Array) -> Array:
        """Return what targets or outputs (n, n_out) stand for."""
        return targets

    def _training(self, task: Task, incremental: bool) -> Training:
        """Ask for epochs until scikit-learn would stop."""
        n, validation = len(task.samples.y), task.validation
        stopped, watched = False, self._fit_task
        # partial_fit goes on with the first call's, whatever `solver` is now
        adam = isinstance(self._optimizer, AdamOptimizer)
        self.n_iter_ = 0
        try:
            while self.n_iter_ < self.max_iter and not stopped:
                count = self._certain_epochs(task.most_epochs)
                if watched is not None:
                    watched.begin_epoch()
                losses, failure = yield count
                for i, loss in enumerate(losses):
                    if validation is not None:
                        task.theta[:] = task.after[i]
                    stopped = self._epoch_ended(loss, n, validation)
                if failure is not None:
                    raise failure
                if not adam:
                    self._solver.set_lr(self._optimizer.learning_rate)
                if watched is not None and watched.end_epoch():
                    stopped = True
                if incremental:
                    break
                if self.n_iter_ == self.max_iter and not stopped:
                    warn_user(
                        f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) "
                        "reached and the optimization hasn't converged yet.",
                        ConvergenceWarning,
                    )
        except KeyboardInterrupt:
            warn_user("Training interrupted by user.", UserWarning)
        if adam:
            self._optimizer.learning_rate = self._solver.shown_lr
        if self.early_stopping:
            # restore best weights
            self.coefs_ = self._best_coefs
            self.intercepts_ = self._best_intercepts

    def _rows_of_batch(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            warn_user(
                "Got `batch_size` less than 1 or larger than "
                "sample size. It is going to be clipped",
                UserWarning,
            )
        return int(np.clip(self.batch_size, 1, n))

    def _certain_epochs(self, most: int) -> int:
        """Return how many epochs will be trained before anything can change.

        Each epoch adds at most one to the epochs without improvement.
        """
        if getattr(self._optimizer, "lr_schedule", "constant") == "invscaling":
            return 1
        patience = self.n_iter_no_change + 1 - self._no_improvement_count
        return int(max(1, min(most, patience, self.max_iter - self.n_iter_)))

    def _epoch_ended(self, loss: float, n: int, validation: Samples | None) -> bool:
        """Keep what an epoch has shown; return True if training ends with it."""
        self.n_iter_ += 1
        self.loss_ = loss
        self.t_ += n
        self.loss_curve_.append(loss)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        if self.early_stopping:
            assert validation is not None
            self._update_no_improvement_count(True, *validation)
        else:
            self._update_no_improvement_count(False, None, None, None)
            if validation is not None:
                self._record_score(validation)
        self._optimizer.iteration_ends(self.t_)
        if not self._no_improvement_count > self.n_iter_no_change:
            return False
        what = "Training loss did not improve more than"
        if self.early_stopping:
            what = "Validation score did not improve more than"
        message = (
            f"{what} tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."
        )
        if self._optimizer.trigger_stopping(message, self.verbose):
            return True
        self._no_improvement_count = 0
        return False

    def _loss_grad_lbfgs(
        self,
        packed_coef_inter: Array,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        activations: Any,
        deltas: Any,
        coef_grads: Any,
        intercept_grads: Any,
    ) -> tuple[float, Array]:
        objective = objective_of(self)
        self._unpack(packed_coef_inter)
        theta = _joined(self.coefs_, self.intercepts_)
        theta = theta.astype(np.result_type(theta, X), copy=False)
        engine = engine_of(theta, self._sizes(), self.activation, objective.loss)
        g = gradient_of(engine, theta, objective, Samples(X, y, sample_weight))
        outputs = self._forward_pass_fast(X, check_input=False)
        loss = LOSS_FUNCTIONS[objective.name](y, outputs, sample_weight)
        total = len(y) if sample_weight is None else sample_weight.sum()
        squares = sum(np.dot(w.ravel(), w.ravel()) for w in self.coefs_)
        coef_parts, intercept_parts = _parts(g / total, self._sizes())
        for part, w in zip(coef_parts, self.coefs_, strict=True):
            part += self.alpha / total * w
        grad = np.concatenate([part.ravel() for part in coef_parts + intercept_parts])
        return loss + 0.5 * self.alpha * squares / total, grad

    def _validation(self, dtype: Any, y: Array) -> Samples:
        """Return the validation data that were passed to `fit`, checked.

        y are the targets to train on, as `_validate_input` returns them.
        """
        given = self._given_validation
        X = validate_data(
            self, given.X, accept_sparse=["csr"], dtype=dtype, reset=False
        )
        y_val = self._validation_targets(given.y, y)
        check_consistent_length(X, y_val)
        weights = given.weights
        if weights is not None:
            weights = _check_sample_weight(weights, X)
        return Samples(X, y_val, weights)

    def _validation_targets(self, y_val: Any, y: Array) -> Array:
        """Return y_val as `_score` takes it; ValueError if it is not like y."""
        raise NotImplementedError

    def _record_score(self, validation: Samples) -> None:
        """Record a validation score that training does not depend on."""
        X, y, weights = validation
        score = self._score(X, y, sample_weight=weights)
        if self.validation_scores_ is None:
            self.validation_scores_ = []
            self.best_validation_score_ = -np.inf
        self.validation_scores_.append(score)
        self.best_validation_score_ = max(self.best_validation_score_, score)
        if self.verbose:
            print(f"Validation score: {score:f}")

    @property
    def net_(self) -> Net:
        """The fitted net, a new `fastnn.Sequential` with copies of the parameters."""
        check_is_fitted(self)
        return build_net(
            Architecture.of(
                layers_of(self._sizes(), self.activation),
                _NET_LOSSES[self.out_activation_],
            ),
            _joined(self.coefs_, self.intercepts_),
            Schema(self._columns(), self._labels()),
        )

    def _columns(self) -> Any:
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else tuple(map(str, names))

    def _labels(self) -> Labels | None:
        return None


# The loss of the fastnn net with an estimator's output activation.
_NET_LOSSES = {
    "identity": "mse",
    "exp": "poisson",
    "logistic": "bce",
    "softmax": "softmax_ce",
}


def _joined(coefs: Any, intercepts: Any) -> Array:
    """Return parameters as one flat array: weights, then biases, layer by layer."""
    pairs = zip(coefs, intercepts, strict=True)
    return np.concatenate([np.ravel(array) for pair in pairs for array in pair])


def _parts(theta: Array, sizes: list[int]) -> tuple[list[Array], list[Array]]:
    """Return weights (n_in, n_out) and biases (n_out,) of layers, views into theta."""
    coefs, intercepts, start = [], [], 0
    for n_in, n_out in pairwise(sizes):
        end = start + n_in * n_out
        coefs.append(theta[start:end].reshape(n_in, n_out))
        intercepts.append(theta[end : end + n_out])
        start = end + n_out
    return coefs, intercepts


def _schedule(estimator: Any) -> Any:
    """Return scikit-learn's optimizer, which here only sets learning rates."""
    if estimator.solver == "adam":
        return AdamOptimizer([], estimator.learning_rate_init)
    return SGDOptimizer(
        [],
        estimator.learning_rate_init,
        estimator.learning_rate,
        estimator.momentum,
        estimator.nesterovs_momentum,
        estimator.power_t,
    )


@_lists_inherited_parameters
class MLPClassifier(_Compiled, neural_network.MLPClassifier):
    """scikit-learn's `MLPClassifier`, trained by the kernels.

    Parameters, attributes and methods are those of
    `sklearn.neural_network.MLPClassifier`, whose documentation applies, and so are the
    numbers. Beyond them, class_weight is a dict of labels and weights, in which missing
    labels have 1, or "balanced", n / (n_classes k) for a class of k rows. It multiplies
    sample_weight.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(10, learning_rate_init=0.01, max_iter=500, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **neural_network.MLPClassifier._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        class_weight: Any = None,
        **settings: Any,
    ) -> None:
        super().__init__(hidden_layer_sizes, activation, **settings)
        self.class_weight = class_weight

    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False
    ) -> Any:
        if self.class_weight is not None:
            if y is None:  # refused below, with scikit-learn's message
                return super()._fit(X, y, sample_weight, incremental)
            of_rows = self._class_weights(y, incremental)
            if sample_weight is not None:
                of_rows = of_rows * _check_sample_weight(sample_weight, X)
            sample_weight = of_rows
        return super()._fit(X, y, sample_weight, incremental)

    def _targets(self, y: Array) -> Array:
        self._label_binarizer, targets = binarized(y)
        self.classes_ = self._label_binarizer.classes_
        return targets

    def _class_weights(self, y: Any, incremental: bool) -> Array:
        """Return the weights of the rows (n,) by class_weight."""
        y = check_array(y, ensure_2d=False, dtype=None)
        weights = self.class_weight
        if isinstance(weights, dict):
            if y.ndim > 1 and y.shape[1] > 1:
                raise ValueError(
                    "class_weight needs one label per row, but y has "
                    f"{y.shape[1]} columns: pass sample_weight instead"
                )
            present = unique_labels(y).tolist()
            known = self.classes_.tolist() if incremental else present
            for label in weights:
                if label not in known:
                    raise ValueError(
                        f"class_weight has the label {label!r}, but the labels are "
                        f"{first_few(known)}"
                    )
            weights = {label: weights.get(label, 1.0) for label in present}
        elif incremental:
            raise ValueError(
                "class_weight='balanced' needs all rows, which partial_fit does not "
                "have: pass a dict of labels and weights"
            )
        return np.asarray(compute_sample_weight(weights, y))

    def _validation_targets(self, y_val: Any, y: Array) -> Array:
        multilabel = self._label_binarizer.y_type_.startswith("multilabel")
        if issparse(y_val):
            y_val = y_val.toarray()
        y_val = check_array(y_val, ensure_2d=False, dtype=None, input_name="y_val")
        if y_val.ndim == 2 and y_val.shape[1] == 1 and not multilabel:
            y_val = y_val[:, 0]
        shape = y_val.shape[1:]
        expected = y.shape[1:] if multilabel else ()
        if (
            shape != expected
            or type_of_target(y_val).startswith("multilabel") is not multilabel
        ):
            raise ValueError(
                f"y_val has the shape {y_val.shape}, but y has "
                + (
                    f"{y.shape[1]} columns of 0 and 1"
                    if multilabel
                    else "one label per row"
                )
                + ": pass y_val of the same kind"
            )
        known = [0, 1] if multilabel else self.classes_.tolist()
        unknown = [label for label in np.unique(y_val).tolist() if label not in known]
        if unknown:
            raise ValueError(
                f"y_val has classes that y lacks: {first_few(unknown)}; y has "
                f"{first_few(known)}"
            )
        return y_val

    def _score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        no_weight = sample_weight is not None and not sample_weight.any()
        if no_weight or self._label_binarizer.y_type_.startswith("multilabel"):
            return float(super()._score(X, y, sample_weight))
        # accuracy_score, without its checks: 0.3 ms an epoch
        outputs = self._forward_pass_fast(X, check_input=False)
        right = self._decoded(outputs) == y
        if sample_weight is None:
            return np.count_nonzero(right) / len(right)
        return float(np.average(right, weights=sample_weight))

    def _decoded(self, targets: Array) -> Array:
        if self._label_binarizer.y_type_.startswith("multilabel"):
            labels = self._label_binarizer.inverse_transform(targets)
            return labels.toarray() if issparse(labels) else np.asarray(labels)
        if targets.shape[1] > 1:
            numbers = targets.argmax(axis=1)
        else:
            numbers = (targets[:, 0] > 0.5).astype(int)
        return self.classes_.take(numbers, mode="clip")

    def _labels(self) -> Labels | None:
        if self.out_activation_ == "logistic" and (
            self.n_outputs_ > 1 or len(self.classes_) < 2
        ):
            return None
        labels = np.array(self.classes_.tolist())  # strings may be objects
        return Labels(labels, np.ones(len(labels), bool))


class MLPRegressor(_Compiled, neural_network.MLPRegressor):
    """scikit-learn's `MLPRegressor`, trained by the kernels.

    Parameters, attributes and methods are those of
    `sklearn.neural_network.MLPRegressor`, whose documentation applies, and so are the
    numbers.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", random_state=0)
    >>> bool(model.fit(20 * X, y / 100).score(20 * X, y / 100) > 0.5)
    True
    """

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, Array]:
        X, y = super()._validate_input(X, y, incremental, reset)
        if y.dtype.kind in "SU":
            raise ValueError(
                f"y has strings, such as {str(y.flat[0])!r}, but a regression needs "
                "numbers: convert them, or use MLPClassifier"
            )
        return X, y

    def _validation_targets(self, y_val: Any, y: Array) -> Array:
        y_val = check_array(y_val, ensure_2d=False, input_name="y_val")
        if y_val.ndim == 2 and y_val.shape[1] == 1:
            y_val = y_val[:, 0]
        if y_val.shape[1:] != y.shape[1:]:
            raise ValueError(
                f"y_val has the shape {y_val.shape}, but y has {y.shape}: both need "
                "the same number of columns"
            )
        if len(y_val) < 2:
            raise ValueError(
                "The validation set is too small: R2, by which it is scored, needs "
                f"at least 2 rows, and X_val has {len(y_val)}"
            )
        return y_val

    def _score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        if sample_weight is not None and not sample_weight.any():
            return float(super()._score(X, y, sample_weight))  # which refuses them
        predicted = self._forward_pass_fast(X, check_input=False)
        # in the precision that r2_score takes
        given = (a for a in (predicted, y, sample_weight) if a is not None)
        y = y.astype(np.result_type(*(a.dtype for a in given if a.dtype.kind == "f")))
        spread = y - np.average(y, weights=sample_weight, axis=0)
        weights = 1.0 if sample_weight is None else sample_weight
        if y.size != len(y) or len(y) < 2 or not np.isfinite(predicted).all():
            return float(super()._score(X, y, sample_weight))
        # r2_score, without its checks: 0.3 ms an epoch
        total = (weights * spread.ravel() ** 2).sum(dtype=np.float64)
        if total == 0:
            return float(super()._score(X, y, sample_weight))
        gap = (weights * (y.ravel() - predicted[:, 0]) ** 2).sum(dtype=np.float64)
        return float(1 - gap / total)
