"""Orders in which epochs visit the rows: shuffled by one generator, or as given."""

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
    """

    def __init__(self, config: FitConfig, ahead: int = _AHEAD) -> None:
        self._n, self._epochs, self._ahead = len(config.X), config.epochs, ahead
        self._rng = np.random.default_rng(config.seed) if config.shuffle else None
        self.block = np.arange(self._n)[np.newaxis]
        self.first, self.last = 0, 0 if config.shuffle else config.epochs
        self.reach(0)

    def reach(self, epoch: int) -> None:
        """Draw the block that begins with this epoch, unless its order is there."""
        if epoch < self.last or self._rng is None:
            return
        count = min(self._epochs - epoch, max(1, self._ahead // self._n))
        self.block = np.stack([self._rng.permutation(self._n) for _ in range(count)])
        self.first, self.last = epoch, epoch + count

    def since(self, epoch: int) -> Array:
        """Return the orders of the block from this epoch on."""
        return self.block if self._rng is None else self.block[epoch - self.first :]
