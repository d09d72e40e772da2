"""What the command line asks for, checked before any work."""

import argparse
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from fastnn.data.machine import available_threads

from . import compare, growth, results
from .cases import Case, Missing, cases
from .contenders import CONTENDERS, OURS
from .growth import Axis
from .method import Plan
from .results import Run

QUICK = Plan(rounds=3, processes=1, turn=0.05, share=0.25, threads=1, quick=True)
FULL = Plan(rounds=12, processes=4, turn=0.3, share=20.0, threads=1, quick=False)
Work = dict[str, Case | Missing | Axis]  # by name


@dataclass(frozen=True)
class Options:
    """What is measured, by whom and how; the name of the files, and whether to print JSON; an earlier run."""

    plan: Plan
    contenders: list[str]
    cases: list[Case | Missing]
    axes: list[Axis]
    name: str
    json: bool
    old: Run | None


def read(description: str | None, folder: Path) -> Options:
    """The options of this process; results go to `folder`."""
    work: Work = {case.name: case for case in cases()}
    work |= {f"growth {axis.name}": axis for axis in growth.AXES}
    long = " and ".join(
        name for name, each in work.items() if isinstance(each, Case) and not each.quick
    )
    slow = ", ".join(
        name for name, contender in CONTENDERS.items() if not contender.quick
    )
    epilog = (
        f"Work: {', '.join(work)}. In quick runs {slow} takes part only if it is named, and {long} with --only. "
        "Ends with 0, with 1 where a contender is invalid or failed or the run was interrupted, "
        "with 2 where an option is wrong."
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
        "--only", metavar="TEXT", default="", help="what has this text in its name"
    )
    parser.add_argument(
        "--contenders",
        metavar="A,B",
        help=f"of {', '.join(CONTENDERS)}; fastnn always runs",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        metavar="N",
        help=f"how often each contender is timed ({FULL.rounds}; quick: {QUICK.rounds})",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", default=1, help="for every library (1)"
    )
    parser.add_argument(
        "--name",
        help="of the files in bench/results (latest; quick; part with --only or --contenders)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the result as JSON; tables go to standard error",
    )
    parser.add_argument(
        "--compare",
        metavar="OLD.json",
        type=Path,
        help="mark what got slower since then",
    )
    given = parser.parse_args()
    try:
        return _checked(given, work, folder)
    except (OSError, ValueError) as error:
        parser.error(str(error))


def _checked(given: argparse.Namespace, work: Work, folder: Path) -> Options:
    plan = QUICK if given.quick else FULL
    if given.rounds is not None and given.rounds < 1:
        raise ValueError(f"--rounds must be at least 1, not {given.rounds}")
    if not 1 <= given.threads <= available_threads():
        raise ValueError(
            f"--threads must be 1 to {available_threads()} on this machine, not {given.threads}"
        )
    rounds = (
        -(-(given.rounds or plan.rounds) // plan.processes) * plan.processes
    )  # as many in each process
    plan = replace(plan, rounds=rounds, threads=given.threads)
    part = given.only or given.contenders
    name = (
        given.name
        if given.name is not None
        else "part"
        if part
        else "quick"
        if given.quick
        else "latest"
    )
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(
            f"--name is a file's name of letters, digits, '-' and '.', without folder, not {name!r}"
        )
    old = None if given.compare is None else _old(given.compare, plan)
    chosen, axes = _chosen(given, work)
    _writable(folder)
    return Options(plan, _contenders(given), chosen, axes, name, given.json, old)


def _contenders(given: argparse.Namespace) -> list[str]:
    if given.contenders is None:
        return [
            name
            for name, contender in CONTENDERS.items()
            if contender.quick or not given.quick
        ]
    wanted = [part.strip() for part in given.contenders.split(",") if part.strip()]
    for part in wanted:
        if part not in CONTENDERS:
            raise ValueError(
                f"--contenders: there is no {part!r}; choose of {', '.join(CONTENDERS)}"
            )
    return [name for name in CONTENDERS if name in wanted or name == OURS]


def _chosen(
    given: argparse.Namespace, work: Work
) -> tuple[list[Case | Missing], list[Axis]]:
    chosen = [w for name, w in work.items() if given.only.lower() in name.lower()]
    if not chosen:
        raise ValueError(f"--only {given.only!r} fits none of: {'; '.join(work)}")
    if given.quick and not given.only:
        chosen = [w for w in chosen if not isinstance(w, Case) or w.quick]
    return [w for w in chosen if not isinstance(w, Axis)], [
        w for w in chosen if isinstance(w, Axis)
    ]


def _old(path: Path, plan: Plan) -> Run:
    run = results.load(path)
    obstacle = compare.obstacle({"threads": plan.threads, "quick": plan.quick}, run)
    if obstacle is not None:
        raise ValueError(f"--compare {path}: {obstacle}; run the suite in the same way")
    return run


def _writable(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir()
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write the results to {folder}: {error}") from None
