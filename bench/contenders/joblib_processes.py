"""What one would do without fit_many: a task for each net, which `fit` trains, on all CPUs by joblib's processes.

On one thread joblib runs the tasks in a loop. Otherwise its processes are started beforehand; each loads data and net
once and keeps them, so that a task is sent a net's parameters only, and joblib sends many tasks at once.
"""

import os
import tempfile
from collections.abc import Callable
from functools import cache
from typing import Any

import joblib

import fastnn

from ..cases import Array, Case
from . import Unsupported

_PROCESSES = int(os.environ.get("OMP_NUM_THREADS", "1"))
_IDLE = 86_400.0  # seconds until joblib ends a process that has nothing to do


def versions() -> str:
    """What is timed."""
    return f"joblib {joblib.__version__}"


def prepare(case: Case) -> Callable[[int], float]:
    """A function that trains each net on its own."""
    if case.n_nets == 1 and not case.many:
        raise Unsupported("is for the training of many nets")
    net = fastnn.mlp(
        *case.sizes, activation=case.hidden, loss=case.loss, dtype=case.dtype
    )
    rule = (
        fastnn.Adam(lr=case.lr) if case.optimizer == "adam" else fastnn.SGD(lr=case.lr)
    )
    how = {
        "batch_size": case.batch_size,
        "optimizer": rule,
        "shuffle": False,
        "progress": False,
    }
    descriptor, work = tempfile.mkstemp(dir=os.environ["BENCH_CACHE"])
    with open(descriptor, "wb") as file:
        joblib.dump((net, case.X, case.y, how), file)
    thetas = case.flat_params()
    pool = joblib.Parallel(
        _PROCESSES, backend="loky", batch_size="auto", idle_worker_timeout=_IDLE
    )
    pool.__enter__()  # and is never left: its processes end with this one
    ready: set[int] = set()
    while len(ready) < _PROCESSES:
        ready.update(
            pool(joblib.delayed(_warm)(work, thetas[0]) for _ in range(_PROCESSES))
        )

    def train(epochs: int) -> float:
        trained = pool(joblib.delayed(_train)(work, theta, epochs) for theta in thetas)
        return sum(loss for _, loss in trained) / len(trained)

    return train


def _train(work: str, theta: Array, epochs: int) -> tuple[Array, float]:
    """One net's parameters after so many epochs, and its last loss."""
    net, X, y, how = _loaded(work)
    net.theta = theta
    loss = float(net.fit(X, y, epochs=epochs, **how).loss[-1])
    return net.theta, loss


def _warm(work: str, theta: Array) -> int:
    """Have compiled code and data in this process, and say which one it is."""
    _train(work, theta, 1)
    return os.getpid()


@cache
def _loaded(work: str) -> Any:
    """Net, rows, targets and arguments, from the file of a case."""
    return joblib.load(work)
