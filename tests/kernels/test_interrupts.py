"""Signals wait while code runs that must not be left halfway."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import numba
import pytest
from fuzz import interruptions

from fastnn import kernels
from fastnn.kernels.interrupts import (
    check,
    deferred,
    fork_locks,
    noted,
    to_the_end,
    undivided,
)


class AlarmError(Exception):
    """What a user's own handler raises."""


@pytest.fixture
def handlers():
    """Let a test install handlers, which are taken back afterwards."""
    signums = signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1
    before = {signum: signal.getsignal(signum) for signum in signums}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def press(*signums):
    for signum in signums or (signal.SIGINT,):
        signal.raise_signal(signum)


def test_ctrl_c_waits_until_the_outermost_context_is_left():
    reached = []

    def work():
        with deferred:
            with deferred:
                press()
                reached.append("inner")
            reached.append("outer")
            assert len(noted) == 1

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["inner", "outer"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not noted


def test_check_is_a_safe_point():
    reached = []

    def work():
        with deferred:
            check()
            press()
            reached.append("pressed")
            check()
            reached.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["pressed"]
    with deferred:
        pass


def test_handlers_of_the_user_run_and_come_back(handlers):
    heard = []

    def note(signum, frame):
        heard.append((signum, frame.f_code.co_name))

    def fail(signum, frame):
        raise AlarmError(signum)

    def leave(signum, frame):
        raise SystemExit(3)

    installed = {
        signal.SIGINT: note,
        signal.SIGUSR1: note,
        signal.SIGALRM: fail,
        signal.SIGTERM: leave,
    }
    for signum, handler in installed.items():
        signal.signal(signum, handler)
    with deferred:
        press(signal.SIGINT)
        press(signal.SIGUSR1)
        assert heard == []
    assert heard == [(signal.SIGINT, "press"), (signal.SIGUSR1, "press")]
    for signum, error in ((signal.SIGALRM, AlarmError), (signal.SIGTERM, SystemExit)):
        with pytest.raises(error), deferred:
            press(signum)
    # No signal is lost where another one's handler raises.
    with pytest.raises(AlarmError), deferred:
        press(signal.SIGALRM, signal.SIGINT)
    assert len(heard) == 3
    for signum, handler in installed.items():
        assert signal.getsignal(signum) is handler


@pytest.mark.parametrize("kind", [signal.SIG_IGN, signal.SIG_DFL])
def test_handlers_that_are_not_pythons_stay(handlers, kind):
    signal.signal(signal.SIGUSR1, kind)
    with deferred:
        assert signal.getsignal(signal.SIGUSR1) is kind


def test_other_threads_replace_nothing():
    seen = []

    def work():
        with deferred:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_an_error_leaves_the_handlers_as_they_were():
    with pytest.raises(ZeroDivisionError), deferred:
        raise ZeroDivisionError

    def work():
        with deferred:
            press()
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_to_the_end_repeats_what_a_debugger_interrupts():
    calls = []

    def work():
        calls.append(1)
        if len(calls) < 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_the_end(work)
    assert len(calls) == 3


def test_ctrl_c_is_heard_while_another_thread_compiles():
    has_lock, release = threading.Event(), threading.Event()

    def compile_for_long():
        with undivided():
            has_lock.set()
            release.wait(60)

    thread = threading.Thread(target=compile_for_long)
    thread.start()
    has_lock.wait()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt), undivided():
            pass
    finally:
        release.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_waits_for_a_thread_that_compiles():
    has_lock, done = threading.Event(), []

    def compile_for_a_while():
        with undivided():
            has_lock.set()
            threading.Event().wait(0.2)
            done.append(1)

    thread = threading.Thread(target=compile_for_a_while)
    thread.start()
    has_lock.wait()
    child = os.fork()
    if child == 0:
        free = all(lock.acquire(timeout=0) is not False for lock in fork_locks[:1])
        own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        os._exit(0 if done and free and own else 1)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.compiled
def test_ctrl_c_ends_a_compilation_which_can_be_repeated(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path))
    compiler = kernels.compiler.compile
    on_start, passes = compiler._SafePoints.on_start, []

    def interrupting(listener, event):
        passes.append(event)
        if len(passes) in (1, 40, 90):
            press()
        return on_start(listener, event)

    @compiler.subroutine
    def square(x):
        return x * x

    @compiler.entry_point
    def kernel(x):
        return square(x) + square(x + 1.0)

    with monkeypatch.context() as patch:
        patch.setattr(compiler._SafePoints, "on_start", interrupting)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                kernel(2.0)
    assert kernel(2.0) == 13.0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.compiled
def test_what_a_handler_raises_is_not_changed_by_numba(handlers, monkeypatch, tmp_path):
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path))

    def fail(signum, frame):
        raise AlarmError("too late")

    signal.signal(signal.SIGALRM, fail)
    compiler = kernels.compiler.compile

    @compiler.entry_point
    def kernel(x):
        return x

    monkeypatch.setattr(compiler, "_announce", lambda: press(signal.SIGALRM))
    with pytest.raises(AlarmError, match="too late"):
        kernel(1.0)
    monkeypatch.undo()
    assert kernel(1.0) == 1.0


@pytest.mark.compiled
def test_ctrl_c_ends_the_wait_for_another_process(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path))
    compiler, cache = kernels.compiler.compile, kernels.compiler.cache

    def new_kernel():
        @compiler.entry_point
        def kernel(x):
            return x + 1.0

        return kernel

    first, second = new_kernel(), new_kernel()
    wait = cache.KernelCache._pause

    def interrupted(waiting):
        press()
        wait(waiting)

    monkeypatch.setattr(cache.KernelCache, "_pause", interrupted)
    signature = (numba.float64,)
    # as another process would
    assert first._cache.load_overload(signature, first.targetctx) is None
    with pytest.raises(KeyboardInterrupt):
        second(1.0)
    first._cache.unlock()
    assert second(1.0) == 2.0
    assert [file.suffix for file in tmp_path.iterdir()] == [".bin"]


@pytest.mark.compiled
def test_first_calls_can_be_interrupted():
    # `python -m tests.fuzz.interruptions 300` is the long version.
    cache = kernels.compiler.cache.usable_folder()
    results = list(interruptions.run(3, 5, 2, kinds=("fit",), cache=cache))
    assert [result.failure for result in results] == [""] * 3


def test_threads_that_outlive_the_main_thread_and_atexit_can_train():
    program = """
        import atexit, threading, fastnn

        X, y = fastnn.datasets.xor_grid(40)

        def work():
            net = fastnn.mlp(2, 3, 1, seed=0)
            net.fit(X, y, epochs=3, lr=0.1, batch_size="full", n_jobs=2)
            net.fit_many(X[:4], y[:4], seeds=range(4), epochs=2, lr=0.1, n_jobs=2)
            print("done", flush=True)

        def outlive():
            threading.main_thread().join()
            work()

        threading.Thread(target=outlive).start()
        atexit.register(work)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.stdout == "done\ndone\n", ended.stderr
    assert ended.returncode == 0
