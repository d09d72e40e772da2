"""Hidden neurons that start equal or nearly equal, and why a net of zeros cannot learn.

Nets are 2-2-1; theta (9,) is W1 (2, 2), b1 (2,), W2 (2, 1), b2 (1,).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import History, Sequential
from ...data.arrays import Array
from ...plot.style import COLORS, curve, despine, foreground
from ..outcome import Finding
from ..trainings import recorded
from . import gate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The infimum of the loss with one hidden neuron.
ONE_NEURON = (3 * math.log(3) - 2 * math.log(2)) / 4
# theta[SWAP] is the same net with its two hidden neurons exchanged.
SWAP = [1, 0, 3, 2, 5, 4, 7, 6, 8]
DISTANCES = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)  # between the two neurons at the start


def neuron_distance(theta: Array) -> Array:
    """Return the largest difference (n,) of the two neurons of each theta (n, 9)."""
    return np.abs(theta - theta[:, SWAP]).max(axis=1)


def nearly_equal_starts(drawn: Array) -> list[Array]:
    """Return the parameters `drawn` (9,) with each of DISTANCES between the neurons."""
    mean, half = (drawn + drawn[SWAP]) / 2, (drawn - drawn[SWAP]) / 2
    return [mean + distance / 2 / np.abs(half).max() * half for distance in DISTANCES]


def equal_finding(histories: Sequence[History]) -> Finding:
    """Check that neurons which start equal stay equal.

    histories are trainings from equal neurons that recorded their parameters.
    """
    distance = max(
        float(neuron_distance(recorded(history)).max()) for history in histories
    )
    lowest = min(float(history.loss.min()) for history in histories)
    ok = distance == 0.0 and lowest > ONE_NEURON
    return Finding(
        "equal neurons (zeros, random, all 0.5): their largest difference in training",
        "not shown",
        f"{distance:g}; lowest loss {lowest:.4f}",
        f"always equal; one neuron cannot go below {ONE_NEURON:.4f}"
        if ok
        else "NOT always equal",
        "ours",
        ok,
    )


def explanation(histories: Sequence[History], drawn: Array, warning: str) -> list[str]:
    """Explain why equal neurons stay equal, and what happens to nearly equal ones.

    histories: the trainings from `nearly_equal_starts`
    drawn: parameters (n, 9) as the page draws them
    warning: what fastnn says about a net with equal neurons
    """
    learn: list[str] = []
    stuck: list[str] = []
    for distance, history in zip(DISTANCES[1:], histories[1:], strict=True):
        solved = history.loss[-1] < gate.SOLVED
        (learn if solved else stuck).append(f"{distance:g}")
    usual = np.median(neuron_distance(drawn))
    nearly = (
        "If the two neurons differ a little, the difference grows while the loss "
        "leaves ln 2."
    )
    if learn:
        nearly += (
            f" Neurons that start {' or '.join(learn)} apart separate in time, and "
            "their nets learn the gate."
        )
    if stuck:
        nearly += (
            f" Nets whose neurons start {' or '.join(stuck)} apart have not learned it "
            f"after {histories[0].updates:,} steps: the neurons are still too similar "
            f"when the loss comes near {ONE_NEURON:.4f}, where the gradients vanish."
        )
    return [
        "Two hidden neurons with equal incoming and outgoing weights have equal "
        "outputs, get equal gradients, and so are equal after every step. Exchanging "
        "them changes nothing, so the loss is symmetric in the two, and where they are "
        "equal no gradient separates them. Together they act as one neuron, whose "
        "output can only rise or only fall along one direction of the plane. XOR does "
        f"neither, so the loss cannot go below {ONE_NEURON:.4f}. From zeros it even "
        "stays at ln 2, since all gradients are zero there.",
        f"{nearly} In the median, the page's random weights start {usual:.2f} apart.",
        f'fastnn warns about such a net: "{warning}"',
    ]


def draw(
    figure: "Figure",
    net: Sequential,
    X: Array,
    y: Array,
    histories: Sequence[History],
) -> None:
    """Draw the loss around equal neurons, their distance in training, and the losses.

    net has learned the gate; histories are the trainings from `nearly_equal_starts`.
    """
    grid = figure.add_gridspec(2, 2, height_ratios=(1.2, 1))
    _draw_surface(figure, figure.add_subplot(grid[0, :]), net, X, y)
    distances = figure.add_subplot(grid[1, 0])
    losses = figure.add_subplot(grid[1, 1])
    updates = np.arange(0, histories[0].updates + 1, 100)
    colors = (COLORS[5], COLORS[4], COLORS[2], COLORS[3])
    widths = (6.0, 3.0, 1.4, 1.4)  # equal curves lie over one another
    for distance, history, color, width in zip(
        DISTANCES[1:], histories[1:], colors, widths, strict=True
    ):
        label = f"$10^{{{math.log10(distance):.0f}}}$"
        curve(distances, updates, neuron_distance(recorded(history)), label, color)
        curve(losses, updates[:-1], history.loss[::100], None, color, linewidth=width)
    equal, color = histories[0].loss[::100], foreground()
    label = "0: they stay equal"
    curve(losses, updates[:-1], equal, label, color, linestyle="--")
    losses.axhline(
        ONE_NEURON,
        color=color,
        linestyle=":",
        linewidth=1.0,
        label=f"{ONE_NEURON:.4f}: limit of one neuron",
    )
    distances.set(yscale="log", xlabel="step", ylabel="largest difference")
    distances.set_title("Difference of the neurons", fontsize="medium")
    losses.set(xlabel="step", ylabel="mean loss", ylim=(0.0, 0.75))
    losses.set_title("Loss", fontsize="medium")
    for ax in (distances, losses):
        despine(ax)
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.locator_params(axis="x", nbins=4)
    handles = [
        handle
        for ax in (distances, losses)
        for handle in ax.get_legend_handles_labels()[0]
    ]
    figure.legend(
        handles=handles,
        title="largest difference of the two neurons before training",
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize="small",
    )


def _draw_surface(
    figure: "Figure", ax: "Axes", net: Sequential, X: Array, y: Array
) -> None:
    """Draw the loss over the plane through a net, its exchanged twin, and zero."""
    mean, half = (net.theta + net.theta[SWAP]) / 2, (net.theta - net.theta[SWAP]) / 2
    s, d = np.linspace(-0.5, 1.75, 46), np.linspace(-1.6, 1.6, 65)
    plane = np.stack([u * mean + v * half for v in d for u in s])
    runs = net.fit_many(X, y, init=plane, epochs=1, lr=0.0, batch_size="full")
    heights = np.log10(runs.loss.reshape(len(d), len(s)))
    filled = ax.contourf(s, d, heights, levels=24, cmap="cividis")
    bar = figure.colorbar(filled, ax=ax, ticks=[-2, -1, 0, 1], label="mean loss")
    bar.ax.set_yticklabels(["0.01", "0.1", "1", "10"])
    ax.axhline(0.0, color="black", linestyle="--", linewidth=1.2)
    for x, up, text, marker in (
        (0.0, 0.0, "all zero", "o"),
        (1.25, 0.0, "dashed: equal neurons", ""),
        (1.0, 1.0, "trained net", "o"),
        (1.0, -1.0, "its neurons exchanged", "o"),
    ):
        ax.plot(x, up, marker, color="white", markeredgecolor="black", markersize=5)
        ax.annotate(
            text,
            (x, up),
            (0, 10),
            textcoords="offset points",
            color="black",
            ha="center",
            fontsize="small",
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1.5},
        )
    ax.set(
        xlabel="multiple of the neurons' mean",
        ylabel="multiple of their difference",
    )
    ax.set_title("Loss around equal neurons", fontsize="medium")
