"""The same mathematics in slow, obvious NumPy. Imports nothing of ours.

A net is `params` [W1, b1, W2, b2, ...], the names of the hidden layers' `activations`, and the name of a loss.
"""

import numpy as np


def activate(z, name):
    with np.errstate(over="ignore"):
        return {
            "sigmoid": lambda: 1 / (1 + np.exp(-z)),
            "tanh": lambda: np.tanh(z),
            "relu": lambda: np.maximum(z, 0),
            "identity": lambda: z,
        }[name]()


def derivative(z, name):
    a = activate(z, name)
    return {
        "sigmoid": lambda: a * (1 - a),
        "tanh": lambda: 1 - a**2,
        "relu": lambda: (z > 0).astype(z.dtype),
        "identity": lambda: np.ones_like(z),
    }[name]()


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sample_losses(z, y, loss):
    """The loss of each row, and its gradient by z."""
    if loss == "bce":
        p, t = activate(z[:, 0], "sigmoid"), y
        return -(t * np.log(p) + (1 - t) * np.log(1 - p)), (p - t)[:, None]
    if loss == "softmax_ce":
        p, rows = softmax(z), np.arange(len(z))
        d = p.copy()
        d[rows, y] -= 1
        return -np.log(p[rows, y]), d
    y = y.reshape(z.shape)
    return ((z - y) ** 2).mean(axis=1), 2 * (z - y) / z.shape[1]


def right(z, y, loss):
    """Whether each row's class is the predicted one."""
    if loss == "mse":
        return np.zeros(len(z), bool)
    return (z[:, 0] > 0) == (y == 1) if loss == "bce" else z.argmax(axis=1) == y


def forward(params, activations, X):
    """The inputs of all layers and their plain outputs."""
    xs, zs = [X], []
    for layer in range(len(params) // 2):
        zs.append(xs[-1] @ params[2 * layer] + params[2 * layer + 1])
        if layer < len(activations):
            xs.append(activate(zs[-1], activations[layer]))
    return xs, zs


def loss_and_grads(params, activations, loss, X, y, reduction="mean"):
    xs, zs = forward(params, activations, X)
    losses, d = sample_losses(zs[-1], y, loss)
    scale = 1 / len(X) if reduction == "mean" else 1.0
    d = d * scale
    grads = []
    for layer in reversed(range(len(zs))):
        grads = [xs[layer].T @ d, d.sum(axis=0), *grads]
        if layer:
            d = (d @ params[2 * layer].T) * derivative(
                zs[layer - 1], activations[layer - 1]
            )
    return losses.sum() * scale, grads


class Rule:
    """SGD, momentum, Nesterov or Adam, with L2 weight decay."""

    def __init__(self, kind, lr, momentum=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
        self.kind, self.lr, self.momentum, self.beta2, self.eps = (
            kind,
            lr,
            momentum,
            beta2,
            eps,
        )
        self.weight_decay, self.t, self.m, self.v = weight_decay, 0, {}, {}

    def update(self, params, grads):
        self.t += 1
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            g = g + self.weight_decay * p
            m, v = self.m.get(i, 0 * p), self.v.get(i, 0 * p)
            if self.kind == "sgd":
                p -= self.lr * g
            elif self.kind in ("momentum", "nesterov"):
                m = self.momentum * m + g
                p -= self.lr * (m if self.kind == "momentum" else g + self.momentum * m)
            else:
                m = self.momentum * m + (1 - self.momentum) * g
                v = self.beta2 * v + (1 - self.beta2) * g**2
                corrected = (
                    m / (1 - self.momentum**self.t),
                    v / (1 - self.beta2**self.t),
                )
                p -= self.lr * corrected[0] / (np.sqrt(corrected[1]) + self.eps)
            self.m[i], self.v[i] = m, v


def train(
    params,
    activations,
    loss,
    X,
    y,
    rule,
    epochs,
    batch_size=1,
    reduction="mean",
    orders=None,
):
    """Train copies of params; return them, and each epoch's mean loss and accuracy before the updates."""
    params = [p.copy() for p in params]
    means, shares = [], []
    for epoch in range(epochs):
        order = np.arange(len(X)) if orders is None else orders[epoch]
        losses, hits = [], []
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            z = forward(params, activations, X[rows])[1][-1]
            losses += list(sample_losses(z, y[rows], loss)[0])
            hits += list(right(z, y[rows], loss))
            rule.update(
                params,
                loss_and_grads(params, activations, loss, X[rows], y[rows], reduction)[
                    1
                ],
            )
        means.append(np.mean(losses))
        shares.append(np.mean(hits))
    return params, np.array(means), np.array(shares)
