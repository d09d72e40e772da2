"""BCE, softmax cross-entropy and mean squared error from the last layer's plain output z, one sample at a time.

Outputs of one sample stand `stride` apart: 1 in a row, the number of lanes where samples stand side by side.
Targets y are floats, (n, 1) with the number of the true class, or (n, n_out) values for MSE.
"""

import numpy as np

from .activations import logistic
from .codes import BCE, SOFTMAX_CE
from .compile import helper


@helper
def sample_loss(d, z, start, stride, n_out, y, i, loss, scale):
    """The loss L of sample i and whether its class was right; d = scale dL/dz, at the places of z.

    BCE: L = max(z, 0) - t z + log(1 + e^-|z|), dL/dz = sigmoid(z) - t, and class 1 where z > 0.
    Softmax cross-entropy: L = log(sum_k e^(z_k - z_t)), dL/dz = softmax(z) - [k = t], the first largest z wins.
    MSE: L = mean_k (z_k - y_k)^2, dL/dz = 2 (z - y) / n_out, never "right".
    """
    zero, one = z.dtype.type(0), z.dtype.type(1)
    if loss == BCE:
        s = z[start]
        p, q, e = logistic(s, one)
        positive = y[i, 0] > zero
        d[start] = scale * (-q if positive else p)
        value = np.log1p(e) + (max(-s, zero) if positive else max(s, zero))
        return value, (s > zero) == positive

    if loss == SOFTMAX_CE:
        top, largest = 0, z[start]
        for k in range(1, n_out):
            if z[start + k * stride] > largest:
                top, largest = k, z[start + k * stride]
        rest = zero
        for k in range(n_out):
            e = np.exp(z[start + k * stride] - largest)
            d[start + k * stride] = e
            if k != top:
                rest += e
        norm = scale / (one + rest)
        for k in range(n_out):
            d[start + k * stride] *= norm
        true = start + np.int64(y[i, 0]) * stride
        d[true] -= scale
        return np.log1p(rest) + (largest - z[true]), true == start + top * stride

    value = zero
    share = one / z.dtype.type(n_out)
    for k in range(n_out):
        gap = z[start + k * stride] - y[i, k]
        value += share * gap * gap
        d[start + k * stride] = scale * share * (gap + gap)
    return value, False
