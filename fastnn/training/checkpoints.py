"""Checkpoints: a file from which the same call of `fit` goes on with the same bits.

The file has all that the rest of the training depends on, and the identity of the call.
It is replaced by a whole one from time to time, while nobody else may use it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from .. import kernels
from ..data.archives import (
    Archive,
    BelongsElsewhereError,
    check_target,
    reading_archive,
    write_archive,
)
from ..data.arguments import check_float, check_seed
from ..data.arrays import Array, all_finite
from ..data.caller import warn_user
from ..data.files import check_path, check_writable, locked
from .callbacks import EpochCallback
from .config import FitConfig
from .identity import differences, hashed
from .orders import EpochOrders, generator_at
from .progress import announce
from .state import TrainingState

_UPDATES, _SAMPLES = kernels.codes.UPDATES, kernels.codes.SAMPLES
# What a net has of earlier trainings.
_PARAMETERS, _MOMENTS = "the net's parameters", "the optimizer's moments"
_ORDERS = "the orders of the rows"
# The part of a training's time that writing may take is one in so many.
_RARE = 100


@contextmanager
def open_checkpoint(
    path: Any, seconds: Any, identity: Callable[[], dict[str, Any]]
) -> Iterator["Checkpoint"]:
    """Lock the file, and make the checkpoint of the call with this identity.

    BlockingIOError, at once, if another process or thread trains with the file: the
    identity of much data takes seconds.
    """
    path = check_path("checkpoint", path, "a file")
    check_target(path, ".npz")
    seconds = check_float("checkpoint_seconds", seconds, 0.0)
    # A function that is called between epochs may change the folder.
    path = path.absolute()
    with locked(path):
        yield Checkpoint(path, seconds, identity())


@dataclass(frozen=True, eq=False)
class Saved:
    """Where a training stood when its file was written, and how to go on.

    config has the seed, and the generator of orders as it is before `epoch`. arrays are
    those of the state, and seconds what the training took until then.
    """

    config: FitConfig
    epoch: int
    arrays: dict[str, Array]
    seconds: float
    is_complete: bool


class Checkpoint:
    """The file of one training, which is written every so many seconds.

    Writing takes less than a hundredth of the time: what takes long is done more
    rarely, unless `seconds` is 0.
    """

    def __init__(self, path: Path, seconds: float, call: dict[str, Any]) -> None:
        self._path, self._seconds, self._call = path, seconds, call
        self._due, self._has_failed = 0.0, False
        # Whether this training has begun, and the file is its own.
        self.is_own = False

    def read(
        self, config: FitConfig, state: TrainingState, callback: EpochCallback | None
    ) -> Saved | None:
        """Read the file, if there is one; ValueError unless it is of the same call.

        The callback goes on where it stood; the state, which is that before this call,
        is left alone. They are what `write` writes.
        """
        self._config, self._state, self._callback = config, state, callback
        # What the net had before the call that began the training, as hashes.
        self._start = _start(config, state)
        try:
            with reading_archive(self._path, "checkpoint") as archive:
                self._compare_call(archive.fact("call"))
                arrays = _arrays(archive, config, state)
                self._compare_start(archive, arrays)
                saved = _saved(archive, config, arrays, callback)
            self._config = saved.config
            place = f"goes on in epoch {saved.epoch + 1}"
            if saved.is_complete:
                place = f"is complete after epoch {saved.epoch}"
            where = f"{place} of {config.epochs}, from {self._path}"
            announce(config.progress, f"fastnn: the training {where}")
            return saved
        except FileNotFoundError:
            return None
        except BelongsElsewhereError:
            raise
        except ValueError as error:
            raise ValueError(
                f"{error}. Pass another file as checkpoint=, or delete this one to "
                "begin anew"
            ) from None

    def _compare_call(self, call: Any) -> None:
        if not isinstance(call, dict):
            raise ValueError("its call has no arguments")
        if differing := differences(call, self._call):
            remedy = "Pass the same arguments to go on with it"
            if call.get("epochs") != self._call["epochs"]:
                remedy = (
                    "To train further, make the first call again, which returns its "
                    "result at once where it is complete, and then another fit with a "
                    f"file of its own. {remedy}"
                )
            self._refuse(differing, remedy)

    def _compare_start(self, archive: Archive, arrays: dict[str, Array]) -> None:
        """Refuse a net that neither began this training nor was left by it."""
        began = archive.fact("start")
        left = {
            _PARAMETERS: hashed(arrays["theta"]),
            _MOMENTS: hashed(arrays["moments"], arrays["clock"]),
            _ORDERS: archive.fact("next orders"),
        }
        differing = [
            name
            for name, value in self._start.items()
            if value not in (began[name], left[name])
        ]
        if differing:
            self._refuse(
                f"{' and '.join(differing)} differ, both from those with which it "
                "began and from those in the file",
                "Begin with the same net to go on with it",
            )
        self._start = {name: str(began[name]) for name in self._start}

    def _refuse(self, what: str, remedy: str) -> None:
        raise BelongsElsewhereError(
            f"the checkpoint {self._path} belongs to another call of fit: "
            f"{what}. {remedy}, pass another file as checkpoint=, or delete this one "
            "to begin anew"
        )

    def begin(self) -> None:
        """Begin to count the seconds; OSError if the file could not be written.

        Nothing is written yet: a training that is killed before is one that begins
        anew.
        """
        check_writable(self._path)
        self.is_own, self._due = True, perf_counter() + self._seconds

    def write(self, orders: EpochOrders, seconds: float) -> None:
        """Write the file; OSError if that fails, and then the old one stays.

        seconds: what the training has taken.
        """
        started = perf_counter()
        config, state, callback = self._config, self._state, self._callback
        updates = int(state.position[_UPDATES])
        of_callback = Archive({}, {}) if callback is None else callback.saved()
        facts = of_callback.facts | {
            "call": self._call,
            "start": self._start,
            "seed": config.seed,
            "orders": orders.state_before(updates // config.per_epoch),
            # An epoch that has begun has taken its order.
            "next orders": hashed(orders.state_before(-(-updates // config.per_epoch))),
            "seconds": seconds,
        }
        arrays = {**state.saved(), **of_callback.arrays}
        try:
            write_archive(self._path, "checkpoint", Archive(facts, arrays))
            self._has_failed = False
        finally:
            now = perf_counter()
            self._due = now + max(self._seconds, _RARE * (now - started))

    def write_if_due(self, orders: EpochOrders, seconds: float) -> None:
        """Write the file if it is time to; if that fails, warn."""
        if not self._seconds or perf_counter() >= self._due:
            self.write_or_warn(orders, seconds)

    def write_or_warn(self, orders: EpochOrders, seconds: float) -> None:
        """Write the file; if that fails, warn the first time."""
        try:
            self.write(orders, seconds)
        except (OSError, MemoryError) as error:
            if not self._has_failed:
                self._has_failed = True
                warn_user(
                    f"{error}. The file still has the checkpoint from before",
                    RuntimeWarning,
                )


def _start(config: FitConfig, state: TrainingState) -> dict[str, str]:
    """Return hashes of what a net has of earlier trainings."""
    stream = config.stream if config.shuffle else None
    return {
        _PARAMETERS: hashed(state.theta),
        _MOMENTS: hashed(state.moments, state.clock),
        _ORDERS: hashed(None if stream is None else stream.bit_generator.state),
    }


def _arrays(
    archive: Archive, config: FitConfig, state: TrainingState
) -> dict[str, Array]:
    """Read the arrays of a state; ValueError unless they fit this training."""
    position = archive.array("position", state.position.shape, np.int64)
    updates, samples = int(position[_UPDATES]), int(position[_SAMPLES])
    if not (0 <= updates <= config.updates and 0 <= samples < config.batch_size):
        raise ValueError(f"it stands after {updates} updates and {samples} samples")
    arrays = {}
    for name, like in state.saved(position).items():
        shape: tuple[int | None, ...] = like.shape
        # Only the loop knows how long these are.
        if name in ("g", "carried") and archive.shape(name)[:1] != (0,):
            shape = (None, *shape[1:])
        arrays[name] = archive.array(name, shape, like.dtype)
    if not all_finite(arrays["theta"]):
        raise ValueError("its parameters are not finite")
    return arrays


def _saved(
    archive: Archive,
    config: FitConfig,
    arrays: dict[str, Array],
    callback: EpochCallback | None,
) -> Saved:
    updates = int(arrays["position"][_UPDATES])
    orders, stream = archive.fact("orders"), None
    if config.shuffle:
        stream = generator_at(orders)
    epochs, best, stopping = updates // config.per_epoch, arrays["best"], None
    if best.size:
        stopping, best_epoch = config.early_stopping, best[kernels.codes.BEST_EPOCH]
        if best_epoch not in range(-1, epochs):
            raise ValueError(f"the best epoch is {best_epoch} there, after {epochs}")
    has_stopped = stopping is not None and stopping.ends(best, epochs)
    is_complete = updates == config.updates or has_stopped
    if callback is not None:
        callback.restore(archive, updates)
        has_ended = callback.n_ended == epochs
        is_complete = callback.is_over or (is_complete and has_ended)
    if is_complete:  # no loop is started that could take these
        arrays = {
            name: array
            for name, array in arrays.items()
            if name not in ("g", "carried")
        }
    return Saved(
        replace(config, seed=check_seed(archive.fact("seed")), stream=stream),
        epochs,
        arrays,
        check_float("seconds", archive.fact("seconds"), 0.0),
        is_complete,
    )
