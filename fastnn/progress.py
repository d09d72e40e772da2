"""The progress bar of a training that lasts."""

import math
import time
from datetime import timedelta
from types import TracebackType
from typing import Any

PATIENCE = 1.0  # seconds until a bar appears where nobody asked for one
_REFRESH = 0.1


class Bar:
    """Epoch, loss, samples per second and time left, on the standard error stream.

    show=True shows it at once, False never, None when the work has lasted a second and the stream is a terminal.
    """

    def __init__(self, show: bool | None, epochs: int, updates: int, samples_per_epoch: int) -> None:
        self._show, self._epochs, self._updates, self._samples = show, epochs, updates, samples_per_epoch
        self._started = time.perf_counter()
        self._refreshed = -math.inf
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> "Bar":
        if self._show and not self._open():
            self._show = False
        return self

    def update(self, done: float, loss: float) -> None:
        """`done` updates are made; `loss` is the last completed epoch's, or NaN."""
        now = time.perf_counter()
        if self._progress is None:
            if self._show is not None or now - self._started < PATIENCE or done >= self._updates:
                return
            if not self._open():
                self._show = False
                return
        if now - self._refreshed < _REFRESH and done < self._updates:
            return
        self._refreshed = now
        epochs = done / self._updates * self._epochs
        elapsed = max(now - self._started, 1e-9)
        rate = epochs * self._samples / elapsed
        left = timedelta(seconds=round(min(elapsed * (self._updates - done) / max(done, 1e-9), 1e9)))
        self._progress.update(
            self._task,
            completed=done,
            epoch=f"epoch {min(int(epochs) + 1, self._epochs)}/{self._epochs}",
            loss="" if math.isnan(loss) else f"loss {loss:.5g}",
            rate=f"{rate:,.0f} samples/s",
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
        fields = [TextColumn(f"{{task.fields[{name}]}}") for name in ("epoch", "loss", "rate", "left")]
        self._progress = Progress(BarColumn(), *fields, console=console, auto_refresh=False)
        self._task = self._progress.add_task("", total=self._updates, epoch="", loss="", rate="", left="")
        try:
            self._progress.start()
        except LiveError:  # the caller has a display of their own
            self._progress = None
        return self._progress is not None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
