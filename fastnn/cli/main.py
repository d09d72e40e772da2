"""The command line, `fastnn` or `python -m fastnn`: parser and dispatch."""

import argparse
import difflib
import io
import os
import re
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NoReturn

from .. import __version__

_EXAMPLES = """examples:
  fastnn reproduce                    all experiments, into the folder fastnn-out
  fastnn reproduce xor-grid --out x   one experiment, into the folder x
  fastnn reproduce --list             list the experiments
  fastnn info                         versions, CPU, threads, folder of compiled code
  fastnn warmup                       compile everything now, so that no training waits
"""
_REPRODUCE_EXAMPLES = """examples:
  fastnn reproduce xor-grid spiral
  fastnn reproduce spiral --film --out pictures
"""


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Repeat a Ctrl-C that is lost: raised in LLVM's callbacks or in finalizers."""
    original = sys.unraisablehook

    def repeat(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is KeyboardInterrupt:
            threading.Timer(0.01, signal.raise_signal, [signal.SIGINT]).start()
        else:
            original(lost)

    sys.unraisablehook = repeat
    try:
        yield
    finally:
        sys.unraisablehook = original


@_interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, with `sys.argv` by default, and return the exit status.

    Wrong arguments and --help raise SystemExit.
    """
    started = time.perf_counter()
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Sources contain Korean text, which some terminals cannot encode.
            sys.stdout.reconfigure(errors="replace")
        parser, reproduce = _parsers()
        options = parser.parse_args(arguments)
        ok = True
        if options.command == "reproduce":
            typed = sys.argv[1:] if arguments is None else arguments
            command = shlex.join(["fastnn", *typed])
            ok = _reproduce(reproduce, options, command, started)
        elif options.command == "info":
            from . import info

            info.show()
        elif options.command == "warmup":
            from . import warmup

            warmup.show()
        else:
            parser.error("missing command: choose reproduce, info or warmup")
        sys.stdout.flush()
        return 0 if ok else 1
    except KeyboardInterrupt:
        # CPython remembers an interrupt within exec of a string, and would end the
        # process by the signal; another exec makes it forget.
        exec("")
        print("fastnn: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        # Such as a full disk, a folder that was removed, or a pipe that was closed.
        if not isinstance(error, BrokenPipeError):
            print(f"fastnn: {error}", file=sys.stderr)
        # Otherwise the interpreter reports at exit that it cannot flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parsers() -> tuple[_Parser, _Parser]:
    """Return the parser, and that of `reproduce`."""
    parser = _Parser(
        prog="fastnn",
        description="Train small neural networks on the CPU, as fast as it can.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    reproduce = commands.add_parser(
        "reproduce",
        help="train the published experiments and compare them with their pages",
        description="Train the published experiments, draw them, and compare the "
        "results with their pages.\nThe exit status is 1 if a check fails.",
        epilog=_REPRODUCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    reproduce.add_argument(
        "names", nargs="*", metavar="NAME", help="experiment (default: all of them)"
    )
    reproduce.add_argument(
        "--out",
        metavar="DIR",
        default="fastnn-out",
        help="folder to write into (default: %(default)s); report.html and "
        "results.json are replaced, pictures of other experiments stay",
    )
    reproduce.add_argument(
        "--quick",
        action="store_true",
        help="train fewer nets where many make a distribution",
    )
    reproduce.add_argument(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="seed where a page sets none (default: %(default)s)",
    )
    reproduce.add_argument(
        "--film", action="store_true", help="also make films, as animated GIFs"
    )
    reproduce.add_argument(
        "--list", action="store_true", help="list the experiments and exit"
    )
    commands.add_parser("info", help="show versions, CPU, threads and compiled code")
    commands.add_parser("warmup", help="compile the common loops now")
    return parser, reproduce


def _seed(text: str) -> int:
    if not re.fullmatch("[0-3]?[0-9]{1,6}", text):
        # Each stands for 1,000 seeds, and NumPy's legacy generator takes 2**32.
        raise argparse.ArgumentTypeError(
            "must be a whole number below 4,000,000, in decimal digits"
        )
    return int(text)


def _reproduce(
    parser: _Parser, options: argparse.Namespace, command: str, started: float
) -> bool:
    """Run or list the experiments; return True if no check fails."""
    from ..experiments import EXPERIMENTS

    for name in options.names:
        if name not in EXPERIMENTS:
            near = difflib.get_close_matches(name.lower(), EXPERIMENTS, cutoff=0.5)
            hint = (
                f"did you mean {' or '.join(near)}?"
                if near
                else f"choose from {', '.join(EXPERIMENTS)}"
            )
            parser.error(f"unknown experiment {name!r}: {hint}")
    names = dict.fromkeys(options.names or EXPERIMENTS)
    experiments = [EXPERIMENTS[name] for name in names]
    if options.list:
        for experiment in experiments:
            print(f"{experiment.name:<14}{experiment.title}")
            print(f"{'':<14}{experiment.source}")
        return True
    folder = _writable_folder(parser, options.out)
    from ..experiments.outcome import Options
    from ..experiments.report.run import reproduce

    _warm_up()
    chosen = Options(options.seed, options.quick)
    return reproduce(experiments, folder, chosen, options.film, command, started)


def _writable_folder(parser: _Parser, out: str) -> Path:
    """Return the folder, created if needed; an error if no file can be written."""
    if not out:
        parser.error("argument --out: the folder's name is empty")
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        parser.error(f"cannot write to {out}: it is not a folder")
    except OSError as error:
        parser.error(f"cannot write to {out}: {error.strerror or error}")
    return folder


def _warm_up() -> None:
    """Compile or load the loops of float64, with a message on stderr meanwhile."""
    from rich.console import Console

    from .warmup import warm_up

    console = Console(stderr=True)
    message = "loading the loops (the first time: compiling)"
    with console.status(message) if console.is_terminal else nullcontext() as status:
        for step in warm_up(("float64",)):
            if status is not None:
                status.update(f"{message}: {step}")
