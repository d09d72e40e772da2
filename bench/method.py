"""How it is measured: the same loss first, then in turn, never two at a time."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .cases import Case
from .contenders import CONTENDERS, Unsupported, numpy_vectorised
from .results import CaseResult, Row
from .worker import Failed, NotInstalled, Worker

Notify = Callable[[str], None]
SETTLE = 0.15  # seconds until the threads of the last contender have stopped spinning, as OpenBLAS's do for 0.1


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds, seconds that a turn lasts at most (or an epoch), threads, and whether in a hurry.

    A contender that has taken `patience` seconds in all gets no more turns.
    """

    rounds: int
    budget: float
    patience: float
    threads: int
    quick: bool


class Field:
    """The contenders, each in a process that lives as long as the run; one that fails is started anew."""

    def __init__(self, names: Iterable[str], threads: int, cache: Path) -> None:
        self.names, self.threads, self.cache = list(names), threads, cache
        self._workers: dict[str, Worker] = {}

    def worker(self, name: str) -> Worker:
        """The contender's process; raises NotInstalled or Failed."""
        if name not in self._workers:
            self._workers[name] = Worker(name, self.threads, self.cache)
        return self._workers[name]

    def drop(self, name: str) -> None:
        """End the contender's process."""
        if name in self._workers:
            self._workers.pop(name).close()

    @contextmanager
    def open(self) -> Iterator["Field"]:
        """End all processes in the end."""
        try:
            yield self
        finally:
            for name in list(self._workers):
                self.drop(name)


def reference(case: Case) -> float:
    """The loss that all contenders must reach: naive arithmetic in float64."""
    exact = case.astype("float64")
    result = numpy_vectorised.prepare(exact)(exact.checked_epochs)
    return result if isinstance(result, float) else exact.predicted_loss(result)


def validate(row: Row, case: Case, field: Field, wanted: float, notify: Notify) -> None:
    """Give the row its status: "timed" if the contender reaches the loss."""
    notify(f"{row.title}: preparing")
    with answering(row, field):
        worker = field.worker(row.contender)
        row.versions = worker.versions
        worker.prepare(case)
        row.loss = worker.run(case.checked_epochs)[1]
        row.status = "timed" if abs(row.loss - wanted) <= case.tolerance * abs(wanted) else "invalid"
        if row.status == "invalid":
            row.why = f"its loss is {row.loss:.12g} where {wanted:.12g} is right"


@contextmanager
def answering(row: Row, field: Field) -> Iterator[None]:
    """Write into the row what kept the contender from doing the work."""
    try:
        yield
    except NotInstalled as error:
        row.status, row.why = "not installed", f"{error}; {CONTENDERS[row.contender].install}"
    except Unsupported as error:
        row.status, row.why = "unsupported", str(error)
    except Failed as error:
        row.status, row.why = "failed", str(error)
        row.seconds.clear()
        field.drop(row.contender)


def first_calls(row: Row, case: Case, threads: int, notify: Notify) -> None:
    """Two new processes, the first one with an empty cache."""
    if row.status != "timed":
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        cache = Path(folder)
        for attribute, text in (("first_empty", "an empty"), ("first_filled", "a filled")):
            notify(f"{row.title}: a new process, {text} cache")
            with answering(row, Field([], threads, cache)), Worker(row.contender, threads, cache) as worker:
                row.imported = worker.started
                setattr(row, attribute, worker.prepare(case) + worker.run(1)[0])


def calibrate(row: Row, case: Case, field: Field, budget: float) -> None:
    """Choose how many epochs the contender is timed for: the case's, or as many as fit into `budget` seconds."""
    if row.status != "timed":
        return
    with answering(row, field):
        worker = field.worker(row.contender)
        row.epochs = 1
        while row.epochs < case.epochs and (seconds := worker.run(row.epochs)[0]) < budget / 2.0:
            wanted = int(row.epochs * budget / max(seconds, 1e-9))
            row.epochs = min(case.epochs, max(wanted, 2 * row.epochs), 10 * row.epochs)


def take_turns(rows: list[Row], field: Field, rounds: int, patience: float, notify: Notify) -> None:
    """A B C A B C ...: a slow spell of the machine hits all of them."""
    for i in range(rounds):
        for row in rows:
            if row.status == "timed" and sum(row.seconds) < patience:
                notify(f"{row.title}: round {i + 1} of {rounds}")
                if field.threads > 1:
                    time.sleep(SETTLE)
                with answering(row, field):
                    row.seconds.append(field.worker(row.contender).run(row.epochs)[0])


def measure(result: CaseResult, case: Case, field: Field, plan: Plan, starts: bool, notify: Notify) -> None:
    """Fill the result: validate, then time in new processes if `starts`, then warm and in turn."""
    result.loss = reference(case)
    result.rows = [Row(name, CONTENDERS[name].title) for name in field.names]
    for row in result.rows:
        validate(row, case, field, result.loss, notify)
    if starts:
        for row in result.rows:
            first_calls(row, case, field.threads, notify)
    for row in result.rows:
        calibrate(row, case, field, plan.budget)
    take_turns(result.rows, field, plan.rounds, plan.patience, notify)
