"""What the pictures of several experiments have in common: colours, traces, maps of regions, the frames of a film."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import plot
from ..data.arrays import Array
from ..model import Sequential
from ..plot import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Square = tuple[float, float]  # the same low and high for both inputs


def trace(
    ax: "Axes",
    x: Array,
    values: Array,
    label: str | None = None,
    color: str = COLORS[0],
    best: float | None = None,
) -> None:
    """A line over x, and a dashed one at the best value if that is given."""
    ax.plot(x, values, color=color, label=label, linewidth=1.4)
    if best is not None:
        ax.axhline(best, color=color, linestyle="--", linewidth=0.8, alpha=0.7)
    ax.spines[["top", "right"]].set_visible(False)


def regions(
    ax: "Axes", net: Sequential, square: Square, title: str = "", resolution: int = 80
) -> Callable[[], None]:
    """The regions that a net gives to each class in a square of the plane, without scales.

    The function that is returned takes them off the Axes again.
    """
    side = np.linspace(*square, resolution)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(side, side)], axis=1)
    before = set(ax.get_children())
    plot.regions(
        ax, side, side, net.predict_proba(grid).reshape(resolution, resolution, -1)
    )
    ax.set(
        xlim=square,
        ylim=square,
        xticks=[],
        yticks=[],
        xlabel="",
        ylabel="",
        aspect="equal",
    )
    ax.set_title(title, fontsize="medium")
    drawn = [artist for artist in ax.get_children() if artist not in before]

    def remove() -> None:
        for artist in drawn:
            artist.remove()

    return remove


def map_frames(
    ax: "Axes",
    nets: Sequence[Sequential],
    titles: Sequence[str],
    square: Square,
    resolution: int = 80,
) -> Callable[[int], None]:
    """What shows frame k of a film: the regions of the k-th net, under what else is on the Axes."""
    shown: list[Callable[[], None]] = []

    def show(frame: int) -> None:
        while shown:
            shown.pop()()
        shown.append(regions(ax, nets[frame], square, titles[frame], resolution))

    return show


def together(panels: Sequence[Callable[[int], None]]) -> Callable[[int], None]:
    """What shows frame k of a film in all its panels."""

    def show(frame: int) -> None:
        for panel in panels:
            panel(frame)

    return show


def film_updates(last: int, n: int = 60) -> list[int]:
    """At most n numbers of updates from 0 to the last, close together at the beginning, where most happens.

    >>> film_updates(1000, 5)
    [0, 62, 250, 562, 1000]
    """
    return sorted(
        {round(float(share)) for share in last * np.linspace(0.0, 1.0, n) ** 2}
    )
