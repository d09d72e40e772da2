"""Scheduling of a sweep: in stages, and in each stage in blocks that threads train.

A net's bits depend on nothing but its own arguments: all nets see the samples in the
same order, and none knows of the others. Most sweeps have one stage. There are more
where nets may stop, so that the active ones fill the lanes again; where percentiles of
all nets are recorded; and where the orders of the rows, which all blocks share, take
much memory.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import nullcontext, suppress
from functools import partial
from queue import Empty
from threading import Event
from time import perf_counter
from types import TracebackType
from typing import Self

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..training.callbacks import EpochState
from ..training.engines.threads import Workers, thread_count
from ..training.history import History
from ..training.orders import EpochOrders
from ..training.progress import ProgressBar
from ..training.stopping import CURVES
from .blocks import BlockLayout, NetBlock, Stage, choose_layout, train_block
from .monitor import BEST_EPOCH, BEST_VAL
from .plan import LossRecording
from .state import Nets, StageResult, SweepState

# Trains a net, given by its id, from its parameters, until the function returns True.
FitAlone = Callable[
    [int, Array, Callable[[EpochState], bool] | None], tuple[Array, History, bool]
]
# Minimum number of stages, where nets may meet stop_below.
_MIN_STAGES = 32
# Epochs of the shortest and of the longest stage, where nets may stop early. In between
# a stage has a quarter of the epochs before it: most nets stop long before the last.
_FEWEST_EPOCHS, _MOST_EPOCHS = 16, 4096
# Number of row indices to draw in advance.
AHEAD = 2**20
# Seconds between two looks at the progress.
_LOOK_SECONDS = 0.05


def train_side_by_side(
    state: SweepState,
    table: Array,
    orders: EpochOrders | None = None,
    stop: Event | None = None,
) -> None:
    """Train all nets of this layer table, in blocks that threads share.

    orders: those of the state's next epochs, unless that is the first one. stop: where
    it is given, the calling thread trains alone, and CancelledError is raised within a
    chunk after it is set. After an error, the state holds the nets that completed the
    stage. Signals are handled each 0.05 s, when nothing is half done.
    """
    config, n_nets = state.config, len(state.theta)
    n_threads = thread_count(config.n_jobs) if stop is None else 1
    if n_threads == 1:  # this thread; to start another takes a tenth of a millisecond
        n_threads = 0
    stages = _MIN_STAGES if state.recording.stop_below else 1
    max_epochs = -(-config.epochs // stages)
    orders = orders or EpochOrders(config, AHEAD)

    bar = None
    if config.progress is not False:
        bar = ProgressBar(config.progress, n_nets * config.updates, 1.0, "updates")

    def look() -> None:
        if kernels.interrupts.noted:
            kernels.interrupts.check()
        if bar is None:
            return
        n_finished, updates_saved = state.progress()
        note = f"{n_finished:,}/{n_nets:,} nets"
        bar.update(blocks.updates, note, saved=updates_saved)

    with (
        kernels.interrupts.deferred,
        bar or nullcontext(),
        _Blocks(state, n_threads, stop or Event()) as blocks,
    ):
        while (first := state.epochs_done) < state.end:
            active = state.active()
            if not len(active):
                break
            if first >= orders.last:
                orders.reach(first)
            if state.monitor.stopping is not None:
                max_epochs = min(max(_FEWEST_EPOCHS, first // 4), _MOST_EPOCHS)
            stage = _begin_stage(state, table, orders, max_epochs)
            layout = choose_layout(
                config, table, state.theta, len(active), max(n_threads, 1)
            )
            blocks.run(stage, layout, active, look)
            state.end_stage(blocks.workers.map)
            look()


def compile_side_by_side(state: SweepState, table: Array, orders: EpochOrders) -> None:
    """Compile in this thread, which signals can stop, before others train."""
    stage, ids = _begin_stage(state, table, orders, 1), np.arange(1)
    layout = choose_layout(state.config, table, state.theta, 1, 1)
    _compile(NetBlock(state.config, state.theta, layout), stage, state.nets(ids))


def _begin_stage(
    state: SweepState, table: Array, orders: EpochOrders, max_epochs: int
) -> Stage:
    """Begin the state's next stage, which ends where the orders do, or before."""
    first = state.epochs_done
    last, n_recorded = state.begin_stage(min(max_epochs, orders.last - first))
    return Stage(
        config=state.config,
        recording=state.recording,
        monitor=state.monitor,
        table=table,
        loss=state.loss.code,
        orders=orders.since(first),
        first=first,
        last=last,
        n_recorded=n_recorded,
    )


def _compile(block: NetBlock, stage: Stage, nets: Nets) -> None:
    block.advance(stage, 0, 0)
    if stage.monitor.listens:
        block.load(nets, stage)
        block.compile_measure(stage)


class _Job:
    """A block that is to be trained, or is, in `block`; and the updates made."""

    def __init__(
        self,
        nets: Nets,
        stage: Stage,
        block: NetBlock,
        stop: Event,
        look: Callable[[], None] | None,
    ) -> None:
        self._nets, self._stage, self.block = nets, stage, block
        self.updates, self._stop, self._look = 0, stop, look

    def __call__(self) -> StageResult | None:
        if self._stop.is_set():
            return None
        return train_block(self._nets, self._stage, self.block, self._report)

    def _report(self, updates: int) -> bool:
        """Take note of updates; return False if the block should stop."""
        self.updates += updates
        if self._look is not None:
            self._look()
        return not self._stop.is_set()


class _Blocks:
    """The blocks of a sweep: their memory, and the threads that train them."""

    def __init__(self, state: SweepState, n_threads: int, stop: Event) -> None:
        self._state, self._stop = state, stop
        self._n_threads = n_threads
        self._workers: Workers | None = None
        self._layout: BlockLayout | None = None
        self._idle: list[NetBlock] = []
        self._running: set[_Job] = set()
        self._ended_updates = 0
        self._looked = perf_counter()

    @property
    def workers(self) -> Workers:
        """The threads, which start with the first stage."""
        assert self._workers is not None
        return self._workers

    @property
    def updates(self) -> int:
        """The updates made so far, of all nets together."""
        running = sum(job.updates for job in self._running)
        return self._ended_updates + running

    def run(
        self,
        stage: Stage,
        layout: BlockLayout,
        nets: Array,
        look: Callable[[], None],
    ) -> None:
        """Train nets, given by their ids, through a stage.

        The state stores each block that is complete, also after an error. `look` is
        called every 0.05 s.
        """

        def look_if_due() -> None:
            if perf_counter() - self._looked > _LOOK_SECONDS:
                look()
                self._looked = perf_counter()

        if layout != self._layout:
            self._change_layout(layout, stage, nets)
        size = layout.n_nets
        groups = iter(np.split(nets, range(size, len(nets), size)))
        workers = self.workers
        # Without other threads, this one looks between two chunks.
        own_look = None if workers.n_threads else look_if_due
        try:
            while True:
                # One more than there are threads, so that none waits for its next.
                while len(self._running) <= workers.n_threads:
                    group = next(groups, None)
                    if group is None:
                        break
                    self._submit(group, stage, own_look)
                if not self._running:
                    return
                self._absorb_next()
                look_if_due()
        except BaseException:
            if self._running:
                self._stop.set()
            while self._running and workers.alive:
                with suppress(Exception):
                    self._absorb_next()
            raise

    def _submit(
        self, group: Array, stage: Stage, look: Callable[[], None] | None
    ) -> None:
        block = self._idle.pop() if self._idle else self._new_block()
        job = _Job(self._state.nets(group), stage, block, self._stop, look)
        self._running.add(job)
        self.workers.submit(job)

    def _absorb_next(self) -> None:
        """Store the next block that has ended, if one ends soon; raise its error."""
        try:
            outcome = self.workers.ended.get(timeout=_LOOK_SECONDS)
        except Empty:
            return
        job = outcome.task
        assert isinstance(job, _Job)
        self._running.remove(job)
        if outcome.error is not None:
            raise outcome.error
        self._ended_updates += job.updates
        self._idle.append(job.block)
        if outcome.result is None:  # `stop` is set
            raise CancelledError
        self._state.absorb(outcome.result)

    def _change_layout(self, layout: BlockLayout, stage: Stage, ids: Array) -> None:
        self._layout, self._idle = layout, []
        if self._workers is not None:
            return
        if self._n_threads:
            block = self._new_block()
            # Compile in this thread, which signals can stop, before others start.
            _compile(block, stage, self._state.nets(ids[:1]))
            self._idle.append(block)
        self._workers = Workers(self._n_threads)

    def _new_block(self) -> NetBlock:
        assert self._layout is not None
        state = self._state
        return NetBlock(state.config, state.theta, self._layout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._workers is not None:
            self._workers.close()


def train_one_by_one(state: SweepState, fit: FitAlone) -> None:
    """Train nets that the compiled loops cannot train, one after the other.

    fit(i, theta, stop) trains net i from theta until stop(state) is True after an
    epoch, and returns its parameters, its history, and whether it diverged.
    After an error, the state holds the nets that are complete.
    """
    config, recording, n_nets = state.config, state.recording, len(state.theta)
    epochs, stop_below = recording.epochs, recording.stop_below
    stop = None
    if stop_below is not None:
        stop = partial(_is_below, bound=stop_below, recording=recording)
    state.begin_stage(config.epochs)
    with ProgressBar(config.progress, n_nets * config.updates, 1.0, "updates") as bar:
        for i in range(n_nets):
            nets, stopped = state.nets(np.array([i])), 0
            theta, history, diverged = fit(i, nets.theta[0], stop)
            done = history.epochs
            if stop_below is None and state.monitor.stopping is None:
                pass
            elif not diverged:
                stopped = done if done < config.epochs else 0
            elif state.monitor.stopping is None:  # seen where a loss is recorded
                stopped = int(epochs[np.searchsorted(epochs, done + 1)])
            else:
                stopped = done + 1
            measured = [getattr(history, name) for name in CURVES[: len(state.last)]]
            curves = np.full((len(measured), config.epochs, 1), np.nan)
            curves[:, :done, 0] = measured
            best, best_epoch = nets.best.copy(), history.best_epoch
            if best_epoch is not None:
                best[BEST_EPOCH] = best_epoch
                best[BEST_VAL, 0] = (
                    history.val_loss[best_epoch],
                    history.val_accuracy[best_epoch],
                )
            result = StageResult(
                nets._replace(theta=theta[np.newaxis], best=best),
                curves[:, epochs - 1],
                curves[:, (stopped or config.epochs) - 1],
                np.array([stopped]),
            )
            state.absorb(result)
            note = f"{i + 1:,}/{n_nets:,} nets"
            bar.update((i + 1) * config.updates, note)
    state.end_stage()


def _is_below(state: EpochState, bound: float, recording: LossRecording) -> bool:
    """Return True after a recorded epoch whose loss is below the bound."""
    recorded = state.epoch % recording.every == 0 or state.epoch + 1 == state.epochs
    return recorded and state.loss < bound
