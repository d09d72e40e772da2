"""Gradients of a part of a batch, which loops over batches call by their addresses.

There is one kernel for samples side by side and one for wide layers. Both leave the
loss to a third one, see `tile_losses`. So a training compiles only what it needs.
"""

from typing import Any, NamedTuple

from ..compiler.compile import called_by_address, inlined_by_numba
from ..functions.lane_losses import fill_weights
from ..passes import wide
from ..passes.samples import Tile, backward, forward, gather, padded_width, scatter
from ..primitives.calls import call
from ..primitives.rows import fill
from ..primitives.table import output_rows
from ..primitives.vectors import offset, scalar


class Net(NamedTuple):
    """Pointers to a net's parameters and layer table."""

    theta: Any
    n_params: Any
    layers: Any
    n_layers: Any


class Loss(NamedTuple):
    """The address of a kernel of `tile_losses`, and what it is told of the loss."""

    address: Any
    code: Any
    scale: Any  # see `arguments.FitPlan`, and so is `low`
    low: Any


class Samples(NamedTuple):
    """Pointers to all inputs, targets and weights, and their numbers of columns."""

    X: Any
    n_in: Any
    y: Any
    n_targets: Any
    weights: Any
    weighted: Any  # 0 where all samples weigh 1: there are no weights


class Kept(NamedTuple):
    """A pointer to marks of the tiles that are kept (see `arguments.BatchScratch`)."""

    marks: Any
    n: Any  # 0 where there is space for one tile
    first: Any  # the number of the part's first tile


@inlined_by_numba
def _add_losses(
    sums, samples, loss, tile_rows, z, n_out, targets, rows, first, n, scale
):
    """Fill the last rows of d with scale dL/dz of n samples, a part's from `first` on.

    rows are their numbers, and a has their outputs from row z on. sums: see
    `of_samples`.
    """
    a, d, scales, weights, losses, lanes = tile_rows
    width = padded_width(a, n)
    # Full tiles of samples that all weigh 1 have the rows of the tile before.
    if first == 0 or n < lanes or samples.weighted:
        fill_weights(
            weights, scales, scale, samples.weights, samples.weighted, rows, n, width
        )
    total, right, bad = call(
        loss.address,
        (0.0, 0, 0),
        (
            d,
            a,
            z,
            n_out,
            targets,
            scales,
            weights,
            samples.weighted,
            loss.code,
            losses,
            loss.scale,
            loss.low,
            lanes,
            width,
        ),
    )
    sums[0] += total
    sums[1] += right
    if bad >= 0 and sums[2] < 0:
        sums[2] = rows[bad]


@inlined_by_numba
def _clear(g, sums, n_params):
    fill(g, 0, n_params, scalar(g, 0))
    sums[0], sums[1], sums[2] = 0.0, 0.0, -1.0


@called_by_address
def of_samples(g, sums, net, samples, loss, tile_rows, wide_rows, kept, rows, n, scale):
    """Fill g with scale dL/dtheta of the n samples `rows`, in tiles of samples.

    sums becomes the sum of their scaled losses, the number of right classes, and the
    first row whose loss is not finite, or -1. Arguments: Net, Samples, Loss, and the
    tuples of `arguments`. rows points to the samples' numbers.
    """
    theta, n_params, layers, n_layers = net
    a, d, lanes = tile_rows.a, tile_rows.d, tile_rows.lanes
    n_in, n_targets = samples.n_in, samples.n_targets
    z, n_out = output_rows(layers, n_layers)
    slot, marks = kept.first, kept.marks
    _clear(g, sums, n_params)
    for first in range(0, n, lanes):
        own, m = offset(rows, first), min(lanes, n - first)
        x = z + n_out
        if kept.n > 0:
            x += slot * (n_in + n_targets)
        if kept.n == 0 or marks[slot] == 0:
            gather(a, lanes, x, samples.X, n_in, own, m)
            gather(a, lanes, x + n_in, samples.y, n_targets, own, m)
        if kept.n > 0:
            marks[slot] = 1
        slot += 1
        tile = Tile(lanes, padded_width(a, m), None, 0)
        forward(a, x, theta, layers, n_layers, tile)
        targets = offset(a, (x + n_in) * lanes)
        _add_losses(
            sums, samples, loss, tile_rows, z, n_out, targets, own, first, m, scale
        )
        backward(g, d, a, x, theta, layers, n_layers, tile)


@called_by_address
def of_wide_layers(
    g, sums, net, samples, loss, tile_rows, wide_rows, kept, rows, n, scale
):
    """Do `of_samples` with the passes of `wide`; only losses are in lanes."""
    theta, n_params, layers, n_layers = net
    a, d, lanes = tile_rows.a, tile_rows.d, tile_rows.lanes
    _, n_out = output_rows(layers, n_layers)
    columns = wide.whole_vectors(a, n_out)
    targets = offset(a, columns * lanes)
    _clear(g, sums, n_params)
    for first in range(0, n, lanes):
        own, m = offset(rows, first), min(lanes, n - first)
        x = wide.samples(wide_rows.x, samples.X, samples.n_in, own, m)
        start = wide.forward(wide_rows, theta, x, layers, n_layers, m)
        gather(a, lanes, 0, offset(wide_rows.a, start), columns, None, m)
        gather(targets, lanes, 0, samples.y, samples.n_targets, own, m)
        _add_losses(
            sums, samples, loss, tile_rows, 0, n_out, targets, own, first, m, scale
        )
        scatter(offset(wide_rows.d, start), d, 0, columns, lanes, m)
        wide.backward(g, wide_rows, theta, x, start, layers, n_layers, m)
