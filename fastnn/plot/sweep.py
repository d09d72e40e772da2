"""A plot of several kinds of nets: how many solve a task, by settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array
from ..data.suggestions import suggests_arguments
from ..sweeps.architectures import Sweep
from ..sweeps.statistics import Proportion
from .style import axes_or_new, class_colors, despine, legend_above
from .success import criterion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# From this ratio of the largest to the smallest value on, a setting has a log scale.
_LOG_RATIO = 10.0
# Widths in a legend: of a letter, and of a line's key with the gaps beside it.
_LETTER_INCHES, _KEY_INCHES = 0.065, 0.45

Line = dict[float, Proportion]


@suggests_arguments
def sweep(
    sweep: Sweep,
    *,
    loss_below: float | None = None,
    accuracy_above: float | None = None,
    by: str = "loss",
    ax: Axes | None = None,
) -> Axes:
    """Plot the share of nets that solve a task, with its 95 % interval.

    A net solves the task as in `Runs.solved`. The x axis is the first setting that has
    several values, such as lr; there is a line for each architecture, and for each
    combination of the other settings; the legend above names them. Where no setting has
    several values, the architectures are on the x axis.

    Parameters
    ----------
    sweep : Sweep
        What `fastnn.sweep` returned.
    loss_below, accuracy_above : float, optional
        The criterion; at least one of them.
    by : {"loss", "val_loss"}, default "loss"
        "val_loss" looks at the loss and accuracy of the validation data.
    ax : Axes, optional
        Where to draw; by default on new ones.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For anything but a Sweep.
    ValueError
        Without a criterion, or for "val_loss" without validation data.

    Examples
    --------
    >>> from fastnn import datasets, mlp, sweep as train
    >>> nets = {"2-2-1": mlp(2, 2, 1), "2-3-1": mlp(2, 3, 1)}
    >>> options = {"lr": [0.3, 3.0], "batch_size": "full"}
    >>> both = train(nets, *datasets.xor_gate(), seeds=range(9), epochs=300, **options)
    >>> ax = sweep(both, loss_below=0.3)
    >>> [line.get_label() for line in ax.lines], ax.get_xlabel()
    (['2-2-1', '2-3-1'], 'lr')
    """
    if not isinstance(sweep, Sweep):
        raise TypeError(
            f"sweep must be what fastnn.sweep returns, not {type(sweep).__name__}"
        )
    varied = [
        name
        for name in sweep.combinations[0]
        if len({settings[name] for settings in sweep.combinations}) > 1
    ]
    lines: dict[str, Line] = {}
    for name, settings, runs in sweep.groups():
        share = runs.success_rate(loss_below, accuracy_above, by)
        others = "".join(f", {other} {settings[other]:g}" for other in varied[1:])
        at = settings[varied[0]] if varied else len(lines)
        lines.setdefault(name + others, {})[at] = share
    ax = axes_or_new(ax)
    if varied:
        _draw_lines(ax, varied[0], lines)
    else:
        _draw_points(ax, lines)
    ax.set_ylabel(f"share with {criterion(loss_below, accuracy_above, by)}")
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.grid(alpha=0.3)
    despine(ax)
    return ax


def _draw_lines(ax: Axes, setting: str, lines: dict[str, Line]) -> None:
    values = np.unique([x for line in lines.values() for x in line])
    entries = []
    for (label, line), color in zip(
        lines.items(), class_colors(len(lines)), strict=True
    ):
        xs = np.array(sorted(line))
        shares = [line[x] for x in xs]
        (curve,) = ax.plot(xs, shares, "o-", markersize=4, color=color, label=label)
        entries.append((label, curve))
        _draw_intervals(ax, xs, shares, color)
    if values[0] > 0.0 and values[-1] >= _LOG_RATIO * values[0]:
        ax.set_xscale("log")
        ax.set_xticks(values)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
    ax.set_xlabel(setting)
    width = _LETTER_INCHES * max(map(len, lines)) + _KEY_INCHES
    legend_above(ax, entries, column=width)


def _draw_points(ax: Axes, lines: dict[str, Line]) -> None:
    for x, line in enumerate(lines.values()):
        shares, (color,) = list(line.values()), class_colors(1)
        ax.plot([x], shares, "o", color=color)
        _draw_intervals(ax, np.array([x]), shares, color)
    ax.set_xticks(range(len(lines)), list(lines))
    ax.set_xlim(-0.5, len(lines) - 0.5)


def _draw_intervals(ax: Axes, xs: Array, shares: list[Proportion], color: Any) -> None:
    low, high = [share.low for share in shares], [share.high for share in shares]
    ax.vlines(xs, low, high, color=color)
