"""Progress bar of a long training."""

import math
from datetime import timedelta
from time import perf_counter
from types import TracebackType
from typing import Any

# Seconds until a bar appears if progress is None, and between two refreshes.
PATIENCE, _REFRESH = 1.0, 0.1


class ProgressBar:
    """Bar on stderr: how far the work is, its speed, and the time that remains.

    updates: how many there are to make; each counts `amount` of the `unit` in which the
    speed is shown. show: True shows the bar at once, False never; None shows it after a
    second if stderr is a terminal.
    """

    def __init__(
        self, show: bool | None, updates: int, amount: float, unit: str
    ) -> None:
        self._show, self._updates = show, updates
        self._amount, self._unit = amount, unit
        self._started = perf_counter()
        self._refreshed = -math.inf
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> "ProgressBar":
        if self._show and not self._open():
            self._show = False
        return self

    def update(
        self, made: float, position: str, note: str = "", saved: int = 0
    ) -> None:
        """Show that `made` updates are made, and `saved` ones are not needed.

        position says where the work is, note what else there is to say.
        """
        now, done = perf_counter(), made + saved
        if self._progress is None:
            soon = now - self._started < PATIENCE or done >= self._updates
            if self._show is not None or soon:
                return
            if not self._open():
                self._show = False
                return
        if now - self._refreshed < _REFRESH and done < self._updates:
            return
        self._refreshed = now
        elapsed = max(now - self._started, 1e-9)
        seconds = elapsed * (self._updates - done) / max(made, 1e-9)
        remaining = timedelta(seconds=round(min(seconds, 1e9)))
        self._progress.update(
            self._task,
            completed=done,
            position=position,
            note=note,
            rate=f"{made * self._amount / elapsed:,.0f} {self._unit}/s",
            remaining=f"{remaining} left",
            refresh=True,
        )

    def _open(self) -> bool:
        from rich.console import Console
        from rich.errors import LiveError
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True)
        if self._show is None and not (console.is_terminal or console.is_jupyter):
            return False
        texts = dict.fromkeys(("position", "note", "rate", "remaining"), "")
        columns = [TextColumn(f"{{task.fields[{name}]}}") for name in texts]
        self._progress = Progress(
            BarColumn(), *columns, console=console, auto_refresh=False
        )
        self._task = self._progress.add_task("", total=self._updates, **texts)
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
