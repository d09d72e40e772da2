"""Nets of Affine layers and activations, which the fused loops take as one layer table."""

from collections.abc import Sequence

import numpy as np

from ... import kernels
from ...data.arrays import Array
from ...nn.activations import Activation
from ...nn.layers import Affine, Layer
from ...nn.losses import Loss
from ..state import Advance, FitConfig, State
from . import dispatch

_TILE_BYTES = 2**15


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
            rows.append(
                [
                    layer.n_in,
                    layer.n_out,
                    codes.IDENTITY,
                    weights,
                    unit,
                    unit_out,
                ]
            )
            weights += (layer.n_in + 1) * layer.n_out
            unit = unit_out
        elif (
            isinstance(layer, Activation)
            and rows
            and rows[-1][codes.ACTIVATION] == codes.IDENTITY
        ):
            rows[-1][codes.ACTIVATION] = layer.code
        else:
            return None
    if (
        not rows or rows[-1][codes.ACTIVATION] != codes.IDENTITY
    ):  # the loss is one of the plain output
        return None
    return np.array(rows, np.uint32)


def _as_it_was_made(layer: Layer) -> bool:
    """True unless a subclass computes something else than Affine or the activation that it is derived from."""
    kind = type(layer)
    base = Affine if isinstance(layer, Affine) else Activation
    return all(
        getattr(kind, name) is getattr(base, name)
        for name in ("shapes", "compute", "compute_back")
    )


class Fused:
    """Runs a layer table: forward, backward and update for many samples in one call of a kernel."""

    def __init__(self, theta: Array, table: Array, loss: Loss) -> None:
        self._theta, self._loss = theta, loss
        self.table = table
        self._n_out = int(table[-1, kernels.codes.N_OUT])

        # the tiles of a and d fill about half of a first-level cache; not fewer than 8 vectors, nor more than 32
        vectors = min(
            max(
                _TILE_BYTES
                // (2 * dispatch.n_units(table) * kernels.codes.VECTOR_BYTES)
                // 2
                * 2,
                8,
            ),
            32,
        )
        self._lanes = vectors * kernels.codes.VECTOR_BYTES // theta.dtype.itemsize

    def describe(self) -> str:
        """How it will be run, in words."""
        tiny = dispatch.why_not_tiny(self.table, self._loss)
        special = (
            "the specialised loop is not for it: " + tiny
            if tiny
            else f"with SGD and {dispatch.PAYS:,} updates or more a fit compiles a loop for this architecture alone"
        )
        return (
            "batch_size=1: one compiled loop does forward, backward and update, sample by sample\n"
            f"  {special}\n"
            f"batches and predictions: one compiled loop over tiles of {self._lanes} samples side by side"
        )

    def n_rows(self, n: int) -> int:
        """The number of rows that come out where n go in."""
        return n

    def outputs(self, X: Array) -> Array:
        """The plain output z (n, n_out)."""
        return self._outputs(X, self._n_out, shares=False)

    def shares(self, X: Array, n_classes: int) -> Array:
        """The probabilities (n, n_classes)."""
        return self._outputs(X, n_classes, shares=True)

    def _outputs(self, X: Array, n_columns: int, shares: bool) -> Array:
        out = np.empty((len(X), n_columns), X.dtype)
        kernels.loops.predictions.outputs(
            out, self._theta, X, self.table, self._loss.code, shares, self._lanes
        )
        return out

    def loss_and_gradient(self, X: Array, y: Array, mean: bool) -> tuple[float, Array]:
        """The summed loss, and the flat gradient of the mean or summed loss."""
        g, rows = np.empty_like(self._theta), np.arange(len(X))
        total = kernels.loops.batches.loss_and_gradient(
            g, self._theta, X, y, rows, self.table, self._loss.code, mean, self._lanes
        )
        return float(total), g

    def start(self, job: FitConfig, state: State) -> Advance:
        """What trains up to an update or for a number of samples; the answer is one of the kernels' codes."""
        loop = dispatch.choose(self.table, self._loss, job)
        if loop == "specialised":
            return dispatch.specialised(self.table, self._loss, job, state)
        if job.batch_size == 1:
            return dispatch.per_sample(self.table, self._loss, job, state)
        return dispatch.batches(self.table, self._loss, job, state, self._lanes)
