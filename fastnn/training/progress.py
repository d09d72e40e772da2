"""The progress bar of a training that lasts."""

import math
import time
from datetime import timedelta
from types import TracebackType
from typing import Any

PATIENCE = 1.0  # seconds until a bar appears where nobody asked for one
_REFRESH = 0.1


class ProgressBar:
    """How far the work is, its speed and the time left, on the standard error stream.

    There are so many updates to make; each counts `amount` of the `unit` that the speed is told in.
    show=True shows it at once, False never, None when the work has lasted a second and the stream is a terminal.
    """

    def __init__(
        self, show: bool | None, updates: int, amount: float, unit: str
    ) -> None:
        self._show, self._updates, self._amount, self._unit = (
            show,
            updates,
            amount,
            unit,
        )
        self._started = time.perf_counter()
        self._refreshed = -math.inf
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> "ProgressBar":
        if self._show and not self._open():
            self._show = False
        return self

    def update(self, made: float, place: str, note: str = "", spared: int = 0) -> None:
        """`made` updates are made and some spared; `place` says where the work is, `note` what else there is to say."""
        now, done = time.perf_counter(), made + spared
        if self._progress is None:
            if (
                self._show is not None
                or now - self._started < PATIENCE
                or done >= self._updates
            ):
                return
            if not self._open():
                self._show = False
                return
        if now - self._refreshed < _REFRESH and done < self._updates:
            return
        self._refreshed = now
        elapsed = max(now - self._started, 1e-9)
        left = timedelta(
            seconds=round(min(elapsed * (self._updates - done) / max(made, 1e-9), 1e9))
        )
        self._progress.update(
            self._task,
            completed=done,
            place=place,
            note=note,
            rate=f"{made * self._amount / elapsed:,.0f} {self._unit}/s",
            left=f"{left} left",
            refresh=True,
        )

    def _open(self) -> bool:
        from rich.console import Console
        from rich.errors import LiveError
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True)
        if self._show is None and not (console.is_terminal or console.is_jupyter):
            return False
        fields = [
            TextColumn(f"{{task.fields[{name}]}}")
            for name in ("place", "note", "rate", "left")
        ]
        self._progress = Progress(
            BarColumn(), *fields, console=console, auto_refresh=False
        )
        self._task = self._progress.add_task(
            "", total=self._updates, place="", note="", rate="", left=""
        )
        try:
            self._progress.start()
        except LiveError:  # the caller has a display of their own
            self._progress = None
        return self._progress is not None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
