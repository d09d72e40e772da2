"""State of a sweep: each net's parameters, progress and losses."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..nn.losses import Loss
from ..training.config import FitConfig
from .curves import percentiles
from .plan import WINDOW, LossRecording


class Nets(NamedTuple):
    """Training state of some nets: their ids (n,), and what each update changes.

    theta (n, n_params), moments (n_moments, n, n_params), clock (2, n), and the
    optimizer's settings (6, n).
    """

    ids: Array
    theta: Array
    moments: Array
    clock: Array
    settings: Array


class StageResult(NamedTuple):
    """Some nets after a stage: their state, their losses, and which ones stopped.

    loss and accuracy (recorded epochs of the stage, n) are means over an epoch; stopped
    (n,) is 0, or the number of epochs after which a net stopped.
    """

    nets: Nets
    loss: Array
    accuracy: Array
    stopped: Array


class SweepState:
    """All nets of one `fit_many`, or a part of them in the epochs from first to end.

    theta (n_nets, n_params) are their parameters. trained (n_nets,) is the number of
    epochs that each was trained; stopped says which ones met stop_below or are no
    longer finite. last (2, n_nets) are each net's last loss and accuracy; recorded (2,
    epochs, n_nets) those of the recorded epochs, or of a window of them where only
    percentiles are recorded; percentiles has those of the complete stages, (2, 101,
    epochs) each.
    """

    def __init__(
        self,
        config: FitConfig,
        loss: Loss,
        initial: Array,
        recording: LossRecording,
        first: int = 0,
        end: int | None = None,
    ) -> None:
        self.config, self.loss, self.recording = config, loss, recording
        self.theta = initial
        n_nets = len(initial)
        n_moments = kernels.codes.N_MOMENTS[config.rule.code]
        self._moments = np.zeros((n_moments, *initial.shape), initial.dtype)
        self._clock = np.ones((2, n_nets))
        self.trained = np.zeros(n_nets, np.int64)
        self.stopped = np.zeros(n_nets, bool)
        self.last = np.full((2, n_nets), np.nan)
        self.epochs_done = self.stage_end = first
        self.end = config.epochs if end is None else end
        self._first_row, rows = 0, 0 if recording.only_percentiles else recording.n
        if end is not None:
            indices = recording.within(first, end)
            self._first_row, rows = indices.start, indices.stop - indices.start
        self.recorded = np.full((2, rows, n_nets), np.nan)
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
                self.recorded = np.empty((2, min(rows, recording.n), len(self.theta)))
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
        chosen = _indices(ids)
        return Nets(
            ids,
            self.theta[chosen],
            self._moments[:, chosen],
            self._clock[:, chosen],
            self.config.rule.settings[:, chosen],
        )

    def go_on(self, nets: Nets) -> None:
        """Copy the moments and the clock that all nets have after an earlier stage."""
        self._moments, self._clock = np.array(nets.moments), np.array(nets.clock)

    def result(self) -> StageResult:
        """Return all nets with all losses that are recorded of each of them."""
        nets = self.nets(np.arange(len(self.theta)))
        stopped = np.where(self.stopped, self.trained, 0)
        loss, accuracy = self.recorded
        return StageResult(nets, loss, accuracy, stopped)

    def snapshot(self) -> dict[str, Array]:
        """Return the arrays that hold the state between two stages, by name."""
        percentiles = [np.empty((2, 101, 0)), *self.percentiles]
        return {
            "theta": self.theta,
            "moments": self._moments,
            "clock": self._clock,
            "trained": self.trained,
            "stopped": self.stopped,
            "last": self.last,
            "percentiles": np.concatenate(percentiles, axis=2),
        }

    def restore(self, epochs_done: int, snapshot: dict[str, Array]) -> None:
        """Return to a snapshot that was taken after that number of epochs."""
        self.epochs_done = self.stage_end = epochs_done
        self.theta, self.trained = snapshot["theta"], snapshot["trained"]
        self._moments, self._clock = snapshot["moments"], snapshot["clock"]
        self.stopped, self.last = snapshot["stopped"], snapshot["last"]
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
        self.trained[chosen] = np.where(stopped > 0, stopped, last)
        self.stopped[chosen] = stopped > 0
        n_recorded = len(result.loss)
        if not n_recorded:
            return
        final = np.full(len(stopped), n_recorded - 1)
        some_stopped = stopped.any()
        if some_stopped:
            index = self.recording.index
            stopped_at = index(stopped - 1) - index(first)
            final = np.where(stopped > 0, stopped_at, final)
            after = np.arange(n_recorded)[:, np.newaxis] > final
        for window, all_last, values in zip(
            self._window, self.last, (result.loss, result.accuracy), strict=True
        ):
            last_values = values[final, np.arange(len(final))]
            all_last[chosen] = last_values
            if some_stopped:
                fill = last_values if self.recording.only_percentiles else np.nan
                values = np.where(after, fill, values)
            window[:, chosen] = values

    def end_stage(self, map_: Callable[..., Iterable[Array]] = map) -> None:
        """End the stage; map_ is `map`, or a thread pool's."""
        self.epochs_done = self.stage_end
        if not self.recording.only_percentiles or not self._window.shape[1]:
            return
        worst = np.inf, np.nan if self.loss.n_classes(2) is None else 0.0
        rows = [
            (values[np.newaxis].T, fill)
            for window, fill in zip(self._window, worst, strict=True)
            for values in window
        ]
        found = list(map_(percentiles, *zip(*rows, strict=True)))
        table = np.concatenate(found, axis=1)
        self.percentiles.append(table.reshape(101, 2, -1).transpose(1, 0, 2))

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
