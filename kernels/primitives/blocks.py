"""Blocks: a pair of vectors per unit, in tuples that stay in registers.

The number of units is the length of a tuple `m`, known when code is compiled. A
parameter is one number, and `nets` is None; or it is a vector of nets.
"""

from typing import Any

from numba import types

from .arithmetic import fma, relu
from .memory import (
    broadcast,
    load,
    load_numbers,
    offset,
    shuffle,
    store,
    vector_length,
    zeros,
)
from .symbols import has_feature
from .vectors import Vector, traced


def has_registers_of_a_vector() -> bool:
    """Return True where code is compiled for 32 registers of 64 bytes."""
    return has_feature("avx512f")


def _load_parameter(theta: Any, at: Any, nets: Any) -> Any:
    return broadcast(theta, at) if nets is None else load(theta, at)


def _parameter_block(
    theta: Any, at: Any, step: Any, m: tuple[int, ...], nets: Any
) -> Any:
    """Return a block with a pair of each parameter theta[at], theta[at + step] ..."""
    parameters = [_load_parameter(theta, at + k * step, nets) for k in range(len(m))]
    return tuple(x for parameter in parameters for x in (parameter, parameter))


def _zero_block(a: Any, m: tuple[int, ...]) -> Any:
    """Return a block of zeros."""
    return tuple(zeros(a) for _ in range(2 * len(m)))


def _add_products(
    block: Any, a: Any, x: Any, theta: Any, w: Any, step: Any, nets: Any
) -> Any:
    """Return the block plus products of two vectors and a parameter for each pair.

    Pair k gets the two vectors from a[x] on times theta[w + k step].
    """
    pair = load(a, x), load(a, x + vector_length(a))
    n_pairs = len(block) // 2
    weights = [_load_parameter(theta, w + k * step, nets) for k in range(n_pairs)]
    return tuple(fma(pair[i % 2], weights[i // 2], old) for i, old in enumerate(block))


def _store_block(a: Any, at: Any, step: Any, block: Any) -> None:
    """Write a block's pairs to a[at], a[at + step] ..."""
    for i, x in enumerate(block):
        store(a, at + i // 2 * step + i % 2 * vector_length(a), x)


def _rectified_block(block: Any) -> Any:
    """Return the ReLU of a block."""
    return tuple(relu(x) for x in block)


def block_times(derivative: Any) -> Any:
    """Return a traced function of a block, whose vectors are multiplied by derivatives.

    derivative(x, y) is x times that of the activation whose result was y. Pair k of the
    block has the results from a[at + k step] on.
    """

    def times(block: Any, a: Any, at: Any, step: Any) -> Any:
        length = vector_length(a)
        results = [
            load(a, at + i // 2 * step + i % 2 * length) for i in range(len(block))
        ]
        return tuple(derivative(x, y) for x, y in zip(block, results, strict=True))

    return traced(times, lambda block, *_: block)


def _add_outer_products(
    block: Any, a: Any, x: Any, x_step: Any, d: Any, z: Any, z_step: Any
) -> Any:
    """Return the block plus products of vectors of a and d.

    Vector j of pair k gets the vector at a[x + j x_step] times that at d[z + k z_step].
    """
    rows = [load(a, x + j * x_step) for j in range(2)]
    columns = [load(d, z + k * z_step) for k in range(len(block) // 2)]
    return tuple(fma(rows[i % 2], columns[i // 2], old) for i, old in enumerate(block))


def _add_firsts(g: Any, at: Any, block: Any) -> None:
    """Add the first vector of each pair of a block to g[at] and what follows."""
    for i, x in enumerate(block[::2]):
        row = at + i * vector_length(g)
        store(g, row, load(g, row) + x)


def _add_seconds(g: Any, at: Any, block: Any) -> None:
    """Add the second vector of each pair of a block to g[at] and what follows."""
    _add_firsts(g, at, block[1:])


def _halve(x: Any, y: Any, n: int, size: int) -> Any:
    """Return partial sums of half the length: first halves plus second halves.

    x, then y, hold partial sums of n numbers each; `size` numbers of a vector are used.
    """
    starts = range(0, size * (1 if x is y else 2), n)
    first, second = (
        shuffle(x, y, [start + half + i for start in starts for i in range(n // 2)])
        for half in (0, n // 2)
    )
    return first + second


def _add_four_reduced(g: Any, at: Any, s0: Any, s1: Any, s2: Any, s3: Any) -> None:
    """Add to g[at], g[at + 1] ... the `reduce_add` of four vectors."""
    n = size = vector_length(g)
    low, high = _halve(s0, s1, n, size), _halve(s2, s3, n, size)
    sums = _halve(low, high, n // 2, size)
    n //= 4
    while n > 1:
        sums, n = _halve(sums, sums, n, 4 * n), n // 2
    store(g, at, load_numbers(g, at, 4) + sums)


def _add_two_reduced(g: Any, at: Any, step: Any, s0: Any, s1: Any) -> None:
    """Add to g[at] and g[at + step] the `reduce_add` of two vectors."""
    n = size = vector_length(g)
    sums, n = _halve(s0, s1, n, size), n // 2
    while n > 1:
        sums, n = _halve(sums, sums, n, 2 * n), n // 2
    for i in range(2):
        number = offset(g, at + i * step)
        store(number, 0, load_numbers(number, 0, 1) + shuffle(sums, sums, [i]))


def _add_products_reduced(g: Any, at: Any, step: Any, block: Any) -> None:
    """Add to g the `reduce_add` of what `add_outer_products` summed.

    Row j, column k of the products goes to g[at + j step + k].
    """
    for j in range(2):
        row, sums = at + j * step, block[j::2]
        if len(sums) == 4:
            _add_four_reduced(g, row, *sums)
        else:
            _add_two_reduced(g, row, 1, *sums)


def _load_rows(a: Any, at: Any, step: Any, m: tuple[int, ...], v: Any) -> Any:
    """Return len(m) rows of len(v) vectors each, from a[at], a[at + step] ... on."""
    length = vector_length(a)
    starts = [at + k * step for k in range(len(m))]
    return tuple(load(a, start + i * length) for start in starts for i in range(len(v)))


def _add_to_rows(
    rows: Any, v: tuple[int, ...], a: Any, x: Any, numbers: Any, at: Any, step: Any
) -> Any:
    """Return rows of len(v) vectors plus products of these vectors and a number each.

    Row k gets the vectors from a[x] on times numbers[at + k step].
    """
    length, n = vector_length(a), len(v)
    vectors = [load(a, x + i * length) for i in range(n)]
    factors = [broadcast(numbers, at + k * step) for k in range(len(rows) // n)]
    return tuple(fma(vectors[i % n], factors[i // n], x) for i, x in enumerate(rows))


def _store_rows(a: Any, at: Any, step: Any, rows: Any, v: tuple[int, ...]) -> None:
    """Write rows of len(v) vectors to a[at], a[at + step] ..."""
    length, n = vector_length(a), len(v)
    for i, x in enumerate(rows):
        store(a, at + i // n * step + i % n * length, x)


def _block_type(a: Any, m: Any) -> Any:
    return types.UniTuple(Vector(a.dtype), 2 * len(m))


parameter_block = traced(
    _parameter_block, lambda theta, at, step, m, nets: _block_type(theta, m)
)
zero_block = traced(_zero_block, _block_type)
add_products = traced(_add_products, lambda block, *_: block)
rectified_block = traced(_rectified_block, lambda block: block)
load_rows = traced(
    _load_rows,
    lambda a, at, step, m, v: types.UniTuple(Vector(a.dtype), len(m) * len(v)),
)
add_to_rows = traced(_add_to_rows, lambda rows, *_: rows)
add_outer_products = traced(_add_outer_products, lambda block, *_: block)
(
    store_block,
    store_rows,
    add_firsts,
    add_seconds,
    add_two_reduced,
    add_products_reduced,
) = (
    traced(function, lambda *_: types.none)
    for function in (
        _store_block,
        _store_rows,
        _add_firsts,
        _add_seconds,
        _add_two_reduced,
        _add_products_reduced,
    )
)
