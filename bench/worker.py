"""A contender in a process of its own, with its own CPUs and its own cache folder.

`python -m bench.worker NAME` reads pickled requests from standard input and writes
pickled replies to standard output; what libraries print goes to standard error instead.
`Worker` is the other end of both pipes.
"""

import gc
import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .cases import Case
from .contenders import CONTENDERS, Unsupported
from .quiet import loop_seconds

REPLY_TIMEOUT = 600.0  # seconds until a contender that does not reply is killed
# Seconds that resource trackers have for removing the shared files of ended processes.
# They need less, but in a container init may take 2 s until it has reaped them.
TIDY_TIMEOUT = 20.0


class NotInstalled(Exception):  # noqa: N818 - a reply, not an error
    """Reply of a contender whose library cannot be imported."""


class Failed(Exception):  # noqa: N818
    """Reply of a contender that ended in an error."""


class Hanging(Failed):
    """Failure of a contender that did not reply in time."""


_REPLIES = {kind.__name__: kind for kind in (NotInstalled, Unsupported, Failed)}


def environment(threads: int, cache: Path) -> dict[str, str]:
    """Return variables that set each library's number of threads and cache folder."""
    eigen = "true" if threads > 1 else "false"
    # Fast math, because the contenders in C have -ffast-math.
    xla = f"--xla_cpu_multi_thread_eigen={eigen} --xla_cpu_enable_fast_math=true"
    thread_counts = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "NUMBA")
    return {
        **os.environ,
        **{f"{library}_NUM_THREADS": str(threads) for library in thread_counts},
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {xla}".strip(),
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "FASTNN_CACHE_DIR": str(cache / "fastnn"),
        "BENCH_CACHE": str(cache),
        "PYTHONWARNINGS": "ignore",
    }


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Run this process on the last `threads` CPUs only, where the system allows it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-threads:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Worker:
    """A running contender.

    `started` is the time in seconds from the start of the process until its library is
    imported. Raises NotInstalled if it cannot be imported.
    """

    def __init__(self, name: str, threads: int, cache: Path) -> None:
        root = Path(__file__).resolve().parent.parent
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        begin = time.perf_counter()
        # The child inherits its CPUs before its libraries start any threads.
        with pinned(threads):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.worker", name],
                cwd=root,
                env=environment(threads, cache),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                start_new_session=True,
            )
        try:
            self._reply()
            self.started = time.perf_counter() - begin
            self.versions: str = self._request("versions")
        except BaseException:
            self.close()
            raise

    def prepare(self, case: Case) -> float:
        """Prepare a case and return the seconds; raise Unsupported for other work."""
        return self._request("prepare", case)

    def run(self, epochs: int, at_least: float = 0.0) -> tuple[float, float]:
        """Train or predict for `epochs` epochs; return the seconds and the loss.

        That is repeated until it has taken so many seconds, of which the mean counts.
        """
        return self._request("run", epochs, at_least)

    def loop_seconds(self) -> float:
        """Return what a fixed loop takes there, see `quiet`."""
        return self._request("loop")

    def close(self) -> None:
        """End the process, and those that its library started."""
        if hasattr(os, "killpg"):
            # Python's resource trackers ignore SIGTERM, and remove shared files.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
        self._process.kill()
        self._process.wait()
        if hasattr(os, "killpg"):
            _end_group(self._process.pid)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with suppress(OSError):  # a request that could not be sent
                if stream is not None:
                    stream.close()

    def _request(self, *request: Any) -> Any:
        assert self._process.stdin is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            raise Failed(self._how_it_ended()) from None
        return self._reply()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:  # it runs, but its reply is damaged
            self._process.kill()
            code = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"ended with code {code}: {lines[-1] if lines else 'no message'}"

    def _reply(self) -> Any:
        assert self._process.stdout is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(REPLY_TIMEOUT, give_up)
        timer.daemon = True
        timer.start()
        try:
            kind, value = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            if late.is_set():
                raise Hanging(f"did not reply within {REPLY_TIMEOUT:.0f} s") from None
            raise Failed(self._how_it_ended()) from None
        finally:
            timer.cancel()
        if kind in _REPLIES:
            raise _REPLIES[kind](value)
        return value


def _end_group(group: int) -> None:
    """Wait until all processes of a group have ended, and kill those that do not."""
    end = time.perf_counter() + TIDY_TIMEOUT
    with suppress(ProcessLookupError, PermissionError):
        while time.perf_counter() < end:
            os.killpg(group, 0)
            time.sleep(0.01)
        os.killpg(group, signal.SIGKILL)


def serve(name: str) -> None:
    """Reply to requests until there are no more."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    case: Any = None
    run: Any = None
    request: tuple[Any, ...] = ("import",)
    while True:
        try:
            value: Any = None
            match request:
                case ("import",):
                    contender = importlib.import_module(f"bench.contenders.{name}")
                case ("versions",):
                    value = contender.versions()
                case ("prepare", new_case):
                    case, run = new_case, None
                    if case.by_sample and not CONTENDERS[name].by_sample:
                        raise Unsupported("takes many samples per call")
                    begin = time.perf_counter()
                    run = contender.prepare(case)
                    value = time.perf_counter() - begin
                case ("run", epochs, at_least):
                    value = timed(case, run, epochs, at_least)
                case ("loop",):
                    value = loop_seconds()
            reply = ("value", value)
        except ImportError as error:
            reply = ("NotInstalled", str(error))
        except Unsupported as error:
            reply = ("Unsupported", str(error))
        except Exception as error:  # libraries may raise anything
            reply = ("Failed", f"{type(error).__name__}: {error}")
        pickle.dump(reply, replies)
        replies.flush()
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return


def timed(
    case: Case, run: Any, epochs: int, at_least: float = 0.0
) -> tuple[float, float]:
    """Return the seconds and the loss, with the garbage collector off meanwhile.

    If a turn has several epochs, one more runs before it, uncounted: it fills the
    processor's caches and raises its clock. What takes less than the seconds `at_least`
    is repeated until it has taken them, and its mean counts.
    """
    calls, epochs = (epochs, 1) if case.separate else (1, epochs)
    if calls * epochs > 1:
        run(1)
    gc.collect()
    gc.disable()
    started, times, seconds = time.perf_counter(), 0, 0.0
    while times == 0 or seconds < at_least:
        for _ in range(calls):
            result = run(epochs)
        seconds = time.perf_counter() - started
        times += 1
    seconds /= times
    gc.enable()
    if case.kind == "predict":
        return seconds, case.predicted_loss(result)
    return seconds, float(result)


if __name__ == "__main__":
    serve(sys.argv[1])
