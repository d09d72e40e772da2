"""Tests of the threads that train the parts of a store, where there is no executor."""

import signal
import threading
import time

import pytest
from sweep_results import assert_same_runs

import fastnn
from fastnn.sweeps import distribution, executors, scheduler

SPIRAL = fastnn.datasets.spiral(12)
NET = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)
OPTIONS = {"seeds": range(200), "epochs": 12, "lr": 0.3}


@pytest.mark.compiled
def test_each_thread_has_a_part_of_its_own(tmp_path, monkeypatch):
    together = threading.Barrier(2)

    def wait_for_the_other(work, part, stop):
        if part.start >= 64:
            together.wait(timeout=60)
        return train_part(work, part, stop)

    train_part = executors.train_part
    monkeypatch.setattr(executors, "train_part", wait_for_the_other)
    monkeypatch.setattr(executors, "thread_count", lambda n_jobs: n_jobs)
    monkeypatch.setattr(distribution.PartSize, "next", lambda self, *left: 32)
    options = OPTIONS | {"seeds": range(64 + 4 * 32)}
    monkeypatch.setattr(distribution.secrets, "randbelow", lambda n: 0)
    runs = NET.fit_many(*SPIRAL, **options, store=tmp_path, n_jobs=2)
    assert_same_runs(runs, NET.fit_many(*SPIRAL, **options))


@pytest.mark.compiled
def test_ctrl_c_ends_the_parts_under_way_and_keeps_the_finished(tmp_path, monkeypatch):
    train_block, slow = scheduler.train_block, []

    def train_until_stopped(nets, stage, block, report):
        """Train; the first thread that comes never ends its block."""
        if not slow:
            slow.append(threading.current_thread())
        if threading.current_thread() is slow[0]:
            while report(0):
                time.sleep(0.001)
        return train_block(nets, stage, block, report)

    class PressesCtrlC(distribution.ProgressBar):
        def update(self, made, position, note="", saved=0):
            if made:
                signal.raise_signal(signal.SIGINT)

    expected, n_threads = NET.fit_many(*SPIRAL, **OPTIONS), threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(executors, "thread_count", lambda n_jobs: n_jobs)
        patch.setattr(distribution, "ProgressBar", PressesCtrlC)
        patch.setattr(scheduler, "train_block", train_until_stopped)
        with pytest.raises(KeyboardInterrupt):
            NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path, n_jobs=2)
    assert threading.active_count() == n_threads
    kept = NET.runs
    assert 0 < len(kept) < 200
    assert_same_runs(kept, expected[kept.seeds])
    assert_same_runs(NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path), expected)


@pytest.mark.compiled
def test_without_threads_the_caller_trains(tmp_path, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    expected = NET.fit_many(*SPIRAL, **OPTIONS)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    runs = NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path, n_jobs=2, progress=False)
    assert_same_runs(runs, expected)
