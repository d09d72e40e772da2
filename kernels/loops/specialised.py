"""One small net with one output, one sample at a time: a loop for each architecture.

All parameters stay in registers. An update has to wait for the one before, so what
counts is how many cycles pass from one output to the next:

- *Look-ahead.* The next sample u meets the first layer's new weights in (w u + b) - lr
  d k G, where d = dL/dz of the output, d k is dL/dz of the hidden unit and G = x u + 1.
  All but d is ready before d is: one fused multiply-add remains.
- *A table.* The sigmoid is a polynomial of degree 7 around the nearest multiple of 1/16
  (float32: degree 3), without exponential and division. tanh z = 2 sigmoid(2z) - 1.
- *The loss for nothing.* The probabilities of the true classes are multiplied, and one
  logarithm is taken of many. Where a target is a probability t >= 1/2 of the likelier
  class, whose probability is p = sigmoid(s): -t log p - (1 - t) log(1 - p) = -log p +
  (1 - t) s.

An update is written with plain loops over layers and units, which tracing unrolls.
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..codes import (
    BCE,
    BIAS_DECAY,
    DECAY,
    DONE,
    IDENTITY,
    LINK,
    LR,
    NOT_FINITE,
    POISSON,
    RECORD_SCALE,
    RELU,
    ROW,
    SIGMOID,
    SOFT_BCE,
    TANH,
    UPDATES,
)
from ..compiler.compile import entry_point
from ..functions.activations import (
    exponential,
    relu,
    relu_backward,
    sigmoid_backward,
    tanh_backward,
)
from ..functions.losses import squared_error
from ..primitives import memory
from ..primitives.arithmetic import clip, fma, mantissa_bits, nearest_step
from ..primitives.pointers import flat
from ..primitives.vectors import offset, traced
from .recordings import next_record, recorded_loss

# The table's steps per unit, its number of steps (a power of 2), its numbers per step,
# and the largest |z| that is looked up.
_PER_UNIT, _STEPS, _WIDTH, _REACH = 16, 2048, 8, 40
# Beyond this |z| the loss is taken from z itself.
_SURE = 30.0

_BACKWARD = {
    SIGMOID: sigmoid_backward.plain,
    TANH: tanh_backward.plain,
    RELU: relu_backward.plain,
    IDENTITY: lambda d, a: d,
}


@cache
def sigmoid_table(dtype: Any) -> Any:
    """Return Taylor coefficients of the sigmoid at multiples of 1/16 from -64 to 64.

    Each multiple has one cache line of a flat array. Multiple k has line k modulo 2048:
    the negative ones come last.
    """
    steps = np.arange(_STEPS)
    z = np.where(steps < _STEPS // 2, steps, steps - _STEPS) / _PER_UNIT
    c = [np.where(z >= 0, 1.0, np.exp(z)) / (1.0 + np.exp(-abs(z)))]
    for k in range(_WIDTH - 1):  # s' = s (1 - s), as power series
        c.append((c[k] - sum(c[j] * c[k - j] for j in range(k + 1))) / (k + 1))
    table = np.stack(c, axis=1).astype(dtype).reshape(-1)
    table.flags.writeable = False
    return table


def _sigmoid(table: Any, z: Any) -> Any:
    reach = float(_REACH)
    step, r = nearest_step(clip(z, -reach, reach), _PER_UNIT, _STEPS)
    c = memory.offset(table, step * _WIDTH)
    r2 = r * r
    low = fma(fma(c[3], r, c[2]), r2, fma(c[1], r, c[0]))
    if mantissa_bits(z) < 52:
        return low
    high = fma(fma(c[7], r, c[6]), r2, fma(c[5], r, c[4]))
    return fma(high, r2 * r2, low)  # three operations in a row, not seven


def _activate(table: Any, z: Any, activation: int) -> Any:
    if activation == SIGMOID:
        return _sigmoid(table, z)
    if activation == TANH:
        return 2.0 * _sigmoid(table, z + z) - 1.0
    return relu.plain(z) if activation == RELU else z


def _dot(x: Any, w: Any, start: Any) -> Any:
    for input_, weight in zip(x, w, strict=True):
        start = fma(input_, weight, start)
    return start


def _unflatten(
    sizes: tuple[int, ...], theta: Any
) -> list[tuple[list[list[Any]], list[Any]]]:
    """Return each layer's weights, a list per unit, and biases."""
    layers, at = [], 0
    for n_in, n_out in pairwise(sizes):
        w = [[theta[at + j * n_out + k] for j in range(n_in)] for k in range(n_out)]
        at += n_in * n_out
        layers.append((w, [theta[at + k] for k in range(n_out)]))
        at += n_out
    return layers


def update_of(
    sizes: tuple[int, ...], activations: tuple[int, ...], loss: int, decays: bool
) -> Callable[..., Any]:
    """Return the function that makes one update of such a net.

    It takes theta, the first layer's z for the sample, the learning rate, that rate
    times the decay of the weights and of the biases (0 unless `decays`), a sign, the
    target y, the sample x, the next sample u and the table. For BCE the sign is 1 for
    class 1 and otherwise -1, and y is not used; for SOFT_BCE they are those of the
    likelier class and its probability; for losses of values the sign is 1.

    It returns the new theta, the next sample's z of the first layer, this one's output
    z times the sign, and the probability of that class (BCE, SOFT_BCE), f(z) - y (MSE)
    or e^z (POISSON).
    """

    def changed(old: Any, change: Any, decay: Any) -> Any:
        # Decay is added to the change: of a float32 value alone it would be lost.
        return old - (fma(decay, old, change) if decays else change)

    def update(
        theta: Any,
        z: Any,
        lr: Any,
        decay: Any,
        bias_decay: Any,
        sign: Any,
        y: Any,
        x: Any,
        u: Any,
        table: Any,
    ) -> Any:
        layers = _unflatten(sizes, theta)
        x, u = [x[j] for j in range(sizes[0])], [u[j] for j in range(sizes[0])]
        inputs, derivatives, sums = [x], [], list(z)
        for (w, b), activation in zip(layers[1:], activations, strict=True):
            inputs.append([_activate(table, each, activation) for each in sums])
            derivatives.append([_BACKWARD[activation](1.0, a) for a in inputs[-1]])
            if w is layers[-1][0]:  # the sign goes on the weights, off the chain
                w = [[sign * weight for weight in unit] for unit in w]
                b = [sign * bias for bias in b]
            sums = [
                _dot(inputs[-1], unit, bias) for unit, bias in zip(w, b, strict=True)
            ]
        out = sums[0] * sign if len(layers) == 1 else sums[0]
        # dL/dz of every unit for dL/dz = sign of the output: ready before the output is
        slopes = [[sign]]
        for (w, _), derivative in zip(layers[:0:-1], derivatives[::-1], strict=True):
            down = []
            for j in range(len(derivative)):
                total = slopes[0][0] * w[0][j]
                for k, slope in enumerate(slopes[0][1:], 1):
                    total = total + slope * w[k][j]
                down.append(total * derivative[j])
            slopes.insert(0, down)
        along = _dot(x, u, 1.0)
        ahead = [_dot(u, unit, b) for unit, b in zip(*layers[0], strict=True)]
        if decays:
            decayed = [
                decay * (z - b) + bias_decay * b
                for z, b in zip(ahead, layers[0][1], strict=True)
            ]
            ahead = [z - lost for z, lost in zip(ahead, decayed, strict=True)]
        reach = [lr * slope * along for slope in slopes[0]]
        if loss in (BCE, SOFT_BCE):
            # the probability of the true class: dL/dz = sign (probability - 1)
            result = _sigmoid(table, out)
            pairs = zip(ahead, reach, strict=True)
            if loss == BCE:
                next_z = [fma(-r, result, a + r) for a, r in pairs]
                d = result - 1.0
            else:
                next_z = [fma(-r, result, fma(r, y, a)) for a, r in pairs]
                d = result - y
        elif loss % LINK == POISSON:
            result = exponential.plain(out)
            d = result - y
            next_z = [fma(-r, d, a) for a, r in zip(ahead, reach, strict=True)]
        else:
            link = loss // LINK
            value = _activate(table, out, link)
            result = value - y
            d, _ = squared_error.plain(value, y, 1.0)
            d = _BACKWARD[link](d, value)
            next_z = [fma(-r, d, a) for a, r in zip(ahead, reach, strict=True)]
        step, new = lr * d, []
        for (w, b), below, slope in zip(layers, inputs, slopes, strict=True):
            g = [step * each for each in slope]
            for j in range(len(below)):
                new += [changed(w[k][j], g[k] * below[j], decay) for k in range(len(b))]
            new += [changed(b[k], g[k], bias_decay) for k in range(len(b))]
        return (*new, *next_z, out, result)

    return update


def _reader(n: int) -> Any:
    """Return a function that reads n numbers of a flat array, given one of its type."""

    def read(a: Any, number: Any) -> Any:
        return tuple(a[p] for p in range(n))

    return traced(read, n)


@cache
def trainer(
    sizes: tuple[int, ...], activations: tuple[int, ...], loss: int, decays: bool
) -> Callable[..., Any]:
    """Return the loop for such a net, with weight decay or without.

    It is `per_sample.train` for SGD, but does not use plan.rates and plan.decays.

    state.carried has what passes from one call to the next besides theta: the product
    of probabilities, and the next sample's z of the first layer.
    """
    n_params = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    n_first = sizes[1]
    n_new = n_params + n_first
    update = traced(update_of(sizes, activations, loss, decays), n_new + 2)
    read_theta, read_z = _reader(n_params), _reader(n_first)

    def first_layer(theta: Any, x: Any) -> Any:
        (w, b), *_ = _unflatten(sizes, theta)
        x = [x[j] for j in range(sizes[0])]
        return tuple(_dot(x, unit, bias) for unit, bias in zip(w, b, strict=True))

    first_z = traced(first_layer, n_first)
    is_bce, is_soft, is_poisson = loss == BCE, loss == SOFT_BCE, loss % LINK == POISSON
    has_sign = is_bce or is_soft

    def train(state, data, plan, table, first_epoch, end, budget):
        theta, carried, position = state.theta, state.carried, state.position
        loss_sums, n_right, record_at = state.loss_sums, state.n_right, plan.record_at
        n, n_in = data.X.shape
        settings, loss_scale, real = plan.settings, plan.loss_scale, theta.dtype.type
        rate = settings[LR]
        lr, decay = real(rate), real(rate * settings[DECAY])
        bias_decay, one = real(rate * settings[BIAS_DECAY]), real(1)
        half = real(0.5)
        end = min(end, position[UPDATES] + budget)
        X, y_rows, coefficients = flat(data.X), data.y, flat(table)
        order, n_orders = flat(data.order), len(data.order)
        w = read_theta(flat(theta), one)
        sums = np.empty(n_first, theta.dtype)
        record = next_record(record_at, position[UPDATES])
        status = DONE
        while position[UPDATES] < end and status == DONE:
            epoch = position[UPDATES] // n
            rows = offset(order, (epoch - first_epoch) % n_orders * n)
            loss_sum, right = loss_sums[epoch], n_right[epoch]
            has_record, recorded = recorded_loss(state, plan, record)
            stop = min(end - epoch * n, n)
            if record < record_at.size:
                stop = min(record_at[record] - epoch * n, stop)
            s = position[UPDATES] - epoch * n
            if s == 0:
                product = 1.0
                z = first_z(w, offset(X, rows[s] * n_in))
            else:
                product = carried[0]
                for k in range(n_first):
                    sums[k] = carried[1 + k]
                z = read_z(flat(sums), one)
            while s < stop:
                i = rows[s]
                y = y_rows[i, 0]
                sign = (one if y > half else -one) if has_sign else one
                if is_soft and sign < 0:
                    y = one - y
                x = offset(X, i * n_in)
                next_x = offset(X, rows[min(s + 1, n - 1)] * n_in)
                new = update(
                    w, z, lr, decay, bias_decay, sign, y, x, next_x, coefficients
                )
                out, result = new[n_new], np.float64(new[n_new + 1])
                loss, is_sure = 0.0, not abs(out) < _SURE
                if has_sign and (is_sure or has_record):
                    loss = np.float64(max(-out, one - one)) + np.log1p(
                        np.exp(-abs(np.float64(out)))
                    )
                    if is_soft and y < one:  # as 0 times infinity would be NaN
                        loss += np.float64(one - y) * out
                if has_sign:
                    if not is_sure:
                        if is_soft:
                            loss_sum += np.float64(one - y) * out * loss_scale
                        product *= result
                        if product < 1e-250:
                            loss_sum -= np.log(product) * loss_scale
                            product = 1.0
                    else:
                        if not np.isfinite(loss) or not abs(out) >= _SURE:
                            position[ROW], status = i, NOT_FINITE
                            break
                        loss_sum += loss * loss_scale
                    right += out > 0 or (out == 0 and sign < 0)
                elif is_poisson:
                    loss = result - np.float64(y) * out
                    if not np.isfinite(loss):
                        position[ROW], status = i, NOT_FINITE
                        break
                    loss_sum += loss * loss_scale
                else:
                    if not np.isfinite(new[n_new + 1] * new[n_new + 1]):
                        position[ROW], status = i, NOT_FINITE
                        break
                    loss = result * result
                    loss_sum += loss * loss_scale
                if has_record:
                    recorded += loss * (loss_scale * RECORD_SCALE)
                w, z = new[:n_params], new[n_params:n_new]
                s += 1
            if s == n:
                loss_sum -= np.log(product) * loss_scale
            if has_record:
                state.recorded_sums[record, 0] = recorded
                state.recorded_sums[record, 1] += right - n_right[epoch]
            loss_sums[epoch], n_right[epoch] = loss_sum, right
            position[UPDATES] = epoch * n + s
            carried[0] = product
            for k in range(n_first):
                carried[1 + k] = z[k]
            if record < record_at.size and record_at[record] == position[UPDATES]:
                for p in range(n_params):
                    state.recorded[record, p] = w[p]
                record += 1
        for p in range(n_params):
            theta[p] = w[p]
        return status

    architecture = "-".join(map(str, (*sizes, *activations, loss, int(decays))))
    train.__qualname__ = f"train-{architecture}"
    return entry_point(train)
