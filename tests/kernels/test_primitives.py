"""Each primitive, compiled, has the bits of the same function in plain Python."""

import numba
import numpy as np
import pytest

from fastnn.kernels.primitives import blocks as b
from fastnn.kernels.primitives import pointers as p
from fastnn.kernels.primitives import vectors as v

both = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def numbers(dtype, n=256, exact=False):
    """Return numbers of very different sizes, so that the order of a sum shows.

    With `exact`, return integers, whose products are exact.
    """
    draw = np.random.default_rng(0)
    if exact:
        return draw.integers(-9, 9, n).astype(dtype)
    return (draw.standard_normal(n) * 10.0 ** draw.integers(-3, 4, n)).astype(dtype)


@numba.njit
def use_vectors(out, x, table, integers):
    a, to = p.flat(x), p.flat(out)
    n = v.vector_length(a)
    # at any index, not only at multiples of a vector's length
    v.store(to, 1, v.load(a, 3))
    v.store(to, 20, v.broadcast(a, 5))
    v.store(to, 40, v.constant(a, 0.1))
    first, second = v.load(a, 1), v.load(a, 1 + n)
    third, fourth = v.load(a, 1 + 2 * n), v.load(a, 1 + 3 * n)
    out[60], out[61] = v.reduce_add(first), v.reduce_max(first)
    out[62] = v.add_first_two(first)
    four = (first, fourth, second, third, third, second, fourth, first)
    b.add_products_reduced(to, 63, 10, four)
    b.add_two_reduced(to, 77, 1, first, second)
    out[67], out[68] = v.reduce_add(second), v.reduce_add(third)
    out[69], out[70] = v.reduce_add(fourth), v.scalar(a, 0.1)
    out[71], out[72] = v.scalar(a, n), v.scalar(a, x[3])
    v.store(to, 80, v.load(v.offset(a, 7), 2))
    v.store(to, 100, (first + second) * third - first / fourth)
    v.store(to, 120, v.sqrt(v.absolute(first)))
    v.store(to, 140, v.where_greater(first, second, third, v.constant(a, n)))
    integers[0], integers[1] = v.entry(p.flat(table), 2, 1, 3), n


@numba.njit
def use_blocks(out, x, m):
    a, to = p.flat(x), p.flat(out)
    n = v.vector_length(a)
    one_net = b.parameter_block(a, 3, 5, m, None)
    b.store_block(to, 0, 40, one_net)
    b.store_block(to, 160, 2 * n, b.zero_block(a, m))
    b.store_block(to, 300, 33, b.add_products(one_net, a, 9, a, 50, 7, None))
    b.store_block(to, 460, 2 * n, b.add_outer_products(one_net, a, 9, 17, a, 60, 19))
    many_nets = b.parameter_block(a, 3, 5, m, 2)
    b.store_block(to, 600, 2 * n, b.add_products(many_nets, a, 9, a, 50, 7, 2))
    b.add_firsts(to, 610, many_nets)
    b.add_seconds(to, 650, many_nets)


def use_plain(monkeypatch):
    """Replace each primitive that the functions above call by its plain version."""
    names = {
        name
        for function in (use_vectors, use_blocks)
        for name in python(function).__code__.co_names
    }
    for name in names:
        # the first of these modules is where the name is from
        for module in [module for module in (p, v, b) if hasattr(module, name)][:1]:
            monkeypatch.setattr(module, name, getattr(module, name).plain)


def python(function):
    return getattr(function, "py_func", function)


@both
def test_compiled_vectors_equal_plain_python(dtype, monkeypatch):
    x, table = numbers(dtype), np.arange(12, dtype=np.uint32).reshape(4, 3)
    out, wanted = np.zeros((2, 160), dtype)
    integers, wanted_integers = np.zeros((2, 2), int)
    use_vectors(out, x, table, integers)
    use_plain(monkeypatch)
    python(use_vectors)(wanted, x, table, wanted_integers)
    assert out.tobytes() == wanted.tobytes()
    assert integers.tolist() == wanted_integers.tolist() == [7, 64 // x.itemsize]


@both
def test_compiled_blocks_equal_plain_python(dtype, monkeypatch):
    # plain Python rounds a product, a fused operation does not
    x = numbers(dtype, exact=True)
    out, wanted = np.zeros((2, 800), dtype)
    use_blocks(out, x, (0, 0, 0, 0))
    use_plain(monkeypatch)
    python(use_blocks)(wanted, x, (0, 0, 0, 0))
    assert out.tobytes() == wanted.tobytes()
    assert np.count_nonzero(out) > 100


@both
def test_sums_are_added_in_the_written_order(dtype):
    x, out = numbers(dtype), np.zeros(160, dtype)
    use_vectors(out, x, np.zeros((4, 3), np.uint32), np.zeros(2, int))
    n = 64 // x.itemsize

    def tree(at, step):  # every step-th number: x[0] + x[n / 2] are innermost
        return x[at] if step == n else tree(at, 2 * step) + tree(at + step, 2 * step)

    wanted = np.array([tree(1 + k * n, 1) for k in range(4)])
    assert out[63:67].tobytes() == wanted.tobytes()
    assert out[73:77].tobytes() == wanted[::-1].tobytes()
    assert out[77:79].tobytes() == wanted[:2].tobytes()
    assert out[[60, 67, 68, 69]].tobytes() == wanted.tobytes()
    # another order would show
    assert any(wanted[k] != sum(x[1 + k * n : 1 + k * n + n]) for k in range(4))


@both
def test_plain_python_checks_bounds(dtype):
    a = numbers(dtype, 64)
    n = 64 // a.itemsize
    block = tuple(np.zeros(n, dtype) for _ in range(8))

    def store(a, at):
        v.store.plain(a, at, np.zeros(n, dtype))

    for beyond in (-1, 64 - n + 1, 64):
        for function in (v.load.plain, store):
            with pytest.raises(IndexError, match=f"{n} numbers from index {beyond} on"):
                function(a, beyond)
    for beyond in (-1, 64):
        with pytest.raises(IndexError):
            v.broadcast.plain(a, beyond)
    with pytest.raises(IndexError):
        b.parameter_block.plain(a, 61, 1, (0, 0, 0, 0), None)
    with pytest.raises(IndexError):
        b.parameter_block.plain(a, 64 - n + 1, 0, (0,), 1)
    for add in (b.add_firsts, b.add_seconds):
        with pytest.raises(IndexError):
            add.plain(a, 64 - 4 * n + 1, block)
    with pytest.raises(IndexError):
        b.store_block.plain(a, 0, 64 - 2 * n + 1, block)
    with pytest.raises(IndexError):
        b.add_products.plain(block, a, 64 - 2 * n + 1, a, 0, 1, None)
    with pytest.raises(IndexError):
        b.add_outer_products.plain(block, a, 0, 64 - n + 1, a, 0, 1)
