"""One update of the parameters: SGD, momentum, Nesterov and Adam, with weight decay.

`decay` times the parameter is added to its gradient g first, as in PyTorch (L2). Then

- SGD: theta -= lr g
- momentum: v = beta1 v + g, theta -= lr v
- Nesterov: v = beta1 v + g, theta -= lr (g + beta1 v)
- Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and in update t
  theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

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
    BETA1,
    BETA2,
    DECAY,
    EPS,
    LR,
    NESTEROV,
    SGD,
)
from ..compiler.compile import inlined_by_llvm
from ..primitives.vectors import (
    absolute,
    sqrt,
    where_greater,
)


class Constants(NamedTuple):
    """What an optimizer's step needs to know, as numbers or as vectors of nets."""

    rate: Any  # lr, for Adam lr / (1 - beta1^t)
    decay: Any
    beta1: Any
    beta1_rest: Any  # what rounding took from beta1
    one_minus_beta1: Any
    beta2: Any
    beta2_rest: Any
    one_minus_beta2: Any
    correction: Any  # 1 / sqrt(1 - beta2^t)
    eps: Any


@inlined_by_llvm
def sgd_step(theta, g, c):
    """Return a parameter after a step of SGD."""
    return theta - c.rate * (g + c.decay * theta)


@inlined_by_llvm
def momentum_step(theta, v, g, c, nesterov):
    """Return a parameter after a step with momentum, and the new momentum v."""
    grad = g + c.decay * theta
    v = c.beta1 * v + (c.beta1_rest * v + grad)
    return theta - c.rate * ((grad + c.beta1 * v) if nesterov else v), v


@inlined_by_llvm
def adam_step(theta, m, v, g, c):
    """Return a parameter after a step of Adam, and the new moments m and v."""
    zero = m - m
    grad = g + c.decay * theta
    m = c.beta1 * m + (c.beta1_rest * m + c.one_minus_beta1 * grad)
    v = c.beta2 * v + (c.beta2_rest * v + c.one_minus_beta2 * grad * grad)
    move = c.rate * m / (sqrt(v) * c.correction + c.eps)
    # where eps is 0 and no gradient came yet, the move is 0 / 0
    return theta - where_greater(absolute(m), zero, move, zero), m, v


@inlined_by_llvm
def rate_of(optimizer, lr, power1):
    """Return the factor of the gradient, or of Adam's first moment."""
    return lr / (1.0 - power1) if optimizer == ADAM else lr


@inlined_by_llvm
def correction_of(optimizer, power2):
    """Return Adam's 1 / sqrt(1 - beta2^t)."""
    return 1.0 / np.sqrt(1.0 - power2) if optimizer == ADAM else 1.0


@inlined_by_llvm
def constants_of_net(theta, clock, optimizer, settings):
    """Return one net's Constants in theta's dtype, for Adam at beta1^t and beta2^t.

    Differences from 1 are taken in float64, as they would cancel in float32.
    """
    real = theta.dtype.type
    beta1, beta2 = settings[BETA1], settings[BETA2]
    return Constants(
        real(rate_of(optimizer, settings[LR], clock[0])),
        real(settings[DECAY]),
        real(beta1),
        real(beta1 - np.float64(real(beta1))),
        real(1.0 - beta1),
        real(beta2),
        real(beta2 - np.float64(real(beta2))),
        real(1.0 - beta2),
        real(correction_of(optimizer, clock[1])),
        real(settings[EPS]),
    )


@inlined_by_llvm
def step(theta, moments, clock, g, optimizer, settings, rates, decays):
    """Update one net: theta, the moments, and Adam's powers of beta in `clock`.

    rates and decays (n_params,) are learning rates and weight decays in place of those
    in the settings, or empty. Adam does not use the rates.
    """
    real = theta.dtype.type
    if optimizer == ADAM:
        clock[0] *= settings[BETA1]
        clock[1] *= settings[BETA2]
    c = constants_of_net(theta, clock, optimizer, settings)
    if optimizer == ADAM:
        for p in range(theta.size):
            if decays.size:
                c = with_rate(c, c.rate, real(decays[p]))
            theta[p], moments[0, p], moments[1, p] = adam_step(
                theta[p], moments[0, p], moments[1, p], g[p], c
            )
    elif optimizer == SGD and rates.size == 0 and decays.size == 0:
        for p in range(theta.size):
            theta[p] = sgd_step(theta[p], g[p], c)
    else:
        for p in range(theta.size):
            if rates.size:
                c = with_rate(c, real(rates[p]), c.decay)
            if decays.size:
                c = with_rate(c, c.rate, real(decays[p]))
            if optimizer == SGD:
                theta[p] = sgd_step(theta[p], g[p], c)
            else:
                theta[p], moments[0, p] = momentum_step(
                    theta[p], moments[0, p], g[p], c, optimizer == NESTEROV
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
