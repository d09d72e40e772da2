"""What became of many nets: how many solve the task, how their losses spread, and some of them as maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array
from ..sweep.runs import Runs
from .gallery import gallery, typical
from .maps import mapped_classes, points_and_numbers
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from ..sweep.statistics import Proportion

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95)
_WIDTH, _CURVES, _MAPS = (
    12.0,
    3.6,
    2.9,
)  # of a new figure, and the heights of its rows, in inches


def success(
    runs: Runs,
    X: Any = None,
    y: Any = None,
    *,
    loss_below: float | None = None,
    accuracy_above: float | None = None,
    figure: Figure | SubFigure | None = None,
) -> list[Axes]:
    """How many nets solve the task over the epochs, how their losses spread, and typical ones of both kinds as maps.

    A net solves it with a loss below, or an accuracy above, or both, as in `Runs.solved`. The first Axes have the share
    of nets that do, and at the end, also in numbers, its 95 % interval; the second the losses: the median, where the
    middle half and 90 % of the nets lie, and the lowest. Where nets have two inputs and tell classes apart, a row of
    maps shows up to four that solve it, another four that do not, from low losses to high: of each quarter of them the
    middle one. X (n, 2) and y (n,) are the points on top, as in `decision_map`; other nets need none.

    figure: a Figure or SubFigure to draw on, of constrained layout, otherwise a new one. The Axes are returned in the
    order told; the first two share their epochs, so that `set_xscale("log")` of one is that of both.

    >>> from fastnn import datasets, mlp
    >>> X, y = datasets.xor_gate()
    >>> runs = mlp(2, 2, 1).fit_many(X, y, seeds=range(30), epochs=200, lr=1.0)
    >>> share, losses, *maps = success(runs, X, y, loss_below=0.3)
    >>> len(maps), share.get_ylabel()
    (8, 'share with loss below 0.3')
    """
    if not isinstance(runs, Runs):
        raise TypeError(f"runs is what fit_many returns, not {type(runs).__name__}")
    share = runs.share_solved(loss_below, accuracy_above)
    rate, quantiles = (
        runs.success_rate(loss_below, accuracy_above),
        runs.loss_quantiles(_QUANTILES),
    )
    rows: dict[str, Array] = {}
    names = mapped_classes(runs.net)
    if names is not None:
        points_and_numbers(X, y, names)  # refuses them before there is a figure
        rows = typical(runs, runs.solved(loss_below, accuracy_above))
    heights = [_CURVES, len(rows) * _MAPS] if rows else [_CURVES]
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    parts = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    curves = parts[0].subgridspec(1, 2)
    left = figure.add_subplot(curves[0])
    right = figure.add_subplot(curves[1], sharex=left)
    _share(left, runs.epochs, share, rate)
    left.set_ylabel(f"share with {_criterion(loss_below, accuracy_above)}")
    _fan(right, runs.epochs, quantiles, loss_below)
    n_diverged = int(runs.diverged.sum())
    right.set_ylabel(
        "mean loss"
        + (f" ({n_diverged:,} of {len(runs):,} nets diverged)" if n_diverged else "")
    )
    for ax in (left, right):
        _epochs(ax, runs.epochs)
    return [left, right, *(gallery(figure, parts[1], runs, rows, X, y) if rows else ())]


def _criterion(loss_below: float | None, accuracy_above: float | None) -> str:
    asked = {"loss below": loss_below, "accuracy above": accuracy_above}
    return "\nand ".join(
        f"{name} {value:g}" for name, value in asked.items() if value is not None
    )


def _share(ax: Axes, epochs: Array, share: Array, rate: Proportion) -> None:
    """The share that solve the task, and with its interval that of the end."""
    color = COLORS[2]
    ax.plot(epochs, share, color=color, linewidth=1.4)
    ax.vlines(epochs[-1], rate.low, rate.high, color=color, linewidth=2.0)
    label = f"{rate:.1%} in the end ({rate.low:.1%} to {rate.high:.1%})"
    ax.plot(epochs[-1], float(rate), "o", markersize=4, color=color, label=label)
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter("{x:.0%}")


def _fan(ax: Axes, epochs: Array, quantiles: Array, threshold: float | None) -> None:
    """Quantiles of the losses (6, m); infinite ones, of nets that diverged, are above the picture."""
    from matplotlib.ticker import LogLocator, NullFormatter

    lowest, low, quarter, middle, three, high = quantiles
    one = len(epochs) == 1  # which is no line, nor an area
    marker = "o" if one else ""
    scale, *limits = _scale(quantiles, threshold)
    ax.set(ylim=limits, yscale=scale)
    if (
        scale == "log" and limits[1] < 1000.0 * limits[0]
    ):  # where powers of ten would be too few numbers
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    for label, alpha, bottom, top in (
        ("90% of nets", 0.25, low, high),
        ("half", 0.5, quarter, three),
    ):
        band = (np.minimum(edge, 10.0 * limits[1]) for edge in (bottom, top))
        ax.fill_between(
            epochs,
            *band,
            color=COLORS[5],
            alpha=alpha,
            linewidth=8.0 if one else 0.0,
            label=label,
        )
    ax.plot(
        epochs, middle, color=COLORS[0], linewidth=1.4, marker=marker, label="median"
    )
    ax.plot(
        epochs,
        lowest,
        "--",
        color=COLORS[0],
        linewidth=0.8,
        marker=marker,
        markerfacecolor="white",
        label="lowest",
    )
    if threshold is not None:
        ax.axhline(
            threshold, color=COLORS[1], linewidth=0.8, label=f"threshold {threshold:g}"
        )


def _scale(quantiles: Array, threshold: float | None) -> tuple[str, float, float]:
    """The scale of the losses, from the lowest to the highest that still means something, with the threshold.

    Ten thousand times what nets start with are the losses of nets that diverge, and 1e-16 of it rounding errors.
    """
    shown, start = quantiles[np.isfinite(quantiles)], quantiles[1, 0]
    if 0.0 < start < np.inf:
        shown = shown.clip(1e-16 * start, 1e4 * start)
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    if 0.0 < 10.0 * low < high:
        room = (high / low) ** 0.05
        return "log", low / room, high * room
    room = 0.05 * (high - low) + 0.01 * abs(high) or 1.0
    return "linear", low - room, high + room


def _epochs(ax: Axes, epochs: Array) -> None:
    """The axis of epochs, and above the picture a legend."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(
        MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("epoch")
    ax.spines[["top", "right"]].set_visible(False)
    columns = int(
        np.clip(ax.bbox.width / ax.figure.dpi / 0.8, 1, 5)
    )  # each is 0.8 inches wide
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        frameon=False,
        fontsize="small",
        columnspacing=1.2,
        handlelength=1.4,
    )
