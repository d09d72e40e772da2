"""Orders in which epochs visit the rows: shuffled by one generator, or as given."""

import ctypes
from functools import cache
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..data.generators import generator, import_random
from .config import FitConfig

# Number of row indices to draw in advance.
_AHEAD = 2**17
# Number of row indices from which the compiled loop saves more time (7 to 12 ns per
# index) than loading it takes.
COMPILED_PAYS = 2**18
_BITS, _MASK = 64, 2**64 - 1


class EpochOrders:
    """Orders of the rows in the epochs, drawn in blocks of epochs from one generator.

    With shuffle, each epoch takes `rng.permutation(n)` from one `rng =
    numpy.random.default_rng(seed)`. `block` (k, n) holds the orders of the epochs from
    `first` up to `last`; without shuffle it has one row, which serves all epochs. If
    the config has a stream that an earlier fit began, its copy takes the place of rng.

    first: the epoch before which the stream stands. From the epoch `end` on, nothing is
    drawn. n_asked counts the row indices for which this process has made orders.
    """

    n_asked: ClassVar[int] = 0

    def __init__(
        self,
        config: FitConfig,
        ahead: int = _AHEAD,
        first: int = 0,
        end: int | None = None,
    ) -> None:
        self._n, self._ahead = len(config.X), ahead
        self._end = config.epochs if end is None else end
        self.rng = _generator(config) if config.shuffle else None
        if config.shuffle:
            EpochOrders.n_asked += (self._end - first) * self._n
        pays = EpochOrders.n_asked >= COMPILED_PAYS
        self._draw = compiled_orders if pays else _orders
        self._before: Any = None
        self.block = np.arange(0 if config.shuffle else self._n)[np.newaxis]
        self.first, self.last = first, first if config.shuffle else config.epochs
        self.reach(first)

    def reach(self, epoch: int) -> None:
        """Draw the block that begins with this epoch, unless its order is there."""
        if epoch < self.last or epoch >= self._end or self.rng is None:
            return
        before = self.rng.bit_generator.state
        count = min(self._end - epoch, max(1, self._ahead // self._n))
        try:
            block = self._draw(self.rng, count, self._n)
        except BaseException:
            self.rng.bit_generator.state = before
            raise
        # No call stands between these, and so no signal does.
        self.block, self._before = block, before
        self.first, self.last = epoch, epoch + count

    def rewind(self, epochs: int) -> None:
        """Set the generator back to where it had drawn that many epochs' orders.

        They end before the block, or in it.
        """
        if self.rng is not None and epochs < self.last:
            self.rng.bit_generator.state = self._before
            for _ in range(epochs - self.first):
                self.rng.permutation(self._n)

    def state_before(self, epoch: int) -> Any:
        """Return the generator's state before it draws an epoch's order.

        The epoch is one of the block, or the next. None if nothing is shuffled.
        """
        if self.rng is None or epoch == self.last:
            return None if self.rng is None else self.rng.bit_generator.state
        rng = generator_at(self._before)
        for _ in range(epoch - self.first):
            rng.permutation(self._n)
        return rng.bit_generator.state

    def since(self, epoch: int) -> Array:
        """Return the orders of the block from this epoch on."""
        return self.block if self.rng is None else self.block[epoch - self.first :]


class OrderGenerator:
    """The generator of the orders, as it is before an epoch."""

    def __init__(self, config: FitConfig) -> None:
        self._n, self._epoch = len(config.X), 0
        self._rng = _generator(config) if config.shuffle else None

    def before(self, epoch: int) -> "np.random.Generator | None":
        """Return it as it is before an epoch, no earlier one than the last time.

        It is None where nothing is shuffled.
        """
        if self._rng is not None:
            for _ in range(epoch - self._epoch):
                self._rng.permutation(self._n)
            self._epoch = epoch
        return self._rng


def _orders(rng: "np.random.Generator", k: int, n: int) -> Array:
    """Return the results of k calls of `rng.permutation(n)`, (k, n)."""
    return np.array([rng.permutation(n) for _ in range(k)])


def compiled_orders(rng: "np.random.Generator", k: int, n: int) -> Array:
    """Do `_orders` for PCG64, in a third of the time or less."""
    state: dict[str, Any] = dict(rng.bit_generator.state)
    numbers, increment = state["state"]["state"], state["state"]["inc"]
    generator = np.array(
        [
            numbers >> _BITS,
            numbers & _MASK,
            increment >> _BITS,
            increment & _MASK,
            state["has_uint32"],
            state["uinteger"],
        ],
        np.uint64,
    )
    orders = np.empty((k, n), np.int64)
    # The products have 64 bits of 128. Only plain Python would warn of that.
    with np.errstate(over="ignore"):
        kernels.loops.orders.draw(orders, generator)
    high, low, _, _, state["has_uint32"], state["uinteger"] = generator.tolist()
    state["state"] = {"state": high << _BITS | low, "inc": increment}
    rng.bit_generator.state = state
    return orders


def shuffled_orders(rng: "np.random.RandomState", order: Array, k: int) -> Array:
    """Return k orders (k, n): each is the one before, shuffled by `rng.shuffle`."""
    orders = np.empty((k + 1, len(order)), np.int64)
    orders[0] = order
    bits = rng._bit_generator
    with bits.lock:
        functions = bits.ctypes
        address = ctypes.cast(functions.next_uint32, ctypes.c_void_p).value
        kernels.loops.orders.shuffle(orders, address, functions.state_address)
    return orders[1:]


def _generator(config: FitConfig) -> "np.random.Generator":
    """Return the generator of a config's seed, or a copy of its stream."""
    if config.stream is None:
        return generator(config.seed)
    return generator_at(config.stream.bit_generator.state)


def generator_at(state: Any) -> "np.random.Generator":
    """Return a generator of orders in this state."""
    seed = _no_seed()
    bits = np.random.PCG64(seed)
    bits.state = state
    return np.random.Generator(bits)


@cache
def _no_seed() -> Any:
    """Return what stands for a seed where the state is set, which saves 10 us."""
    import_random()
    from numpy.random.bit_generator import ISeedSequence

    class NoSeed(ISeedSequence):
        def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Array:
            return np.zeros(n_words, dtype)

    return NoSeed()
