"""Store of a sweep: a folder with the parts that are finished, one file for each.

The manifest says which call the folder belongs to. A net's bits depend on that alone,
so several processes can work on one folder, and none needs a lock: each writes whole
files, and where two have trained the same nets, both files say the same.

Where percentiles are recorded, the parts of a stage can go once all nets have reached
its end: a snapshot of all nets takes their place.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..data.archives import Archive, reading_archive, write_archive
from ..data.arrays import Array
from ..data.files import check_path, write_atomically
from ..data.schema import Schema
from ..nn.architecture import Architecture
from ..training.config import FitConfig
from ..training.identity import differences, hashed, shared_identity
from ..training.validation import ValidationData
from .monitor import Monitor
from .parts import Part
from .plan import WINDOW, InitialParameters, LossRecording
from .state import StageResult, SweepState

_FORMAT, _MANIFEST = 2, "manifest.json"
# Names of files: the first net, the one after the last, and the same for epochs.
_PART, _SNAPSHOT = "nets-{}-{}-epochs-{}-{}.npz", "all-nets-after-epoch-{}.npz"


def identity(
    config: FitConfig,
    architecture: Architecture,
    schema: Schema,
    initial: InitialParameters,
    recording: LossRecording,
    monitor: Monitor,
) -> dict[str, Any]:
    """Return all that the bits of a sweep depend on, by name, as JSON values."""
    first = initial.some(slice(0, 1))
    return {
        "format": _FORMAT,
        **shared_identity(config, architecture, schema),
        "init": str(architecture.scheme) if initial.given is None else "given",
        "seeds or parameters": hashed(initial.seed_array(), initial.given),
        "first net": hashed(first.theta()),
        "number of nets": initial.n_nets,
        "validation data": hashed(*_arrays_of(monitor.validation)),
        "early_stopping": repr(monitor.stopping) if monitor.stopping else None,
        "seed": config.seed if config.shuffle else None,
        "optimizer's settings": hashed(*config.rule[1:]),
        "schedule": hashed(config.schedule),
        "every": recording.every,
        "losses": "percentiles" if recording.only_percentiles else "all",
        "window": WINDOW if recording.only_percentiles else None,
        "stop_below": recording.stop_below,
    }


class Store:
    """The folder of one sweep. Opening it writes or checks the manifest.

    ValueError for a folder that another call has written, or that holds other files.
    """

    def __init__(
        self, folder: str | os.PathLike[str], call: dict[str, Any], state: SweepState
    ) -> None:
        self._folder, self._state = check_path("store", folder, "a folder"), state
        text = json.dumps(call, indent=1)
        self._facts = {"call": hashlib.sha256(text.encode()).hexdigest()}
        self._seen: set[str] = set()
        self._open(text)

    def _open(self, text: str) -> None:
        folder, manifest = self._folder, self._folder / _MANIFEST
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"store must be a folder, but {folder} is a file")
        folder.mkdir(parents=True, exist_ok=True)
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
        if not manifest.exists():
            if set(names) - {_MANIFEST}:
                raise ValueError(
                    f"the folder {folder} is no store of fit_many, but holds "
                    f"{names[0]}: pass a new or empty folder as store="
                )
            write_atomically(manifest, text.encode())
        call = json.loads(text)
        try:
            there = json.loads(manifest.read_text())
            what = differences(there, call)
        except (ValueError, AttributeError) as error:
            raise ValueError(
                f"{manifest} is damaged ({error}): pass a new folder as store="
            ) from None
        if what:
            raise ValueError(
                f"the store {folder} belongs to another call of fit_many: {what}. Pass "
                "the same arguments to go on with it, or a new folder"
            )

    def write(self, part: Part, result: StageResult) -> None:
        """Write the nets of a part as they are after it."""
        nets = result.nets
        arrays = {
            "theta": nets.theta,
            "best": nets.best,
            "stopped": result.stopped,
            "curves": result.curves,
            "final": result.final,
        }
        if part.last < self._state.config.epochs:
            arrays |= {"moments": nets.moments, "clock": nets.clock}
            arrays["best_theta"] = nets.best_theta
        name = _PART.format(part.start, part.stop, part.first, part.last)
        self._seen.add(name)
        write_archive(self._folder / name, "part", Archive(self._facts, arrays))

    def new_results(self, active: Array) -> Iterator[StageResult]:
        """Read the parts of the present stage that this process has not seen yet.

        active: the ids of the nets that had not stopped when the stage began.
        """
        stage = self._state.epochs_done, self._state.stage_end
        for name in sorted(set(os.listdir(self._folder)) - self._seen):
            start, stop, *epochs = _numbers(_PART, name) or (0, 0, 0, 0)
            if tuple(epochs) == stage:
                self._seen.add(name)
                with suppress(FileNotFoundError):  # another process has taken it away
                    first, last = np.searchsorted(active, (start, stop))
                    yield self._read(name, active[first:last])

    def write_snapshot(self) -> None:
        """Write all nets between two stages, and remove what that makes superfluous."""
        state = self._state
        name = _SNAPSHOT.format(state.epochs_done)
        archive = Archive(self._facts, state.snapshot())
        write_archive(self._folder / name, "part", archive)
        for other in os.listdir(self._folder):
            reached = _numbers(_SNAPSHOT, other) or _numbers(_PART, other)[3:]
            if other != name and reached and reached[0] <= state.epochs_done:
                (self._folder / other).unlink(missing_ok=True)

    def restore_snapshot(self) -> bool:
        """Restore the latest snapshot; False if none is later than the state."""
        state = self._state
        found = {
            reached[0]: name
            for name in os.listdir(self._folder)
            if (reached := _numbers(_SNAPSHOT, name))
        }
        epochs_done = max(found, default=0)
        if epochs_done <= state.epochs_done:
            return False
        like = state.snapshot()
        n = state.recording.within(0, epochs_done).stop
        try:
            with self._reading(found[epochs_done]) as archive:
                arrays = {
                    name: archive.array(name, array.shape, array.dtype)
                    for name, array in like.items()
                    if name != "percentiles"
                }
                shape = len(state.last), 101, n
                arrays["percentiles"] = archive.array("percentiles", shape)
        except FileNotFoundError:  # another process has written a later one meanwhile
            return self.restore_snapshot()
        state.restore(epochs_done, arrays)
        return True

    def _read(self, name: str, ids: Array) -> StageResult:
        state = self._state
        nets, n, rows = state.nets(ids), len(ids), state.n_recorded
        n_curves = len(state.last)
        with self._reading(name) as archive:
            theta = archive.array("theta", nets.theta.shape, nets.theta.dtype)
            best = archive.array("best", nets.best.shape)
            nets = nets._replace(theta=theta, best=best)
            if state.stage_end < state.config.epochs:
                moments = nets.moments
                moments = archive.array("moments", moments.shape, moments.dtype)
                clock = archive.array("clock", nets.clock.shape)
                best_theta = nets.best_theta
                best_theta = archive.array(
                    "best_theta", best_theta.shape, best_theta.dtype
                )
                nets = nets._replace(
                    moments=moments, clock=clock, best_theta=best_theta
                )
            return StageResult(
                nets,
                archive.array("curves", (n_curves, rows, n)),
                archive.array("final", (n_curves, n)),
                archive.array("stopped", (n,), np.int64),
            )

    @contextmanager
    def _reading(self, name: str) -> Iterator[Archive]:
        """Read a file of this call."""
        path = self._folder / name
        try:
            with reading_archive(path, "part") as archive:
                if archive.fact("call") != self._facts["call"]:
                    raise ValueError("it belongs to another call of fit_many")
                yield archive
        except ValueError as error:
            raise ValueError(
                f"{error}. Delete it, and its nets are trained again"
            ) from None


def _numbers(pattern: str, name: str) -> tuple[int, ...]:
    """Return the numbers in a name of this pattern; none for another name."""
    match = re.fullmatch(re.escape(pattern).replace(r"\{\}", r"(\d+)"), name)
    return tuple(map(int, match.groups())) if match else ()


def _arrays_of(validation: ValidationData | None) -> tuple[Array, ...]:
    if validation is None:
        return ()
    return validation.X, validation.y, validation.weights
