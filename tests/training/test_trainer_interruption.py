"""Ctrl-C in a training: when it is heard, and what the net is afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from functools import partial

import numpy as np
import pytest
from nets import xor_net

import fastnn
from fastnn.training import trainer


def interrupting_bar(made):
    """Return a progress bar that stands for Ctrl-C once this many updates are made.

    The list that is returned with it gets each number of updates that it was shown.
    """
    shown = []

    class Interrupting(trainer.ProgressBar):
        def is_due(self, done):
            return True

        def update(self, done, position, note="", saved=0):
            shown.append(done)
            if done >= made:
                raise KeyboardInterrupt

    return Interrupting, shown


def test_a_large_batch_is_divided_into_chunks(monkeypatch, chunks):
    # 1,600 rows make parts of 256 rows, which are four tiles: with 40 hidden units a
    # tile has 64 samples.
    chunks(64)
    X, y = fastnn.datasets.xor_grid(40)
    net, twin = (fastnn.mlp(2, 40, 1, activation="tanh", seed=1) for _ in range(2))
    bar, shown = interrupting_bar(1.6)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ProgressBar", bar)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, y, epochs=3, lr=0.1, batch_size="full")
    assert shown[:8] == [0.16, 0.32, 0.48, 0.64, 0.8, 0.96, 1.0, 1.16]
    assert net.history.updates == 1
    twin.fit(X, y, epochs=1, lr=0.1, batch_size="full")
    assert twin.theta.tobytes() == net.theta.tobytes()


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("per_epoch", "options"),
    [
        (10_000, {"batch_size": 1, "loop": "general"}),
        (10_000, {"batch_size": 1, "loop": "specialised"}),
        (157, {"batch_size": 64}),
        (1, {"batch_size": "full", "n_jobs": 2}),
    ],
)
def test_ctrl_c_in_a_compiled_loop_leaves_a_usable_net(monkeypatch, per_epoch, options):
    X, y = fastnn.datasets.xor_grid(100)
    options |= {"lr": 0.1}
    net, twin = xor_net(), xor_net()
    net.fit(X, y, epochs=1, **options)
    in_second_epoch = threading.Event()

    class Announcing(trainer.ProgressBar):
        def is_due(self, done):
            return True

        def update(self, made, position, note="", saved=0):
            if made >= per_epoch:
                in_second_epoch.set()

    def press_ctrl_c():
        in_second_epoch.wait()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_ctrl_c, daemon=True).start()
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ProgressBar", Announcing)
        # The training lasts for minutes, so the signal comes before its end.
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, y, epochs=1_000_000, shuffle=False, **options)
    history = net.history
    assert 0 < history.epochs < 1_000_000
    assert np.isfinite(history.loss).all()
    assert np.isfinite(net.theta).all()

    twin.fit(X, y, epochs=1, **options)
    expected = twin.fit(X, y, epochs=history.epochs, shuffle=False, **options)
    assert expected.loss.tobytes() == history.loss.tobytes()


@pytest.mark.compiled
def test_ctrl_c_interrupts_a_program_of_its_own(tmp_path):
    program = """
        import fastnn
        from fastnn.training import trainer

        class Announcing(trainer.ProgressBar):
            announced = False

            def is_due(self, done):
                return True

            def update(self, made, position, note="", saved=0):
                if made > 10_000 and not self.announced:
                    self.announced = True
                    print("in the second epoch", flush=True)

        trainer.ProgressBar = Announcing
        X, y = fastnn.datasets.xor_grid(100)
        net = fastnn.mlp(2, 2, 1)
        try:
            # The training lasts for minutes, so the signal comes before its end.
            net.fit(X, y, epochs=1_000_000, lr=0.1, loop="general")
        except KeyboardInterrupt:
            print("interrupted", net.history.epochs > 0, net.score(X, y) > 0.3)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert process.stdout.readline() == "in the second epoch\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    finally:
        process.kill()
    assert out == "interrupted True True\n"


def test_ctrl_c_between_chunks_loses_no_update(monkeypatch, chunks):
    chunks(25)
    X, y = fastnn.datasets.xor_grid(10)
    net, (bar, _) = xor_net(), interrupting_bar(250)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ProgressBar", bar)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, y, epochs=10, lr=0.1, shuffle=False)
    assert net.history.updates == 250
    assert net.history.epochs == 2
    twin = xor_net()
    history = twin.fit(X, y, epochs=2, lr=0.1, shuffle=False)
    assert history.loss.tobytes() == net.history.loss.tobytes()
    twin.fit(X[:50], y[:50], epochs=1, lr=0.1, shuffle=False)
    assert twin.theta.tobytes() == net.theta.tobytes()


def fit_with_ctrl_c_at_line(fit, at):
    """Call fit with Ctrl-C at the at-th line of training; return True if it came."""
    files = ("trainer.py", "state.py", "layerwise.py", "fused.py")
    n_lines = 0

    def trace(frame, event, argument):
        nonlocal n_lines
        if not frame.f_code.co_filename.endswith(files):
            return None
        if event == "line":
            n_lines += 1
            if n_lines == at:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        fit()
    except KeyboardInterrupt:
        return True
    except fastnn.DivergenceError:
        return False
    finally:
        sys.settrace(None)
    return False


def make_training(kind):
    """Return a new net, and the arguments of a fit in batches of 10 of 25 rows."""
    options = {
        "optimizer": fastnn.SGD(0.1, momentum=0.5),
        "epochs": 4,
        "batch_size": 10,
        "shuffle": False,
        "progress": False,
    }
    if kind == "one that diverges":
        # A weight overflows while losses stay finite.
        params = [[[1e300], [1.0]], [0.0], [[1.0]], [0.0]]
        options |= {"optimizer": fastnn.SGD(0.5, weight_decay=20.0), "epochs": 40}
        return fastnn.mlp(2, 1, 1, init=params), options
    first = fastnn.MatMul(2, 3) if kind == "layer by layer" else fastnn.Affine(2, 3)
    layers = [first, fastnn.Tanh(), fastnn.Affine(3, 1)]
    return fastnn.Sequential(layers, seed=1), options


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["fused", "layer by layer", "one that diverges"])
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_after_ctrl_c_at_any_line_the_net_fits_its_history(chunks, kind):
    X, y = fastnn.datasets.xor_grid(5)
    # The parameters after each number of updates, from a run in chunks of one batch.
    chunks(10)
    net, options = make_training(kind)
    expected = {0: net.theta.tobytes()}

    class Noting(trainer.ProgressBar):
        def is_due(self, done):
            return True

        def update(self, made, position, note="", saved=0):
            expected[int(made)] = net.theta.tobytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "ProgressBar", Noting)
        with contextlib.suppress(fastnn.DivergenceError):
            net.fit(X, y, **options)
    chunks(35)
    n_interrupted = 0
    for at in range(1, 400, 3):
        interrupted, options = make_training(kind)
        fit = partial(interrupted.fit, X, y, **options)
        if not fit_with_ctrl_c_at_line(fit, at):
            break
        history = interrupted.history
        if history is None:
            # Ctrl-C came before the training itself.
            continue
        n_interrupted += 1
        assert np.isfinite(interrupted.theta).all()
        assert expected[history.updates] == interrupted.theta.tobytes()
        assert history.epochs == history.updates // 3
    assert n_interrupted > 10
