"""What the experiments with the XOR gate share: what becomes of many nets, and how a net and many losses are drawn."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import datasets
from ...data.arrays import Array
from ...model import Sequential
from ...plot import COLORS
from ...sweep.curves import first_below
from ...sweep.runs import Runs
from ..drawing import map_frames, together, trace
from ..outcome import Finding, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LN2 = math.log(2.0)  # the loss of a net that knows nothing
LEFT, SOLVED = 0.6, 0.1  # the losses of one that begins to, and that does
SQUARE = (-0.25, 1.25)


def bce(predictions: Array | Sequence[float]) -> Array:
    """The mean loss of predictions (..., 4) for the four rows."""
    given = np.asarray(predictions)
    return -np.log(np.where(datasets.xor_gate()[1] == 1, given, 1.0 - given)).mean(
        axis=-1
    )


def learned(losses: Array) -> float:
    """The share of nets (n_nets, n_steps) that know the gate in the end."""
    return float(np.mean(losses[:, -1] < SOLVED))


def share_learned(what: str, losses: Array) -> Finding:
    """The finding of how many nets know the gate in the end, and of what becomes of the others."""
    last = losses[:, -1]
    between = last[(last <= LEFT) & (last >= SOLVED)]
    verdict = f"{np.mean(last > LEFT):.1%} end above {LEFT}, {len(between) / len(last):.1%} from {SOLVED} to {LEFT}"
    if len(between):
        near = np.mean(np.abs(between - LN2 / 2) < 0.01)
        verdict += f"; {near:.0%} of these near {LN2 / 2:.4f}, the loss of two rows right and two at 0.5"
    return Finding(
        what, "yes, by its one net", f"by {learned(losses):.1%}", verdict, "among"
    )


def steps_to(losses: Array, below: float) -> Array:
    """The first of steps 0, 100, 200, ... at which each row of losses is below a bound; infinity where none is."""
    return first_below(losses, 100.0 * np.arange(losses.shape[1]), below)


def run_of_many(mode: str, setting: str, fits: Runs) -> Run:
    """The training of many nets, with their median loss, and for each its last loss and when it leaves ln 2."""
    every = -(-fits.loss.shape[1] // 101)
    trace = {
        f"median_loss_every_{100 * every}_steps": np.median(fits.loss, axis=0)[
            ::every
        ].tolist(),
        "last_loss_of_each_seed": fits.loss[:, -1].tolist(),
        f"first_step_below_{LEFT}_of_each_seed": steps_to(fits.loss, LEFT).tolist(),
    }
    return Run(
        mode, setting, fits.updates, fits.seconds, math.nan, math.nan, len(fits), trace
    )


def points(ax: "Axes") -> None:
    """The four rows, each with its label beside it."""
    X, y = datasets.xor_gate()
    ax.scatter(
        X[:, 0],
        X[:, 1],
        s=90,
        c=[COLORS[label] for label in y],
        edgecolors="white",
        linewidths=1.2,
        zorder=3,
    )
    for point, label in zip(X, y, strict=True):
        ax.annotate(
            str(label), point, (7, 7), textcoords="offset points", fontweight="bold"
        )


def fan(ax: "Axes", steps: Array, losses: Array) -> None:
    """The losses (n_nets, n_steps) of many nets: the middle one, and where half of them and 90% lie."""
    thin = -(-losses.shape[1] // 200)
    steps, losses = steps[::thin], losses[:, ::thin]
    low, quarter, middle, three, high = np.quantile(
        losses, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0
    )
    ax.fill_between(
        steps, low, high, color=COLORS[5], alpha=0.25, linewidth=0, label="90% of seeds"
    )
    ax.fill_between(
        steps,
        quarter,
        three,
        color=COLORS[5],
        alpha=0.5,
        linewidth=0,
        label="half of them",
    )
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
    ax.set(
        xlabel="step",
        ylabel="nets",
        title=f"first below {LEFT}" + (f" ({never:,} never)" if never else ""),
    )
    ax.spines[["top", "right"]].set_visible(False)


def film_maps(
    figure: "Figure",
    names: Sequence[str],
    nets: Sequence[Sequence[Sequential]],
    updates: Sequence[int],
) -> Callable[[int], None]:
    """What shows a frame: side by side for each name its net's decision map after so many updates, and the loss."""
    X, y = datasets.xor_gate()
    panels = []
    for ax, name, frames in zip(
        figure.subplots(1, len(names)), names, nets, strict=True
    ):
        losses = [net.loss_and_grads(X, y)[0] for net in frames]
        titles = [
            f"{name}\nstep {step:,}, loss {loss:.3f}"
            for step, loss in zip(updates, losses, strict=True)
        ]
        panels.append(map_frames(ax, frames, titles, SQUARE))
        points(ax)
    return together(panels)
