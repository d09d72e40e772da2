"""Orders in which epochs visit the rows: shuffled by one generator, or as given."""

import copy

import numpy as np

from ..data.arrays import Array
from .config import FitConfig

# Number of row indices to draw in advance.
_AHEAD = 2**16


class EpochOrders:
    """Orders of the rows in the epochs, drawn in blocks of epochs from one generator.

    With shuffle, each epoch takes `rng.permutation(n)` from one `rng =
    numpy.random.default_rng(seed)`. `block` (k, n) holds the orders of the epochs from
    `first` up to `last`; without shuffle it has one row, which serves all epochs.

    first, end, rng: to begin before another epoch than the first one, with the
    generator that has drawn the orders of those before it, and to draw none from the
    epoch `end` on.
    """

    def __init__(
        self,
        config: FitConfig,
        ahead: int = _AHEAD,
        first: int = 0,
        end: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._n, self._ahead = len(config.X), ahead
        self._end = config.epochs if end is None else end
        self._rng = np.random.default_rng(config.seed) if config.shuffle else None
        if rng is not None:
            self._rng = copy.deepcopy(rng)
        self.block = np.arange(self._n)[np.newaxis]
        self.first, self.last = first, first if config.shuffle else config.epochs
        self.reach(first)

    def reach(self, epoch: int) -> None:
        """Draw the block that begins with this epoch, unless its order is there."""
        if epoch < self.last or self._rng is None:
            return
        count = min(self._end - epoch, max(1, self._ahead // self._n))
        self.block = np.stack([self._rng.permutation(self._n) for _ in range(count)])
        self.first, self.last = epoch, epoch + count

    def since(self, epoch: int) -> Array:
        """Return the orders of the block from this epoch on."""
        return self.block if self._rng is None else self.block[epoch - self.first :]


class OrderGenerator:
    """The generator of the orders, as it is before an epoch."""

    def __init__(self, config: FitConfig) -> None:
        self._n, self._epoch = len(config.X), 0
        self._rng = np.random.default_rng(config.seed) if config.shuffle else None

    def before(self, epoch: int) -> np.random.Generator | None:
        """Return it as it is before an epoch, no earlier one than the last time.

        It is None where nothing is shuffled.
        """
        if self._rng is not None:
            for _ in range(epoch - self._epoch):
                self._rng.permutation(self._n)
            self._epoch = epoch
        return self._rng
