"""Ctrl-C in a training, and how soon it is noticed."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from nets import xor_net

import fastnn
from fastnn.training import progress, trainer


def test_an_update_that_takes_long_is_divided(monkeypatch, chunks):
    chunks(64)
    X, y = fastnn.datasets.xor_grid(
        40
    )  # 1,600 rows in one batch: parts of four tiles, 256 rows
    seen = []

    def wide():  # with so many units a tile has 64 samples
        return fastnn.mlp(2, 40, 1, activation="tanh", seed=1)

    def update(self, done, *texts):
        seen.append(done)
        if done > 1.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.ProgressBar, "update", update)
    net = wide()
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y, epochs=3, lr=0.1, batch_size="full")
    assert seen[:8] == [0.16, 0.32, 0.48, 0.64, 0.8, 0.96, 1.0, 1.16]
    assert net.history.updates == 1
    monkeypatch.undo()
    twin = wide()
    twin.fit(X, y, epochs=1, lr=0.1, batch_size="full")
    assert twin.theta.tobytes() == net.theta.tobytes()


@pytest.mark.compiled
@pytest.mark.parametrize(
    "how",
    [
        {"batch_size": 1, "loop": "general"},
        {"batch_size": 1, "loop": "specialised"},
        {"batch_size": 64},
        {"batch_size": "full", "n_jobs": 2},
    ],
)
def test_ctrl_c_ends_fit_at_once_with_a_usable_model(how):
    X, y = fastnn.datasets.xor_grid(100)
    net = xor_net()
    net.fit(X, y, epochs=1, lr=0.1, **how)  # compiled by now
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y, epochs=1_000_000, lr=0.1, shuffle=False, **how)
    history = net.history
    assert 0 < history.epochs < 1_000_000
    assert np.isfinite(history.loss).all()
    assert np.isfinite(net.theta).all()

    twin = xor_net()
    twin.fit(X, y, epochs=1, lr=0.1, **how)
    again = twin.fit(X, y, epochs=history.epochs, lr=0.1, shuffle=False, **how)
    assert again.loss.tobytes() == history.loss.tobytes()


def test_an_interruption_between_chunks_loses_nothing(monkeypatch, chunks):
    chunks(25)
    X, y = fastnn.datasets.xor_grid(10)
    calls = []

    def update(self, done, *texts):
        calls.append(done)
        if done == 250:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.ProgressBar, "update", update)
    net = xor_net()
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y, epochs=10, lr=0.1, shuffle=False)
    assert net.history.updates == 250
    assert net.history.epochs == 2
    monkeypatch.undo()
    twin = xor_net()
    history = twin.fit(X, y, epochs=2, lr=0.1, shuffle=False)
    assert history.loss.tobytes() == net.history.loss.tobytes()
    twin.fit(X[:50], y[:50], epochs=1, lr=0.1, shuffle=False)
    assert twin.theta.tobytes() == net.theta.tobytes()


def run_and_interrupt(make, at, chunks_of):
    """Train, with Ctrl-C at the at-th line that training executes; the net, or None if it was over by then."""
    lines = [0]

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.endswith(
            ("trainer.py", "state.py", "layerwise.py", "fused.py")
        ):
            return None
        if event == "line":
            lines[0] += 1
            if lines[0] == at:
                raise KeyboardInterrupt
        return trace

    net, fit = make()
    chunks_of()
    sys.settrace(trace)
    try:
        fit(net)
    except KeyboardInterrupt:
        return net
    except fastnn.DivergenceError:
        return None
    finally:
        sys.settrace(None)
    return None


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["fused", "layer by layer", "one that diverges"])
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_ctrl_c_at_any_line_leaves_a_net_that_fits_its_history(chunks, kind):
    X, y = fastnn.datasets.xor_grid(5)
    rule = fastnn.SGD(0.1, momentum=0.5)

    def make():
        if kind == "one that diverges":  # a weight overflows while losses stay finite
            start = [[[1e300], [1.0]], [0.0], [[1.0]], [0.0]]
            net = fastnn.mlp(2, 1, 1, init=start)
            options = {"optimizer": fastnn.SGD(0.5, weight_decay=20.0), "epochs": 40}
        else:
            first = (
                fastnn.MatMul(2, 3) if kind == "layer by layer" else fastnn.Affine(2, 3)
            )
            net = fastnn.Sequential([first, fastnn.Tanh(), fastnn.Affine(3, 1)], seed=1)
            options = {"optimizer": rule, "epochs": 4}
        return net, lambda net: net.fit(
            X, y, batch_size=10, shuffle=False, progress=False, **options
        )

    # the parameters after each number of updates, from a run in chunks of one batch
    chunks(10)
    wanted = {}

    def note(self, done, *texts):
        wanted[int(done)] = recorded.theta.tobytes()

    recorded, fit = make()
    wanted[0] = recorded.theta.tobytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress.ProgressBar, "update", note)
        with contextlib.suppress(fastnn.DivergenceError):
            fit(recorded)
    stopped = 0
    for at in range(1, 400, 3):
        net = run_and_interrupt(make, at, lambda: chunks(35))
        if net is None:
            break
        if net.history is None:  # before the first line of the training itself
            continue
        stopped += 1
        assert np.isfinite(net.theta).all()
        assert wanted[net.history.updates] == net.theta.tobytes()
        assert net.history.epochs == net.history.updates // 3
    assert stopped > 10


def test_chunks_are_well_under_a_tenth_of_a_second():
    pace = trainer.ChunkSizer(1)
    for _ in range(20):
        pace.measured(pace.samples, pace.samples * 1e-6)
    assert 20_000 <= pace.samples <= 40_000  # 1 µs a sample
    pace.measured(pace.samples, 1.0)  # the machine got slower
    assert pace.samples < 2_000
    pace.measured(1, 10.0)
    assert pace.samples == 1


@pytest.mark.compiled
def test_ctrl_c_in_a_program_of_its_own(tmp_path):
    program = """
        import fastnn
        X, y = fastnn.datasets.xor_grid(100)
        net = fastnn.mlp(2, 2, 1)
        net.fit(X, y, epochs=1, lr=0.1)
        print("ready", flush=True)
        try:
            net.fit(X, y, epochs=4000, lr=0.1)  # two seconds; more would be a loop of its own, to be compiled first
        except KeyboardInterrupt:
            print("interrupted", net.history.epochs > 0, net.score(X, y) > 0.3)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert out == "interrupted True True\n"
