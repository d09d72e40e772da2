"""Progress bar of a long training: Rich's in a terminal, plain text in a notebook."""

import logging
import math
import sys
from contextlib import suppress
from datetime import timedelta
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING

from .. import kernels

if TYPE_CHECKING:
    from rich.console import Console

# Seconds until a bar appears if progress is None, and between two refreshes.
PATIENCE, _REFRESH = 1.0, 0.1
_WIDTH = 40  # of a bar of characters
_LOG = logging.getLogger("fastnn")


def announce(show: bool | None, text: str) -> None:
    """Log a line, and write it to stderr where a bar would be shown.

    show: as for `ProgressBar`, but a notebook has no terminal.
    """
    _LOG.info(text)
    with suppress(OSError, ValueError):  # a closed stream
        if sys.stderr and (show or (show is None and sys.stderr.isatty())):
            print(text, file=sys.stderr, flush=True)


class ProgressBar:
    """Bar on stderr: how far the work is, its speed, and the time that remains.

    updates: how many there are to make; each counts `amount` of the `unit` in which the
    speed is shown. show: True shows the bar at once, False never; None shows it after a
    second if stderr is a terminal or a notebook.
    """

    def __init__(
        self, show: bool | None, updates: int, amount: float, unit: str
    ) -> None:
        self._show, self._updates = show, updates
        self._amount, self._unit = amount, unit
        self._started = perf_counter()
        self._refreshed = -math.inf
        self._display: _TerminalBar | _NotebookBar | None = None

    def __enter__(self) -> "ProgressBar":
        if self._show:
            self._open()
        return self

    def is_due(self, done: float) -> bool:
        """Return True if the bar shows, or is to show, that so much is done."""
        if self._show is False:
            return False
        now, is_over = perf_counter(), done >= self._updates
        if self._display is None:
            return (
                self._show is None and now - self._started >= PATIENCE and not is_over
            )
        return now - self._refreshed >= _REFRESH or is_over

    def update(
        self, made: float, position: str, note: str = "", saved: int = 0
    ) -> None:
        """Show that `made` updates are made, and `saved` ones are not needed.

        position says where the work is, note what else there is to say.
        """
        done = made + saved
        if not self.is_due(done):
            return
        display = self._display or self._open()
        if display is None:
            self._show = False
            return
        self._refreshed = now = perf_counter()
        elapsed = max(now - self._started, 1e-9)
        seconds = elapsed * (self._updates - done) / max(made, 1e-9)
        remaining = timedelta(seconds=round(min(seconds, 1e9)))
        texts = (
            position,
            note,
            f"{made * self._amount / elapsed:,.0f} {self._unit}/s",
            f"{remaining} left",
        )
        try:
            display.draw(done / self._updates, texts)
        except (OSError, ValueError):
            # Nobody reads it any longer: the stream was closed. The work goes on.
            self._display, self._show = None, False

    def _open(self) -> "_TerminalBar | _NotebookBar | None":
        # Whole, or Rich could not be imported again.
        with kernels.interrupts.deferred:
            import rich.progress  # noqa: F401
            from rich.console import Console
            from rich.errors import LiveError

        class QuietConsole(Console):
            def on_broken_pipe(self) -> None:
                raise  # the error; Rich would end the process

        console = QuietConsole(stderr=True)
        if self._show is None and not (console.is_terminal or console.is_jupyter):
            return None
        # LiveError: the caller has a display of their own.
        with suppress(LiveError, OSError, ValueError):
            self._display = (
                _NotebookBar() if console.is_jupyter else _TerminalBar(console)
            )
        return self._display

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._display is not None:
            with suppress(OSError, ValueError):
                self._display.close()


class _TerminalBar:
    """Bar that Rich draws. LiveError if something else is drawn already."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        columns = [TextColumn(f"{{task.fields[texts][{i}]}}") for i in range(4)]
        self._progress = Progress(
            BarColumn(), *columns, console=console, auto_refresh=False
        )
        self._task = self._progress.add_task("", total=1.0, texts=("",) * 4)
        self._progress.start()

    def draw(self, done: float, texts: tuple[str, ...]) -> None:
        self._progress.update(self._task, completed=done, texts=texts, refresh=True)

    def close(self) -> None:
        self._progress.stop()


class _NotebookBar:
    """Bar of characters: Rich's needs ipywidgets in a notebook, or warns without it."""

    def __init__(self) -> None:
        self._length = 0  # of the line that the next one covers

    def draw(self, done: float, texts: tuple[str, ...]) -> None:
        filled = int(_WIDTH * min(done, 1.0))
        shown = ["#" * filled + "." * (_WIDTH - filled), *filter(None, texts)]
        line = " ".join(shown)
        print(f"\r{line:<{self._length}}", end="", file=sys.stderr, flush=True)
        self._length = len(line)

    def close(self) -> None:
        if self._length:
            print(file=sys.stderr, flush=True)
