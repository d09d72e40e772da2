"""What many nets have in common, however their samples come: rates and settings of each, the step, and leaving.

Rows are of `lanes` numbers, a number for each net.
"""

import numpy as np

from ..codes import (
    ADAM,
    BETA1,
    BETA2,
    BIAS_KEPT,
    BIAS_LR,
    BIAS_RATE,
    DECAY,
    DECAYED,
    EPS,
    EPSILON,
    FIRST,
    HITS,
    KEPT,
    LR,
    NESTEROV,
    NEW_FIRST,
    NEW_SECOND,
    RATE,
    SECOND,
    SGD,
    SPREAD,
)
from ..compiler.compile import inlined_by_llvm, subroutine
from ..primitives.table import layer_offsets
from ..primitives.vectors import load, store, vector_length
from .optimizers import adapted, descended, swung


@inlined_by_llvm
def fill(a, at, n, value):
    """Set n numbers from a[at] on to one value."""
    for i in range(at, at + n):
        a[i] = value


@subroutine
def add_hits(counts, t, lanes):
    """Add the row HITS of t to a row of counts, and begin it anew."""
    for i in range(HITS * lanes, (HITS + 1) * lanes):
        counts[i - HITS * lanes] += np.int64(t[i])
        t[i] = 0


@subroutine
def leave(trained, settings, sums, n, stop_below, epochs, lanes):
    """Mark nets whose mean loss is below `stop_below`, or no longer finite, as trained for so many epochs, and let them
    learn zero_block from now on. The answer is how many are left.
    """
    left = 0
    for i in range(lanes):
        mean = sums[i] / n
        if trained[i] == 0 and not stop_below <= mean < np.inf:
            trained[i] = epochs
            settings[LR * lanes + i] = settings[BIAS_LR * lanes + i] = 0.0
        if trained[i] == 0:
            left += 1
    return left


@subroutine
def set_rates(rates, settings, clock, optimizer, lanes):
    """Fill the rows of constants from each net's settings, in float64 as `optimizers.step` computes them."""
    for i in range(lanes):
        lr, bias_lr, decay = (
            settings[LR * lanes + i],
            settings[BIAS_LR * lanes + i],
            settings[DECAY * lanes + i],
        )
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


@inlined_by_llvm
def tick(clock, settings, lanes):
    """Take Adam's powers beta1^t and beta2^t on by an update."""
    for i in range(lanes):
        clock[i] *= settings[BETA1 * lanes + i]
        clock[lanes + i] *= settings[BETA2 * lanes + i]


@subroutine
def step(theta, moments, g, optimizer, rates, layers, n_layers, n_params, lanes):
    """`optimizers.step` for all parameters."""
    for layer in range(n_layers):
        _, n_units, _, _, first, bias = layer_offsets(layers, layer)
        for p in range(first, bias + n_units):
            shift = 2 * lanes if p >= bias else 0
            for i in range(0, lanes, vector_length(theta)):
                at, to = p * lanes + i, (n_params + p) * lanes + i
                kept, rate = (
                    load(rates, KEPT * lanes + shift + i),
                    load(rates, RATE * lanes + shift + i),
                )
                if optimizer == SGD:
                    store(
                        theta, at, descended(load(theta, at), load(g, at), kept, rate)
                    )
                elif optimizer == ADAM:
                    new, m, v = adapted(
                        load(theta, at),
                        load(moments, at),
                        load(moments, to),
                        load(g, at),
                        load(rates, DECAYED * lanes + i),
                        load(rates, FIRST * lanes + i),
                        load(rates, NEW_FIRST * lanes + i),
                        load(rates, SECOND * lanes + i),
                        load(rates, NEW_SECOND * lanes + i),
                        rate,
                        load(rates, SPREAD * lanes + i),
                        load(rates, EPSILON * lanes + i),
                    )
                    store(theta, at, new)
                    store(moments, at, m)
                    store(moments, to, v)
                else:
                    decay, beta = (
                        load(rates, DECAYED * lanes + i),
                        load(rates, FIRST * lanes + i),
                    )
                    nesterov = optimizer == NESTEROV
                    new, v = swung(
                        load(theta, at),
                        load(moments, at),
                        load(g, at),
                        decay,
                        beta,
                        rate,
                        nesterov,
                    )
                    store(theta, at, new)
                    store(moments, at, v)
