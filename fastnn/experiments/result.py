"""What an experiment is, and what its runs report."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..arrays import Array
from ..history import History
from ..model import Sequential


@dataclass(frozen=True)
class Run:
    """One training of an experiment.

    accuracy is counted as the page counts it; score is the trained net's share of right predictions. shown is what
    the page shows, or its code gives; agrees is how far that agrees with what was found here, ok whether it does.
    """

    mode: str
    net: Sequential
    history: History
    accuracy: float
    score: float
    shown: str
    agrees: str
    ok: bool = True

    @property
    def loss(self) -> float:
        """The mean loss in the last epoch."""
        return float(self.history.loss[-1])

    @property
    def ns_per_update(self) -> float:
        """Nanoseconds an update, all that `fit` does included."""
        return self.history.seconds / self.history.updates * 1e9

    def record(self) -> dict[str, Any]:
        """The run as plain numbers and text, with the losses and accuracies of all epochs."""
        return {
            "mode": self.mode,
            "epochs": self.history.epochs,
            "updates": self.history.updates,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "score": self.score,
            "seconds": self.history.seconds,
            "ns_per_update": self.ns_per_update,
            "page_shows": self.shown,
            "agrees": self.agrees,
            "ok": self.ok,
            "loss_by_epoch": self.history.loss.tolist(),
            "accuracy_by_epoch": self.history.accuracy.tolist(),
        }


@dataclass(frozen=True)
class Experiment:
    """A published experiment: `modes` are the names of what `runs` trains, one after the other, on `data`."""

    name: str
    title: str
    modes: Sequence[str]
    data: Callable[[], tuple[Array, Array]]
    runs: Callable[[], Iterator[Run]]
    note: str
    source: str  # the page that it is from
