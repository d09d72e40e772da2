"""Blocks of nets that are trained side by side: one net per lane of the vectors.

`train_block` depends on its inputs alone: it takes some nets, and returns them as they
are after a stage. It writes into no shared state, only into the block that it is given.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array, aligned_arrays, readonly
from ..data.weights import no_weights
from ..kernels.arguments import (
    Data,
    EpochPlan,
    Measured,
    SweepArrays,
    SweepPlan,
    SweepScratch,
    SweepTileScratch,
)
from ..nn.losses import code_for, loss_scale
from ..training.chunks import ChunkSizer
from ..training.config import FitConfig
from ..training.engines.table import n_units, tile_lanes
from .monitor import BEST_EPOCH, Monitor
from .plan import LossRecording
from .state import NOTHING, Nets, StageResult

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
_LR, _BIAS_LR = kernels.codes.LR, kernels.codes.BIAS_LR


class Stage(NamedTuple):
    """What all blocks of a stage share: the work, and its epochs.

    orders (k, n): the orders of the rows in the epochs from `first` on. The stage ends
    before epoch `last`, and losses are recorded of n_recorded epochs. loss is the
    loss's code.
    """

    config: FitConfig
    recording: LossRecording
    monitor: Monitor
    table: Array
    loss: int
    orders: Array
    first: int
    last: int
    n_recorded: int

    @property
    def every(self) -> int:
        """Of how many epochs the loops record one: of each, where nets stop early."""
        return 1 if self.monitor.stopping is not None else self.recording.every

    def row(self, epoch: Any) -> Any:
        """Return the row of an epoch among those that the loops record."""
        return -(-epoch // self.every) + -self.first // self.every

    @property
    def n_rows(self) -> int:
        """The number of epochs that the loops record."""
        if self.monitor.stopping is not None:
            return self.last - self.first
        return self.n_recorded

    @property
    def classifies(self) -> bool:
        """True if the loss has classes, and so accuracies."""
        codes = kernels.codes
        return self.loss % codes.LINK not in (codes.MSE, codes.POISSON)

    @property
    def epochs(self) -> Array:
        """The recorded epochs of the stage, counted from 1."""
        return self.recording.epochs[self.recording.within(self.first, self.last)]

    @property
    def ends(self) -> Iterable[int]:
        """The numbers of epochs, in order, after which a chunk must end."""
        if self.monitor.stopping is not None:
            return range(self.first + 1, self.last + 1)
        if self.monitor.validation is not None:
            return sorted({*self.epochs.tolist(), self.last})
        return (self.last,)


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
    config: FitConfig,
    table: Array,
    theta: Array,
    n_nets: int,
    n_threads: int,
    least_tile: int = 2,
) -> BlockLayout:
    """Choose large blocks, but not so large that a thread has nothing to do.

    theta (any, n_params) shows the nets' size and dtype. A tile has at least least_tile
    samples, or all of a batch.
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
    max_samples = min(max(_TILE_BYTES // sample_bytes, least_tile), _MAX_SAMPLES)
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


def _is_plain(config: FitConfig) -> bool:
    """Return True for SGD with one learning rate per net, and nothing else."""
    codes, settings = kernels.codes, config.rule.settings
    others = settings[[codes.DECAY, codes.BIAS_DECAY, codes.CLIP_NORM]]
    lr, bias_lr = settings[_LR], settings[_BIAS_LR]
    biases_follow = np.isnan(bias_lr) if config.schedule.size else bias_lr == lr
    return (
        config.rule.code == codes.SGD
        and not config.weights.size
        and not others.any()
        and bool(biases_follow.all())
    )


class NetBlock:
    """Memory for the nets of one block, in the kernels' layout; it is reused.

    A parameter of all nets of a vector is one row of `numbers` numbers.
    """

    def __init__(self, config: FitConfig, theta: Array, layout: BlockLayout) -> None:
        codes, dtype, n_params = kernels.codes, theta.dtype, theta.shape[1]
        n_moments = codes.N_MOMENTS[config.rule.code]
        n, numbers, group = layout.n_vectors, layout.numbers, layout.group
        supported = [] if config.batch_size == 1 else ["min_probability"]
        for term in config.batch_terms:
            if term not in supported:
                raise NotImplementedError(f"no {term} in a training of many nets")
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
                (2, numbers),
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
        self.penalties, self.l2 = np.zeros((0, n, numbers)), np.zeros((0, numbers))
        self.position = np.zeros((-(-n // group), codes.N_POSITION), np.int64)
        self.rates = np.zeros((0, 1, 1))
        self.weights = no_weights(dtype).reshape(0, 1, 1)
        self.biases_follow = True
        self._is_plain = config.batch_size == 1 and _is_plain(config)
        self.chunk = ChunkSizer(self.theta[:group].nbytes // codes.VECTOR_BYTES)

    def load(self, nets: Nets, stage: Stage, l2: Array = NOTHING) -> None:
        """Fill the block with nets at the beginning of a stage.

        l2 (n,) are the factors of their L2 penalties, or (0,) where none has any.
        """
        n, n_moments, n_params, numbers = self.moments.shape
        theta, moments = nets.theta, nets.moments
        clock, settings = nets.clock, nets.settings
        schedule, weights = nets.schedule, nets.weights
        if len(nets.ids) < n * numbers:
            # Lanes that are left over repeat the last net.
            lanes = np.minimum(np.arange(n * numbers), len(nets.ids) - 1)
            theta, moments = theta[lanes], moments[:, lanes]
            clock, settings = clock[:, lanes], settings[:, lanes]
            schedule = schedule[:, lanes] if schedule.size else schedule
            weights = weights[:, lanes] if weights.size else weights
        self.theta[...] = theta.reshape(n, numbers, n_params).transpose(0, 2, 1)
        for rows, values in ((self.clock, clock), (self.settings, settings)):
            rows[...] = values.reshape(-1, n, numbers).transpose(1, 0, 2)
        moments = moments.reshape(n_moments, n, numbers, n_params)
        self.moments[...] = moments.transpose(1, 0, 3, 2)
        config = stage.config
        if schedule.size:
            rates = np.ascontiguousarray(schedule[stage.first : stage.last])
            self.rates = rates.reshape(-1, n, numbers)
        elif config.schedule.ndim == 1:
            rates = config.schedule[stage.first : stage.last]
            self.rates = rates.reshape(-1, 1, 1)
        lr, bias_lr = self.settings[:, _LR], self.settings[:, _BIAS_LR]
        self.biases_follow = self.rates.size == 0 or bool(np.isnan(bias_lr).all())
        if self.rates.size and self.biases_follow:
            bias_lr[...] = lr
        if weights.size:
            weights = np.ascontiguousarray(weights)
            self.weights = readonly(weights.reshape(-1, n, numbers))
        elif config.weights.ndim == 1:
            self.weights = config.weights.reshape(-1, 1, 1)
        if stage.monitor.listens:
            self._prepare_measuring(nets, stage)
        shape = stage.n_rows, n, numbers
        if self.loss_sums.shape != shape:
            self.loss_sums = np.empty(shape)
            self.n_right = np.empty(shape, np.int64)
        if l2.size:
            self.l2 = np.resize(l2, (n, numbers))
            self.penalties = np.empty(shape)
        self.rewind()
        self.trained[...] = 0
        # The loops expect zeros, and a net that diverged leaves NaN in the gradients,
        # which times 0 would still be NaN.
        for array in self.scratch:
            array[...] = 0
        self.position[:, kernels.codes.UPDATES] = stage.first * stage.config.per_epoch

    def rewind(self) -> None:
        """Begin again with the first epoch, and with sums of losses of 0."""
        self.loss_sums[...] = self.n_right[...] = self.penalties[...] = 0
        self.position[...] = 0

    def compile_measure(self, stage: Stage) -> None:
        """Have the end of an epoch compiled, for the nets that are loaded."""
        self.trained[...] = -1  # no net is active
        self._end_epoch(stage, 0, 0, -1)

    def measure(self, stage: Stage, epoch: int) -> None:
        """Measure an epoch that has ended, and stop the nets that should not go on."""
        recording, recorded = stage.recording, -1
        if epoch % recording.every == 0 or epoch == recording.n_epochs - 1:
            recorded = recording.index(epoch) - recording.index(stage.first)
        if recorded >= 0 or stage.monitor.stopping is not None:
            self._end_epoch(stage, epoch, stage.row(epoch), recorded)

    def _end_epoch(self, stage: Stage, epoch: int, row: int, recorded: int) -> None:
        kernels.loops.sweep_epochs.end_epoch(
            self._arrays(),
            self._validation,
            self._epoch_plan,
            self._stop_rule,
            self._measured,
            epoch,
            row,
            recorded,
            tile_lanes(stage.table, self.theta.itemsize),
        )

    def _prepare_measuring(self, nets: Nets, stage: Stage) -> None:
        """Prepare what a stage's epochs end with."""
        config, monitor, n = stage.config, stage.monitor, len(nets.ids)
        dtype, data = self.theta.dtype, monitor.validation
        X, y, weights = config.X[:0], config.y[:0], no_weights(dtype)
        if data is not None:
            X, y, weights = data.X, data.y, data.weights
        self._validation = Data(X, y, weights, stage.orders)
        self._epoch_plan = EpochPlan(
            stage.table,
            code_for(stage.loss, y),
            len(config.y),
            config.loss_scale,
            loss_scale(max(len(y), 1)),
            stage.classifies,
        )
        self._stop_rule = monitor.stop_rule(stage.recording.stop_below)
        self._measured = Measured(
            final=np.full((monitor.n_curves, n), np.nan),
            validated=np.full((monitor.n_curves - 2, stage.n_recorded, n), np.nan),
            best=nets.best.copy(),
            best_theta=nets.best_theta.copy(),
            nets=np.empty((n, self.theta.shape[1]), dtype),
            ids=np.empty(n, np.int64),
            totals=np.empty(n),
            hits=np.empty(n, np.int64),
        )

    def result(self, nets: Nets, stage: Stage) -> StageResult:
        """Return the nets after the stage, in new arrays."""
        n, n_moments, n_params, numbers = self.moments.shape
        count, monitor = len(nets.ids), stage.monitor
        curves = self._losses(stage, count)
        stopped = self.trained.reshape(-1)[:count].copy()
        if monitor.stopping is not None:
            curves = curves[:, stage.epochs - 1 - stage.first]
        if monitor.validation is not None:
            curves = np.concatenate([curves, self._measured.validated])
        best, best_theta = nets.best, nets.best_theta
        if monitor.stopping is not None:
            measured = self._measured
            final, best, best_theta = (
                measured.final,
                measured.best,
                measured.best_theta,
            )
        elif not curves.size:
            final = NOTHING
        elif not stopped.any():
            final = curves[:, -1].copy()
        else:
            rows = np.where(stopped > 0, stage.row(stopped - 1), stage.n_recorded - 1)
            final = curves[:, rows, np.arange(count)]
        theta = self._theta_of_nets()[:count]
        if monitor.restores:
            over = (stopped > 0) | (stage.last == stage.config.epochs)
            restored = over & (best[BEST_EPOCH] >= 0)
            # a net whose last update broke it has a finite loss, and stays diverged
            broken = restored & ~np.isfinite(theta).all(axis=1)
            final[0, broken & np.isfinite(final[0])] = np.nan
            theta[restored] = best_theta[restored]
        clock = self.clock.transpose(1, 0, 2).copy("C").reshape(2, -1)
        moments = self.moments.transpose(1, 0, 3, 2).copy("C")
        moments = moments.reshape(n_moments, n * numbers, n_params)
        became = nets._replace(
            theta=theta,
            moments=moments[:, :count],
            clock=clock[:, :count],
            best=best,
            best_theta=best_theta,
        )
        return StageResult(became, curves, final, stopped)

    def _theta_of_nets(self) -> Array:
        """Return the parameters of one net per row, in a new array."""
        # copy("C"), as a reshape alone may be a view of this block's memory.
        n_params = self.theta.shape[1]
        return self.theta.transpose(0, 2, 1).copy("C").reshape(-1, n_params)

    def _losses(self, stage: Stage, count: int) -> Array:
        """Return the losses and accuracies (2, rows, count) of the first nets."""
        n_rows = len(stage.config.y)
        sums = self.loss_sums.reshape(-1, self.trained.size)[:, :count]
        curves = np.empty((2, *sums.shape))
        loss, accuracy = curves
        np.divide(sums, n_rows * stage.config.loss_scale, loss)
        if stage.classifies:
            n_right = self.n_right.reshape(-1, self.trained.size)[:, :count]
            np.divide(n_right, n_rows, accuracy)
            np.copyto(accuracy, np.nan, where=~np.isfinite(loss))
        else:
            accuracy[...] = np.nan
        return curves

    def advance(self, stage: Stage, end: int, budget: int) -> None:
        """Train up to the update `end`, or for `budget` samples."""
        config, recording, arrays = stage.config, stage.recording, self._arrays()
        data = Data(config.X, config.y, self.weights, stage.orders)
        loss, loop = code_for(stage.loss, config.y), self.loop
        if self._is_plain and loss == kernels.codes.BCE and len(stage.table) == 2:
            loop = kernels.loops.sweep_one_hidden_layer.train
        plan = SweepPlan(
            stage.table,
            loss,
            config.rule.code,
            config.batch_size,
            config.mean,
            config.loss_scale,
            config.min_probability,
            stage.every,
            config.epochs,
            # where nets stop early, `end_epoch` looks at it as well
            0.0 if stage.monitor.stopping else recording.stop_below or 0.0,
            self.rates,
            self.biases_follow,
            self.l2,
        )
        loop(arrays, data, plan, self.scratch, stage.first, end, budget)

    def _arrays(self) -> SweepArrays:
        return SweepArrays(
            self.theta,
            self.moments,
            self.clock,
            self.settings,
            self.loss_sums,
            self.n_right,
            self.penalties,
            self.trained,
            self.position,
        )

    def chunks(self, stage: Stage, end: int) -> Iterator[int]:
        """Train up to the update `end`; yield the groups' updates of each chunk."""
        updates, samples = self.progress()
        goes_on = self.unfinished(end)
        while goes_on:
            started, updates_before, samples_before = perf_counter(), updates, samples
            self.advance(stage, end, self.chunk.samples)
            updates, samples = self.progress()
            made = updates - updates_before
            goes_on = self.unfinished(end)
            if goes_on:
                visited = made * stage.config.batch_size + samples - samples_before
                self.chunk.adapt(visited, perf_counter() - started)
            yield made

    def progress(self) -> tuple[int, int]:
        """Return the groups' updates, and the samples of those under way."""
        totals = self.position.sum(axis=0)
        return int(totals[kernels.codes.UPDATES]), int(totals[kernels.codes.SAMPLES])

    def unfinished(self, end: int) -> bool:
        """Return True if a group with an active net has not reached update `end`."""
        behind = self.position[:, kernels.codes.UPDATES] < end
        if not behind.any():
            return False
        if not self.trained.any():  # no net has stopped
            return True
        starts = np.arange(0, self.layout.n_vectors, self.layout.group)
        active = np.add.reduceat((self.trained == 0).any(axis=1), starts)
        return bool(np.any(behind & (active > 0)))


def train_block(
    nets: Nets, stage: Stage, block: NetBlock, report: Callable[[int], bool]
) -> StageResult | None:
    """Train nets through a stage, and return them.

    `block` is memory to work in; what is in it does not matter. `report` is called
    after each chunk with the updates made in it, of all nets; where it returns False,
    training ends and None is returned.
    """
    block.load(nets, stage)
    nets_per_group = len(nets.ids) / len(block.position)
    for epochs in stage.ends:
        for made in block.chunks(stage, epochs * stage.config.per_epoch):
            if not report(int(made * nets_per_group)):
                return None
        if stage.monitor.listens:
            block.measure(stage, epochs - 1)
    return block.result(nets, stage)
