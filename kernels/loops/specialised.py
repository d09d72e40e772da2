"""One tiny net with one output, one sample at a time: a loop of its own for each architecture, all in registers.

An update has to wait for the one before, so what counts is how many cycles pass from one output to the next:

- *Look-ahead.* The next sample u meets the first layer's new weights in (w u + b) - lr d k G,
  where d = dL/dz of the output, d k is dL/dz of the hidden unit and G = x u + 1. All but d is ready before d is: one
  fused multiply-add is left.
- *A table.* The sigmoid is a polynomial of degree 7 around the nearest multiple of 1/16 (float32: degree 3): no
  exponential and no division. tanh z = 2 sigmoid(2z) - 1.
- *The loss for zero_block.* The probabilities of the true classes are multiplied, and one logarithm is taken at times.

What an update does is written with plain loops over layers and units; tracing (see `arithmetic`) unrolls them.
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..codes import BCE, DONE, IDENTITY, NOT_FINITE, RELU, ROW, TANH, UPDATES
from ..compiler.compile import entry_point
from ..functions.optimizers import descent
from ..primitives import memory
from ..primitives.arithmetic import (
    clip,
    fma,
    mantissa_bits,
    nearest_step,
    where_greater,
)
from ..primitives.pointers import flat
from ..primitives.vectors import offset, traced
from .recordings import next_record

_PER_UNIT, _REACH, _WIDTH = (
    16,
    40,
    8,
)  # steps of the table, its end, and the numbers it has for a step
_SURE = 30.0  # beyond it the loss is taken from z itself


@cache
def sigmoid_table(dtype: Any) -> Any:
    """Taylor coefficients of the sigmoid at the multiples of 1/16 from -40 to 40, one cache line each."""
    z = np.arange(-_REACH * _PER_UNIT, _REACH * _PER_UNIT + 1) / _PER_UNIT
    c = [np.where(z >= 0, 1.0, np.exp(z)) / (1.0 + np.exp(-abs(z)))]
    for k in range(_WIDTH - 1):  # s' = s (1 - s), as power series
        c.append((c[k] - sum(c[j] * c[k - j] for j in range(k + 1))) / (k + 1))
    table = np.stack(c, axis=1).astype(dtype).reshape(-1)
    table.flags.writeable = False
    return table


def _sigmoid(table: Any, z: Any) -> Any:
    row, r = nearest_step(clip(z, -float(_REACH), float(_REACH)), _PER_UNIT)
    c = memory.offset(table, (_REACH * _PER_UNIT) * _WIDTH + row * _WIDTH)
    r2 = r * r
    low = fma(fma(c[3], r, c[2]), r2, fma(c[1], r, c[0]))
    if mantissa_bits(z) < 52:
        return low
    high = fma(fma(c[7], r, c[6]), r2, fma(c[5], r, c[4]))
    return fma(high, r2 * r2, low)  # three operations in a row, not seven


def _activated(table: Any, z: Any, activation: int) -> tuple[Any, Any]:
    """An activation and its derivative."""
    if activation == IDENTITY:
        return z, 1.0
    if activation == RELU:
        return where_greater(0.0, z, 0.0, z), where_greater(z, 0.0, 1.0, 0.0)
    if activation == TANH:
        a = 2.0 * _sigmoid(table, z + z) - 1.0
        return a, 1.0 - a * a
    a = _sigmoid(table, z)
    return a, a * (1.0 - a)


def _dot(x: Any, w: Any, start: Any) -> Any:
    for one, weight in zip(x, w, strict=True):
        start = fma(one, weight, start)
    return start


def _unflattened(
    sizes: tuple[int, ...], theta: Any
) -> list[tuple[list[list[Any]], list[Any]]]:
    """Each layer's weights, a list for each of its units, and biases."""
    layers, at = [], 0
    for n_in, n_out in pairwise(sizes):
        w = [[theta[at + j * n_out + k] for j in range(n_in)] for k in range(n_out)]
        at += n_in * n_out
        layers.append((w, [theta[at + k] for k in range(n_out)]))
        at += n_out
    return layers


def update_of(
    sizes: tuple[int, ...], activations: tuple[int, ...], loss: int
) -> Callable[..., Any]:
    """The update of such a net: new parameters, the next sample's sums in the first layer, this one's z and the
    probability of its class (BCE) or z - y (MSE).

    Of theta, the sums z of sample x in the first layer, lr, kept (see `optimizers`), sign and target y, the sample x,
    the next one u and the table. For BCE sign is 1 for class 1, otherwise -1; y is not looked at.
    """

    def update(
        theta: Any,
        z: Any,
        lr: Any,
        kept: Any,
        sign: Any,
        y: Any,
        x: Any,
        u: Any,
        table: Any,
    ) -> Any:
        layers = _unflattened(sizes, theta)
        x, u = [x[j] for j in range(sizes[0])], [u[j] for j in range(sizes[0])]
        inputs, rises, sums = [x], [], list(z)
        for (w, b), activation in zip(layers[1:], activations, strict=True):
            pairs = [_activated(table, each, activation) for each in sums]
            inputs.append([a for a, _ in pairs])
            rises.append([rise for _, rise in pairs])
            if w is layers[-1][0]:  # the sign on the weights, off the chain
                w, b = (
                    [[sign * each for each in unit] for unit in w],
                    [sign * each for each in b],
                )
            sums = [
                _dot(inputs[-1], unit, bias) for unit, bias in zip(w, b, strict=True)
            ]
        out = sums[0] * sign if len(layers) == 1 else sums[0]
        # dL/dz of every unit, for dL/dz = sign of the output: ready before the output is
        slopes = [[sign]]
        for (w, _), rise in zip(layers[:0:-1], rises[::-1], strict=True):
            down = [
                sum(
                    (slope * w[k][j] for k, slope in enumerate(slopes[0][1:], 1)),
                    slopes[0][0] * w[0][j],
                )
                * rise[j]
                for j in range(len(rise))
            ]
            slopes.insert(0, down)
        along = _dot(x, u, 1.0)
        ahead = [
            kept * _dot(u, unit, bias) for unit, bias in zip(*layers[0], strict=True)
        ]
        reach = [lr * slope * along for slope in slopes[0]]
        if loss == BCE:
            found = _sigmoid(
                table, out
            )  # the probability of the true class: dL/dz = sign (found - 1)
            following = [
                fma(-r, found, a + r) for a, r in zip(ahead, reach, strict=True)
            ]
            d = found - 1.0
        else:
            found = out - y
            d = found + found
            following = [fma(-r, d, a) for a, r in zip(ahead, reach, strict=True)]
        step, new = lr * d, []
        for (w, b), below, slope in zip(layers, inputs, slopes, strict=True):
            g = [step * each for each in slope]
            new += [
                kept * w[k][j] - g[k] * below[j]
                for j in range(len(below))
                for k in range(len(b))
            ]
            new += [kept * b[k] - g[k] for k in range(len(b))]
        return (*new, *following, out, found)

    return update


def _numbers(n: int) -> Any:
    """What reads the first n numbers of a flat array; the other argument tells their type."""

    def read(a, one):
        return tuple(a[p] for p in range(n))

    return traced(read, n)


@cache
def trainer(
    sizes: tuple[int, ...], activations: tuple[int, ...], loss: int
) -> Callable[..., Any]:
    """The loop for such a net: `per_sample.train` for SGD, with the table for scratch.

    What passes from one update to the next besides theta is carried from call to call: the product of probabilities,
    and the next sample's sums in the first layer.
    """
    n_params = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    n_first = sizes[1]
    update = traced(update_of(sizes, activations, loss), n_params + n_first + 2)
    read = _numbers(n_params)
    read_sums = _numbers(n_first)

    def first_sums(theta: Any, x: Any) -> Any:
        (w, b), *_ = _unflattened(sizes, theta)
        return tuple(
            _dot([x[j] for j in range(sizes[0])], unit, bias)
            for unit, bias in zip(w, b, strict=True)
        )

    start = traced(first_sums, n_first)
    of_bce = loss == BCE
    last = n_params + n_first

    def train(
        theta,
        loss_sums,
        n_right,
        position,
        carried,
        recorded,
        recorded_sums,
        X,
        y,
        order,
        settings,
        record_at,
        first_epoch,
        end,
        budget,
        table,
    ):
        n, n_in = X.shape
        kept, lr = descent(theta, settings)
        one = theta.dtype.type(1)
        end = min(end, position[UPDATES] + budget)
        x, coefficients = flat(X), flat(table)
        w = read(flat(theta), one)
        sums = np.empty(n_first, theta.dtype)
        record = next_record(record_at, position[UPDATES])
        status = DONE
        while position[UPDATES] < end and status == DONE:
            epoch = position[UPDATES] // n
            rows = offset(flat(order), (epoch - first_epoch) % order.shape[0] * n)
            loss_sum, right = loss_sums[epoch], n_right[epoch]
            stop = min(end - epoch * n, n)
            if record < record_at.size:
                stop = min(record_at[record] - epoch * n, stop)
            s = position[UPDATES] - epoch * n
            if s == 0:
                product = 1.0
                z = start(w, offset(x, rows[s] * n_in))
            else:
                product = carried[0]
                for k in range(n_first):
                    sums[k] = carried[1 + k]
                z = read_sums(flat(sums), one)
            while s < stop:
                i = rows[s]
                following = rows[min(s + 1, n - 1)]
                t = y[i, 0]
                sign = (one if t > 0 else -one) if of_bce else one
                new = update(
                    w,
                    z,
                    lr,
                    kept,
                    sign,
                    t,
                    offset(x, i * n_in),
                    offset(x, following * n_in),
                    coefficients,
                )
                out, found = new[last], np.float64(new[last + 1])
                if of_bce:
                    if abs(out) < _SURE:
                        product *= found
                        if product < 1e-250:
                            loss_sum -= np.log(product)
                            product = 1.0
                    else:
                        value = np.float64(max(-out, one - one)) + np.log1p(
                            np.exp(-abs(np.float64(out)))
                        )
                        if not np.isfinite(value) or not abs(out) >= _SURE:
                            position[ROW], status = i, NOT_FINITE
                            break
                        loss_sum += value
                    right += out > 0 or (out == 0 and t == 0)
                else:
                    if not np.isfinite(new[last + 1] * new[last + 1]):
                        position[ROW], status = i, NOT_FINITE
                        break
                    loss_sum += found * found
                w, z = new[:n_params], new[n_params:last]
                s += 1
            if s == n:
                loss_sum -= np.log(product)
            loss_sums[epoch], n_right[epoch] = loss_sum, right
            position[UPDATES] = epoch * n + s
            carried[0] = product
            for k in range(n_first):
                carried[1 + k] = z[k]
            if record < record_at.size and record_at[record] == position[UPDATES]:
                for p in range(n_params):
                    recorded[record, p] = w[p]
                if s < n:
                    recorded_sums[record, 0], recorded_sums[record, 1] = (
                        loss_sum - np.log(product),
                        right,
                    )
                record += 1
        for p in range(n_params):
            theta[p] = w[p]
        return status

    architecture = "-".join(map(str, (*sizes, *activations, loss)))
    train.__qualname__ = f"train-{architecture}"
    return entry_point(train)
