"""One update of the parameters from their gradient: SGD, momentum, Nesterov, Adam, each with L2 weight decay.

`decay` times the parameter is added to its gradient g before anything else, as PyTorch does it. Then
SGD: theta -= lr g. Momentum: v = beta1 v + g, theta -= lr v. Nesterov: theta -= lr (g + beta1 v).
Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, in the t-th update
theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).
"""

import numpy as np

from .codes import ADAM, BETA1, BETA2, DECAY, EPS, LR, NESTEROV, SGD
from .compile import helper


@helper
def descent(theta, settings):
    """SGD as theta = kept theta - lr g: `kept` and lr in theta's dtype. One operation waits for g instead of two."""
    return theta.dtype.type(1.0 - settings[LR] * settings[DECAY]), theta.dtype.type(settings[LR])


@helper
def step(theta, moments, clock, g, optimizer, settings, rates):
    """Update theta, the moments, and in `clock` the powers beta1^t and beta2^t, in place.

    rates (n_params,) are learning rates in place of the one in settings, or it is empty; Adam does not look at it.
    """
    real = theta.dtype.type
    if optimizer == SGD and rates.size == 0:
        kept, lr = descent(theta, settings)
        for p in range(theta.size):
            theta[p] = kept * theta[p] - lr * g[p]
        return
    decay, beta1 = real(settings[DECAY]), real(settings[BETA1])
    if optimizer == ADAM:
        clock[0] *= settings[BETA1]
        clock[1] *= settings[BETA2]
        rate = real(settings[LR] / (1.0 - clock[0]))  # in float64 whatever theta is: the difference cancels
        spread = real(1.0 / np.sqrt(1.0 - clock[1]))
        new1, new2 = real(1.0 - settings[BETA1]), real(1.0 - settings[BETA2])
        beta2, eps, zero = real(settings[BETA2]), real(settings[EPS]), real(0)
        for p in range(theta.size):
            grad = g[p] + decay * theta[p]
            m = beta1 * moments[0, p] + new1 * grad
            v = beta2 * moments[1, p] + new2 * grad * grad
            moments[0, p] = m
            moments[1, p] = v
            move = rate * m / (np.sqrt(v) * spread + eps)
            theta[p] -= move if m != zero else zero  # 0 / 0 where eps is 0 and no gradient came yet
        return
    lr = real(settings[LR])
    for p in range(theta.size):
        rate = rates[p] if rates.size else lr
        grad = g[p] + decay * theta[p]
        if optimizer == SGD:
            theta[p] -= rate * grad
        else:
            v = beta1 * moments[0, p] + grad
            moments[0, p] = v
            theta[p] -= rate * (grad + beta1 * v if optimizer == NESTEROV else v)
