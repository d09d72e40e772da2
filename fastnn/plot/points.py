"""Plots of data points, of one or two features, in the colours of their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array, as_array, as_features, as_float_array
from ..data.labels import class_numbers, from_objects, from_one_hot, plain_labels
from ..data.suggestions import suggests_arguments
from .style import (
    COLORS,
    axes_or_new,
    choose_fonts,
    class_colors,
    class_legend,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# From this number of different numbers on, they are values rather than labels.
_MANY = 20
# Classes whose names fit along an axis, and into a legend.
_MAX_TICKS, _MAX_LEGEND = 20, 10


@suggests_arguments
def data(X: Any, y: Any, ax: Axes | None = None) -> Axes:
    """Plot the points X (n, 2), coloured by their labels or values y (n,).

    Points X (n, 1) of a single feature are drawn against y. Labels may be numbers,
    strings, booleans or one-hot rows; a legend names up to ten. Numbers that are not
    all whole, or more than 20 different ones, are values: their colours are explained
    by a scale.

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
    labels = _one_per_row(y, len(points))
    if _are_values(labels):
        ax = axes_or_new(ax)
        _draw_values(ax, points, as_float_array("y", labels, np.dtype("float64")))
    else:
        labels = plain_labels("y", labels, y)
        classes = np.unique(labels)
        ax = axes_or_new(ax)
        handles = scatter(ax, points, classes, class_numbers(labels, classes))
        label_axes(ax, classes, handles, two_features=n_features == 2)
    choose_fonts(ax)
    return ax


def known_numbers(y: Any, n: int, classes: Array) -> Array:
    """Return the number (n,) of each label of y in the sorted labels of a net."""
    labels = plain_labels("y", _one_per_row(y, n), y)
    numbers = class_numbers(labels, classes)
    if numbers.min() < 0:
        raise ValueError(
            f"y has labels that the net does not know: it knows {classes.tolist()}"
        )
    return numbers


def _one_per_row(y: Any, n: int) -> Array:
    """Return y as an array (n,) of whatever kind; one-hot rows as class numbers."""
    labels = as_array("y", y)
    if labels.shape not in ((n,), (n, 1)):
        if labels.ndim != 2 or len(labels) != n:
            raise ValueError(
                f"y has the shape {labels.shape}, but X has {n} rows: pass one label "
                "per row"
            )
        labels = from_one_hot(labels)
    labels = labels.reshape(-1)
    return from_objects("y", labels) if labels.dtype.kind in "TO" else labels


def _are_values(y: Array) -> bool:
    if y.dtype.kind not in "iuf":
        return False
    return bool((y != np.floor(y)).any()) or len(np.unique(y)) > _MANY


def _draw_values(ax: Axes, points: Array, y: Array) -> None:
    """Draw points of one feature against their values, those of two in colours."""
    area = marker_area(len(points))
    if points.shape[1] == 1:
        ax.scatter(points[:, 0], y, s=area, color=COLORS[0], linewidths=0, zorder=3)
        ax.set(xlabel="x", ylabel="y")
        return
    shown = ax.scatter(
        points[:, 0], points[:, 1], s=area, c=y, cmap="viridis", linewidths=0, zorder=3
    )
    _label_plane(ax)
    ax.figure.colorbar(shown, ax=ax, label="y")


def marker_area(n: int) -> float:
    """Return the area, in points^2, at which n markers fill a tenth of the Axes."""
    return float(np.clip(9_000 / n, 1.2, 30.0))


def scatter(ax: Axes, points: Array, classes: Array, numbers: Array) -> dict[int, Any]:
    """Draw each point in the colour of its class, whose label is classes[number].

    Points of one feature are drawn at their label if it is a number, and otherwise at
    the number of their class. The artists are returned by the number of their class.
    """
    area, outlined = marker_area(len(points)), len(points) <= 1000
    one_feature = points.shape[1] == 1
    heights = _heights(classes)
    handles = {}
    for number, color in enumerate(class_colors(len(classes))):
        chosen = points[numbers == number]
        if not len(chosen):
            continue
        handles[number] = ax.scatter(
            chosen[:, 0],
            np.full(len(chosen), heights[number]) if one_feature else chosen[:, 1],
            s=area,
            color=[color],
            label=str(classes[number]),
            edgecolors=[ax.get_facecolor()] if outlined else "none",
            linewidths=0.4 if outlined else 0.0,
            zorder=3,
        )
    return handles


def _heights(classes: Array) -> Array:
    """Return where on the axis of labels each class is drawn."""
    if classes.dtype.kind in "iuf":
        return classes.astype(np.float64)
    return np.arange(float(len(classes)))


def label_axes(
    ax: Axes, classes: Array, handles: dict[int, Any], two_features: bool = True
) -> None:
    """Label both axes, and name the classes that `scatter` returned in a legend."""
    from matplotlib.collections import PathCollection

    if two_features:
        _label_plane(ax)
    else:
        ax.set(xlabel="x", ylabel="label")
        if len(classes) <= _MAX_TICKS:
            ax.set_yticks(_heights(classes), [str(name) for name in classes.tolist()])
            plain_text(ax.get_yticklabels())
    if handles and 1 < len(classes) <= _MAX_LEGEND:
        legend = class_legend(
            ax,
            list(handles.values()),
            classes[list(handles)],
            title="label",
            loc="upper right",
            framealpha=0.9,
            fontsize="small",
        )
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([25.0])


def _label_plane(ax: Axes) -> None:
    """Label the axes of two features, with equal scales if that leaves room."""
    ax.set(xlabel="x1", ylabel="x2")
    spans = [abs(high - low) for low, high in (ax.get_xlim(), ax.get_ylim())]
    # Beyond a ratio of 4, equal scales would leave a thin strip.
    if max(spans) <= 4 * min(spans):
        ax.set_aspect("equal", adjustable="box")
