"""Options of the command line, checked before any work."""

import argparse
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from fastnn.data.machine import available_threads

from . import compare, estimator, growth, results
from .cases import Case, MissingCase, cases
from .contenders import CONTENDERS, OURS
from .estimator import EstimatorCase
from .growth import Axis
from .method import Plan
from .results import Run

QUICK = Plan(rounds=3, processes=1, turn=0.05, budget=0.25, threads=1, quick=True)
FULL = Plan(rounds=12, processes=4, turn=0.3, budget=20.0, threads=1, quick=False)
AnyCase = Case | EstimatorCase | MissingCase
Work = dict[str, AnyCase | Axis]  # by name


@dataclass(frozen=True)
class Options:
    """Choice of what to measure, how, and where the results go.

    crossover: the axes of the crossover, one per batch size. name: of the files. json:
    whether to print the results. old: a run to compare with.
    """

    plan: Plan
    contenders: list[str]
    cases: list[AnyCase]
    axes: list[Axis]
    crossover: list[Axis]
    name: str
    json: bool
    old: Run | None


def read(description: str | None, folder: Path) -> Options:
    """Return the options of this process; results go to `folder`."""
    work: Work = {case.name: case for case in cases()}
    work |= {case.name: case for case in estimator.cases()}
    work |= {f"growth {axis.name}": axis for axis in growth.AXES}
    work |= {f"crossover {axis.name}": axis for axis in growth.CROSSOVER}
    long = ", ".join(
        name
        for name, case in work.items()
        if isinstance(case, Case) and not _in_quick_runs(case)
    )
    slow = ", ".join(
        name for name, contender in CONTENDERS.items() if not contender.quick
    )
    epilog = (
        f"Work: {', '.join(work)}. A quick run includes the contender {slow} only if "
        f"--contenders names it, and only if --only does: {long}, the crossover and "
        "all estimators but the first. "
        "Exit status: 0; 1 if a contender failed or reached another loss, or after "
        "Ctrl-C; 2 if an option is wrong."
    )
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=description, epilog=epilog
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="under two minutes: fewer and shorter turns, fewer points",
    )
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="only work with TEXT in its name"
    )
    parser.add_argument(
        "--contenders",
        metavar="A,B",
        help=f"some of {', '.join(CONTENDERS)}; fastnn always runs",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        metavar="N",
        help=f"timings per contender ({FULL.rounds}; quick: {QUICK.rounds})",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", default=1, help="of each library (1)"
    )
    parser.add_argument(
        "--name",
        help="name of the files in bench/results (latest; quick for a quick run; part "
        "with --only or --contenders)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the results as JSON, and the tables to standard error",
    )
    parser.add_argument(
        "--compare",
        metavar="OLD.json",
        type=Path,
        help="mark what got slower since that run",
    )
    arguments = parser.parse_args()
    try:
        return _checked(arguments, work, folder)
    except (OSError, ValueError) as error:
        parser.error(str(error))


def _checked(arguments: argparse.Namespace, work: Work, folder: Path) -> Options:
    plan = QUICK if arguments.quick else FULL
    rounds, threads = arguments.rounds or plan.rounds, arguments.threads
    if arguments.rounds is not None and arguments.rounds < 1:
        raise ValueError(f"--rounds must be at least 1, not {arguments.rounds}")
    if not 1 <= threads <= available_threads():
        most = available_threads()
        raise ValueError(f"--threads must be 1 to {most} here, not {threads}")
    rounds_per_process = -(-rounds // plan.processes)
    rounds = rounds_per_process * plan.processes
    plan = replace(plan, rounds=rounds, threads=threads)
    name = _name(arguments)
    old = None
    if arguments.compare is not None:
        old = _earlier_run(arguments.compare, plan)
    chosen = _chosen_work(arguments, work)
    axes = [part for part in chosen if isinstance(part, Axis)]
    contenders = _chosen_contenders(arguments)
    _check_writable(folder)
    return Options(
        plan,
        contenders,
        [part for part in chosen if not isinstance(part, Axis)],
        [axis for axis in axes if axis not in growth.CROSSOVER],
        [axis for axis in axes if axis in growth.CROSSOVER],
        name,
        arguments.json,
        old,
    )


def _name(arguments: argparse.Namespace) -> str:
    name = arguments.name
    if name is None:
        name = "quick" if arguments.quick else "latest"
        if arguments.only or arguments.contenders:
            name = "part"  # so that a run of one case replaces no whole run
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(
            "--name must be a file name of letters, digits, '-' and '.', without a "
            f"folder, not {name!r}"
        )
    return name


def _chosen_contenders(arguments: argparse.Namespace) -> list[str]:
    if arguments.contenders is None:
        return [
            name
            for name, contender in CONTENDERS.items()
            if contender.quick or not arguments.quick
        ]
    parts = [part.strip() for part in arguments.contenders.split(",")]
    for part in parts:
        if part and part not in CONTENDERS:
            raise ValueError(
                f"--contenders: unknown {part!r}; choose from {', '.join(CONTENDERS)}"
            )
    return [name for name in CONTENDERS if name in parts or name == OURS]


def _chosen_work(arguments: argparse.Namespace, work: Work) -> list[AnyCase | Axis]:
    text = arguments.only.lower()
    chosen = [part for name, part in work.items() if text in name.lower()]
    if not chosen:
        raise ValueError(f"--only {arguments.only!r} fits none of: {'; '.join(work)}")
    if arguments.quick and not text:
        chosen = [part for part in chosen if _in_quick_runs(part)]
    return chosen


def _in_quick_runs(part: AnyCase | Axis) -> bool:
    """Return whether a quick run has it even if it is not named."""
    if isinstance(part, Axis):
        return part not in growth.CROSSOVER
    return isinstance(part, MissingCase) or part.quick


def _earlier_run(path: Path, plan: Plan) -> Run:
    run = results.load(path)
    obstacle = compare.obstacle({"threads": plan.threads, "quick": plan.quick}, run)
    if obstacle is not None:
        raise ValueError(
            f"--compare {path}: {obstacle}; use the same --threads and --quick"
        )
    return run


def _check_writable(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir()
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write the results to {folder}: {error}") from None
