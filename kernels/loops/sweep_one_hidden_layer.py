"""Many nets with one hidden layer and one output, one sample at a time, for BCE.

They serve plain SGD: one learning rate per net, no momentum, no clipping, no weight
decay, and rows without weights. They make the operations of `sweep_per_sample`, so
their bits are the same, in half of the time to compile.

What such a small net costs is not only arithmetic: numbers that go to memory and back,
and instructions that wait for others. So a sample is read as it is, not from a row with
a copy for each net; a hidden unit's sum stays in a register until it is activated; and
a loop that ends with a long chain of operations works on two vectors at once.
"""

from ..codes import (
    ACTIVATION,
    GRADIENT_FACTOR,
    LOSSES,
    LR,
    N_COLUMNS,
    PARTIAL_SUMS,
    UPDATES,
)
from ..compiler.compile import entry_point, inlined_by_llvm, subroutine
from ..functions.activations import activate, activate_backward
from ..functions.lane_optimizers import set_rates
from ..functions.losses import bce_gradient, bce_loss
from ..passes.nets import affine_to_one
from ..primitives.pointers import flat
from ..primitives.table import layer_offsets
from ..primitives.vectors import (
    add_scaled,
    broadcast,
    broadcast_pair,
    constant_pair,
    entry,
    fma,
    load,
    load_pair,
    offset,
    store,
    vector_length,
)
from .stopping import stop_nets
from .sweep_per_sample import add_hits


@inlined_by_llvm
def _affine(s, theta, w, step, x, n):
    """Return s + sum_j x[j] times the pair theta[w + j step], like `units.affine`."""
    if n >= 4:
        s1 = constant_pair(theta, 0)
        s2, s3 = s1, s1
        for _ in range(n // 4):
            s = fma(broadcast_pair(x, 0), load_pair(theta, w), s)
            s1 = fma(broadcast_pair(x, 1), load_pair(theta, w + step), s1)
            s2 = fma(broadcast_pair(x, 2), load_pair(theta, w + 2 * step), s2)
            s3 = fma(broadcast_pair(x, 3), load_pair(theta, w + 3 * step), s3)
            w += 4 * step
            x = offset(x, 4)
        s = (s + s1) + (s2 + s3)
    for j in range(n % 4):
        s = fma(broadcast_pair(x, j), load_pair(theta, w + j * step), s)
    return s


@subroutine
def _activate_hidden(a, theta, layer, activation, x, lanes):
    """Fill the hidden units with their outputs for the sample x."""
    one, step, n_in = constant_pair(a, 1), layer.n_out * lanes, layer.n_in
    x0, x1 = broadcast_pair(x, 0), broadcast_pair(x, min(1, n_in - 1))
    for k in range(layer.n_out):
        for i in range(0, lanes, 2 * vector_length(a)):
            bias, w = (layer.b + k) * lanes + i, (layer.w + k) * lanes + i
            s = load_pair(theta, bias)
            if n_in == 2:
                s = fma(x0, load_pair(theta, w), s)
                s = fma(x1, load_pair(theta, w + step), s)
            else:
                s = _affine(s, theta, w, step, x, n_in)
            store(a, (layer.z + k) * lanes + i, activate(s, activation, one))


@subroutine
def _fill_gradients(d, a, z, y, e, lanes):
    """Fill row z of d with dL/dz, and e with e^-|z|."""
    target = broadcast_pair(y, 0)
    for i in range(0, lanes, 2 * vector_length(a)):
        gradient, small = bce_gradient(load_pair(a, z * lanes + i), target)
        store(d, z * lanes + i, gradient)
        store(e, i, small)


@subroutine
def _add_losses(loss_sums, loss_scale, hits, a, z, y, e, lanes):
    """Add each net's loss, scaled, to loss_sums, and 1 to `hits` if it is right."""
    target = broadcast_pair(y, 0)
    for i in range(0, lanes, 2 * vector_length(a)):
        loss, hit = bce_loss(load_pair(a, z * lanes + i), target, load_pair(e, i))
        add_scaled(loss_sums, i, loss, loss_scale)
        store(hits, i, load_pair(hits, i) + hit)


@subroutine
def _update(theta, factors, hidden, last, activation, d, a, x, lanes):
    """Add each parameter's gradient times the factor of the net."""
    length, step, n_in = vector_length(d), hidden.n_out * lanes, hidden.n_in
    x0, x1 = broadcast(x, 0), broadcast(x, min(1, n_in - 1))
    for k in range(hidden.n_out):
        for i in range(0, lanes, length):
            out, out_w = (hidden.z + k) * lanes + i, (last.w + k) * lanes + i
            b, w = (hidden.b + k) * lanes + i, (hidden.w + k) * lanes + i
            factor, gradient = load(factors, i), load(d, last.z * lanes + i)
            output, weight, bias = load(a, out), load(theta, out_w), load(theta, b)
            e = factor * (gradient * activate_backward(weight, output, activation))
            changed = fma(output, factor * gradient, weight)
            if n_in == 2:
                # Loads come first: see `nets._accumulate_gradients`.
                w0, w1 = load(theta, w), load(theta, w + step)
                store(theta, out_w, changed)
                store(theta, b, bias + e)
                store(theta, w, fma(x0, e, w0))
                store(theta, w + step, fma(x1, e, w1))
            else:
                store(theta, out_w, changed)
                store(theta, b, bias + e)
                for j in range(n_in):
                    old = load(theta, w + j * step)
                    store(theta, w + j * step, fma(broadcast(x, j), e, old))
    for i in range(0, lanes, length):
        b = last.b * lanes + i
        e = load(factors, i) * load(d, last.z * lanes + i)
        store(theta, b, load(theta, b) + e)


@entry_point
def train(state, data, plan, scratch, first_epoch, end, budget):
    """Train like `sweep_per_sample.train`, for BCE, SGD and one hidden layer."""
    n, n_in = data.X.shape
    lanes, layers, position = state.theta.shape[2], flat(plan.layers), state.position
    hidden, last = layer_offsets(layers, 0), layer_offsets(layers, 1)
    activation = entry(layers, 0, ACTIVATION, N_COLUMNS)
    X, y, order, n_orders = (
        flat(data.X),
        flat(data.y),
        flat(data.order),
        len(data.order),
    )
    theta, settings = flat(state.theta), flat(state.settings)
    all_losses, all_right = flat(state.losses), flat(state.n_right)
    trained, schedule = flat(state.trained), flat(plan.schedule)
    has_schedule, n_rates = plan.schedule.size > 0, plan.schedule.shape[2]
    a, d, hits, t = (
        flat(scratch.a),
        flat(scratch.d),
        flat(scratch.hits),
        flat(scratch.losses),
    )
    e, sums = offset(t, LOSSES * lanes), offset(t, PARTIAL_SUMS * lanes)
    factors = offset(flat(scratch.factors), GRADIENT_FACTOR * lanes)
    loss_scale, stop_below = plan.loss_scale, plan.stop_below
    every, epochs = plan.every, plan.epochs
    budget = min(budget, 2**24)  # up to which float32 counts
    skipped = (first_epoch + every - 1) // every
    while position[0, UPDATES] < end and budget > 0:
        epoch = position[0, UPDATES] // n
        if has_schedule:
            rates = offset(schedule, (epoch - first_epoch) * n_rates)
            set_rates(settings, trained, rates, n_rates, True, lanes)
        for i in range(lanes):
            factors[i] = -settings[LR * lanes + i]
        first = position[0, UPDATES] - epoch * n
        stop = min(n, first + budget, first + end - position[0, UPDATES])
        record = epoch % every == 0 or epoch == epochs - 1
        recorded = ((epoch + every - 1) // every - skipped) * lanes
        loss_sums = offset(all_losses, recorded)
        rows = offset(order, (epoch - first_epoch) % n_orders * n)
        for s in range(first, stop):
            x, target = offset(X, rows[s] * n_in), offset(y, rows[s])
            _activate_hidden(a, theta, hidden, activation, x, lanes)
            affine_to_one(a, theta, last, sums, lanes)
            _fill_gradients(d, a, last.z, target, e, lanes)
            if record:
                _add_losses(loss_sums, loss_scale, hits, a, last.z, target, e, lanes)
            _update(theta, factors, hidden, last, activation, d, a, x, lanes)
        position[0, UPDATES] += stop - first
        budget -= stop - first
        if record:
            add_hits(offset(all_right, recorded), hits, lanes)
            if stop == n and stop_below > 0.0:
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
