"""Progress bar of one training."""

import builtins
import importlib.util
import io
import json
import math
import subprocess
import sys
from itertools import pairwise

import pytest
from nets import xor_net
from terminal import Terminal

import fastnn
from fastnn.training import progress

GRID = fastnn.datasets.xor_grid(10)


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes stderr a terminal, and returns its stream.

    The test calls it, as pytest replaces stderr after the fixtures have run.
    """

    def start():
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "120")
        return stream

    return start


def test_the_bar_shows_epoch_loss_speed_and_time_left(terminal, chunks):
    chunks(50)
    xor_net().fit(*GRID, epochs=1, lr=0.1)  # compiling may say so
    stream = terminal()
    quiet, loud = xor_net(), xor_net()
    quiet.fit(*GRID, epochs=20, lr=0.1, progress=False)
    assert stream.getvalue() == ""
    loud.fit(*GRID, epochs=20, lr=0.1, progress=True)
    shown = stream.getvalue()
    for part in ("epoch 20/20", "loss 0.", "samples/s", "0:00:00 left"):
        assert part in shown
    assert loud.theta.tobytes() == quiet.theta.tobytes()


def test_a_bar_that_nobody_asked_for_appears_only_after_a_while(
    terminal, chunks, monkeypatch
):
    chunks(50)
    stream = terminal()
    # The training takes less time than this, however slow the machine is.
    monkeypatch.setattr(progress, "PATIENCE", math.inf)
    xor_net().fit(*GRID, epochs=5, lr=0.1)
    assert stream.getvalue() == ""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    xor_net().fit(*GRID, epochs=5, lr=0.1)
    assert "samples/s" in stream.getvalue()


def test_no_bar_appears_outside_a_terminal(monkeypatch, chunks):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    chunks(50)
    xor_net().fit(*GRID, epochs=5, lr=0.1)
    assert stream.getvalue() == ""


def test_the_callers_own_display_is_left_alone(terminal):
    from rich.console import Console
    from rich.progress import Progress

    terminal()
    with Progress(console=Console(stderr=True)):
        history = xor_net().fit(
            *fastnn.datasets.xor_gate(), epochs=5, lr=0.1, progress=True
        )
    assert history.epochs == 5


@pytest.fixture
def notebook(monkeypatch):
    """Return a function as `terminal` does, for a notebook as Rich knows one."""

    class ZMQInteractiveShell:
        pass

    def start():
        stream = io.StringIO()
        monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return start


@pytest.mark.parametrize("show", [None, True])
def test_a_notebook_has_a_bar_of_text(show, notebook, chunks, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_REFRESH", 0.0)
    chunks(50)
    stream = notebook()
    xor_net().fit(*GRID, epochs=20, lr=0.1, progress=show)
    first, *lines = stream.getvalue().split("\r")
    assert first == ""
    assert len(lines) > 10
    assert lines[-1].startswith("#" * 40 + " epoch 20/20 loss 0.")
    assert lines[-1].endswith("samples/s 0:00:00 left\n")
    done = [line.partition(" ")[0] for line in lines]
    assert {len(bar) for bar in done} == {40}
    assert done == sorted(done, key=lambda bar: bar.count("#"))
    # Each line covers the one before it.
    assert all(len(a.rstrip()) <= len(b) for a, b in pairwise(lines))


def test_a_short_training_in_a_notebook_shows_nothing(notebook):
    stream = notebook()
    xor_net().fit(*GRID, epochs=1, lr=0.1)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("where", ["terminal", "notebook"])
def test_a_stream_that_breaks_does_not_stop_the_training(
    where, chunks, monkeypatch, request
):
    class Broken(Terminal):
        def write(self, _):
            raise BrokenPipeError(32, "Broken pipe")

    request.getfixturevalue(where)()
    monkeypatch.setattr(progress, "_REFRESH", 0.0)
    chunks(50)
    xor_net().fit(*GRID, epochs=1, lr=0.1)
    closed = Terminal()
    closed.close()
    for stream in (Broken(), closed, None):
        monkeypatch.setattr(sys, "stderr", stream)
        history = xor_net().fit(*GRID, epochs=5, lr=0.1, progress=True)
        assert history.epochs == 5


NOTEBOOK = """
import json, sys
import nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(cell) for cell in json.loads(sys.argv[1])]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
print(json.dumps([cell.outputs for cell in notebook.cells]))
"""


@pytest.mark.skipif(
    any(not importlib.util.find_spec(name) for name in ("nbclient", "ipykernel")),
    reason="needs nbclient and ipykernel, as the extra test installs them",
)
def test_an_executed_notebook():
    cells = (
        "import warnings; warnings.simplefilter('error'); import fastnn",
        "gate, net = fastnn.datasets.xor_gate(), fastnn.mlp(2, 2, 1)",
        "history = net.fit(*gate, epochs=3, lr=0.1, progress=True)",
        "runs = net.fit_many(*gate, seeds=[1], epochs=3, lr=0.1, progress=True)",
        "runs.table()",
    )
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, json.dumps(cells)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    *silent, fit, many, table = json.loads(done.stdout)
    assert silent == [[], []]
    for outputs, unit in ((fit, "samples/s"), (many, "updates/s")):
        assert {output.get("name") for output in outputs} == {"stderr"}, outputs
        shown = "".join(output["text"] for output in outputs)
        assert "#" * 40 in shown
        assert unit in shown
    assert "text/plain" in table[-1]["data"]
