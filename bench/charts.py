"""Charts of a run: bars of each case, and curves of the growing cost."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

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
    """Write the charts that have content, and return their files.

    They are NAME.png, NAME-growth.png and NAME-crossover.png.
    """
    files = []
    cases = [case for case in run.measured if case.row(OURS) is not None]
    if cases:
        files.append(_save(_bars(run, cases), folder / f"{run.name}.png"))
    if run.growth:
        files.append(_save(_curves(run), folder / f"{run.name}-growth.png"))
    if any(growth.curves for growth in run.crossover):
        file = folder / f"{run.name}-crossover.png"
        files.append(_save(_crossover(run), file, dpi=130))
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
    ax.xaxis.set_minor_formatter(NullFormatter())  # its labels would overlap
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


def _crossover(run: Run) -> Figure:
    """Return a map of the speed by width and batch size, with the line of break-even.

    A cell has the time of the nearest rival as a multiple of ours. It is blue where
    fastnn is faster, orange where the rival is, and white where it makes no difference.
    """
    measured = [growth for growth in run.crossover if growth.curves]
    columns = [nearest_rivals(growth) for growth in measured]
    widths = sorted({width for column in columns for width in column})
    ratios = np.full((len(widths), len(columns)), np.nan)
    figure = Figure(figsize=(7.2, 0.62 * len(widths) + 2.2), layout="constrained")
    ax = figure.subplots()
    for j, column in enumerate(columns):
        for width, (ratio, rival) in column.items():
            i = widths.index(width)
            ratios[i, j] = ratio
            ax.text(
                j,
                i,
                f"{significant(ratio)}\n{rival.partition(',')[0]}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if abs(np.log(ratio)) > np.log(3.5) else "black",
            )
    colours = LinearSegmentedColormap.from_list("", ("#B35806", "#FFFFFF", "#0B4F8A"))
    span = np.log(10.0)
    ax.imshow(
        np.log(ratios), cmap=colours, vmin=-span, vmax=span, aspect="auto", zorder=0
    )
    for start, end in break_even(ratios):
        ax.plot(*zip(start, end, strict=True), color="black", linewidth=4)
    ax.set_xticks(range(len(columns)), [g.axis.rpartition(" ")[2] for g in measured])
    ax.set_yticks(range(len(widths)), [f"{width:,}" for width in widths])
    ax.invert_yaxis()
    ax.set_xlabel("rows per batch")
    ax.set_ylabel("hidden units")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    work = measured[0].description.partition(", batches")[0]
    ax.set_title(
        f"What is small? {work}: the time of the nearer of JAX and PyTorch,\n"
        "as a multiple of fastnn's. Blue: fastnn is faster. Orange: the other is.\n"
        "The thick line is break-even.",
        fontsize=10,
        loc="left",
    )
    figure.supxlabel(circumstances(run), fontsize=8, color="#555555")
    return figure


def nearest_rivals(growth: Growth) -> dict[int, tuple[float, str]]:
    """Return, by the values of an axis, the fastest rival's title and its time.

    The time is a multiple of ours.
    """
    seconds: dict[str, dict[int, float]] = {
        curve.contender: dict(zip(curve.values, curve.seconds, strict=True))
        for curve in growth.curves
    }
    found = {}
    for value, ours in seconds.pop(OURS, {}).items():
        rivals = [
            (of_rival[value] / ours, CONTENDERS[name].title)
            for name, of_rival in seconds.items()
            if value in of_rival
        ]
        if rivals:
            found[value] = min(rivals)
    return found


def break_even(ratios: Any) -> Iterator[tuple[tuple[float, float], ...]]:
    """Yield the ends (x, y) of the borders between cells above and below 1."""
    faster = ratios > 1.0
    known = ~np.isnan(ratios)
    rows, columns = ratios.shape
    for i in range(rows):
        for j in range(columns):
            for down, right in ((1, 0), (0, 1)):
                k, m = i + down, j + right
                if k == rows or m == columns or not (known[i, j] and known[k, m]):
                    continue
                if faster[i, j] != faster[k, m]:
                    x, y = j + right / 2.0, i + down / 2.0
                    half_x, half_y = down / 2.0, right / 2.0
                    yield (x - half_x, y - half_y), (x + half_x, y + half_y)


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
