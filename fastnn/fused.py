"""Nets of Affine layers and activations, which the fused loops take as one layer table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import kernels
from .activations import Activation
from .arrays import Array, scratch
from .job import Advance, Job, State
from .layers import Affine, Layer
from .losses import Loss

_MOST_TILES = 2**26  # bytes
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


@dataclass(frozen=True, eq=False)
class Packing:
    """How parameters are packed for the loop over single samples: see `kernels.codes`.

    The packed parameter places[p] is the parameter sources[p] of theta, and for p < theta.size that is p.
    units is 1 for each unit and 0 for what fills a layer up.
    """

    layers: Array
    size: int
    places: Array
    sources: Array
    units: Array


def packing(table: Array, vector: int) -> Packing:
    """The packing of a layer table for vectors of so many numbers."""
    codes = kernels.codes
    layers = np.zeros((len(table), codes.N_PACKED_COLUMNS), np.uint32)
    layers[:, : codes.N_COLUMNS] = table
    widths = [int(n) + -int(n) % vector for n in (table[0, codes.N_IN], *table[:, codes.N_OUT])]
    units = np.zeros(sum(widths))
    size, starts = 0, np.cumsum([0, *widths])
    first, second = [], []
    for place, row in enumerate(layers):
        n_in, n_out = int(row[codes.N_IN]), int(row[codes.N_OUT])
        units[starts[place] : starts[place] + n_in] = 1
        row[codes.INPUT], row[codes.OUTPUT] = starts[place : place + 2]
        width_in, width_out = row[codes.WIDTH_IN], row[codes.WIDTH_OUT] = widths[place : place + 2]
        j, k = np.arange(n_in)[:, np.newaxis], np.arange(n_out)
        row[codes.BY_COLUMN] = by_column = 0 < place == len(layers) - 1 and n_out == 1
        row[codes.ROWS] = size
        rows = size + j * width_out + k
        size += 0 if by_column else n_in * width_out
        row[codes.COLUMNS] = size
        columns = size + j + k * width_in
        size += n_out * width_in if place > 0 else 0
        row[codes.BIAS] = size
        first += [columns if by_column else rows, size + k]
        second.append(columns if place > 0 and not by_column else np.zeros(0, np.int64))
        size += width_out
    units[starts[-2] : starts[-2] + n_out] = 1
    places = np.concatenate([part.reshape(-1) for part in first])
    again = [
        row[codes.WEIGHTS] + np.arange(part.size) for row, part in zip(table.astype(np.int64), second, strict=True)
    ]
    return Packing(
        layers,
        size,
        np.concatenate([places, *(part.reshape(-1) for part in second)]),
        np.concatenate([np.arange(places.size), *again]),
        units,
    )


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
        self._n_in = int(table[0, kernels.codes.N_IN])
        self._units = int(table[-1, kernels.codes.OUTPUT]) + self._n_out

        # the tiles of a and d fill about half of a first-level cache; not fewer than 8 vectors, nor more than 32
        vectors = min(max(_TILE_BYTES // (2 * self._units * kernels.codes.VECTOR_BYTES) // 2 * 2, 8), 32)
        self._lanes = vectors * kernels.codes.VECTOR_BYTES // theta.dtype.itemsize

    def describe(self) -> str:
        """How it will be run, in words."""
        lanes = self._lanes
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
        kernels.predictions.outputs(
            out, self._theta, X, np.arange(len(X)), self._table, self._rows_of_lanes(self._n_in), self._lanes
        )
        return out

    def loss_and_gradient(self, X: Array, y: Array, mean: bool) -> tuple[float, Array]:
        """The summed loss, and the flat gradient of the mean or summed loss."""
        g, rows = np.empty_like(self._theta), np.arange(len(X))
        total = kernels.batches.loss_and_gradient(
            g, self._theta, X, y, rows, self._table, self._loss.code, mean,
            self._rows_of_lanes(X.shape[1] + y.shape[1]), self._rows_of_lanes(), scratch(self._lanes, X.dtype),
        )  # fmt: skip
        return float(total), g

    def start(self, job: Job, state: State) -> Advance:
        """What trains up to an update or for a number of samples; the answer is one of the kernels' codes."""
        in_place = (state.theta, state.moments, state.clock, state.g, state.loss_sums, state.n_right, state.position)
        work = (self._table, self._loss.code, job.rule, job.settings)
        if self.per_sample(job):
            packed = packing(self._table, kernels.codes.VECTOR_BYTES // job.X.itemsize)
            vectors = scratch((2 + len(state.moments)) * packed.size, job.X.dtype).reshape(-1, packed.size)
            by_unit = scratch(4 * packed.units.size, job.X.dtype).reshape(4, -1)
            by_unit[3] = packed.units
            room = (vectors[0], vectors[2:], vectors[1], *by_unit, packed.places, packed.sources)

            def advance(order: Array, first_epoch: int, end: int, budget: int) -> int:
                given = (job.X, job.y, order, packed.layers, *work[1:], first_epoch, end, budget)
                return int(kernels.per_sample.train(*in_place, *given, *room))

            return advance
        tiles, a = self._tiles(job)
        d, scales = self._rows_of_lanes(), scratch(self._lanes, job.X.dtype)

        def advance_batches(order: Array, first_epoch: int, end: int, budget: int) -> int:
            given = (job.X, job.y, order, *work, job.batch_size, job.mean, first_epoch, end, budget)
            return int(kernels.batches.train(*in_place, *given, a, d, scales, tiles))

        return advance_batches

    def _tiles(self, job: Job) -> tuple[Array, Array]:
        """Room for all tiles of an epoch, where they are the same in all epochs and not too large, or for one."""
        n = -(-job.batch_size // self._lanes) * job.per_epoch
        size = job.X.shape[1] + job.y.shape[1]
        if job.shuffle or n * size * self._lanes * job.X.itemsize > _MOST_TILES:
            return np.zeros(0, np.int64), self._rows_of_lanes(size)
        return np.zeros(n, np.int64), self._rows_of_lanes(n * size)

    def _rows_of_lanes(self, more: int = 0) -> Array:
        return scratch((self._units + more) * self._lanes, self._theta.dtype)
