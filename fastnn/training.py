"""Training in chunks: between two of them Python looks at Ctrl-C, the progress bar and divergence.

Nothing of that changes the numbers: a chunk ends between two updates, and the next one goes on with the same bits.
"""

import math
import time
from functools import cached_property
from typing import Protocol

import numpy as np

from . import kernels
from .arrays import Array
from .errors import DivergenceError
from .history import History
from .job import Job, Kept, State
from .progress import Bar

_CHUNK_SECONDS = 0.03
_FIRST_CHUNK = 50_000  # parameters visited, which takes far less than a chunk's time
_ORDERS = 2**16  # row numbers drawn ahead


class Engine(Protocol):
    """What runs a net: `fused.Fused` or `layerwise.Layerwise`."""

    def advance(self, job: Job, state: State, order: Array, first_epoch: int, end: int, budget: int) -> int:
        """Train up to the update `end` or for `budget` samples; the answer is one of the kernels' codes."""


class Pace:
    """How many samples make a chunk: few at first, then as many as take `_CHUNK_SECONDS`."""

    def __init__(self, n_params: int) -> None:
        self.samples = max(1, _FIRST_CHUNK // n_params)

    def learn(self, samples: int, seconds: float) -> None:
        """Take in that so many samples took so long."""
        fitting = int(samples * _CHUNK_SECONDS / max(seconds, 1e-6))
        self.samples = min(max(fitting, 1), 4 * self.samples)


class Orders:
    """The order of the rows in each epoch, drawn a block of epochs at a time from one generator.

    With shuffle, epoch after epoch takes `rng.permutation(n)` from `rng = numpy.random.default_rng(seed)`.
    """

    def __init__(self, job: Job) -> None:
        self._n, self._epochs = len(job.X), job.epochs
        self._rng = np.random.default_rng(job.seed) if job.shuffle else None
        self.block = np.arange(self._n)[np.newaxis]
        self.first, self.last = 0, 0 if job.shuffle else job.epochs

    def reach(self, epoch: int) -> None:
        """Make `block` hold the order of this epoch, the first one after the last block at most."""
        if epoch < self.last or self._rng is None:
            return
        count = min(self._epochs - epoch, max(1, _ORDERS // self._n))
        self.block = np.stack([self._rng.permutation(self._n) for _ in range(count)])
        self.first, self.last = epoch, epoch + count


class Training:
    """One fit under way; `history` tells how far it has come, also after an interruption."""

    def __init__(self, engine: Engine, job: Job, theta: Array, counts_hits: bool) -> None:
        self._engine, self._job, self._counts_hits = engine, job, counts_hits
        self._state = State(theta, job.optimizer, job.epochs)
        self._started = time.perf_counter()

    def run(self, progress: bool | None) -> None:
        """Make all updates. Whatever stops it, the parameters are those after the last whole update."""
        job, state = self._job, self._state
        pace, orders = Pace(state.theta.size), Orders(job)
        with Bar(progress, job.epochs, job.updates, len(job.X)) as bar:
            while state.done < job.updates:
                orders.reach(state.done // job.per_epoch)
                kept, before = state.keep(job.per_epoch), self._visited()
                started = time.perf_counter()
                status = self._advance(orders, orders.last * job.per_epoch, pace.samples)
                if status != kernels.codes.DONE or not state.finite():
                    raise self._diverged(kept, orders)
                pace.learn(self._visited() - before, time.perf_counter() - started)
                bar.update(state.done + state.samples / job.batch_size, self._last_loss())

    @cached_property
    def history(self) -> History:
        """The completed epochs, once the training has ended."""
        epochs = self._state.done // self._job.per_epoch
        n = self._n_losses()
        accuracy = self._state.n_right[:epochs] / n if self._counts_hits else np.full(epochs, np.nan)
        seconds = time.perf_counter() - self._started
        return History(self._state.loss_sums[:epochs] / n, accuracy, self._state.done, seconds)

    def _advance(self, orders: Orders, end: int, budget: int) -> int:
        return self._engine.advance(self._job, self._state, orders.block, orders.first, end, budget)

    def _visited(self) -> int:
        """About how many samples have been through the net."""
        return self._state.done * self._job.batch_size + self._state.samples

    def _n_losses(self) -> int:
        return len(self._job.y)

    def _last_loss(self) -> float:
        epoch = self._state.done // self._job.per_epoch - 1
        return float(self._state.loss_sums[epoch] / self._n_losses()) if epoch >= 0 else math.nan

    def _diverged(self, kept: Kept, orders: Orders) -> DivergenceError:
        """Go back to the last update that left finite parameters: the chunk, run again, does the same again."""
        job, state = self._job, self._state
        bad_row = int(state.position[kernels.codes.ROW]) if state.finite() else None
        good, bad = kept.done, state.done
        if bad_row is None:
            while bad - good > 1:  # parameters are finite after `good` updates and no longer so after `bad`
                middle = (good + bad) // 2
                state.put_back(kept)
                self._advance(orders, middle, len(job.X) * job.epochs)
                if state.finite():
                    good, kept = middle, state.keep(job.per_epoch)
                else:
                    bad = middle
            state.put_back(kept)
        epoch, batch = divmod(state.done, job.per_epoch)
        if bad_row is None:
            bad_row = int(orders.block[(epoch - orders.first) % len(orders.block)][batch * job.batch_size])
        return DivergenceError(epoch + 1, bad_row, job.optimizer.lr, self.history)
