"""Points of the plane, or of a line, in the colours of their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array, as_array, as_features
from ..data.labels import from_one_hot
from .axes import given_or_new
from .style import class_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def data(X: Any, y: Any, ax: Axes | None = None) -> Axes:
    """The points X (n, 2), coloured by their labels y (n,); or X (n, 1) against the label."""
    shape = np.shape(X)
    width = shape[1] if len(shape) == 2 else 2
    if width not in (1, 2):
        raise ValueError(f"a picture shows one or two features, but X has {width}")
    points = as_features(X, width, np.dtype("float64"))
    labels, numbers = in_classes(y, len(points))
    ax = given_or_new(ax)
    scatter(ax, points, labels, numbers)
    name_axes(ax, labels, points.shape[1] == 2)
    return ax


def in_classes(y: Any, n: int, names: Array | None = None) -> tuple[Array, Array]:
    """The sorted labels of n points, and each point's place among these."""
    given = as_array("y", y)
    if given.shape not in ((n,), (n, 1)):
        if given.ndim != 2 or len(given) != n:
            raise ValueError(
                f"y has the shape {given.shape}, but X has {n} rows: one label each is wanted"
            )
        given = from_one_hot(given)
    given = given.reshape(-1)
    if given.dtype.kind == "f" and np.isnan(given).any():
        raise ValueError(f"y has nan in row {np.flatnonzero(np.isnan(given))[0]}")
    labels = np.unique(given) if names is None else names
    numbers = np.searchsorted(labels, given).clip(0, len(labels) - 1)
    if (labels[numbers] != given).any():
        raise ValueError(
            f"y has labels that the net does not know: it knows {labels.tolist()}"
        )
    return labels, numbers


def size(n: int) -> float:
    """The area of a point, in points^2, so that n of them fill about a tenth of the Axes."""
    return float(np.clip(9_000 / n, 1.2, 30.0))


def scatter(ax: Axes, points: Array, labels: Array, numbers: Array) -> None:
    """Each point in the colour of its label, which is labels[number]."""
    area, outlined = size(len(points)), len(points) <= 1000
    for number, color in enumerate(class_colors(len(labels))):
        chosen = points[numbers == number]
        if len(chosen):
            up = (
                chosen[:, 1]
                if points.shape[1] == 2
                else np.full(len(chosen), float(number))
            )
            ax.scatter(
                chosen[:, 0],
                up,
                s=area,
                color=[color],
                label=str(labels[number]),
                edgecolors="white" if outlined else "none",
                linewidths=0.4 if outlined else 0.0,
                zorder=3,
            )


def name_axes(ax: Axes, labels: Array, two: bool = True) -> None:
    """Names of both axes, equal scales where that leaves room, and a legend of the labels."""
    from matplotlib.collections import PathCollection

    ax.set_xlabel("x1" if two else "x")
    ax.set_ylabel("x2" if two else "label")
    spans = [abs(high - low) for low, high in (ax.get_xlim(), ax.get_ylim())]
    if two and max(spans) <= 4 * min(
        spans
    ):  # beyond that, equal scales make a thin strip
        ax.set_aspect("equal", adjustable="box")
    if 1 < len(labels) <= 10 and ax.get_legend_handles_labels()[0]:
        legend = ax.legend(
            title="label", loc="upper right", framealpha=0.9, fontsize="small"
        )
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([25.0])
