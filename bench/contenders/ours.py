"""fastnn, through its public API."""

from collections.abc import Callable

import numba

import fastnn

from ..cases import Array, Case


def versions() -> str:
    """What is timed."""
    return f"fastnn {fastnn.__version__}, Numba {numba.__version__}"


def prepare(case: Case, loop: str = "auto") -> Callable[[int], float | Array]:
    """A function that trains, many nets one after the other, or predicts."""
    net = fastnn.mlp(*case.sizes, activation=case.hidden, loss=case.loss, dtype=case.dtype)
    thetas = case.flat_params()
    net.theta = thetas[0]

    def train(epochs: int) -> float:
        total = 0.0
        for theta in thetas:
            net.theta = theta
            optimizer = fastnn.Adam(lr=case.lr) if case.optimizer == "adam" else fastnn.SGD(lr=case.lr)
            history = net.fit(
                case.X, case.y, epochs=epochs, batch_size=case.batch_size, optimizer=optimizer, shuffle=False,
                progress=False, loop=loop, n_jobs=-1,
            )  # fmt: skip
            total += float(history.loss[-1])
        return total / len(thetas)

    def predict(times: int) -> Array:
        for _ in range(times):
            p = net.predict_proba(case.X)
        return p

    return train if case.kind == "train" else predict
