"""The runs of an experiment's trainings, and the parameters they recorded."""

import math
from collections.abc import Mapping, Sequence

from .. import History, Runs
from ..data.arrays import Array
from .outcome import Run

_TRACE = 200  # about the most epochs that a trace has


def run_of_net(
    mode: str, setting: str, history: History, final_loss: float, accuracy: float
) -> Run:
    """Return the run of one fit, with the losses and accuracies of epochs as the trace.

    final_loss and accuracy are those of the trained net over all points.
    """
    step = -(-history.epochs // _TRACE)
    trace = {
        "epochs": list(range(1, history.epochs + 1, step)),
        "loss": history.loss[::step].tolist(),
        "accuracy": history.accuracy[::step].tolist(),
    }
    return Run(
        mode,
        setting,
        history.updates,
        history.seconds,
        float(history.loss[-1]),
        accuracy,
        trace=trace,
        final_loss=final_loss,
    )


def run_of_nets(
    mode: str,
    setting: str,
    trained: Sequence[Runs],
    trace: Mapping[str, Sequence[float]],
) -> Run:
    """Return the run of many nets, trained in one call of `fit_many` or in several."""
    return Run(
        mode,
        setting,
        sum(runs.updates for runs in trained),
        sum(runs.seconds for runs in trained),
        math.nan,
        math.nan,
        sum(map(len, trained)),
        trace,
    )


def recorded(history: History) -> Array:
    """Return the parameters that a fit recorded, (m, n_params)."""
    assert history.recording is not None
    return history.recording.theta
