"""Distribution of a sweep: in parts, which workers train and a store keeps.

A part is some of the nets from the beginning of a stage to its end. There is one stage,
or one for each window of epochs where percentiles are recorded, as those need the
losses of all nets. Which nets make a part, and who trains it when, changes no bit.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    wait,
)
from contextlib import closing, suppress
from time import perf_counter

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..training.orders import OrderGenerator
from ..training.progress import ProgressBar
from .blocks import choose_layout
from .executors import Workers
from .parts import Part, PartResult, Work
from .plan import InitialParameters
from .state import SweepState
from .store import Store

# Seconds that a part should take, and between two looks at the progress.
_PART_SECONDS, _LOOK_SECONDS = 1.0, 0.05
# Share of the time for looks at the parts of other processes.
_SCAN_SHARE = 0.02
# How often a part is submitted again because the work was not there.
_MAX_AGAIN = 5
# How many parts an error names.
_MAX_NAMES = 5
# With a store, a part is at most this share of what is left, for each slot, unless
# that is less than a block, or a quarter of `_PART_SECONDS`.
_STORE_SHARES = 4


def train_in_parts(
    state: SweepState,
    work: Work,
    initial: InitialParameters,
    workers: Workers,
    store: Store | None,
) -> None:
    """Train all nets of a sweep in parts.

    After an error, the state and the store hold the parts that are finished.
    """
    config, n_nets = state.config, len(state.theta)
    distributor = Distributor(state, work, initial, workers, store)

    def look() -> None:
        n_finished, updates_saved = state.progress()
        made = distributor.updates
        found = int(state.trained.sum()) * config.per_epoch - made
        bar.update(made, f"{n_finished:,}/{n_nets:,} nets", saved=updates_saved + found)

    with (
        closing(workers),
        ProgressBar(config.progress, n_nets * config.updates, 1.0, "updates") as bar,
    ):
        if store is not None:
            store.restore_snapshot()
        while (first := state.epochs_done) < state.end and len(state.active()):
            state.begin_stage(config.epochs)
            distributor.run_stage(look)
            if state.epochs_done > first:  # another process was faster
                continue
            state.end_stage()
            if store is not None and state.recording.only_percentiles:
                store.write_snapshot()
        look()


class PartSize:
    """Number of nets in a part: few at first, then what takes `_PART_SECONDS`.

    They fill whole blocks, as large as those of a sweep that threads share: in small
    blocks a net takes up to twice as long.
    """

    def __init__(self, state: SweepState, table: Array | None) -> None:
        self._state, self._table = state, table
        self._few = self._nets = self._block(1, 1)

    def adapt(self, n_nets: int, seconds: float) -> None:
        """Adapt to a part of that many nets, which took that many seconds."""
        fitting = int(n_nets * _PART_SECONDS / max(seconds, 1e-6))
        self._nets = min(fitting, max(4 * n_nets, self._nets))

    def next(self, n_left: int, n_slots: int, n_shares: int) -> int:
        """Return the number of nets in the next part, one of the shares of all left.

        n_slots: the number of parts under way, two for each thread.
        """
        block = self._block(n_left, max(n_slots // 2, 1))
        nets = min(self._nets, max(-(-n_left // n_shares), block, self._nets // 4))
        return max(self.whole(nets, block), self._few)

    def whole(self, n_nets: int, block: int | None = None) -> int:
        """Return the largest number of at most n_nets that fills whole blocks."""
        block = self._block(n_nets, 1) if block is None else block
        block = block if n_nets >= block else self._few
        return n_nets // block * block

    def _block(self, n_nets: int, n_threads: int) -> int:
        state, table = self._state, self._table
        if table is None:
            return 1
        return choose_layout(state.config, table, state.theta, n_nets, n_threads).n_nets


class Distributor:
    """Distributes the nets of one stage after the other, and collects them."""

    def __init__(
        self,
        state: SweepState,
        work: Work,
        initial: InitialParameters,
        workers: Workers,
        store: Store | None,
    ) -> None:
        self._state, self._initial = state, initial
        self._workers, self._store = workers, store
        self._size = PartSize(state, work.table)
        self._generator = OrderGenerator(state.config)
        self._rng: np.random.Generator | None = None
        self._active = state.active()
        self._waiting: list[tuple[int, int]] = []  # ranges of positions in `_active`
        self._position = 0
        self._running: dict[Future[PartResult | None], tuple[Part, int]] = {}
        self._next_scan = -np.inf
        self.updates = 0  # made in this call

    def run_stage(self, look: Callable[[], None]) -> None:
        """Train all active nets to the end of the stage that the state has begun.

        It ends early where another process has finished the stage: the state then is at
        the beginning of a later one.
        """
        state = self._state
        first = state.epochs_done
        self._rng = self._generator.before(first) if first else None
        self._active = state.active()
        self._waiting = [(0, len(self._active))]
        self._position, self._next_scan = 0, -np.inf
        if self._store is not None:
            # Processes that share a store begin with different nets.
            self._position = secrets.randbelow(len(self._active))
        try:
            while self._look_into_store() and (self._waiting or self._running):
                n_slots = self._workers.n_slots
                while self._waiting and len(self._running) < n_slots:
                    self._submit(self._next_part(n_slots))
                ended, _ = wait(self._running, _LOOK_SECONDS, FIRST_COMPLETED)
                for future in ended:
                    self._collect(future)
                look()
        finally:
            self._cancel()

    def _look_into_store(self) -> bool:
        """Absorb what other processes have stored; False if they finished the stage."""
        store, now = self._store, perf_counter()
        if store is None or now < self._next_scan:
            return True
        if store.restore_snapshot():
            return False
        for result in store.new_results(self._active):
            self._state.absorb(result)
            ends = np.searchsorted(self._active, result.nets.ids[[0, -1]])
            self._take(int(ends[0]), int(ends[1]) + 1)
        seconds = perf_counter() - now
        self._next_scan = now + seconds / _SCAN_SHARE
        return True

    def _next_part(self, n_slots: int) -> Part:
        n_left = sum(stop - start for start, stop in self._waiting)
        # Others may be at work on the store: a part must not be all that is left.
        n_shares = n_slots if self._store is None else _STORE_SHARES * n_slots
        nets = self._size.next(n_left, n_slots, n_shares)
        start, stop = self._place(n_left)
        stop = min(start + nets, stop)
        self._take(start, stop)
        self._position = stop
        state, ids = self._state, self._active[start:stop]
        part = Part(state.nets(ids), (), state.epochs_done, state.stage_end, self._rng)
        return part if part.first else part.at_first(self._initial.some(ids))

    def _place(self, n_left: int) -> tuple[int, int]:
        """Return where the next part begins, and where it must end.

        It follows the last part, unless the nets there are taken. Then another process
        may be at work behind them, so chance decides.
        """
        for start, stop in self._waiting:
            if start <= self._position < stop:
                return self._position, stop
        chosen = secrets.randbelow(n_left)
        for start, stop in self._waiting:
            if chosen < stop - start:
                return start + self._size.whole(chosen), stop
            chosen -= stop - start
        raise AssertionError("chosen is one of the nets that are left")

    def _take(self, start: int, stop: int) -> None:
        """Take nets from those that wait, as far as they do."""
        rest = [
            ends
            for low, high in self._waiting
            for ends in ((low, min(high, start)), (max(low, stop), high))
        ]
        self._waiting = sorted({(low, high) for low, high in rest if low < high})

    def _submit(self, part: Part, again: int = 0) -> None:
        try:
            future = self._workers.submit(part, again > 0)
        except BrokenExecutor as error:
            raise self._broken(error) from error
        self._running[future] = part, again

    def _collect(self, future: Future[PartResult | None]) -> None:
        part, again = self._running[future]
        try:
            done = future.result()
        except BrokenExecutor as error:
            raise self._broken(error) from error
        except CancelledError:  # a Dask cluster has lost the work
            done = None
        except Exception as error:
            kind = type(error).__name__
            raise RuntimeError(
                f"{part.name} could not be trained by {self._workers.name}: {kind}: "
                f"{error}"
            ) from error
        if done is not None:
            self._keep(future, part, done)
            self._size.adapt(len(part.nets.ids), done.seconds)
            return
        del self._running[future]
        if again == _MAX_AGAIN:
            raise RuntimeError(
                f"{part.name} could not be trained by {self._workers.name}: it lost "
                f"the data, or cancelled the task, {_MAX_AGAIN} times"
            )
        self._submit(part, again + 1)

    def _keep(
        self, future: Future[PartResult | None], part: Part, done: PartResult
    ) -> None:
        with kernels.interrupts.deferred:
            del self._running[future]
            self._state.absorb(done.result)
            if self._store is not None:
                self._store.write(part, done.result)
        epochs = np.where(done.result.stopped, done.result.stopped, part.last)
        made = int(epochs.sum()) - part.first * len(epochs)
        self.updates += made * self._state.config.per_epoch

    def _cancel(self) -> None:
        """Cancel the parts that wait, and keep those that are finished."""
        for future, (part, _) in list(self._running.items()):
            if future.cancel() or not future.done() or future.exception() is not None:
                continue
            if (done := future.result()) is not None:
                with suppress(OSError):
                    self._keep(future, part, done)
        self._running.clear()

    def _broken(self, error: BrokenExecutor) -> BrokenExecutor:
        """Return an error of the same kind that says what to do."""
        parts = sorted((part.start, part.name) for part, _ in self._running.values())
        names = [name for _, name in parts]
        if len(names) > _MAX_NAMES:
            names[_MAX_NAMES:] = [f"and {len(names) - _MAX_NAMES:,} other parts"]
        broke = f"broke while it trained {', '.join(names)}" if names else "is broken"
        finished = f"{self._state.progress()[0]:,} nets are"
        if self._store is not None:
            then = f"{finished} in the store: call again with a new executor to go on"
        elif self._state.has_results:
            then = (
                f"{finished} finished, and net.runs has them: call again with a new "
                "executor, and with store= to go on where it was"
            )
        else:
            then = "Call again with a new executor"
        return type(error)(
            f"{self._workers.name} {broke}: one of its processes ended, as it does "
            f"when it is killed or finds no memory. {then}"
        )
