"""A plot of one training: loss and accuracy over its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..training.history import History as _History
from .style import COLORS, axes_or_new, curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOSS, _ACCURACY = COLORS[0], COLORS[1]


def history(history: _History, ax: Axes | None = None) -> Axes:
    """Plot loss and accuracy over the epochs.

    The loss has a dashed line at its lowest value. The accuracy, if the net classifies,
    has a scale of its own on the right and a dashed line at its highest value.

    Raises TypeError for anything but a History, and ValueError if it has no epoch.

    >>> from fastnn import datasets, mlp
    >>> ax = history(mlp(2, 3, 1).fit(*datasets.xor_gate(), epochs=9, lr=1.0))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('epoch', 'mean loss')
    """
    if not isinstance(history, _History):
        raise TypeError(
            "history must be what fit returns (also net.history), not "
            f"{type(history).__name__}"
        )
    if not history.epochs:
        raise ValueError("the history has no completed epoch to draw")
    from matplotlib.ticker import MaxNLocator

    ax = axes_or_new(ax)
    epochs = np.arange(1, history.epochs + 1)
    marker = "o" if history.epochs == 1 else ""
    loss, accuracy = history.loss, history.accuracy
    curve(ax, epochs, loss, "loss", _LOSS, loss.min(), marker=marker)
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean loss", color=_LOSS)
    ax.xaxis.set_major_locator(
        MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    if not np.isnan(accuracy).all():
        right = ax.twinx()
        best = accuracy.max()
        curve(right, epochs, accuracy, "accuracy", _ACCURACY, best, marker=marker)
        right.set_ylabel("accuracy", color=_ACCURACY)
    return ax
