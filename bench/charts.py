"""Charts of a run: bars of each case, and curves of the growing cost."""

import io
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fastnn.data.files import write_atomically

from .contenders import CONTENDERS, OURS
from .results import CaseResult, Growth, Run
from .show import significant

# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS = dict(
    zip(
        CONTENDERS,
        (
            "#D55E00",
            "#A33C00",
            "#E69F00",
            "#000000",
            "#777777",
            "#0072B2",
            "#CC79A7",
            "#8F5A78",
            "#009E73",
            "#005F45",
            "#A6761D",
            "#F0E442",
            "#56B4E9",
            "#B7DFF5",
        ),
        strict=True,
    )
)
_COLUMNS = 3


def draw(run: Run, folder: Path) -> list[Path]:
    """Write NAME.png and NAME-growth.png where they have content; return the files."""
    files = []
    cases = [case for case in run.cases if case.row(OURS) is not None]
    if cases:
        files.append(_save(_bars(run, cases), folder / f"{run.name}.png"))
    if run.growth:
        files.append(_save(_curves(run), folder / f"{run.name}-growth.png"))
    return files


def write_overview(
    path: Path, run: Run, cases: dict[str, CaseResult], contenders: Sequence[str]
) -> None:
    """Write one chart of cases by title: on each line, a dot per contender.

    The file says in its metadata of which run it is.
    """
    figure = Figure(figsize=(8.0, 0.52 * len(cases) + 1.5), layout="constrained")
    ax = figure.subplots()
    for name in reversed(contenders):  # ours is drawn last, on top of the others
        points = [
            (1e6 * median(row.per_unit(case.units)), i)
            for i, case in enumerate(cases.values())
            if (row := case.row(name)) is not None
        ]
        if points:
            ax.scatter(
                [time for time, _ in points],
                [i for _, i in points],
                s=110 if name == OURS else 48,
                color=_COLOURS[name],
                edgecolors="white",
                linewidths=0.8,
                label=CONTENDERS[name].title,
                zorder=3,
            )
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    ax.set_xlabel("µs per update, or per row predicted: further left is faster")
    ax.set_yticks(range(len(cases)), list(cases))
    ax.invert_yaxis()
    ax.margins(y=0.1)
    ax.grid(axis="both", color="#dddddd", linewidth=0.8)
    ax.tick_params(length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(
        handles[::-1],
        labels[::-1],
        loc="outside upper center",
        ncols=len(contenders),
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handletextpad=0.1,
    )
    _save(figure, path, dpi=160, metadata={"Description": circumstances(run)})


def _bars(run: Run, cases: list[CaseResult]) -> Figure:
    heights = [
        max(
            sum(bool(row.seconds) for row in case.rows)
            for case in cases[i : i + _COLUMNS]
        )
        for i in range(0, len(cases), _COLUMNS)
    ]
    figure, axes = _grid(len(cases), 5.2, [0.24 * h + 0.9 for h in heights])
    for ax, case in zip(axes, cases, strict=False):
        _bar(ax, case)
    rounds = f"medians of up to {run.method['rounds']} rounds"
    limit = "dotted: the limit of this machine"
    figure.suptitle(f"{circumstances(run)}, {rounds}; {limit}", fontsize=9)
    return figure


def _bar(ax: Axes, case: CaseResult) -> None:
    rows = sorted(
        (row for row in case.rows if row.seconds),
        key=lambda row: median(row.per_unit(case.units)),
    )
    times = [1e6 * median(row.per_unit(case.units)) for row in rows]
    ax.barh(
        range(len(rows)),
        times,
        color=[_COLOURS[row.contender] for row in rows],
        height=0.7,
    )
    ax.set_yticks(range(len(rows)), [row.title for row in rows], fontsize=8)
    for label, row in zip(ax.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.contender == OURS else "normal")
    for i, time in enumerate(times):
        ax.text(time, i, f" {significant(time)}", va="center", fontsize=7)
    ax.set_xscale("log")
    ax.invert_yaxis()
    low = min(times) if case.bound is None else min(min(times), 1e6 * case.bound)
    ax.set_xlim(low / 2.0, max(times) * 8.0)
    if case.bound is not None:
        ax.axvline(1e6 * case.bound, color="black", linestyle=":", linewidth=1)
    ax.set_title(case.name, fontsize=10)
    ax.set_xlabel(f"µs per {case.unit}", fontsize=8)
    ax.tick_params(axis="x", labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)


def _curves(run: Run) -> Figure:
    figure, axes = _grid(len(run.growth), 4.6, [3.9] * -(-len(run.growth) // _COLUMNS))
    for ax, growth in zip(axes, run.growth, strict=False):
        _curve(ax, growth)
    rounds = f"medians of {run.growth[0].rounds} rounds"
    slopes = "exponents: slopes of the upper half of each range"
    figure.suptitle(f"{circumstances(run)}, {rounds}; {slopes}", fontsize=9)
    return figure


def _curve(ax: Axes, growth: Growth) -> None:
    for curve in growth.curves:
        exponent = "" if curve.exponent is None else f", exponent {curve.exponent:.2f}"
        ax.plot(
            curve.values,
            [1e3 * s for s in curve.seconds],
            marker="o",
            markersize=3,
            color=_COLOURS[curve.contender],
            linewidth=2.2 if curve.contender == OURS else 1.2,
            label=f"{curve.title}{exponent}",
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    values = sorted({value for curve in growth.curves for value in curve.values})
    # A logarithmic axis labels decades only, and here there are fewer than two.
    if values[-1] < 100 * values[0]:
        ax.set_xticks(values, [str(value) for value in values])
        ax.minorticks_off()
    ax.set_xlabel(growth.axis)
    ax.set_ylabel("ms per epoch")
    ax.set_title(growth.description, fontsize=9)
    ax.legend(
        fontsize=7,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=2,
    )
    ax.spines[["top", "right"]].set_visible(False)


def _grid(count: int, width: float, heights: list[float]) -> tuple[Figure, list[Axes]]:
    columns = min(_COLUMNS, count)
    figure = Figure(
        figsize=(width * columns, sum(heights) + 0.5), layout="constrained", dpi=110
    )
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    return figure, [
        figure.add_subplot(grid[i // columns, i % columns]) for i in range(count)
    ]


def circumstances(run: Run) -> str:
    """Return in a phrase where and of which commit a run is."""
    machine, method = run.machine, run.method
    threads = f"{method['threads']} thread" + ("s" if method["threads"] > 1 else "")
    day, commit = machine["date"][:10], machine["commit"]
    return f"{machine['cpu']}, {threads}, {day}, commit {commit}"


def _save(figure: Figure, path: Path, **options: Any) -> Path:
    content = io.BytesIO()
    figure.savefig(content, format="png", **options)
    write_atomically(path, content.getvalue())
    return path
