"""Batches in vectorised NumPy, written for speed; many nets along a leading axis.

In float64 it is the reference that the other contenders are checked against.
"""

from collections.abc import Callable

import numpy as np

from ..cases import Array, Case


def versions() -> str:
    """Return the versions of NumPy and of its BLAS."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"NumPy {np.__version__} with {blas['name']} {blas['version']}"


def prepare(case: Case) -> Callable[[int], float | Array]:
    """Return a function that trains or predicts."""
    X = case.X
    batches = epoch_batches(case)

    def train(epochs: int) -> float:
        params = [
            p.copy() if i % 2 == 0 else p[..., np.newaxis, :].copy()
            for i, p in enumerate(case.params)
        ]
        rule = Adam(params, case.lr) if case.optimizer == "adam" else None
        for epoch in range(epochs):
            total = 0.0
            for x, t in batches(epoch):
                activations = forward(case, params, x)
                p = activations[-1]
                total += batch_loss(case.loss, p, t)
                d = p - t
                d *= (2.0 / d.shape[-1] if case.loss == "mse" else 1.0) / len(x)
                if case.output == "sigmoid":
                    d *= p * (1.0 - p)
                gradients = backward(case, params, activations, d)
                if rule is not None:
                    rule.update(params, gradients)
                else:
                    for param, gradient in zip(params, gradients, strict=True):
                        gradient *= case.lr
                        param -= gradient
        return total / len(X) / case.n_nets

    def predict(times: int) -> Array:
        for _ in range(times):
            p = forward(case, list(case.params), X)[-1]
        return p

    return train if case.kind == "train" else predict


def epoch_batches(case: Case) -> Callable[[int], list[tuple[Array, Array]]]:
    """Return a function of an epoch's number: the batches of rows and targets."""
    size = case.batch_size

    def split(X: Array, T: Array) -> list[tuple[Array, Array]]:
        return [(X[i : i + size], T[i : i + size]) for i in range(0, len(X), size)]

    X, T = case.X, case.targets()
    in_order = split(X, T)
    if not case.shuffled:
        return lambda epoch: in_order
    orders = case.orders()
    if size == 1:
        return lambda epoch: [in_order[i] for i in orders[epoch]]
    return lambda epoch: split(X[orders[epoch]], T[orders[epoch]])


def forward(case: Case, params: list[Array], x: Array) -> list[Array]:
    """Return the inputs and the outputs of each layer."""
    activations = [x]
    last = len(params) - 2
    for i in range(0, len(params), 2):
        z = activations[-1] @ params[i]
        z += params[i + 1]
        if i == last and case.loss == "softmax_ce":
            z -= z.max(axis=-1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(axis=-1, keepdims=True)
        elif i == last and case.loss == "mse" and case.output == "identity":
            pass
        elif i < last and case.hidden == "tanh":
            np.tanh(z, out=z)
        else:
            np.negative(z, out=z)
            np.exp(z, out=z)
            z += 1.0
            np.reciprocal(z, out=z)
        activations.append(z)
    return activations


def backward(
    case: Case, params: list[Array], activations: list[Array], d: Array
) -> list[Array]:
    """Return the gradients of all parameters.

    d: the gradient of the last layer's sums.
    """
    gradients: list[Array] = []
    for i in range(len(params) - 2, -1, -2):
        a = activations[i // 2]
        if case.batch_size == 1:
            gradients[:0] = [a.swapaxes(-1, -2) * d, d.copy()]
        else:
            gradients[:0] = [a.swapaxes(-1, -2) @ d, d.sum(axis=-2, keepdims=True)]
        if i:
            d = d @ params[i].swapaxes(-1, -2)
            if case.hidden == "sigmoid":
                d *= a
                d *= 1.0 - a
            else:
                d *= 1.0 - a * a
    return gradients


def batch_loss(loss: str, p: Array, t: Array) -> float:
    """Return the loss summed over rows and nets."""
    if loss == "mse":
        return float(((p - t) ** 2).mean(axis=-1).sum())
    if loss == "bce":
        return float(-np.log(np.where(t == 1.0, p, 1.0 - p)).sum())
    return float(-np.log((p * t).sum(axis=-1)).sum())


class Adam:
    """Adam with its moments."""

    def __init__(self, params: list[Array], lr: float) -> None:
        self.lr, self.step = lr, 0
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]

    def update(self, params: list[Array], gradients: list[Array]) -> None:
        """Update the parameters in place."""
        self.step += 1
        rate, undo = self.lr / (1.0 - 0.9**self.step), 1.0 / (1.0 - 0.999**self.step)
        for p, g, m, v in zip(params, gradients, self.m, self.v, strict=True):
            m *= 0.9
            m += 0.1 * g
            v *= 0.999
            v += 0.001 * g * g
            p -= rate * m / (np.sqrt(v * undo) + 1e-8)
