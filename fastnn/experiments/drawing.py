"""Maps and films that several experiments draw."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import Sequential, plot
from ..plot.maps import grid_probabilities
from ..plot.style import hide_scales

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Square = tuple[float, float]  # the lowest and the highest value of both inputs
ShowFrame = Callable[[int], None]


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
