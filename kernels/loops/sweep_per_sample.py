"""Many nets of one architecture, one per lane, one sample at a time.

All nets see the samples in the same order, so that a sample is read once for all of
them. They share nothing else, and a net that diverges disturbs no other. Each has the
bits of `per_sample.train`.
"""

import numpy as np

from ..codes import (
    BCE,
    BIAS_DECAY,
    BIAS_DECAY_FACTOR,
    BIAS_LR,
    DECAY,
    DECAY_FACTOR,
    GRADIENT_FACTOR,
    HITS,
    LOSSES,
    LR,
    PARTIAL_SUMS,
    SAMPLE_WEIGHT,
    SGD,
    UNWEIGHTED_FACTOR,
    UPDATES,
)
from ..compiler.compile import entry_point, subroutine
from ..functions.lane_losses import add_subtotals, bce_of_nets, lane_losses
from ..functions.lane_optimizers import (
    advance_clock,
    clip_nets,
    clips,
    fill_constants,
    set_rates,
    step_nets,
)
from ..functions.losses import add_to_subtotal, ends_subtotal, weighted
from ..functions.optimizers import is_adam
from ..passes.nets import backward, forward, show_sample
from ..primitives.pointers import flat
from ..primitives.rows import fill
from ..primitives.table import output_rows
from ..primitives.vectors import load, offset, scalar, store, vector_length
from .stopping import stop_nets


@subroutine
def _weigh(factors, weights, row, n_weights, lanes):
    """Fill the rows SAMPLE_WEIGHT and GRADIENT_FACTOR for one sample.

    A sample has n_weights: one for each lane, or 1 for all.
    """
    for i in range(lanes):
        weight = weights[row * n_weights + (0 if n_weights == 1 else i)]
        factors[SAMPLE_WEIGHT * lanes + i] = weight
        factor = factors[UNWEIGHTED_FACTOR * lanes + i]
        factors[GRADIENT_FACTOR * lanes + i] = factor * weight


@subroutine
def _weigh_losses(t, factors, lanes):
    """Multiply each net's loss by the sample's weight."""
    for i in range(lanes):
        weight = factors[SAMPLE_WEIGHT * lanes + i]
        t[LOSSES * lanes + i] = weighted(t[LOSSES * lanes + i], weight)


@subroutine
def _add_losses(subtotals, hits, t, lanes):
    """Add the rows LOSSES and HITS of the scratch t to the subtotals and to hits."""
    for i in range(0, lanes, vector_length(t)):
        loss = load(t, LOSSES * lanes + i)
        store(subtotals, i, add_to_subtotal(load(subtotals, i), loss))
        store(hits, i, load(hits, i) + load(t, HITS * lanes + i))


@subroutine
def add_hits(n_right, hits, lanes):
    """Add hits to n_right, and set them to zero."""
    for i in range(lanes):
        n_right[i] += np.int64(hits[i])
        hits[i] = 0


@entry_point
def train(state, data, plan, scratch, first_epoch, end, budget):
    """Train all nets up to update `end`, for `budget` samples, or until all stopped.

    Updates are counted over all epochs. The arguments are SweepArrays, Data, SweepPlan
    with a batch size of 1, and SweepScratch (see `arguments`); data.order and
    state.losses start with first_epoch.
    """
    n, n_in = data.X.shape
    lanes, n_targets = state.theta.shape[2], data.y.shape[1]
    layers, n_layers = flat(plan.layers), plan.layers.shape[0]
    theta, g, moments = flat(state.theta), flat(scratch.g), flat(state.moments)
    settings, clock = flat(state.settings), flat(state.clock)
    constants, factors = flat(scratch.constants), flat(scratch.factors)
    a, d, hits = flat(scratch.a), flat(scratch.d), flat(scratch.hits)
    t, position, optimizer = flat(scratch.losses), state.position, plan.optimizer
    subtotals = flat(scratch.subtotals)
    products = offset(subtotals, lanes)
    # Taken out of the tuples once: each time counts references, with atomic operations.
    X, y, order, n_orders = (
        flat(data.X),
        flat(data.y),
        flat(data.order),
        len(data.order),
    )
    all_losses, all_right = flat(state.losses), flat(state.n_right)
    trained, schedule, weights = (
        flat(state.trained),
        flat(plan.schedule),
        flat(data.weights),
    )
    n_rates, n_weights = plan.schedule.shape[2], data.weights.shape[2]
    has_schedule, has_weights = plan.schedule.size > 0, data.weights.size > 0
    loss, loss_scale, every = plan.loss, plan.loss_scale, plan.every
    shares_logs = loss == BCE and not has_weights
    epochs, stop_below = plan.epochs, plan.stop_below
    z, n_out = output_rows(layers, n_layers)
    # SGD with one learning rate per net: each sample's gradient changes theta at once
    clipped = clips(settings, lanes)
    fused = optimizer == SGD and not clipped and plan.biases_follow
    decays, scheduled = False, np.int64(-1)
    for i in range(lanes):
        fused = fused and settings[BIAS_LR * lanes + i] == settings[LR * lanes + i]
        decays = decays or settings[DECAY * lanes + i] > 0.0
        decays = decays or settings[BIAS_DECAY * lanes + i] > 0.0
    decays = decays and fused
    target = theta if fused else g
    budget = min(budget, 2**24)  # up to which float32 counts
    skipped, changed = (first_epoch + every - 1) // every, True
    while position[0, UPDATES] < end and budget > 0:
        epoch = position[0, UPDATES] // n
        if has_schedule and epoch != scheduled:
            rates = offset(schedule, (epoch - first_epoch) * n_rates)
            set_rates(settings, trained, rates, n_rates, plan.biases_follow, lanes)
            changed, scheduled = True, epoch
        # Adam's constants are those of an update.
        if changed and not is_adam(optimizer):
            fill_constants(constants, settings, clock, optimizer, lanes)
        if changed and fused:
            for i in range(lanes):
                lr = settings[LR * lanes + i]
                decay = settings[DECAY * lanes + i]
                bias_decay = settings[BIAS_DECAY * lanes + i]
                factors[GRADIENT_FACTOR * lanes + i] = -lr
                factors[DECAY_FACTOR * lanes + i] = -lr * decay
                factors[BIAS_DECAY_FACTOR * lanes + i] = -lr * bias_decay
        elif changed:
            fill(factors, GRADIENT_FACTOR * lanes, lanes, scalar(factors, 1))
        if changed:
            for i in range(lanes):
                factor = factors[GRADIENT_FACTOR * lanes + i]
                factors[UNWEIGHTED_FACTOR * lanes + i] = factor
        changed = False
        s = position[0, UPDATES] - epoch * n
        i = order[(epoch - first_epoch) % n_orders * n + s]
        record = epoch % every == 0 or epoch == epochs - 1
        recorded = ((epoch + every - 1) // every - skipped) * lanes
        show_sample(a, offset(X, i * n_in), n_in, lanes)
        forward(a, theta, layers, n_layers, offset(t, PARTIAL_SUMS * lanes), lanes)
        targets = offset(y, i * n_targets)
        if shares_logs:
            bce_of_nets(d, a, z, targets, t, products, record, lanes)
        else:
            lane_losses(
                d, a, z, n_out, targets, None, None, loss, t, record, lanes, lanes
            )
        if has_weights:
            _weigh(factors, weights, i, n_weights, lanes)
            if record:
                _weigh_losses(t, factors, lanes)
        if not fused:
            fill(g, 0, state.theta.shape[1] * lanes, scalar(g, 0))
        backward(target, factors, decays, theta, d, a, layers, n_layers, lanes)
        if not fused:
            if clipped:
                clip_nets(g, settings, state.theta.shape[1], lanes)
            if is_adam(optimizer):
                advance_clock(clock, settings, lanes)
                fill_constants(constants, settings, clock, optimizer, lanes)
            step_nets(theta, moments, g, optimizer, constants, layers, n_layers, lanes)
        position[0, UPDATES] += 1
        budget -= 1
        if record:
            loss_sums = offset(all_losses, recorded)
            _add_losses(subtotals, hits, t, lanes)
            if ends_subtotal(s, n):
                add_subtotals(loss_sums, subtotals, shares_logs, loss_scale, lanes)
            if s == n - 1 or budget == 0 or position[0, UPDATES] == end:
                add_hits(offset(all_right, recorded), hits, lanes)
            if s == n - 1 and stop_below > 0.0:
                changed = True
                n_active = stop_nets(
                    trained,
                    settings,
                    loss_sums,
                    n * loss_scale,
                    stop_below,
                    epoch + 1,
                    lanes,
                )
                if n_active == 0:
                    return
