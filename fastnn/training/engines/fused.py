"""Engine for nets that a layer table describes: compiled loops over many samples."""

import sys

import numpy as np

from ... import kernels
from ...data.arrays import Array
from ...nn.losses import Loss, code_for, loss_scale
from ...nn.optimizers import UpdateRule
from ...nn.outputs import wide_activation
from ..config import FitConfig
from ..state import TrainingState
from .batch_kernels import gradient_kernel, loss_kernel
from .dispatch import (
    SPECIALISED_PAYS,
    WIDE_BATCH,
    has_many_inputs,
    is_faster_specialised,
    is_wide,
    start_loop,
    why_not_specialised,
)
from .engine import Advance
from .measuring import measuring
from .stream import Stream, stream_of
from .table import tile_lanes


class Fused:
    """Runs a layer table: forward, backward and update in one call of a kernel."""

    def __init__(self, theta: Array, table: Array, loss: Loss) -> None:
        self._theta, self._loss, self._code = theta, loss, loss.code
        self.table = table
        self._n_out = int(table[-1, kernels.codes.N_OUT])
        self._lanes = tile_lanes(table, theta.itemsize)

    def describe(self) -> str:
        """Return a description of how the net is run."""
        why = why_not_specialised(self.table, self._loss)
        if why:
            special = f"the specialised loop supports {why}"
        elif is_faster_specialised(self.table, self._loss, self._theta.dtype):
            special = (
                f"with SGD and at least {SPECIALISED_PAYS:,} updates, fit compiles a "
                "loop for this architecture alone"
            )
        else:
            special = "with SGD the specialised loop is not faster"
        small = range(2, WIDE_BATCH // self._theta.itemsize + 1)
        wide = [
            size
            for size in (*small, sys.maxsize)
            if is_wide(self.table, size, self._theta.dtype)
        ]
        batches = f"one compiled loop over tiles of {self._lanes} samples side by side"
        if wide:
            limit = "" if sys.maxsize in wide else f" of at most {wide[-1]} samples"
            if limit and has_many_inputs(self.table):
                limit += ", and of some other sizes"
            batches += f"\n  training in batches{limit}: units side by side"
        return (
            "batch_size=1: one compiled loop does forward, backward and update, sample "
            f"by sample\n  {special}\n"
            f"batches and predictions: {batches}"
        )

    def n_rows(self, n: int) -> int:
        """Return the number of output rows for n input rows."""
        return n

    def outputs(self, X: Array) -> Array:
        """Return the net's values (n, n_out), or a classifier's plain output z."""
        return self._outputs(X, self._n_out, probabilities=False)

    def probabilities(self, X: Array, n_classes: int) -> Array:
        """Return the probability of each class, (n, n_classes)."""
        return self._outputs(X, n_classes, probabilities=True)

    def _outputs(self, X: Array, n_columns: int, probabilities: bool) -> Array:
        out = np.empty((len(X), n_columns), X.dtype)
        kernels.loops.predictions.outputs(
            out,
            self._theta,
            X,
            self.table,
            self._code,
            probabilities,
            self._lanes,
        )
        return out

    def wide_outputs(self, X: Array) -> Array:
        """Return the plain output z (n, n_out) in NumPy's longest type."""
        codes, x, theta = kernels.codes, X.astype(np.longdouble), self._theta
        for row in self.table.astype(int):
            n_in, n_out, start = row[codes.N_IN], row[codes.N_OUT], row[codes.WEIGHTS]
            end = start + n_in * n_out
            w, b = theta[start:end].reshape(n_in, n_out), theta[end : end + n_out]
            with np.errstate(all="ignore"):
                x = wide_activation(x @ w + b, row[codes.ACTIVATION])
        return x

    def evaluate(self, X: Array, y: Array, weights: Array) -> tuple[float, int]:
        """Return the scaled sum of losses, and how many of the classes are right."""
        total, right = kernels.loops.predictions.evaluate(
            self._theta,
            X,
            y,
            weights,
            self.table,
            code_for(self._code, y),
            loss_scale(len(y)),
            self._lanes,
        )
        return float(total), int(right)

    def loss_and_gradient(
        self, X: Array, y: Array, weights: Array, mean: bool
    ) -> tuple[float, Array]:
        """Return the scaled sum of losses, and the flat gradient of mean or sum.

        X, y and weights must have the dtype of theta.
        """
        g, dtype, code = np.empty_like(self._theta), X.dtype, code_for(self._code, y)
        address = loss_kernel(dtype, code, weights.size > 0)
        total = kernels.loops.batches.loss_and_gradient(
            g,
            self._theta,
            X,
            y,
            weights,
            self.table,
            gradient_kernel(dtype, False),
            kernels.loops.gradients.Loss(address, code, loss_scale(len(y)), 0.0),
            mean,
            self._lanes,
        )
        return float(total), g

    def start(self, config: FitConfig, state: TrainingState) -> Advance:
        """Return a function that trains one chunk per call."""
        advance = start_loop(self.table, self._loss, config, state, self._lanes)
        if state.workers is not None:
            advance = measuring(advance, self.evaluate, config, state)
        return advance

    def stream(self, rule: UpdateRule, moments: Array, clock: Array) -> Stream:
        """Return the loop that learns one sample per call."""
        # A softmax's target is a class's number; probabilities take the way of rows.
        n_targets = 1 if self._code == kernels.codes.SOFTMAX_CE else self._n_out
        return stream_of(
            self.table, self._code, n_targets, rule, self._theta, moments, clock
        )
