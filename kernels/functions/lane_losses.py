"""The losses of many samples or nets side by side, with the formulas of `losses`.

The numbers of a vector are lanes. Row r of an array starts at index r * lanes, and z is
the row of the first output. Samples have rows of scales, which multiply gradients, and
of weights, which multiply losses, and targets in the rows of y. Nets of one sample
share its targets y; scales and weights are None.
"""

import numpy as np

from ..codes import (
    BCE,
    EXP,
    HITS,
    IDENTITY,
    LINK,
    LOSSES,
    PARTIAL_SUMS,
    POISSON,
    SIGMOID,
    SOFT_BCE,
    SOFT_CE,
    SOFTMAX,
    SOFTMAX_CE,
    TIED,
)
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..primitives.rows import tree_sum
from ..primitives.vectors import (
    absolute,
    add_scaled,
    broadcast,
    constant,
    load,
    log1p,
    offset,
    reduce_add,
    scalar,
    sigmoid,
    store,
    vector_length,
    where_greater,
)
from . import activations
from .activations import exponential
from .losses import (
    PER_SUBTOTAL,
    bce_exp,
    bce_gradient,
    bce_gradient_from_exp,
    bce_linear,
    bce_loss,
    poisson_error,
    product_less_1,
    soft_ce,
    softmax_loss,
    softmax_term,
    squared_error,
)


@inlined_by_llvm
def _target(y, k, scales, i, lanes):
    """Return target k of the lanes from i on."""
    return broadcast(y, k) if scales is None else load(y, k * lanes + i)


@inlined_by_llvm
def _class_target(y, shared, scales, i):
    """Return the first target of the lanes from i on; `shared` is broadcast(y, 0).

    Nets compute what follows from their shared target once, before the loop: 3 % of the
    time of an update of 2-2-1.
    """
    return shared if scales is None else load(y, i)


@inlined_by_llvm
def _scaled(x, scales, i):
    """Return x times the scale of each lane."""
    return x if scales is None else load(scales, i) * x


@inlined_by_llvm
def _counted(loss, hit, weights, i, zero):
    """Return the weighted loss, and the hit, in lanes with a sample, and 0 elsewhere.

    A lane without a sample has a weight below 0. Where the weight is 0, an infinite
    loss counts 0 as well. Nets have no weights here.
    """
    if weights is None:
        return loss, hit
    weight = load(weights, i)
    loss = where_greater(weight, zero, weight * loss, zero)
    return loss, where_greater(zero, weight, zero, hit)


@subroutine
def fill_weights(weights, scales, scale, all_weights, weighted, rows, n, width):
    """Fill a tile's rows of weights and of scales, for the n samples `rows`.

    all_weights has the weights of all rows; unless `weighted` all are 1.
    """
    if weighted:
        for i in range(n):
            weights[i] = all_weights[rows[i]]
            scales[i] = weights[i] * scale
    else:
        one, factor = constant(weights, 1), constant(weights, scale)
        for i in range(0, n, vector_length(weights)):
            store(weights, i, one)
            store(scales, i, factor)
    for i in range(n, width):
        weights[i], scales[i] = scalar(weights, -1), scalar(weights, 0)


@inlined_by_llvm
def _n_partial_sums(scales, n_out, length):
    """Return in how many partial sums the outputs are added.

    Nets have one per number of a vector, and so the order of the loop for one net.
    """
    return min(n_out, length) if scales is None else 1


@inlined_by_llvm
def _is_class(a, y, k, scales, i):
    """Return 1 in the lanes from i on whose class is k, and 0 elsewhere."""
    if scales is None:
        return constant(a, 1 if y[0] == k else 0)
    distance = absolute(load(y, i) - constant(a, k))
    return where_greater(distance, constant(a, 0.5), constant(a, 0), constant(a, 1))


@inlined_by_llvm
def _output_of_class(a, z, n_out, y, scales, i, lanes):
    """Return the output of the true class in the lanes from i on."""
    if scales is None:
        # Bounded, because it becomes an address.
        true = min(max(np.int64(y[0]), 0), n_out - 1)
        return load(a, (z + true) * lanes + i)
    output = constant(a, 0)
    for k in range(n_out):
        distance = absolute(load(y, i) - constant(a, k))
        x = load(a, (z + k) * lanes + i)
        output = where_greater(distance, constant(a, 0.5), output, x)
    return output


@inlined_by_llvm
def _first_largest(a, z, n_out, i, lanes):
    """Return the largest output in each lane from i on, and the first one's number."""
    largest, winner = load(a, z * lanes + i), constant(a, 0)
    for k in range(1, n_out):
        x = load(a, (z + k) * lanes + i)
        winner = where_greater(x, largest, constant(a, k), winner)
        largest = where_greater(x, largest, x, largest)
    return largest, winner


@subroutine
def bce_lanes(d, a, z, y, scales, weights, t, record, lanes, width):
    """Do `lane_losses` for BCE."""
    zero, shared = constant(a, 0), broadcast(y, 0)
    losses, hits = zero, zero
    for i in range(0, width, vector_length(a)):
        target = _class_target(y, shared, scales, i)
        gradient, e = bce_gradient(load(a, z * lanes + i), target)
        store(d, z * lanes + i, _scaled(gradient, scales, i))
        store(t, LOSSES * lanes + i, e)
    # In the loop above the logarithm would cost 21 cycles a vector instead of 9: each
    # vector would be a chain of 140 cycles, more than the processor looks ahead.
    for i in range(0, width if record else 0, vector_length(a)):
        target, e = _class_target(y, shared, scales, i), load(t, LOSSES * lanes + i)
        loss, hit = bce_loss(load(a, z * lanes + i), target, e)
        loss, hit = _counted(loss, hit, weights, i, zero)
        store(t, LOSSES * lanes + i, loss)
        store(t, HITS * lanes + i, hit)
        losses, hits = losses + loss, hits + hit
    return losses, hits


@subroutine
def bce_of_nets(d, a, z, y, t, products, record, lanes):
    """Do `lane_losses` for BCE of nets, with losses less their logarithms.

    What these are taken of is added to `products` (see `losses.PER_SUBTOTAL`).
    """
    target = broadcast(y, 0)
    for i in range(0, lanes, vector_length(a)):
        gradient, e = bce_gradient(load(a, z * lanes + i), target)
        store(d, z * lanes + i, gradient)
        if record:
            loss, hit = bce_linear(load(a, z * lanes + i), target)
            store(t, LOSSES * lanes + i, loss)
            store(t, HITS * lanes + i, hit)
            store(products, i, product_less_1(load(products, i), e))


@subroutine
def add_subtotals(loss_sums, subtotals, shares_logs, loss_scale, lanes):
    """Add the nets' subtotals of losses, scaled, to loss_sums, and begin new ones.

    The rows of `subtotals` are their means and, where they share logarithms, products.
    """
    for i in range(0, lanes, vector_length(subtotals)):
        add_scaled(loss_sums, i, load(subtotals, i), PER_SUBTOTAL * loss_scale)
        store(subtotals, i, constant(subtotals, 0))
        if shares_logs:
            log = log1p(load(subtotals, lanes + i))
            add_scaled(loss_sums, i, log, loss_scale)
            store(subtotals, lanes + i, constant(subtotals, 0))


@subroutine
def bce_of_samples(d, a, z, y, scales, weights, lanes, width):
    """Do `bce_lanes` for samples that all weigh 1, and return the sums only.

    There is one logarithm per lane of the vectors, of the product of all 1 + e, which
    is below 2^64: without it a step on 10,000 rows of a 2-2-1 takes 49 µs, not 52.
    Where all lanes have samples there are no weights (None).
    """
    zero = constant(a, 0)
    losses, hits, product_less = zero, zero, zero
    step, following = vector_length(a), bce_exp(load(a, z * lanes))
    for i in range(0, width, step):
        # that of the next vector while this one is divided, see `activations`
        e, at = following, min(i + step, width - step)
        following = bce_exp(load(a, z * lanes + at))
        output, target = load(a, z * lanes + i), load(y, i)
        gradient = bce_gradient_from_exp(output, target, e)
        store(d, z * lanes + i, _scaled(gradient, scales, i))
        loss, hit = bce_linear(output, target)
        if weights is not None:
            weight = load(weights, i)
            loss = where_greater(weight, zero, loss, zero)
            hit = where_greater(weight, zero, hit, zero)
            e = where_greater(weight, zero, e, zero)
        losses, hits = losses + loss, hits + hit
        product_less = product_less_1(product_less, e)
    return losses + log1p(product_less), hits


@subroutine
def _soft_bce_lanes(d, a, z, n_out, y, scales, weights, t, lanes, width):
    zero, one = constant(a, 0), constant(a, 1)
    mean_factor = constant(a, scalar(a, 1) / scalar(a, n_out))
    losses, hits = zero, zero
    for i in range(0, width, vector_length(a)):
        loss, hit = zero, one
        for k in range(n_out):
            at, target = (z + k) * lanes + i, _target(y, k, scales, i, lanes)
            gradient, e = bce_gradient(load(a, at), target)
            term, is_right = bce_loss(load(a, at), target, e)
            loss, hit = loss + term, hit * is_right
            store(d, at, _scaled(mean_factor * gradient, scales, i))
        loss, hit = _counted(loss * mean_factor, hit, weights, i, zero)
        store(t, LOSSES * lanes + i, loss)
        store(t, HITS * lanes + i, hit)
        losses, hits = losses + loss, hits + hit
    return losses, hits


@inlined_by_llvm
def _softmax_terms(d, a, z, n_out, scales, t, lanes, width):
    """Fill d with e^(z - largest), and rows of t.

    LOSSES gets the largest output, HITS the number of the first one, TIED how many
    there are, and PARTIAL_SUMS the sum of d over those below it.
    """
    length, zero, one = vector_length(a), constant(a, 0), constant(a, 1)
    sums = offset(t, PARTIAL_SUMS * lanes)
    n_sums = _n_partial_sums(scales, n_out, length)
    stride = 1 if n_sums == 1 else length
    for i in range(0, width, length):
        largest, winner = _first_largest(a, z, n_out, i, lanes)
        n_tied = zero
        for row in range(n_sums):
            below = zero
            for k in range(z + row, z + n_out, stride):
                e, e_below, is_tied = softmax_term(load(a, k * lanes + i), largest, one)
                store(d, k * lanes + i, e)
                below, n_tied = below + e_below, n_tied + is_tied
            store(sums, row * lanes + i, below)
        store(t, LOSSES * lanes + i, largest)
        store(t, HITS * lanes + i, winner)
        store(t, TIED * lanes + i, n_tied)
    tree_sum(sums, n_sums, lanes, width)


@subroutine
def _softmax_gradients(d, a, z, n_out, y, scales, t, lanes, width):
    """Fill n_out rows of d from z on with scale dL/dz, and rows of t for the losses."""
    length, one = vector_length(a), constant(a, 1)
    sums = offset(t, PARTIAL_SUMS * lanes)
    _softmax_terms(d, a, z, n_out, scales, t, lanes, width)
    for i in range(0, width, length):
        below, n_tied = load(sums, i), load(t, TIED * lanes + i)
        norm = one / (n_tied + below)
        for k in range(n_out):
            at = (z + k) * lanes + i
            gradient = load(d, at) * norm - _is_class(a, y, k, scales, i)
            store(d, at, _scaled(gradient, scales, i))


@subroutine
def softmax_lanes(d, a, z, n_out, y, scales, weights, t, record, lanes, width):
    """Do `lane_losses` for SOFTMAX_CE."""
    zero = constant(a, 0)
    losses, hits = zero, zero
    sums = offset(t, PARTIAL_SUMS * lanes)
    _softmax_gradients(d, a, z, n_out, y, scales, t, lanes, width)
    for i in range(0, width if record else 0, vector_length(a)):
        below, n_tied = load(sums, i), load(t, TIED * lanes + i)
        largest = load(t, LOSSES * lanes + i)
        true = _output_of_class(a, z, n_out, y, scales, i, lanes)
        loss = softmax_loss(below, n_tied, largest, true)
        distance = absolute(_target(y, 0, scales, i, lanes) - load(t, HITS * lanes + i))
        hit = where_greater(distance, constant(a, 0.5), zero, constant(a, 1))
        loss, hit = _counted(loss, hit, weights, i, zero)
        store(t, LOSSES * lanes + i, loss)
        store(t, HITS * lanes + i, hit)
        losses, hits = losses + loss, hits + hit
    return losses, hits


@inlined_by_llvm
def _softmax_of_vector(d, a, z, n_out, y, scales, weights, i, lanes):
    """Fill d with scale dL/dz in the lanes from i on; all samples there weigh 1.

    Return s, the loss less log(1 + s), and 1 if the class is right; all are 0 in lanes
    without a sample.
    """
    zero, one, half = constant(a, 0), constant(a, 1), constant(a, 0.5)
    largest, winner = _first_largest(a, z, n_out, i, lanes)
    below, n_tied = zero, zero
    for k in range(z, z + n_out):
        e, e_below, is_tied = softmax_term(load(a, k * lanes + i), largest, one)
        store(d, k * lanes + i, e)
        below, n_tied = below + e_below, n_tied + is_tied
    norm, true = one / (n_tied + below), zero
    for k in range(n_out):
        at, is_class = (z + k) * lanes + i, _is_class(a, y, k, scales, i)
        true = where_greater(is_class, half, load(a, at), true)
        store(d, at, _scaled(load(d, at) * norm - is_class, scales, i))
    hit = where_greater(absolute(load(y, i) - winner), half, zero, one)
    less_1, loss, weight = below + (n_tied - one), largest - true, load(weights, i)
    return (
        where_greater(weight, zero, less_1, zero),
        where_greater(weight, zero, loss, zero),
        where_greater(weight, zero, hit, zero),
    )


@subroutine
def _softmax_of_samples(d, a, z, n_out, y, scales, weights, t, lanes, width):
    """Do `softmax_lanes` for samples that all weigh 1.

    There is one logarithm per lane of the vectors, of the product of all sums. The row
    LOSSES of t is filled only where the sum of losses is not finite.
    """
    losses, hits, product_less = constant(a, 0), constant(a, 0), constant(a, 0)
    for i in range(0, width, vector_length(a)):
        less_1, loss, hit = _softmax_of_vector(
            d, a, z, n_out, y, scales, weights, i, lanes
        )
        losses, hits = losses + loss, hits + hit
        product_less = product_less_1(product_less, less_1)
    losses = losses + log1p(product_less)
    if not np.isfinite(reduce_add(losses)):  # or only the product is infinite
        for i in range(0, width, vector_length(a)):
            less_1, loss, _ = _softmax_of_vector(
                d, a, z, n_out, y, scales, weights, i, lanes
            )
            store(t, LOSSES * lanes + i, loss + log1p(less_1))
    return losses, hits


@subroutine
def _soft_ce_lanes(d, a, z, n_out, y, scales, weights, t, lanes, width):
    zero, one = constant(a, 0), constant(a, 1)
    losses, hits = zero, zero
    sums = offset(t, PARTIAL_SUMS * lanes)
    _softmax_terms(d, a, z, n_out, scales, t, lanes, width)
    for i in range(0, width, vector_length(a)):
        below, n_tied = load(sums, i), load(t, TIED * lanes + i)
        largest, winner = load(t, LOSSES * lanes + i), load(t, HITS * lanes + i)
        norm, log_norm = one / (n_tied + below), softmax_loss(below, n_tied, zero, zero)
        mass, true = _target(y, 0, scales, i, lanes), zero
        probability = mass
        for k in range(1, n_out):
            target = _target(y, k, scales, i, lanes)
            mass = mass + target
            true = where_greater(target, probability, constant(a, k), true)
            probability = where_greater(target, probability, target, probability)
        loss = zero
        for k in range(n_out):
            at, target = (z + k) * lanes + i, _target(y, k, scales, i, lanes)
            gradient, term = soft_ce(
                load(d, at), norm, load(a, at), target, mass, largest, log_norm
            )
            loss = loss + term
            store(d, at, _scaled(gradient, scales, i))
        distance = absolute(true - winner)
        hit = where_greater(distance, constant(a, 0.5), zero, one)
        loss, hit = _counted(loss, hit, weights, i, zero)
        store(t, LOSSES * lanes + i, loss)
        store(t, HITS * lanes + i, hit)
        losses, hits = losses + loss, hits + hit
    return losses, hits


def _value_lanes(error):
    """Return the loss of values that is the mean over outputs of an error."""

    def lanes_of(d, a, z, n_out, y, scales, weights, t, lanes, width):
        zero, mean_factor = constant(a, 0), constant(a, scalar(a, 1) / scalar(a, n_out))
        losses = zero
        for i in range(0, width, vector_length(a)):
            loss = zero
            for k in range(n_out):
                at, target = (z + k) * lanes + i, _target(y, k, scales, i, lanes)
                gradient, term = error(load(a, at), target, mean_factor)
                loss = loss + term
                store(d, at, _scaled(gradient, scales, i))
            loss, _ = _counted(loss, zero, weights, i, zero)
            store(t, LOSSES * lanes + i, loss)
            losses = losses + loss
        return losses, zero

    return subroutine(lanes_of)


_mse_lanes, _poisson_lanes = _value_lanes(squared_error), _value_lanes(poisson_error)


@subroutine
def _softmax_forward(a, z, n_out, lanes, width):
    """Replace the outputs in rows from z on by their softmax."""
    one = constant(a, 1)
    for i in range(0, width, vector_length(a)):
        largest, _ = _first_largest(a, z, n_out, i, lanes)
        total = constant(a, 0)
        for k in range(n_out):
            at = (z + k) * lanes + i
            e, _, _ = softmax_term(load(a, at), largest, one)
            store(a, at, e)
            total = total + e
        for k in range(n_out):
            at = (z + k) * lanes + i
            store(a, at, load(a, at) / total)


@subroutine
def _softmax_backward(d, a, z, n_out, lanes, width):
    """Replace dL/da by dL/dz where a is a softmax."""
    for i in range(0, width, vector_length(a)):
        total = constant(a, 0)
        for k in range(n_out):
            at = (z + k) * lanes + i
            total = total + load(d, at) * load(a, at)
        for k in range(n_out):
            at = (z + k) * lanes + i
            store(d, at, load(a, at) * (load(d, at) - total))


@subroutine
def _exponentials(a, z, n_out, lanes, width):
    """Replace the outputs z in rows from z on by e^z."""
    for k in range(z, z + n_out):
        for i in range(k * lanes, k * lanes + width, vector_length(a)):
            store(a, i, exponential(load(a, i)))


@subroutine
def _sigmoid_of_both_signs(a, z, lanes, width):
    """Replace row z by sigmoid(-z), and the next row by sigmoid(z)."""
    zero, one = constant(a, 0), constant(a, 1)
    for i in range(z * lanes, z * lanes + width, vector_length(a)):
        x = load(a, i)
        store(a, i, sigmoid(zero - x, one))
        store(a, i + lanes, sigmoid(x, one))


@subroutine
def replace_infinite(a, z, n_out, lanes, width):
    """Replace infinite outputs in rows from z on by NaN.

    The sum behind one may have been beyond the largest number only in part, so that
    not even its sign is known.
    """
    for k in range(z, z + n_out):
        for i in range(k * lanes, k * lanes + width, vector_length(a)):
            x = load(a, i)
            store(a, i, x + (x - x))


@inlined_by_numba
def replace_by_values(a, z, n_out, link, lanes, width):
    """Replace the outputs in rows from z on by the net's values, their link f(z)."""
    if link == SOFTMAX:
        _softmax_forward(a, z, n_out, lanes, width)
    elif link == EXP:
        _exponentials(a, z, n_out, lanes, width)
    elif link != IDENTITY:
        for k in range(z, z + n_out):
            activations.forward(a, k * lanes, k * lanes + width, link)


@inlined_by_numba
def replace_by_probabilities(a, z, n_out, loss, lanes, width):
    """Replace the outputs in rows from z on by the classes' probabilities.

    For BCE of one output these are two rows, sigmoid(-z) and sigmoid(z), and of several
    outputs sigmoid(z) of each; otherwise softmax(z).
    """
    if loss == BCE and n_out == 1:
        _sigmoid_of_both_signs(a, z, lanes, width)
    elif loss == BCE:
        for k in range(z, z + n_out):
            activations.forward(a, k * lanes, k * lanes + width, SIGMOID)
    else:
        _softmax_forward(a, z, n_out, lanes, width)


@inlined_by_numba
def lane_losses(d, a, z, n_out, y, scales, weights, loss, t, record, lanes, width):
    """Fill n_out rows of d from z on with scale dL/dz for the outputs in rows of a.

    Where `record`, the rows LOSSES and HITS of the scratch t get each lane's loss, and
    1 where its class is right; for MSE and POISSON the latter is left as it was.
    Returned are two vectors: the sums of these rows over vectors.
    """
    if loss == BCE:
        losses, hits = bce_lanes(d, a, z, y, scales, weights, t, record, lanes, width)
    elif loss == SOFTMAX_CE:
        losses, hits = softmax_lanes(
            d, a, z, n_out, y, scales, weights, t, record, lanes, width
        )
    elif loss == SOFT_BCE:
        losses, hits = _soft_bce_lanes(
            d, a, z, n_out, y, scales, weights, t, lanes, width
        )
    elif loss == SOFT_CE:
        losses, hits = _soft_ce_lanes(
            d, a, z, n_out, y, scales, weights, t, lanes, width
        )
    elif loss == POISSON + LINK * EXP:
        losses, hits = _poisson_lanes(
            d, a, z, n_out, y, scales, weights, t, lanes, width
        )
    else:
        link = loss // LINK
        replace_by_values(a, z, n_out, link, lanes, width)
        losses, hits = _mse_lanes(d, a, z, n_out, y, scales, weights, t, lanes, width)
        if link == SOFTMAX:
            _softmax_backward(d, a, z, n_out, lanes, width)
        elif link != IDENTITY:
            for k in range(z, z + n_out):
                activations.backward(d, a, k * lanes, k * lanes + width, link)
    return losses, hits


@inlined_by_numba
def summed_losses(
    d, a, z, n_out, y, scales, weights, weighted, loss, t, loss_scale, lanes, width
):
    """Return what `summed` does for a loss; arguments are those of `lane_losses`.

    Unless `weighted` all samples weigh 1.
    """
    if loss == BCE and not weighted:
        return summed_bce(d, a, z, y, scales, weights, t, loss_scale, lanes, width)
    if loss == SOFTMAX_CE and not weighted:
        return summed_softmax(
            d, a, z, n_out, y, scales, weights, t, loss_scale, lanes, width
        )
    losses, hits = lane_losses(
        d, a, z, n_out, y, scales, weights, loss, t, True, lanes, width
    )
    return summed(losses, hits, t, loss_scale, lanes, width)


@inlined_by_numba
def summed_bce(d, a, z, y, scales, weights, t, loss_scale, lanes, width):
    """Do `summed_losses` for BCE and samples that all weigh 1."""
    if weights[width - 1] > 0:
        losses, hits = bce_of_samples(d, a, z, y, scales, None, lanes, width)
    else:
        losses, hits = bce_of_samples(d, a, z, y, scales, weights, lanes, width)
    if not np.isfinite(reduce_add(losses)):
        bce_lanes(d, a, z, y, scales, weights, t, True, lanes, width)
    return summed(losses, hits, t, loss_scale, lanes, width)


@inlined_by_numba
def summed_softmax(d, a, z, n_out, y, scales, weights, t, loss_scale, lanes, width):
    """Do `summed_losses` for SOFTMAX_CE and samples that all weigh 1."""
    losses, hits = _softmax_of_samples(
        d, a, z, n_out, y, scales, weights, t, lanes, width
    )
    return summed(losses, hits, t, loss_scale, lanes, width)


@inlined_by_numba
def summed(losses, hits, t, loss_scale, lanes, width):
    """Return the scaled sum of losses, the number of right classes, and a lane or -1.

    losses and hits are vectors, sums of the rows of t. The lane is the first one whose
    loss is not finite; all may be finite where the sum of vectors is not. loss_scale
    is at most 1 / width.
    """
    total, bad = np.float64(reduce_add(losses)) * loss_scale, -1
    if not np.isfinite(total):
        total = 0.0
        for i in range(width):
            total += np.float64(t[LOSSES * lanes + i]) * loss_scale
            if bad < 0 and not np.isfinite(t[LOSSES * lanes + i]):
                bad = i
    return total, np.int64(reduce_add(hits)), bad
