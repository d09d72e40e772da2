"""One update of the parameters: SGD, RMSprop, Adam and their kin, with weight decay.

`decay` times the parameter is added to its gradient g first, as in PyTorch (L2). Then

- SGD: theta -= lr g
- momentum: v = beta1 v + g, theta -= lr v
- Nesterov: v = beta1 v + g, theta -= lr (g + beta1 v)
- RMSprop: v = beta2 v + (1 - beta2) g^2, theta -= lr g / (sqrt(v) + eps)
- Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and in update t
  theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
- AdamW: Adam without decay in the gradient, and theta -= lr decay theta

With EPS_HAT, Adam's eps is added to sqrt(v) before the correction by 1 - beta2^t.

The steps below take numbers and vectors: a parameter of one net, or of many nets.

float32 has 24 bits, so constants close to 1 must not be rounded to it. 1 - lr decay
would lose all decay below 2^-25: decay is added to the gradient instead. A beta comes
in two parts, as 1 / (1 - beta) of 0.99999 would be wrong by 0.14 % otherwise; in
float64 the second part is 0.
"""

from typing import Any, NamedTuple

import numpy as np

from ..codes import (
    ADAM,
    ADAMW,
    BETA1,
    BETA2,
    DECAY,
    EPS,
    EPS_HAT,
    LR,
    NESTEROV,
    RMSPROP,
    SGD,
)
from ..compiler.compile import inlined_by_llvm, inlined_loop, subroutine
from ..primitives import arithmetic
from ..primitives.vectors import absolute, scalar, sqrt, traced, where_greater


class SgdConstants(NamedTuple):
    """What a step of SGD needs to know."""

    rate: Any
    decay: Any


class Constants(NamedTuple):
    """What an optimizer's step needs to know, as numbers or as vectors of nets."""

    rate: Any  # lr, for Adam lr / (1 - beta1^t)
    decay: Any  # for AdamW times lr
    beta1: Any
    beta1_rest: Any  # what rounding took from beta1
    one_minus_beta1: Any
    beta2: Any
    beta2_rest: Any
    one_minus_beta2: Any
    correction: Any  # 1 / sqrt(1 - beta2^t)
    eps: Any  # as it is added after the correction


@inlined_by_llvm
def sgd_step(theta, g, c):
    """Return a parameter after a step of SGD."""
    return theta - c.rate * (g + c.decay * theta)


def _decayed(beta, rest, moment, new):
    """Return (beta + rest) moment + new; in float64 the rest is 0, and left out."""
    if arithmetic.mantissa_bits(moment) < 52:
        new = rest * moment + new
    return beta * moment + new


decayed = traced(_decayed)


@inlined_by_llvm
def momentum_step(theta, v, g, c, nesterov):
    """Return a parameter after a step with momentum, and the new momentum v."""
    grad = g + c.decay * theta
    v = decayed(c.beta1, c.beta1_rest, v, grad)
    return theta - c.rate * ((grad + c.beta1 * v) if nesterov else v), v


@inlined_by_llvm
def rmsprop_step(theta, v, g, c):
    """Return a parameter after a step of RMSprop, and the new moment v."""
    zero = v - v
    grad = g + c.decay * theta
    v = decayed(c.beta2, c.beta2_rest, v, c.one_minus_beta2 * grad * grad)
    move = c.rate * grad / (sqrt(v) + c.eps)
    # where eps is 0 and no gradient came yet, the move is 0 / 0
    return theta - where_greater(absolute(grad), zero, move, zero), v


@inlined_by_llvm
def is_adam(optimizer):
    """Return True for Adam and AdamW, whose constants change with each update."""
    return optimizer >= ADAM


@inlined_by_llvm
def adam_step(theta, m, v, g, c, decoupled):
    """Return a parameter after a step of Adam, and the new moments m and v.

    decoupled: the step is that of AdamW.
    """
    zero = m - m
    of_decay = c.decay * theta
    grad = g if decoupled else g + of_decay
    m = decayed(c.beta1, c.beta1_rest, m, c.one_minus_beta1 * grad)
    v = decayed(c.beta2, c.beta2_rest, v, c.one_minus_beta2 * grad * grad)
    move = c.rate * m / (sqrt(v) * c.correction + c.eps)
    # where eps is 0 and no gradient came yet, the move is 0 / 0
    move = where_greater(absolute(m), zero, move, zero)
    return theta - ((move + of_decay) if decoupled else move), m, v


@inlined_by_llvm
def rate_of(optimizer, lr, power1):
    """Return the factor of the gradient, or of Adam's first moment."""
    return lr / (1.0 - power1) if is_adam(optimizer) else lr


@inlined_by_llvm
def decay_of(optimizer, decay, lr):
    """Return the factor of weight decay."""
    return decay * lr if optimizer == ADAMW else decay


@inlined_by_llvm
def correction_of(optimizer, power2):
    """Return Adam's 1 / sqrt(1 - beta2^t)."""
    return 1.0 / np.sqrt(1.0 - power2) if is_adam(optimizer) else 1.0


@inlined_by_llvm
def eps_of(eps, is_eps_hat, correction):
    """Return eps as it is added after the correction."""
    return eps * correction if is_eps_hat > 0.0 else eps


@inlined_by_llvm
def constants_of_net(theta, clock, optimizer, settings):
    """Return one net's Constants in theta's dtype, for Adam at beta1^t and beta2^t.

    Differences from 1 are taken in float64, as they would cancel in float32.
    """
    real = theta.dtype.type
    beta1, beta2 = settings[BETA1], settings[BETA2]
    correction = correction_of(optimizer, clock[1])
    return Constants(
        real(rate_of(optimizer, settings[LR], clock[0])),
        real(decay_of(optimizer, settings[DECAY], settings[LR])),
        real(beta1),
        real(beta1 - np.float64(real(beta1))),
        real(1.0 - beta1),
        real(beta2),
        real(beta2 - np.float64(real(beta2))),
        real(1.0 - beta2),
        real(correction),
        real(eps_of(settings[EPS], settings[EPS_HAT], correction)),
    )


@inlined_by_llvm
def set_rate(settings, schedule, epoch):
    """Set the learning rate of an epoch, where there is a schedule."""
    if schedule.size:
        settings[LR] = schedule[epoch]


@subroutine
def clip(g, places, n_params, limit):
    """Scale a gradient g to the norm `limit` where it is longer.

    places (n_params,) say where in g the parameters are; others are copies. None stands
    for the first n_params. The norm is that over all parameters.
    """
    largest = 0.0
    for p in range(n_params):
        x = np.float64(g[p if places is None else places[p]])
        largest = max(largest, abs(x)) if x == x else np.nan
    total = 0.0
    # the largest entry becomes 1, so that no square overflows
    for p in range(n_params if largest > 0.0 else 0):
        x = np.float64(g[p if places is None else places[p]]) / largest
        total += x * x
    norm = largest * np.sqrt(total)
    if not norm <= limit:
        factor = g.dtype.type(limit / norm)
        for p in range(g.size):
            g[p] *= factor


@subroutine
def sgd_updates(theta, g, n, lr, decay):
    """Make the step of SGD, for n parameters with one learning rate and weight decay.

    The arrays are flat.
    """
    c = SgdConstants(scalar(theta, lr), scalar(theta, decay))
    for p in range(n):
        theta[p] = sgd_step(theta[p], g[p], c)


@inlined_loop
def step(theta, moments, clock, g, optimizer, settings, rates, decays):
    """Update one net: theta, the moments, and Adam's powers of beta in `clock`.

    rates and decays (n_params,) are learning rates and weight decays in place of those
    in the settings, or empty; a rate that is NaN stands for that of the settings. Adam
    does not use the rates.
    """
    real = theta.dtype.type
    if is_adam(optimizer):
        clock[0] *= settings[BETA1]
        clock[1] *= settings[BETA2]
    c = constants_of_net(theta, clock, optimizer, settings)
    if is_adam(optimizer):
        for p in range(theta.size):
            if decays.size:
                decay = decay_of(optimizer, decays[p], settings[LR])
                c = with_rate(c, c.rate, real(decay))
            theta[p], moments[0, p], moments[1, p] = adam_step(
                theta[p], moments[0, p], moments[1, p], g[p], c, optimizer == ADAMW
            )
    elif optimizer == SGD and rates.size == 0 and decays.size == 0:
        for p in range(theta.size):
            theta[p] = sgd_step(theta[p], g[p], c)
    else:
        for p in range(theta.size):
            follows = rates.size == 0 or np.isnan(rates[p])
            own = with_rate(
                c,
                c.rate if follows else real(rates[p]),
                real(decays[p]) if decays.size else c.decay,
            )
            if optimizer == SGD:
                theta[p] = sgd_step(theta[p], g[p], own)
            elif optimizer == RMSPROP:
                theta[p], moments[0, p] = rmsprop_step(
                    theta[p], moments[0, p], g[p], own
                )
            else:
                theta[p], moments[0, p] = momentum_step(
                    theta[p], moments[0, p], g[p], own, optimizer == NESTEROV
                )


@inlined_by_llvm
def with_rate(c, rate, decay):
    """Return Constants with another learning rate and weight decay."""
    return Constants(
        rate,
        decay,
        c.beta1,
        c.beta1_rest,
        c.one_minus_beta1,
        c.beta2,
        c.beta2_rest,
        c.one_minus_beta2,
        c.correction,
        c.eps,
    )
