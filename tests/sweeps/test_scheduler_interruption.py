"""Ctrl-C, errors and progress in a sweep: what stops it, and what it keeps."""

import signal
import sys
import threading
import time

import numpy as np
import pytest
from terminal import Terminal

import fastnn
from fastnn.sweeps import scheduler, state

GATE = fastnn.datasets.xor_gate()
OPTIONS = {"epochs": 400, "lr": 2.0, "batch_size": "full", "seeds": range(150)}


@pytest.mark.compiled
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_is_heard_within_a_batch_and_ends_all_threads(
    n_jobs, monkeypatch, chunks
):
    chunks(100)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1000, 5)), rng.integers(0, 3, 1000)
    net = fastnn.mlp(5, 4, 3, seed=1)
    options = {"epochs": 1000, "lr": 0.1, "batch_size": "full", "n_jobs": n_jobs}
    reported = []
    train_block = scheduler.train_block

    class Interrupting(scheduler.ProgressBar):
        def update(self, made, position, note="", saved=0):
            if reported:
                signal.raise_signal(signal.SIGINT)

    def train_until_ctrl_c(nets, stage, block, report):
        def report_until_stopped(updates):
            reported.append(updates)
            while report(updates):
                time.sleep(0.001)
            return False

        return train_block(nets, stage, block, report_until_stopped)

    n_threads = threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "ProgressBar", Interrupting)
        patch.setattr(scheduler, "train_block", train_until_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            net.fit_many(X, y, seeds=range(200), **options)
    # The first chunk has 100 of a batch's 1,000 rows: no update is complete.
    assert set(reported) == {0}
    assert net.runs is None
    assert threading.active_count() == n_threads
    runs = net.fit_many(X, y, seeds=[0], **(options | {"epochs": 1}))
    assert np.isfinite(runs.loss).all()


def test_an_error_in_a_thread_ends_the_others(monkeypatch):
    def fail(*arguments):
        raise MemoryError("no more")

    n_threads = threading.active_count()
    monkeypatch.setattr(scheduler, "train_block", fail)
    with pytest.raises(MemoryError, match="no more"):
        fastnn.mlp(2, 2, 1).fit_many(
            *GATE, seeds=range(300), epochs=2, lr=0.1, n_jobs=2
        )
    assert threading.active_count() == n_threads


class PressesCtrlC(scheduler.ProgressBar):
    """Sends the signal of Ctrl-C when the first nets are finished."""

    def update(self, made, position, note="", saved=0):
        if not position.startswith("0/"):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.compiled
def test_ctrl_c_keeps_the_nets_that_are_finished(monkeypatch):
    X, y = fastnn.datasets.xor_grid(20)
    net = fastnn.mlp(2, 8, 1)
    options = {"epochs": 20, "lr": 0.1, "n_jobs": 1}
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "ProgressBar", PressesCtrlC)
        # It looks after each block, so that a fast machine has not trained them all.
        patch.setattr(scheduler, "_LOOK_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            net.fit_many(X, y, seeds=range(300), **options)
    finished = net.runs
    assert 0 < len(finished) < 300
    assert np.isfinite(finished.final_loss).all()
    assert (finished.trained == 20).all()
    assert (finished.seeds == np.arange(len(finished))).all()
    alone = net.fit_many(X, y, seeds=[2], **options)
    assert (alone.theta[0] == finished.theta[2]).all()
    assert net.runs is None


@pytest.mark.compiled
def test_ctrl_c_keeps_finished_nets_of_several_threads(monkeypatch):
    X, y = fastnn.datasets.xor_grid(20)
    net = fastnn.mlp(2, 2, 1)
    monkeypatch.setattr(scheduler, "ProgressBar", PressesCtrlC)
    # It looks after each block, so that a fast machine has not trained them all.
    monkeypatch.setattr(scheduler, "_LOOK_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        net.fit_many(X, y, epochs=10, lr=0.1, seeds=range(1000), n_jobs=2)
    assert 0 < len(net.runs) < 1000
    assert np.isfinite(net.runs.final_loss).all()


@pytest.mark.compiled
@pytest.mark.parametrize("options", [{"stop_below": 0.3}, {"losses": "percentiles"}])
def test_ctrl_c_keeps_all_nets_up_to_the_last_stage(options, monkeypatch):
    # Small windows make several stages of a short training.
    monkeypatch.setattr(state, "WINDOW", 1000)
    net = fastnn.mlp(2, 2, 1)
    whole = net.fit_many(*GATE, **OPTIONS, **options)

    class Interrupting(scheduler.ProgressBar):
        """Stands for Ctrl-C when a quarter of the updates are made."""

        def update(self, made, position, note="", saved=0):
            if made >= whole.updates / 4:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "ProgressBar", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            net.fit_many(*GATE, **OPTIONS, **options)
    runs = net.runs
    assert len(runs) == 150
    reached = int(runs.trained.max())
    assert 0 < reached < 400
    assert (runs.trained == np.minimum(whole.trained, reached)).all()
    shorter = net.fit_many(*GATE, **(OPTIONS | {"epochs": reached}), **options)
    assert (runs.theta == shorter.theta).all()
    medians = whole.loss_quantiles(0.5)[: len(runs.epochs)]
    assert (runs.loss_quantiles(0.5) == medians).all()


@pytest.mark.compiled
def test_the_bar_shows_nets_speed_and_time_left(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    fastnn.mlp(2, 2, 1).fit_many(*GATE, progress=True, stop_below=0.3, **OPTIONS)
    for part in ("150/150 nets", "updates/s", "0:00:00 left"):
        assert part in stream.getvalue()
