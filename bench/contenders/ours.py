"""fastnn, by its public API."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numba

import fastnn

from ..cases import Array, Case


def versions() -> str:
    """Return the versions of fastnn and Numba."""
    return f"fastnn {fastnn.__version__}, Numba {numba.__version__}"


def prepare(case: Case, loop: str = "auto") -> Callable[[int], float | Array]:
    """Return a function that trains one net or many at once, or predicts."""
    settings: dict[str, Any] = {"loss": case.loss, "dtype": case.dtype}
    net = fastnn.mlp(*case.sizes, activation=case.hidden, **settings)
    if case.output == "sigmoid":
        net = fastnn.Sequential(_layers(case), **settings)
    thetas = case.flat_params()
    net.theta = thetas[0]

    def train(epochs: int) -> float:
        how: dict[str, Any] = {
            "epochs": epochs,
            "batch_size": case.batch_size,
            "optimizer": case.optimizer,
            "lr": case.lr,
            "shuffle": case.shuffled,
            "progress": False,
            "n_jobs": -1,
        }
        if case.n_nets > 1:
            # By default fit_many keeps all losses up to this number, and takes
            # percentiles of more.
            every = -(-case.n_nets * epochs // 2**24)
            runs = net.fit_many(case.X, case.y, init=thetas, every=every, **how)
            return float(runs.final_loss.mean())
        net.theta = thetas[0]
        return float(net.fit(case.X, case.y, loop=loop, seed=0, **how).loss[-1])

    def learn(epochs: int) -> float:
        net.theta = thetas[0]
        learner = net.learner(lr=case.lr)
        for _ in range(epochs):
            total = 0.0
            for x, target in zip(samples, targets, strict=True):
                total += learner.learn(x, target)
        return total / len(samples)

    def predict(times: int) -> Array:
        for _ in range(times):
            p = net.predict_proba(case.X)
        return p

    if case.by_sample:
        samples, targets = list(case.X), case.y.tolist()
        return learn
    return train if case.kind == "train" else predict


def _layers(case: Case) -> list[Any]:
    """Return layers whose last one is a sigmoid."""
    layers: list[Any] = []
    for n_in, n_out in pairwise(case.sizes):
        hidden = fastnn.Sigmoid() if case.hidden == "sigmoid" else fastnn.Tanh()
        layers += [fastnn.Affine(n_in, n_out), hidden]
    return [*layers[:-1], fastnn.Sigmoid()]
