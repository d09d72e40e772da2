"""The same work, done by fastnn and by what a user would pick instead: the same loss first, then timed in turn."""

import signal
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from . import bound, charts, compare, growth, limit, machine, method, options, show
from .cases import Case, Missing
from .method import Field, Plan
from .options import Options
from .results import BAD, CaseResult, Growth, Run
from .worker import pinned

FOLDER = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Read the options, run what they ask for, and leave table, JSON and pictures."""
    given = options.read(__doc__, FOLDER)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # ends the run as Ctrl-C does
    out = show.console(stderr=given.json)
    run = _run(given, out)
    if any(case.rows for case in run.cases):
        out.print(show.summary(run, out.width))
    for case in run.cases:
        if case.why_missing:
            out.print(
                f"{case.name}: {case.why_missing}", style="yellow", highlight=False
            )
    if given.old is not None:
        out.print(compare.table(run, given.old))
    files = [FOLDER / f"{run.name}.json", *charts.draw(run, FOLDER)]
    out.print(
        "written: " + ", ".join(str(file) for file in files),
        soft_wrap=True,
        highlight=False,
    )
    if given.json:
        sys.stdout.write(run.as_json())
    if not run.complete:
        raise SystemExit(f"interrupted: {run.name}.json has what was finished")
    bad = [
        f"{row.title} in {case.name}: {row.why}"
        for case in run.cases
        for row in case.rows
        if row.status in BAD
    ]
    bad += [note for found in run.growth for note in found.notes]
    if bad:
        raise SystemExit(
            "\n".join(["not timed, because they are invalid or failed:", *bad])
        )


def _run(given: Options, out: Console) -> Run:
    """The run, as far as it came. Until it is complete it is kept as NAME.partial.json."""
    method_used = {"contenders": given.contenders, **asdict(given.plan)}
    run = Run(f"{given.name}.partial", machine.describe(), method_used, limits={})
    display = show.Display(out, len(given.cases) + len(given.axes) + 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, display.open():
        field = Field(given.contenders, given.plan.threads, Path(scratch))
        with field.open():
            try:
                _all(run, given, field, display)
                run.complete = True
            except KeyboardInterrupt:
                signal.signal(
                    signal.SIGINT, signal.SIG_IGN
                )  # what follows takes a second
    if run.complete:
        for file in FOLDER.glob(f"{run.name}*"):
            file.unlink()
        run.name = given.name
    run.save(FOLDER / f"{run.name}.json")
    return run


def _all(run: Run, given: Options, field: Field, display: show.Display) -> None:
    plan = given.plan
    display.update("the limits of this machine")
    with pinned(plan.threads):
        limits = limit.measure()
    run.limits = asdict(limits)
    display.finish()
    for case in given.cases:
        if isinstance(case, Missing):
            run.cases.append(CaseResult.missing(case.name, case.why))
            display.finish()
        else:
            _case(run, case, field, limits, plan, display)
        run.save(FOLDER / f"{run.name}.json")
    field.restart()
    for axis in given.axes:
        found = Growth(axis.name, axis.description, 3 if plan.quick else 5)
        run.growth.append(found)
        growth.measure(found, axis, field, plan, display.update)
        display.finish(growth=found)
        run.save(FOLDER / f"{run.name}.json")


def _case(
    run: Run,
    case: Case,
    field: Field,
    limits: limit.Limits,
    plan: Plan,
    display: show.Display,
) -> None:
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
