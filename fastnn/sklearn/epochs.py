"""Epochs of scikit-learn's stochastic solvers, several in one call of a kernel."""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array, readonly
from ..data.weights import no_weights
from ..nn.losses import loss_scale
from ..nn.optimizers import UpdateRule, initial_moments
from ..training.chunks import ChunkSizer
from ..training.config import FitConfig
from ..training.engines.fused import Fused
from ..training.orders import shuffled_orders
from ..training.state import TrainingState
from .objectives import Objective, Samples, constants_of, targets_of

_codes = kernels.codes
# Row indices of the orders that are drawn in advance, and epochs of one call, at most.
_AHEAD, _MAX_EPOCHS = 2**16, 64
# Parameters that are kept to score epochs after a call, at most.
_KEPT = 2**18


def epochs_at_once(n: int) -> int:
    """Return how many epochs of n rows are trained in one call, at most."""
    return max(1, min(_AHEAD // n, _MAX_EPOCHS))


def scored_at_once(samples: Samples, n_params: int) -> int:
    """Return how many epochs that are scored are trained in one call, at most."""
    if not isinstance(samples.X, np.ndarray):
        return 1
    return max(1, min(_KEPT // n_params, epochs_at_once(len(samples.y))))


class Solver:
    """An optimizer's rule, moments and clock, which last from one fit to the next.

    The kernels' velocity lacks the learning rate, and is scaled where that changes.
    """

    def __init__(self, estimator: Any, objective: Objective, theta: Array) -> None:
        factor, settings = objective.gradient_factor, np.zeros(_codes.N_SETTINGS)
        if estimator.solver == "adam":
            code = _codes.ADAM
            settings[_codes.BETA1] = estimator.beta_1
            settings[_codes.BETA2] = estimator.beta_2
            # both moments are those of a gradient that is smaller by the factor
            settings[_codes.EPS] = estimator.epsilon / factor
            settings[_codes.EPS_HAT] = 1.0
            self._lr_factor = 1.0
        else:
            settings[_codes.BETA1] = estimator.momentum
            ahead = _codes.NESTEROV if estimator.nesterovs_momentum else _codes.MOMENTUM
            code = ahead if estimator.momentum > 0 else _codes.SGD
            self._lr_factor = factor
        self.rule = UpdateRule(code, settings, np.empty(0), np.empty(0))
        self.moments, self.clock = initial_moments(code, theta)
        self.set_lr(estimator.learning_rate_init)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # joblib may map the arrays of a file, which are read-only then.
        code, *arrays = state["rule"]
        state["rule"] = UpdateRule(code, *(np.array(array) for array in arrays))
        for name in ("moments", "clock"):
            state[name] = np.array(state[name])
        vars(self).update(state)

    def continued(self, theta: Array) -> Array:
        """Return parameters as the kernels can go on with them and the moments."""
        n_params = self.moments.shape[1]
        if theta.size != n_params:
            raise ValueError(
                f"coefs_ and intercepts_ have {theta.size} numbers, but the moments of "
                f"the optimizer {n_params}: call fit for a new training"
            )
        return theta.astype(self.moments.dtype, copy=False)

    @property
    def shown_lr(self) -> float:
        """The learning rate that scikit-learn shows, for Adam with its corrections."""
        lr, (power1, power2) = self.lr, self.clock
        if self.rule.code == _codes.ADAM and power1 < 1:
            lr *= float(np.sqrt(1 - power2) / (1 - power1))
        return lr

    def set_lr(self, lr: float) -> None:
        """Set scikit-learn's learning rate."""
        self.lr = lr
        settings, new = self.rule.settings, lr * self._lr_factor
        old = settings[_codes.LR]
        if old not in (0.0, new) and self.rule.code != _codes.ADAM:
            self.moments *= old / new
        settings[_codes.LR] = settings[_codes.BIAS_LR] = new


class Orders:
    """The orders of n rows in the epochs to come, drawn as by scikit-learn."""

    def __init__(self, n: int, random_state: np.random.RandomState | None) -> None:
        self._order, self._random_state = np.arange(n), random_state

    @property
    def change(self) -> bool:
        """True if each epoch has its own order."""
        return self._random_state is not None

    def draw(self, count: int) -> Array:
        """Return the orders of the next epochs (count, n), or the one of all (1, n)."""
        if self._random_state is None:
            return self._order[np.newaxis]
        orders = shuffled_orders(self._random_state, self._order, count)
        if count:
            self._order = orders[-1]
        return orders


class Task(NamedTuple):
    """What one estimator trains: theta (n_params,) and the engine that it belongs to.

    theta, and the solver's moments and clock, change in place. A call trains up to
    most_epochs. after (1 or most_epochs, n_params) is theta itself, or gets the
    parameters after each of a call's epochs.
    """

    theta: Array
    engine: Fused
    solver: Solver
    objective: Objective
    samples: Samples
    batch_size: int
    alpha: float
    orders: Orders
    validation: Samples | None
    most_epochs: int
    after: Array


# What an estimator decides: it asks for a number of epochs, with none of which the
# training ends but the last. It gets the losses of the completed ones, which may be
# fewer, and what ended them early, or None.
Training = Generator[int, tuple[list[float], BaseException | None], None]


def train(task: Task, run: Training) -> None:
    """Train the epochs that an estimator asks for, until it has enough."""
    epochs, request = Epochs(task), next(run)
    with suppress(StopIteration):
        while True:
            failure: BaseException | None = None
            try:
                epochs.run(task.orders.draw(request), request)
            except (KeyboardInterrupt, ZeroDivisionError) as error:
                failure = error
            request = run.send((epochs.losses, failure))


class Epochs:
    """Trains one net by epochs, and keeps the losses of those that it ran last.

    With X a sparse matrix each batch is made dense in turn. Where a loss is not finite,
    scikit-learn goes on with parameters that are NaN, and so do they here.
    """

    def __init__(self, task: Task) -> None:
        theta, engine, solver, objective, samples, *_ = task
        self._theta, self._objective, self._samples = theta, objective, samples
        self._batch_size, self._n = task.batch_size, samples.X.shape[0]
        self._sizer, self._diverged = ChunkSizer(theta.size), False
        self._after = task.after
        targets = targets_of(objective, samples.y, theta.dtype)
        weights = no_weights(theta.dtype)
        if samples.weights is not None:
            weights = np.ascontiguousarray(samples.weights, theta.dtype)
        self._constants = constants_of(objective, samples.y)
        low = objective.min_probability(theta.dtype)
        self.losses: list[float] = []
        self._make: Callable[..., _Loop]

        def make(X: Array, y: Array, weights: Array, epochs: int, fixed: bool) -> _Loop:
            config = replace(
                batch_config(
                    solver.rule, X, y, weights, task.batch_size, epochs, not fixed
                ),
                l2=task.alpha / objective.gradient_factor,
                min_probability=low,
            )
            if len(task.after) > 1:
                ends = config.per_epoch * np.arange(1, epochs + 1)
                config = replace(config, record_at=ends)
            state = TrainingState(theta, config)
            state.moments, state.clock = solver.moments, solver.clock
            state.recorded = task.after
            return _Loop(engine.start(config, state), config, state)

        self._run: Callable[[Array, int], None]
        if isinstance(samples.X, np.ndarray):
            X = np.ascontiguousarray(samples.X)
            most, fixed = task.most_epochs, not task.orders.change
            self._loop = make(X, targets, weights, most, fixed)
            self._run = self._run_dense
        else:
            self._targets, self._weights, self._make = targets, weights, make
            self._of_size: dict[int, tuple[_Loop, list[Array]]] = {}
            self._run = self._run_sparse

    def run(self, orders: Array, count: int) -> None:
        """Train `count` epochs in these orders of the rows: (count, n), or one for all.

        Then `losses` has the completed epochs' losses, also after an exception.
        """
        self.losses = []
        try:
            if not self._diverged:
                self._run(orders, count)
            if len(self.losses) < count:  # it diverged
                self._after[len(self.losses) :] = np.nan
                self.losses += [np.nan] * (count - len(self.losses))
        finally:
            if self._constants.size:
                self.losses = [
                    loss + self._constant(orders[epoch % len(orders)])
                    for epoch, loss in enumerate(self.losses)
                ]

    def _constant(self, order: Array) -> float:
        """Return the part of an epoch's loss that does not depend on the net."""
        weights, constants = self._samples.weights, self._constants[order]
        if weights is None:
            return float(constants.mean())
        weights, starts = weights[order], np.arange(0, self._n, self._batch_size)
        sums = np.add.reduceat(weights * constants, starts)
        means = sums / np.add.reduceat(weights, starts)
        rows = np.diff(starts, append=self._n)
        return float((rows * means).sum() / self._n)

    def _run_dense(self, orders: Array, count: int) -> None:
        try:
            finite = self._loop.train(orders, count, self._sizer)
        finally:
            self.losses = self._loop.losses(self._objective)
        if not finite:
            self._diverge(self._loop, orders)

    def _run_sparse(self, orders: Array, count: int) -> None:
        for epoch in range(count):
            if self._diverged:
                break
            self._run_sparse_epoch(orders[epoch % len(orders)])

    def _run_sparse_epoch(self, order: Array) -> None:
        X, n, total = self._samples.X, self._n, 0.0
        for start in range(0, n, self._batch_size):
            rows = order[start : start + self._batch_size]
            loop, (inputs, targets, weights) = self._loop_of_size(len(rows))
            X[rows].toarray(out=inputs)
            targets[...] = self._targets[rows]
            if weights.size:
                weights[...] = self._weights[rows]
            as_is = np.arange(len(rows))[np.newaxis]
            if not loop.train(as_is, 1, self._sizer):
                self._diverge(loop, as_is)
                return
            total += loop.losses(self._objective)[0] * len(rows)
        self.losses.append(total / n)

    def _loop_of_size(self, n: int) -> "tuple[_Loop, list[Array]]":
        """Return the loop of a batch of n rows, and the arrays that it trains on."""
        if n not in self._of_size:
            dtype, columns = self._theta.dtype, self._samples.X.shape[1]
            n_weights = n if self._weights.size else 0
            arrays = [
                np.zeros((n, columns), dtype),
                np.zeros((n, self._targets.shape[1]), dtype),
                np.zeros(n_weights, dtype),
            ]
            self._of_size[n] = self._make(*arrays, epochs=1, fixed=False), arrays
        return self._of_size[n]

    def _diverge(self, loop: "_Loop", orders: Array) -> None:
        """Set all parameters to NaN; ZeroDivisionError for a batch without weight."""
        weights = loop.config.weights
        if weights.size and weights[loop.next_batch(orders)].sum() == 0:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        self._diverged = True
        self._theta[...] = np.nan


class _Loop(NamedTuple):
    """A compiled loop with its arguments, which trains some epochs at a time."""

    advance: Callable[[Array, int, int, int], int]
    config: FitConfig
    state: TrainingState

    def train(self, orders: Array, count: int, sizer: ChunkSizer) -> bool:
        """Train `count` epochs; return False where a loss is not finite.

        Between chunks of 30 ms Python handles signals.
        """
        state, per_epoch = self.state, self.config.per_epoch
        position, batch_size = state.position, self.config.batch_size
        position[:] = state.loss_sums[:] = state.penalty_sums[:] = 0
        end, done = count * per_epoch, 0
        while done < end:
            started = perf_counter()
            status = self.advance(orders, 0, end, sizer.samples)
            if status != _codes.DONE:
                return False
            before, done = done, int(position[_codes.UPDATES])
            visited = (done - before) * batch_size + int(position[_codes.SAMPLES])
            sizer.adapt(visited, perf_counter() - started)
        return True

    def losses(self, objective: Objective) -> list[float]:
        """Return scikit-learn's losses of the epochs completed by `train`."""
        epochs = int(self.state.position[_codes.UPDATES]) // self.config.per_epoch
        sums = self.state.loss_sums[:epochs] * objective.loss_factor
        if self.config.l2:
            sums += self.state.penalty_sums[:epochs] * objective.gradient_factor
        return list(sums / (len(self.config.X) * self.config.loss_scale))

    def next_batch(self, orders: Array) -> Array:
        """Return the rows of the next update."""
        update = int(self.state.position[_codes.UPDATES])
        epoch, batch = divmod(update, self.config.per_epoch)
        start = batch * self.config.batch_size
        return orders[epoch % len(orders), start : start + self.config.batch_size]


def batch_config(
    rule: UpdateRule,
    X: Array,
    y: Array,
    weights: Array,
    batch_size: int,
    epochs: int,
    changes: bool = True,
) -> FitConfig:
    """Return the configuration of a training in scikit-learn's batches.

    changes: the order of the rows, or the rows themselves, change from run to run.
    """
    batch_size = min(batch_size, len(X))
    per_epoch = -(-len(X) // batch_size)
    return FitConfig(
        X=readonly(X),
        y=readonly(y),
        weights=readonly(weights),
        rule=rule,
        schedule=np.empty(0),
        epochs=epochs,
        batch_size=batch_size,
        mean=True,
        shuffle=changes,
        seed=0,
        stream=None,
        progress=False,
        loop="general",
        n_jobs=1,
        record_at=np.empty(0, np.int64),
        per_epoch=per_epoch,
        updates=per_epoch * epochs,
        loss_scale=loss_scale(len(X)),
        weighted_mean=True,
    )
