"""Decision maps: the regions of the plane that a net assigns to each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arguments import check_int
from ..data.arrays import Array, as_features
from ..data.frames import Columns
from ..data.machine import check_memory
from ..data.suggestions import suggests_arguments
from ..nn.net import Net, check_net
from .points import known_numbers, label_axes, marker_area, scatter
from .style import axes_or_new, choose_fonts, class_colors, class_legend, foreground

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# How far a region's colour lies between the background and the colour of its class:
# where the class is barely the most probable one, and what certainty adds.
_PALEST, _CERTAIN = 0.12, 0.33
LONGEST_LEGEND = 10  # classes
MAP_TITLE = "point: label\nregion: predicted"  # of a legend that explains both


@suggests_arguments
def decision_map(
    net: Net,
    X: Any = None,
    y: Any = None,
    ax: Axes | None = None,
    resolution: int = 300,
) -> Axes:
    """Plot the regions that a net with two inputs assigns to each class.

    A deeper colour means a more probable class; lines show where the class changes. A
    legend names up to ten classes.

    Parameters
    ----------
    net : Sequential
        A classifier with two inputs.
    X : array_like of shape (n, 2), optional
        Points to draw on top. The map covers them, or [-1, 1]^2 without them.
    y : array_like of shape (n,), optional
        Their labels, which colour them.
    ax : Axes, optional
        Where to draw; by default on new ones.
    resolution : int
        Number of cells along each side.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the net has other than two inputs or no classes.

    Examples
    --------
    >>> from fastnn import datasets, mlp
    >>> ax = decision_map(mlp(2, 3, 1), *datasets.xor_gate(), resolution=50)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    classes = plane_classes(check_net("net", net))
    if classes is None:
        raise ValueError(
            "a decision map needs a classifier with 2 inputs and one label per row, "
            f"not {net!r}"
        )
    points, numbers = check_points(X, y, classes, net.columns)
    resolution = check_int("resolution", resolution, 2)
    # Inputs, probabilities with their margins, and colours of each cell.
    cell_bytes = 8 * (6 + 4 * len(classes) + 12)
    check_memory(
        resolution**2 * cell_bytes,
        f"a map of {resolution:,} x {resolution:,} cells",
        "choose a smaller resolution, such as 300",
    )
    ax = axes_or_new(ax)
    if points is None:
        low, high = np.array([-1.0, -1.0]), np.array([1.0, 1.0])
    else:
        low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.05 * np.where(high > low, high - low, 1.0)
    low, high = low - margin, high + margin
    x1, x2 = (np.linspace(low[i], high[i], resolution) for i in range(2))
    regions(ax, x1, x2, grid_probabilities(net, x1, x2))
    handles: dict[int, Any] = {}
    if points is not None and numbers is not None:
        handles = scatter(ax, points, classes, numbers)
    elif points is not None:
        area = marker_area(len(points))
        ax.scatter(points[:, 0], points[:, 1], s=area, color=foreground(), linewidths=0)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    label_axes(ax, classes, handles)
    if (legend := ax.get_legend()) is not None:
        legend.set_title(MAP_TITLE)
    elif len(classes) <= LONGEST_LEGEND:
        class_legend(
            ax,
            region_handles(classes),
            classes,
            title="predicted label",
            loc="upper right",
            framealpha=0.9,
            fontsize="small",
        )
    choose_fonts(ax)
    return ax


def plane_classes(net: Net) -> Array | None:
    """Return the class labels of a classifier with two inputs; None for other nets.

    A net with several labels per row has no regions of one class.
    """
    targets = net.architecture.targets
    n_classes = targets.n_classes
    if net.n_in != 2 or n_classes is None or targets.is_multilabel:
        return None
    return np.arange(n_classes) if net.classes is None else net.classes


def check_points(
    X: Any, y: Any, classes: Array, columns: Columns | None
) -> tuple[Array | None, Array | None]:
    """Return the points (n, 2) and their class numbers (n,), each None if not given."""
    if X is None and y is not None:
        raise ValueError("y is given without X: pass the points of these labels, too")
    if X is None:
        return None, None
    points = as_features(X, 2, np.dtype("float64"), columns)
    return points, None if y is None else known_numbers(y, len(points), classes)


def grid_probabilities(net: Net, x1: Array, x2: Array) -> Array:
    """Return a net's probabilities on a grid, (len(x2), len(x1), n_classes)."""
    grid = np.stack([axis.ravel() for axis in np.meshgrid(x1, x2)], axis=1)
    return net.predict_proba(grid).reshape(len(x2), len(x1), -1)


def regions(ax: Axes, x1: Array, x2: Array, probabilities: Array) -> None:
    """Draw regions and their borders from class probabilities.

    Each cell has the colour of its most probable class, paler the less certain it is,
    and white where all classes are equally probable.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    x1, x2 : array
        The coordinates of columns and rows, in equal steps.
    probabilities : array of shape (len(x2), len(x1), n_classes)
        Of each class in each cell.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> x = np.linspace(0.0, 1.0, 20)
    >>> p = np.broadcast_to(x, (20, 20))
    >>> regions(ax, x, x, np.stack([p, 1.0 - p], axis=2))
    """
    n_classes = probabilities.shape[2]
    best = probabilities.argmax(axis=2)
    by_chance = 1.0 / n_classes
    certainty = (probabilities.max(axis=2) - by_chance) / (1.0 - by_chance)
    strength = np.where(certainty > 0.0, _PALEST + _CERTAIN * certainty, 0.0)
    background, colors = _background(ax), _class_rgb(n_classes)
    shades = background + strength[..., np.newaxis] * (colors[best] - background)
    half = 0.5 * np.array([x1[1] - x1[0], x2[1] - x2[0]])
    extent = (x1[0] - half[0], x1[-1] + half[0], x2[0] - half[1], x2[-1] + half[1])
    ax.imshow(shades, origin="lower", extent=extent, aspect="auto", zorder=0)
    # The one border between two classes is that of the first.
    for number in range(n_classes if n_classes > 2 else 1):
        others = np.delete(probabilities, number, axis=2).max(axis=2)
        margin = probabilities[..., number] - others
        if margin.min() < 0.0 < margin.max():
            ax.contour(
                x1,
                x2,
                margin,
                levels=[0.0],
                colors=foreground(),
                linewidths=0.8,
                zorder=2,
            )


def region_handles(classes: Array) -> list[Any]:
    """Return a legend's patches in the colours of the regions of sure predictions."""
    from matplotlib.patches import Patch

    strength = _PALEST + _CERTAIN
    return [
        Patch(color=(*color, strength), linewidth=0.0, label=str(label))
        for label, color in zip(classes, _class_rgb(len(classes)), strict=True)
    ]


def _class_rgb(n: int) -> Array:
    """Return the colours (n, 3) of n classes."""
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(color) for color in class_colors(n)])


def _background(ax: Axes) -> Array:
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(ax.get_facecolor()))
