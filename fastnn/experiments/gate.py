"""What the experiments with the XOR gate share: what becomes of many nets, and how a net and many losses are drawn."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import datasets
from ..arrays import Array
from ..model import Sequential
from .drawing import COLORS, map_frames, trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LN2 = math.log(2.0)  # the loss of a net that knows nothing
LEFT, SOLVED = 0.6, 0.1  # the losses of one that begins to, and that does
SQUARE = (-0.25, 1.25)


def learned(losses: Array) -> float:
    """The share of nets (n_nets, n_steps) that know the gate in the end."""
    return float(np.mean(losses[:, -1] < SOLVED))


def others(losses: Array) -> str:
    """What becomes of nets that do not learn the gate."""
    last = losses[:, -1]
    waiting, between = np.mean(last > LEFT), np.mean((last <= LEFT) & (last >= SOLVED))
    return f"{waiting:.1%} are still near ln 2, {between:.1%} mostly near {LN2 / 2:.4f}: two rows right, two at 0.5"


def steps_to(losses: Array, below: float) -> Array:
    """The first of steps 0, 100, 200, ... at which each row of losses is below a bound; infinity where none is."""
    under = losses < below
    return np.where(under.any(axis=1), 100.0 * under.argmax(axis=1), np.inf)


def gate_points(ax: "Axes") -> None:
    """The four rows, each with its label beside it."""
    X, y = datasets.xor_gate()
    ax.scatter(X[:, 0], X[:, 1], s=90, c=[COLORS[label] for label in y], edgecolors="white", linewidths=1.2, zorder=3)
    for point, label in zip(X, y, strict=True):
        ax.annotate(str(label), point, (7, 7), textcoords="offset points", fontweight="bold")


def fan(ax: "Axes", steps: Array, losses: Array) -> None:
    """The losses (n_nets, n_steps) of many nets: the middle one, and where half of them and 90% lie."""
    thin = -(-losses.shape[1] // 200)
    steps, losses = steps[::thin], losses[:, ::thin]
    low, quarter, middle, three, high = np.quantile(losses, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    ax.fill_between(steps, low, high, color=COLORS[5], alpha=0.25, linewidth=0, label="90% of seeds")
    ax.fill_between(steps, quarter, three, color=COLORS[5], alpha=0.5, linewidth=0, label="half of them")
    trace(ax, steps, middle, label="median")
    ax.set(yscale="log", xlabel="step", ylabel="mean loss")
    ax.xaxis.set_major_formatter("{x:,.0f}")


def histogram(ax: "Axes", left: Array, last: float) -> None:
    """How many nets leave ln 2 when; the title tells how many never do."""
    width = 100 * math.ceil(last / 3000)  # the losses are those of every 100th step
    ax.hist(
        left[left < np.inf],
        bins=np.arange(-50, last + width, width).tolist(),
        color=COLORS[5],
        edgecolor="white",
        linewidth=0.5,
    )
    never = np.isinf(left).sum()
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set(xlabel="step", ylabel="nets", title=f"first below {LEFT}" + (f" ({never:,} never)" if never else ""))
    ax.spines[["top", "right"]].set_visible(False)


def film_maps(
    figure: "Figure", names: Sequence[str], nets: Sequence[Sequence[Sequential]], updates: Sequence[int]
) -> Callable[[int], None]:
    """What shows a frame: side by side for each name its net's decision map after so many updates, and the loss."""
    X, y = datasets.xor_gate()
    shows = []
    for ax, name, frames in zip(figure.subplots(1, len(names)), names, nets, strict=True):
        losses = [net.loss_and_grads(X, y)[0] for net in frames]
        titles = [f"{name}\nstep {step:,}, loss {loss:.3f}" for step, loss in zip(updates, losses, strict=True)]
        shows.append(map_frames(ax, frames, titles, SQUARE))
        gate_points(ax)

    def show(frame: int) -> None:
        for each in shows:
            each(frame)

    return show
