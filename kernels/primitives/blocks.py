"""Blocks: pairs of vectors, as many as there are units at once, in tuples that stay in registers."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from ..codes import VECTOR_BYTES as BYTES
from . import arithmetic
from .arithmetic import Value
from .pointers import checked, primitive, read, write
from .vectors import Vector, load, repeated, shuffled, spread, total


def _start(theta: Any, at: int, step: int, m: tuple[int, ...], nets: Any) -> Any:
    """A block: for each of len(m) parameters from theta[at] on, a step apart, a pair of vectors of it.

    nets is None where a parameter is one number, for all of a vector; otherwise it is a vector, of many nets.
    """
    one = spread if nets is None else load
    return tuple(
        one.plain(theta, at + i * step) for i in range(len(m)) for _ in range(2)
    )


@primitive(_start)
def start(
    typing_context: Any, theta: Any, at: Any, step: Any, m: Any, nets: Any
) -> Any:
    kind = Vector(theta.dtype)
    block = types.UniTuple(kind, 2 * len(m))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, stride, *_ = values
        pairs = []
        for _ in range(len(m)):
            pairs += [_parameter(builder, theta, array, place, nets)] * 2
            place = builder.add(place, stride)
        return context.make_tuple(builder, block, pairs)

    return block(theta, types.intp, types.intp, m, nets), emit


def _parameter(builder: Any, theta: Any, array: Any, place: Any, nets: Any) -> Any:
    kind = Vector(theta.dtype)
    if nets != types.none:
        return read(builder, theta, array, place, kind.ir())
    return repeated(
        builder, kind, read(builder, theta, array, place, kind.ir().element)
    )


def _nothing(a: Any, m: tuple[int, ...]) -> Any:
    """A block of zeros."""
    return tuple(np.zeros(BYTES // a.itemsize, a.dtype) for _ in range(2 * len(m)))


@primitive(_nothing)
def nothing(typing_context: Any, a: Any, m: Any) -> Any:
    kind = Vector(a.dtype)
    block = types.UniTuple(kind, 2 * len(m))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.make_tuple(
            builder, block, [ir.Constant(kind.ir(), [0.0] * kind.count)] * 2 * len(m)
        )

    return block(a, m), emit


def _add_products(
    block: Any, a: Any, x: int, theta: Any, w: int, step: int, nets: Any
) -> Any:
    """Add to each pair of a block the two vectors at a[x] times that pair's parameter theta[w + its place * step]."""
    count, one = BYTES // a.itemsize, spread if nets is None else load
    pair = checked(a, x, count), checked(a, x + count, count)
    return tuple(
        pair[i % 2] * one.plain(theta, w + i // 2 * step) + old
        for i, old in enumerate(block)
    )


@primitive(_add_products)
def add_products(
    typing_context: Any,
    block: Any,
    a: Any,
    x: Any,
    theta: Any,
    w: Any,
    step: Any,
    nets: Any,
) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        old, array, first, weights, place, stride, _ = values
        second = builder.add(first, ir.Constant(first.type, kind.count))
        pair = [_vector(builder, a, array, at) for at in (first, second)]
        new = []
        for i in range(block.count):
            if i % 2 == 0:
                weight = Value(
                    builder, _parameter(builder, theta, weights, place, nets)
                )
                place = builder.add(place, stride)
            new.append(
                arithmetic.fma(
                    pair[i % 2], weight, Value(builder, builder.extract_value(old, i))
                ).value
            )
        return context.make_tuple(builder, block, new)

    return block(block, a, types.intp, theta, types.intp, types.intp, nets), emit


def _vector(builder: Any, a: Any, array: Any, at: Any) -> Value:
    return Value(builder, read(builder, a, array, at, Vector(a.dtype).ir()))


def _keep(a: Any, at: int, step: int, block: Any) -> None:
    """Write a block's pairs to a[at], a[at + step] ..."""
    for i in range(0, len(block), 2):
        checked(a, at + i // 2 * step, 2 * len(block[i]))[:] = np.concatenate(
            block[i : i + 2]
        )


@primitive(_keep)
def keep(typing_context: Any, a: Any, at: Any, step: Any, block: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, stride, vectors = values
        for i in range(0, block.count, 2):
            for at in (place, builder.add(place, ir.Constant(place.type, kind.count))):
                write(
                    builder,
                    a,
                    array,
                    at,
                    builder.extract_value(vectors, i + (at is not place)),
                )
            place = builder.add(place, stride)
        return context.get_dummy_value()

    return types.none(a, types.intp, types.intp, block), emit


def _outer(block: Any, a: Any, x: int, x_step: int, d: Any, z: int, z_step: int) -> Any:
    """Add to a block of 4 times 2 the products of the vectors d[z + k z_step] and a[x + j x_step], k < 4 and j < 2."""
    count = BYTES // a.itemsize
    rows = [checked(a, x + j * x_step, count) for j in range(2)]
    return tuple(
        rows[i % 2] * checked(d, z + i // 2 * z_step, count) + old
        for i, old in enumerate(block)
    )


@primitive(_outer)
def outer(
    typing_context: Any,
    block: Any,
    a: Any,
    x: Any,
    x_step: Any,
    d: Any,
    z: Any,
    z_step: Any,
) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        old, array, first, a_step, other, place, d_step = values
        rows = [
            _vector(builder, a, array, at) for at in (first, builder.add(first, a_step))
        ]
        new = []
        for i in range(block.count):
            if i % 2 == 0:
                column = _vector(builder, d, other, place)
                place = builder.add(place, d_step)
            new.append(
                arithmetic.fma(
                    rows[i % 2], column, Value(builder, builder.extract_value(old, i))
                ).value
            )
        return context.make_tuple(builder, block, new)

    return block(block, a, types.intp, types.intp, d, types.intp, types.intp), emit


def _add_column(g: Any, at: int, block: Any, second: Any) -> None:
    """Add of each pair of a block the first vector, where `second` is None, or the second one to g[at] and on."""
    for i, x in enumerate(block[0 if second is None else 1 :: 2]):
        checked(g, at + i * len(x), len(x))[:] += x


@primitive(_add_column)
def add_column(typing_context: Any, g: Any, at: Any, block: Any, second: Any) -> Any:
    kind = Vector(g.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, vectors, _ = values
        for i in range(0 if second == types.none else 1, block.count, 2):
            old = read(builder, g, array, place, kind.ir())
            write(
                builder,
                g,
                array,
                place,
                builder.fadd(old, builder.extract_value(vectors, i)),
            )
            place = builder.add(place, ir.Constant(place.type, kind.count))
        return context.get_dummy_value()

    return types.none(g, types.intp, block, second), emit


def _add_totals(g: Any, at: int, s0: Any, s1: Any, s2: Any, s3: Any) -> None:
    """Add to g[at], g[at + 1] ... the totals of four vectors, each summed as `total` does it."""
    four = checked(g, at, 4)
    four += np.array([total.plain(each) for each in (s0, s1, s2, s3)])


@primitive(_add_totals)
def add_totals(
    typing_context: Any, g: Any, at: Any, s0: Any, s1: Any, s2: Any, s3: Any
) -> Any:
    def folded(builder: Any, x: Any, y: Any, n: int) -> Any:
        """Halve the n numbers that are left of each sum in x, then in y: all first halves plus all second halves."""
        every = range(0, x.type.count * (1 if x is y else 2), n)
        halves = []
        for half in (0, n // 2):
            places = [first + half + i for first in every for i in range(n // 2)]
            halves.append(shuffled(builder, x, y, places))
        return builder.fadd(*halves)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, x, y, u, v = values
        n = s0.count
        rest = folded(
            builder, folded(builder, x, y, n), folded(builder, u, v, n), n // 2
        )
        n //= 4
        while n > 1:
            rest, n = folded(builder, rest, rest, n), n // 2
        old = read(builder, g, array, place, rest.type)
        write(builder, g, array, place, builder.fadd(old, rest))
        return context.get_dummy_value()

    return types.none(g, types.intp, s0, s1, s2, s3), emit
