"""Pictures: each function draws on the Axes it is given, or on new ones, and returns them. None calls show()."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import checks
from .arrays import Array, as_array, features
from .history import History as _History
from .targets import from_one_hot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .model import Sequential

# Okabe and Ito's colours, which the colour-blind can tell apart; paler ones of the same hues for regions.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
_LOSS, _ACCURACY = COLORS[0], COLORS[1]


def data(X: Any, y: Any, ax: Axes | None = None) -> Axes:
    """The points X (n, 2), coloured by their labels y (n,); or X (n, 1) against the label."""
    shape = np.shape(X)
    width = shape[1] if len(shape) == 2 else 2
    if width not in (1, 2):
        raise ValueError(f"a picture shows one or two features, but X has {width}")
    points = features(X, width, np.dtype("float64"))
    labels, numbers = _labels(y, len(points))
    ax = _axes(ax)
    _scatter(ax, points, labels, numbers)
    _label(ax, labels, points.shape[1] == 2)
    return ax


def history(history: _History, ax: Axes | None = None) -> Axes:
    """Loss over epochs, with a dashed line at the lowest, and on a second scale the accuracy, at the highest."""
    if not isinstance(history, _History):
        raise TypeError(f"history is what fit returns, also kept as net.history, not {type(history).__name__}")
    if not history.epochs:
        raise ValueError("the history has no completed epoch to draw")
    from matplotlib.ticker import MaxNLocator

    ax = _axes(ax)
    epochs = np.arange(1, history.epochs + 1)
    marker = "o" if history.epochs == 1 else ""
    ax.plot(epochs, history.loss, color=_LOSS, marker=marker, label="loss")
    ax.axhline(history.loss.min(), color=_LOSS, linestyle="--", linewidth=0.8, alpha=0.6)
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean loss", color=_LOSS)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    if not np.isnan(history.accuracy).all():
        right = ax.twinx()
        right.plot(epochs, history.accuracy, color=_ACCURACY, marker=marker, label="accuracy")
        right.axhline(history.accuracy.max(), color=_ACCURACY, linestyle="--", linewidth=0.8, alpha=0.6)
        right.set_ylabel("accuracy", color=_ACCURACY)
    return ax


def decision_map(net: Sequential, X: Any = None, y: Any = None, ax: Axes | None = None, resolution: int = 300) -> Axes:
    """The regions of the plane that a net with two inputs gives to each class, and the points X, y on top.

    Deeper colour is a more probable class; the line is where the class changes. Without points the map covers
    [-1, 1]^2. resolution is the number of cells along each side.
    """
    if net.n_in != 2 or net.loss.n_classes(net.n_out) is None:
        raise ValueError(f"a decision map needs a net with 2 inputs that tells classes apart, not {net!r}")
    if X is None and y is not None:
        raise ValueError("y is given without X: the labels of which points?")
    resolution = checks.whole("resolution", resolution, 2)
    ax = _axes(ax)
    points = None if X is None else features(X, 2, np.dtype("float64"))
    low, high = (np.array([-1.0, -1.0]), np.array([1.0, 1.0])) if points is None else (points.min(0), points.max(0))
    margin = 0.05 * np.where(high > low, high - low, 1.0)
    low, high = low - margin, high + margin
    x1, x2 = (np.linspace(low[i], high[i], resolution) for i in range(2))
    grid = np.stack([axis.ravel() for axis in np.meshgrid(x1, x2)], axis=1)
    shares = net.predict_proba(grid).reshape(resolution, resolution, -1)
    regions(ax, x1, x2, shares)
    names = net.classes if net.classes is not None else np.arange(shares.shape[2])
    if points is not None and y is not None:
        labels, numbers = _labels(y, len(points), names)
        _scatter(ax, points, labels, numbers)
    elif points is not None:
        ax.scatter(points[:, 0], points[:, 1], s=_size(len(points)), color="black", linewidths=0)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    _label(ax, names)
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _labels(y: Any, n: int, names: Array | None = None) -> tuple[Array, Array]:
    """The sorted labels of n points, and each point's place among these."""
    given = as_array("y", y)
    if given.shape not in ((n,), (n, 1)):
        if given.ndim != 2 or len(given) != n:
            raise ValueError(f"y has the shape {given.shape}, but X has {n} rows: one label each is wanted")
        given = from_one_hot(given)
    given = given.reshape(-1)
    if given.dtype.kind == "f" and np.isnan(given).any():
        raise ValueError(f"y has nan in row {np.flatnonzero(np.isnan(given))[0]}")
    labels = np.unique(given) if names is None else names
    numbers = np.searchsorted(labels, given).clip(0, len(labels) - 1)
    if (labels[numbers] != given).any():
        raise ValueError(f"y has labels that the net does not know: it knows {labels.tolist()}")
    return labels, numbers


def _colors(n: int) -> list[Any]:
    """n colours: the ones that everybody can tell apart as long as they last."""
    if n <= len(COLORS):
        return list(COLORS[:n])
    import matplotlib

    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, n)))


def _size(n: int) -> float:
    """The area of a point, in points^2, so that n of them fill about a tenth of the Axes."""
    return float(np.clip(9_000 / n, 1.2, 30.0))


def _scatter(ax: Axes, points: Array, labels: Array, numbers: Array) -> None:
    size, outlined = _size(len(points)), len(points) <= 1000
    for number, color in enumerate(_colors(len(labels))):
        chosen = points[numbers == number]
        if len(chosen):
            up = chosen[:, 1] if points.shape[1] == 2 else np.full(len(chosen), float(number))
            ax.scatter(
                chosen[:, 0], up, s=size, color=[color], label=str(labels[number]),
                edgecolors="white" if outlined else "none", linewidths=0.4 if outlined else 0.0, zorder=3,
            )  # fmt: skip


def regions(ax: Axes, x1: Array, x2: Array, shares: Array) -> None:
    """Each cell in its most probable class's colour, paler where that is less certain, white where all are equal; and
    the borders.
    """
    from matplotlib.colors import to_rgb

    n_classes = shares.shape[2]
    colors = np.array([to_rgb(color) for color in _colors(n_classes)])
    best = shares.argmax(axis=2)
    certainty = (shares.max(axis=2) - 1.0 / n_classes) / (1.0 - 1.0 / n_classes)
    strength = np.where(certainty > 0.0, 0.12 + 0.33 * certainty, 0.0)[..., np.newaxis]
    half = 0.5 * np.array([x1[1] - x1[0], x2[1] - x2[0]])
    extent = (x1[0] - half[0], x1[-1] + half[0], x2[0] - half[1], x2[-1] + half[1])
    ax.imshow(1.0 - strength * (1.0 - colors[best]), origin="lower", extent=extent, aspect="auto", zorder=0)
    for number in range(n_classes if n_classes > 2 else 1):
        margin = shares[..., number] - np.delete(shares, number, axis=2).max(axis=2)
        if margin.min() < 0.0 < margin.max():
            ax.contour(x1, x2, margin, levels=[0.0], colors="#333333", linewidths=0.8, zorder=2)


def _label(ax: Axes, labels: Array, two: bool = True) -> None:
    from matplotlib.collections import PathCollection

    ax.set_xlabel("x1" if two else "x")
    ax.set_ylabel("x2" if two else "label")
    spans = [abs(high - low) for low, high in (ax.get_xlim(), ax.get_ylim())]
    if two and max(spans) <= 4 * min(spans):  # beyond that, equal scales make a thin strip
        ax.set_aspect("equal", adjustable="box")
    if 1 < len(labels) <= 10 and ax.get_legend_handles_labels()[0]:
        legend = ax.legend(title="label", loc="upper right", framealpha=0.9, fontsize="small")
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([25.0])
