"""A plot of trainings: loss and accuracy over their epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array
from ..data.suggestions import suggests_arguments
from ..training.history import History as _History
from .style import (
    COLORS,
    axes_or_new,
    class_colors,
    curve,
    foreground,
    labelled,
    legend_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOSS, _ACCURACY, _BEST = COLORS[0], COLORS[1], COLORS[2]


Histories = Sequence[_History] | Mapping[str, _History]


@suggests_arguments
def history(history: _History | Histories, ax: Axes | None = None) -> Axes:
    """Plot loss and accuracy over the epochs, or the losses of several trainings.

    The loss has a dashed line at its lowest value. The accuracy, if the net classifies,
    has a scale of its own on the right and a dashed line at its highest value. The
    legend above gives both values. Losses that are not finite leave gaps. Validation
    loss and accuracy, where there are any, are dotted lines of the same colours, and
    the best epoch of early stopping is a vertical line.

    Of several histories, a list or a dict with their names, the losses are drawn, each
    in a colour of its own: the validation loss is dotted, and a dot marks the best
    epoch. In a list the names are 1, 2 and so on.

    Raises TypeError for anything but histories, and ValueError if there is none, or one
    has no epoch.

    >>> from fastnn import datasets, mlp
    >>> ax = history(mlp(2, 3, 1).fit(*datasets.xor_gate(), epochs=9, lr=1.0))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('epoch', 'mean loss')
    >>> fit = mlp(2, 3, 1).fit
    >>> X, y = datasets.xor_gate()
    >>> ax = history({f"lr={lr}": fit(X, y, epochs=9, lr=lr) for lr in (0.1, 1.0)})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['lr=0.1', 'lr=1.0']
    """
    several = isinstance(history, (Mapping, Sequence))
    named = _named(history) if several else {"": _checked(history)}
    ax = axes_or_new(ax)
    ax.set_xlabel("epoch")
    _number_epochs(ax)
    if several:
        _draw_several(ax, named)
    else:
        _draw_one(ax, named[""])
    return ax


def _named(histories: Any) -> dict[str, _History]:
    """Return several histories by name."""
    if not histories:
        raise ValueError("there is no history to draw: the list or dict is empty")
    if isinstance(histories, Mapping):
        return {str(name): _checked(each) for name, each in histories.items()}
    return {str(i): _checked(each) for i, each in enumerate(histories, 1)}


def _checked(history: Any) -> _History:
    """Return a history if it can be drawn."""
    if not isinstance(history, _History):
        raise TypeError(
            "history must be what fit returns (also net.history), or a list or dict "
            f"of them, not {type(history).__name__}"
        )
    if not history.epochs:
        raise ValueError("the history has no completed epoch to draw")
    return history


def _number_epochs(ax: Axes) -> None:
    """Put ticks at whole epochs only."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(
        MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    ax.xaxis.set_major_formatter("{x:,.0f}")


def _draw_several(ax: Axes, histories: dict[str, _History]) -> None:
    """Draw the losses of several histories, each in a colour of its own."""
    colors = class_colors(len(histories))
    entries = []
    for (name, history), color in zip(histories.items(), colors, strict=True):
        epochs = np.arange(1, history.epochs + 1)
        loss, val_loss = _finite(history.loss), _finite(history.val_loss)
        validated, best = bool(np.isfinite(val_loss).any()), history.best_epoch
        curve(ax, epochs, loss, name, color)
        entries.append((name, ax.lines[-1]))
        if validated:
            curve(ax, epochs, val_loss, None, color, linestyle=":")
        if best is not None:
            value = (val_loss if validated else loss)[best]
            ax.plot(best + 1, value, "o", color=color, markersize=5)
    key: dict[str, dict[str, Any]] = {
        "validation": {"linestyle": ":"},
        "best epoch": {"linestyle": "", "marker": "o", "markersize": 5},
    }
    drawn = {
        "validation": any(np.isfinite(h.val_loss).any() for h in histories.values()),
        "best epoch": any(h.best_epoch is not None for h in histories.values()),
    }
    from matplotlib.lines import Line2D

    for label, style in key.items():
        if drawn[label]:
            entries.append((label, Line2D([], [], color=foreground(), **style)))
    ax.set_ylabel("mean loss")
    legend_above(ax, entries, column=1.5)


def _draw_one(ax: Axes, history: _History) -> None:
    """Draw the loss of a history and, on the right, its accuracy."""
    epochs = np.arange(1, history.epochs + 1)
    loss, accuracy = _finite(history.loss), _finite(history.accuracy)
    _draw(ax, epochs, loss, "loss", "lowest", _LOSS)
    _draw_validation(ax, epochs, history.val_loss, "validation loss", _LOSS)
    if history.best_epoch is not None:
        best = history.best_epoch + 1
        ax.axvline(best, color=_BEST, linewidth=1.0, label=f"best epoch, {best:,}")
    lines = list(ax.lines)
    ax.set_ylabel("mean loss", color=_LOSS)
    if np.isfinite(accuracy).any():
        right = ax.twinx()
        _draw(right, epochs, accuracy, "accuracy", "highest", _ACCURACY)
        name = "validation accuracy"
        _draw_validation(right, epochs, history.val_accuracy, name, _ACCURACY)
        lines += right.lines
        right.set_ylabel("accuracy", color=_ACCURACY)
    legend_above(ax, labelled(lines), column=2.2)


def _finite(values: Array) -> Array:
    """Return values with NaN, which leaves a gap, in place of infinities."""
    return np.where(np.isfinite(values), values, np.nan)


def _draw_validation(
    ax: Axes, epochs: Array, values: Array, name: str, color: str
) -> None:
    """Draw the finite values of the validation data as dotted lines, if any."""
    if np.isfinite(values).any():
        label = f"{name} (dotted)"
        ax.plot(epochs, _finite(values), ":", color=color, label=label)


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
