"""Learner: a net that learns from a stream, one sample or some rows per call."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import kernels
from ..data.arrays import Array, as_array
from ..data.frames import is_frame
from ..data.scaling import warn_of_scale
from ..data.schema import Schema
from ..data.weights import no_weights
from ..nn.losses import loss_scale
from ..nn.net import Net
from ..nn.optimizers import Optimizer, update_rule
from .config import FitConfig, fit_config
from .continuation import Continuation
from .engines.engine import Engine
from .engines.stream import Stream
from .trainer import DivergenceError, Trainer

# Parameters visited by rows that are learned one by one: up to that number it takes
# less time than the preparations of a loop over rows.
_FEW_NUMBERS = 512

# Return X, y and the schema then, as the kernels take them.
Encode = Callable[[Any, Any], tuple[Array, Array, Schema]]


class Learner:
    """A net that learns from a stream: one update per sample, in their order.

    `Sequential.learner` makes it. n calls of `learn` with one sample each have the bits
    of one `fit` of one epoch over these samples, with batch_size=1 and shuffle=False;
    so have calls with several rows. Moments are kept by the net, as those of `fit` are
    (see `Optimizer.reset`): learners and fits with the same optimizer object go on with
    the same ones. Parameters that are set meanwhile count from the next call on.

    Threads may share a learner, or learners of one net: their calls wait for each
    other. A copy, also by pickle, of a learner is one of a copy of its net;
    `copy.copy` returns another learner of the same net.
    """

    def __init__(
        self,
        net: Net,
        engine: Engine,
        theta: Array,
        kept: Continuation,
        optimizer: Optimizer,
        encode: Encode,
        remember: Callable[[Schema], None],
    ) -> None:
        """Make a learner; `encode` and `remember` are the net's.

        theta (n_params,) is the net's own array, and `kept` what it keeps of trainings.
        """
        if optimizer.schedule is not None:
            raise ValueError(
                "a learner has no epochs, on which a schedule depends: pass a number "
                "as lr"
            )
        if net.architecture.mixes_rows:
            raise ValueError(
                "layers such as Repeat and Sum work on all rows at once: train with "
                "fit and batch_size='full'"
            )
        self._net, self._engine = net, engine
        self._theta, self._dtype = theta, theta.dtype
        self._kept, self._lock, self._optimizer = kept, kept.lock, optimizer
        self._encode, self._remember = encode, remember
        kind = net.architecture.targets
        self._classifies, self._minimum = kind.n_classes is not None, kind.minimum
        self._rule = update_rule(optimizer, net.params)
        self._start()

    @property
    def net(self) -> Net:
        """The net that learns."""
        return self._net

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the updates."""
        return self._optimizer

    def learn(self, x: Any, t: Any) -> float:
        """Update the net once per row, and return the loss before the update.

        x is one sample (n_in,), and t its label, or its value or values (n_out,); or x
        is some rows (n, n_in), also a frame, and t their labels or values, as in `fit`.
        Of several rows the result is the mean of their losses, each before its own
        update. A contiguous array (n_in,) of the net's dtype is the fastest: other
        arrays and lists are converted first.

        A call learns all of its rows or none: where one is refused, or a loss or a
        parameter is not finite (DivergenceError), or after Ctrl-C (KeyboardInterrupt),
        the net has the parameters, and the optimizer the moments, from before the call.

        >>> from fastnn import mlp
        >>> learner = mlp(2, 3, 1, seed=0).learner(lr=0.5, classes=["ham", "spam"])
        >>> loss = learner.learn([0.5, -1.0], "spam")
        >>> learner.learn([0.5, -1.0], "spam") < loss
        True
        """
        with self._lock:
            if (
                self._version != self._kept.version
                or self._key is not self._optimizer.moments_key
            ):
                self._start()
            if self._takes_values:
                is_value = isinstance(t, float) and t >= self._minimum
                number = float(t) if is_value else None
            else:
                try:
                    number = self._numbers.get(t)
                except TypeError:  # an array or a list
                    number = None
            # What the kernel takes as it is; Numba would compile it for other arrays.
            if (
                number is not None
                and type(x) is np.ndarray
                and x.dtype == self._dtype
                and x.ndim == 1
                and x.flags.carray
            ):
                loss = self._learn_one(x, number, self._address)
                if loss == loss:
                    return loss
            return self._learn(x, t)

    def predict(self, x: Any) -> Any:
        """Return the label of one sample (n_in,), or those of rows (n, n_in), (n,).

        What is returned for a row is what `Sequential.predict` returns for it.
        """
        rows, is_one = self._rows(x)
        predicted = self._net.predict(rows)
        return predicted[0] if is_one else predicted

    def predict_proba(self, x: Any) -> Array:
        """Return the probabilities (n_classes,) for a sample, (n, n_classes) for rows.

        They are those of `Sequential.predict_proba`, in the order of `net.classes`;
        ValueError for a net that predicts values.

        >>> from fastnn import mlp
        >>> learner = mlp(2, 3, 1, seed=0).learner(lr=0.5, classes=["ham", "spam"])
        >>> learner.predict_proba([0.5, -1.0]).shape
        (2,)
        """
        rows, is_one = self._rows(x)
        probabilities: Array = self._net.predict_proba(rows)
        return probabilities[0] if is_one else probabilities

    def _start(self) -> None:
        """Forget what was prepared for single samples; the next one prepares it."""
        if self._kept.is_lent:
            self._kept.refuse_training()
        self._version, self._key = self._kept.version, self._optimizer.moments_key
        self._stream: Stream | None = None
        self._takes_values = False
        self._numbers: dict[Any, float] | _AtLeast = {}

    def _prepared(self) -> Stream | None:
        """Return the loop for single samples, if the net has one."""
        if self._stream is not None:
            return self._stream
        rule, kept = self._rule, self._kept
        moments, clock = kept.in_place(self._key, rule.code, self._theta)
        self._version = kept.version
        stream = self._stream = self._engine.stream(rule, moments, clock)
        if stream is None or stream.targets.size > 1:
            return stream
        # The target of `learn` is a number: t itself, or that of the class with the
        # label t, if the net has seen it.
        labels, minimum = self._net.schema.labels, self._net.loss.minimum
        self._takes_values = not self._classifies and minimum == -np.inf
        if minimum > -np.inf:
            self._numbers = _AtLeast(minimum)
        if labels is not None:
            self._numbers = {
                label: float(number)
                for number, label in enumerate(labels.of_class.tolist())
                if labels.seen[number]
            }
        self._learn_one, self._address = stream.learn, stream.address
        return stream

    def _learn(self, x: Any, t: Any) -> float:
        """Learn any kinds of samples and targets, which are checked first."""
        rows, is_one = self._rows(x)
        inputs, targets, schema = self._encode(rows, [t] if is_one else t)
        is_few = is_one or len(inputs) * self._theta.size <= _FEW_NUMBERS
        stream = self._prepared() if is_few else None
        if not is_one:
            warn_of_scale(inputs, schema.columns)
        if stream is not None and targets.shape[1] == stream.targets.shape[1]:
            loss = self._learn_few(stream, inputs, targets)
        else:
            loss = self._learn_many(self._config(inputs, targets))
        known = self._net.schema
        if schema.labels is not known.labels or schema.columns != known.columns:
            self._remember(schema)
        return loss

    def _rows(self, x: Any) -> tuple[Any, bool]:
        """Return samples as rows (n, n_in), and whether x is a single one."""
        if is_frame(x):
            return x, False
        if hasattr(x, "to_frame") and hasattr(x, "index"):  # a row of a pandas frame
            return x.to_frame().T, True
        array, n_in = as_array("x", x), self._net.n_in
        if array.ndim == 2:
            return array, False
        if array.shape != (n_in,):
            given = f"shape {array.shape}" if array.ndim else type(x).__name__
            raise ValueError(
                f"x must be one sample ({n_in},), or rows (n, {n_in}), not {given}"
            )
        return array[np.newaxis], True

    def _config(self, inputs: Array, targets: Array) -> FitConfig:
        """Return the configuration of a fit that learns these rows in their order."""
        return fit_config(
            inputs,
            targets,
            no_weights(self._theta.dtype),
            self._rule,
            None,
            epochs=1,
            batch_size=1,
            reduction="mean",
            shuffle=False,
            seed=0,
            progress=False,
            n_jobs=1,
            mixes_rows=False,
        )

    def _learn_few(self, stream: Stream, inputs: Array, targets: Array) -> float:
        """Learn rows with the loop for single samples; return the mean loss."""
        arrays = stream.arrays.theta, stream.arrays.moments, stream.arrays.clock
        before = [array.copy() for array in arrays]

        def restore() -> None:
            for array, copy in zip(arrays, before, strict=True):
                array[...] = copy

        n, total = len(inputs), 0.0
        scale = loss_scale(n)
        try:
            # A copy: the kernel takes arrays that can be written.
            for row, sample in enumerate(inputs.copy()):
                stream.targets[...] = targets[row]
                loss = stream.learn(sample, float(targets[row, 0]), stream.address)
                if loss != loss:
                    raise DivergenceError(1, row, self._lr())
                total += loss * scale
        except BaseException:
            kernels.interrupts.to_the_end(restore)
            raise
        return total / (n * scale)

    def _learn_many(self, config: FitConfig) -> float:
        """Learn rows with the loops of `fit`; return the mean loss."""
        theta, moments = self._theta.copy(), self._kept.moments(self._key)
        trainer = Trainer(
            self._engine, config, self._theta, self._classifies, self._kept, self._key
        )

        def restore() -> None:
            self._theta[...] = theta
            self._kept.put_back(self._key, moments)

        try:
            trainer.run()
        except BaseException:
            kernels.interrupts.to_the_end(restore)
            raise
        assert trainer.history is not None
        return float(trainer.history.loss[0])

    def _lr(self) -> float:
        return float(self._rule.settings[kernels.codes.LR])

    def __reduce__(self) -> tuple[Any, ...]:
        return _learner_of, (self._net, self._optimizer)

    def __repr__(self) -> str:
        return f"Learner({self._net!r}, optimizer={self._optimizer!r})"


class _AtLeast:
    """The numbers that a loss takes, looked up as those of classes are."""

    def __init__(self, minimum: float) -> None:
        self._minimum = minimum

    def get(self, t: Any) -> float | None:
        """Return t as a float, or None for what has to be looked at more closely."""
        is_number = isinstance(t, float | int) and self._minimum <= t < 2**53
        return float(t) if is_number else None


def _learner_of(net: Any, optimizer: Optimizer) -> Learner:
    """Return a learner of a net; a pickle and a copy call it."""
    learner: Learner = net.learner(optimizer=optimizer)
    return learner
