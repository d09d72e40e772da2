"""Colours, maps and films that several experiments draw.

In all pictures, the first colours of `plot.COLORS` mean classes, and others trainings.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import Sequential, plot
from ..plot.maps import grid_probabilities, region_handles
from ..plot.style import COLORS, foreground, hide_scales

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Square = tuple[float, float]  # the lowest and the highest value of both inputs
ShowFrame = Callable[[int], None]


def run_colors() -> list[str]:
    """Return the colours of up to three trainings: none is that of a class."""
    return [foreground(), COLORS[3], COLORS[4]]


def draw_region_legend(figure: "Figure") -> None:
    """Explain the colours and borders of maps of two classes, below all Axes."""
    from matplotlib.lines import Line2D

    border = Line2D([], [], color=foreground(), linewidth=0.8, label="probability 0.5")
    figure.legend(
        handles=[*region_handles(np.array(["predicts 0", "predicts 1"])), border],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize="small",
    )


def draw_regions(
    ax: "Axes", net: Sequential, square: Square, title: str = "", resolution: int = 80
) -> Callable[[], None]:
    """Draw a net's regions in a square of the plane, without scales.

    Returns a function that removes them from the Axes.
    """
    side = np.linspace(*square, resolution)
    before = set(ax.get_children())
    plot.regions(ax, side, side, grid_probabilities(net, side, side))
    hide_scales(ax)
    ax.set(xlim=square, ylim=square, aspect="equal")
    ax.set_title(title, fontsize="medium")
    drawn = [artist for artist in ax.get_children() if artist not in before]

    def remove() -> None:
        for artist in drawn:
            artist.remove()

    return remove


def film_regions(
    ax: "Axes",
    nets: Sequence[Sequential],
    titles: Sequence[str],
    square: Square,
    resolution: int = 80,
) -> ShowFrame:
    """Return a function that shows the regions of net k as frame k.

    Everything else on the Axes stays, above the regions.
    """
    removals: list[Callable[[], None]] = []

    def show(frame: int) -> None:
        while removals:
            removals.pop()()
        removals.append(
            draw_regions(ax, nets[frame], square, titles[frame], resolution)
        )

    return show


def show_all(panels: Sequence[ShowFrame]) -> ShowFrame:
    """Return a function that shows frame k in all panels of a film."""

    def show(frame: int) -> None:
        for panel in panels:
            panel(frame)

    return show


def film_updates(last: int, n: int = 60) -> list[int]:
    """Return at most n update counts from 0 to `last` for the frames of a film.

    They are denser at the beginning, where most happens.

    >>> film_updates(1000, 5)
    [0, 62, 250, 562, 1000]
    """
    squares = np.linspace(0.0, 1.0, n) ** 2
    return sorted({round(float(update)) for update in last * squares})
