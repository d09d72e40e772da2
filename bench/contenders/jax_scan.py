"""JAX at its best for such work: all updates of a training in one jitted scan, float64, on one CPU thread."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..cases import Case


def prepare(case: Case) -> Callable[[int], float] | None:
    """A function that trains, where JAX is installed and the batches are of one size."""
    if len(case.X) % case.batch_size:
        return None
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    shape = (len(case.X) // case.batch_size, case.batch_size)
    X, y = jax.numpy.asarray(case.X.reshape(*shape, -1)), jax.numpy.asarray(case.y.reshape(shape))
    train_all = _trainer(jax, case.loss, case.lr)
    start = [jax.numpy.asarray(p) for p in case.params]
    for epochs in (case.checked_epochs, case.epochs):
        train_all(start, X, y, epochs)  # compiled for both numbers

    def train(epochs: int) -> float:
        return float(train_all(start, X, y, epochs)[1])

    return train


def _trainer(jax: Any, loss: str, lr: float) -> Callable[..., Any]:
    def losses(params: Any, x: Any, t: Any) -> Any:
        w1, b1, w2, b2 = params
        z = jax.nn.sigmoid(x @ w1 + b1) @ w2 + b2
        if loss == "bce":
            return jax.numpy.mean(jax.numpy.logaddexp(0.0, z[:, 0]) - t * z[:, 0])
        return jax.numpy.mean(jax.nn.logsumexp(z, axis=1) - jax.numpy.take_along_axis(z, t[:, None], axis=1)[:, 0])

    def update(params: Any, batch: Any) -> Any:
        value, grads = jax.value_and_grad(losses)(params, *batch)
        return [p - lr * g for p, g in zip(params, grads, strict=True)], value

    @partial(jax.jit, static_argnums=3)
    def train_all(params: Any, X: Any, y: Any, epochs: int) -> Any:
        def epoch(params: Any, _: Any) -> Any:
            params, values = jax.lax.scan(update, params, (X, y))
            return params, values.mean()

        params, means = jax.lax.scan(epoch, params, np.arange(epochs))
        return params, means[-1]

    return train_all
