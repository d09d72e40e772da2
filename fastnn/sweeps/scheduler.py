"""Scheduling of a sweep: in stages, and in each stage in blocks that threads train.

A net's bits depend on nothing but its own arguments: all nets see the samples in the
same order, and none knows of the others. Most sweeps have one stage. There are more
where nets may stop, so that the active ones fill the lanes again; where percentiles of
all nets are recorded; and where the orders of the rows, which all blocks share, take
much memory.
"""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from time import perf_counter
from types import TracebackType
from typing import Self

import numpy as np

from ..data.arrays import Array
from ..data.machine import check_memory
from ..training.engines.threads import thread_count
from ..training.history import History
from ..training.orders import EpochOrders
from ..training.progress import ProgressBar
from .blocks import BlockLayout, NetBlock, Stage, choose_layout, train_block
from .state import StageResult, SweepState

FitAlone = Callable[[int, Array, Array | None], tuple[Array, History]]
# Minimum number of stages, where nets may stop.
_MIN_STAGES = 32
# Number of row indices to draw in advance.
AHEAD = 2**20
# Seconds between two looks at the progress.
_LOOK_SECONDS = 0.05


def train_side_by_side(
    state: SweepState, table: Array, orders: EpochOrders | None = None
) -> None:
    """Train all nets of this layer table, in blocks that threads share.

    orders: those of the state's next epochs, unless that is the first one. After an
    error, the state holds the nets that completed the stage.
    """
    config, n_nets = state.config, len(state.theta)
    n_threads = thread_count(config.n_jobs)
    stages = _MIN_STAGES if state.recording.stop_below else 1
    max_epochs = -(-config.epochs // stages)
    orders = orders or EpochOrders(config, AHEAD)

    def look() -> None:
        n_finished, updates_saved = state.progress()
        note = f"{n_finished:,}/{n_nets:,} nets"
        bar.update(workers.updates, note, saved=updates_saved)

    with (
        ProgressBar(config.progress, n_nets * config.updates, 1.0, "updates") as bar,
        _Workers(state, n_threads) as workers,
    ):
        while (first := state.epochs_done) < state.end:
            active = state.active()
            if not len(active):
                break
            if first >= orders.last:
                orders.reach(first)
            last, n_recorded = state.begin_stage(min(max_epochs, orders.last - first))
            stage = Stage(
                config=config,
                recording=state.recording,
                table=table,
                loss=state.loss.code,
                orders=orders.since(first),
                first=first,
                last=last,
                n_recorded=n_recorded,
            )
            layout = choose_layout(config, table, state.theta, len(active), n_threads)
            workers.run(stage, layout, active, look)
            state.end_stage(workers.map)
            look()


class _Job:
    """A running block: its memory, and the updates made."""

    def __init__(self, block: NetBlock, stop: Event) -> None:
        self.block, self.updates, self._stop = block, 0, stop

    def report(self, updates: int) -> bool:
        """Take note of updates; return False if the block should stop."""
        self.updates += updates
        return not self._stop.is_set()


class _Workers:
    """Threads that train blocks of nets, and the memory of the blocks."""

    def __init__(self, state: SweepState, n_threads: int) -> None:
        self._state, self._n_threads = state, n_threads
        self._pool, self._stop = ThreadPoolExecutor(n_threads), Event()
        self._layout: BlockLayout | None = None
        self._idle: list[NetBlock] = []
        self._running: dict[Future[StageResult | None], _Job] = {}
        self._ended_updates = 0
        self.map = self._pool.map

    @property
    def updates(self) -> int:
        """The updates made so far, of all nets together."""
        running = sum(job.updates for job in self._running.values())
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
        if layout != self._layout:
            self._change_layout(layout, stage)
        size = layout.n_nets
        groups = iter(np.split(nets, range(size, len(nets), size)))
        looked = perf_counter()
        try:
            while True:
                # One more than there are threads, so that none waits for its next.
                while len(self._running) <= self._n_threads:
                    group = next(groups, None)
                    if group is None:
                        break
                    self._submit(group, stage)
                if not self._running:
                    return
                ended, _ = wait(self._running, _LOOK_SECONDS, FIRST_COMPLETED)
                for future in ended:
                    self._absorb(future)
                if perf_counter() - looked > _LOOK_SECONDS:
                    look()
                    looked = perf_counter()
        except BaseException:
            self._stop.set()
            for future in list(self._running):
                if not future.cancel() and future.exception() is None:
                    self._absorb(future)
            raise

    def _submit(self, group: Array, stage: Stage) -> None:
        job = _Job(self._idle.pop() if self._idle else self._new_block(), self._stop)
        nets = self._state.nets(group)
        future = self._pool.submit(train_block, nets, stage, job.block, job.report)
        self._running[future] = job

    def _absorb(self, future: Future[StageResult | None]) -> None:
        job, result = self._running[future], future.result()
        if result is not None:
            self._state.absorb(result)
        # Last: if Ctrl-C interrupts `absorb`, the handler repeats it.
        del self._running[future]
        self._ended_updates += job.updates
        self._idle.append(job.block)

    def _change_layout(self, layout: BlockLayout, stage: Stage) -> None:
        compile_first, self._layout, self._idle = self._layout is None, layout, []
        if compile_first:
            block = self._new_block()
            # Here, in the main thread, Ctrl-C is heard while the loop is compiled.
            block.advance(stage, 0, 0)
            self._idle.append(block)

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
        if error is not None:
            self._stop.set()
        self._pool.shutdown(cancel_futures=error is not None)


def train_one_by_one(state: SweepState, fit: FitAlone) -> None:
    """Train nets that the compiled loops cannot train, one after the other.

    fit(i, theta, record) trains net i from theta with all epochs, and returns its
    parameters, not finite where it diverged, and its history. A net that met stop_below
    is then set back to the record of that epoch. After an error, the state holds the
    nets that are complete.
    """
    config, recording, n_nets = state.config, state.recording, len(state.theta)
    epochs, stop_below = recording.epochs, recording.stop_below
    record = None
    if stop_below is not None:
        record = epochs * config.per_epoch
        check_memory(
            recording.n * state.theta[0].nbytes,
            f"stop_below= records a net's parameters in {recording.n:,} epochs",
            "pass a larger every=",
        )
    state.begin_stage(config.epochs)
    with ProgressBar(config.progress, n_nets * config.updates, 1.0, "updates") as bar:
        for i in range(n_nets):
            nets, stopped = state.nets(np.array([i])), 0
            theta, history = fit(i, nets.theta[0], record)
            curves = np.full((2, config.epochs), np.nan)
            curves[:, : history.epochs] = history.loss, history.accuracy
            loss, accuracy = curves[:, epochs - 1]
            if stop_below is not None:
                met = np.flatnonzero(~((loss >= stop_below) & (loss < np.inf)))
                if len(met):
                    stopped = epochs[met[0]]
                    theta = np.full_like(theta, np.nan)
                    if loss[met[0]] < stop_below:
                        assert history.recording is not None
                        theta = history.recording.theta[met[0]]
            result = StageResult(
                nets._replace(theta=theta[np.newaxis]),
                loss[:, np.newaxis],
                accuracy[:, np.newaxis],
                np.array([stopped]),
            )
            state.absorb(result)
            note = f"{i + 1:,}/{n_nets:,} nets"
            bar.update((i + 1) * config.updates, note)
    state.end_stage()
