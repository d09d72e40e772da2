"""fastnn, by its public API."""

from collections.abc import Callable
from typing import Any

import numba

import fastnn

from ..cases import Array, Case


def versions() -> str:
    """Return the versions of fastnn and Numba."""
    return f"fastnn {fastnn.__version__}, Numba {numba.__version__}"


def prepare(case: Case, loop: str = "auto") -> Callable[[int], float | Array]:
    """Return a function that trains one net or many at once, or predicts."""
    net = fastnn.mlp(
        *case.sizes, activation=case.hidden, loss=case.loss, dtype=case.dtype
    )
    thetas = case.flat_params()
    net.theta = thetas[0]

    def train(epochs: int) -> float:
        optimizer = (
            fastnn.Adam(lr=case.lr)
            if case.optimizer == "adam"
            else fastnn.SGD(lr=case.lr)
        )
        settings: dict[str, Any] = {
            "epochs": epochs,
            "batch_size": case.batch_size,
            "optimizer": optimizer,
            "shuffle": False,
            "progress": False,
            "n_jobs": -1,
        }
        if case.n_nets > 1:
            # By default fit_many keeps all losses up to this number, and takes
            # percentiles of more.
            every = -(-case.n_nets * epochs // 2**24)
            runs = net.fit_many(case.X, case.y, init=thetas, every=every, **settings)
            return float(runs.final_loss.mean())
        net.theta = thetas[0]
        return float(net.fit(case.X, case.y, loop=loop, **settings).loss[-1])

    def predict(times: int) -> Array:
        for _ in range(times):
            p = net.predict_proba(case.X)
        return p

    return train if case.kind == "train" else predict
