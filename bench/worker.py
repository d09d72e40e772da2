"""A contender in a process of its own, pinned to its CPUs, with its caches in a folder that it is given.

`python -m bench.worker NAME` reads pickled requests from standard input and writes pickled answers to what was standard
output; what libraries print goes to standard error. `Worker` is the other end.
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
from .contenders import Unsupported

ANSWER_TIMEOUT = 600.0  # seconds until a contender that does not answer is killed
TIDY_TIMEOUT = 2.0  # seconds that processes have for removing the shared files of others that have ended


class NotInstalled(Exception):  # noqa: N818 - it is an answer, not an error
    """The contender's library cannot be imported here."""


class Failed(Exception):  # noqa: N818
    """The contender ended in an error."""


class Hanging(Failed):
    """The contender did not answer."""


_ANSWERS = {kind.__name__: kind for kind in (NotInstalled, Unsupported, Failed)}


def environment(threads: int, cache: Path) -> dict[str, str]:
    """Variables that hold every library to a number of threads, and keep what it compiles in one folder."""
    # as C has -ffast-math
    xla = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} --xla_cpu_enable_fast_math=true"
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
    """Run this process on that many CPUs only, the last ones, where the system can do so."""
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
    """A running contender. `started` is the time in seconds from nothing to its library being imported.

    Raises NotInstalled where it cannot be imported.
    """

    def __init__(self, name: str, threads: int, cache: Path) -> None:
        root = Path(__file__).resolve().parent.parent
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        begun = time.perf_counter()
        with pinned(threads):  # before the child imports anything that starts threads
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
            self._answer()
            self.started = time.perf_counter() - begun
            self.versions: str = self._ask("versions")
        except BaseException:
            self.close()
            raise

    def prepare(self, case: Case) -> float:
        """Get ready for a case, seconds; raises Unsupported where the contender does no such work."""
        return self._ask("prepare", case)

    def run(self, epochs: int) -> tuple[float, float]:
        """Train or predict for so many epochs: seconds, and the loss."""
        return self._ask("run", epochs)

    def close(self) -> None:
        """End the process, and those that its library started."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(
                    self._process.pid, signal.SIGTERM
                )  # Python's resource trackers ignore it, and tidy up
        self._process.kill()
        self._process.wait()
        if hasattr(os, "killpg"):
            _end_group(self._process.pid)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with suppress(OSError):  # what could not be sent is not sent now
                if stream is not None:
                    stream.close()

    def _ask(self, *request: Any) -> Any:
        assert self._process.stdin is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            raise Failed(self._end()) from None
        return self._answer()

    def _end(self) -> str:
        """How the process ended."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:  # it lives, but its answer is damaged
            self._process.kill()
            code = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"ended with code {code}: {lines[-1] if lines else 'no message'}"

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        patience = threading.Timer(ANSWER_TIMEOUT, give_up)
        patience.daemon = True
        patience.start()
        try:
            kind, value = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            if late.is_set():
                raise Hanging(f"did not answer within {ANSWER_TIMEOUT:.0f} s") from None
            raise Failed(self._end()) from None
        finally:
            patience.cancel()
        if kind in _ANSWERS:
            raise _ANSWERS[kind](value)
        return value


def _end_group(group: int) -> None:
    """Wait until all processes of a group have ended; kill them if they do not."""
    end = time.perf_counter() + TIDY_TIMEOUT
    with suppress(ProcessLookupError, PermissionError):
        while time.perf_counter() < end:
            os.killpg(group, 0)
            time.sleep(0.01)
        os.killpg(group, signal.SIGKILL)


def serve(name: str) -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
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
                case ("prepare", given):
                    case, run = given, None
                    begun = time.perf_counter()
                    run = contender.prepare(case)
                    value = time.perf_counter() - begun
                case ("run", epochs):
                    value = timed(case, run, epochs)
            answer = ("value", value)
        except ImportError as error:
            answer = ("NotInstalled", str(error))
        except Unsupported as error:
            answer = ("Unsupported", str(error))
        except Exception as error:  # whatever a library raises
            answer = ("Failed", f"{type(error).__name__}: {error}")
        pickle.dump(answer, answers)
        answers.flush()
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return


def timed(case: Case, run: Any, epochs: int) -> tuple[float, float]:
    """Seconds and loss; the garbage collector runs before, not meanwhile.

    Where an epoch is shorter than a turn, one goes before that is not counted: it wakes the caches and the clock.
    """
    if epochs > 1:
        run(1)
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    result = run(epochs)
    seconds = time.perf_counter() - started
    gc.enable()
    return seconds, float(result) if case.kind == "train" else case.predicted_loss(
        result
    )


if __name__ == "__main__":
    serve(sys.argv[1])
