"""Running experiments and telling what came out: pictures, `results.json`, a table."""

import json
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


def reproduce(experiments: Sequence[Experiment], folder: Path) -> None:
    """Run the experiments, write their pictures and results into the folder, and print what was found."""
    errors = Console(stderr=True)
    results: dict[str, list[Run]] = {}
    written: list[Path] = []
    steps = sum(len(experiment.modes) + 1 for experiment in experiments)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("", total=steps)
        for experiment in experiments:
            runs = experiment.runs()
            results[experiment.name] = []
            for mode in experiment.modes:
                progress.update(task, description=f"{experiment.name}: {mode}")
                results[experiment.name].append(next(runs))
                progress.advance(task)
            progress.update(task, description=f"{experiment.name}: drawing")
            written.append(folder / f"{experiment.name}.png")
            write_whole(written[-1], png(experiment, results[experiment.name]))
            progress.advance(task)
    written.append(folder / "results.json")
    write_whole(written[-1], _json(results).encode())

    console = Console()
    if not console.is_terminal:
        console.width = 150
    console.print(_table(results))
    for experiment in experiments:
        console.print(f"{experiment.name}: {experiment.note}", highlight=False)
    console.print(f"written: {', '.join(map(str, written))}", highlight=False, soft_wrap=True)


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


def _table(results: dict[str, list[Run]]) -> Table:
    table = Table(show_lines=False)
    for title, options in {
        "experiment": {"no_wrap": True},
        "mode": {},
        "epochs": {"justify": "right"},
        "loss": {"justify": "right"},
        "accuracy": {"justify": "right"},
        "time": {"justify": "right", "no_wrap": True},
        "ns/update": {"justify": "right"},
        "the page shows": {"ratio": 3},
        "agrees": {"ratio": 2},
    }.items():
        table.add_column(title, **options)  # type: ignore[arg-type]
    for name, runs in results.items():
        for place, run in enumerate(runs):
            table.add_row(
                name if place == 0 else "",
                run.mode,
                f"{run.history.epochs:,}",
                f"{run.loss:.8f}",
                f"{run.accuracy:.4f}",
                f"{run.history.seconds * 1e3:.0f} ms",
                f"{run.ns_per_update:,.0f}",
                run.shown,
                run.agrees,
                end_section=place == len(runs) - 1,
            )
    return table
