"""The command line: `fastnn reproduce`, `fastnn info`, `fastnn warmup`; `python -m fastnn` is the same."""

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
  fastnn reproduce --list             what experiments there are
  fastnn info                         versions, CPU, threads, where compiled code is kept
  fastnn warmup                       compile everything now, so that no training waits for it
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C comes again where no exception can rise: in LLVM's callbacks, in finalizers."""
    before = sys.unraisablehook

    def again(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is KeyboardInterrupt:
            threading.Timer(0.01, signal.raise_signal, [signal.SIGINT]).start()
        else:
            before(lost)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


@_interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is returned, or raised as SystemExit for wrong arguments and --help."""
    started = time.perf_counter()
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(
                errors="replace"
            )  # the sources have Korean in them, some terminals have not
        parser, reproduce = _parsers()
        options = parser.parse_args(arguments)
        if options.command is None:
            parser.error("a command is wanted: reproduce, info or warmup")
        agrees = True
        if options.command == "reproduce":
            typed = sys.argv[1:] if arguments is None else arguments
            agrees = _reproduce(
                reproduce, options, shlex.join(["fastnn", *typed]), started
            )
        elif options.command == "info":
            from .info import show

            show()
        else:
            from .warmup import show

            show()
        sys.stdout.flush()
        return 0 if agrees else 1
    except KeyboardInterrupt:
        exec("")  # or CPython ends by the signal, where it came within exec of a string
        print("fastnn: interrupted", file=sys.stderr)
        return 130
    except (
        OSError
    ) as error:  # a full disk, a folder that went away, a pipe that was closed
        if not isinstance(error, BrokenPipeError):
            print(f"fastnn: {error}", file=sys.stderr)
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or the interpreter complains at exit
        return 1


def _parsers() -> tuple[_Parser, _Parser]:
    """The parser, and that of `reproduce`."""
    parser = _Parser(
        prog="fastnn",
        description="Small neural networks, trained on the CPU at the speed that the machine allows.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    reproduce = commands.add_parser(
        "reproduce",
        help="train the published experiments, draw them, and hold them against the pages",
        description="Train the published experiments, draw them, and hold what comes out against the pages.\n"
        "The exit status is 1 where something is not as it should be.",
        epilog="examples:\n  fastnn reproduce xor-grid spiral\n  fastnn reproduce spiral --film --out pictures\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    reproduce.add_argument(
        "names", nargs="*", metavar="NAME", help="an experiment; all of them by default"
    )
    reproduce.add_argument(
        "--out",
        metavar="DIR",
        default="fastnn-out",
        help="where to write (default: %(default)s); report.html and results.json hold the last call alone, "
        "older pictures stay",
    )
    reproduce.add_argument(
        "--quick",
        action="store_true",
        help="fewer seeds where many nets make a distribution",
    )
    reproduce.add_argument(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="of all that no page fixes (default: %(default)s)",
    )
    reproduce.add_argument(
        "--film",
        action="store_true",
        help="make films of trainings, too: animated GIFs",
    )
    reproduce.add_argument(
        "--list",
        action="store_true",
        help="print what experiments there are, and do nothing else",
    )
    commands.add_parser(
        "info", help="versions, CPU, threads, and where compiled code is kept"
    )
    commands.add_parser("warmup", help="compile the common loops now")
    return parser, reproduce


def _seed(text: str) -> int:
    if not re.fullmatch("[0-3]?[0-9]{1,6}", text):
        raise argparse.ArgumentTypeError(
            "a whole number below 4,000,000 is wanted: each stands for 1,000 seeds"
        )
    return int(text)


def _reproduce(
    parser: _Parser, options: argparse.Namespace, command: str, started: float
) -> bool:
    from ..experiments import EXPERIMENTS

    for name in options.names:
        if name not in EXPERIMENTS:
            near = difflib.get_close_matches(name.lower(), EXPERIMENTS, cutoff=0.5)
            hint = (
                f"did you mean {' or '.join(near)}?"
                if near
                else f"there are {', '.join(EXPERIMENTS)}"
            )
            parser.error(f"no experiment is called {name!r}: {hint}")
    experiments = [
        EXPERIMENTS[name] for name in dict.fromkeys(options.names or EXPERIMENTS)
    ]
    if options.list:
        for each in experiments:
            print(f"{each.name:<14}{each.title}\n{'':<14}{each.source}")
        return True
    folder = _writable(parser, options.out)
    from ..experiments.outcome import Options
    from ..experiments.report.run import reproduce

    _warm_up(("float64",))
    return reproduce(
        experiments,
        folder,
        Options(options.seed, options.quick),
        options.film,
        command,
        started,
    )


def _writable(parser: _Parser, out: str) -> Path:
    """The folder, made where it is not there; refused where no file can be written."""
    if not out:
        parser.error("--out wants the name of a folder")
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


def _warm_up(dtypes: tuple[str, ...]) -> None:
    """Compile, or load, the loops, and say so on the standard error stream while it lasts."""
    from rich.console import Console

    from .warmup import warm_up

    console = Console(stderr=True)
    doing = "loading the loops (the first time: compiling)"
    with console.status(doing) if console.is_terminal else nullcontext() as status:
        for step in warm_up(dtypes):
            if status is not None:
                status.update(f"{doing}: {step}")
