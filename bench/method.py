"""How it is measured: the same loss first, then in turn, never two at a time, and in more than one process."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .cases import Case
from .contenders import CONTENDERS, Unsupported, numpy_vectorised
from .results import CaseResult, Row
from .worker import Failed, Hanging, NotInstalled, Worker

Notify = Callable[[str], None]
SETTLE = 0.15  # seconds until the threads of the last contender have stopped spinning, as OpenBLAS's do for 0.1


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    rounds: turns of each contender, spread over `processes` one after the other: some programs are always fast or
    always slow in one process. turn: seconds that a turn lasts at most (or one epoch). share: a contender that has
    taken so many seconds gets no more turns. threads: of every library.
    """

    rounds: int
    processes: int
    turn: float
    share: float
    threads: int
    quick: bool


class Field:
    """The contenders, each in a process of its own, which are started when they are needed."""

    def __init__(self, names: Iterable[str], threads: int, scratch: Path) -> None:
        self.names, self.threads, self.scratch = list(names), threads, scratch
        self._cache = scratch
        self._workers: dict[str, Worker] = {}
        self.absent: dict[str, Exception] = {}

    def has(self, name: str) -> bool:
        """Whether the contender's process is running."""
        return name in self._workers

    def worker(self, name: str) -> Worker:
        """The contender's process; raises NotInstalled or Failed."""
        if name in self.absent:
            raise self.absent[name]
        if name not in self._workers:
            try:
                self._workers[name] = Worker(name, self.threads, self._cache)
            except NotInstalled as error:
                self.absent[name] = error
                raise
        return self._workers[name]

    def drop(self, name: str) -> None:
        """End the contender's process."""
        if name in self._workers:
            self._workers.pop(name).close()

    def restart(self, cache: Path | None = None) -> None:
        """End all processes; the next ones keep what they compile in another folder, if one is given."""
        for name in list(self._workers):
            self.drop(name)
        self._cache = cache or self._cache

    @contextmanager
    def open(self) -> Iterator["Field"]:
        """End all processes in the end."""
        try:
            yield self
        finally:
            self.restart()


def measure(
    result: CaseResult, case: Case, field: Field, plan: Plan, notify: Notify
) -> None:
    """Fill the result, process after process: validate the first ones, then time.

    A contender's second process tells what starting one costs; what has had its share needs no third.
    """
    notify("the right loss")
    result.loss = reference(case)
    result.rows = [Row(name, CONTENDERS[name].title) for name in field.names]
    for process in range(plan.processes):
        if process:
            field.restart()
        for row in result.rows:
            if process == 0 or (
                row.status == "timed"
                and (process == 1 or sum(row.seconds) < plan.share)
            ):
                notify(f"{row.title}: preparing")
                prepare(row, case, field, result.loss)
        if process == 0:
            for row in result.rows:
                calibrate(row, case, field, plan.turn, plan.share)
        take_turns(
            result.rows, field, -(-plan.rounds // plan.processes), plan.share, notify
        )


def reference(case: Case) -> float:
    """The loss that all contenders must reach: NumPy in float64, which the tests hold against naive arithmetic."""
    exact = case.astype("float64")
    result = numpy_vectorised.prepare(exact)(exact.checked_epochs)
    return result if isinstance(result, float) else exact.predicted_loss(result)


def prepare(row: Row, case: Case, field: Field, wanted: float | None) -> None:
    """Get the contender ready, and give the row its status: "timed" if it reaches the loss that is wanted.

    How long a new process takes is written down: the first one has an empty cache, later ones a filled one.
    """
    with answering(row, field):
        new = not field.has(row.contender)
        worker = field.worker(row.contender)
        ready = worker.prepare(case)
        first, row.loss = worker.run(1)
        if case.checked_epochs > 1:
            row.loss = worker.run(case.checked_epochs)[1]
        if new:
            row.imported = worker.started
            if row.first_empty is None:
                row.first_empty = ready + first
            else:
                row.first_filled = ready + first
        row.versions = worker.versions
        row.status = "timed"
        if wanted is not None and not abs(row.loss - wanted) <= case.tolerance * abs(
            wanted
        ):
            row.status, row.why = (
                "invalid",
                f"its loss is {row.loss:.12g} where {wanted:.12g} is right",
            )


@contextmanager
def answering(row: Row, field: Field) -> Iterator[None]:
    """Write into the row what kept the contender from doing the work."""
    try:
        yield
    except NotInstalled as error:
        row.status, row.why = (
            "not installed",
            f"{error}; {CONTENDERS[row.contender].install}",
        )
    except Unsupported as error:
        row.status, row.why = "unsupported", str(error)
    except Failed as error:
        row.status, row.why = "failed", str(error)
        row.seconds.clear()
        field.drop(row.contender)
        if isinstance(error, Hanging):
            field.absent[row.contender] = error  # it is not waited for in every case


def calibrate(row: Row, case: Case, field: Field, turn: float, share: float) -> None:
    """Choose how many epochs the contender is timed for: the case's, or as many as fit into a turn.

    What takes the whole share at once is a turn already, and the only one.
    """
    if row.status != "timed":
        return
    with answering(row, field):
        worker = field.worker(row.contender)
        updates = case.units // case.n_nets  # of a net, in an epoch
        least = max(
            case.least_epochs, -(-CONTENDERS[row.contender].least_updates // updates)
        )
        row.epochs = least = min(case.epochs, least)
        while (
            row.epochs < case.epochs
            and (seconds := worker.run(row.epochs)[0]) < turn / 2.0
        ):
            wanted = int(row.epochs * turn / max(seconds, 1e-9))
            row.epochs = min(case.epochs, max(wanted, 2 * row.epochs), 10 * row.epochs)
        if row.epochs == least < case.epochs and seconds >= share:
            row.seconds.append(seconds)


def take_turns(
    rows: list[Row], field: Field, rounds: int, share: float, notify: Notify
) -> None:
    """A B C A B C ...: a slow spell of the machine hits all of them."""
    for i in range(rounds):
        for row in rows:
            if row.status == "timed" and sum(row.seconds) < share:
                notify(f"{row.title}: turn {i + 1} of {rounds}")
                if field.threads > 1:
                    time.sleep(SETTLE)
                with answering(row, field):
                    row.seconds.append(field.worker(row.contender).run(row.epochs)[0])
