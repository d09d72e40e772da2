"""Random generators of many seeds: those of `numpy.random.default_rng`, made faster.

NumPy hashes a seed to the state of a generator in 20 us, longer than some nets train.
Here the seeds are hashed together.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..data.arrays import Array
from ..data.generators import import_random

import_random()  # before the next line imports a part of it
from numpy.random.bit_generator import ISeedSequence  # noqa: E402

# Number of seeds that are hashed at once, with a few arrays of this length.
_AT_ONCE = 4096
# Words of the pool in which a seed is mixed, and 32-bit words of a PCG64's state.
_POOL, _STATE = 4, 8
# Constants of `numpy.random.SeedSequence`, which NumPy promises to keep (NEP 19).
_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_L, _MIX_R = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_SHIFT = np.uint32(16)
# The factor of PCG64, which NumPy promises to keep as well; its high and low 64 bits.
_FACTOR = divmod(0x2360ED051FC65DA44385DF649FCCF645, 2**64)
# From this number of seeds per sample on, it is faster to advance all together.
_MANY = 32
_1, _32, _63 = np.uint64(1), np.uint64(32), np.uint64(63)
_HALF = np.uint64(2**32 - 1)
# Numbers of 128 bits: their high and low halves.
Pair = tuple[Array, Array]


def generators(seeds: Sequence[int]) -> Iterator[np.random.Generator]:
    """Yield `default_rng(seed)` for each seed, in a tenth of the time.

    >>> [int(rng.integers(100)) for rng in generators(range(3))]
    [85, 47, 83]
    >>> [int(np.random.default_rng(seed).integers(100)) for seed in range(3)]
    [85, 47, 83]
    """
    for start in range(0, len(seeds), _AT_ONCE):
        some = seeds[start : start + _AT_ONCE]
        if max(some) >= 2**64:
            yield from map(np.random.default_rng, some)
            continue
        for words in _state_words(np.array(some, np.uint64)):
            bits = np.random.PCG64(_Words(words))  # type: ignore[arg-type]
            yield np.random.Generator(bits)


def uniform_samples(seeds: Sequence[int], n: int) -> Array:
    """Return the samples `default_rng(seed).random(n)` of each seed, (n_seeds, n).

    For few samples of many seeds this takes 0.3 us per seed, and 5 by `generators`.
    Meanwhile other threads of Python can work.
    """
    samples = np.empty((len(seeds), n))
    for start in range(0, len(seeds), _AT_ONCE):
        some = seeds[start : start + _AT_ONCE]
        rows = samples[start : start + _AT_ONCE]
        if len(some) < _MANY * n or max(some) >= 2**64:
            for row, rng in zip(rows, generators(some), strict=True):
                rng.random(out=row)
        else:
            _draw_together(np.array(some, np.uint64), rows)
    return samples


def _draw_together(seeds: Array, samples: Array) -> None:
    """Write what a PCG64 of each seed draws (n_seeds, n), as `random` does."""
    high, low, *increment = _state_words(seeds).T
    # The increment is odd. Seeding advances the generator, from the sum of both.
    step = increment[0] << _1 | increment[1] >> _63, increment[1] << _1 | _1
    state = _advanced(_sum((high, low), step), step)
    for column in samples.T:
        high, low = state = _advanced(state, step)
        mixed, turn = high ^ low, high >> np.uint64(58)
        turned = mixed >> turn | mixed << (-turn & _63)
        column[:] = (turned >> np.uint64(11)) * 2.0**-53


def _advanced(number: Pair, step: Pair) -> Pair:
    """Return number * `_FACTOR` + step."""
    (high, low), (factor_high, factor_low) = number, _FACTOR
    # The product of the low halves has 128 bits: it is made of halves of 32.
    above, below = low >> _32, low & _HALF
    factor_above, factor_below = divmod(factor_low, 2**32)
    left, right = above * np.uint64(factor_below), below * np.uint64(factor_above)
    middle = (below * np.uint64(factor_below) >> _32) + (left & _HALF) + (right & _HALF)
    carried = above * np.uint64(factor_above) + (left >> _32) + (right >> _32)
    carried += middle >> _32
    carried += high * np.uint64(factor_low) + low * np.uint64(factor_high)
    return _sum((carried, low * np.uint64(factor_low)), step)


def _sum(one: Pair, other: Pair) -> Pair:
    low = one[1] + other[1]
    return one[0] + other[0] + (low < other[1]), low


class _Words(ISeedSequence):
    """Stands for a SeedSequence whose words are known."""

    def __init__(self, words: Array) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Array:
        """Return the words (4,), uint64, of which a PCG64 makes its state."""
        return self._words


def _state_words(seeds: Array) -> Array:
    """Return `SeedSequence(seed).generate_state(4, uint64)` for seeds (n,), (n, 4)."""
    zeros = np.zeros(len(seeds), np.uint32)
    low, high = seeds.astype(np.uint32), (seeds >> np.uint64(32)).astype(np.uint32)
    into = _Hash(_INIT_A, _MULT_A)
    pool = [into(words) for words in (low, high, zeros, zeros)]
    for source in range(_POOL):
        for target in range(_POOL):
            if source != target:
                mixed: Array = _MIX_L * pool[target] - _MIX_R * into(pool[source])
                pool[target] = mixed ^ (mixed >> _SHIFT)
    out = _Hash(_INIT_B, _MULT_B)
    words = np.stack([out(pool[i % _POOL]) for i in range(_STATE)], axis=1)
    return np.ascontiguousarray(words, "<u4").view("<u8").astype(np.uint64, copy=False)


class _Hash:
    """Hash of 32-bit words by a constant, which changes with each call."""

    def __init__(self, constant: int, factor: int) -> None:
        self._constant, self._factor = constant, factor

    def __call__(self, words: Array) -> Array:
        """Return the hash of each word."""
        words = words ^ np.uint32(self._constant)
        self._constant = self._constant * self._factor & 0xFFFFFFFF
        words = words * np.uint32(self._constant)
        return words ^ (words >> _SHIFT)
