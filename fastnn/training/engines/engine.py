"""Protocol of an engine: what runs a net, forward and backward."""

from collections.abc import Callable
from typing import Protocol

from ...data.arrays import Array
from ...nn.optimizers import UpdateRule
from ..config import FitConfig
from ..state import TrainingState
from .stream import Stream

# Function that continues training, and returns one of the kernels' status codes. Its
# arguments: the orders of the rows in the epochs from a first one on, that epoch, the
# update to stop at, and the number of samples to stop after.
Advance = Callable[[Array, int, int, int], int]


class Engine(Protocol):
    """What runs a net: `fused.Fused` or `layerwise.Layerwise`."""

    def describe(self) -> str:
        """Return a description of how the net is run."""

    def n_rows(self, n: int) -> int:
        """Return the number of output rows for n input rows."""

    def outputs(self, X: Array) -> Array:
        """Return the net's values (n, n_out), or a classifier's plain output z."""

    def probabilities(self, X: Array, n_classes: int) -> Array:
        """Return the probability of each class, (n, n_classes)."""

    def wide_outputs(self, X: Array) -> Array:
        """Return the plain output z (n, n_out) in NumPy's longest type.

        Its largest number is 1e4932 on most processors, where z is infinite otherwise.
        """

    def evaluate(self, X: Array, y: Array, weights: Array) -> tuple[float, int]:
        """Return the scaled sum of losses, and how many of the classes are right.

        weights (n,) multiply the rows' losses; (0,) stands for weights of 1. The scale
        is `nn.losses.loss_scale`.
        """

    def loss_and_gradient(
        self, X: Array, y: Array, weights: Array, mean: bool
    ) -> tuple[float, Array]:
        """Return the sum of losses times `loss_scale(len(y))`, and a flat gradient.

        It is that of the mean loss if `mean`, otherwise that of the sum.
        """

    def start(self, config: FitConfig, state: TrainingState) -> Advance:
        """Return a function that trains one chunk per call."""

    def stream(self, rule: UpdateRule, moments: Array, clock: Array) -> Stream | None:
        """Return the loop that learns one sample per call, with a rule and its arrays.

        It is None for a net that runs layer by layer.
        """
