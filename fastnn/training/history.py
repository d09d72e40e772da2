"""What a fit was like."""

from dataclasses import dataclass

from ..data.arrays import Array
from .recording import Recording


@dataclass(frozen=True, eq=False)
class History:
    """The epochs that a fit completed; fewer than asked for if it was interrupted.

    loss (epochs,) is the mean over the epoch of each sample's loss at its forward pass, before its update; accuracy
    (epochs,) the share of samples whose class was right then, NaN for mse. updates and seconds cover all that was
    done, the last unfinished epoch included; compilation counts as well. recording is what `record` asked for.
    """

    loss: Array
    accuracy: Array
    updates: int
    seconds: float
    recording: Recording | None = None

    @property
    def epochs(self) -> int:
        """The number of completed epochs."""
        return len(self.loss)

    def __repr__(self) -> str:
        if not self.epochs:
            return f"History(0 epochs, {self.updates} updates)"
        accuracy = (
            ""
            if self.accuracy[-1] != self.accuracy[-1]
            else f", accuracy {self.accuracy[-1]:.4g}"
        )
        return (
            f"History({self.epochs} epochs, {self.updates} updates, "
            f"loss {self.loss[0]:.6g} -> {self.loss[-1]:.6g}{accuracy}, {self.seconds:.3g} s)"
        )
