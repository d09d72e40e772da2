"""Running experiments and telling what came out: pictures, films, `results.json`, `report.html`, and tables."""

import io
import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

from ... import __version__
from ...cli import info
from ...data.files import write_atomically
from ..outcome import Experiment, Options, Outcome, Picture
from .document import Chapter, Report
from .gif import gif
from .html import html
from .terminal import show

_DPI = 110


def reproduce(
    experiments: Sequence[Experiment],
    folder: Path,
    options: Options,
    film: bool,
    command: str,
    started: float,
) -> bool:
    """Run the experiments, write what comes out into the folder, and print it; `film` says whether films are made.

    command is what a user types for all this, and started when it began, in seconds of `time.perf_counter`. The answer
    is whether all findings are as they should be.
    """
    chapters = []
    errors = Console(stderr=True)
    rest = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    doing = TextColumn("{task.description}", markup=False, table_column=rest)
    columns = (
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        doing,
    )
    with Progress(
        *columns,
        console=errors,
        expand=True,
        transient=True,
        disable=not errors.is_terminal,
    ) as progress:
        task = progress.add_task("", total=len(experiments))
        for experiment in experiments:
            name = experiment.name

            def say(what: str, name: str = name) -> None:
                progress.update(task, description=f"{name}: {what}")

            outcome, files = experiment.run(options, say), {}
            for file, content in _images(outcome, film, say, progress):
                write_atomically(folder / file, content)
                files[file] = content
            chapters.append(Chapter(experiment, outcome, files))
            progress.advance(task)
    seconds = time.perf_counter() - started
    report = Report(
        chapters, command, time.strftime("%Y-%m-%d %H:%M %z"), seconds, _made_with()
    )
    write_atomically(folder / "results.json", _json(report).encode(errors="replace"))
    write_atomically(
        folder / "report.html", html(report).encode(errors="replace")
    )  # a folder may have any name
    show(report, folder)
    return not report.failures


def _images(
    outcome: Outcome, film: bool, say: Callable[[str], None], progress: Progress
) -> Iterator[tuple[str, bytes]]:
    """The names of the files of pictures and films, and what they hold."""
    for picture in outcome.pictures:
        say(f"drawing {picture.name}")
        yield f"{picture.name}.png", _png(picture)
    for each in outcome.films if film else ():
        say(f"filming {each.name}")
        task = progress.add_task("frames", total=each.n_frames)
        yield f"{each.name}.gif", gif(each, partial(progress.advance, task))
        progress.remove_task(task)


def _png(picture: Picture) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=picture.size, dpi=_DPI, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    picture.draw(figure)
    content = io.BytesIO()
    canvas.print_png(content)  # what savefig does, without laying out twice
    return content.getvalue()


def _made_with() -> dict[str, str]:
    return {
        "fastnn": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba"),
        "machine": platform.machine(),
        "cpu": info.cpu(),
    }


def _json(report: Report) -> str:
    """The report as JSON, with all numbers; null stands for what is not a number."""
    experiments = {
        chapter.experiment.name: {
            "title": chapter.experiment.title,
            "source": chapter.experiment.source,
            "ok": chapter.outcome.ok,
            "runs": [
                vars(run) | {"ns_per_update": run.ns_per_update}
                for run in chapter.outcome.runs
            ],
            "findings": [vars(finding) for finding in chapter.outcome.findings],
            "conclusion": chapter.outcome.conclusion,
            "files": list(chapter.files),
        }
        for chapter in report.chapters
    }
    results = {
        "made_with": report.made_with,
        "command": report.command,
        "date": report.date,
        "seconds": report.seconds,
        "training_seconds": report.training_seconds,
        "ok": not report.failures,
        "experiments": experiments,
    }
    return (
        json.dumps(_plain(results), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n"
    )


def _plain(value: Any) -> Any:
    """The same in what JSON knows."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
