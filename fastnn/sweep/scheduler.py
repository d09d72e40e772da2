"""Scheduling of a sweep: in stages, and in each stage in blocks that threads train.

A net's bits depend on nothing but its own arguments: all nets see the samples in the same
order, and none knows of the others. Most sweeps have one stage. There are more where nets
may stop, so that the active ones fill the lanes again; where percentiles of all nets are
recorded; and where the orders of the rows, which all blocks share, take much memory.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event

import numpy as np

from ..data.arrays import Array
from ..training.chunks import EpochOrders
from ..training.engines.threads import thread_count
from ..training.history import History
from ..training.progress import ProgressBar
from .blocks import BlockLayout, NetBlock, Stage, choose_layout, train_block
from .state import Nets, StageResult, SweepState

# Stages at least, where nets may stop.
_MIN_STAGES = 32
# Row numbers drawn ahead.
_AHEAD = 2**20
# Seconds between two looks at the progress.
_LOOK_SECONDS = 0.05


def train_side_by_side(state: SweepState, table: Array) -> None:
    """Train all nets of this layer table, in blocks that threads share.

    Whatever stops it, the state has the nets that came through a stage.
    """
    config, n_nets = state.config, len(state.theta)
    n_threads = thread_count(config.n_jobs)
    stages = _MIN_STAGES if state.recording.stop_below else 1
    max_epochs = -(-config.epochs // stages)
    orders = EpochOrders(config, _AHEAD)
    blocks = _Blocks(state, table)
    updates_before = 0

    def show(updates: int) -> None:
        note = f"{state.n_finished():,}/{n_nets:,} nets"
        bar.update(updates_before + updates, note, saved=state.updates_saved())

    with (
        ProgressBar(config.progress, n_nets * config.updates, 1.0, "updates") as bar,
        _stoppable_threads(n_threads) as (pool, stop),
    ):
        while len(active := state.active()):
            orders.reach(state.epochs_done)
            until = min(max_epochs, orders.last - state.epochs_done)
            first, last = state.begin_stage(until)
            stage = Stage(
                config=config,
                recording=state.recording,
                table=table,
                loss=state.loss.code,
                orders=orders.since(first),
                first=first,
                last=last,
            )
            layout = choose_layout(config, table, state.theta, len(active), n_threads)
            blocks.use(layout, stage)
            groups = np.split(active, range(layout.n_nets, len(active), layout.n_nets))
            updates_before += _run_stage(
                pool, stop, state, stage, blocks, groups, n_threads, show
            )
            state.end_stage(last, pool.map)


class _Blocks:
    """Blocks of one layout, and which of them are idle."""

    def __init__(self, state: SweepState, table: Array) -> None:
        self._state, self._table = state, table
        self._idle: list[NetBlock] = []
        self._layout: BlockLayout | None = None

    def use(self, layout: BlockLayout, stage: Stage) -> None:
        """Change to this layout; the first call also has the loop compiled.

        It is called in the main thread, where Ctrl-C is heard during compilation.
        """
        if layout == self._layout:
            return
        compile_loop, self._layout, self._idle = self._layout is None, layout, []
        if compile_loop:
            block = self.take()
            block.advance(stage, 0, 0)
            self._idle.append(block)

    def take(self) -> NetBlock:
        """Return an idle block, or a new one."""
        if self._idle:
            return self._idle.pop()
        assert self._layout is not None
        state = self._state
        return NetBlock(state.config, self._table, state.theta, self._layout)

    def give_back(self, block: NetBlock) -> None:
        """Take back a block for others to use."""
        self._idle.append(block)


class _Job:
    """One block under way: its future result, its memory, and the updates made so far."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        stop: Event,
        nets: Nets,
        stage: Stage,
        block: NetBlock,
    ) -> None:
        self.block, self.updates, self._stop = block, 0, stop
        self.future: Future[StageResult | None] = pool.submit(
            train_block, nets, stage, block, self._report
        )

    def _report(self, updates: int) -> bool:
        self.updates += updates
        return not self._stop.is_set()


def _run_stage(
    pool: ThreadPoolExecutor,
    stop: Event,
    state: SweepState,
    stage: Stage,
    blocks: _Blocks,
    groups: list[Array],
    n_threads: int,
    show: Callable[[int], None],
) -> int:
    """Train groups of nets through a stage, and return the updates made.

    The state takes in each group that is complete, also after an error. `show` is called
    now and then with the updates made so far.
    """
    waiting, running, updates = (
        iter(groups),
        dict[Future[StageResult | None], _Job](),
        0,
    )

    def absorb(job: _Job) -> None:
        result = job.future.result()
        if result is not None:
            state.absorb(result, stage.first, stage.last)

    try:
        while True:
            # One more than there are threads, so that none has to wait for its next.
            while (
                len(running) <= n_threads and (group := next(waiting, None)) is not None
            ):
                job = _Job(pool, stop, state.nets(group), stage, blocks.take())
                running[job.future] = job
            if not running:
                return updates
            ended, _ = wait(running, _LOOK_SECONDS, FIRST_COMPLETED)
            for future in ended:
                job = running.pop(future)
                absorb(job)
                updates += job.updates
                blocks.give_back(job.block)
            show(updates + sum(job.updates for job in running.values()))
    except BaseException:
        stop.set()
        for future, job in running.items():
            if not future.cancel() and future.exception() is None:
                absorb(job)
        raise


@contextmanager
def _stoppable_threads(n_threads: int) -> Iterator[tuple[ThreadPoolExecutor, Event]]:
    """Threads, and an event that tells them to end soon; any exception sets it."""
    pool, stop = ThreadPoolExecutor(n_threads), Event()
    try:
        yield pool, stop
    except BaseException:
        stop.set()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def train_one_by_one(
    state: SweepState, fit: Callable[[int, Array, Array | None], tuple[Array, History]]
) -> None:
    """Train nets that no compiled loop knows, each as `fit` does it.

    fit(i, theta, record) trains net i from theta, and returns its parameters, not finite
    where it diverged, and its history. Whatever stops it, the state has the nets that
    are complete.
    """
    config, recording, n_nets = state.config, state.recording, len(state.theta)
    first, last = state.begin_stage(config.epochs)
    epochs, stop_below = recording.epochs, recording.stop_below or 0.0
    record = epochs * config.per_epoch if stop_below else None
    with ProgressBar(config.progress, n_nets * config.updates, 1.0, "updates") as bar:
        for i in range(n_nets):
            nets, stopped = state.nets(np.array([i])), 0
            theta, history = fit(i, nets.theta[0], record)
            if np.isfinite(theta).all():
                met = np.flatnonzero(history.loss[epochs - 1] < stop_below)
                if len(met):
                    assert history.recording is not None
                    theta, stopped = history.recording.theta[met[0]], epochs[met[0]]
            curves = np.full((2, config.epochs, 1), np.nan)
            curves[:, : history.epochs, 0] = history.loss, history.accuracy
            loss, accuracy = curves[:, epochs - 1]
            result = StageResult(
                nets._replace(theta=theta[np.newaxis]),
                loss,
                accuracy,
                np.array([stopped]),
            )
            state.absorb(result, first, last)
            note = f"{i + 1:,}/{n_nets:,} nets"
            bar.update((i + 1) * config.updates, note)
    state.end_stage(last)
