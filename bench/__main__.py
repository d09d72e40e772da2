"""The same work, done by fastnn and by what a user would pick instead: the same loss first, then timed in turn."""

import argparse
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from fastnn.info import available_threads

from . import bound, charts, compare, growth, limit, machine, method, results, show
from .cases import Case, Missing, cases
from .contenders import CONTENDERS, OURS
from .method import Field, Plan
from .results import BAD, CaseResult, Growth, Run
from .worker import pinned

FOLDER = Path(__file__).resolve().parent / "results"
QUICK = Plan(rounds=3, processes=1, turn=0.05, share=0.25, threads=1, quick=True)
FULL = Plan(rounds=12, processes=4, turn=0.3, share=20.0, threads=1, quick=False)


def main() -> None:
    """Read the options, run what they ask for, and leave table, JSON and pictures."""
    options = _options()
    out = show.console(stderr=options.json)
    run = _run(options, out)
    out.print(show.summary(run))
    if options.compare is not None:
        out.print(compare.table(run, options.old))
    files = [FOLDER / f"{run.name}.json", *charts.draw(run, FOLDER)]
    out.print("written: " + ", ".join(str(file) for file in files), soft_wrap=True, highlight=False)
    if options.json:
        sys.stdout.write(run.as_json())
    if not run.complete:
        raise SystemExit("interrupted: what was finished is kept")
    bad = [f"{row.title} in {case.name}: {row.why}" for case in run.cases for row in case.rows if row.status in BAD]
    bad += [note for found in run.growth for note in found.notes]
    if bad:
        raise SystemExit("\n".join(["not timed, because they are invalid or failed:", *bad]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes: fewer and shorter turns, fewer points")
    parser.add_argument("--only", metavar="TEXT", help="cases whose name holds this text ('growth' for the curves)")
    parser.add_argument("--contenders", metavar="A,B", help=f"of {', '.join(CONTENDERS)}; fastnn always runs")
    parser.add_argument(
        "--rounds", type=int, help=f"how often each contender is timed ({FULL.rounds}; quick: {QUICK.rounds})"
    )
    parser.add_argument("--threads", type=int, default=1, help="for every library (1)")
    parser.add_argument("--name", help="of the files in bench/results (latest; quick; part)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON; tables go to standard error")
    parser.add_argument("--compare", metavar="OLD.json", type=Path, help="mark what got slower since then")
    options = parser.parse_args()

    part = options.only is not None or options.contenders is not None
    options.name = options.name or ("part" if part else "quick" if options.quick else "latest")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    if not 1 <= options.threads <= available_threads():
        parser.error(f"--threads must be 1 to {available_threads()} on this machine, not {options.threads}")
    if Path(options.name).name != options.name:
        parser.error(f"--name is the name of a file without its folder, not {options.name!r}")
    options.names = _contenders(parser, options)
    options.cases = [case for case in cases() if options.only is None or options.only in case.name]
    options.axes = [
        axis for axis in growth.axes(options.quick) if options.only is None or options.only in f"growth {axis.name}"
    ]
    if not options.cases and not options.axes:
        known = [case.name for case in cases()] + [f"growth {axis.name}" for axis in growth.axes(options.quick)]
        parser.error(f"--only {options.only!r} fits none of: {'; '.join(known)}")
    if options.compare is not None:
        try:
            options.old = results.load(options.compare)
        except (OSError, ValueError) as error:
            parser.error(f"--compare: {error}")
        obstacle = compare.obstacle({"threads": options.threads, "quick": options.quick}, options.old)
        if obstacle is not None:
            parser.error(f"--compare {options.compare}: {obstacle}; run the suite in the same way")
    try:
        FOLDER.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=FOLDER):
            pass
    except OSError as error:
        parser.error(f"cannot write the results: {error}")
    return options


def _contenders(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[str]:
    if options.contenders is None:
        return [name for name, contender in CONTENDERS.items() if contender.quick or not options.quick]
    wanted = [part.strip() for part in options.contenders.split(",")]
    for part in wanted:
        if part not in CONTENDERS:
            parser.error(f"--contenders: there is no {part!r}; choose of {', '.join(CONTENDERS)}")
    return [name for name in CONTENDERS if name in wanted or name == OURS]


def _run(options: argparse.Namespace, out: Console) -> Run:
    """The run, as far as it came. Until it is complete it is kept as NAME.partial.json."""
    plan = QUICK if options.quick else FULL
    plan = replace(plan, rounds=options.rounds or plan.rounds, threads=options.threads)
    run = Run(f"{options.name}.partial", machine.describe(), {"contenders": options.names, **asdict(plan)}, limits={})
    display = show.Display(out, len(options.cases) + len(options.axes) + 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, display.open():
        field = Field(options.names, plan.threads, Path(scratch))
        with suppress(KeyboardInterrupt), field.open():
            _all(run, options, plan, field, display)
            run.complete = True
    partial = FOLDER / f"{run.name}.json"
    if run.complete:
        run.name = options.name
        run.save(FOLDER / f"{run.name}.json")
        partial.unlink(missing_ok=True)
    else:
        run.save(partial)
    return run


def _all(run: Run, options: argparse.Namespace, plan: Plan, field: Field, display: show.Display) -> None:
    display.update("the limits of this machine")
    with pinned(plan.threads):
        limits = limit.measure()
    run.limits = asdict(limits)
    display.finish(None)
    for case in options.cases:
        if isinstance(case, Missing):
            run.cases.append(CaseResult.missing(case.name, case.why))
            display.finish(None)
        else:
            _case(run, case, field, limits, plan, display)
        run.save(FOLDER / f"{run.name}.json")
    field.restart()
    for axis in options.axes:
        found = Growth(axis.name, axis.description, 3 if plan.quick else 5)
        run.growth.append(found)
        growth.measure(found, axis, field, plan, display.update)
        display.finish(growth=found)
        run.save(FOLDER / f"{run.name}.json")


def _case(run: Run, case: Case, field: Field, limits: limit.Limits, plan: Plan, display: show.Display) -> None:
    """Each case has its processes and its cache; a quick run starts anew in the first case only."""
    result = CaseResult.of(case, bound.per_unit(case, limits, plan.threads))
    first = not any(earlier.rows for earlier in run.cases)
    run.cases.append(result)
    if first and plan.quick:
        plan = replace(plan, processes=2)
    elif not plan.quick:
        field.restart(Path(tempfile.mkdtemp(dir=field.scratch)))
    method.measure(result, case, field, plan, lambda text: display.update(text, result))
    display.finish(result)


if __name__ == "__main__":
    main()
