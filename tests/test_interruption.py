"""What stops a training: Ctrl-C, losses that are not finite; and the progress bar."""

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import fastnn
from fastnn import progress, training


def xor_net(**options):
    return fastnn.mlp(2, 4, 1, activation="tanh", seed=1, **options)


def test_an_update_that_takes_long_is_divided(monkeypatch, chunks):
    chunks(64)
    X, y = fastnn.datasets.xor_grid(40)  # 1,600 rows in one batch: parts of four tiles, 256 rows
    seen = []

    def wide():  # with so many units a tile has 64 samples
        return fastnn.mlp(2, 40, 1, activation="tanh", seed=1)

    def update(self, done, loss):
        seen.append(done)
        if done > 1.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Bar, "update", update)
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

    def update(self, done, loss):
        calls.append(done)
        if done == 250:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Bar, "update", update)
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


def diverge(batch_size, length=None, chunks=None, optimizer=None, activation="relu"):
    if length:
        chunks(length)
    X = np.linspace(-3, 3, 40)[:, None]
    net = fastnn.mlp(1, 3, 1, activation=activation, loss="mse", seed=0)
    with pytest.raises(fastnn.DivergenceError) as caught:
        net.fit(X, 5 * X[:, 0], epochs=400, optimizer=optimizer or fastnn.SGD(5.0), batch_size=batch_size, seed=2)
    return net, caught.value


RUINOUS = {
    "sgd": fastnn.SGD(5.0),
    "momentum": fastnn.SGD(5.0, momentum=0.9),
    "nesterov": fastnn.SGD(5.0, momentum=0.9, nesterov=True),
    "adam": fastnn.Adam(1e160),
}


@pytest.mark.parametrize("rule", RUINOUS)
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")  # of the interpreted run
def test_divergence_is_found_at_its_update_whatever_the_chunk(chunks, rule, batch_size):
    found = set()
    for length in (1, 13, 1_000_000):
        net, error = diverge(batch_size, length, chunks, RUINOUS[rule])
        assert np.isfinite(net.theta).all()
        assert np.isfinite(net.history.loss).all()
        assert net.history.epochs == error.epoch - 1
        found.add((net.theta.tobytes(), error.epoch, error.sample, net.history.updates, net.history.loss.tobytes()))
    assert len(found) == 1


@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_a_diverged_net_goes_on_with_a_smaller_lr():
    net, error = diverge(1)
    for part in ("epoch", "sample", "lr=5", "smaller lr"):
        assert part in str(error)
    assert error.lr == 5.0
    assert 0 <= error.sample < 40
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.epoch, copy.sample, str(copy)) == (error.epoch, error.sample, str(error))
    # the update before the bad one is in: one more sample, the one that the error names, breaks the net
    X = np.linspace(-3, 3, 40)[:, None]
    loss, grads = net.loss_and_grads(X[[error.sample]], 5 * X[[error.sample], 0])
    broken = [param - 5.0 * grad for param, grad in zip(net.params, grads, strict=True)]
    assert not np.isfinite(loss) or not all(np.isfinite(array).all() for array in broken)


@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_a_parameter_that_overflows_counts_as_well():
    # sigmoid saturates: with an infinite first weight the loss would stay finite
    net = fastnn.mlp(1, 1, 1, init=[[[1e308]], [0.0], [[1.0]], [0.0]])
    before = net.theta.copy()
    with pytest.raises(fastnn.DivergenceError, match="epoch 1"):
        net.fit([[1.0]], [1], epochs=3, optimizer=fastnn.SGD(1e300, weight_decay=1e10))
    assert net.theta.tolist() == before.tolist()


@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_a_net_that_is_not_finite_is_not_trained():
    net = xor_net()
    net.theta[3] = np.nan
    with pytest.raises(ValueError, match="parameters are not finite"):
        net.fit(*fastnn.datasets.xor_gate(), epochs=1, lr=0.1)


def test_the_layer_by_layer_path_diverges_and_is_interrupted_alike(chunks):
    def net():
        return fastnn.Sequential([fastnn.MatMul(1, 3), fastnn.ReLU(), fastnn.Affine(3, 1)], "mse", seed=0)

    X = np.linspace(-3, 3, 40)[:, None]
    found = set()
    for length in (1, 1000):
        chunks(length)
        broken = net()
        with np.errstate(all="ignore"), pytest.raises(fastnn.DivergenceError) as caught:
            broken.fit(X, 5 * X[:, 0], epochs=400, lr=5.0, batch_size=7)
        assert np.isfinite(broken.theta).all()
        found.add((broken.theta.tobytes(), caught.value.epoch, caught.value.sample))
    assert len(found) == 1


@pytest.mark.parametrize("stack", ["fused", "layer by layer"])
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_the_sample_that_is_named_is_the_one_to_blame(stack, batch_size):
    # one weight of 1e200, and one row whose output overflows: the 13th of 20, the last but one of the second batch
    X = np.ones((20, 1))
    X[12] = 1e200
    layers = [fastnn.Affine(1, 1), *([] if stack == "fused" else [fastnn.Identity(), fastnn.Affine(1, 1)])]
    arrays = [[[1e200]], [0.0], *([] if stack == "fused" else [[[1.0]], [0.0]])]
    if stack != "fused":
        layers.insert(0, fastnn.Identity())
    net = fastnn.Sequential(layers, "mse", init=arrays)
    with pytest.raises(fastnn.DivergenceError) as caught:
        net.fit(X, np.full(20, 1e200), epochs=1, lr=0.0, batch_size=batch_size, shuffle=False)
    assert caught.value.sample == 12
    assert net.history.updates == {1: 12, 7: 1, "full": 0}[batch_size]


@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_a_rollback_into_the_middle_of_an_update(chunks):
    # batches of 300 rows, chunks of 64: the chunk that breaks a parameter began within its update
    X = np.linspace(-3, 3, 600)[:, None]
    found = set()
    for length in (64, 10**6):
        chunks(length)
        for rule in (fastnn.SGD(5.0, momentum=0.9), fastnn.Adam(1e160)):
            net = fastnn.mlp(1, 3, 1, activation="relu", loss="mse", seed=0)
            with pytest.raises(fastnn.DivergenceError) as caught:
                net.fit(X, 5 * X[:, 0], epochs=400, optimizer=rule, batch_size=300, seed=2)
            assert np.isfinite(net.theta).all()
            found.add((repr(rule), net.theta.tobytes(), caught.value.epoch, caught.value.sample, net.history.updates))
    assert len(found) == 2


def run_and_interrupt(make, at, chunks_of):
    """Train, with Ctrl-C at the at-th line that training executes; the net, or None if it was over by then."""
    lines = [0]

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.endswith(("training.py", "job.py", "layerwise.py", "fused.py")):
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
            first = fastnn.MatMul(2, 3) if kind == "layer by layer" else fastnn.Affine(2, 3)
            net = fastnn.Sequential([first, fastnn.Tanh(), fastnn.Affine(3, 1)], seed=1)
            options = {"optimizer": rule, "epochs": 4}
        return net, lambda net: net.fit(X, y, batch_size=10, shuffle=False, progress=False, **options)

    # the parameters after each number of updates, from a run in chunks of one batch
    chunks(10)
    wanted = {}

    def note(self, done, loss):
        wanted[int(done)] = recorded.theta.tobytes()

    recorded, fit = make()
    wanted[0] = recorded.theta.tobytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress.Bar, "update", note)
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


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A function that makes the standard error stream a terminal (pytest sets its own after the fixtures)."""

    def start():
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "120")
        return stream

    return start


def test_progress_shows_epoch_loss_rate_and_time_left(terminal, chunks):
    chunks(50)
    stream = terminal()
    X, y = fastnn.datasets.xor_grid(10)
    quiet, loud = xor_net(), xor_net()
    quiet.fit(X, y, epochs=20, lr=0.1, progress=False)
    assert stream.getvalue() == ""
    loud.fit(X, y, epochs=20, lr=0.1, progress=True)
    shown = stream.getvalue()
    for part in ("epoch 20/20", "loss 0.", "samples/s", "0:00:00 left"):
        assert part in shown
    assert loud.theta.tobytes() == quiet.theta.tobytes()


def test_a_bar_appears_by_itself_when_it_lasts(terminal, chunks, monkeypatch):
    chunks(50)
    stream = terminal()
    X, y = fastnn.datasets.xor_grid(10)
    xor_net().fit(X, y, epochs=5, lr=0.1)
    assert stream.getvalue() == ""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    xor_net().fit(X, y, epochs=5, lr=0.1)
    assert "samples/s" in stream.getvalue()


def test_no_bar_where_there_is_no_terminal(monkeypatch, chunks):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    chunks(50)
    xor_net().fit(*fastnn.datasets.xor_grid(10), epochs=5, lr=0.1)
    assert stream.getvalue() == ""


def test_a_display_of_the_callers_is_left_alone(terminal):
    from rich.console import Console
    from rich.progress import Progress

    terminal()
    with Progress(console=Console(stderr=True)):
        history = xor_net().fit(*fastnn.datasets.xor_gate(), epochs=5, lr=0.1, progress=True)
    assert history.epochs == 5


def test_chunks_are_well_under_a_tenth_of_a_second():
    pace = training.Pace(1)
    for _ in range(20):
        pace.learn(pace.samples, pace.samples * 1e-6)
    assert 20_000 <= pace.samples <= 40_000  # 1 µs a sample
    pace.learn(pace.samples, 1.0)  # the machine got slower
    assert pace.samples < 2_000
    pace.learn(1, 10.0)
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
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert out == "interrupted True True\n"


@pytest.mark.compiled  # plain NumPy warns of the overflow
@pytest.mark.parametrize("length", [1, 4, 10**6])
@pytest.mark.parametrize(
    "optimizer", [fastnn.SGD(1.0, momentum=0.5), fastnn.Adam(0.1), fastnn.SGD(1e30, weight_decay=1e-32)]
)
def test_divergence_per_sample_is_told_the_same_for_any_chunk(chunks, optimizer, length):
    chunks(length)
    net = fastnn.mlp(1, 1, 1, 1, activation="identity", loss="mse")
    net.theta = [1, 0, 1e200, 0, 1e200, 0]
    X, y = np.zeros((9, 1)), np.zeros(9)
    y[7] = 1  # the first gradient that is not zero, and infinite
    with pytest.raises(fastnn.DivergenceError, match="sample 7"):
        net.fit(X, y, epochs=2, optimizer=optimizer, shuffle=False)
    assert net.history.updates == 7


@pytest.mark.compiled
def test_padding_is_clean_after_an_update_that_broke_it(chunks):
    found = set()
    for length in (1, 10**6):
        chunks(length)
        net = fastnn.mlp(1, 3, 1, activation="tanh", loss="mse", dtype="float32", seed=1)
        X, y = np.ones((9, 1)), np.zeros(9)
        y[7] = 1e9
        with pytest.raises(fastnn.DivergenceError):
            net.fit(X, y, epochs=2, optimizer=fastnn.SGD(1e30, weight_decay=1e-32), shuffle=False)
        found.add((net.theta.tobytes(), net.history.updates))
    assert len(found) == 1
