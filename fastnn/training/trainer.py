"""Training in chunks: between two of them Python looks at Ctrl-C, the progress bar and divergence.

Nothing of that changes the numbers: the next chunk goes on where the last one ended, with the same bits.
"""

import time
from functools import cached_property
from typing import Protocol

import numpy as np

from .. import kernels
from ..data.arrays import Array
from .errors import DivergenceError
from .history import History
from .progress import ProgressBar
from .recording import recording
from .state import Advance, FitConfig, Snapshot, State

_CHUNK_SECONDS = 0.03
_FIRST_CHUNK = 50_000  # parameters visited, which takes far less than a chunk's time
_ORDERS = 2**16  # row numbers drawn ahead


class Engine(Protocol):
    """What runs a net: `fused.Fused` or `layerwise.Layerwise`."""

    def describe(self) -> str:
        """How it will be run, in words."""

    def n_rows(self, n: int) -> int:
        """The number of rows that come out where n go in."""

    def outputs(self, X: Array) -> Array:
        """The plain output z (n, n_out)."""

    def shares(self, X: Array, n_classes: int) -> Array:
        """The probabilities (n, n_classes)."""

    def loss_and_gradient(self, X: Array, y: Array, mean: bool) -> tuple[float, Array]:
        """The summed loss, and the flat gradient of the mean or summed loss."""

    def start(self, job: FitConfig, state: State) -> Advance:
        """What trains the job on, chunk by chunk."""


class ChunkSizer:
    """How many samples make a chunk: few at first, then as many as take `_CHUNK_SECONDS`."""

    def __init__(self, n_params: int) -> None:
        self.samples = max(1, _FIRST_CHUNK // n_params)

    def learn(self, samples: int, seconds: float) -> None:
        """Take in that so many samples took so long."""
        fitting = int(samples * _CHUNK_SECONDS / max(seconds, 1e-6))
        self.samples = min(max(fitting, 1), 4 * self.samples)


class EpochOrders:
    """The order of the rows in each epoch, drawn a block of epochs at a time from one generator.

    With shuffle, epoch after epoch takes `rng.permutation(n)` from `rng = numpy.random.default_rng(seed)`.
    """

    def __init__(self, job: FitConfig, ahead: int | None = None) -> None:
        self._n, self._epochs, self._ahead = len(job.X), job.epochs, ahead or _ORDERS
        self._rng = np.random.default_rng(job.seed) if job.shuffle else None
        self.block = np.arange(self._n)[np.newaxis]
        self.first, self.last = 0, 0 if job.shuffle else job.epochs

    def reach(self, epoch: int) -> None:
        """Make `block` hold the order of this epoch, the first one after the last block at most."""
        if epoch < self.last or self._rng is None:
            return
        count = min(self._epochs - epoch, max(1, self._ahead // self._n))
        self.block = np.stack([self._rng.permutation(self._n) for _ in range(count)])
        self.first, self.last = epoch, epoch + count

    def since(self, epoch: int) -> Array:
        """The orders of the block from this epoch on."""
        return self.block if self._rng is None else self.block[epoch - self.first :]


class Trainer:
    """One fit under way; `history` tells how far it has come, also after an interruption."""

    def __init__(
        self, engine: Engine, job: FitConfig, theta: Array, counts_hits: bool
    ) -> None:
        self._job, self._counts_hits = job, counts_hits
        self._state, self._orders = State(theta, job), EpochOrders(job)
        self._train = engine.start(job, self._state)
        self._started = time.perf_counter()

    def run(self, progress: bool | None) -> None:
        """Make all updates. Whatever stops it, parameters and sums are those after the last chunk that went well."""
        job, state, pace = self._job, self._state, ChunkSizer(self._state.theta.size)
        kept = state.keep()
        try:
            with ProgressBar(
                progress, job.updates, len(job.X) / job.per_epoch, "samples"
            ) as bar:
                while state.done < job.updates:
                    self._orders.reach(state.epoch)
                    before, started = self._visited(), time.perf_counter()
                    status = self._advance(
                        self._orders.last * job.per_epoch, pace.samples
                    )
                    if status != kernels.codes.DONE or not state.finite():
                        kept, row = self._before_divergence(kept)
                        state.put_back(
                            kept
                        )  # here already, so that one Ctrl-C in the handler below does no harm
                        raise DivergenceError(kept.epoch + 1, row, job.lr)
                    kept = state.keep()
                    pace.learn(self._visited() - before, time.perf_counter() - started)
                    bar.update(
                        state.done + state.samples / job.batch_size, *self._progress()
                    )
        except BaseException:
            restore(state, kept)
            raise

    @cached_property
    def history(self) -> History:
        """The completed epochs, once the training has ended."""
        epochs, n = self._state.epoch, len(self._job.y)
        accuracy = (
            self._state.n_right[:epochs] / n
            if self._counts_hits
            else np.full(epochs, np.nan)
        )
        seconds = time.perf_counter() - self._started
        kept = recording(self._job, self._state, self._counts_hits)
        return History(
            self._state.loss_sums[:epochs] / n,
            accuracy,
            self._state.done,
            seconds,
            kept,
        )

    def _advance(self, end: int, budget: int) -> int:
        return self._train(self._orders.block, self._orders.first, end, budget)

    def _visited(self) -> int:
        """About how many samples have been through the net."""
        return self._state.done * self._job.batch_size + self._state.samples

    def _progress(self) -> tuple[str, str]:
        """The epoch under way, and the loss of the last completed one."""
        epoch, epochs = self._state.epoch, self._job.epochs
        note = (
            f"loss {self._state.loss_sums[epoch - 1] / len(self._job.y):.5g}"
            if epoch
            else ""
        )
        return f"epoch {min(epoch + 1, epochs)}/{epochs}", note

    def _before_divergence(self, kept: Snapshot) -> tuple[Snapshot, int]:
        """The state before the update that broke the net, and the row of X at which it happened.

        Where a loss was not finite, the loop stopped before its update. Where a parameter is not, the chunk is run
        again in halves, which does the same again, until the first such update is found.
        """
        job, state = self._job, self._state
        if state.finite():
            return state.keep(), int(state.position[kernels.codes.ROW])
        good, bad = int(kept.small[-1][kernels.codes.UPDATES]), state.done
        while bad - good > 1:
            middle = (good + bad) // 2
            state.put_back(kept)
            status = self._advance(middle, len(job.X) * job.epochs)
            if not state.finite():
                bad = middle
            elif status == kernels.codes.DONE:
                good, kept = middle, state.keep()
            else:  # the loss of the next update is what was not finite first
                return state.keep(), int(state.position[kernels.codes.ROW])
        epoch, batch = divmod(good, job.per_epoch)
        order = self._orders.block[
            (epoch - self._orders.first) % len(self._orders.block)
        ]
        return kept, int(order[batch * job.batch_size])


def restore(state: State, kept: Snapshot) -> None:
    """Return to what was kept, however often Ctrl-C is pressed meanwhile."""
    while True:
        try:
            return state.put_back(kept)
        except KeyboardInterrupt:
            continue
