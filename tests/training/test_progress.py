"""Progress bar of one training."""

import io
import math
import sys

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
