"""One update of the parameters of many nets, one per lane: the steps of `optimizers`.

Each net has its own settings, with a second learning rate and decay for its biases.
"""

import numpy as np

from ..codes import (
    ADAMW,
    BETA1,
    BETA2,
    BIAS_DECAY,
    BIAS_LR,
    BIAS_RATE,
    BIAS_WEIGHT_DECAY,
    CLIP_NORM,
    DECAY,
    EPS,
    EPS_HAT,
    EPSILON,
    FIRST_BETA,
    FIRST_BETA_REST,
    LR,
    NESTEROV,
    ONE_MINUS_FIRST_BETA,
    ONE_MINUS_SECOND_BETA,
    RATE,
    RMSPROP,
    SECOND_BETA,
    SECOND_BETA_REST,
    SECOND_CORRECTION,
    SGD,
    WEIGHT_DECAY,
)
from ..compiler.compile import inlined_by_llvm, subroutine
from ..primitives.table import layer_offsets
from ..primitives.vectors import load, scalar, store, vector_length
from .optimizers import (
    Constants,
    adam_step,
    correction_of,
    decay_of,
    eps_of,
    is_adam,
    momentum_step,
    rate_of,
    rmsprop_step,
    sgd_step,
)


@subroutine
def fill_constants(constants, settings, clock, optimizer, lanes):
    """Fill the rows of `constants` from the settings of many nets, one per lane.

    The numbers are those of `optimizers.constants_of_net`.
    """
    for i in range(lanes):
        beta1, beta2 = settings[BETA1 * lanes + i], settings[BETA2 * lanes + i]
        lr, bias_lr = settings[LR * lanes + i], settings[BIAS_LR * lanes + i]
        constants[RATE * lanes + i] = rate_of(optimizer, lr, clock[i])
        decay, bias_decay = (
            settings[DECAY * lanes + i],
            settings[BIAS_DECAY * lanes + i],
        )
        constants[WEIGHT_DECAY * lanes + i] = decay_of(optimizer, decay, lr)
        constants[FIRST_BETA * lanes + i] = beta1
        rest = beta1 - constants[FIRST_BETA * lanes + i]
        constants[FIRST_BETA_REST * lanes + i] = rest
        constants[ONE_MINUS_FIRST_BETA * lanes + i] = 1.0 - beta1
        constants[SECOND_BETA * lanes + i] = beta2
        rest = beta2 - constants[SECOND_BETA * lanes + i]
        constants[SECOND_BETA_REST * lanes + i] = rest
        constants[ONE_MINUS_SECOND_BETA * lanes + i] = 1.0 - beta2
        correction = correction_of(optimizer, clock[lanes + i])
        constants[SECOND_CORRECTION * lanes + i] = correction
        eps, is_eps_hat = settings[EPS * lanes + i], settings[EPS_HAT * lanes + i]
        constants[EPSILON * lanes + i] = eps_of(eps, is_eps_hat, correction)
        constants[BIAS_RATE * lanes + i] = rate_of(optimizer, bias_lr, clock[i])
        constants[BIAS_WEIGHT_DECAY * lanes + i] = decay_of(optimizer, bias_decay, lr)


@subroutine
def set_rates(settings, trained, rates, n_rates, biases_follow, lanes):
    """Set an epoch's learning rates, except those of nets that have stopped.

    rates has one for each lane, or n_rates is 1, and all have the same.
    """
    for i in range(lanes):
        if trained[i] == 0:
            rate = rates[0 if n_rates == 1 else i]
            settings[LR * lanes + i] = rate
            if biases_follow:
                settings[BIAS_LR * lanes + i] = rate


@inlined_by_llvm
def load_constants(constants, is_bias, i, lanes):
    """Return the Constants of the nets in a vector, from lane i on."""
    rate = BIAS_RATE if is_bias else RATE
    decay = BIAS_WEIGHT_DECAY if is_bias else WEIGHT_DECAY
    return Constants(
        load(constants, rate * lanes + i),
        load(constants, decay * lanes + i),
        load(constants, FIRST_BETA * lanes + i),
        load(constants, FIRST_BETA_REST * lanes + i),
        load(constants, ONE_MINUS_FIRST_BETA * lanes + i),
        load(constants, SECOND_BETA * lanes + i),
        load(constants, SECOND_BETA_REST * lanes + i),
        load(constants, ONE_MINUS_SECOND_BETA * lanes + i),
        load(constants, SECOND_CORRECTION * lanes + i),
        load(constants, EPSILON * lanes + i),
    )


@inlined_by_llvm
def advance_clock(clock, settings, lanes):
    """Multiply many nets' powers beta1^t and beta2^t by beta1 and beta2."""
    for i in range(lanes):
        clock[i] *= settings[BETA1 * lanes + i]
        clock[lanes + i] *= settings[BETA2 * lanes + i]


@inlined_by_llvm
def clips(settings, lanes):
    """Return True if the gradient of any net has a largest norm."""
    any_clips = False
    for i in range(lanes):
        any_clips = any_clips or settings[CLIP_NORM * lanes + i] > 0.0
    return any_clips


@subroutine
def clip_nets(g, settings, n_params, lanes):
    """Scale the gradients of many nets as `optimizers.clip` does that of one."""
    for i in range(lanes):
        limit = settings[CLIP_NORM * lanes + i]
        largest, total = 0.0, 0.0
        for p in range(n_params):
            x = np.float64(g[p * lanes + i])
            largest = max(largest, abs(x)) if x == x else np.nan
        for p in range(n_params if largest > 0.0 else 0):
            x = np.float64(g[p * lanes + i]) / largest
            total += x * x
        norm = largest * np.sqrt(total)
        if limit > 0.0 and not norm <= limit:
            factor = limit / norm
            for p in range(n_params):
                g[p * lanes + i] = g[p * lanes + i] * scalar(g, factor)


@subroutine
def step_nets(theta, moments, g, optimizer, constants, layers, n_layers, lanes):
    """Update the parameters and moments of many nets, one per lane."""
    last = layer_offsets(layers, n_layers - 1)
    n_params = last.b + last.n_out
    for i_layer in range(n_layers):
        layer = layer_offsets(layers, i_layer)
        for p in range(layer.w, layer.b + layer.n_out):
            is_bias = p >= layer.b
            for i in range(0, lanes, vector_length(theta)):
                at, second = p * lanes + i, (n_params + p) * lanes + i
                old, grad = load(theta, at), load(g, at)
                # the branches load only the constants that they use
                if optimizer == SGD:
                    c = load_constants(constants, is_bias, i, lanes)
                    store(theta, at, sgd_step(old, grad, c))
                elif is_adam(optimizer):
                    c = load_constants(constants, is_bias, i, lanes)
                    new, m, v = adam_step(
                        old,
                        load(moments, at),
                        load(moments, second),
                        grad,
                        c,
                        optimizer == ADAMW,
                    )
                    store(theta, at, new)
                    store(moments, at, m)
                    store(moments, second, v)
                elif optimizer == RMSPROP:
                    c = load_constants(constants, is_bias, i, lanes)
                    new, v = rmsprop_step(old, load(moments, at), grad, c)
                    store(theta, at, new)
                    store(moments, at, v)
                else:
                    c = load_constants(constants, is_bias, i, lanes)
                    new, v = momentum_step(
                        old, load(moments, at), grad, c, optimizer == NESTEROV
                    )
                    store(theta, at, new)
                    store(moments, at, v)
