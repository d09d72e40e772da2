"""Forward and backward passes of samples one below the other, for wide layers.

The numbers of a vector are units. Unit u of sample s stands at a[s * width + u] of its
layer, whose width is its number of units, padded to whole vectors. Every pass is a
product of two matrices: a number of one is broadcast and meets vectors of the other.
The first is read as it lies; of the second, a panel of the columns of one or two
vectors is copied at a time, because rows that are far apart push each other out of a
cache. Each result is one sum, in the order of its terms. How many sums are under way at
once does not change a bit.
"""

from typing import Any, NamedTuple

from ..codes import ACTIVATION, N_COLUMNS
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..functions import activations
from ..primitives.blocks import (
    add_to_rows,
    has_registers_of_a_vector,
    load_rows,
    store_rows,
)
from ..primitives.table import layer_offsets
from ..primitives.vectors import entry, load, offset, store, vector_length

# Rows under way at once. With 8 rows of two vectors an FMA never waits for another.
# 14 rows, the most that 32 registers hold, took 1.22 times as long in half of all
# processes (AMD Zen 4). Shorter registers have space for 2.
MANY, ONE = (0,) * (8 if has_registers_of_a_vector() else 2), (0,)
FEW = (0,) * min(4, len(MANY))
# The most samples whose gradient is added row by row, see `_add_by_rows`. With AVX2, 16
# of them take 1.1 times as long as down the columns.
FEW_SAMPLES = 2 * len(MANY)
PAIR, SINGLE = (0, 0), (0,)


class Factor(NamedTuple):
    """A matrix whose numbers are broadcast, with its steps between numbers."""

    numbers: Any
    term: Any  # to the next term of a sum
    row: Any  # to the next row of the product


class Rows(NamedTuple):
    """Rows of numbers, with the step between them."""

    numbers: Any
    step: Any


@inlined_by_llvm
def whole_vectors(a, n):
    """Return the length of the vectors that n numbers take."""
    length = vector_length(a)
    return (n + length - 1) // length * length


@inlined_by_llvm
def _panel_width(a, n):
    """Return the width of the next panel of n remaining columns."""
    length = vector_length(a)
    return 2 * length if n > length else length


@inlined_by_llvm
def _add_product(out, start, factor, panel, n, first, last, m, v):
    """Fill the rows from `first` up to `last` of out: start + factor panel.

    The panel has n rows of len(v) vectors. len(m) rows are taken at once.
    """
    numbers, term, row = factor
    for r in range(first, last, len(m)):
        rows = load_rows(start.numbers, r * start.step, start.step, m, v)
        at = r * row
        for j in range(n):
            x = j * panel.step
            rows = add_to_rows(rows, v, panel.numbers, x, numbers, at, row)
            at += term
        store_rows(out.numbers, r * out.step, out.step, rows, v)


@subroutine
def _multiply(out, start, factor, panel, width, n, first, last):
    """Fill the rows of out from `first` up to `last`: start + factor panel.

    The panel has n rows of `width` numbers.
    """
    many = first + (last - first) // len(MANY) * len(MANY)
    if width > vector_length(out.numbers):
        few = many + (last - many) // len(FEW) * len(FEW)
        _add_product(out, start, factor, panel, n, first, many, MANY, PAIR)
        _add_product(out, start, factor, panel, n, many, few, FEW, PAIR)
        _add_product(out, start, factor, panel, n, few, last, ONE, PAIR)
    else:
        _add_product(out, start, factor, panel, n, first, many, MANY, SINGLE)
        _add_product(out, start, factor, panel, n, many, last, ONE, SINGLE)


@subroutine
def _add_by_rows(out, factor, a, n, n_rows, n_columns):
    """Add factor a to the first n_columns of n_rows of out, which are whole pairs.

    a has n rows. Few rows are finished before the next ones begin. Down a column of a
    pair, a number would be loaded while the one 4 KB before it is still being stored,
    and wait for it: with few samples, for most of the time.
    """
    whole, pair = n_rows // len(FEW) * len(FEW), 2 * vector_length(out.numbers)
    for first in range(0, whole, len(FEW)):
        for k in range(0, n_columns, pair):
            sums = Rows(offset(out.numbers, k), out.step)
            x = Rows(offset(a.numbers, k), a.step)
            last = first + len(FEW)
            _add_product(sums, sums, factor, x, n, first, last, FEW, PAIR)
    for k in range(0, n_columns, pair):
        sums = Rows(offset(out.numbers, k), out.step)
        x = Rows(offset(a.numbers, k), a.step)
        _multiply(sums, sums, factor, x, pair, n, whole, n_rows)


@subroutine
def _pack(panel, width, a, step, n, n_columns):
    """Fill a panel with n rows of a, `step` apart: at most n_columns, then zeros."""
    length = vector_length(panel)
    if n_columns >= width:
        for i in range(n):
            for k in range(0, width, length):
                store(panel, i * width + k, load(a, i * step + k))
    else:
        for i in range(n):
            for k in range(n_columns):
                panel[i * width + k] = a[i * step + k]
            for k in range(n_columns, width):
                panel[i * width + k] = 0


@subroutine
def _pack_transposed(panel, width, a, step, n, n_columns):
    """Do `_pack` for a matrix whose rows are the columns of a."""
    n_columns = min(n_columns, width)
    for i in range(n):
        for k in range(n_columns):
            panel[i * width + k] = a[k * step + i]
        for k in range(n_columns, width):
            panel[i * width + k] = 0


@subroutine
def _add_columns(out, step, a, width, n, n_columns):
    """Add the first n_columns of n rows to those of out, `step` apart."""
    for i in range(n):
        for k in range(n_columns):
            out[i * step + k] += a[i * width + k]


@subroutine
def _add_rows(out, a, width, n, n_columns):
    """Add the n rows of a to out, in their order."""
    for s in range(n):
        for k in range(n_columns):
            out[k] += a[s * width + k]


@subroutine
def samples(out, X, n_in, rows, n):
    """Return the n samples `rows` one below the other: in X itself, or gathered."""
    first, consecutive = rows[0], True
    for i in range(1, n):
        consecutive = consecutive and rows[i] == first + i
    if consecutive:
        return offset(X, first * n_in)
    step = vector_length(out)
    whole = n_in // step * step
    for i in range(n):
        at = rows[i] * n_in
        for j in range(0, whole, step):
            store(out, i * n_in + j, load(X, at + j))
        for j in range(whole, n_in):
            out[i * n_in + j] = X[at + j]
    return out


@inlined_by_numba
def forward(rows, theta, x, layers, n_layers, n):
    """Fill the rows of a with every layer's output for the n samples x.

    Returned is where the last layer's output starts.
    """
    start, x_step, panel = 0, layer_offsets(layers, 0).n_in, rows.panel
    # Weights that are read once need no panel.
    taken_at_once = n == len(MANY) or n == len(FEW) or n == 1
    for i in range(n_layers):
        layer = layer_offsets(layers, i)
        n_in, n_out = layer.n_in, layer.n_out
        padded = whole_vectors(theta, n_out)
        out, k = offset(rows.a, start), 0
        while k < n_out:
            width = _panel_width(theta, n_out - k)
            # The row after the last weights is that of the biases.
            weights = Rows(offset(theta, layer.w + k), n_out)
            if not taken_at_once or n_out - k < width:
                _pack(panel, width, weights.numbers, n_out, n_in + 1, n_out - k)
                weights = Rows(panel, width)
            own = Rows(offset(out, k), padded)
            biases = Rows(offset(weights.numbers, n_in * weights.step), 0)
            factor = Factor(x, 1, x_step)
            _multiply(own, biases, factor, weights, width, n_in, 0, n)
            k += width
        activations.forward(out, 0, n * padded, entry(layers, i, ACTIVATION, N_COLUMNS))
        x, x_step = out, padded
        start += n * padded
    return start - n * x_step


@inlined_by_numba
def backward(g, rows, theta, x, start, layers, n_layers, n):
    """Add the n samples' gradient to g.

    The last layer's output starts at a[start], and its dL/dz at d[start].
    """
    panel, zeros, pair = rows.panel, Rows(rows.zeros, 0), 2 * vector_length(theta)
    for back in range(n_layers):
        i = n_layers - 1 - back
        layer = layer_offsets(layers, i)
        n_in, n_out = layer.n_in, layer.n_out
        padded = whole_vectors(theta, n_out)
        before = n_in if i == 0 else whole_vectors(theta, n_in)
        d = offset(rows.d, start)
        start -= n * before
        a = x if i == 0 else offset(rows.a, start)
        _add_rows(offset(g, layer.b), d, padded, n, n_out)
        factor, k = Factor(a, before, 1), 0
        if n <= FEW_SAMPLES:
            k = n_out // pair * pair
            sums = Rows(offset(g, layer.w), n_out)
            _add_by_rows(sums, factor, Rows(d, padded), n, n_in, k)
        while k < n_out:
            width = _panel_width(theta, n_out - k)
            _pack(panel, width, offset(d, k), padded, n, n_out - k)
            own, packed = offset(g, layer.w + k), Rows(panel, width)
            if n_out - k >= width:
                sums = Rows(own, n_out)
                _multiply(sums, sums, factor, packed, width, n, 0, n_in)
            else:
                sums = Rows(rows.sums, width)
                _multiply(sums, zeros, factor, packed, width, n, 0, n_in)
                _add_columns(own, n_out, rows.sums, width, n_in, n_out - k)
            k += width
        if i > 0:
            down, j = offset(rows.d, start), 0
            while j < n_in:
                width = _panel_width(theta, n_in - j)
                w = offset(theta, layer.w + j * n_out)
                _pack_transposed(panel, width, w, n_out, n_out, n_in - j)
                own, factor = Rows(offset(down, j), before), Factor(d, 1, padded)
                _multiply(own, zeros, factor, Rows(panel, width), width, n_out, 0, n)
                j += width
            activation = entry(layers, i - 1, ACTIVATION, N_COLUMNS)
            activations.backward(down, a, 0, n * before, activation)
