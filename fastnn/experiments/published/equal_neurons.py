"""Neurons that start equal, or nearly so, and what becomes of them: why a net of zeros learns nothing.

Nets are 2-2-1, theta is W1 (2, 2), b1 (2,), W2 (2, 1), b2 (1,).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...data.arrays import Array
from ...model import Sequential
from ...plot import COLORS
from ...training.history import History
from ..drawing import trace
from ..findings import recorded
from ..outcome import Finding
from . import gate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ONE_NEURON = (
    3 * math.log(3) - 2 * math.log(2)
) / 4  # the lowest loss that one hidden neuron can come near
SWAP = [
    1,
    0,
    3,
    2,
    5,
    4,
    7,
    6,
    8,
]  # theta of the same net, with its two hidden neurons exchanged
ASYMMETRIES = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)


def neurons_apart(theta: Array) -> Array:
    """The largest difference between the weights of the two hidden neurons, for each theta (n, 9)."""
    return np.abs(theta - theta[:, SWAP]).max(axis=1)


def starts(drawn: Array) -> list[Array]:
    """The parameters drawn, but with hidden neurons as far apart as ASYMMETRIES says."""
    equals, apart = (drawn + drawn[SWAP]) / 2, (drawn - drawn[SWAP]) / 2
    return [equals + size / 2 / np.abs(apart).max() * apart for size in ASYMMETRIES]


def finding(histories: Sequence[History]) -> Finding:
    """That neurons which start equal stay equal, in trainings of such nets that recorded their parameters."""
    apart = max(float(neurons_apart(recorded(each)).max()) for each in histories)
    lowest = min(float(each.loss.min()) for each in histories)
    holds = apart == 0.0 and lowest > ONE_NEURON
    return Finding(
        "equal neurons, of zeros, random or all 0.5: how far apart they ever are",
        "not shown",
        f"{apart:g}; lowest loss {lowest:.4f}",
        f"equal for ever; one neuron cannot go below {ONE_NEURON:.4f}"
        if holds
        else "NOT equal for ever",
        "ours",
        holds,
    )


def explanation(parting: Sequence[History], drawn: Array, warning: str) -> list[str]:
    """Why equal neurons stay equal, and what becomes of those that nearly are.

    parting are the trainings from `starts`; drawn (n, 9) are parameters as they are usually drawn.
    """
    learn: list[str] = []
    stuck: list[str] = []
    for size, history in zip(ASYMMETRIES[1:], parting[1:], strict=True):
        (learn if history.loss[-1] < gate.SOLVED else stuck).append(f"{size:g}")
    usual = np.median(neurons_apart(drawn))
    nearly = (
        "If the two differ a little, the difference grows while the loss leaves ln 2."
    )
    if learn:
        nearly += f" Neurons that start {' or '.join(learn)} apart so part in time, and learn the gate."
    if stuck:
        nearly += (
            f" Those that start {' or '.join(stuck)} apart have not learned it after {parting[0].updates:,} steps: "
            f"they are still too alike when the loss comes near {ONE_NEURON:.4f}, where the gradients fade."
        )
    return [
        "Two hidden neurons with equal weights in and out give equal outputs, get equal gradients, and are equal "
        "after the step, too: for ever. Exchanging the two changes nothing, so the loss is a mirror image of "
        "itself, and on the mirror no slope leads off it. Together they are one neuron, whose answer can only rise "
        "or only fall along one direction of the plane; XOR does neither, and the loss cannot go below "
        f"{ONE_NEURON:.4f}. From zeros it even stays at ln 2, since all gradients are zero there.",
        f"{nearly} Random weights of the page start {usual:.2f} apart, in the median.",
        f'A net with such a start warns: "{warning}"',
    ]


def draw(
    figure: "Figure", net: Sequential, X: Array, y: Array, parting: Sequence[History]
) -> None:
    """The loss over the plane through a solved net, its mirror image and zero; the neurons parting; the losses."""
    surface, apart, losses = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    equals, across = (
        (net.theta + net.theta[SWAP]) / 2,
        (net.theta - net.theta[SWAP]) / 2,
    )
    s, d = np.linspace(-0.5, 1.75, 46), np.linspace(-1.6, 1.6, 65)
    plane = np.stack([u * equals + v * across for v in d for u in s])
    heights = net.fit_many(
        X, y, init=plane, epochs=1, lr=0.0, batch_size="full"
    ).loss.reshape(len(d), len(s))
    filled = surface.contourf(s, d, np.log10(heights), levels=24, cmap="cividis")
    bar = figure.colorbar(filled, ax=surface, ticks=[-2, -1, 0, 1], label="mean loss")
    bar.ax.set_yticklabels(["0.01", "0.1", "1", "10"])
    surface.axhline(0.0, color="white", linestyle="--", linewidth=1.2)
    for x, up, text in (
        (0.0, 0.0, "zero"),
        (1.0, 1.0, "solved"),
        (1.0, -1.0, "the same, exchanged"),
    ):
        surface.plot(x, up, "o", color="white", markersize=5)
        surface.annotate(
            text,
            (x, up),
            (0, 7),
            textcoords="offset points",
            color="white",
            ha="center",
        )
    surface.set(
        xlabel="what the two neurons share",
        ylabel="what they differ in",
        title="Loss; equal neurons: dashed",
    )
    updates = np.arange(0, parting[0].updates + 1, 100)
    for size, each, color, width in zip(
        ASYMMETRIES[1:], parting[1:], COLORS, (6.0, 3.5, 1.4, 1.4), strict=False
    ):
        trace(apart, updates, neurons_apart(recorded(each)), color=color)
        name = f"$10^{{{math.log10(size):.0f}}}$"
        losses.plot(
            updates[:-1], each.loss[::100], label=name, color=color, linewidth=width
        )
    losses.plot(
        updates[:-1],
        parting[0].loss[::100],
        "--",
        label="0: for ever",
        color="black",
        linewidth=1.4,
    )
    apart.set(yscale="log", xlabel="step", title="Difference of the neurons")
    losses.axhline(ONE_NEURON, color="black", linestyle=":", linewidth=1.0)
    losses.text(
        1.0,
        ONE_NEURON - 0.01,
        "one neuron at best",
        transform=losses.get_yaxis_transform(),
        ha="right",
        va="top",
    )
    losses.set(xlabel="step", title="Loss", ylim=(0.0, 0.75))
    losses.spines[["top", "right"]].set_visible(False)
    losses.legend(
        title="difference at first",
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.05),
    )
    for ax in (apart, losses):
        ax.xaxis.set_major_formatter("{x:,.0f}")
