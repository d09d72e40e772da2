"""A block of nets, one in each lane of the processor's vectors: what one thread trains at a time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import kernels
from ..data.arrays import Array, aligned_zeros
from ..training.engines.dispatch import n_units
from ..training.trainer import ChunkSizer, EpochOrders
from .state import SweepState

_CACHE_BYTES = 40_000  # of a first-level cache, for what a block works on per sample
_TILE_BYTES = 24_000  # of it, for a tile of samples
_MOST_SAMPLES, _COLUMNS = 32, 64  # of a tile at most, and those of a group of vectors
_GROUP_BYTES = 160_000  # of a second-level cache, for a group
_VECTORS = (32, 16, 8, 4, 2, 1)  # that may make a block
_TOGETHER = 4  # vectors that the loop over single samples takes at once


@dataclass(frozen=True)
class BlockLayout:
    """Nets of a block: so many vectors, a group of them at a time; per sample all lanes are one long vector.

    tile is how many samples go through a group at once. It depends on the work alone, as the rounding of sums does.
    """

    n_vectors: int
    numbers: int
    group: int
    tile: int

    @property
    def n_nets(self) -> int:
        """How many nets there is room for."""
        return self.n_vectors * self.numbers


def choose_layout(
    crowd: SweepState, table: Array, n_nets: int, n_threads: int
) -> BlockLayout:
    """The shape of blocks for so many nets: large ones, but not so large that a thread has nothing to do."""
    codes, job, n_params = kernels.codes, crowd.job, crowd.theta.shape[1]
    numbers = codes.VECTOR_BYTES // crowd.theta.itemsize
    units, rows = n_units(table), n_params * (2 + codes.N_MOMENTS[job.rule])
    per_sample = job.batch_size == 1
    at_once = (rows + 2 * units) * codes.VECTOR_BYTES if per_sample else 0
    n_vectors = next(
        (
            n
            for n in _VECTORS
            if n * at_once <= _CACHE_BYTES and n_nets > n * numbers // 2 * n_threads
        ),
        1,
    )
    if per_sample:
        return BlockLayout(1, max(n_vectors, _TOGETHER) * numbers, 1, 1)
    sample = 2 * (units + job.X.shape[1]) * codes.VECTOR_BYTES
    most = min(max(_TILE_BYTES // sample, 2), _MOST_SAMPLES)
    n_tiles = -(-job.batch_size // most)
    tile = -(-job.batch_size // (2 * n_tiles)) * 2
    group = min(
        max(1, _COLUMNS // tile),
        max(1, _GROUP_BYTES // (tile * sample + rows * codes.VECTOR_BYTES)),
        n_vectors,
    )
    return BlockLayout(n_vectors, numbers, group, tile)


class NetBlock:
    """Takes some nets of a crowd, trains them, and hands them back; then the next ones."""

    def __init__(self, crowd: SweepState, table: Array, shape: BlockLayout) -> None:
        codes, dtype = kernels.codes, crowd.theta.dtype
        self._crowd, self._table, self.shape = crowd, table, shape
        n_params, n_moments = crowd.theta.shape[1], codes.N_MOMENTS[crowd.job.rule]
        n, numbers, group = shape.n_vectors, shape.numbers, shape.group

        def room(*sizes: int) -> Array:
            return aligned_zeros(int(np.prod(sizes)), dtype).reshape(sizes)

        self._first = 0
        self._theta, self._moments = (
            room(n, n_params, numbers),
            room(n, n_moments, n_params, numbers),
        )
        self._clock, self._settings = (
            np.ones((n, 2, numbers)),
            np.zeros((n, codes.BIAS_LR + 1, numbers)),
        )
        self._trained = np.zeros((n, numbers), np.int64)
        self._sums = np.zeros((0, n, numbers)), np.zeros((0, n, numbers), np.int64)
        self._position = np.zeros((-(-n // group), codes.N_POSITION), np.int64)
        units = n_units(table)
        if crowd.job.batch_size == 1:
            self._loop = kernels.loops.sweep_per_sample.train
            sums = codes.PARTIAL_SUMS + codes.VECTOR_BYTES // dtype.itemsize
            self._scratch: Any = kernels.arguments.SweepScratch(
                g=room(n_params, numbers),
                a=room(units, numbers),
                d=room(units, numbers),
                losses=room(sums, numbers),
                factors=room(2, numbers),
                constants=room(codes.N_CONSTANTS, numbers),
                hits=room(numbers),
            )
        else:
            self._loop = kernels.loops.sweep_batches.train
            lanes, columns = (
                group * shape.tile * numbers,
                crowd.job.X.shape[1] + crowd.job.y.shape[1],
            )
            self._scratch = kernels.arguments.SweepTileScratch(
                room(group, n_params, numbers),
                room(units + columns, lanes),
                room(units, lanes),
                room(codes.PARTIAL_SUMS + 1, lanes),
                room(2, numbers),
                room(lanes),
                room(group, codes.N_CONSTANTS, numbers),
            )
        self._pace = ChunkSizer(n_params * group * numbers)

    def compile(self, orders: EpochOrders) -> None:
        """Have the loop compiled."""
        self._advance(orders, 0, 0)

    def train(
        self, nets: Array, orders: EpochOrders, first: int, last: int
    ) -> Iterator[int]:
        """Train nets from epoch `first` up to `last`, and say between two chunks how many updates were made.

        Only when the last chunk is made the crowd has what came out.
        """
        codes, end = kernels.codes, last * self._crowd.job.per_epoch
        self._take(nets, first, last)
        share = len(nets) / len(self._position)
        while self._under_way(end):
            done = self._position[:, codes.UPDATES].copy()
            before, started = self._visited(), time.perf_counter()
            self._advance(orders, end, self._pace.samples)
            self._pace.learn(self._visited() - before, time.perf_counter() - started)
            yield int((self._position[:, codes.UPDATES] - done).sum() * share)
        self._hand_back(nets, first, last)

    def _take(self, nets: Array, first: int, last: int) -> None:
        crowd, codes, (n, _, numbers) = self._crowd, kernels.codes, self._theta.shape
        self._first = first
        lanes = np.append(
            nets, np.repeat(nets[-1], n * numbers - len(nets))
        )  # the last ones repeat a net
        self._theta[...] = crowd.theta[lanes].reshape(n, numbers, -1).transpose(0, 2, 1)
        for each, of_all in (
            (self._clock, crowd.clock),
            (self._settings, crowd.job.settings),
        ):
            each[...] = of_all[:, lanes].reshape(-1, n, numbers).transpose(1, 0, 2)
        if self._moments.size:
            moments = crowd.moments[:, lanes].reshape(
                self._moments.shape[1], n, numbers, -1
            )
            self._moments[...] = moments.transpose(1, 0, 3, 2)
        kept = crowd.keep.within(first, last)
        shape = kept.stop - kept.start, n, numbers
        if self._sums[0].shape != shape:
            self._sums = np.empty(shape), np.empty(shape, np.int64)
        for sums in self._sums:
            sums[...] = 0
        self._trained[...] = self._position[...] = 0
        self._scratch.g[...] = (
            0  # gradients, of which a net that diverged left NaN: times 0 it would be one again
        )
        self._position[:, codes.UPDATES] = first * crowd.job.per_epoch

    def _hand_back(self, nets: Array, first: int, last: int) -> None:
        crowd, (n, n_params, numbers), count = self._crowd, self._theta.shape, len(nets)
        losses, n_right = (
            each.reshape(-1, n * numbers)[:, :count] for each in self._sums
        )
        loss = losses / len(crowd.job.y)
        counts = np.isfinite(loss) & (crowd.loss.code != kernels.codes.MSE)
        accuracy = np.where(counts, n_right / len(crowd.job.y), np.nan)
        crowd.theta[nets] = self._theta.transpose(0, 2, 1).reshape(-1, n_params)[:count]
        crowd.clock[:, nets] = self._clock.transpose(1, 0, 2).reshape(2, -1)[:, :count]
        if self._moments.size:
            moments = self._moments.transpose(1, 0, 3, 2).reshape(
                -1, n * numbers, n_params
            )
            crowd.moments[:, nets] = moments[:, :count]
        crowd.note(nets, loss, accuracy, self._trained.reshape(-1)[:count], first, last)

    def _advance(self, orders: EpochOrders, end: int, budget: int) -> None:
        """Train up to the update `end`, or for so many samples."""
        crowd, job = self._crowd, self._crowd.job
        state = kernels.arguments.SweepState(
            self._theta,
            self._moments,
            self._clock,
            self._settings,
            *self._sums,
            self._trained,
            self._position,
        )
        plan = kernels.arguments.SweepPlan(
            self._table,
            crowd.loss.code,
            job.rule,
            job.batch_size,
            job.mean,
            crowd.keep.every,
            job.epochs,
            crowd.keep.stop_below or 0.0,
        )
        data = kernels.arguments.Data(job.X, job.y, orders.since(self._first))
        self._loop(state, data, plan, self._scratch, self._first, end, budget)

    def _under_way(self, end: int) -> bool:
        """True while a group has updates before it, and a net to make them."""
        there = np.add.reduceat(
            (self._trained == 0).any(axis=1),
            np.arange(0, self.shape.n_vectors, self.shape.group),
        )
        return bool(
            np.any((self._position[:, kernels.codes.UPDATES] < end) & (there > 0))
        )

    def _visited(self) -> int:
        """About how many samples have been through the groups."""
        updates, samples = self._position[
            :, [kernels.codes.UPDATES, kernels.codes.SAMPLES]
        ].sum(axis=0)
        return int(updates) * self._crowd.job.batch_size + int(samples)
