"""Standard streams of a command: missing, closed, or of few letters."""

import codecs
import io
import os
import sys
from contextlib import suppress

# How a stream that lacks these letters shows them. Others become question marks.
_SPELLED = {
    "✓": "ok",
    "✗": "x",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "\N{MULTIPLICATION SIGN}": "x",
    "÷": "/",
    "²": "^2",
    "→": "->",
    "…": "...",
    "•": "*",
    "·": "*",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "“": '"',
    "”": '"',
}


def prepare() -> None:
    """Open the standard streams that are missing, and let stdout spell what it lacks.

    Without them, as in a job of cron, the next file that is opened would take their
    place, and get what was meant for them.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    codecs.register_error("fastnn", _spell)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="fastnn")


def say(message: str) -> None:
    """Print a message on stderr, where it may be that nobody listens."""
    with suppress(OSError):
        print(f"fastnn: {message}", file=sys.stderr, flush=True)


def give_up_stdout() -> None:
    """Write no more to stdout: the interpreter would fail to flush it at its exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_SPELLED.get(letter, "?") for letter in letters), error.end
