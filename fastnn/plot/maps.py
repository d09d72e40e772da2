"""The regions of the plane that a net gives to each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arguments import check_int
from ..data.arrays import Array, as_features
from .axes import given_or_new
from .points import in_classes, name_axes, scatter, size
from .style import class_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..model import Sequential


def decision_map(
    net: Sequential,
    X: Any = None,
    y: Any = None,
    ax: Axes | None = None,
    resolution: int = 300,
) -> Axes:
    """The regions of the plane that a net with two inputs gives to each class, and the points X, y on top.

    Deeper colour is a more probable class; the line is where the class changes. Without points the map covers
    [-1, 1]^2. resolution is the number of cells along each side.
    """
    names = mapped_classes(net)
    if names is None:
        raise ValueError(
            f"a decision map needs a net with 2 inputs that tells classes apart, not {net!r}"
        )
    points, numbers = points_and_numbers(X, y, names)
    resolution = check_int("resolution", resolution, 2)
    ax = given_or_new(ax)
    low, high = (
        (np.array([-1.0, -1.0]), np.array([1.0, 1.0]))
        if points is None
        else (points.min(0), points.max(0))
    )
    margin = 0.05 * np.where(high > low, high - low, 1.0)
    low, high = low - margin, high + margin
    x1, x2 = (np.linspace(low[i], high[i], resolution) for i in range(2))
    grid = np.stack([axis.ravel() for axis in np.meshgrid(x1, x2)], axis=1)
    shares = net.predict_proba(grid).reshape(resolution, resolution, -1)
    regions(ax, x1, x2, shares)
    if points is not None and numbers is not None:
        scatter(ax, points, names, numbers)
    elif points is not None:
        ax.scatter(
            points[:, 0], points[:, 1], s=size(len(points)), color="black", linewidths=0
        )
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    name_axes(ax, names)
    return ax


def mapped_classes(net: Sequential) -> Array | None:
    """The labels of the classes that a net with two inputs tells apart; None for other nets, which have no map."""
    n_classes = net.loss.n_classes(net.n_out)
    if net.n_in != 2 or n_classes is None:
        return None
    return np.arange(n_classes) if net.classes is None else net.classes


def points_and_numbers(
    X: Any, y: Any, names: Array
) -> tuple[Array | None, Array | None]:
    """The points X (n, 2), and the places (n,) of their labels y among the names, as far as they are given."""
    if X is None and y is not None:
        raise ValueError("y is given without X: the labels of which points?")
    points = None if X is None else as_features(X, 2, np.dtype("float64"))
    return points, None if points is None or y is None else in_classes(
        y, len(points), names
    )[1]


def regions(ax: Axes, x1: Array, x2: Array, shares: Array) -> None:
    """Each cell in its most probable class's colour, paler where that is less certain, white where all are equal; and
    the borders.
    """
    from matplotlib.colors import to_rgb

    n_classes = shares.shape[2]
    colors = np.array([to_rgb(color) for color in class_colors(n_classes)])
    best = shares.argmax(axis=2)
    certainty = (shares.max(axis=2) - 1.0 / n_classes) / (1.0 - 1.0 / n_classes)
    strength = np.where(certainty > 0.0, 0.12 + 0.33 * certainty, 0.0)[..., np.newaxis]
    half = 0.5 * np.array([x1[1] - x1[0], x2[1] - x2[0]])
    extent = (x1[0] - half[0], x1[-1] + half[0], x2[0] - half[1], x2[-1] + half[1])
    ax.imshow(
        1.0 - strength * (1.0 - colors[best]),
        origin="lower",
        extent=extent,
        aspect="auto",
        zorder=0,
    )
    for number in range(n_classes if n_classes > 2 else 1):
        margin = shares[..., number] - np.delete(shares, number, axis=2).max(axis=2)
        if margin.min() < 0.0 < margin.max():
            ax.contour(
                x1, x2, margin, levels=[0.0], colors="#333333", linewidths=0.8, zorder=2
            )
