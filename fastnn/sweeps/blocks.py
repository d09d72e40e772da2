"""Blocks of nets that are trained side by side: one net per lane of the vectors.

`train_block` depends on its inputs alone: it takes some nets, and returns them as they
are after a stage. It writes into no shared state, only into the block that it is given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array, aligned_arrays
from ..kernels.arguments import (
    Data,
    SweepArrays,
    SweepPlan,
    SweepScratch,
    SweepTileScratch,
)
from ..training.chunks import ChunkSizer
from ..training.config import FitConfig
from ..training.engines.table import n_units
from .plan import LossRecording
from .state import Nets, StageResult

# Bytes of a first-level cache for a block's vectors, per sample.
_CACHE_BYTES = 40_000
# Bytes of a first-level cache for a tile of samples, in batches.
_TILE_BYTES = 24_000
# Maximum samples in a tile, and columns in the tiles of a group of vectors.
_MAX_SAMPLES, _GROUP_COLUMNS = kernels.codes.MAX_SAMPLES, 64
# Bytes of a second-level cache, for a group of vectors.
_GROUP_BYTES = 160_000
# Numbers of vectors that may make a block.
_BLOCK_VECTORS = (32, 16, 8, 4, 2, 1)
# Vectors that the loop over single samples works on at once.
_VECTORS_AT_ONCE = 4


class Stage(NamedTuple):
    """What all blocks of a stage share: the work, and its epochs.

    orders (k, n): the orders of the rows in the epochs from `first` on. The stage ends
    before epoch `last`, and losses are recorded of n_recorded epochs. loss is the
    loss's code.
    """

    config: FitConfig
    recording: LossRecording
    table: Array
    loss: int
    orders: Array
    first: int
    last: int
    n_recorded: int


@dataclass(frozen=True)
class BlockLayout:
    """Layout of a block's nets: n_vectors of `numbers` lanes each, one net per lane.

    Per sample all lanes are one long vector. In batches a group of vectors goes through
    the layers at a time, with `tile` samples; that depends on the work alone, as the
    rounding of sums does.
    """

    n_nets: int
    n_vectors: int
    numbers: int
    group: int
    tile: int
    n_units: int


def choose_layout(
    config: FitConfig, table: Array, theta: Array, n_nets: int, n_threads: int
) -> BlockLayout:
    """Choose large blocks, but not so large that a thread has nothing to do.

    theta (any, n_params) shows the nets' size and dtype.
    """
    codes, n_params = kernels.codes, theta.shape[1]
    numbers = codes.VECTOR_BYTES // theta.itemsize
    units, rows = n_units(table), n_params * (2 + codes.N_MOMENTS[config.rule.code])
    per_sample = config.batch_size == 1
    vector_bytes = (rows + 2 * units) * codes.VECTOR_BYTES if per_sample else 0
    n_vectors = 1
    for n in _BLOCK_VECTORS:
        if n * vector_bytes <= _CACHE_BYTES and n_nets > n * numbers // 2 * n_threads:
            n_vectors = n
            break
    if per_sample:
        lanes = max(n_vectors, _VECTORS_AT_ONCE) * numbers
        return BlockLayout(lanes, 1, lanes, group=1, tile=1, n_units=units)
    sample_bytes = 2 * (units + config.X.shape[1]) * codes.VECTOR_BYTES
    max_samples = min(max(_TILE_BYTES // sample_bytes, 2), _MAX_SAMPLES)
    n_tiles = -(-config.batch_size // max_samples)
    tile = -(-config.batch_size // (2 * n_tiles)) * 2
    group_bytes = tile * sample_bytes + rows * codes.VECTOR_BYTES
    group = min(
        max(1, _GROUP_COLUMNS // tile),
        max(1, _GROUP_BYTES // group_bytes),
        n_vectors,
    )
    n_fitting = n_vectors * numbers
    return BlockLayout(n_fitting, n_vectors, numbers, group, tile, units)


class NetBlock:
    """Memory for the nets of one block, in the kernels' layout; it is reused.

    A parameter of all nets of a vector is one row of `numbers` numbers.
    """

    def __init__(self, config: FitConfig, theta: Array, layout: BlockLayout) -> None:
        codes, dtype, n_params = kernels.codes, theta.dtype, theta.shape[1]
        n_moments = codes.N_MOMENTS[config.rule.code]
        n, numbers, group = layout.n_vectors, layout.numbers, layout.group

        units = layout.n_units
        kind: type[SweepScratch] | type[SweepTileScratch]
        shapes: list[tuple[int, ...]]
        if config.batch_size == 1:
            self.loop, kind = kernels.loops.sweep_per_sample.train, SweepScratch
            partial_sums = codes.PARTIAL_SUMS + codes.VECTOR_BYTES // dtype.itemsize
            shapes = [
                (n_params, numbers),
                (units, numbers),
                (units, numbers),
                (partial_sums, numbers),
                (numbers,),
                (codes.N_FACTORS, numbers),
                (codes.N_CONSTANTS, numbers),
            ]
        else:
            self.loop, kind = kernels.loops.sweep_batches.train, SweepTileScratch
            lanes = group * layout.tile * numbers
            columns = config.X.shape[1] + config.y.shape[1]
            shapes = [
                (group, n_params, numbers),
                (units + columns, lanes),
                (units, lanes),
                (codes.PARTIAL_SUMS + 1, lanes),
                (2, numbers),
                (lanes,),
                (lanes,),
                (group, codes.N_CONSTANTS, numbers),
            ]
        self.layout = layout
        self.theta, self.moments, *scratch = aligned_arrays(
            dtype,
            (n, n_params, numbers),
            (n, n_moments, n_params, numbers),
            *shapes,
        )
        self.scratch = kind(*scratch)
        self.clock = np.ones((n, 2, numbers))
        self.settings = np.zeros((n, codes.N_SETTINGS, numbers))
        self.trained = np.zeros((n, numbers), np.int64)
        self.loss_sums = np.zeros((0, n, numbers))
        self.n_right = np.zeros((0, n, numbers), np.int64)
        self.position = np.zeros((-(-n // group), codes.N_POSITION), np.int64)
        self.chunk = ChunkSizer(n_params * group * numbers)

    def load(self, nets: Nets, stage: Stage) -> None:
        """Fill the block with nets at the beginning of a stage."""
        n, n_moments, n_params, numbers = self.moments.shape
        theta, moments = nets.theta, nets.moments
        clock, settings = nets.clock, nets.settings
        if len(nets.ids) < n * numbers:
            # Lanes that are left over repeat the last net.
            lanes = np.minimum(np.arange(n * numbers), len(nets.ids) - 1)
            theta, moments = theta[lanes], moments[:, lanes]
            clock, settings = clock[:, lanes], settings[:, lanes]
        self.theta[...] = theta.reshape(n, numbers, n_params).transpose(0, 2, 1)
        for rows, values in ((self.clock, clock), (self.settings, settings)):
            rows[...] = values.reshape(-1, n, numbers).transpose(1, 0, 2)
        moments = moments.reshape(n_moments, n, numbers, n_params)
        self.moments[...] = moments.transpose(1, 0, 3, 2)
        shape = stage.n_recorded, n, numbers
        if self.loss_sums.shape != shape:
            self.loss_sums = np.empty(shape)
            self.n_right = np.empty(shape, np.int64)
        self.loss_sums[...] = self.n_right[...] = 0
        self.trained[...] = self.position[...] = 0
        # The loops expect zeros, and a net that diverged leaves NaN in the gradients,
        # which times 0 would still be NaN.
        for array in self.scratch:
            array[...] = 0
        self.position[:, kernels.codes.UPDATES] = stage.first * stage.config.per_epoch

    def result(self, nets: Nets, stage: Stage) -> StageResult:
        """Return the nets after the stage, in new arrays."""
        n, n_moments, n_params, numbers = self.moments.shape
        count, n_rows = len(nets.ids), len(stage.config.y)
        n_scaled = n_rows * stage.config.loss_scale
        loss = self.loss_sums.reshape(-1, n * numbers)[:, :count] / n_scaled
        n_right = self.n_right.reshape(-1, n * numbers)[:, :count]
        codes = kernels.codes
        classifies = stage.loss % codes.LINK not in (codes.MSE, codes.POISSON)
        counts = np.isfinite(loss) & classifies
        accuracy = np.where(counts, n_right / n_rows, np.nan)
        # copy("C"), as a reshape alone may be a view of this block's memory.
        theta = self.theta.transpose(0, 2, 1).copy("C").reshape(-1, n_params)
        clock = self.clock.transpose(1, 0, 2).copy("C").reshape(2, -1)
        moments = self.moments.transpose(1, 0, 3, 2).copy("C")
        moments = moments.reshape(n_moments, n * numbers, n_params)
        became = nets._replace(
            theta=theta[:count], moments=moments[:, :count], clock=clock[:, :count]
        )
        return StageResult(
            became, loss, accuracy, self.trained.reshape(-1)[:count].copy()
        )

    def advance(self, stage: Stage, end: int, budget: int) -> None:
        """Train up to the update `end`, or for `budget` samples."""
        config, recording = stage.config, stage.recording
        arrays = SweepArrays(
            self.theta,
            self.moments,
            self.clock,
            self.settings,
            self.loss_sums,
            self.n_right,
            self.trained,
            self.position,
        )
        data = Data(config.X, config.y, config.weights, stage.orders)
        plan = SweepPlan(
            stage.table,
            stage.loss,
            config.rule.code,
            config.batch_size,
            config.mean,
            config.loss_scale,
            recording.every,
            config.epochs,
            recording.stop_below or 0.0,
        )
        self.loop(arrays, data, plan, self.scratch, stage.first, end, budget)

    def progress(self) -> tuple[int, int]:
        """Return the groups' updates, and the samples of those under way."""
        codes = kernels.codes
        updates, samples = self.position[:, [codes.UPDATES, codes.SAMPLES]].sum(axis=0)
        return int(updates), int(samples)

    def unfinished(self, end: int) -> bool:
        """Return True if a group with an active net has not reached update `end`."""
        starts = np.arange(0, self.layout.n_vectors, self.layout.group)
        active = np.add.reduceat((self.trained == 0).any(axis=1), starts)
        updates = self.position[:, kernels.codes.UPDATES]
        return bool(np.any((updates < end) & (active > 0)))


def train_block(
    nets: Nets, stage: Stage, block: NetBlock, report: Callable[[int], bool]
) -> StageResult | None:
    """Train nets through a stage, and return them.

    `block` is memory to work in; what is in it does not matter. `report` is called
    after each chunk with the updates made in it, of all nets; where it returns False,
    training ends and None is returned.
    """
    end = stage.last * stage.config.per_epoch
    block.load(nets, stage)
    nets_per_group = len(nets.ids) / len(block.position)
    updates, samples = block.progress()
    while block.unfinished(end):
        started, updates_before, samples_before = perf_counter(), updates, samples
        block.advance(stage, end, block.chunk.samples)
        updates, samples = block.progress()
        made = updates - updates_before
        visited = made * stage.config.batch_size + samples - samples_before
        block.chunk.adapt(visited, perf_counter() - started)
        if not report(int(made * nets_per_group)):
            return None
    return block.result(nets, stage)
