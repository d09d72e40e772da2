"""Many nets without fit_many: joblib runs `fit` for one net per task.

On one thread joblib runs the tasks in a loop. Otherwise it uses processes on all CPUs,
which are started beforehand. Each process loads data and net once and keeps them, so
that a task carries the parameters of its net only. joblib sends many tasks at once.
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
_IDLE = 86_400.0  # seconds until joblib ends an idle process


def versions() -> str:
    """Return the name and version of the library."""
    return f"joblib {joblib.__version__}"


def prepare(case: Case) -> Callable[[int], float]:
    """Return a function that trains each net on its own."""
    if case.n_nets == 1 and not case.many:
        raise Unsupported("trains many nets only")
    net = fastnn.mlp(
        *case.sizes, activation=case.hidden, loss=case.loss, dtype=case.dtype
    )
    rule = (
        fastnn.Adam(lr=case.lr) if case.optimizer == "adam" else fastnn.SGD(lr=case.lr)
    )
    settings = {
        "batch_size": case.batch_size,
        "optimizer": rule,
        "shuffle": False,
        "progress": False,
    }
    descriptor, work = tempfile.mkstemp(dir=os.environ["BENCH_CACHE"])
    with open(descriptor, "wb") as file:
        joblib.dump((net, case.X, case.y, settings), file)
    thetas = case.flat_params()
    pool = joblib.Parallel(
        _PROCESSES, backend="loky", batch_size="auto", idle_worker_timeout=_IDLE
    )
    pool.__enter__()  # without exit: its processes end with this one
    ready: set[int] = set()  # process ids
    while len(ready) < _PROCESSES:
        ready.update(
            pool(joblib.delayed(_warm)(work, thetas[0]) for _ in range(_PROCESSES))
        )

    def train(epochs: int) -> float:
        trained = pool(joblib.delayed(_train)(work, theta, epochs) for theta in thetas)
        return sum(loss for _, loss in trained) / len(trained)

    return train


def _train(work: str, theta: Array, epochs: int) -> tuple[Array, float]:
    """Return the parameters of a net after `epochs` epochs, and its last loss."""
    net, X, y, settings = _loaded(work)
    net.theta = theta
    loss = float(net.fit(X, y, epochs=epochs, **settings).loss[-1])
    return net.theta, loss


def _warm(work: str, theta: Array) -> int:
    """Load compiled code and data in this process, and return its id."""
    _train(work, theta, 1)
    return os.getpid()


@cache
def _loaded(work: str) -> Any:
    """Return net, rows, targets and settings from the file of a case."""
    return joblib.load(work)
