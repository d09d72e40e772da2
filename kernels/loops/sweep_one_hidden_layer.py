"""Many nets with one hidden layer and one output, one sample at a time, for BCE.

They serve plain SGD: one learning rate per net, no momentum, no clipping, no weight
decay, and rows without weights. They make the operations of `sweep_per_sample`, so
their bits are the same, in half of the time to compile.

What such a small net costs is not only arithmetic: numbers that go to memory and back,
and instructions that wait for others. So a sample is read as it is, not from a row with
a copy for each net, and a hidden unit's sum stays in a register. A processor holds only
some 130 results that are not final, which a whole sigmoid of 80 cycles uses up. So the
hidden sigmoids are divided among two loops whose iterations are short (0.86 of the time
in float64); the output's loop begins the next vector's while it ends that of this one.
"""

from ..codes import (
    ACTIVATION,
    GRADIENT_FACTOR,
    LR,
    N_COLUMNS,
    PARTIAL_SUMS,
    RELU,
    SIGMOID,
    TANH,
    UPDATES,
)
from ..compiler.compile import entry_point, inlined_by_llvm, subroutine
from ..functions.activations import activate_backward, relu
from ..functions.lane_losses import add_subtotals
from ..functions.lane_optimizers import set_rates
from ..functions.losses import (
    add_to_subtotal,
    bce_gradient_from_exp,
    bce_linear,
    bce_parts,
    ends_subtotal,
    product_less_1,
)
from ..passes.nets import affine_to_one
from ..primitives.pointers import flat
from ..primitives.table import layer_offsets
from ..primitives.vectors import (
    absolute,
    broadcast,
    constant,
    entry,
    exp_of_parts,
    fma,
    load,
    offset,
    sigmoid_parts,
    store,
    stored_exp,
    tanh,
    vector_length,
    zero_above,
)
from .stopping import stop_nets
from .sweep_per_sample import add_hits


@inlined_by_llvm
def _affine(s, theta, w, step, x, n):
    """Return s + sum_j x[j] times the vector theta[w + j step], like `units.affine`."""
    if n >= 4:
        s1 = constant(theta, 0)
        s2, s3 = s1, s1
        for _ in range(n // 4):
            s = fma(broadcast(x, 0), load(theta, w), s)
            s1 = fma(broadcast(x, 1), load(theta, w + step), s1)
            s2 = fma(broadcast(x, 2), load(theta, w + 2 * step), s2)
            s3 = fma(broadcast(x, 3), load(theta, w + 3 * step), s3)
            w += 4 * step
            x = offset(x, 4)
        s = (s + s1) + (s2 + s3)
    for j in range(n % 4):
        s = fma(broadcast(x, j), load(theta, w + j * step), s)
    return s


@subroutine
def _activate_hidden(a, theta, layer, activation, x, lanes):
    """Fill the hidden units with their outputs for the sample x; no sigmoids."""
    step, n_in = layer.n_out * lanes, layer.n_in
    x0, x1 = broadcast(x, 0), broadcast(x, min(1, n_in - 1))
    for k in range(layer.n_out):
        for i in range(0, lanes, vector_length(a)):
            bias, w = (layer.b + k) * lanes + i, (layer.w + k) * lanes + i
            s = load(theta, bias)
            if n_in == 2:
                s = fma(x0, load(theta, w), s)
                s = fma(x1, load(theta, w + step), s)
            else:
                s = _affine(s, theta, w, step, x, n_in)
            if activation == TANH:
                s = tanh(s)
            elif activation == RELU:
                s = relu(s)
            store(a, (layer.z + k) * lanes + i, s)


# Two loops per sigmoid: one as far as the parts of the exponential, and one from there.


@subroutine
def _sigmoid_parts(a, d, theta, layer, x, lanes):
    """Fill the hidden units' rows of a and d with the parts of e^-z for sample x."""
    step, n_in = layer.n_out * lanes, layer.n_in
    if n_in == 2:
        x0, x1 = broadcast(x, 0), broadcast(x, 1)
        b, w, z = layer.b * lanes, layer.w * lanes, layer.z * lanes
        for i in range(0, step, vector_length(a)):
            s = fma(x0, load(theta, w + i), load(theta, b + i))
            s = fma(x1, load(theta, w + step + i), s)
            f, last = sigmoid_parts(s)
            store(a, z + i, f)
            store(d, z + i, last)
        return
    for k in range(layer.n_out):
        for i in range(0, lanes, vector_length(a)):
            s = load(theta, (layer.b + k) * lanes + i)
            s = _affine(s, theta, (layer.w + k) * lanes + i, step, x, n_in)
            f, last = sigmoid_parts(s)
            store(a, (layer.z + k) * lanes + i, f)
            store(d, (layer.z + k) * lanes + i, last)


@subroutine
def _sigmoids(a, last, n):
    """Replace the first n parts by 1 / (1 + e^-z)."""
    one = constant(a, 1)
    for i in range(0, n, vector_length(a)):
        store(a, i, one / (one + stored_exp(a, last, i)))


@inlined_by_llvm
def _output(a, theta, layer, i, lanes):
    """Return the outputs of the lanes from i on, which for two units are sums yet."""
    z = layer.z * lanes + i
    if layer.n_in == 2:
        x, w = layer.x * lanes + i, layer.w * lanes + i
        s = load(a, x) * load(theta, w)
        s = s + load(a, x + lanes) * load(theta, w + lanes)
        s = s + load(theta, layer.b * lanes + i)
    else:
        s = load(a, z)
    return s


@subroutine
def _fill_gradients(d, a, theta, layer, y, subtotals, hits, record, lanes):
    """Fill the output's row of d with dL/dz.

    Where `record`, each net's loss is added to its subtotal, and 1 to `hits` if the
    class is right.
    """
    target, length = broadcast(y, 0), vector_length(a)
    following = _output(a, theta, layer, 0, lanes)
    next_f, next_last = bce_parts(following)
    for i in range(0, lanes, length):
        out, f, last = following, next_f, next_last
        following = _output(a, theta, layer, min(i + length, lanes - length), lanes)
        next_f, next_last = bce_parts(following)
        e = zero_above(absolute(out), exp_of_parts(f, last))
        store(d, layer.z * lanes + i, bce_gradient_from_exp(out, target, e))
        if record:
            loss, hit = bce_linear(out, target)
            store(subtotals, i, add_to_subtotal(load(subtotals, i), loss))
            store(hits, i, load(hits, i) + hit)
            product = product_less_1(load(subtotals, lanes + i), e)
            store(subtotals, lanes + i, product)


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
    sums = offset(t, PARTIAL_SUMS * lanes)
    outputs, powers = offset(a, hidden.z * lanes), offset(d, hidden.z * lanes)
    n_outputs = hidden.n_out * lanes
    factors = offset(flat(scratch.factors), GRADIENT_FACTOR * lanes)
    loss_scale, stop_below = plan.loss_scale, plan.stop_below
    subtotals = flat(scratch.subtotals)
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
            if activation == SIGMOID:
                _sigmoid_parts(a, d, theta, hidden, x, lanes)
                _sigmoids(outputs, powers, n_outputs)
            else:
                _activate_hidden(a, theta, hidden, activation, x, lanes)
            if hidden.n_out != 2:
                affine_to_one(a, theta, last, sums, lanes)
            _fill_gradients(d, a, theta, last, target, subtotals, hits, record, lanes)
            if record and ends_subtotal(s, n):
                add_subtotals(loss_sums, subtotals, True, loss_scale, lanes)
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
