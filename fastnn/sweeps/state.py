"""State of a sweep: each net's parameters, progress and losses."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..nn.losses import Loss
from ..training.config import FitConfig
from .curves import percentiles
from .monitor import BEST_EPOCH, BEST_VAL, Monitor
from .plan import WINDOW, LossRecording

NOTHING = np.empty(0)
_NO_MONITOR = Monitor()


class Nets(NamedTuple):
    """Training state of some nets: their ids (n,), and what each update changes.

    theta (n, n_params), moments (n_moments, n, n_params), clock (2, n), and the
    optimizer's settings (9, n). schedule (epochs, n) and weights (rows, n) are there
    where each net has its own, otherwise empty. best (N_BEST, n) and best_theta
    (n, n_params) are those of the best epoch so far, see `monitor`; empty where nobody
    asks.
    """

    ids: Array
    theta: Array
    moments: Array
    clock: Array
    settings: Array
    schedule: Array
    weights: Array
    best: Array
    best_theta: Array


class StageResult(NamedTuple):
    """Some nets after a stage: their state, their losses, and which ones stopped.

    curves (n_curves, recorded epochs of the stage, n) are `monitor.CURVES`. final
    (n_curves, n) are those of each net's last epoch, or (0,) where none was measured in
    the stage. stopped (n,) is 0, or the number of epochs after which a net
    stopped.
    """

    nets: Nets
    curves: Array
    final: Array
    stopped: Array


class SweepState:
    """All nets of one `fit_many`, or a part of them in the epochs from first to end.

    theta (n_nets, n_params) are their parameters. trained (n_nets,) is the number of
    epochs that each was trained; stopped says which ones met stop_below, stopped early
    or are no longer finite. last (n_curves, n_nets) are each net's last
    `monitor.CURVES`, on the validation data those of the parameters that a net which is
    over got back; recorded (n_curves, epochs, n_nets) those of the recorded epochs,
    or of a window of them where only percentiles are recorded; percentiles has those of
    the complete stages, (n_curves, 101, epochs) each. best: see `Nets`.
    """

    def __init__(
        self,
        config: FitConfig,
        loss: Loss,
        initial: Array,
        recording: LossRecording,
        monitor: Monitor = _NO_MONITOR,
        first: int = 0,
        end: int | None = None,
    ) -> None:
        self.config, self.loss, self.recording = config, loss, recording
        self.monitor = monitor
        self.theta = initial
        n_nets = len(initial)
        n_moments = kernels.codes.N_MOMENTS[config.rule.code]
        self._moments = np.zeros((n_moments, *initial.shape), initial.dtype)
        self._clock = np.ones((2, n_nets))
        self.trained = np.zeros(n_nets, np.int64)
        self.stopped = np.zeros(n_nets, bool)
        self.last = np.full((monitor.n_curves, n_nets), np.nan)
        self.best, self._best_theta = monitor.no_best(initial)
        self.epochs_done = self.stage_end = first
        self.end = config.epochs if end is None else end
        self._first_row, rows = 0, 0 if recording.only_percentiles else recording.n
        if end is not None:
            indices = recording.within(first, end)
            self._first_row, rows = indices.start, indices.stop - indices.start
        self.recorded = np.full((monitor.n_curves, rows, n_nets), np.nan)
        self.percentiles: list[Array] = []
        self._window = self.recorded[:, :0]

    def active(self) -> Array:
        """Return the ids of the nets that have not stopped."""
        return np.flatnonzero(~self.stopped)

    def progress(self) -> tuple[int, int]:
        """Return how many nets are finished, and the updates that they did not need."""
        finished = self.stopped | (self.trained == self.config.epochs)
        epochs_saved = np.sum((self.config.epochs - self.trained) * self.stopped)
        return int(finished.sum()), int(epochs_saved) * self.config.per_epoch

    def begin_stage(self, max_epochs: int) -> tuple[int, int]:
        """Return the epoch before which the stage ends, and its recorded epochs."""
        recording, first = self.recording, self.epochs_done
        last = min(first + max_epochs, self.end)
        if recording.only_percentiles:
            rows = max(1, WINDOW // len(self.theta))
            last = min(last, (recording.index(first) + rows - 1) * recording.every + 1)
            if not self.recorded.size:
                shape = len(self.last), min(rows, recording.n), len(self.theta)
                self.recorded = np.empty(shape)
        indices = recording.within(first, last)
        if recording.only_percentiles:
            self._window = self.recorded[:, : indices.stop - indices.start]
            self._window[:, :, self.stopped] = self.last[:, np.newaxis, self.stopped]
        else:
            rows_before = self._first_row
            self._window = self.recorded[
                :, indices.start - rows_before : indices.stop - rows_before
            ]
        self.stage_end = last
        return last, indices.stop - indices.start

    def nets(self, ids: Array) -> Nets:
        """Return the state of some nets, given by their sorted ids."""
        chosen, config = _indices(ids), self.config
        schedule, weights = config.schedule, config.weights
        return Nets(
            ids,
            self.theta[chosen],
            self._moments[:, chosen],
            self._clock[:, chosen],
            config.rule.settings[:, chosen],
            schedule[:, chosen] if schedule.ndim == 2 else NOTHING,
            weights[:, chosen] if weights.ndim == 2 else NOTHING,
            self.best[:, chosen],
            self._best_theta[chosen],
        )

    def go_on(self, nets: Nets) -> None:
        """Copy what all nets have from an earlier stage, besides their parameters."""
        self._moments, self._clock = np.array(nets.moments), np.array(nets.clock)
        self.best, self._best_theta = np.array(nets.best), np.array(nets.best_theta)

    def result(self) -> StageResult:
        """Return all nets with all losses that are recorded of each of them."""
        nets = self.nets(np.arange(len(self.theta)))
        stopped = np.where(self.stopped, self.trained, 0)
        return StageResult(nets, self.recorded, self.last, stopped)

    def snapshot(self) -> dict[str, Array]:
        """Return the arrays that hold the state between two stages, by name."""
        percentiles = [np.empty((len(self.last), 101, 0)), *self.percentiles]
        return {
            "theta": self.theta,
            "moments": self._moments,
            "clock": self._clock,
            "trained": self.trained,
            "stopped": self.stopped,
            "last": self.last,
            "best": self.best,
            "best_theta": self._best_theta,
            "percentiles": np.concatenate(percentiles, axis=2),
        }

    def restore(self, epochs_done: int, snapshot: dict[str, Array]) -> None:
        """Return to a snapshot that was taken after that number of epochs."""
        self.epochs_done = self.stage_end = epochs_done
        self.theta, self.trained = snapshot["theta"], snapshot["trained"]
        self._moments, self._clock = snapshot["moments"], snapshot["clock"]
        self.stopped, self.last = snapshot["stopped"], snapshot["last"]
        self.best, self._best_theta = snapshot["best"], snapshot["best_theta"]
        self.percentiles = [snapshot["percentiles"]]

    @property
    def n_recorded(self) -> int:
        """The number of recorded epochs in the present stage."""
        return self._window.shape[1]

    def absorb(self, result: StageResult) -> None:
        """Store some nets after the stage; it can be repeated."""
        first, last = self.epochs_done, self.stage_end
        nets, stopped = result.nets, result.stopped
        chosen = _indices(nets.ids)
        self.theta[chosen] = nets.theta
        if last < self.config.epochs:  # after the last epoch no update needs them
            self._moments[:, chosen], self._clock[:, chosen] = nets.moments, nets.clock
            self._best_theta[chosen] = nets.best_theta
        self.best[:, chosen] = nets.best
        self.trained[chosen] = np.where(stopped > 0, stopped, last)
        self.stopped[chosen] = stopped > 0
        final = result.final
        if self.monitor.restores:
            over = (stopped > 0) | (last == self.config.epochs)
            restored = over & (nets.best[BEST_EPOCH] >= 0)
            final = final.copy()
            final[2:, restored] = nets.best[BEST_VAL, restored][: len(final) - 2]
        if final.size:
            self.last[:, chosen] = final
        curves = result.curves
        if stopped.any() and curves.size:
            epochs = self.recording.epochs[self.recording.within(first, last)]
            after = (epochs[:, np.newaxis] > stopped) & (stopped > 0)
            fill: float | Array = np.nan
            if self.recording.only_percentiles:
                fill = final[:, np.newaxis]
            curves = np.where(after, fill, curves)
        self._window[:, :, chosen] = curves

    def end_stage(self, map_: Callable[..., Iterable[Array]] = map) -> None:
        """End the stage; map_ is `map`, or a thread pool's."""
        self.epochs_done = self.stage_end
        if not self.recording.only_percentiles or not self._window.shape[1]:
            return
        worst = np.inf, np.nan if self.loss.n_classes(2) is None else 0.0
        rows = [
            (values[np.newaxis].T, worst[curve % 2])
            for curve, window in enumerate(self._window)
            for values in window
        ]
        found = list(map_(percentiles, *zip(*rows, strict=True)))
        table = np.concatenate(found, axis=1)
        n_curves = len(self.last)
        self.percentiles.append(table.reshape(101, n_curves, -1).transpose(1, 0, 2))

    @property
    def has_results(self) -> bool:
        """True once a net is trained, and its losses are known."""
        recorded = bool(self.percentiles or not self.recording.only_percentiles)
        return recorded and bool(self.trained.any())


def _indices(ids: Array) -> slice | Array:
    """Return sorted ids as a slice if none is missing: twice as fast."""
    if ids[-1] - ids[0] == len(ids) - 1:
        return slice(int(ids[0]), int(ids[-1]) + 1)
    return ids
