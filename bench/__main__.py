"""Time the same work in fastnn and in the programs that a user might take instead.

Each contender must first reach the same loss. Those that do are timed in turn.
"""

import signal
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from . import (
    bound,
    charts,
    compare,
    estimator,
    growth,
    limit,
    machine,
    method,
    options,
    show,
)
from .cases import Case, MissingCase
from .estimator import EstimatorCase
from .method import Plan, Workers
from .options import Options
from .quiet import Usual
from .results import BAD, CaseResult, Growth, Run
from .worker import pinned

FOLDER = Path(__file__).resolve().parent / "results"
_LISTENING = 2.0  # seconds to learn what the machine takes when it is quiet


def main() -> None:
    """Run the chosen work; print tables and write a JSON file and charts."""
    chosen = options.read(__doc__, FOLDER)
    # A run that is terminated saves its results, as one that is interrupted does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out = show.console(stderr=chosen.json)
    run = _run(chosen, out)
    if any(case.rows for case in run.measured):
        out.print(show.summary(run, out.width))
    for case in run.measured:
        if case.why_missing:
            out.print(
                f"{case.name}: {case.why_missing}", style="yellow", highlight=False
            )
    if chosen.old is not None:
        out.print(compare.table(run, chosen.old))
    files = [FOLDER / f"{run.name}.json", *charts.draw(run, FOLDER)]
    out.print(
        "written: " + ", ".join(str(file) for file in files),
        soft_wrap=True,
        highlight=False,
    )
    if chosen.json:
        sys.stdout.write(run.as_json())
    if not run.complete:
        raise SystemExit(f"interrupted: {run.name}.json has the results so far")
    failed = [
        f"{row.title} in {case.name}: {row.why}"
        for case in run.measured
        for row in case.rows
        if row.status in BAD
    ]
    failed += [note for axis in run.growth + run.crossover for note in axis.notes]
    if failed:
        header = "not timed, because they failed or reached another loss:"
        raise SystemExit("\n".join([header, *failed]))


def _run(chosen: Options, out: Console) -> Run:
    """Return the run, whole or up to Ctrl-C.

    Its file is NAME.partial.json until it is complete.
    """
    method_used = {"contenders": chosen.contenders, **asdict(chosen.plan)}
    run = Run(f"{chosen.name}.partial", machine.describe(), method_used, limits={})
    parts = len(chosen.cases) + len(chosen.axes) + len(chosen.crossover)
    display = show.Display(out, parts + 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, display.open():
        threads = chosen.plan.threads
        with pinned(threads):
            usual = Usual(_LISTENING)
        workers = Workers(chosen.contenders, threads, Path(scratch), usual)
        with workers.open():
            try:
                _measure_all(run, chosen, workers, display)
                run.complete = True
            except KeyboardInterrupt:
                # Saving takes a second; another Ctrl-C must not stop it.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
    if run.complete:
        for file in FOLDER.glob(f"{run.name}*"):
            file.unlink()
        run.name = chosen.name
    run.save(FOLDER / f"{run.name}.json")
    return run


def _measure_all(
    run: Run, chosen: Options, workers: Workers, display: show.Display
) -> None:
    plan = chosen.plan
    display.update("the limits of this machine")
    with pinned(plan.threads):
        limits = limit.measure()
    run.limits = asdict(limits)
    display.finish()
    for case in chosen.cases:
        if isinstance(case, MissingCase):
            run.cases.append(CaseResult.missing(case.name, case.why))
            display.finish()
        elif isinstance(case, EstimatorCase):
            workers.restart()
            _measure_estimator(run, case, workers.usual, plan, display)
        else:
            _measure_case(run, case, workers, limits, plan, display)
        run.save(FOLDER / f"{run.name}.json")
    workers.restart()
    for axes, measured, rounds in (
        (chosen.axes, run.growth, 3 if plan.quick else 5),
        (chosen.crossover, run.crossover, 3),
    ):
        for axis in axes:
            curves = Growth(axis.name, axis.description, rounds)
            measured.append(curves)
            growth.measure(curves, axis, workers, plan, display.update)
            display.finish(growth=curves)
            run.save(FOLDER / f"{run.name}.json")


def _measure_case(
    run: Run,
    case: Case,
    workers: Workers,
    limits: limit.Limits,
    plan: Plan,
    display: show.Display,
) -> None:
    """Measure a case in processes of its own with an empty cache.

    A quick run restarts its processes in the first case only.
    """
    result = CaseResult.of(case, bound.per_unit(case, limits, plan.threads))
    first = not any(earlier.rows for earlier in run.cases)
    run.cases.append(result)
    if first and plan.quick:
        plan = replace(plan, processes=2)
    elif not plan.quick:
        workers.restart(Path(tempfile.mkdtemp(dir=workers.scratch)))

    def notify(text: str) -> None:
        display.update(text, result)

    method.measure(result, case, workers, plan, notify)
    display.finish(result)


def _measure_estimator(
    run: Run, case: EstimatorCase, usual: Usual, plan: Plan, display: show.Display
) -> None:
    def notify(text: str) -> None:
        display.update(f"{case.name}: {text}")

    result = estimator.measure(case, plan.quick, usual, notify)
    run.estimators.append(result)
    run.estimator_ratio = estimator.median_ratio(run.estimators)
    display.finish(result)


if __name__ == "__main__":
    main()
