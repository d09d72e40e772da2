"""Small decision maps of a few nets that are typical of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array
from ..sweeps.runs import Runs
from .maps import (
    LONGEST_LEGEND,
    MAP_TITLE,
    decision_map,
    plane_classes,
    region_handles,
)
from .style import choose_fonts, class_legend, hide_scales

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import SubplotSpec

_COLUMNS = 4
_RESOLUTION = 120
_LONGEST_SEED = 9  # digits that fit into a title


def typical_nets(runs: Runs, solved: Array, by: str) -> dict[str, Array]:
    """Return up to four nets that solve the task and four that do not, by row label.

    Each group is divided into four by the final loss, of the validation data if `by`
    says so, and the middle net of each part is chosen. Nets that diverged have no map
    and are left out.
    """
    ranking, n_solved = runs.ranking(_loss(by)), int(solved.sum())
    ranking = ranking[~runs.diverged[ranking]]
    rows = {}
    for name, count, nets in (
        ("solved", n_solved, ranking[solved[ranking]]),
        ("not solved", len(runs) - n_solved, ranking[~solved[ranking]]),
    ):
        if len(nets):
            columns = min(_COLUMNS, len(nets))
            middles = (2 * np.arange(columns) + 1) * len(nets) // (2 * columns)
            rows[f"{name}\n{count:,} of {len(runs):,}"] = nets[middles]
    return rows


def gallery(
    figure: Figure | SubFigure,
    cell: SubplotSpec,
    runs: Runs,
    rows: dict[str, Array],
    X: Any,
    y: Any,
    by: str,
) -> list[Axes]:
    """Draw the maps of `rows`, one row per label, into a cell of a figure.

    Titles have the loss, of the validation data if `by` says so.
    A legend below names up to ten classes.
    """
    grid = cell.subgridspec(len(rows), _COLUMNS)
    axes = []
    for row, (label, nets) in enumerate(rows.items()):
        for column, net in enumerate(nets):
            axes.append(figure.add_subplot(grid[row, column]))
            _draw_map(axes[-1], runs, net, X, y, by)
        axes[-len(nets)].set_ylabel(label)
    classes = plane_classes(runs.net)
    if axes and classes is not None and len(classes) <= LONGEST_LEGEND:
        legend = class_legend(
            figure,
            region_handles(classes),
            classes,
            title="predicted label" if y is None else MAP_TITLE,
            loc="outside lower center",
            ncols=len(classes),
            frameon=False,
            fontsize="small",
        )
        choose_fonts(legend)
    return axes


def _draw_map(ax: Axes, runs: Runs, net: int, X: Any, y: Any, by: str) -> None:
    """Draw one net's map without scales, titled by its seed or number and its loss."""
    from matplotlib.collections import PathCollection

    decision_map(runs[net], X, y, ax=ax, resolution=_RESOLUTION)
    hide_scales(ax)
    if (legend := ax.get_legend()) is not None:
        legend.remove()
    # These maps are smaller than a plot of its own, and so are their points.
    for points in ax.collections:
        if isinstance(points, PathCollection):
            points.set_sizes(np.minimum(points.get_sizes(), 2_500 / len(X)))
    seed = None if runs.seeds is None else str(runs.seeds[net])
    name = f"net {net}" if seed is None or len(seed) > _LONGEST_SEED else f"seed {seed}"
    loss = _loss(by)
    value = f"{loss.replace('_', ' ')} {getattr(runs, f'final_{loss}')[net]:.3g}"
    ax.set_title(f"{name}, {value}", fontsize="small")


def _loss(by: str) -> str:
    """Return the criterion of `Runs.ranking` for the loss of the same data."""
    return "val_loss" if by.startswith("val_") else "loss"
