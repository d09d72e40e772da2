"""The command line, `fastnn` or `python -m fastnn`: parser and dispatch."""

import argparse
import difflib
import re
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from . import streams

_EXAMPLES = """examples:
  fastnn reproduce                    repeat all experiments; see fastnn-out/report.html
  fastnn reproduce xor-grid --out x   repeat one, and write its results into folder x
  fastnn reproduce --list             list the experiments
  fastnn info                         say which versions are used, and on which machine
  fastnn warmup                       compile now, so that no training has to wait
  fastnn cache clear                  remove the compiled code from this computer
"""
_REPRODUCE_EXAMPLES = """examples:
  fastnn reproduce xor-grid spiral
  fastnn reproduce spiral --film --out pictures
"""


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, which says where to read more."""

    def print_help(self, file: Any = None) -> None:
        print(self.format_help(), end="", file=file)  # argparse ignores a full disk

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
    streams.prepare()
    try:
        try:
            ok = _run(sys.argv[1:] if arguments is None else arguments, started)
        finally:
            sys.stdout.flush()
        return 0 if ok else 1
    except KeyboardInterrupt:
        # CPython remembers an interrupt within exec of a string, and would end the
        # process by the signal; another exec makes it forget.
        exec("")
        streams.say("interrupted")
        return 130
    except OSError as error:
        # Such as a full disk, a folder that was removed, or a pipe that was closed.
        if not isinstance(error, BrokenPipeError):
            streams.say(str(error))
        streams.give_up_stdout()
        return 1


def _run(typed: Sequence[str], started: float) -> bool:
    """Run the command that was typed; return False if something failed."""
    parser, commands = _parsers()
    if typed and not typed[0].startswith("-") and typed[0] not in commands:
        parser.error(f"invalid choice: {typed[0]!r}: {_hint(typed[0], commands)}")
    options, unknown = parser.parse_known_args(typed)
    if options.version and not unknown:
        print(f"fastnn {__version__}")
        return True
    if options.command is None and not unknown:
        parser.error(
            "missing command: choose reproduce, info or warmup, or cache clear"
        )
    chosen = commands.get(options.command, parser)
    if unknown:
        chosen.error(_unknown(unknown, chosen))
    if options.command == "reproduce":
        return _reproduce(chosen, options, shlex.join(["fastnn", *typed]), started)
    if options.command == "info":
        from . import info

        info.show()
    elif options.command == "warmup":
        from . import warmup

        warmup.show()
    else:
        from . import clear

        clear.show()
    return True


def _unknown(unknown: list[str], parser: _Parser) -> str:
    """Return a message about arguments that a command does not take."""
    option, *_ = unknown
    if not option.startswith("-"):
        return f"unrecognized arguments: {' '.join(unknown)}"
    explained, *_ = parser.format_help().partition("\nexamples:")
    known = sorted(set(re.findall(r"(?<!\S)--[a-z]+", explained)))
    name = option.partition("=")[0]
    return f"unknown option {name}: {_hint(name, known, 0.6)}"


def _hint(typed: str, names: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the names that somebody may have meant, or all of them."""
    near = difflib.get_close_matches(typed.lower(), names, cutoff=cutoff)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"choose from {', '.join(names)}"


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    """Return the parser, and those of the commands by their names."""
    parser = _Parser(
        prog="fastnn",
        usage="fastnn COMMAND ...",
        description="Train small neural networks, and repeat published experiments.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    _add_help(parser)
    parser.add_argument("--version", action="store_true", help="print the version")
    adder = parser.add_subparsers(
        title="commands (fastnn COMMAND --help explains one)",
        dest="command",
        metavar="COMMAND",
        prog="fastnn",
    )
    commands: dict[str, _Parser] = {}

    def add(name: str, what: str, more: str, **settings: Any) -> _Parser:
        commands[name] = adder.add_parser(
            name,
            help=what,
            description=f"{what[:1].upper()}{what[1:]}.\n{more}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
            **settings,
        )
        _add_help(commands[name])
        return commands[name]

    reproduce = add(
        "reproduce",
        "repeat published experiments, and compare the results",
        "Each experiment is trained, drawn, and compared with the page that published\n"
        "it. The exit status is 1 if a result differs where it should not.",
        epilog=_REPRODUCE_EXAMPLES,
    )
    reproduce.add_argument_group("experiments").add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="what to repeat (without a name: all experiments)",
    )
    reproduce.add_argument(
        "--out",
        metavar="DIR",
        default="fastnn-out",
        help="write the results into this folder (default: %(default)s); report.html "
        "and results.json in it are replaced, pictures of other experiments stay",
    )
    reproduce.add_argument(
        "--quick",
        action="store_true",
        help="train fewer nets in experiments that train many",
    )
    reproduce.add_argument(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="start random numbers from N where the page does not say from what "
        "(default: %(default)s)",
    )
    reproduce.add_argument(
        "--film", action="store_true", help="also draw films (animated GIF files)"
    )
    reproduce.add_argument(
        "--list",
        action="store_true",
        help="list the experiments and where they were published; train nothing",
    )
    add(
        "info",
        "show versions, the processor, threads, and the compiled code",
        "Compiled code is kept in a folder, so that it need not be compiled again.",
    )
    add(
        "warmup",
        "compile now what trainings need",
        "The first training need not wait then. It takes about a minute.",
    )
    cache = add(
        "cache",
        "remove the compiled code (fastnn cache clear)",
        "It is compiled again when it is needed. Other files in its folder stay.",
    )
    action = cache.add_argument_group("what to do")
    action.add_argument("action", choices=["clear"], metavar="clear", help="remove it")
    return parser, commands


def _add_help(parser: _Parser) -> None:
    parser.add_argument("-h", "--help", action="help", help="print this help")


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
            parser.error(f"unknown experiment {name!r}: {_hint(name, EXPERIMENTS)}")
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
