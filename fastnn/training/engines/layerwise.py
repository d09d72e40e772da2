"""Engine for any stack of layers, run one after the other.

It serves the nets that a layer table cannot describe.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np

from ... import kernels
from ...data.arrays import Array, readonly
from ...data.machine import check_memory
from ...nn.architecture import Architecture
from ...nn.layers import Layer, gradient_of, output_of
from ...nn.losses import loss_scale, summed_loss
from ...nn.optimizers import UpdateRule
from ..config import FitConfig
from ..state import TrainingState
from .engine import Advance
from .measuring import measuring

# Up to this number of outputs, they fit into any memory.
_FEW_NUMBERS = 2**20


class Layerwise:
    """Runs the layers' own forward and backward passes.

    Their parameters and gradients are views into flat vectors, theta and gradient. A
    call that finds the layers in use by another thread's works with copies.
    """

    def __init__(
        self, architecture: Architecture, theta: Array, gradient: Array
    ) -> None:
        self._architecture, self._theta = architecture, theta
        self._layers, self._gradient = architecture.stack, gradient
        self._loss, self._n_out = architecture.loss, architecture.n_out
        # One item, which a call takes out; `list.pop` is a single step.
        self._free = [(self._layers, gradient)]

    def describe(self) -> str:
        """Return a description of how the net is run."""
        return (
            "layer by layer: the compiled loops take Affine layers with at most one "
            "activation each,\nand the losses of fastnn"
        )

    def n_rows(self, n: int) -> int:
        """Return the number of output rows for n input rows."""
        for layer in self._layers:
            n = layer.n_rows(n)
        return n

    def outputs(self, X: Array) -> Array:
        """Return the net's values (n, n_out), or a classifier's plain output z."""
        self._check_memory(X)
        with self._borrowed() as (layers, _):
            z = self._forward(layers, X)[-1][1]
        link = self._loss.code // kernels.codes.LINK
        if link == kernels.codes.IDENTITY:
            return z
        out = np.empty_like(z)
        if link == kernels.codes.SOFTMAX:
            kernels.loops.layers.softmax_forward(out, z)
        elif link == kernels.codes.EXP:
            kernels.loops.layers.exponential_forward(out.reshape(-1), z.reshape(-1))
        else:
            kernels.loops.layers.activation_forward(
                out.reshape(-1), z.reshape(-1), link
            )
        return out

    def probabilities(self, X: Array, n_classes: int) -> Array:
        """Return the probability of each class, (n, n_classes)."""
        z = self.outputs(X)
        out = np.empty((len(z), n_classes), z.dtype)
        if self._loss.code == kernels.codes.BCE:
            if z.shape[1] == 1:
                z = np.hstack([-z, z])
            kernels.loops.layers.activation_forward(
                out.reshape(-1), z.reshape(-1), kernels.codes.SIGMOID
            )
        else:
            kernels.loops.layers.softmax_forward(out, z)
        return out

    def wide_outputs(self, X: Array) -> Array:
        """Return the plain output z (n, n_out), in a longer type than it had."""
        with self._borrowed() as (layers, _):
            return self._forward(layers, X)[-1][1].astype(np.longdouble)

    def evaluate(self, X: Array, y: Array, weights: Array) -> tuple[float, int]:
        """Return the scaled sum of losses, and how many of the classes are right."""
        with self._borrowed() as (layers, _):
            z = self._forward(layers, X)[-1][1]
        _, total, right, _ = self._loss_of(z, y, weights, True, loss_scale(len(y)))
        return total, right

    def loss_and_gradient(
        self, X: Array, y: Array, weights: Array, mean: bool
    ) -> tuple[float, Array]:
        """Return the scaled sum of losses, and the flat gradient of mean or sum."""
        self._check_memory(X)
        with self._borrowed() as (layers, gradient):
            total, _, _ = self._backpropagate(
                layers, X, y, weights, mean, loss_scale(len(y))
            )
            return total, gradient.copy()

    @contextmanager
    def _borrowed(self) -> Iterator[tuple[tuple[Layer, ...], Array]]:
        """Yield layers that no other thread uses, and their flat gradient."""
        try:
            borrowed, is_copy = self._free.pop(), False
        except IndexError:
            gradient, is_copy = np.zeros_like(self._theta), True
            copies = self._architecture.bound_copies(self._theta, gradient)
            borrowed = copies, gradient
        try:
            yield borrowed
        finally:
            if not is_copy:
                self._free.append(borrowed)

    def start(self, config: FitConfig, state: TrainingState) -> Advance:
        """Return a function that trains one chunk of whole updates per call."""
        if config.loop == "specialised":
            raise ValueError(
                "loop='specialised' cannot train this net, which is run layer by "
                "layer: leave it out"
            )
        if config.batch_terms:
            raise NotImplementedError(
                f"no {config.batch_terms[0]} in a training layer by layer"
            )
        self._check_memory(config.X[: config.batch_size])
        advance = partial(self._advance, config, state)
        return measuring(advance, self.evaluate, config, state)

    def stream(self, rule: UpdateRule, moments: Array, clock: Array) -> None:
        """Return None: a single sample is learned as several are."""

    def _check_memory(self, X: Array) -> None:
        """Refuse rows whose outputs of all layers do not fit into memory."""
        n, width, numbers = len(X), X.shape[1], 0
        for layer in self._layers:
            n, width = layer.n_rows(n), layer.n_outputs(width) or width
            numbers += n * width
        if numbers > _FEW_NUMBERS:
            check_memory(
                2 * numbers * X.itemsize,
                f"the outputs of all layers for {len(X):,} rows, with their gradients",
                "pass fewer rows at a time, or a smaller batch_size",
            )

    # A layer of the user's own may overflow on the way to a divergence.
    @np.errstate(all="ignore")
    def _advance(
        self,
        config: FitConfig,
        state: TrainingState,
        order: Array,
        first_epoch: int,
        end: int,
        budget: int,
    ) -> int:
        codes, position = kernels.codes, state.position
        batch_size, record_at = config.batch_size, config.record_at
        updates = int(position[codes.UPDATES])
        while updates < end and budget > 0:
            epoch, batch = divmod(updates, config.per_epoch)
            # A batch of all rows stays a slice: with Repeat or Sum y may have another
            # number of rows than X.
            rows: Array | slice = slice(None)
            if batch_size < len(config.X):
                start = batch * batch_size
                row_order = order[(epoch - first_epoch) % len(order)]
                rows = row_order[start : start + batch_size]
            total, right, bad = self._backpropagate(
                self._layers,
                config.X[rows],
                config.y[rows],
                config.weights[rows] if config.weights.size else config.weights,
                config.mean,
                config.loss_scale,
            )
            if bad >= 0:
                position[codes.ROW] = bad if isinstance(rows, slice) else rows[bad]
                return codes.NOT_FINITE
            if config.schedule.size:
                config.rule.settings[codes.LR] = config.schedule[epoch]
            kernels.loops.layers.step(
                state.theta,
                state.moments,
                state.clock,
                self._gradient,
                config.rule.code,
                config.rule.settings,
                config.rule.learning_rates,
                config.rule.decays,
            )
            state.loss_sums[epoch] += total
            state.n_right[epoch] += right
            updates += 1
            position[codes.UPDATES] = updates
            record = int(np.searchsorted(record_at, updates))
            if record < len(record_at):
                state.recorded_sums[record] += total * codes.RECORD_SCALE, right
                if record_at[record] == updates:
                    state.recorded[record] = state.theta
            budget -= batch_size
        return codes.DONE

    def _forward(self, layers: Sequence[Layer], X: Array) -> list[tuple[Array, Array]]:
        """Return each layer's input and output, which are read-only."""
        passed = []
        x = readonly(X)
        for layer in layers:
            out = output_of(layer, x)
            passed.append((x, out))
            x = out
        if x.shape[1:] != (self._n_out,):
            raise ValueError(
                f"the net's output has shape {x.shape}, but its layers declare "
                f"{self._n_out} units"
            )
        return passed

    def _backpropagate(
        self,
        layers: Sequence[Layer],
        X: Array,
        y: Array,
        weights: Array,
        mean: bool,
        loss_scale: float,
    ) -> tuple[float, int, int]:
        """Fill the gradient; return the scaled loss, the rows that are right, and bad.

        bad is the first row whose loss is not finite, or -1.
        """
        passed = self._forward(layers, X)
        z = passed[-1][1]
        dout, total, right, bad = self._loss_of(z, y, weights, mean, loss_scale)
        backwards = zip(reversed(layers), reversed(passed), strict=True)
        for layer, (x, out) in backwards:
            dout = gradient_of(layer, dout, x, out)
        return total, right, bad

    def _loss_of(
        self, z: Array, y: Array, weights: Array, mean: bool, loss_scale: float
    ) -> tuple[Array, float, int, int]:
        """Return dL/dz, the scaled loss, the rows that are right, and bad."""
        if len(z) != len(y):
            raise ValueError(f"the net's output has {len(z)} rows, but y has {len(y)}")
        d = np.empty(z.shape, z.dtype)
        total, right, bad = summed_loss(
            self._loss, d, z, readonly(y), readonly(weights), mean, loss_scale
        )
        return readonly(d), total, right, bad
