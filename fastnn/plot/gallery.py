"""A few nets that stand for many: which ones, and the small map of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array
from ..sweep.runs import Runs
from .maps import decision_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import SubplotSpec

_COLUMNS = 4
_RESOLUTION = 120
_LONGEST_SEED = 9  # digits, for which a title has room


def typical(runs: Runs, solved: Array) -> dict[str, Array]:
    """The numbers of up to four nets that solve the task, and of four that do not, each under the label of its row.

    Of each quarter of them, by the final loss, it is the middle one. Nets that diverged have no map.
    """
    ranking, right = runs.ranking(), int(solved.sum())
    ranking = ranking[~runs.diverged[ranking]]
    rows = {}
    for name, count, nets in (
        ("solved", right, ranking[solved[ranking]]),
        ("not solved", len(runs) - right, ranking[~solved[ranking]]),
    ):
        if len(nets):
            columns = min(_COLUMNS, len(nets))
            middles = (2 * np.arange(columns) + 1) * len(nets) // (2 * columns)
            rows[f"{name}\n{count:,} of {len(runs):,}"] = nets[middles]
    return rows


def gallery(
    figure: Figure | SubFigure,
    place: SubplotSpec,
    runs: Runs,
    rows: dict[str, Array],
    X: Any,
    y: Any,
) -> list[Axes]:
    """The maps of these nets, in a place of the figure: a row for each label."""
    grid = place.subgridspec(len(rows), _COLUMNS)
    axes = []
    for row, (label, nets) in enumerate(rows.items()):
        for column, net in enumerate(nets):
            axes.append(figure.add_subplot(grid[row, column]))
            _draw(axes[-1], runs, net, X, y)
        axes[-len(nets)].set_ylabel(label)
    return axes


def _draw(ax: Axes, runs: Runs, net: int, X: Any, y: Any) -> None:
    """The map of one net, without scales, under its seed, or number, and its final loss."""
    from matplotlib.collections import PathCollection

    decision_map(runs[net], X, y, ax=ax, resolution=_RESOLUTION)
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
    if (legend := ax.get_legend()) is not None:
        legend.remove()
    for points in ax.collections:
        if isinstance(points, PathCollection):  # of a map that is smaller than others
            points.set_sizes(np.minimum(points.get_sizes(), 2_500 / len(X)))
    seed = None if runs.seeds is None else str(runs.seeds[net])
    name = f"net {net}" if seed is None or len(seed) > _LONGEST_SEED else f"seed {seed}"
    ax.set_title(f"{name}, loss {runs.final_loss[net]:.3g}", fontsize="small")
