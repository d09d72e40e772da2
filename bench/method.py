"""The method: first the same loss, then timing in turn, in several processes.

Never do two contenders run at a time.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .cases import Case
from .contenders import CONTENDERS, Unsupported, numpy_vectorised
from .quiet import Usual
from .results import CaseResult, Row
from .worker import Failed, Hanging, NotInstalled, Worker

Notify = Callable[[str], None]
# Seconds until the threads of the last contender sleep: OpenBLAS's spin for 0.1 s.
SETTLE = 0.15


@dataclass(frozen=True)
class Plan:
    """Amount of measurement.

    rounds: turns of each contender, spread over `processes` processes one after the
    other, because some programs are always fast or always slow within one process.
    turn: the most seconds of a turn (which is at least one epoch). budget: seconds of a
    case after which a contender gets no more turns. threads: of each library.
    """

    rounds: int
    processes: int
    turn: float
    budget: float
    threads: int
    quick: bool


class Workers:
    """Processes of the contenders, one each, which start when they are needed.

    usual: what tells whether something else disturbs them.
    """

    def __init__(
        self, names: Iterable[str], threads: int, scratch: Path, usual: Usual
    ) -> None:
        self.names, self.threads, self.scratch = list(names), threads, scratch
        self.usual = usual
        self._cache = scratch
        self._workers: dict[str, Worker] = {}
        self.absent: dict[str, Exception] = {}

    def has(self, name: str) -> bool:
        """Return whether the contender's process is running."""
        return name in self._workers

    def worker(self, name: str) -> Worker:
        """Return the contender's process; raise NotInstalled or Failed without one."""
        if name in self.absent:
            raise self.absent[name]
        if name not in self._workers:
            try:
                self._workers[name] = Worker(name, self.threads, self._cache)
            except NotInstalled as error:
                self.absent[name] = error
                raise
        return self._workers[name]

    def is_quiet(self, name: str) -> bool:
        """Return whether nothing else disturbs the contender's process now."""
        return self.usual.is_quiet(self.worker(name).loop_seconds())

    def drop(self, name: str) -> None:
        """End the contender's process."""
        if name in self._workers:
            self._workers.pop(name).close()

    def restart(self, cache: Path | None = None) -> None:
        """End all processes.

        cache: the folder for compiled code of the next ones, by default the same.
        """
        for name in list(self._workers):
            self.drop(name)
        self._cache = cache or self._cache

    @contextmanager
    def open(self) -> Iterator["Workers"]:
        """End all processes when the block ends."""
        try:
            yield self
        finally:
            self.restart()


def measure(
    result: CaseResult, case: Case, workers: Workers, plan: Plan, notify: Notify
) -> None:
    """Validate and time all contenders in each of the plan's processes.

    The second process of a contender shows what starting one costs, and runs even if
    the budget is spent; a third would show nothing new.
    """
    notify("the reference loss")
    result.loss = reference(case)
    result.rows = [Row(name, CONTENDERS[name].title) for name in workers.names]
    for process in range(plan.processes):
        if process:
            workers.restart()
        for row in result.rows:
            has_budget = process == 1 or sum(row.seconds) < plan.budget
            if process == 0 or (row.status == "timed" and has_budget):
                notify(f"{row.title}: preparing")
                prepare(row, case, workers, result.loss)
        if process == 0:
            for row in result.rows:
                calibrate(row, case, workers, plan.turn, plan.budget)
        if case.shuffled:
            for row in result.rows:
                warm_up(row, workers)
        rounds = -(-plan.rounds // plan.processes)
        take_turns(result.rows, workers, rounds, plan, notify)


def reference(case: Case) -> float:
    """Return the loss that all contenders must reach.

    It comes from NumPy in float64, which the tests compare with naive arithmetic.
    """
    exact = case.astype("float64")
    result = numpy_vectorised.prepare(exact)(exact.checked_epochs)
    return result if isinstance(result, float) else exact.predicted_loss(result)


def prepare(row: Row, case: Case, workers: Workers, expected: float | None) -> None:
    """Prepare the contender; its status is "timed" if it reaches the expected loss.

    Record how long a new process takes: the first one has an empty cache, later ones a
    filled one.
    """
    with recording_failures(row, workers):
        new = not workers.has(row.contender)
        worker = workers.worker(row.contender)
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
        if expected is None:
            return
        if CONTENDERS[row.contender].own_updates:
            row.why = f"it has updates of its own; its loss is {row.loss:.4g}"
            return
        # Negated, so that a loss of NaN is invalid.
        if not abs(row.loss - expected) <= case.tolerance * abs(expected):
            row.status = "invalid"
            row.why = f"its loss is {row.loss:.12g}, the right one {expected:.12g}"


@contextmanager
def recording_failures(row: Row, workers: Workers) -> Iterator[None]:
    """Write into the row why the contender could not do the work."""
    try:
        yield
    except NotInstalled as error:
        row.status = "not installed"
        row.why = f"{error}; {CONTENDERS[row.contender].install}"
    except Unsupported as error:
        row.status, row.why = "unsupported", str(error)
    except Failed as error:
        row.status, row.why = "failed", str(error)
        row.seconds.clear()
        row.disturbed.clear()
        workers.drop(row.contender)
        if isinstance(error, Hanging):
            # Waiting for it again in each case would take minutes.
            workers.absent[row.contender] = error


def calibrate(
    row: Row, case: Case, workers: Workers, turn: float, budget: float
) -> None:
    """Choose the epochs of a turn: those of the case, or as many as fit into a turn.

    A first attempt that takes the whole budget counts as the only turn.
    """
    if row.status != "timed":
        return
    with recording_failures(row, workers):
        worker = workers.worker(row.contender)
        updates = case.units // case.n_nets  # of one net in an epoch
        least = max(
            case.least_epochs, -(-CONTENDERS[row.contender].least_updates // updates)
        )
        row.epochs = least = min(case.epochs, least)
        while (
            row.epochs < case.epochs
            and (seconds := worker.run(row.epochs)[0]) < turn / 2.0
        ):
            fitting = int(row.epochs * turn / max(seconds, 1e-9))
            row.epochs = min(case.epochs, max(fitting, 2 * row.epochs), 10 * row.epochs)
        if row.epochs == least < case.epochs and seconds >= budget:
            row.seconds.append(seconds)


def warm_up(row: Row, workers: Workers) -> None:
    """Take two turns that are not timed, if the contender's process is running.

    After many orders fastnn loads what draws more of them faster, which took 6 ms of a
    turn of 8 to 20.
    """
    if row.status == "timed" and workers.has(row.contender):
        with recording_failures(row, workers):
            for _ in range(2):
                workers.worker(row.contender).run(row.epochs)


def take_turns(
    rows: list[Row], workers: Workers, rounds: int, plan: Plan, notify: Notify
) -> None:
    """Time the contenders A B C A B C ..., so that a slow spell affects all of them.

    A training that takes less than a third of a turn is repeated: right after the
    others' turns it runs with cold caches. A turn counts as disturbed if something
    else used the processor before it or after it.
    """
    for i in range(rounds):
        for row in rows:
            if row.status == "timed" and sum(row.seconds) < plan.budget:
                notify(f"{row.title}: turn {i + 1} of {rounds}")
                if workers.threads > 1:
                    time.sleep(SETTLE)
                with recording_failures(row, workers):
                    worker = workers.worker(row.contender)
                    before = workers.is_quiet(row.contender)
                    seconds = worker.run(row.epochs, plan.turn / 3)[0]
                    after = workers.is_quiet(row.contender)
                    row.add(seconds, before and after)
