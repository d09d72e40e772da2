"""Training in chunks: between them Python handles Ctrl-C and checks for divergence.

Nothing that happens between chunks changes the numbers: the next chunk goes on where
the last one ended, with the same bits.
"""

from time import perf_counter
from typing import TYPE_CHECKING, Any

from .. import kernels
from ..data.arrays import Array, all_finite
from .callbacks import EpochCallback
from .chunks import ChunkSizer
from .config import FitConfig
from .continuation import Continuation
from .engines.engine import Engine
from .history import History, history_of
from .orders import EpochOrders
from .progress import ProgressBar
from .state import Snapshot, TrainingState

if TYPE_CHECKING:
    from .checkpoints import Checkpoint

_UPDATES, _SAMPLES, _ROW = (
    kernels.codes.UPDATES,
    kernels.codes.SAMPLES,
    kernels.codes.ROW,
)

# A number of samples that no training visits.
_ANY_BUDGET = 2**62


class DivergenceError(ArithmeticError):
    """Training stopped because a loss or a parameter was no longer finite.

    The net has the parameters from before the update that broke it, or those of the
    best epoch where early stopping restores them, and `net.history` the completed
    epochs. epoch counts from 1; sample is the row of X at which it happened: the
    batch's first row where no single one is to blame. best_epoch counts from 0, and is
    None where it was not restored.
    """

    def __init__(
        self, epoch: int, sample: int, lr: float, best_epoch: int | None = None
    ) -> None:
        self.epoch, self.sample, self.lr = epoch, sample, lr
        self.best_epoch = best_epoch
        remedy = (
            "The net keeps its last finite parameters, which may be very large: make a "
            "new net, or set net.theta, and try a smaller lr"
        )
        if best_epoch is not None:
            remedy = (
                "The net has the parameters of the best epoch by early_stopping, "
                f"number {best_epoch + 1}: try a smaller lr"
            )
        super().__init__(
            f"training diverged in epoch {epoch}, at sample {sample} (row of X), with "
            f"lr={lr:g}: the loss or a parameter was no longer finite. {remedy}"
        )

    def __reduce__(self) -> tuple[type, tuple[int, int, float, int | None]]:
        return type(self), (self.epoch, self.sample, self.lr, self.best_epoch)


class Trainer:
    """One fit; after `run`, also a failed one, `history` has the completed epochs.

    `kept` is what the net keeps from one fit to the next. moments_key is that of an
    optimizer whose moments it keeps, or None. ValueError if the checkpoint belongs to
    another call.
    """

    def __init__(
        self,
        engine: Engine,
        config: FitConfig,
        theta: Array,
        classifies: bool,
        kept: Continuation,
        moments_key: Any = None,
        callback: EpochCallback | None = None,
        checkpoint: "Checkpoint | None" = None,
    ) -> None:
        if kept.is_lent:
            kept.refuse_training()
        self._classifies = classifies
        self._callback = callback
        self._kept, self._moments_key = kept, moments_key
        moments = None if moments_key is None else kept.moments(moments_key)
        self._state = TrainingState(theta, config, moments)
        self._saved, first = None, 0
        if checkpoint is not None:
            self._saved = checkpoint.read(config, self._state, callback)
        if self._saved is not None:
            config, first = self._saved.config, self._saved.epoch
        self._config = config
        self._orders = EpochOrders(config, first=first)
        is_complete = self._saved is not None and self._saved.is_complete
        self._checkpoint = None if is_complete else checkpoint
        if not is_complete:
            self._train = engine.start(config, self._state)
        # What to return to: the last good update, and the last point from which another
        # fit goes on with the same bits.
        self._good = self._resumable = self._state.snapshot()
        self._has_begun = self._saved is None
        self._started = perf_counter()
        self.history: History | None = None

    def run(self) -> None:
        """Make all updates; if that fails, return to the last good snapshot.

        DivergenceError where a loss or parameter is not finite. What an update changes,
        and the history, always belong together.
        """
        try:
            if self._saved is not None:
                kernels.interrupts.to_the_end(self._resume)
            if self._checkpoint is not None:
                self._checkpoint.begin()
            self._make_updates()
            self._state.restore_best()
            self._conclude()
        except DivergenceError:
            kernels.interrupts.to_the_end(self._return_to_good)
            self._save_the_last()
            self._state.restore_best()
            raise
        except BaseException:
            if self._has_begun:
                self._good = self._resumable
                kernels.interrupts.to_the_end(self._return_to_good)
                self._save_the_last()
            raise
        finally:
            if self._state.workers is not None:
                with kernels.interrupts.deferred:
                    self._state.workers.close()
        if self._checkpoint is not None:
            try:
                self._checkpoint.write(self._orders, self._seconds)
            except OSError as error:
                error.add_note("The training is complete, and the net has its result.")
                raise

    def _resume(self) -> None:
        """Go on where the checkpoint stands."""
        assert self._saved is not None
        self._state.resume(self._saved.arrays)
        self._good = self._resumable = self._state.snapshot()
        self._started = perf_counter() - self._saved.seconds
        self._has_begun = True

    @property
    def _seconds(self) -> float:
        """What the training has taken, before the checkpoint and since."""
        if self.history is not None:
            return self.history.seconds
        if self._saved is not None and self._saved.is_complete:
            return self._saved.seconds
        return perf_counter() - self._started

    def _save_the_last(self) -> None:
        """Write the checkpoint of a training that has failed, or was interrupted."""
        if self._checkpoint is not None and self._checkpoint.is_own:
            self._checkpoint.write_or_warn(self._orders, self._seconds)

    def _make_updates(self) -> None:
        config, state, position = self._config, self._state, self._state.position
        per_epoch, batch_size = config.per_epoch, config.batch_size
        chunk, stopping = ChunkSizer(state.theta.size), config.early_stopping
        n_val = 0 if config.validation is None else len(config.validation.y)
        updates, samples = int(position[_UPDATES]), int(position[_SAMPLES])
        # Whoever was interrupted may not have dealt with the end of the epoch.
        if self._epoch_ended(updates, samples):
            return
        made_before = updates
        with ProgressBar(
            config.progress, config.updates, len(config.X) / per_epoch, "samples"
        ) as bar:
            while updates < config.updates:
                if stopping is not None and state.has_stopped:
                    break
                if updates >= self._orders.last * per_epoch:
                    self._orders.reach(updates // per_epoch)
                before, started = updates * batch_size + samples, perf_counter()
                epochs, end = updates // per_epoch, self._orders.last
                if self._callback is not None:
                    end = min(end, epochs + 1)
                status = self._advance(end * per_epoch, chunk.samples)
                if status != kernels.codes.DONE or not all_finite(state.theta):
                    self._good, row = self._before_divergence(self._good)
                    epoch, best = self._good.updates // per_epoch, state.restored_epoch
                    rates = config.schedule
                    lr = float(rates[epoch]) if rates.size else config.lr
                    raise DivergenceError(epoch + 1, row, lr, best)
                updates, samples = int(position[_UPDATES]), int(position[_SAMPLES])
                # Nothing returns to the end but what is interrupted in `on_epoch`.
                if updates < config.updates or self._callback is not None:
                    self._good = state.snapshot()
                    # A loop that carries numbers from one update to the next begins
                    # afresh only with an epoch.
                    if not state.carried.size or updates % per_epoch == 0:
                        self._resumable = self._good
                if updates < config.updates:
                    visited = updates * batch_size + samples - before
                    visited += (updates // per_epoch - epochs) * n_val
                    chunk.adapt(visited, perf_counter() - started)
                made = updates - made_before + samples / batch_size
                if bar.is_due(made + made_before):
                    bar.update(made, *self._progress(updates), made_before)
                if self._epoch_ended(updates, samples):
                    break
                if self._checkpoint is not None and updates < config.updates:
                    self._checkpoint.write_if_due(self._orders, self._seconds)

    def _epoch_ended(self, updates: int, samples: int) -> bool:
        """Call `on_epoch` at the end of an epoch; return True to end here."""
        if self._callback is None or samples or updates % self._config.per_epoch:
            return False
        epoch, kept = updates // self._config.per_epoch - 1, self._kept
        try:
            # A learner looks for it where the version has changed.
            kept.is_lent, kept.version = True, kept.version + 1
            return self._callback.epoch_ended(self._state, epoch)
        finally:
            kept.is_lent = False

    def _return_to_good(self) -> None:
        """Return to the last good snapshot; it can be repeated."""
        self._state.restore(self._good)
        self._conclude()

    def _conclude(self) -> None:
        """Put the history together, and keep what the next fit goes on with."""
        config, state, kept = self._config, self._state, self._kept
        history = history_of(config, state, self._classifies, self._seconds)
        if self._moments_key is not None and len(state.moments):
            kept.keep_moments(self._moments_key, state.moments, state.clock)
        if config.shuffle:
            # An epoch that has begun has taken its order; later ones were drawn ahead.
            epochs = -(-history.updates // config.per_epoch)
            if epochs < self._orders.last:
                self._orders.rewind(epochs)
            kept.seed, kept.orders = config.seed, self._orders.rng
        kept.version += 1
        self.history = history

    def _advance(self, end: int, budget: int) -> int:
        return self._train(self._orders.block, self._orders.first, end, budget)

    def _progress(self, updates: int) -> tuple[str, str]:
        """Return the epoch under way and the last completed one's loss, as text."""
        epoch, epochs = updates // self._config.per_epoch, self._config.epochs
        note = ""
        if epoch:
            n_scaled = len(self._config.y) * self._config.loss_scale
            loss = self._state.loss_sums[epoch - 1] / n_scaled
            note = f"loss {loss:.5g}"
            if self._state.val_loss.size:
                note += f", val_loss {self._state.val_loss[epoch - 1]:.5g}"
        return f"epoch {min(epoch + 1, epochs)}/{epochs}", note

    def _before_divergence(self, snapshot: Snapshot) -> tuple[Snapshot, int]:
        """Return the state before the update that broke the net, and the row of X.

        Where a loss was not finite, the loop stopped before its update. Where a
        parameter is not, the chunk is run again in halves, which gives the same bits,
        until the first such update is found.
        """
        config, state, orders = self._config, self._state, self._orders
        if all_finite(state.theta):
            return state.snapshot(), int(state.position[_ROW])
        good, bad = snapshot.updates, int(state.position[_UPDATES])
        while bad - good > 1:
            middle = (good + bad) // 2
            state.restore(snapshot)
            status = self._advance(middle, _ANY_BUDGET)
            if not all_finite(state.theta):
                bad = middle
            elif status == kernels.codes.DONE:
                good, snapshot = middle, state.snapshot()
            else:  # the loss of the next update is what was not finite first
                return state.snapshot(), int(state.position[_ROW])
        epoch, batch = divmod(good, config.per_epoch)
        order = orders.block[(epoch - orders.first) % len(orders.block)]
        return snapshot, int(order[batch * config.batch_size])
