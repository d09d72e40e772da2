"""Rows of numbers, one per lane, in flat arrays."""

from ..compiler.compile import inlined_by_llvm, subroutine
from .vectors import load, store, vector_length


@inlined_by_llvm
def fill(a, at, n, value):
    """Set the n numbers from a[at] on to one value."""
    for i in range(at, at + n):
        a[i] = value


@subroutine
def copy(out, a, n):
    """Copy the first n numbers of a to out."""
    for i in range(n):
        out[i] = a[i]


@subroutine
def add(out, a, n):
    """Add the first n numbers of a to those of out."""
    for i in range(n):
        out[i] += a[i]


@inlined_by_llvm
def tree_sum(rows, n, lanes, width):
    """Add n rows into the first one, in the order in which `reduce_add` adds numbers.

    n is at most the length of a vector; rows are `lanes` numbers apart, of which
    `width` are summed.
    """
    step = vector_length(rows)
    half = step
    while half > 1:
        half //= 2
        for row in range(min(half, n - half)):
            low, high = row * lanes, (row + half) * lanes
            for i in range(0, width, step):
                store(rows, low + i, load(rows, low + i) + load(rows, high + i))
