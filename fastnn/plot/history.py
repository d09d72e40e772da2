"""What was kept of one training, over its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..training.history import History as _History
from .axes import given_or_new
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOSS, _ACCURACY = COLORS[0], COLORS[1]


def history(history: _History, ax: Axes | None = None) -> Axes:
    """Loss over epochs, with a dashed line at the lowest, and on a second scale the accuracy, at the highest."""
    if not isinstance(history, _History):
        raise TypeError(
            f"history is what fit returns, also kept as net.history, not {type(history).__name__}"
        )
    if not history.epochs:
        raise ValueError("the history has no completed epoch to draw")
    from matplotlib.ticker import MaxNLocator

    ax = given_or_new(ax)
    epochs = np.arange(1, history.epochs + 1)
    marker = "o" if history.epochs == 1 else ""
    ax.plot(epochs, history.loss, color=_LOSS, marker=marker, label="loss")
    ax.axhline(
        history.loss.min(), color=_LOSS, linestyle="--", linewidth=0.8, alpha=0.6
    )
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean loss", color=_LOSS)
    ax.xaxis.set_major_locator(
        MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    if not np.isnan(history.accuracy).all():
        right = ax.twinx()
        right.plot(
            epochs, history.accuracy, color=_ACCURACY, marker=marker, label="accuracy"
        )
        right.axhline(
            history.accuracy.max(),
            color=_ACCURACY,
            linestyle="--",
            linewidth=0.8,
            alpha=0.6,
        )
        right.set_ylabel("accuracy", color=_ACCURACY)
    return ax
