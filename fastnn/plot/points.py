"""Plots of data points, of one or two features, in the colours of their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array, as_array, as_features
from ..data.labels import from_one_hot
from ..data.suggestions import suggests_arguments
from .style import axes_or_new, choose_fonts, class_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@suggests_arguments
def data(X: Any, y: Any, ax: Axes | None = None) -> Axes:
    """Plot the points X (n, 2), coloured by their labels y (n,).

    Points X (n, 1) of a single feature are drawn against their labels. Labels may be
    numbers, strings or one-hot rows.

    Raises ValueError for X of more features, and for labels that are missing.

    >>> from fastnn import datasets
    >>> ax = data(*datasets.spiral(20))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0', '1', '2']
    """
    shape = np.shape(X)
    n_features = shape[1] if len(shape) == 2 else 2
    if n_features not in (1, 2):
        raise ValueError(f"a plot shows one or two features, but X has {n_features}")
    points = as_features(X, n_features, np.dtype("float64"))
    classes, numbers = class_numbers(y, len(points))
    ax = axes_or_new(ax)
    scatter(ax, points, classes, numbers)
    label_axes(ax, classes, two_features=points.shape[1] == 2)
    choose_fonts(ax)
    return ax


def class_numbers(y: Any, n: int, classes: Array | None = None) -> tuple[Array, Array]:
    """Return the sorted class labels, and the number of each point's class (n,).

    classes are the labels that a net knows; by default they are those found in y.
    """
    labels = as_array("y", y)
    if labels.shape not in ((n,), (n, 1)):
        if labels.ndim != 2 or len(labels) != n:
            raise ValueError(
                f"y has the shape {labels.shape}, but X has {n} rows: pass one label "
                "per row"
            )
        labels = from_one_hot(labels)
    labels = labels.reshape(-1)
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(f"y has nan in row {np.flatnonzero(np.isnan(labels))[0]}")
    classes = np.unique(labels) if classes is None else classes
    numbers = np.searchsorted(classes, labels).clip(0, len(classes) - 1)
    if (classes[numbers] != labels).any():
        raise ValueError(
            f"y has labels that the net does not know: it knows {classes.tolist()}"
        )
    return classes, numbers


def marker_area(n: int) -> float:
    """Return the area, in points^2, at which n markers fill a tenth of the Axes."""
    return float(np.clip(9_000 / n, 1.2, 30.0))


def scatter(ax: Axes, points: Array, classes: Array, numbers: Array) -> None:
    """Draw each point in the colour of its class, whose label is classes[number]."""
    area, outlined = marker_area(len(points)), len(points) <= 1000
    for number, color in enumerate(class_colors(len(classes))):
        chosen = points[numbers == number]
        if not len(chosen):
            continue
        one_feature = points.shape[1] == 1
        ax.scatter(
            chosen[:, 0],
            np.full(len(chosen), float(number)) if one_feature else chosen[:, 1],
            s=area,
            color=[color],
            label=str(classes[number]),
            edgecolors=[ax.get_facecolor()] if outlined else "none",
            linewidths=0.4 if outlined else 0.0,
            zorder=3,
        )


def label_axes(ax: Axes, classes: Array, two_features: bool = True) -> None:
    """Label both axes, add a legend, and make the scales equal if that leaves room."""
    from matplotlib.collections import PathCollection

    ax.set_xlabel("x1" if two_features else "x")
    ax.set_ylabel("x2" if two_features else "label")
    spans = [abs(high - low) for low, high in (ax.get_xlim(), ax.get_ylim())]
    # Beyond a ratio of 4, equal scales would leave a thin strip.
    if two_features and max(spans) <= 4 * min(spans):
        ax.set_aspect("equal", adjustable="box")
    if 1 < len(classes) <= 10 and ax.get_legend_handles_labels()[0]:
        legend = ax.legend(
            title="label", loc="upper right", framealpha=0.9, fontsize="small"
        )
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([25.0])
