"""The shared parts of the experiments with the XOR gate: results and plots of nets."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import Runs, Sequential, datasets
from ...data.arrays import Array
from ...plot.style import COLORS, bands, curve, despine, foreground
from ..drawing import ShowFrame, draw_region_legend, film_regions, show_all
from ..outcome import Finding, Run
from ..trainings import run_of_nets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LN2 = math.log(2.0)  # the loss of a net that predicts 0.5 for every row
# The losses below which a net has left the plateau at ln 2, and has learned the gate.
PLATEAU_END, SOLVED = 0.6, 0.1
SQUARE = (-0.25, 1.25)


def bce(predictions: Array | Sequence[float]) -> Array:
    """Return the mean loss (...) of predictions (..., 4) for the four rows."""
    p, y = np.asarray(predictions), datasets.xor_gate()[1]
    return -np.log(np.where(y == 1, p, 1.0 - p)).mean(axis=-1)


def learned_finding(what: str, runs: Runs) -> Finding:
    """Return how many nets learn the gate, and with which losses the others end."""
    losses = runs.final_loss
    between = losses[(losses <= PLATEAU_END) & (losses >= SOLVED)]
    verdict = (
        f"{np.mean(losses > PLATEAU_END):.1%} end above {PLATEAU_END}, "
        f"{len(between) / len(losses):.1%} from {SOLVED} to {PLATEAU_END}"
    )
    if len(between):
        near = np.mean(np.abs(between - LN2 / 2) < 0.01)
        verdict += (
            f"; {near:.0%} of these near {LN2 / 2:.4f}, the loss with two rows correct "
            "and two at 0.5"
        )
    share = runs.success_rate(loss_below=SOLVED)
    return Finding(what, "yes, by its one net", f"by {share:.1%}", verdict, "among")


def steps_to(runs: Runs, loss_below: float) -> Array:
    """Return each net's first recorded step with a loss below a bound, else infinity.

    In a full batch, the loss of epoch k is that after k - 1 steps.
    """
    return runs.epochs_to(loss_below).each - 1


def gate_run(mode: str, setting: str, runs: Runs) -> Run:
    """Return the run of many nets, whose losses were recorded every 100 steps.

    Its trace has the median loss, each net's last loss, and when each left ln 2.
    """
    step = -(-len(runs.epochs) // 101)
    medians = np.median(runs.loss, axis=0)[::step]
    begun = steps_to(runs, PLATEAU_END)
    trace = {
        f"median_loss_every_{100 * step}_steps": medians.tolist(),
        "last_loss_of_each_seed": runs.final_loss.tolist(),
        f"first_step_below_{PLATEAU_END}_of_each_seed": begun.tolist(),
    }
    return run_of_nets(mode, setting, [runs], trace)


def draw_points(ax: "Axes") -> None:
    """Draw the four rows of the gate, each with its label next to it."""
    X, y = datasets.xor_gate()
    x1, x2 = X.T
    ax.scatter(
        x1,
        x2,
        s=90,
        c=[COLORS[label] for label in y],
        edgecolors=[ax.get_facecolor()],
        linewidths=1.2,
        zorder=3,
    )
    for point, label in zip(X, y, strict=True):
        ax.annotate(
            str(label), point, (7, 7), textcoords="offset points", fontsize="large"
        )


def draw_losses(ax: "Axes", runs: Runs) -> None:
    """Draw the median loss of many nets, and the areas of the middle half and 90%."""
    thin = -(-len(runs.epochs) // 200)
    steps = (runs.epochs - 1)[::thin]
    quantiles = runs.loss_quantiles((0.05, 0.25, 0.5, 0.75, 0.95))[:, ::thin]
    bands(ax, steps, quantiles[[0, 1, 3, 4]], ("middle 90%", "middle half"))
    curve(ax, steps, quantiles[2], f"median of {len(runs):,} nets", foreground())
    despine(ax)
    ax.set(yscale="log", xlabel="step", ylabel="mean loss")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_major_formatter("{x:,.0f}")


def draw_plateau_ends(ax: "Axes", begun: Array, last: float) -> None:
    """Draw a histogram of the steps at which nets leave the plateau at ln 2.

    begun (n_nets,) is infinite for nets that never do; a legend gives their number.
    """
    # Losses are recorded every 100 steps: bins are multiples of that.
    width = 100 * math.ceil(last / 3000)
    never = int(np.isinf(begun).sum())
    others = "\n(the others never get there)" if never else ""
    heights, *_ = ax.hist(
        begun[begun < np.inf],
        bins=np.arange(-50, last + width, width).tolist(),
        color=COLORS[5],
        edgecolor=ax.get_facecolor(),
        linewidth=0.5,
        label=f"{len(begun) - never:,} of {len(begun):,} nets{others}",
    )
    ax.set(
        xlabel=f"first step with a loss below {PLATEAU_END}", ylabel="number of nets"
    )
    ax.locator_params(axis="x", nbins=5)
    ax.set_ylim(0.0, 1.35 * max(1.0, np.max(heights)))  # room for the legend
    ax.xaxis.set_major_formatter("{x:,.0f}")
    despine(ax)


def film_nets(
    figure: "Figure",
    names: Sequence[str],
    nets: Sequence[Sequence[Sequential]],
    updates: Sequence[int],
) -> ShowFrame:
    """Prepare a film of decision maps side by side, one for each name.

    nets has one sequence per name, with the net after each number of updates. Titles
    give the step and the loss.
    """
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
        panels.append(film_regions(ax, frames, titles, SQUARE))
        draw_points(ax)
    draw_region_legend(figure)
    return show_all(panels)
