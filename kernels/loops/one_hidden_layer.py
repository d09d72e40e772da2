"""One net with one hidden layer, one sample at a time: a loop for each loss.

They serve plain SGD: one learning rate, no momentum, no clipping, no L2 penalty, no
weights of rows and no bounds of the loss. They make the operations of `per_sample`, so
their bits are the same, in half of the time to compile.

Every update waits for the one before, while a processor begins only some hundred
instructions ahead. So an update should have few of them: the layer table is read once,
parameters of few units stay in registers, and samples share a logarithm.
"""

import numpy as np

from ..codes import LINK
from ..compiler.compile import entry_point, inlined_by_llvm, subroutine
from ..functions.activations import activate, activate_backward
from ..functions.losses import (
    PER_SUBTOTAL,
    add_subtotal,
    add_to_subtotal,
    bce_of_sample,
    ends_subtotal,
    product_less_1,
    softmax_loss,
    softmax_term,
    squared_error,
)
from ..passes.units import (
    accumulate_gradients,
    affine,
    changed,
    changed_bias,
    constant_or_none,
    packed_layer,
    update_and_forward,
)
from ..primitives.pointers import flat
from ..primitives.vectors import (
    add_first_two,
    constant,
    first,
    load,
    offset,
    one_hot,
    reduce_add,
    reduce_max,
    scalar,
    store,
    vector_length,
    where_greater,
)
from .per_sample import train_packed
from .recordings import add_recorded, recorded_loss


@inlined_by_llvm
def _bce_of_output(out, target, link, unit):
    """Return what `bce_of_sample` does."""
    return bce_of_sample(out, target)


@inlined_by_llvm
def _mse_of_output(out, target, link, unit):
    """Return the loss, False, dL/dz and 0: no class is right; unit is 1."""
    value = activate(out, link, unit)
    gradient, loss = squared_error(value, target, unit)
    return loss, False, activate_backward(gradient, value, link), unit - unit


def _updates_of_one_output(of_output):
    """Return the updates of `per_sample.update_rows_of_any_net` for one output.

    The hidden layer is one vector of units. of_output is that of a loss.
    """

    def updates(
        state, data, plan, scratch, units, rule, fused, epoch, rows, s, stop, record
    ):
        w, X, y = flat(scratch.theta), flat(data.X), flat(data.y)
        layers, link = flat(plan.layers), plan.loss // LINK
        n, loss_scale = data.X.shape[0], plan.loss_scale
        loss_sums, n_right = state.loss_sums, state.n_right
        hidden, last = packed_layer(layers, 0), packed_layer(layers, 1)
        n_in, length, activation = hidden.n_in, vector_length(w), hidden.activation
        one, mask = constant(w, 1), load(units.mask, hidden.z)
        factor = constant(w, rule.gradient_factor)
        decay = constant_or_none(w, rule.decay_factor)
        bias_decay = constant_or_none(w, rule.bias_decay_factor)
        bias, out_w, out_bias = load(w, hidden.b), load(w, last.columns), w[last.b]
        is_pair, unit, zero = hidden.n_out <= 2, scalar(w, 1), scalar(w, 0)
        loss_sum, right, good = loss_sums[epoch], n_right[epoch], True
        mean = state.theta.dtype.type(state.subtotals[epoch, 0])
        product = state.theta.dtype.type(state.subtotals[epoch, 1])
        has_record, recorded = recorded_loss(state, plan, record)
        i = rows[s]
        x = offset(X, i * n_in)
        z = affine(bias, w, hidden.rows, length, x, n_in)
        while s < stop and good:
            subtotal_stop = min((s // PER_SUBTOTAL + 1) * PER_SUBTOTAL, stop)
            while s < subtotal_stop:
                next_i = rows[min(s + 1, n - 1)]
                next_x, target = offset(X, next_i * n_in), y[i]
                h = activate(z, activation, mask)
                terms = h * out_w
                out = add_first_two(terms) if is_pair else reduce_add(terms)
                loss, hit, gradient, e = of_output(out + out_bias, target, link, unit)
                if not np.isfinite(loss + e):
                    good = False
                    break
                scaled = rule.gradient_factor * gradient
                slope = out_w * activate_backward(one, h, activation)
                change = factor * (constant(w, gradient) * slope)
                out_w = changed(out_w, h, constant(w, scaled), decay)
                out_bias = changed_bias(out_bias, scaled, rule.bias_decay_factor)
                bias = changed_bias(bias, change, bias_decay)
                z = update_and_forward(
                    w, hidden.rows, length, n_in, x, change, decay, bias, next_x
                )
                if has_record:
                    recorded = add_recorded(recorded, loss, e, loss_scale)
                mean = add_to_subtotal(mean, loss)
                right += hit
                product = product_less_1(product, e)
                i, x = next_i, next_x
                s += 1
            if ends_subtotal(s - 1, n):
                loss_sum = add_subtotal(loss_sum, mean, product, loss_scale)
                mean, product = zero, zero
        store(w, hidden.b, bias)
        store(w, last.columns, out_w)
        w[last.b] = out_bias
        loss_sums[epoch], n_right[epoch] = loss_sum, right
        state.subtotals[epoch, 0], state.subtotals[epoch, 1] = mean, product
        if has_record:
            state.recorded_sums[record, 0] = recorded
        return s, good

    return subroutine(updates)


_bce_updates = _updates_of_one_output(_bce_of_output)
_mse_updates = _updates_of_one_output(_mse_of_output)


@subroutine
def _softmax_updates(
    state, data, plan, scratch, units, rule, fused, epoch, rows, s, stop, record
):
    """Make the updates of `per_sample.update_rows_of_any_net` for SOFTMAX_CE.

    The outputs are one vector.
    """
    w, X, y, layers = flat(scratch.theta), flat(data.X), flat(data.y), flat(plan.layers)
    n, loss_scale = data.X.shape[0], plan.loss_scale
    loss_sums, n_right = state.loss_sums, state.n_right
    hidden, last = packed_layer(layers, 0), packed_layer(layers, 1)
    n_in, n_hidden, n_out = hidden.n_in, hidden.n_out, last.n_out
    width, length, activation = hidden.width_out, vector_length(w), hidden.activation
    zero, one, half = constant(w, 0), constant(w, 1), constant(w, 0.5)
    mask, factor = load(units.mask, last.z), constant(w, rule.gradient_factor)
    decay = constant_or_none(w, rule.decay_factor)
    bias_decay = constant_or_none(w, rule.bias_decay_factor)
    h, outs = offset(units.a, hidden.z), offset(units.a, last.z)
    d, scaled_d = offset(units.d, last.z), offset(units.scaled_d, last.z)
    out_bias, unit, nothing = load(w, last.b), scalar(w, 1), scalar(w, 0)
    loss_sum, right, good = loss_sums[epoch], n_right[epoch], True
    mean = state.theta.dtype.type(state.subtotals[epoch, 0])
    has_record, recorded = recorded_loss(state, plan, record)
    i = rows[s]
    x = offset(X, i * n_in)
    for v in range(0, width, length):
        z = affine(load(w, hidden.b + v), w, hidden.rows + v, width, x, n_in)
        store(h, v, activate(z, activation, load(units.mask, hidden.z + v)))
    while s < stop:
        # Bounded, because it becomes an address.
        true = min(max(np.int64(y[i]), 0), n_out - 1)
        next_i = rows[min(s + 1, n - 1)]
        next_x = offset(X, next_i * n_in)
        out = affine(out_bias, w, last.rows, length, h, n_hidden)
        largest = reduce_max(where_greater(mask, half, out, constant(w, first(out))))
        e, e_below, is_tied = softmax_term(out, constant(w, largest), mask)
        below, n_tied = reduce_add(e_below), reduce_add(is_tied)
        norm = constant(w, unit / (n_tied + below))
        gradient = e * norm - one_hot(w, true)
        e = factor * gradient
        store(d, 0, gradient)
        store(scaled_d, 0, e)
        store(outs, 0, out)
        loss = softmax_loss(below, n_tied, largest, outs[true])
        if not np.isfinite(loss):
            good = False
            break
        hit = outs[true] == largest
        if hit and n_tied > 1:
            for k in range(true):
                hit = hit and outs[k] < largest
        if has_record:
            recorded = add_recorded(recorded, loss, nothing, loss_scale)
        mean = add_to_subtotal(mean, loss)
        right += hit
        if ends_subtotal(s, n):
            loss_sum = add_subtotal(loss_sum, mean, nothing, loss_scale)
            mean = nothing
        out_bias = changed_bias(out_bias, e, bias_decay)
        accumulate_gradients(w, decay, last.rows, length, n_hidden, h, e)
        for v in range(0, width, length):
            output, columns = load(h, v), last.columns + v
            slope = activate_backward(one, output, activation)
            down = affine(zero, w, columns, width, d, n_out) * slope
            accumulate_gradients(w, decay, columns, width, n_out, scaled_d, output)
            e = factor * down
            bias = changed_bias(load(w, hidden.b + v), e, bias_decay)
            store(w, hidden.b + v, bias)
            z = update_and_forward(
                w, hidden.rows + v, width, n_in, x, e, decay, bias, next_x
            )
            store(h, v, activate(z, activation, load(units.mask, hidden.z + v)))
        i, x = next_i, next_x
        s += 1
    store(w, last.b, out_bias)
    loss_sums[epoch], n_right[epoch] = loss_sum, right
    state.subtotals[epoch, 0] = mean
    if has_record:
        state.recorded_sums[record, 0] = recorded
    return s, good


@entry_point
def train_bce(state, data, plan, scratch, first_epoch, end, budget):
    """Train like `per_sample.train`, for BCE and at most one vector of hidden units."""
    rows = _bce_updates
    return train_packed(rows, state, data, plan, scratch, first_epoch, end, budget)


@entry_point
def train_mse(state, data, plan, scratch, first_epoch, end, budget):
    """Train like `train_bce`, for MSE with any link but SOFTMAX."""
    rows = _mse_updates
    return train_packed(rows, state, data, plan, scratch, first_epoch, end, budget)


@entry_point
def train_softmax(state, data, plan, scratch, first_epoch, end, budget):
    """Train like `per_sample.train`, for SOFTMAX_CE and one vector of outputs."""
    rows = _softmax_updates
    return train_packed(rows, state, data, plan, scratch, first_epoch, end, budget)
