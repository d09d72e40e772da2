"""Many nets of one architecture, a net in each lane (see `many_lanes`): all updates of a whole run in one call.

All nets see the samples in the same order, so that a sample is read once for all of them; nothing else is shared, and
a net that diverges disturbs no other. Where batches have one sample, a net has the bits of `per_sample.train`,
elsewhere those of `batches.train` up to rounding.
"""

import numpy as np

from .codes import (
    ADAM,
    BETA1,
    BETA2,
    BIAS_KEPT,
    BIAS_LR,
    BIAS_RATE,
    BY,
    DECAY,
    DECAYED,
    EPS,
    EPSILON,
    FIRST,
    HITS,
    KEEP,
    KEPT,
    LOSSES,
    LR,
    NESTEROV,
    NEW_FIRST,
    NEW_SECOND,
    RATE,
    SAMPLES,
    SECOND,
    SGD,
    SPREAD,
    TERMS,
    UPDATES,
)
from .compile import helper, kernel, part
from .losses import share
from .many_lanes import backward, forward, show
from .many_losses import slopes
from .optimizers import adapted, descended, swung
from .places import output, place
from .pointers import after, flat, number
from .vectors import load, numbers_in, store


@helper
def fill(a, at, n, value):
    """Set n numbers from a[at] on to one value."""
    for i in range(at, at + n):
        a[i] = value


@part
def set_rates(rates, settings, clock, optimizer, lanes):
    """Fill the rows of constants from each net's settings, in float64 as `optimizers.step` computes them."""
    for i in range(lanes):
        lr, bias_lr, decay = settings[LR * lanes + i], settings[BIAS_LR * lanes + i], settings[DECAY * lanes + i]
        beta1, beta2 = settings[BETA1 * lanes + i], settings[BETA2 * lanes + i]
        rates[KEPT * lanes + i] = 1.0 - lr * decay
        rates[BIAS_KEPT * lanes + i] = 1.0 - bias_lr * decay
        if optimizer == ADAM:
            lr, bias_lr = lr / (1.0 - clock[i]), bias_lr / (1.0 - clock[i])
            rates[SPREAD * lanes + i] = 1.0 / np.sqrt(1.0 - clock[lanes + i])
        rates[RATE * lanes + i] = lr
        rates[BIAS_RATE * lanes + i] = bias_lr
        rates[DECAYED * lanes + i] = decay
        rates[FIRST * lanes + i] = beta1
        rates[NEW_FIRST * lanes + i] = 1.0 - beta1
        rates[SECOND * lanes + i] = beta2
        rates[NEW_SECOND * lanes + i] = 1.0 - beta2
        rates[EPSILON * lanes + i] = settings[EPS * lanes + i]


@part
def step(theta, moments, g, optimizer, rates, first, last, n_params, biases, lanes):
    """`optimizers.step` for the parameters from `first` up to `last`."""
    shift = 2 * lanes if biases else 0
    for p in range(first, last):
        for i in range(0, lanes, numbers_in(theta)):
            at, to = p * lanes + i, (n_params + p) * lanes + i
            kept, rate = load(rates, KEPT * lanes + shift + i), load(rates, RATE * lanes + shift + i)
            if optimizer == SGD:
                store(theta, at, descended(load(theta, at), load(g, at), kept, rate))
            elif optimizer == ADAM:
                new, m, v = adapted(
                    load(theta, at), load(moments, at), load(moments, to), load(g, at),
                    load(rates, DECAYED * lanes + i), load(rates, FIRST * lanes + i),
                    load(rates, NEW_FIRST * lanes + i), load(rates, SECOND * lanes + i),
                    load(rates, NEW_SECOND * lanes + i), rate,
                    load(rates, SPREAD * lanes + i), load(rates, EPSILON * lanes + i),
                )  # fmt: skip
                store(theta, at, new)
                store(moments, at, m)
                store(moments, to, v)
            else:
                decay, beta = load(rates, DECAYED * lanes + i), load(rates, FIRST * lanes + i)
                nesterov = optimizer == NESTEROV
                new, v = swung(load(theta, at), load(moments, at), load(g, at), decay, beta, rate, nesterov)
                store(theta, at, new)
                store(moments, at, v)


@kernel
def train(
    theta, moments, clock, losses, n_right, position,
    X, y, order, layers, loss, optimizer, settings, batch_size, mean, every, epochs, first_epoch, end, budget,
    g, a, d, t, rule, rates,
):  # fmt: skip
    """Train all nets up to the update `end`, counted over all epochs, or for `budget` samples.

    Changed in place: theta (n_params, lanes), moments (N_MOMENTS[optimizer], n_params, lanes), clock (2, lanes)
    float64; losses and n_right (n_kept, lanes), to which each sample's loss, and whether its class was right, are added
    at its forward pass, in epochs 0, every, 2 every ... and the last; position, as a budget may end within a batch.
    Read: data and order as in `batches.train`; settings (6, lanes) float64.
    Scratch: g as theta; a and d with a row of lanes for each unit; t with TERMS rows and one for each number of a
    vector; rule with 2 rows, rates with N_RATES.
    """
    n, n_in = X.shape
    n_params, lanes = theta.shape
    n_layers, n_y = layers.shape[0], y.shape[1]
    per_epoch = (n + batch_size - 1) // batch_size
    table, w, grads, m, c = flat(layers), flat(theta), flat(g), flat(moments), flat(rates)
    x, slope, extra, by = flat(a), flat(d), flat(t), flat(rule)
    z, n_out = output(table, n_layers)
    fused = optimizer == SGD and batch_size == 1
    if optimizer != ADAM:  # whose rates are those of an update
        set_rates(c, flat(settings), flat(clock), optimizer, lanes)
    for i in range(lanes):
        fused = fused and settings[BIAS_LR, i] == settings[LR, i]
        rule[KEEP, i], rule[BY, i] = rates[KEPT, i], -rates[RATE, i]  # for those that learn at once
    target = w if fused else grads
    while position[UPDATES] < end and budget > 0:
        epoch = position[UPDATES] // per_epoch
        rows = after(flat(order), (epoch - first_epoch) % order.shape[0] * n)
        start = (position[UPDATES] - epoch * per_epoch) * batch_size
        stop = min(start + batch_size, n)
        done = start + position[SAMPLES]
        now = min(stop, done + budget)
        wanted = epoch % every == 0 or epoch == epochs - 1
        kept = (epoch + every - 1) // every
        if not fused:
            fill(by, KEEP * lanes, lanes, number(by, 0 if done == start else 1))
            fill(by, BY * lanes, lanes, share(theta, stop - start, mean))
        for s in range(done, now):
            i = rows[s]
            show(x, after(flat(X), i * n_in), n_in, lanes)
            forward(x, w, table, n_layers, after(extra, TERMS * lanes), lanes)
            slopes(slope, x, z, n_out, after(flat(y), i * n_y), loss, extra, wanted, lanes)
            if wanted:
                for lane in range(lanes):
                    losses[kept, lane] += t[LOSSES, lane]
                    n_right[kept, lane] += t[HITS, lane] > 0
            backward(target, by, w, slope, x, table, n_layers, lanes)
            if not fused and s == start:
                fill(by, KEEP * lanes, lanes, number(by, 1))
        budget -= now - done
        if now < stop:
            position[SAMPLES] = now - start
            return
        if not fused:
            if optimizer == ADAM:
                for lane in range(lanes):
                    clock[0, lane] *= settings[BETA1, lane]
                    clock[1, lane] *= settings[BETA2, lane]
                set_rates(c, flat(settings), flat(clock), optimizer, lanes)
            for layer in range(n_layers):
                _, n_units, _, _, first, bias = place(table, layer)
                step(w, m, grads, optimizer, c, first, bias, n_params, False, lanes)
                step(w, m, grads, optimizer, c, bias, bias + n_units, n_params, True, lanes)
        position[UPDATES] += 1
        position[SAMPLES] = 0
