"""One update of the parameters: SGD, momentum, Nesterov and Adam, with weight decay.

`decay` times the parameter is added to its gradient g first, as in PyTorch (L2). Then

- SGD: theta -= lr g
- momentum: v = beta1 v + g, theta -= lr v
- Nesterov: v = beta1 v + g, theta -= lr (g + beta1 v)
- Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and in update t
  theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

The steps below take numbers and vectors: a parameter of one net, or of many nets.
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

    decay_factor: Any  # 1 - lr decay
    rate: Any  # lr, for Adam lr / (1 - beta1^t)
    decay: Any
    beta1: Any
    one_minus_beta1: Any
    beta2: Any
    one_minus_beta2: Any
    correction: Any  # 1 / sqrt(1 - beta2^t)
    eps: Any


@inlined_by_llvm
def sgd_step(theta, g, c):
    """Return a parameter after a step of SGD: one operation waits for g, not two."""
    return c.decay_factor * theta - c.rate * g


@inlined_by_llvm
def momentum_step(theta, v, g, c, nesterov):
    """Return a parameter after a step with momentum, and the new momentum v."""
    grad = g + c.decay * theta
    v = c.beta1 * v + grad
    return theta - c.rate * ((grad + c.beta1 * v) if nesterov else v), v


@inlined_by_llvm
def adam_step(theta, m, v, g, c):
    """Return a parameter after a step of Adam, and the new moments m and v."""
    zero = m - m
    grad = g + c.decay * theta
    m = c.beta1 * m + c.one_minus_beta1 * grad
    v = c.beta2 * v + c.one_minus_beta2 * grad * grad
    move = c.rate * m / (sqrt(v) * c.correction + c.eps)
    # where eps is 0 and no gradient came yet, the move is 0 / 0
    return theta - where_greater(absolute(m), zero, move, zero), m, v


@inlined_by_llvm
def decay_factor_of(lr, decay):
    """Return the factor of a parameter in a step of SGD."""
    return 1.0 - lr * decay


@inlined_by_llvm
def rate_of(optimizer, lr, power1):
    """Return the factor of the gradient, or of Adam's first moment."""
    return lr / (1.0 - power1) if optimizer == ADAM else lr


@inlined_by_llvm
def constants_of(optimizer, lr, decay, beta1, beta2, eps, power1, power2):
    """Return the Constants of an update, in float64, from Adam's beta1^t and beta2^t.

    Whatever theta's dtype is, differences from 1 would cancel in float32.
    """
    correction = 1.0 / np.sqrt(1.0 - power2) if optimizer == ADAM else 1.0
    return Constants(
        decay_factor_of(lr, decay),
        rate_of(optimizer, lr, power1),
        decay,
        beta1,
        1.0 - beta1,
        beta2,
        1.0 - beta2,
        correction,
        eps,
    )


@inlined_by_llvm
def rounded(c, theta):
    """Return Constants in theta's dtype."""
    real = theta.dtype.type
    return Constants(
        real(c.decay_factor),
        real(c.rate),
        real(c.decay),
        real(c.beta1),
        real(c.one_minus_beta1),
        real(c.beta2),
        real(c.one_minus_beta2),
        real(c.correction),
        real(c.eps),
    )


@inlined_by_llvm
def constants_of_net(theta, clock, optimizer, settings):
    """Return one net's Constants in theta's dtype."""
    c = constants_of(
        optimizer,
        settings[LR],
        settings[DECAY],
        settings[BETA1],
        settings[BETA2],
        settings[EPS],
        clock[0],
        clock[1],
    )
    return rounded(c, theta)


@inlined_by_llvm
def step(theta, moments, clock, g, optimizer, settings, rates):
    """Update one net: theta, the moments, and Adam's powers of beta in `clock`.

    rates (n_params,) are learning rates in place of the one in the settings, or empty.
    Adam does not use them.
    """
    real = theta.dtype.type
    if optimizer == ADAM:
        clock[0] *= settings[BETA1]
        clock[1] *= settings[BETA2]
    c = constants_of_net(theta, clock, optimizer, settings)
    if optimizer == ADAM:
        for p in range(theta.size):
            theta[p], moments[0, p], moments[1, p] = adam_step(
                theta[p], moments[0, p], moments[1, p], g[p], c
            )
    elif optimizer == SGD and rates.size == 0:
        for p in range(theta.size):
            theta[p] = sgd_step(theta[p], g[p], c)
    else:
        for p in range(theta.size):
            if rates.size:
                factor, rate = 1.0 - rates[p] * settings[DECAY], rates[p]
                c = with_rate(c, real(factor), real(rate))
            if optimizer == SGD:
                theta[p] = sgd_step(theta[p], g[p], c)
            else:
                theta[p], moments[0, p] = momentum_step(
                    theta[p], moments[0, p], g[p], c, optimizer == NESTEROV
                )


@inlined_by_llvm
def with_rate(c, decay_factor, rate):
    """Return Constants with another learning rate."""
    return Constants(
        decay_factor,
        rate,
        c.decay,
        c.beta1,
        c.one_minus_beta1,
        c.beta2,
        c.one_minus_beta2,
        c.correction,
        c.eps,
    )
