"""The same mathematics in slow, obvious NumPy, which imports nothing of fastnn.

A net is `params` [W1, b1, W2, b2, ...], the names of the hidden layers' `activations`
and the name of a loss. For "mse" one more activation may follow: that of the values.
Targets y are labels (n,), or probabilities: (n,) or (n, n_out) for "bce", (n, n_out)
for "softmax_ce".
"""

import numpy as np


def activate(z, name):
    """Return a = f(z), of the shape of z."""
    with np.errstate(over="ignore"):
        return {
            "sigmoid": lambda: 1 / (1 + np.exp(-z)),
            "tanh": lambda: np.tanh(z),
            "relu": lambda: np.maximum(z, 0),
            "identity": lambda: z,
        }[name]()


def derivative(z, name):
    """Return f'(z), of the shape of z."""
    a = activate(z, name)
    return {
        "sigmoid": lambda: a * (1 - a),
        "tanh": lambda: 1 - a**2,
        "relu": lambda: (z > 0).astype(z.dtype),
        "identity": lambda: np.ones_like(z),
    }[name]()


def softmax(z):
    """Return the softmax of each row of z (n, n_out)."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def clipped_losses(z, y, loss, low):
    """Return each row's loss (n,) of probabilities between low and 1 - low."""
    p = activate(z, "sigmoid") if loss == "bce" else softmax(z)
    p = np.clip(p, low, 1 - low)
    if loss == "bce":
        t = y.reshape(z.shape)
        return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1)
    return -np.log(p[np.arange(len(p)), y])


def sample_losses(z, y, loss, link="identity"):
    """Return each row's loss (n,) and its gradient with respect to z (n, n_out).

    For "mse" the values are link(z).
    """
    if loss == "bce":
        p, t = activate(z, "sigmoid"), y.reshape(z.shape)
        losses = -(t * np.log(p) + (1 - t) * np.log(1 - p))
        return losses.mean(axis=1), (p - t) / z.shape[1]
    if loss == "softmax_ce":
        p, t = softmax(z), y if y.ndim == 2 else np.eye(z.shape[1])[y]
        return -(t * np.log(p)).sum(axis=1), p - t
    if loss == "poisson":
        value, t = np.exp(z), y.reshape(z.shape)
        return (value - t * z).mean(axis=1), (value - t) / z.shape[1]
    values = softmax(z) if link == "softmax" else activate(z, link)
    gap = values - y.reshape(z.shape)
    d = 2 * gap / z.shape[1]
    if link == "softmax":
        d = values * (d - (d * values).sum(axis=1, keepdims=True))
    else:
        d = d * derivative(z, link)
    return (gap**2).mean(axis=1), d


def is_correct(z, y, loss):
    """Return for each row whether its classes are predicted (n,), False for values."""
    if loss in ("mse", "poisson"):
        return np.zeros(len(z), bool)
    if loss == "bce":
        return ((z > 0) == (y.reshape(z.shape) > 0.5)).all(axis=1)
    return z.argmax(axis=1) == (y.argmax(axis=1) if y.ndim == 2 else y)


def forward(params, activations, X):
    """Return each layer's input (n, n_in) and plain output (n, n_out), as two lists."""
    xs, zs = [X], []
    for layer in range(len(params) // 2):
        zs.append(xs[-1] @ params[2 * layer] + params[2 * layer + 1])
        if layer < len(params) // 2 - 1:
            xs.append(activate(zs[-1], activations[layer]))
    return xs, zs


def link_of(params, activations):
    """Return the name of the activation of the last layer, by default "identity"."""
    n_layers = len(params) // 2
    return activations[-1] if len(activations) == n_layers else "identity"


def batch_scale(reduction, n, weights):
    """Return the factor by which a batch's sum of n losses is multiplied."""
    if reduction == "weighted mean":
        return 1 / np.sum(weights)
    return 1 / n if reduction == "mean" else 1.0


def loss_and_grads(params, activations, loss, X, y, reduction="mean", weights=1.0):
    """Return the mean or summed loss, and its gradients [dW1, db1, ...].

    weights (n,) multiply the rows' losses; a "weighted mean" is divided by their sum.
    """
    xs, zs = forward(params, activations, X)
    losses, d = sample_losses(zs[-1], y, loss, link_of(params, activations))
    scale = batch_scale(reduction, len(X), weights)
    losses, d = weights * losses, np.multiply(scale * d.T, weights).T
    grads = []
    for layer in reversed(range(len(zs))):
        grads = [xs[layer].T @ d, d.sum(axis=0), *grads]
        if layer:
            d = (d @ params[2 * layer].T) * derivative(
                zs[layer - 1], activations[layer - 1]
            )
    return losses.sum() * scale, grads


class Rule:
    """SGD, momentum, Nesterov, RMSprop, Adam or AdamW, with weight decay.

    For Adam, `momentum` is beta1. A gradient longer than clip_norm is scaled to it.
    """

    def __init__(
        self,
        kind,
        lr,
        momentum=0.9,
        beta2=0.999,
        eps=1e-8,
        weight_decay=0.0,
        bias_weight_decay=None,
        eps_hat=False,
        clip_norm=np.inf,
    ):
        self.kind, self.lr, self.weight_decay = kind, lr, weight_decay
        self.bias_weight_decay = bias_weight_decay
        self.momentum, self.beta2, self.eps = momentum, beta2, eps
        self.eps_hat, self.clip_norm = eps_hat, clip_norm
        self.t, self.m, self.v = 0, {}, {}

    def update(self, params, grads):
        """Update the arrays in `params` once, in place."""
        self.t += 1
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        if norm > self.clip_norm:
            grads = [g * self.clip_norm / norm for g in grads]
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            decay = self.weight_decay
            if p.ndim == 1 and self.bias_weight_decay is not None:
                decay = self.bias_weight_decay
            if self.kind == "adamw":
                p *= 1 - self.lr * decay
            else:
                g = g + decay * p
            m, v = self.m.get(i, 0 * p), self.v.get(i, 0 * p)
            if self.kind == "sgd":
                p -= self.lr * g
            elif self.kind in ("momentum", "nesterov"):
                m = self.momentum * m + g
                p -= self.lr * (m if self.kind == "momentum" else g + self.momentum * m)
            elif self.kind == "rmsprop":
                v = self.beta2 * v + (1 - self.beta2) * g**2
                p -= self.lr * g / (np.sqrt(v) + self.eps)
            else:
                m = self.momentum * m + (1 - self.momentum) * g
                v = self.beta2 * v + (1 - self.beta2) * g**2
                m_hat = m / (1 - self.momentum**self.t)
                correction = np.sqrt(1 - self.beta2**self.t)
                if self.eps_hat:
                    denominator = (np.sqrt(v) + self.eps) / correction
                else:
                    denominator = np.sqrt(v) / correction + self.eps
                p -= self.lr * m_hat / denominator
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
    weights=None,
    rates=None,
    l2=0.0,
    low=0.0,
):
    """Return trained copies of params, and each epoch's mean loss and accuracy.

    Loss and accuracy are those of each sample at its forward pass, before its update.
    orders has the order of the rows in each epoch; None leaves them as they are.
    weights (n,) multiply the rows' losses; rates are the epochs' learning rates. A
    batch's sum of losses has l2 / 2 times the sum of all squared weights, and losses
    are shown for probabilities between low and 1 - low.
    """
    weights = np.ones(len(X)) if weights is None else weights
    params = [p.copy() for p in params]
    mean_losses, accuracies = [], []
    for epoch in range(epochs):
        order = np.arange(len(X)) if orders is None else orders[epoch]
        if rates is not None:
            rule.lr = rates[epoch]
        losses, correct = [], []
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            z = forward(params, activations, X[rows])[1][-1]
            link = link_of(params, activations)
            of_rows = sample_losses(z, y[rows], loss, link)[0]
            if low:
                of_rows = clipped_losses(z, y[rows], loss, low)
            scale = batch_scale(reduction, len(rows), weights[rows])
            factor = 1.0
            if reduction == "weighted mean":
                factor = scale * len(rows)
            penalty = 0.5 * l2 * sum((W**2).sum() for W in params[::2])
            losses += list(factor * (weights[rows] * of_rows + penalty / len(rows)))
            correct += list(is_correct(z, y[rows], loss))
            _, grads = loss_and_grads(
                params, activations, loss, X[rows], y[rows], reduction, weights[rows]
            )
            for W, grad in zip(params[::2], grads[::2], strict=True):
                grad += scale * l2 * W
            rule.update(params, grads)
        mean_losses.append(np.mean(losses))
        accuracies.append(np.mean(correct))
    return params, np.array(mean_losses), np.array(accuracies)
