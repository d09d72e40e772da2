"""Executors: where the parts of a sweep are trained.

Any `concurrent.futures.Executor` will do, and so will a Dask client. They are told
apart by their methods, so that none of their packages need be there.
"""

import hashlib
import pickle
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

from ..training.engines.threads import thread_count
from .parts import Part, PartResult, Work, train_part

# Up to this number of bytes, the work travels with each part; beyond, a process gets
# it when it says that it does not have it.
_SMALL = 100_000
# Number of parts under way at a time where nobody knows how many workers there are.
_UNKNOWN_SLOTS = 16
# The works that a process keeps, by their keys. A process that serves two sweeps at
# once needs two.
_KEPT = 2
_kept: dict[str, Work] = {}


class Workers(Protocol):
    """Those who train parts.

    n_threads is the number of threads that train a part; n_slots that of the parts that
    may be under way or waiting at a time. `submit`
    returns a future of the result; the result is None where the part must be submitted
    again, because the work did not arrive with it.
    """

    name: str
    n_threads: int

    @property
    def n_slots(self) -> int: ...
    def submit(self, part: Part, again: bool) -> Future[PartResult | None]: ...


def choose_workers(executor: Any, work: Work, n_jobs: int) -> Workers:
    """Return those who train parts for executor=; without one, this process does.

    TypeError for what is not an executor; ValueError where the work cannot be sent.
    """
    if executor is None:
        return ThisProcess(work, n_jobs)
    if callable(getattr(executor, "scatter", None)) and callable(
        getattr(executor, "get_executor", None)
    ):
        return DaskWorkers(executor, work)
    if isinstance(executor, ThreadPoolExecutor):
        return ThreadWorkers(executor, work)
    return ExecutorWorkers(executor, work)


def check_executor(executor: Any) -> None:
    """Raise TypeError for what is neither None nor an executor."""
    if executor is not None and (
        isinstance(executor, type) or not callable(getattr(executor, "submit", None))
    ):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, such as "
            f"ProcessPoolExecutor(), or a Dask Client, not {executor!r}"
        )


class ThisProcess:
    """The process of the caller: it trains one part at a time, with all threads."""

    n_slots = 1

    def __init__(self, work: Work, n_jobs: int) -> None:
        self.name, self.n_threads = "this process", thread_count(n_jobs)
        self._work = replace(work, config=replace(work.config, n_jobs=n_jobs))

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Train the part, and return a future that is done."""
        future: Future[PartResult | None] = Future()
        try:
            future.set_result(train_part(self._work, part))
        except Exception as error:
            future.set_exception(error)
        return future


class ThreadWorkers:
    """The threads of a pool, which share the work: nothing is copied or pickled."""

    name, n_threads = "ThreadPoolExecutor", 1

    def __init__(self, executor: ThreadPoolExecutor, work: Work) -> None:
        self._executor, self._work = executor, work
        self.n_slots = 2 * executor._max_workers

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Submit the part."""
        return self._executor.submit(train_part, self._work, part)


class ExecutorWorkers:
    """The workers of a `concurrent.futures.Executor`, each of which keeps the work."""

    def __init__(self, executor: Any, work: Work) -> None:
        self.name, self.n_threads = type(executor).__name__, 1
        self._executor = executor
        try:
            self._content = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise ValueError(
                f"the net cannot be sent to the processes of {self.name}: {error}. "
                "Define the classes of its layers in a module, not in a function"
            ) from error
        self._key = hashlib.sha256(self._content).hexdigest()

    @property
    def n_slots(self) -> int:
        """Two per worker, so that none waits for its next part."""
        return 2 * getattr(self._executor, "_max_workers", 0) or _UNKNOWN_SLOTS

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Submit the part, with the work if it is small or was missing."""
        sent = again or len(self._content) <= _SMALL
        content = self._content if sent else None
        future: Future[PartResult | None] = self._executor.submit(
            train_with_kept_work, self._key, content, part
        )
        return future


def train_with_kept_work(
    key: str, content: bytes | None, part: Part
) -> PartResult | None:
    """Train a part with the work of this key; None if this process does not have it.

    content: the pickled work, which this process then keeps.
    """
    work = _kept.get(key)
    if work is None:
        if content is None:
            return None
        work = pickle.loads(content)
        while len(_kept) >= _KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = work
    return train_part(work, part)


class DaskWorkers:
    """The workers of a Dask cluster, to which the work is scattered."""

    def __init__(self, client: Any, work: Work) -> None:
        self.name, self.n_threads = "Dask", 1
        self._client, self._work = client, work
        self._executor = client.get_executor()
        self._scattered = self._scatter()

    @property
    def n_slots(self) -> int:
        """Two per thread of the workers, which may come and go."""
        nthreads = getattr(self._client, "nthreads", dict[str, int])
        return 2 * sum(nthreads().values()) or _UNKNOWN_SLOTS

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Submit the part; again: all workers that held the work are gone."""
        if again:
            self._scattered = self._scatter()
        future: Future[PartResult | None] = self._executor.submit(
            train_part, self._scattered, part
        )
        return future

    def _scatter(self) -> Any:
        if hasattr(self._client, "wait_for_workers"):
            self._client.wait_for_workers(1)
        return self._client.scatter(self._work, broadcast=True, hash=False)
