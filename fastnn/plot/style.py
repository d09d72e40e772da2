"""The look of all plots: colours, axes and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The palette of Okabe and Ito, whose colours the colour-blind can tell apart.
COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#F0E442",
    "#000000",
)


def class_colors(n: int) -> list[Any]:
    """Return n different colours: those of `COLORS`, or of a colormap beyond eight."""
    if n <= len(COLORS):
        return list(COLORS[:n])
    import matplotlib

    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, n)))


def axes_or_new(ax: Axes | None) -> Axes:
    """Return `ax`, or the Axes of a new figure if it is None."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def despine(ax: Axes) -> None:
    """Remove the lines at the top and on the right of the Axes."""
    ax.spines[["top", "right"]].set_visible(False)


def hide_scales(ax: Axes) -> None:
    """Remove the ticks and the labels of both axes."""
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")


def curve(
    ax: Axes,
    x: Array,
    values: Array,
    label: str | None = None,
    color: str = COLORS[0],
    best: float | None = None,
    **style: Any,
) -> None:
    """Draw a line over x, and a dashed horizontal line at the best value if given."""
    ax.plot(x, values, color=color, label=label, **({"linewidth": 1.4} | style))
    if best is not None:
        ax.axhline(best, color=color, linestyle="--", linewidth=0.8, alpha=0.7)


def bands(
    ax: Axes, x: Array, quantiles: Array, labels: tuple[str, str], linewidth: float = 0
) -> None:
    """Draw the areas that hold 90 % of the values and the middle half of them.

    quantiles (4, len(x)) are the 5 %, 25 %, 75 % and 95 % quantiles. A linewidth draws
    outlines, which make an area of a single x visible.
    """
    low, quarter, three_quarters, high = quantiles
    for bottom, top, alpha, label in (
        (low, high, 0.25, labels[0]),
        (quarter, three_quarters, 0.5, labels[1]),
    ):
        ax.fill_between(
            x,
            bottom,
            top,
            color=COLORS[5],
            alpha=alpha,
            linewidth=linewidth,
            label=label,
        )
