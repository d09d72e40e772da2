"""The picture of an experiment: for each run the decision map, and under it loss and accuracy."""

import io
from collections.abc import Sequence

from .. import plot
from .result import Experiment, Run


def png(experiment: Experiment, runs: Sequence[Run]) -> bytes:
    """The sheet as a PNG file."""
    from matplotlib.figure import Figure

    X, y = experiment.data()
    figure = Figure(figsize=(4.4 * len(runs), 7.4), layout="constrained")
    figure.suptitle(experiment.title)
    axes = figure.subplots(2, len(runs), squeeze=False, height_ratios=(3, 2))
    top = 1.05 * max(run.history.loss.max() for run in runs)
    for column, run in enumerate(runs):
        plot.decision_map(run.net, X, y, ax=axes[0, column])
        axes[0, column].set_title(f"{run.mode}: {run.score:.2%} right after training", fontsize="medium")
        plot.history(run.history, ax=axes[1, column]).set_ylim(0.0, top)
        axes[1, column].set_title(
            f"loss {run.loss:.4f} in epoch {run.history.epochs:,}; dashed: the best", fontsize="medium"
        )
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
