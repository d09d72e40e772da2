"""Interrupts: signals wait while code runs that must not be left halfway.

Python runs a signal's handler between any two instructions of the main thread. What the
handler raises, such as KeyboardInterrupt, would leave an import of Numba half done for
the rest of the process, or be swallowed in a destructor. Within `deferred` signals are
only noted; their handlers run at the end, or at a safe point in between (`check`).
"""

# logging holds a lock of its own during a fork. Imported first, it takes it last.
import logging as logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType, TracebackType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]

# Signals that people and programs send, and whose handlers may raise. SIGINT comes
# first: it is replaced first and given back last, when all others are in place.
_NAMES = (
    *("SIGINT", "SIGTERM", "SIGALRM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"),
    *("SIGVTALRM", "SIGPROF", "SIGXCPU", "SIGBREAK"),
)
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
# Seconds between two looks at signals while another thread holds the lock.
_LOOK_SECONDS = 0.05


class _Deferral:
    """The handlers that are replaced, and the signals that came meanwhile.

    Only the main thread runs handlers; in other threads nothing is replaced.
    """

    def __init__(self) -> None:
        self.depth = 0
        self._handlers: dict[int, Handler] = {}
        self.noted: list[tuple[Handler, int, FrameType | None]] = []

    def __enter__(self) -> None:
        if in_main_thread():
            if self.depth == 0:
                self._replace()
            self.depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        if in_main_thread():
            self.depth -= 1
            if self.depth == 0:
                self._give_back()

    def check(self) -> None:
        """Run the handlers of the signals that came; they may raise."""
        if self.noted and in_main_thread():
            handler, signum, frame = self.noted.pop(0)
            try:
                handler(signum, frame)
            finally:
                self.check()

    def end(self) -> list[int]:
        """Give the handlers back, and return the signals that came, not handled."""
        signums = [signum for _, signum, _ in self.noted]
        self.noted.clear()
        self.depth = 0
        self._give_back()
        return signums

    def _replace(self) -> None:
        try:
            for signum in _SIGNALS:
                if callable(handler := signal.getsignal(signum)):
                    self._handlers[signum] = handler
                    signal.signal(signum, partial(self._note, handler))
        except ValueError:
            # In an embedded Python, the first thread may not be the one for signals.
            self._handlers = {}
        except BaseException:
            self._give_back()
            raise

    def _note(self, handler: Handler, signum: int, frame: FrameType | None) -> None:
        self.noted.append((handler, signum, frame))

    def _give_back(self) -> None:
        handlers, self._handlers = self._handlers, {}
        try:
            for signum in reversed(handlers):
                signal.signal(signum, handlers[signum])
        finally:
            self.check()


def in_main_thread() -> bool:
    """Return whether this is the thread in which Python runs signal handlers."""
    return threading.get_ident() == threading.main_thread().ident


# A context within which signals wait; it may be nested. On leaving the outermost one,
# or in `check`, the handlers run, and may raise. `noted` are the signals that wait.
deferred = _Deferral()
check, noted = deferred.check, deferred.noted
# Held while anything is imported or compiled, and during a fork, in this order: a child
# process starts when no other thread is halfway through. Numba's lock is added to them.
fork_locks: list[Any] = [threading.RLock()]


@contextmanager
def undivided() -> Iterator[None]:
    """Defer signals while modules are imported or code is compiled, by one thread."""
    lock = fork_locks[0]
    with deferred:
        while not lock.acquire(timeout=_LOOK_SECONDS):
            check()
        try:
            yield
        finally:
            lock.release()


def to_the_end(function: Callable[[], None]) -> None:
    """Call a function that may be repeated until it is through, signals deferred.

    A debugger or another thread can raise KeyboardInterrupt nevertheless; it is raised
    afterwards.
    """
    interrupt = None
    with deferred:
        while True:
            try:
                function()
                break
            except KeyboardInterrupt as error:
                interrupt = error
    if interrupt is not None:
        raise interrupt


# Locks that the forking thread holds, and whether it is the main thread.
_held: list[Any] = []
_main_forks = False


def _before_fork() -> None:
    global _main_forks
    in_main = in_main_thread()
    deferred.__enter__()
    for lock in fork_locks:
        lock.acquire()
        _held.append(lock)
    _main_forks = in_main


def _after_fork_in_parent() -> None:
    in_main = _main_forks
    _release()
    if in_main and deferred.depth > 1:
        deferred.__exit__()
    elif in_main:
        # What a handler raised here would be lost, so the signals are sent again.
        for signum in deferred.end():
            send = partial(os.kill, os.getpid(), signum)
            threading.Thread(target=send, daemon=True).start()


def _after_fork_in_child() -> None:
    _release()
    if _main_forks and deferred.depth > 1:
        deferred.__exit__()
    else:
        # Signals that came before the fork were for the parent.
        deferred.end()


def _release() -> None:
    while _held:
        _held.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
