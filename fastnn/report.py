"""Running experiments and telling what came out: pictures, `results.json`, a table."""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from . import __version__
from .experiments import Experiment, Run
from .experiments.sheet import png
from .files import write_whole


def reproduce(experiments: Sequence[Experiment], folder: Path) -> bool:
    """Run the experiments, write their pictures and results into the folder, and print what was found.

    The answer is whether all of it agrees with the pages.
    """
    errors = Console(stderr=True)
    results: dict[str, list[Run]] = {}
    written: list[Path] = []
    steps = sum(len(experiment.modes) + 1 for experiment in experiments)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("", total=steps)
        for experiment in experiments:
            running = experiment.runs()
            results[experiment.name] = []
            for mode in experiment.modes:
                progress.update(task, description=f"{experiment.name}: {mode}")
                results[experiment.name].append(next(running))
                progress.advance(task)
            progress.update(task, description=f"{experiment.name}: drawing")
            written.append(folder / f"{experiment.name}.png")
            write_whole(written[-1], png(experiment, results[experiment.name]))
            progress.advance(task)
    written.append(folder / "results.json")
    write_whole(written[-1], _json(results).encode())

    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 150
    wide = console.width >= 130
    console.print(_table(results, wide))
    if not wide:
        for name, runs in results.items():
            for run in (run for run in runs if run.shown != "nothing"):
                console.print(f"{name}, {run.mode}: the page shows {run.shown}; agrees: {run.agrees}")
    console.print(
        "loss and accuracy are those of the last epoch, each sample's before its update; score is the share of points "
        "that the trained net gets right"
    )
    for experiment in experiments:
        console.print(f"{experiment.name}: {experiment.note} Source: {experiment.source}.")
    console.print(f"written: {', '.join(map(str, written))}", soft_wrap=True)
    return all(run.ok for runs in results.values() for run in runs)


def _json(results: dict[str, list[Run]]) -> str:
    made_with = {
        "fastnn": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba"),
        "machine": platform.machine(),
    }
    runs = [{"experiment": name} | run.record() for name, found in results.items() for run in found]
    return json.dumps({"made_with": made_with, "runs": runs}, indent=1) + "\n"


def _table(results: dict[str, list[Run]], wide: bool) -> Table:
    """All runs; what the pages show, and what agrees, only where there is room, and never a number cut off."""
    table = Table()
    for title in ("experiment", "mode") if wide else ("experiment",):
        table.add_column(title, min_width=len(title))
    for title in ("epochs", "loss", "accuracy", "score", "time", "ns/update"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("the page shows", "agrees") if wide else ():
        table.add_column(title)
    for name, runs in results.items():
        for place, run in enumerate(runs):
            cells = [
                *((name if place == 0 else "", run.mode) if wide else (f"{name}, {run.mode}",)),
                f"{run.history.epochs:,}",
                f"{run.loss:.8f}",
                f"{run.accuracy:.4f}",
                f"{run.score:.4f}",
                f"{run.history.seconds * 1e3:.0f} ms",
                f"{run.ns_per_update:,.0f}",
            ]
            table.add_row(*cells, *((run.shown, run.agrees) if wide else ()), end_section=place == len(runs) - 1)
    return table
