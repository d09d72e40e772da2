"""The same work, done by fastnn and by what a user would pick instead: the same loss first, then timed in turn."""

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from fastnn.info import available_threads

from . import bound, charts, compare, growth, limit, machine, method, results, show
from .cases import Case, Missing, cases
from .contenders import CONTENDERS, OURS
from .method import Field, Plan
from .results import CaseResult, Growth, Run
from .worker import pinned

FOLDER = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Read the options, run what they ask for, and leave table, JSON and pictures."""
    options = _options()
    out = show.console(stderr=options.json)
    run, interrupted = _run(options, out)
    out.print(show.summary(run))
    if options.compare is not None:
        out.print(compare.table(run, options.old))
    files = [FOLDER / f"{options.name}.json", *charts.draw(run, FOLDER)]
    out.print("written: " + ", ".join(str(file) for file in files), soft_wrap=True, highlight=False)
    if options.json:
        sys.stdout.write(run.as_json())
    if interrupted:
        raise SystemExit("interrupted: what was finished is kept")
    bad = [f"{row.title} in {case.name}" for case in run.cases for row in case.rows if row.status in _BAD]
    if bad:
        raise SystemExit("invalid or failed, and not timed: " + ", ".join(bad))


_BAD = ("invalid", "failed")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes: 3 rounds, shorter turns, fewer points")
    parser.add_argument("--only", metavar="TEXT", help="cases whose name holds this text ('growth' for the curves)")
    parser.add_argument("--contenders", metavar="A,B", help=f"of {', '.join(CONTENDERS)}; fastnn always runs")
    parser.add_argument("--rounds", type=int, help="how often each contender is timed (11; quick: 3)")
    parser.add_argument("--threads", type=int, default=1, help="for every library (1)")
    parser.add_argument("--name", help="of the files in bench/results (latest; quick)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON; tables go to standard error")
    parser.add_argument("--compare", metavar="OLD.json", type=Path, help="mark what got slower since then")
    options = parser.parse_args()

    options.rounds = options.rounds if options.rounds is not None else 3 if options.quick else 11
    options.name = options.name or ("quick" if options.quick else "latest")
    if options.rounds < 1:
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


def _run(options: argparse.Namespace, out: Console) -> tuple[Run, bool]:
    """The run, as far as it came, and whether it was interrupted."""
    budget, patience = (0.05, 0.25) if options.quick else (0.3, 20.0)
    plan = Plan(options.rounds, budget, patience, options.threads, options.quick)
    run = Run(options.name, machine.describe(), {"contenders": options.names, **asdict(plan)}, limits={})
    display = show.Display(out, len(options.cases) + len(options.axes) + 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as cache, display.open():
        try:
            display.update("the limits of this machine")
            with pinned(options.threads):
                limits = limit.measure()
            run.limits = asdict(limits)
            display.finish(None)
            with Field(options.names, options.threads, Path(cache)).open() as field:
                for case in options.cases:
                    _case(run, case, field, limits, plan, display)
                    run.save(FOLDER / f"{options.name}.json")
                for axis in options.axes:
                    found = Growth(axis.name, axis.description, [])
                    run.growth.append(found)
                    growth.measure(found, axis, field, plan, display.update)
                    display.finish(None)
                    out.print(show.growth_table(found))
            run.complete = True
        except KeyboardInterrupt:
            run.growth = [found for found in run.growth if found.curves]
        run.save(FOLDER / f"{options.name}.json")
    return run, not run.complete


def _case(
    run: Run, case: Case | Missing, field: Field, limits: limit.Limits, plan: Plan, display: show.Display
) -> None:
    if isinstance(case, Missing):
        run.cases.append(CaseResult.missing(case.name, case.why))
        display.finish(None)
        return
    result = CaseResult.of(case, bound.per_unit(case, limits, plan.threads))
    run.cases.append(result)
    starts = not plan.quick or len([c for c in run.cases if c.rows]) == 0
    method.measure(result, case, field, plan, starts, lambda text: display.update(text, result))
    display.finish(result)


if __name__ == "__main__":
    main()
