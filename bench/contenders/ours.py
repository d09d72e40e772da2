"""fastnn, through its public API."""

from collections.abc import Callable

import fastnn

from ..cases import Case


def prepare(case: Case) -> Callable[[int], float]:
    """A function that trains a net from the case's parameters."""
    net = fastnn.mlp(*[len(case.params[0]), *(len(b) for b in case.params[1::2])], loss=case.loss, init=case.params)
    start = net.theta.copy()
    options = {"lr": case.lr, "batch_size": case.batch_size, "shuffle": False, "progress": False}
    net.fit(case.X, case.y, epochs=1, **options)

    def train(epochs: int) -> float:
        net.theta = start
        return float(net.fit(case.X, case.y, epochs=epochs, **options).loss[-1])

    return train
