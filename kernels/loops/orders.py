"""Random orders of rows: the numbers of NumPy's `permutation` and `shuffle`, faster.

NumPy shuffles with Fisher and Yates' algorithm: from the last position on, it changes
places with one that is drawn up to it. The bits that such a number needs are taken from
the next 32 of a generator, until they are no larger than the position. `draw` contains
the generator PCG64; `shuffle` calls any.
Source: O'Neill, PCG: a family of simple fast space-efficient statistically good
algorithms for random number generation (2014), https://www.pcg-random.org; NumPy,
`random_interval` in numpy/random/src/distributions/distributions.c.
"""

import numpy as np

from ..compiler.compile import entry_point, inlined_by_llvm
from ..primitives.calls import next_uint32

# PCG64's multiplier of 128 bits.
_HIGH, _LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
_HALF, _HALF_BITS, _ONE = np.uint64(2**32 - 1), np.uint64(32), np.uint64(1)
_TOP, _BITS, _ROTATIONS = np.uint64(58), np.uint64(64), np.uint64(63)


@inlined_by_llvm
def _high_product(a, b):
    """Return the upper 64 bits of the product of two numbers of 64 bits."""
    a_low, a_high = a & _HALF, a >> _HALF_BITS
    b_low, b_high = b & _HALF, b >> _HALF_BITS
    first = a_high * b_low + (a_low * b_low >> _HALF_BITS)
    second = a_low * b_high + (first & _HALF)
    return a_high * b_high + (first >> _HALF_BITS) + (second >> _HALF_BITS)


@inlined_by_llvm
def _swap(order, i, j):
    """Swap positions i and j unless j is too large; return 1 if it is not, or 0.

    Without a branch, which would be mispredicted: then i is swapped with itself.
    """
    accepted = np.int64(j <= i)
    j = min(i, j)
    order[i], order[j] = order[j], order[i]
    return accepted


@entry_point
def draw(orders, generator):
    """Fill each row of orders (k, n) int64 with the next permutation of range(n).

    n is at most 2^32. generator (6,) uint64 changes: the upper and the lower half of
    PCG64's state, those of its increment, and whether it holds 32 more bits, and which.
    """
    high, low, increment_high, increment_low, is_held, held = (
        generator[0],
        generator[1],
        generator[2],
        generator[3],
        generator[4],
        generator[5],
    )
    for row in range(orders.shape[0]):
        order = orders[row]
        for i in range(order.size):
            order[i] = i
        i, mask = order.size - 1, _HALF
        while i > 0:
            while np.uint64(i) <= mask >> _ONE:
                mask >>= _ONE
            below = np.int64(mask >> _ONE)
            if is_held:
                i -= _swap(order, i, np.int64(held & mask))
                is_held = np.uint64(0)
            # Both halves of 64 bits: a test for a held one each time would take longer.
            while i > below:
                high = high * _LOW + low * _HIGH + _high_product(low, _LOW)
                low = low * _LOW + increment_low
                high += increment_high + np.uint64(low < increment_low)
                mixed, turn = high ^ low, high >> _TOP
                mixed = mixed >> turn | mixed << (_BITS - turn & _ROTATIONS)
                held = mixed >> _HALF_BITS
                i -= _swap(order, i, np.int64(mixed & mask))
                if i <= below:
                    is_held = _ONE
                    break
                i -= _swap(order, i, np.int64(held & mask))
    generator[0], generator[1], generator[4], generator[5] = high, low, is_held, held


@entry_point
def shuffle(orders, function, state):
    """Fill each row of orders (k, n) int64 but the first: the row before it, shuffled.

    function is the address of a bit generator's function, and state that of its
    state, as `calls.next_uint32` takes them. n is at most 2^32.
    """
    for row in range(1, orders.shape[0]):
        order = orders[row]
        for i in range(order.size):
            order[i] = orders[row - 1, i]
        i, mask = order.size - 1, _HALF
        while i > 0:
            while np.uint64(i) <= mask >> _ONE:
                mask >>= _ONE
            below = np.int64(mask >> _ONE)
            while i > below:
                number = np.uint64(next_uint32(function, state))
                i -= _swap(order, i, np.int64(number & mask))
