"""Nets of Affine layers and activations, which the fused loops take as one layer table."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import kernels
from .activations import Activation
from .arrays import Array
from .job import Job, State
from .layers import Affine, Layer
from .losses import Loss


def layer_table(layers: Sequence[Layer]) -> Array | None:
    """The table of `kernels.codes` for a stack of Affine layers, each with at most one activation; otherwise None."""
    codes = kernels.codes
    rows: list[list[int]] = []
    weights = unit = 0
    for layer in layers:
        if not _as_it_was_made(layer):
            return None
        if isinstance(layer, Affine):
            unit_out = unit + layer.n_in
            rows.append([layer.n_in, layer.n_out, codes.IDENTITY, layer.feedback, weights, unit, unit_out])
            weights += (layer.n_in + 1) * layer.n_out
            unit = unit_out
        elif isinstance(layer, Activation) and rows and rows[-1][codes.ACTIVATION] == codes.IDENTITY:
            rows[-1][codes.ACTIVATION] = layer.code
        else:
            return None
    if not rows or rows[-1][codes.ACTIVATION] != codes.IDENTITY:  # the loss is one of the plain output
        return None
    return np.array(rows, np.uint32)


def _as_it_was_made(layer: Layer) -> bool:
    """True unless a subclass computes something else than Affine or the activation that it is derived from."""
    kind = type(layer)
    base = Affine if isinstance(layer, Affine) else Activation
    return all(getattr(kind, name) is getattr(base, name) for name in ("shapes", "compute", "compute_back"))


class Fused:
    """Runs a layer table: forward, backward and update for many samples in one call of a kernel."""

    def __init__(self, theta: Array, table: Array, loss: Loss) -> None:
        self._theta, self._table, self._loss = theta, table, loss
        self._n_out = int(table[-1, kernels.codes.N_OUT])
        self._units = int(table[-1, kernels.codes.OUTPUT]) + self._n_out

    def describe(self) -> str:
        """How it will be run, in words."""
        lanes = kernels.codes.LANES
        return (
            "batch_size=1: one compiled loop does forward, backward and update, sample by sample\n"
            f"batches and predictions: one compiled loop over tiles of {lanes} samples side by side"
        )

    def per_sample(self, job: Job) -> bool:
        """True if the loop over single samples is the one to run."""
        return job.batch_size == 1

    def n_rows(self, n: int) -> int:
        """The number of rows that come out where n go in."""
        return n

    def outputs(self, X: Array) -> Array:
        """The plain output z (n, n_out)."""
        out = np.empty((len(X), self._n_out), X.dtype)
        kernels.predictions.outputs(out, self._theta, X, np.arange(len(X)), self._table, self._tile(X.dtype))
        return out

    def loss_and_gradient(self, X: Array, y: Array, mean: bool) -> tuple[float, Array]:
        """The summed loss, and the flat gradient of the mean or summed loss."""
        g, rows = np.empty_like(self._theta), np.arange(len(X))
        tiles = self._tile(X.dtype), self._tile(X.dtype)
        total = kernels.batches.loss_and_gradient(
            g, self._theta, X, y, rows, self._table, self._loss.code, mean, *tiles
        )
        return float(total), g

    def advance(self, job: Job, state: State, order: Array, first_epoch: int, end: int, budget: int) -> int:
        """Train up to the update `end` or for `budget` samples; the answer is one of the kernels' codes."""
        in_place = (state.theta, state.moments, state.clock, state.g, state.loss_sums, state.n_right, state.position)
        given = (job.X, job.y, order, self._table, self._loss.code, job.rule, job.settings)
        dtype = job.X.dtype
        if self.per_sample(job):
            scratch = np.empty(self._units, dtype), np.empty(self._units, dtype)
            return int(kernels.per_sample.train(*in_place, *given, first_epoch, end, budget, *scratch))
        batches = (job.batch_size, job.mean, first_epoch, end, budget)
        return int(kernels.batches.train(*in_place, *given, *batches, self._tile(dtype), self._tile(dtype)))

    def _tile(self, dtype: Any) -> Array:
        return np.empty(self._units * kernels.codes.LANES, dtype)
