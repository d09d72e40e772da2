"""From inputs to outputs, probabilities and classes, for any number of rows."""

import numpy as np

from ..codes import BCE, IDENTITY, LINK, LOSSES, PARTIAL_SUMS
from ..compiler.compile import entry_point, inlined_by_numba
from ..functions.lane_losses import (
    fill_weights,
    lane_losses,
    replace_by_probabilities,
    replace_by_values,
    replace_infinite,
)
from ..passes.samples import Tile, forward, gather, padded_width, scatter
from ..primitives.pointers import aligned, flat
from ..primitives.table import output_rows
from ..primitives.vectors import offset, reduce_add, scalar


@entry_point
def outputs(out, theta, X, layers, loss, probabilities, lanes):
    """Fill out (n, n_out) with the net's values for X (n, n_in), or a classifier's z.

    Where `probabilities`, fill out (n, n_classes) with the classes' probabilities.
    Rows whose z is not finite are not finite.
    """
    n_layers, n_in = layers.shape[0], X.shape[1]
    z, n_out = output_rows(flat(layers), n_layers)
    x = z + n_out + 1  # one more row, for the second probability of BCE
    scratch = np.empty((x + n_in) * lanes + 16, theta.dtype)
    a = aligned(flat(scratch))
    for first in range(0, X.shape[0], lanes):
        n = min(lanes, X.shape[0] - first)
        width = padded_width(a, n)
        gather(a, lanes, x, offset(flat(X), first * n_in), n_in, None, n)
        tile = Tile(lanes, width, None, 0)
        forward(a, x, flat(theta), flat(layers), n_layers, tile)
        link = loss // LINK
        if probabilities or link != IDENTITY:
            replace_infinite(a, z, n_out, lanes, width)
        if probabilities:
            replace_by_probabilities(a, z, n_out, loss, lanes, width)
        else:
            replace_by_values(a, z, n_out, link, lanes, width)
        n_columns = out.shape[1]
        scatter(offset(flat(out), first * n_columns), a, z, n_columns, lanes, n)
    scratch[0] = 0  # it must live until here


@inlined_by_numba
def add_losses(
    totals, n_right, theta, X, y, weights, layers, loss, loss_scale, lanes, n_nets
):
    """Add the scaled losses and the right classes of nets to totals and n_right.

    theta has the parameters of a net in each row. A tile of samples is gathered once
    for all nets, and losses are added row by row.
    """
    n_layers, n_in, n_targets = layers.shape[0], X.shape[1], y.shape[1]
    z, n_out = output_rows(flat(layers), n_layers)
    x, n = z + n_out, X.shape[0]
    n_params = theta.shape[-1]
    rows = np.arange(n)
    n_rows = 2 * x + n_in + n_targets + 2 + PARTIAL_SUMS + 1
    scratch = np.zeros(n_rows * lanes + 16, theta.dtype)
    a = aligned(flat(scratch))
    targets = offset(a, (x + n_in) * lanes)
    scales = offset(targets, n_targets * lanes)
    of_tile = offset(scales, lanes)
    losses = offset(of_tile, lanes)
    # gradients are not needed, but the losses fill them
    d = offset(losses, (PARTIAL_SUMS + 1) * lanes)
    for first in range(0, n, lanes):
        m = min(lanes, n - first)
        width = padded_width(a, m)
        gather(a, lanes, x, offset(flat(X), first * n_in), n_in, None, m)
        gather(
            targets, lanes, 0, offset(flat(y), first * n_targets), n_targets, None, m
        )
        fill_weights(
            of_tile,
            scales,
            scalar(a, 1),
            flat(weights),
            weights.size > 0,
            offset(flat(rows), first),
            m,
            width,
        )
        tile = Tile(lanes, width, None, 0)
        for net in range(n_nets):
            own = offset(flat(theta), net * n_params)
            forward(a, x, own, flat(layers), n_layers, tile)
            _, hits = lane_losses(
                d,
                a,
                z,
                n_out,
                targets,
                scales,
                of_tile,
                loss,
                losses,
                True,
                lanes,
                width,
            )
            for i in range(m):
                totals[net] += np.float64(losses[LOSSES * lanes + i]) * loss_scale
            n_right[net] += np.int64(reduce_add(hits))
    scratch[0] = rows[0] = 0  # they must live until here


@entry_point
def evaluate(theta, X, y, weights, layers, loss, loss_scale, lanes):
    """Return the sum of losses times loss_scale, and how many classes are right.

    y and weights: see `arguments.Data`. Losses are added row by row, in float64.
    """
    totals, n_right = np.zeros(1), np.zeros(1, np.int64)
    add_losses(
        totals, n_right, theta, X, y, weights, layers, loss, loss_scale, lanes, 1
    )
    return totals[0], n_right[0]


@entry_point
def classes(out, z, loss):
    """Fill out (n,) with class numbers: z > 0 for BCE, else the first largest z.

    Returns True if all z are finite, so that the numbers are certain.
    """
    finite = True
    for i in range(z.shape[0]):
        finite = finite and np.isfinite(z[i, 0])
        if loss == BCE:
            out[i] = z[i, 0] > 0
        else:
            best = 0
            for k in range(1, z.shape[1]):
                finite = finite and np.isfinite(z[i, k])
                if z[i, k] > z[i, best]:
                    best = k
            out[i] = best
    return finite
