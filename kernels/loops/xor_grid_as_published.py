"""The training that one published experiment, "xor-grid", is made of, mistake included.

A 2-2-1 net of logistic neurons takes one update per sample, in the order of the rows:

    h = sigmoid(x W1 + b1),  p = sigmoid(h W2 + b2),  L = -t log p - (1 - t) log(1 - p)
    dz = p - t,  dW2 = h dz,  db2 = dz
    dh = h dz  (the mistake: the chain rule has W2 dz)
    dy = dh h (1 - h),  dW1 = x^T dy,  db1 = dy

The published code returns dW2 from its backward pass where dh is needed. A layer that
does so is easy to write, but runs layer by layer, in 29 s; this loop takes 0.03 s.
"""

from ..compiler.compile import entry_point
from ..primitives.vectors import exp, log1p, sigmoid


@entry_point
def train(theta, loss_sums, n_right, X, y, lr, first, end):
    """Make the updates `first` to `end` - 1, of which each epoch has len(X).

    theta (9,) holds W1, b1, W2, b2 row by row and is updated in place. Each sample's
    loss before its update is added to loss_sums[epoch], and 1 to n_right[epoch] if its
    class was right. X is (n, 2), y (n,) holds the classes 0 and 1; all float64.
    """
    n = X.shape[0]
    for update in range(first, end):
        epoch, i = update // n, update % n
        x1, x2, t = X[i, 0], X[i, 1], y[i]
        h1 = sigmoid(x1 * theta[0] + x2 * theta[2] + theta[4], 1.0)
        h2 = sigmoid(x1 * theta[1] + x2 * theta[3] + theta[5], 1.0)
        z = h1 * theta[6] + h2 * theta[7] + theta[8]
        loss_sums[epoch] += max(z, 0.0) - z * t + log1p(exp(-abs(z)))
        n_right[epoch] += (z > 0.0) == (t == 1.0)
        step = lr * (sigmoid(z, 1.0) - t)
        step1 = step * h1 * h1 * (1.0 - h1)
        step2 = step * h2 * h2 * (1.0 - h2)
        theta[0] -= x1 * step1
        theta[1] -= x1 * step2
        theta[2] -= x2 * step1
        theta[3] -= x2 * step2
        theta[4] -= step1
        theta[5] -= step2
        theta[6] -= h1 * step
        theta[7] -= h2 * step
        theta[8] -= step
