"""Configuration of a training: the arguments of `fit` and `fit_many`, checked."""

from collections.abc import Sized
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import kernels
from ..data.arguments import check_int, check_training
from ..data.arrays import Array, as_array, readonly, readonly_fields
from ..data.machine import check_memory, memory_limit
from ..nn.losses import loss_scale
from ..nn.optimizers import UpdateRule
from ..nn.schedules import Schedule, rates
from .continuation import Continuation
from .stopping import EarlyStopping
from .validation import ValidationData

_NO_UPDATES, _NO_SCHEDULE = np.empty(0, np.int64), np.empty(0)
# Up to this number of epochs, a history fits into any memory.
_FEW_EPOCHS = 2**16


@dataclass(frozen=True, eq=False)
class FitConfig:
    """Checked arguments of one training, and what follows from them.

    X (n, n_in), y as in `data.labels` and weights as in `data.weights` are as the
    kernels take them. rule is the optimizer's; schedule (epochs,) has the learning rate
    of each epoch, or is (0,) where all have that of the rule. Of many nets each may
    have its own: then weights are (n, n_nets), or the schedule is (epochs, n_nets).
    mean is the reduction
    over a batch. stream: the generator of orders that seed began, where an earlier fit
    has drawn from it. loop is "auto", "general" or "specialised" (see
    `engines.dispatch`). n_jobs: threads, -1 for all processors.
    record_at has the updates after which parameters are recorded, in order. per_epoch
    counts the updates of an epoch, the last of which may have a smaller batch; updates
    those of all epochs. Sums of losses are those of the losses times loss_scale, see
    `nn.losses.loss_scale`. weighted_mean divides a batch's sum by that of its weights,
    not by its number of rows; l2 / 2 times all squared weights is added to a batch's
    sum of losses. The losses of classes are recorded for probabilities between
    min_probability and 1 less that, unless it is 0. Each epoch is measured on the
    validation data at its end, and early_stopping may make it the last one.
    """

    X: Array
    y: Array
    weights: Array
    rule: UpdateRule
    schedule: Array
    epochs: int
    batch_size: int
    mean: bool
    shuffle: bool
    seed: int
    stream: "np.random.Generator | None"
    progress: bool | None
    loop: str
    n_jobs: int
    record_at: Array
    per_epoch: int
    updates: int
    loss_scale: float
    weighted_mean: bool = False
    l2: float = 0.0
    min_probability: float = 0.0
    validation: ValidationData | None = None
    early_stopping: EarlyStopping | None = None

    @property
    def lr(self) -> float:
        """The learning rate."""
        return float(self.rule.settings[kernels.codes.LR])

    @property
    def batch_terms(self) -> list[str]:
        """The fields that make a batch's loss more than a sum or mean over its rows.

        Not all loops have them; those without refuse a configuration that needs them.
        """
        needed = {
            "weighted_mean": self.weighted_mean and self.weights.size > 0,
            "l2": self.l2 != 0.0,
            "min_probability": self.min_probability != 0.0,
        }
        return [name for name, is_needed in needed.items() if is_needed]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(readonly_fields(state, ("X", "y", "weights")))

    def for_net(self, i: int, rule: UpdateRule) -> "FitConfig":
        """Return the configuration of net i of many, which is trained alone."""
        schedule, weights = self.schedule, self.weights
        if schedule.ndim == 2:
            schedule = schedule[:, i].copy()
        if weights.ndim == 2:
            weights = readonly(weights[:, i].copy())
        return replace(
            self,
            rule=rule,
            schedule=schedule,
            weights=weights,
            progress=False,
            n_jobs=1,
        )


def fit_config(
    X: Array,
    y: Array,
    weights: Array,
    rule: UpdateRule,
    schedule: Schedule | None,
    *,
    epochs: Any,
    batch_size: Any,
    reduction: Any,
    shuffle: Any,
    seed: Any,
    progress: Any,
    n_jobs: Any,
    mixes_rows: bool,
    may_set_lr: bool = False,
    n_nets: int | None = None,
    kept: Continuation | None = None,
    loop: Any = "general",
    record: Any = None,
    record_bytes: int = 0,
    history_bytes: int = 0,
    validation: ValidationData | None = None,
    early_stopping: EarlyStopping | None = None,
) -> FitConfig:
    """Check the arguments that `fit` and `fit_many` share.

    X, y, weights, the rule, validation and early_stopping are checked already.
    mixes_rows: the net's output for a row depends on the other rows. may_set_lr: the
    learning rate may be set between epochs. n_nets: of `fit_many`, otherwise None.
    kept: what the net keeps of its last fit, which seed="continue" goes on with. A
    record takes record_bytes, and an epoch of the history history_bytes.
    """
    stream = None
    if kept is not None and isinstance(seed, str) and seed == "continue":
        seed, stream = kept.seed, kept.orders
    how = check_training(
        epochs=epochs,
        reduction=reduction,
        shuffle=shuffle,
        seed=seed,
        progress=progress,
        loop=loop,
        n_jobs=n_jobs,
    )
    batch_size = _check_batch_size(batch_size, len(X), mixes_rows)
    per_epoch = -(-len(X) // batch_size)
    updates = per_epoch * how.epochs
    if how.epochs > _FEW_EPOCHS and history_bytes:
        _check_history_memory(how.epochs, history_bytes)
    return FitConfig(
        X=X,
        y=y,
        weights=weights,
        rule=rule,
        schedule=_schedule(schedule, rule, how.epochs, may_set_lr, n_nets),
        epochs=how.epochs,
        batch_size=batch_size,
        mean=how.mean,
        shuffle=how.shuffle and batch_size < len(X),
        seed=how.seed,
        stream=stream,
        progress=how.progress,
        loop=how.loop,
        n_jobs=how.n_jobs,
        record_at=_updates_to_record(record, updates, record_bytes),
        per_epoch=per_epoch,
        updates=updates,
        loss_scale=loss_scale(len(y)),
        validation=validation,
        early_stopping=early_stopping,
    )


def _schedule(
    schedule: Schedule | None,
    rule: UpdateRule,
    epochs: int,
    may_set_lr: bool,
    n_nets: int | None,
) -> Array:
    """Return the learning rates (epochs,), or (0,) if all are that of the rule.

    Those of many nets may be (epochs, n_nets).
    """
    if schedule is not None:
        found = rates(schedule, epochs)
        if found.ndim > 1 and found.shape[1] != n_nets:
            nets = "one net" if n_nets is None else f"{n_nets} nets"
            raise ValueError(
                f"the schedule returns {found.shape[1]} learning rates for {nets}"
            )
        return found
    if may_set_lr:
        return np.full(epochs, rule.settings[kernels.codes.LR])
    return _NO_SCHEDULE


def _check_batch_size(batch_size: Any, n: int, mixes_rows: bool) -> int:
    if isinstance(batch_size, str):
        if batch_size != "full":
            raise ValueError(
                "batch_size must be an integer of at least 1, or 'full', "
                f"not {batch_size!r}"
            )
        return n
    size = min(check_int("batch_size", batch_size, 1), n)
    if size < n and mixes_rows:
        raise ValueError(
            "layers such as Repeat and Sum work on all rows at once: train with "
            "batch_size='full'"
        )
    return size


def _updates_to_record(record: Any, updates: int, bytes_each: int) -> Array:
    """Return the updates to record, sorted: every k from 0, or those given."""
    if record is None:
        return _NO_UPDATES
    is_array = isinstance(record, np.ndarray) and record.ndim > 0
    is_list = isinstance(record, Sized) and not isinstance(record, (str, np.ndarray))
    if not is_array and not is_list:
        step = check_int("record", record, 1)
        _check_record_memory(updates // step + 1, bytes_each, f"record={step}")
        return np.arange(0, updates + 1, step)
    # Before a range becomes an array.
    _check_record_memory(
        len(record), bytes_each, f"record with {len(record):,} updates"
    )
    at = as_array("record", record)
    if at.ndim != 1 or at.dtype.kind not in "iu":
        raise TypeError(
            "record must be an integer k, to record every k-th update, or a list of "
            f"updates, such as [0, 10, 100], not {record!r}"
        )
    if at.size == 0:
        raise ValueError("record is empty: leave it out, or list some updates")
    if at.min() < 0 or at.max() > updates:
        wrong = at.min() if at.min() < 0 else at.max()
        raise ValueError(
            f"record has update {wrong}, but this fit makes updates 0 (the initial "
            f"parameters) to {updates}"
        )
    at = np.unique(at).astype(np.int64)
    _check_record_memory(len(at), bytes_each, f"record with {len(at):,} updates")
    return at


def _check_history_memory(epochs: int, bytes_each: int) -> None:
    most = int(memory_limit() // bytes_each)
    check_memory(
        epochs * bytes_each,
        f"{epochs:,} epochs keep a loss and an accuracy each",
        f"train at most {most:,} epochs in a call",
    )


def _check_record_memory(count: int, bytes_each: int, given: str) -> None:
    check_memory(
        count * bytes_each,
        f"{given} keeps {count:,} copies of all parameters",
        "record fewer updates",
    )
