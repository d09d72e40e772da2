"""One net, one sample at a time: a whole run of samples in one call."""

import numpy as np

from ..codes import (
    BCE,
    BIAS_DECAY,
    CLIP_NORM,
    DECAY,
    DONE,
    LINK,
    LR,
    MSE,
    NOT_FINITE,
    ROW,
    SGD,
    SOFT_BCE,
    SOFT_CE,
    SOFTMAX_CE,
    UPDATES,
)
from ..compiler.compile import entry_point, inlined_by_llvm, inlined_by_numba
from ..functions.clipped_losses import clipped_loss_of_sample
from ..functions.losses import (
    PER_SUBTOTAL,
    add_subtotal,
    add_to_subtotal,
    bce_of_sample,
    ends_subtotal,
    mse_of_sample,
    poisson_of_sample,
    product_less_1,
    soft_bce_of_sample,
    soft_ce_of_sample,
    softmax_of_sample,
    weighted,
    with_log,
)
from ..functions.optimizers import clip, set_rate, step
from ..functions.penalties import add_decay
from ..passes.units import (
    Rule,
    Units,
    backward,
    first_layer,
    forward,
    if_given,
    packed_layer,
    weighted_rule,
)
from ..primitives.pointers import flat
from ..primitives.rows import fill
from ..primitives.vectors import offset
from .recordings import add_recorded, next_record, recorded_loss


@inlined_by_llvm
def _rule(theta, settings, decay, fused):
    """Return how gradients change the parameters, or what sums them unless `fused`."""
    real, lr = theta.dtype.type, settings[LR]
    of_decay = -lr if fused else 0.0
    return Rule(
        real(-lr) if fused else real(1),
        if_given(decay, real(of_decay * settings[DECAY])),
        if_given(decay, real(of_decay * settings[BIAS_DECAY])),
    )


@inlined_by_numba
def _add_penalty(g, w, layers, i, factor):
    """Add factor times layer i's weights to their gradients; return the squares' sum.

    The weights that stand twice are decayed twice, and counted once.
    """
    layer = packed_layer(layers, i)
    squares = add_decay(flat(g), w, layer.columns, layer.b, factor)
    if not layer.by_column:
        squares = add_decay(flat(g), w, layer.rows, layer.columns, factor)
    return squares


@entry_point
def train(state, data, plan, scratch, first_epoch, end, budget):
    """Train up to update `end`, counted over all epochs, or for `budget` samples.

    Returns DONE or NOT_FINITE, like `batches.train` for batches of one sample. The
    arguments are FitArrays, Data, FitPlan with the packed table, and PackedScratch (see
    `arguments`); data.order starts with the order of first_epoch.
    """
    rows = update_rows_of_any_net
    return train_packed(rows, state, data, plan, scratch, first_epoch, end, budget)


@inlined_by_numba
def train_packed(update_rows, state, data, plan, scratch, first_epoch, end, budget):
    """Train as `train` does, with the update_rows of `run`."""
    clear(scratch)
    pack(state, plan, scratch)
    status = run(update_rows, state, data, plan, scratch, first_epoch, end, budget)
    unpack(state, scratch)
    return status


@inlined_by_numba
def clear(scratch):
    """Fill the scratch with zeros: padding must be zero, also after infinities."""
    scratch.theta[:], scratch.g[:], scratch.moments[:] = 0, 0, 0
    scratch.a[:], scratch.d[:], scratch.scaled_d[:] = 0, 0, 0


@inlined_by_numba
def pack(state, plan, scratch):
    """Copy theta, the moments and each parameter's rate and decay into the scratch."""
    theta, moments, rates, decays = state.theta, state.moments, plan.rates, plan.decays
    places, sources = scratch.places, scratch.sources
    packed, packed_moments = scratch.theta, scratch.moments
    packed_rates, packed_decays = scratch.rates, scratch.decays
    for p in range(places.size):
        packed[places[p]] = theta[sources[p]]
        if rates.size:
            packed_rates[places[p]] = rates[sources[p]]
        if decays.size:
            packed_decays[places[p]] = decays[sources[p]]
        for row in range(moments.shape[0]):
            packed_moments[row, places[p]] = moments[row, sources[p]]


@inlined_by_numba
def unpack(state, scratch):
    """Copy the packed theta and moments back."""
    theta, moments, places = state.theta, state.moments, scratch.places
    packed, packed_moments = scratch.theta, scratch.moments
    for p in range(theta.size):
        theta[p] = packed[places[p]]
        for row in range(moments.shape[0]):
            moments[row, p] = packed_moments[row, places[p]]


@inlined_by_numba
def run(update_rows, state, data, plan, scratch, first_epoch, end, budget):
    """Train as `train` does, but only what is packed changes.

    update_rows makes those of a part of an epoch: `update_rows_of_any_net`, or one that
    does the same for fewer nets.
    """
    # Taken out of the tuples once: each time counts references, with atomic operations.
    theta, position = state.theta, state.position
    n_right, record_at = state.n_right, plan.record_at
    places, packed = scratch.places, scratch.theta
    settings, schedule = plan.settings, plan.schedule
    order, n_orders = flat(data.order), len(data.order)
    n = data.X.shape[0]
    fused = (
        plan.optimizer == SGD
        and plan.rates.size == 0
        and settings[CLIP_NORM] == plan.l2 == 0.0
    )
    units = Units(
        flat(scratch.a), flat(scratch.d), flat(scratch.scaled_d), flat(scratch.units)
    )
    end = min(end, position[UPDATES] + budget)
    record = next_record(record_at, position[UPDATES])
    good = True
    while position[UPDATES] < end and good:
        epoch = position[UPDATES] // n
        rows = offset(order, (epoch - first_epoch) % n_orders * n)
        set_rate(settings, schedule, epoch)
        rule = _rule(theta, settings, scratch.decay, fused)
        stop = min(end - epoch * n, n)
        if record < record_at.size:
            stop = min(record_at[record] - epoch * n, stop)
        s = position[UPDATES] - epoch * n
        right = n_right[epoch]
        s, good = update_rows(
            state, data, plan, scratch, units, rule, fused, epoch, rows, s, stop, record
        )
        if not good:
            position[ROW] = rows[s]
        position[UPDATES] = epoch * n + s
        if record < record_at.size:
            state.recorded_sums[record, 1] += n_right[epoch] - right
            if record_at[record] == position[UPDATES]:
                for p in range(theta.size):
                    state.recorded[record, p] = packed[places[p]]
                record += 1
    return DONE if good else NOT_FINITE


@inlined_by_numba
def update_rows_of_any_net(
    state, data, plan, scratch, units, rule, fused, epoch, rows, s, stop, record
):
    """Make the updates of an epoch's samples from s up to `stop`.

    They are the samples rows[s], rows[s + 1] ... Their losses are part of the record
    number `record`, if there is one. Returns the first that was not made, and whether
    all were: otherwise its loss is not finite.
    """
    loss_sums, n_right = state.loss_sums, state.n_right
    places = scratch.places
    packed, packed_moments, packed_g = scratch.theta, scratch.moments, scratch.g
    packed_rates, packed_decays = scratch.rates, scratch.decays
    clock, settings = state.clock, plan.settings
    X, y, weights = flat(data.X), data.y, data.weights
    loss_code, optimizer = plan.loss, plan.optimizer
    n, n_in = data.X.shape
    layers, n_layers = flat(plan.layers), plan.layers.shape[0]
    last = packed_layer(layers, n_layers - 1)
    zero, one = state.theta.dtype.type(0), state.theta.dtype.type(1)
    link, loss_scale = plan.loss // LINK, plan.loss_scale
    clip_norm, n_params = settings[CLIP_NORM], state.theta.size
    low = plan.low
    l2, weighted_mean = plan.l2, plan.weighted_mean and weights.size > 0
    shares_log = weights.size == 0 and low == 0.0
    w = flat(packed)
    target = w if fused else flat(packed_g)
    a, d = units.a, units.d
    loss_sum, right, good = loss_sums[epoch], n_right[epoch], True
    mean = state.theta.dtype.type(state.subtotals[epoch, 0])
    product = state.theta.dtype.type(state.subtotals[epoch, 1])
    has_record, recorded = recorded_loss(state, plan, record)
    first_layer(units, w, offset(X, rows[s] * n_in), layers)
    while s < stop and good:
        subtotal_stop = min((s // PER_SUBTOTAL + 1) * PER_SUBTOTAL, stop)
        while s < subtotal_stop:
            i = rows[s]
            out = forward(units, w, layers, n_layers)
            hit, gradient, clipped, e = False, zero, zero, zero
            if low > 0.0:
                if last.by_column:
                    a[last.z] = out
                targets = offset(flat(y), i * y.shape[1])
                clipped = clipped_loss_of_sample(
                    a, last.z, last.n_out, targets, loss_code, low
                )
            if loss_code == BCE:
                if n_layers == 1:
                    out = a[last.z]
                loss, hit, gradient, e = bce_of_sample(out, y[i, 0])
                d[last.z] = gradient
                if not shares_log:
                    loss, e = with_log(loss, e), zero
            elif loss_code == SOFTMAX_CE:
                # Bounded, because it becomes an address.
                true = min(max(np.int64(y[i, 0]), 0), last.n_out - 1)
                loss, hit = softmax_of_sample(
                    d, a, units.mask, last.z, last.width_out, true
                )
            else:
                if last.by_column:
                    a[last.z] = out
                targets, n_out = offset(flat(y), i * last.n_out), last.n_out
                if loss_code == SOFT_BCE:
                    loss, hit = soft_bce_of_sample(
                        d, a, units.mask, last.z, n_out, last.width_out, targets
                    )
                elif loss_code == SOFT_CE:
                    loss, hit = soft_ce_of_sample(
                        d, a, units.mask, last.z, n_out, last.width_out, targets
                    )
                elif loss_code % LINK == MSE:
                    loss = mse_of_sample(
                        d, a, units.mask, last.z, n_out, last.width_out, targets, link
                    )
                else:
                    loss = poisson_of_sample(d, a, last.z, n_out, targets)
                gradient = d[last.z]
            loss = clipped if low > 0.0 else loss
            weight, l2_factor = weights[i] if weights.size else one, l2
            if weighted_mean:
                # a row's mean is its own loss; that of no weight does not exist
                l2_factor = l2 / weight
                weight = weight / weight
            loss = weighted(loss, weight)
            if not np.isfinite(loss + e):
                good = False
                break
            x = offset(X, i * n_in)
            next_x = offset(X, rows[min(s + 1, n - 1)] * n_in)
            if not fused:
                fill(target, 0, packed_g.size, zero)
            backward(
                target,
                w,
                weighted_rule(rule, weight),
                gradient,
                units,
                x,
                next_x,
                fused,
                layers,
                n_layers,
            )
            if not fused:
                if l2 > 0.0:
                    squares = 0.0
                    for k in range(n_layers):
                        squares += _add_penalty(packed_g, w, layers, k, l2_factor)
                    state.penalty_sums[epoch] += 0.5 * l2_factor * squares * loss_scale
                if clip_norm > 0.0:
                    clip(packed_g, places, n_params, clip_norm)
                step(
                    packed,
                    packed_moments,
                    clock,
                    packed_g,
                    optimizer,
                    settings,
                    packed_rates,
                    packed_decays,
                )
                first_layer(units, w, next_x, layers)
            if has_record:
                recorded = add_recorded(recorded, loss, e, loss_scale)
            mean = add_to_subtotal(mean, loss)
            right += hit
            product = product_less_1(product, e)
            s += 1
        if ends_subtotal(s - 1, n):
            loss_sum = add_subtotal(loss_sum, mean, product, loss_scale)
            mean, product = zero, zero
    loss_sums[epoch], n_right[epoch] = loss_sum, right
    state.subtotals[epoch, 0], state.subtotals[epoch, 1] = mean, product
    if has_record:
        state.recorded_sums[record, 0] = recorded
    return s, good
