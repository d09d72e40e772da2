"""The progress bar."""

import io
import sys

import pytest
from nets import xor_net
from terminal import Terminal

import fastnn
from fastnn.training import progress


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
        history = xor_net().fit(
            *fastnn.datasets.xor_gate(), epochs=5, lr=0.1, progress=True
        )
    assert history.epochs == 5
