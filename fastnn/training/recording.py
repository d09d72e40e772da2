"""What `fit(record=...)` keeps of a training on its way."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arguments import check_int
from ..data.arrays import Array, as_array
from ..data.machine import check_memory
from .state import FitConfig, State

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Recording:
    """Parameters, loss and accuracy at some updates of a fit, as far as it came.

    updates (m,) counts the updates made; theta (m, n_params) are the parameters after them. loss and accuracy (m,) are
    means over the samples since the record before, as in `History`: of each sample's loss, and of whether its class
    was right, at its forward pass, before its update. They are NaN at update 0; accuracy is NaN for mse. They are
    differences of the epoch's running sums, and rounded like these.
    """

    updates: Array
    theta: Array
    loss: Array
    accuracy: Array

    def __len__(self) -> int:
        return len(self.updates)

    def __repr__(self) -> str:
        where = (
            f", updates {self.updates[0]} to {self.updates[-1]}" if len(self) else ""
        )
        return (
            f"Recording({len(self)} records of {self.theta.shape[1]} parameters{where})"
        )


def updates_to_record(record: Any, updates: int, bytes_each: int) -> Array:
    """The sorted numbers of updates that record= asks for: every k from 0 on, or the ones given."""
    if record is None:
        return _NONE
    if np.ndim(record) == 0:
        step = check_int("record", record, 1)
        _check_memory(updates // step + 1, bytes_each, f"record={step}")
        return np.arange(0, updates + 1, step)
    at = as_array("record", record)
    if at.ndim != 1 or at.dtype.kind not in "iu":
        raise TypeError(
            "record must be a whole number k, to keep every k-th update, or the numbers of some updates, such as "
            f"[0, 10, 100], not {record!r}"
        )
    if at.size == 0:
        raise ValueError("record names no update: leave it out, or name some")
    if at.min() < 0 or at.max() > updates:
        wrong = at.min() if at.min() < 0 else at.max()
        raise ValueError(
            f"record has update {wrong}, but this fit makes updates 0 (none yet) to {updates}"
        )
    at = np.unique(at).astype(np.int64)
    _check_memory(len(at), bytes_each, f"record with {len(at):,} updates")
    return at


def _check_memory(count: int, bytes_each: int, what: str) -> None:
    check_memory(
        count * bytes_each,
        f"{what} keeps {count:,} times all parameters",
        "record fewer updates",
    )


def recording(job: FitConfig, state: State, counts_hits: bool) -> Recording | None:
    """What was recorded so far, or None if nothing was to be."""
    if not job.record_at.size:
        return None
    m = int(np.searchsorted(job.record_at, state.done, "right"))
    theta = state.recorded if m == len(state.recorded) else state.recorded[:m].copy()
    updates = job.record_at[:m].copy()
    n = len(job.y)
    epoch, batch = np.divmod(updates, job.per_epoch)
    samples = epoch * n + np.minimum(batch * job.batch_size, n)
    n_before = np.diff(samples, prepend=0)
    totals = np.diff(state.recorded_sums[:m], axis=0, prepend=0)
    last = np.concatenate([[0], epoch[:-1]])
    ended = epoch > last  # between the record before and this one, at least one epoch
    if ended.any():
        sums = np.stack([state.loss_sums, state.n_right], axis=1)[: epoch[-1]]
        totals[ended] += np.add.reduceat(sums, last[ended], axis=0)
    means = np.full((m, 2), np.nan)
    np.divide(
        totals, n_before[:, np.newaxis], out=means, where=n_before[:, np.newaxis] > 0
    )
    if not counts_hits:
        means[:, 1] = np.nan
    return Recording(updates, theta, means[:, 0].copy(), means[:, 1].copy())
