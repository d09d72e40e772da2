"""Training a crowd of nets that no compiled loop knows: one after the other, each as `fit` does it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.optimizers import Optimizer
from ..training.errors import DivergenceError
from ..training.progress import ProgressBar
from .state import SweepState

if TYPE_CHECKING:
    from ..model import Sequential


def train(
    crowd: SweepState,
    net: "Sequential",
    rule: Optimizer,
    how: dict[str, Any],
    progress: bool | None,
) -> None:
    """Train all nets like `net`, with these arguments of its `fit`. What stops it leaves the others trained."""
    job, n_nets = crowd.job, len(crowd.theta)
    first, last = crowd.stage(job.epochs)
    kept, stop_below = crowd.keep.epochs, crowd.keep.stop_below or 0.0
    at = kept * job.per_epoch if stop_below else None
    with ProgressBar(progress, n_nets * job.updates, 1.0, "updates") as bar:
        for i in range(n_nets):
            twin = net.with_theta(crowd.theta[i])
            left = 0
            try:
                history = twin.fit(
                    **how, optimizer=rule.for_net(i), record=at, progress=False
                )
            except DivergenceError:
                assert twin.history is not None
                history, crowd.theta[i] = twin.history, np.nan
            else:
                crowd.theta[i] = twin.theta
                met = np.flatnonzero(history.loss[kept - 1] < stop_below)
                if len(met):
                    assert history.recording is not None
                    crowd.theta[i], left = history.recording.theta[met[0]], kept[met[0]]
            course = np.full((2, job.epochs, 1), np.nan)
            course[:, : history.epochs, 0] = history.loss, history.accuracy
            loss, accuracy = course[:, kept - 1]
            crowd.note(np.array([i]), loss, accuracy, np.array([left]), first, last)
            bar.update((i + 1) * job.updates, f"{i + 1:,}/{n_nets:,} nets")
    crowd.close(last)
