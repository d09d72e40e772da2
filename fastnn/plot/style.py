"""The look of all plots: colours, axes and lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase
    from matplotlib.legend import Legend
    from matplotlib.text import Text

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


# Families with the letters of East Asia, as Windows, macOS and Linux bring them.
_FAMILIES = (
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
    "UnDotum",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Arial Unicode MS",
)
# Comes with matplotlib from 3.11 on, and has a box for every character.
_LAST_RESORT = "Last Resort High-Efficiency"


def foreground() -> str:
    """Return the colour of text and lines: black, or the one of a dark style."""
    import matplotlib

    return str(matplotlib.rcParams["text.color"])


def class_colors(n: int) -> list[Any]:
    """Return n different colours: those of `COLORS`, or of a colormap beyond eight.

    The eighth, black, is that of text, which is white in a dark style.
    """
    if n < len(COLORS):
        return list(COLORS[:n])
    if n == len(COLORS):
        return [*COLORS[:-1], foreground()]
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


def choose_fonts(artist: Artist) -> None:
    """Give the texts of an artist fonts that have their letters, such as Hangul.

    They are chosen among the installed ones. Letters that none of these has are drawn
    as boxes.
    """
    from matplotlib import font_manager
    from matplotlib.text import Text

    for text in artist.findobj(Text):
        assert isinstance(text, Text)
        if text.get_text().isascii():
            continue
        missing = {ord(letter) for letter in text.get_text() if letter.isprintable()}
        families = list(text.get_fontfamily())
        installed = set(font_manager.get_font_names())
        for family in [*families, *_FAMILIES, _LAST_RESORT]:
            found = family in installed or family in families
            if not missing or not found:
                continue
            path = font_manager.findfont(font_manager.FontProperties(family=[family]))
            covered = missing & font_manager.get_font(path).get_charmap().keys()
            missing -= covered
            if covered and family not in families:
                families.append(family)
        text.set_fontfamily(families)


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
    """Draw a line over x, and a dashed horizontal line at the best value if given.

    A single value among NaNs is drawn as a marker, since it makes no line.
    """
    marker = "o" if np.isfinite(values).sum() == 1 else ""
    shown: dict[str, Any] = {"linewidth": 1.4, "marker": marker} | style
    ax.plot(x, values, color=color, label=label, **shown)
    if best is not None:
        ax.axhline(best, color=color, linestyle="--", linewidth=0.8)


def plain_text(texts: Iterable[Text]) -> None:
    """Draw names of classes as they are: "$" begins no formula, and TeX reads none."""
    for text in texts:
        text.set_parse_math(False)
        text.set_usetex(False)


def class_legend(
    place: Axes | FigureBase, handles: Sequence[Any], classes: Array, **options: Any
) -> Legend:
    """Add a legend of classes to an Axes or a figure, with their names as they are."""
    names = [str(name) for name in classes.tolist()]
    legend = place.legend(list(handles), names, **options)
    plain_text(legend.get_texts())
    return legend


def legend_above(ax: Axes, entries: Sequence[tuple[str, Any]], column: float) -> None:
    """Place a legend of names and artists above the Axes, in columns of some inches.

    Names are shown as they are.
    """
    names, handles = zip(*entries, strict=True)
    width = ax.bbox.width / ax.figure.dpi
    legend = ax.legend(
        handles,
        names,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=int(np.clip(width / column, 1, len(handles))),
        frameon=False,
        fontsize="small",
        columnspacing=1.2,
        handlelength=1.4,
    )
    plain_text(legend.get_texts())


def labelled(artists: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return artists with their labels, without those that have none."""
    pairs = [(each.get_label(), each) for each in artists]
    return [(label, each) for label, each in pairs if not label.startswith("_")]


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
