"""A plot of one training: loss and accuracy over its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..data.arrays import Array
from ..data.suggestions import suggests_arguments
from ..training.history import History as _History
from .style import COLORS, axes_or_new, curve, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOSS, _ACCURACY, _BEST = COLORS[0], COLORS[1], COLORS[2]


@suggests_arguments
def history(history: _History, ax: Axes | None = None) -> Axes:
    """Plot loss and accuracy over the epochs.

    The loss has a dashed line at its lowest value. The accuracy, if the net classifies,
    has a scale of its own on the right and a dashed line at its highest value. The
    legend above gives both values. Losses that are not finite leave gaps. Validation
    loss and accuracy, where there are any, are dotted lines of the same colours, and
    the best epoch of early stopping is a vertical line.

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
    loss, accuracy = (
        np.where(np.isfinite(values), values, np.nan)
        for values in (history.loss, history.accuracy)
    )
    _draw(ax, epochs, loss, "loss", "lowest", _LOSS)
    _draw_validation(ax, epochs, history.val_loss, "validation loss", _LOSS)
    if history.best_epoch is not None:
        best = history.best_epoch + 1
        ax.axvline(best, color=_BEST, linewidth=1.0, label=f"best epoch, {best:,}")
    lines = list(ax.lines)
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean loss", color=_LOSS)
    ax.xaxis.set_major_locator(
        MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    ax.xaxis.set_major_formatter("{x:,.0f}")
    if np.isfinite(accuracy).any():
        right = ax.twinx()
        _draw(right, epochs, accuracy, "accuracy", "highest", _ACCURACY)
        name = "validation accuracy"
        _draw_validation(right, epochs, history.val_accuracy, name, _ACCURACY)
        lines += right.lines
        right.set_ylabel("accuracy", color=_ACCURACY)
    legend_above(ax, lines, column=2.2)
    return ax


def _draw_validation(
    ax: Axes, epochs: Array, values: Array, name: str, color: str
) -> None:
    """Draw the finite values of the validation data as dotted lines, if any."""
    finite = np.isfinite(values)
    if finite.any():
        shown = np.where(finite, values, np.nan)
        ax.plot(epochs, shown, ":", color=color, label=f"{name} (dotted)")


def _draw(
    ax: Axes, epochs: Array, values: Array, name: str, best: str, color: str
) -> None:
    """Draw finite values, and a dashed line at the lowest or highest of them."""
    if not np.isfinite(values).any():
        curve(ax, epochs, values, f"{name}: not finite", color)
        return
    extreme = np.nanmin(values) if best == "lowest" else np.nanmax(values)
    label = f"{name} (dashed: {best}, {extreme:.4g})"
    curve(ax, epochs, values, label, color, float(extreme))
