"""A plot of many trainings: success rate, losses, and maps of typical nets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array
from ..data.suggestions import suggests_arguments
from ..sweeps.runs import Runs
from ..sweeps.statistics import Proportion
from .gallery import gallery, typical_nets
from .maps import check_points, plane_classes
from .style import COLORS, bands, despine, foreground, labelled, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95)
# Inches: the width of a new figure, the heights of its curves and of a row of maps.
_WIDTH, _CURVES, _MAPS = 12.0, 3.6, 2.9


@suggests_arguments
def success(
    runs: Runs,
    X: Any = None,
    y: Any = None,
    *,
    loss_below: float | None = None,
    accuracy_above: float | None = None,
    by: str = "loss",
    figure: Figure | SubFigure | None = None,
) -> list[Axes]:
    """Plot how many nets solve a task over the epochs, their losses, and typical maps.

    A net solves the task if its loss is below `loss_below`, its accuracy above
    `accuracy_above`, or both, as in `Runs.solved`. The Axes that are returned show:

    1. the share of nets that solve the task, and its value with its 95 % interval at
       the end;
    2. the losses: the median, the areas that hold the middle half and 90 % of the nets,
       and the lowest loss. Both share the epochs' axis: `set_xscale("log")` of one
       applies to both;
    3. one row of maps with up to four nets that solve the task and one with up to four
       that do not, sorted by loss, if the nets are classifiers with two inputs. Each is
       the middle one of a quarter of its group. The points X (n, 2) with labels y (n,)
       are drawn on top, as in `decision_map`.

    Parameters
    ----------
    runs : Runs
        What `fit_many` returned.
    X, y : array_like, optional
        Points (n, 2) and labels (n,) to draw on the maps.
    loss_below, accuracy_above : float, optional
        The criterion; at least one of them.
    by : {"loss", "val_loss"}, default "loss"
        "val_loss" looks at the losses and accuracies of the validation data, in all
        that is shown.
    figure : Figure or SubFigure, optional
        With constrained layout, to draw on; by default a new one.

    Returns
    -------
    list of Axes

    Raises
    ------
    TypeError
        For anything but Runs.
    ValueError
        Without a criterion, for points and labels that do not fit the nets, or for
        "val_loss" without validation data.

    Examples
    --------
    >>> from fastnn import datasets, mlp
    >>> X, y = datasets.xor_gate()
    >>> runs = mlp(2, 2, 1).fit_many(X, y, seeds=range(30), epochs=200, lr=1.0)
    >>> share, losses, *maps = success(runs, X, y, loss_below=0.3)
    >>> len(maps), share.get_ylabel()
    (8, 'share with loss below 0.3')
    """
    if not isinstance(runs, Runs):
        raise TypeError(
            f"runs must be what fit_many returns, not {type(runs).__name__}"
        )
    share = runs.share_solved(loss_below, accuracy_above, by)
    final = runs.success_rate(loss_below, accuracy_above, by)
    quantiles = runs.loss_quantiles(_QUANTILES, by)
    rows: dict[str, Array] = {}
    net = runs.net
    classes = plane_classes(net)
    if classes is not None:
        check_points(X, y, classes, net.columns)  # before there is a figure
        rows = typical_nets(runs, runs.solved(loss_below, accuracy_above, by), by)
    heights = [_CURVES, len(rows) * _MAPS] if rows else [_CURVES]
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    curves = grid[0].subgridspec(1, 2)
    left = figure.add_subplot(curves[0])
    right = figure.add_subplot(curves[1], sharex=left)
    _draw_share(left, runs.epochs, share, final)
    left.set_ylabel(f"share with {criterion(loss_below, accuracy_above, by)}")
    _draw_losses(right, runs.epochs, quantiles, loss_below)
    n_diverged = int(runs.diverged.sum())
    diverged = f" ({n_diverged:,} of {len(runs):,} nets diverged)" if n_diverged else ""
    right.set_ylabel(f"mean {data_of(by)}loss{diverged}")
    for ax in (left, right):
        _finish(ax)
    maps = gallery(figure, grid[1], runs, rows, X, y, by) if rows else []
    return [left, right, *maps]


def criterion(
    loss_below: float | None, accuracy_above: float | None, by: str = "loss"
) -> str:
    """Return the criterion of success as text."""
    bounds = {"loss below": loss_below, "accuracy above": accuracy_above}
    return "\nand ".join(
        f"{data_of(by)}{name} {value:g}"
        for name, value in bounds.items()
        if value is not None
    )


def data_of(by: str) -> str:
    """Return the name of the data that a criterion looks at, before a noun."""
    return "validation " if by.startswith("val_") else ""


def _draw_share(ax: Axes, epochs: Array, share: Array, final: Proportion) -> None:
    """Draw the share of nets that solve the task, and at the end its interval.

    final is what `Runs.success_rate` returns.
    """
    color, end = COLORS[2], epochs[-1]
    ax.plot(epochs, share, color=color, linewidth=1.4)
    ax.vlines(end, final.low, final.high, color=color, linewidth=2.0)
    label = (
        f"{final:.1%} after training\n"
        f"(95% interval: {final.low:.1%} to {final.high:.1%})"
    )
    ax.plot(end, float(final), "o", markersize=4, color=color, label=label)
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter("{x:.0%}")


def _draw_losses(
    ax: Axes, epochs: Array, quantiles: Array, threshold: float | None
) -> None:
    """Draw quantiles of the losses (6, m); infinite ones are outside the limits."""
    from matplotlib.ticker import LogLocator, NullFormatter

    lowest, median = quantiles[[0, 3]]
    scale, *limits = _loss_scale(quantiles, threshold)
    ax.set(ylim=limits, yscale=scale)
    # Below three decades, powers of ten alone would be too few ticks.
    if scale == "log" and limits[1] < 1000.0 * limits[0]:
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    # One epoch alone makes neither a line nor an area: draw markers and outlines.
    one = len(epochs) == 1
    marker, linewidth = ("o", 8.0) if one else ("", 0.0)
    edges = np.minimum(quantiles[[1, 2, 4, 5]], 10.0 * limits[1])
    bands(ax, epochs, edges, ("middle 90%", "middle half"), linewidth)
    color = foreground()
    ax.plot(epochs, median, color=color, linewidth=1.4, marker=marker, label="median")
    ax.plot(
        epochs,
        lowest,
        "--",
        color=color,
        linewidth=0.8,
        marker=marker,
        markerfacecolor=ax.get_facecolor(),
        label="lowest",
    )
    if threshold is not None:
        label = f"threshold: {threshold:g}"
        ax.axhline(threshold, color=COLORS[1], linewidth=0.8, label=label)


def _loss_scale(quantiles: Array, threshold: float | None) -> tuple[str, float, float]:
    """Choose the scale and the limits of the losses, with the threshold inside.

    Losses above 10,000 times those at the start belong to nets that diverge, and losses
    below 1e-16 times those are rounding errors: both lie outside.
    """
    finite, start = quantiles[np.isfinite(quantiles)], quantiles[1, 0]
    if 0.0 < start < np.inf:
        finite = finite.clip(1e-16 * start, 1e4 * start)
    low, high = (
        (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    )
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    if 0.0 < 10.0 * low < high:
        margin = (high / low) ** 0.05
        return "log", low / margin, high * margin
    margin = 0.05 * (high - low) + 0.01 * abs(high) or 1.0
    return "linear", low - margin, high + margin


def _finish(ax: Axes) -> None:
    """Label the epochs' axis, and place the legend above the plot."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(
        MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("epoch")
    despine(ax)
    legend_above(ax, labelled(ax.get_legend_handles_labels()[0]), column=1.0)
