"""Running experiments and writing their results: images, JSON, HTML and text."""

import io
import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from ...data.files import write_atomically
from ...data.machine import cpu
from ..outcome import Experiment, Options, Outcome, Picture
from .document import Chapter, Report
from .gif import gif
from .html import html
from .terminal import show

if TYPE_CHECKING:
    from PIL.Image import Image

_DPI = 110
# The style of pictures for dark screens, in the colours of the page's style sheet.
_DARK: dict[Any, str] = {
    "figure.facecolor": "#15191e",
    "axes.facecolor": "#15191e",
    "text.color": "#e3e6ea",
    "axes.edgecolor": "#e3e6ea",
    "axes.labelcolor": "#e3e6ea",
    "xtick.color": "#e3e6ea",
    "ytick.color": "#e3e6ea",
}


def reproduce(
    experiments: Sequence[Experiment],
    folder: Path,
    options: Options,
    film: bool,
    command: str,
    started: float,
) -> bool:
    """Run experiments, write the results into a folder, and print them.

    film: whether films are made
    command: what the user typed, for the report
    started: the time at which the command began, by `time.perf_counter`

    Returns True if no finding fails.
    """
    chapters = []
    with _progress() as progress:
        task = progress.add_task("", total=len(experiments))
        for experiment in experiments:

            def say(what: str, name: str = experiment.name) -> None:
                progress.update(task, description=f"{name}: {what}")

            outcome, files = experiment.run(options, say), {}
            for file, content in _images(outcome, film, say, progress):
                write_atomically(folder / file, content)
                files[file] = content
            dark = {each.name: _dark_png(each) for each in outcome.pictures}
            chapters.append(Chapter(experiment, outcome, files, dark))
            progress.advance(task)
    seconds = time.perf_counter() - started
    date = time.strftime("%Y-%m-%d %H:%M %z")
    report = Report(chapters, command, date, seconds, _made_with())
    # The command may hold a folder's name that is not valid text.
    for file, text in (("results.json", _json(report)), ("report.html", html(report))):
        write_atomically(folder / file, text.encode(errors="replace"))
    show(report, folder)
    return not report.failures


def _progress() -> Progress:
    """Return a progress bar on stderr, which is shown only in a terminal."""
    console = Console(stderr=True)
    rest = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    return Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False, table_column=rest),
        console=console,
        expand=True,
        transient=True,
        disable=not console.is_terminal,
    )


def _images(
    outcome: Outcome, film: bool, say: Callable[[str], None], progress: Progress
) -> Iterator[tuple[str, bytes]]:
    """Yield the file names and contents of all pictures, and of films if wanted."""
    for picture in outcome.pictures:
        say(f"drawing {picture.name}")
        yield f"{picture.name}.png", _png(picture)
    for each in outcome.films if film else ():
        say(f"filming {each.name}")
        task = progress.add_task("frames", total=each.n_frames)
        yield f"{each.name}.gif", gif(each, partial(progress.advance, task))
        progress.remove_task(task)


def _png(picture: Picture) -> bytes:
    content = io.BytesIO()
    _drawn(picture).save(content, "png", optimize=True)
    return content.getvalue()


def _dark_png(picture: Picture) -> bytes:
    """Return a picture for dark screens, with a palette: a third as large."""
    import matplotlib
    from PIL.Image import Dither, Quantize

    with matplotlib.rc_context(_DARK):
        image = _drawn(picture)
    content = io.BytesIO()
    # This method keeps the colours of small points, such as those of classes.
    palette = image.quantize(method=Quantize.MAXCOVERAGE, dither=Dither.NONE)
    palette.save(content, "png", optimize=True)
    return content.getvalue()


def _drawn(picture: Picture) -> "Image":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=picture.size, dpi=_DPI, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    picture.draw(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _made_with() -> dict[str, str]:
    return {
        "fastnn": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba"),
        "machine": platform.machine(),
        "cpu": cpu(),
    }


def _json(report: Report) -> str:
    """Return the report as JSON with all digits; null stands for NaN and infinity."""
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
    text = json.dumps(_plain(results), indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n"


def _plain(value: Any) -> Any:
    """Return a value in the types of JSON."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
