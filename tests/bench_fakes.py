"""Small cases, fake contenders and a made-up run for the tests of the benchmark."""

import contextlib
import dataclasses

import naive
import numpy as np

from bench import limit
from bench.cases import cases
from bench.contenders import CONTENDERS, OURS, Unsupported
from bench.growth import CROSSOVER as AXES
from bench.method import Plan
from bench.results import CaseResult, Curve, Growth, Row, Run
from bench.worker import NotInstalled

ALL = {case.name: case for case in cases()}
PLAN = Plan(rounds=3, processes=1, turn=0.01, budget=100.0, threads=1, quick=True)
ONES = limit.Precision(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def small(case):
    """Return the case with few rows and nets, and with a smaller last batch."""
    rows = slice(0, len(case.X), -(-len(case.X) // 40))
    X, y = case.X[rows], case.y[rows]
    size = len(X) if case.batch_size == len(case.X) else min(case.batch_size, 7)
    params = case.params if case.n_nets == 1 else tuple(p[:3] for p in case.params)
    nets = min(case.n_nets, 3)
    return dataclasses.replace(
        case, X=X, y=y, params=params, batch_size=size, checked_epochs=3, n_nets=nets
    )


def reached_loss(case, function):
    """Return the loss that a contender's prepared function reaches."""
    result = function(case.checked_epochs)
    return result if case.kind == "train" else case.predicted_loss(result)


def naive_loss(case):
    """Return the loss that all contenders must reach, by naive arithmetic."""
    case = case.astype("float64")
    hidden = [case.hidden] * (len(case.sizes) - 2)
    if case.output != "identity":
        hidden.append(case.output)
    losses = []
    for net in range(case.n_nets):
        params = [p if case.n_nets == 1 else p[net] for p in case.params]
        y = case.y if case.loss != "mse" else case.y.reshape(len(case.X), -1)
        if case.kind == "predict":
            z = naive.forward(params, hidden, case.X)[1][-1]
            losses.append(naive.sample_losses(z, y, case.loss)[0].mean())
        else:
            rule = naive.Rule(case.optimizer, case.lr)
            data = (case.loss, case.X, y)
            length = (case.checked_epochs, case.batch_size)
            orders = case.orders() if case.shuffled else None
            trained = naive.train(params, hidden, *data, rule, *length, orders=orders)
            losses.append(trained[1][-1])
    return np.mean(losses)


class FakeWorker:
    """A worker that reaches a given loss in a given time per epoch, or raises."""

    versions = "fake 1"
    started = 0.5

    def __init__(self, name, workers, loss, seconds):
        self.name, self.workers, self.loss, self.seconds = name, workers, loss, seconds

    def prepare(self, case):
        if isinstance(self.loss, Unsupported):
            raise self.loss
        return 0.25

    def run(self, epochs, at_least=0.0):
        if isinstance(self.loss, Exception):
            raise self.loss
        self.workers.log.append(self.name)
        self.workers.at_least.append(at_least)
        return self.seconds * epochs, self.loss


class FakeWorkers:
    """Fake workers, with a log of the contenders that ran and of restarts.

    at_least has the seconds for which each of their turns was to be repeated. They are
    quiet but at the checks in `noises`, which count from 0.
    """

    threads = 1
    scratch = usual = None

    def __init__(self, **behaviours):
        self.names, self.log, self.at_least = list(behaviours), [], []
        self._behaviours = behaviours
        self._running = set()
        self.n_checks, self.noises = 0, ()

    def is_quiet(self, name):
        self.n_checks += 1
        return self.n_checks - 1 not in self.noises

    def has(self, name):
        return name in self._running

    def restart(self):
        self._running.clear()
        self.log.append("restart")

    def worker(self, name):
        self._running.add(name)
        loss, seconds = self._behaviours[name]
        if isinstance(loss, NotInstalled):
            raise loss
        return FakeWorker(name, self, loss, seconds)

    def drop(self, name):
        pass

    @contextlib.contextmanager
    def open(self):
        yield self


def example_run(name="example", scale=1.0):
    """Return a run with one case; our times are multiplied by `scale`."""
    case = ALL["spiral batch 30"]
    result = CaseResult.of(case, 2e-7)
    result.loss = 1.04
    for contender, seconds in (
        ("ours", [1.0, 1.1, 1.2]),
        ("c_sizes", [2.0, 2.2, 2.4]),
        ("jax_scan", [0.5, 0.5, 0.6]),
    ):
        times = [s * (scale if contender == OURS else 1.0) for s in seconds]
        title = CONTENDERS[contender].title
        result.rows.append(
            Row(contender, title, "timed", "", "lib 1", 1.04, 0.1, 0.2, 0.1, 10, times)
        )
    result.rows.append(Row("pytorch", "PyTorch, eager", "not installed", "no torch"))
    machine = {
        "cpu": "A CPU",
        "cores": 2,
        "vectors": ["avx2"],
        "date": "2026-11-22T00:00:00+00:00",
        "commit": "abc",
        "python": "3.11",
    }
    curves = [
        Curve("ours", "fastnn", [1, 10], [1e-3, 1e-2], 1.0),
        Curve("jax_scan", "JAX", [1, 10], [1e-3, 2e-3], 0.3),
    ]
    crossover = [
        Growth(
            axis.name,
            axis.description,
            3,
            [
                Curve("ours", "fastnn", [4, 16], [1e-3, 2e-3], None),
                Curve("jax_scan", "JAX, all in one jit", [4, 16], theirs, None),
                Curve("pytorch", "PyTorch, eager", [4], [3e-3], None),
            ],
        )
        for axis, theirs in zip(AXES, ([8e-3, 8e-3], [2e-3, 1e-3]), strict=False)
    ]
    fit = CaseResult(
        "estimator: iris", "MLPClassifier()", "epoch", 1, 200, 0.1, 1e-9, None
    )
    for contender, seconds in (("ours", [1.0, 2.0]), ("scikit_learn", [8.0, 16.0])):
        row = Row(contender, contender, "timed", "", "lib 1", 0.1, epochs=200)
        row.seconds = seconds
        fit.rows.append(row)
    missing = CaseResult.missing("digits per sample", "no scikit-learn")
    return Run(
        name,
        machine,
        {"rounds": 3, "threads": 1, "processes": 2, "quick": False},
        {},
        [result, missing],
        [Growth("rows", "of a net", 3, curves)],
        [fit],
        8.0,
        crossover,
        True,
    )
