"""Each primitive as compiled code against its plain Python version, bit for bit."""

import numba
import numpy as np
import pytest

from fastnn.kernels.primitives import blocks as b
from fastnn.kernels.primitives import pointers as p
from fastnn.kernels.primitives import vectors as v

both = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def numbers(dtype, n=256, whole=False):
    """Numbers of very different sizes, so that the order of a sum shows; or whole ones, whose products are exact."""
    draw = np.random.default_rng(0)
    return (
        draw.integers(-9, 9, n)
        if whole
        else draw.standard_normal(n) * 10.0 ** draw.integers(-3, 4, n)
    ).astype(dtype)


@numba.njit
def parts(out, x, table, found):
    a, to = p.flat(x), p.flat(out)
    n = v.vector_length(a)
    v.store(
        to, 1, v.load(a, 3)
    )  # at any place, not at multiples of a vector's length only
    v.store(to, 20, v.broadcast(a, 5))
    v.store(to, 40, v.constant(a, 0.1))
    first, second, third, fourth = (
        v.load(a, 1),
        v.load(a, 1 + n),
        v.load(a, 1 + 2 * n),
        v.load(a, 1 + 3 * n),
    )
    out[60], out[61], out[62] = (
        v.reduce_add(first),
        v.reduce_max(first),
        v.add_first_two(first),
    )
    out[63], out[64], out[65], out[66] = 0, 0, 0, 0
    b.add_four_reduced(to, 63, first, second, third, fourth)
    out[67], out[68], out[69] = (
        v.reduce_add(second),
        v.reduce_add(third),
        v.reduce_add(fourth),
    )
    out[70] = v.scalar(a, 0.1)
    v.store(to, 80, v.load(v.offset(a, 7), 2))
    v.store(to, 100, (first + second) * third - first / fourth)
    found[0], found[1] = v.entry(p.flat(table), 2, 1, 3), n


@numba.njit
def blocks(out, x, m):
    a, to = p.flat(x), p.flat(out)
    n = v.vector_length(a)
    b.store_block(to, 0, 40, b.parameter_block(a, 3, 5, m, None))
    b.store_block(to, 160, 2 * n, b.zero_block(a, m))
    b.store_block(
        to,
        300,
        33,
        b.add_products(b.parameter_block(a, 3, 5, m, None), a, 9, a, 50, 7, None),
    )
    b.store_block(
        to,
        460,
        2 * n,
        b.add_outer_products(b.parameter_block(a, 3, 5, m, None), a, 9, 17, a, 60, 19),
    )
    nets = b.parameter_block(a, 3, 5, m, 2)  # vectors of nets
    b.store_block(to, 600, 2 * n, b.add_products(nets, a, 9, a, 50, 7, 2))
    b.add_firsts(to, 610, nets)
    b.add_seconds(to, 650, nets)


def plain(monkeypatch):
    """The same names, each of its plain version."""
    for name in {
        name
        for function in (parts, blocks)
        for name in python(function).__code__.co_names
    }:
        for module in [module for module in (p, v, b) if hasattr(module, name)][
            :1
        ]:  # where it is from
            monkeypatch.setattr(module, name, getattr(module, name).plain)


def python(function):
    return getattr(function, "py_func", function)


@both
def test_compiled_parts_equal_plain_python(dtype, monkeypatch):
    x, table = numbers(dtype), np.arange(12, dtype=np.uint32).reshape(4, 3)
    out, wanted, whole, wanted_whole = (
        np.zeros(128, dtype),
        np.zeros(128, dtype),
        np.zeros(2, int),
        np.zeros(2, int),
    )
    parts(out, x, table, whole)
    plain(monkeypatch)
    python(parts)(wanted, x, table, wanted_whole)
    assert out.tobytes() == wanted.tobytes()
    assert whole.tolist() == wanted_whole.tolist() == [7, 64 // x.itemsize]


@both
def test_compiled_blocks_equal_plain_python(dtype, monkeypatch):
    x = numbers(
        dtype, whole=True
    )  # exact products: plain Python rounds them, a fused operation does not
    out, wanted = np.zeros(800, dtype), np.zeros(800, dtype)
    blocks(out, x, (0, 0, 0, 0))
    plain(monkeypatch)
    python(blocks)(wanted, x, (0, 0, 0, 0))
    assert out.tobytes() == wanted.tobytes()
    assert np.count_nonzero(out) > 100


@both
def test_totals_are_summed_in_the_written_order(dtype):
    x, out = numbers(dtype), np.zeros(128, dtype)
    parts(out, x, np.zeros((4, 3), np.uint32), np.zeros(2, int))
    n = 64 // x.itemsize

    def tree(at, step):  # every step-th number: x[0] + x[n / 2] are innermost
        return x[at] if step == n else tree(at, 2 * step) + tree(at + step, 2 * step)

    wanted = np.array([tree(1 + k * n, 1) for k in range(4)])
    assert out[63:67].tobytes() == wanted.tobytes()
    assert out[[60, 67, 68, 69]].tobytes() == wanted.tobytes()
    assert any(
        wanted[k] != sum(x[1 + k * n : 1 + k * n + n]) for k in range(4)
    )  # another order would show


@both
def test_plain_python_looks_at_bounds(dtype):
    a = numbers(dtype, 64)
    n, block = (
        64 // a.itemsize,
        tuple(np.zeros(64 // a.itemsize, dtype) for _ in range(8)),
    )
    for beyond in (-1, 64 - n + 1, 64):
        for function in (
            v.load.plain,
            lambda a, at: v.store.plain(a, at, np.zeros(n, dtype)),
        ):
            with pytest.raises(IndexError):
                function(a, beyond)
    for beyond in (-1, 64):
        with pytest.raises(IndexError):
            v.broadcast.plain(a, beyond)
    with pytest.raises(IndexError):
        b.parameter_block.plain(a, 61, 1, (0, 0, 0, 0), None)
    with pytest.raises(IndexError):
        b.parameter_block.plain(a, 64 - n + 1, 0, (0,), 1)
    with pytest.raises(IndexError):
        b.add_firsts.plain(a, 64 - 4 * n + 1, block)
    with pytest.raises(IndexError):
        b.store_block.plain(a, 0, 64 - 2 * n + 1, block)
    with pytest.raises(IndexError):
        b.add_products.plain(block, a, 64 - 2 * n + 1, a, 0, 1, None)
    with pytest.raises(IndexError):
        b.add_outer_products.plain(block, a, 0, 64 - n + 1, a, 0, 1)
