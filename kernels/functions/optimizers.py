"""One update of the parameters from their gradient: SGD, momentum, Nesterov, Adam, each with L2 weight decay.

`decay` times the parameter is added to its gradient g before anything else, as PyTorch does it. Then
SGD: theta -= lr g. Momentum: v = beta1 v + g, theta -= lr v. Nesterov: theta -= lr (g + beta1 v).
Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, in the t-th update
theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).
"""

import numpy as np

from ..codes import ADAM, BETA1, BETA2, DECAY, EPS, LR, NESTEROV, SGD
from ..compiler.compile import inlined_by_llvm
from ..primitives.vectors import absolute, sqrt, where_greater


@inlined_by_llvm
def descent(theta, settings):
    """SGD as theta = kept theta - lr g: `kept` and lr in theta's dtype. One operation waits for g instead of two."""
    return theta.dtype.type(1.0 - settings[LR] * settings[DECAY]), theta.dtype.type(
        settings[LR]
    )


@inlined_by_llvm
def descended(theta, g, kept, lr):
    """A parameter, or a vector of them, after a step of SGD."""
    return kept * theta - lr * g


@inlined_by_llvm
def swung(theta, v, g, decay, beta, lr, nesterov):
    """A parameter, or a vector of them, after a step with momentum, and the new momentum v."""
    grad = g + decay * theta
    v = beta * v + grad
    return theta - lr * ((grad + beta * v) if nesterov else v), v


@inlined_by_llvm
def adapted(theta, m, v, g, decay, beta1, new1, beta2, new2, rate, spread, eps):
    """A parameter, or a vector of them, after a step of Adam, and the new moments; rate is lr / (1 - beta1^t), spread
    1 / sqrt(1 - beta2^t), new1 and new2 are 1 - beta.
    """
    zero = m - m
    grad = g + decay * theta
    m = beta1 * m + new1 * grad
    v = beta2 * v + new2 * grad * grad
    move = rate * m / (sqrt(v) * spread + eps)
    # 0 / 0 where eps is 0 and no gradient came yet
    return theta - where_greater(absolute(m), zero, move, zero), m, v


@inlined_by_llvm
def step(theta, moments, clock, g, optimizer, settings, rates):
    """Update theta, the moments, and in `clock` the powers beta1^t and beta2^t, in place.

    rates (n_params,) are learning rates in place of the one in settings, or it is empty; Adam does not look at it.
    """
    real = theta.dtype.type
    if optimizer == SGD:
        kept, lr = descent(theta, settings)
        if rates.size == 0:
            for p in range(theta.size):
                theta[p] = descended(theta[p], g[p], kept, lr)
        else:
            for p in range(theta.size):
                theta[p] = descended(
                    theta[p],
                    g[p],
                    real(1.0 - rates[p] * settings[DECAY]),
                    real(rates[p]),
                )
        return
    decay, beta1 = real(settings[DECAY]), real(settings[BETA1])
    if optimizer == ADAM:
        clock[0] *= settings[BETA1]
        clock[1] *= settings[BETA2]
        rate = real(
            settings[LR] / (1.0 - clock[0])
        )  # in float64 whatever theta is: the difference cancels
        spread = real(1.0 / np.sqrt(1.0 - clock[1]))
        new1, new2 = real(1.0 - settings[BETA1]), real(1.0 - settings[BETA2])
        beta2, eps = real(settings[BETA2]), real(settings[EPS])
        for p in range(theta.size):
            theta[p], moments[0, p], moments[1, p] = adapted(
                theta[p],
                moments[0, p],
                moments[1, p],
                g[p],
                decay,
                beta1,
                new1,
                beta2,
                new2,
                rate,
                spread,
                eps,
            )
        return
    lr = real(settings[LR])
    for p in range(theta.size):
        rate = real(rates[p]) if rates.size else lr
        theta[p], moments[0, p] = swung(
            theta[p], moments[0, p], g[p], decay, beta1, rate, optimizer == NESTEROV
        )
