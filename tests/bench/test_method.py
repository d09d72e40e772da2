"""Tests of the timing of contenders, and of the processes that they run in."""

import dataclasses
import math
import os
from contextlib import closing

import numpy as np
import pytest
from bench_fakes import ALL, PLAN, FakeWorkers, naive_loss, small

from bench import method
from bench.contenders import Unsupported
from bench.method import Workers
from bench.quiet import Usual
from bench.results import CaseResult, Row
from bench.worker import Failed, Hanging, NotInstalled, Worker, timed


def measured(workers, case=None, plan=PLAN):
    case = small(ALL["spiral batch 30"]) if case is None else case
    result = CaseResult.of(case, 1e-9)
    method.measure(result, case, workers, plan, lambda text: None)
    return result


def test_only_contenders_that_reach_the_loss_are_timed():
    right = method.reference(small(ALL["spiral batch 30"]))
    workers = FakeWorkers(
        ours=(right, 0.02),
        jax_scan=(right * (1 + 1e-8), 0.01),
        pytorch=(NotInstalled("no torch"), 0),
        fann=(Unsupported("only sums"), 0),
        c_sizes=(Failed("ended with code -11"), 0),
        numpy_layers=(math.nan, 0.01),
        numpy_vectorised=(right * (1 + 1e-10), 0.04),
    )
    rows = {row.contender: row for row in measured(workers).rows}
    assert {name: row.status for name, row in rows.items()} == {
        "ours": "timed",
        "jax_scan": "invalid",
        "pytorch": "not installed",
        "fann": "unsupported",
        "c_sizes": "failed",
        "numpy_layers": "invalid",
        "numpy_vectorised": "timed",
    }
    assert [name for name, row in rows.items() if row.seconds] == [
        "ours",
        "numpy_vectorised",
    ]
    assert "the right one" in rows["jax_scan"].why
    assert "pip install torch" in rows["pytorch"].why
    assert "-11" in rows["c_sizes"].why


def test_contenders_take_turns_and_ratios_are_formed_within_rounds():
    right = method.reference(small(ALL["spiral batch 30"]))
    workers = FakeWorkers(
        ours=(right, 0.02), c_sizes=(right, 0.01), jax_scan=(right, 0.04)
    )
    result = measured(workers)
    assert workers.log[-9:] == ["ours", "c_sizes", "jax_scan"] * 3
    ours, c, jax = result.rows
    ours.seconds, c.seconds = [1.0, 2.0, 4.0], [2.0, 4.0, 8.0]
    assert result.ratios(c) == [2.0, 2.0, 2.0]
    assert result.nearest() is jax


def test_shuffled_rows_are_timed_from_the_third_turn_of_each_process():
    case = small(ALL["spiral batch 30 shuffled"])
    logs = []
    for each in (case, dataclasses.replace(case, shuffled=False)):
        right = method.reference(each)
        workers = FakeWorkers(ours=(right, 0.02), c_sizes=(right, 0.01))
        plan = dataclasses.replace(PLAN, rounds=6, processes=2)
        ours, _ = measured(workers, each, plan).rows
        assert len(ours.seconds) == 6
        logs.append([part.split() for part in " ".join(workers.log).split("restart")])
    for warm, cold in zip(*logs, strict=True):
        turns = ["ours", "ours", "c_sizes", "c_sizes"] + ["ours", "c_sizes"] * 3
        assert warm[-10:] == turns
        assert len(warm) == len(cold) + 4


def test_rounds_are_spread_over_processes_and_starts_are_recorded():
    right = method.reference(small(ALL["spiral batch 30"]))
    workers = FakeWorkers(ours=(right, 0.02), c_sizes=(right, 0.01))
    plan = dataclasses.replace(PLAN, rounds=5, processes=3)
    ours, _ = measured(workers, plan=plan).rows
    assert len(ours.seconds) == 6  # two in each process
    _, *later = " ".join(workers.log).split("restart")
    assert [part.count("ours") for part in later] == [4, 4]  # two validate
    assert (ours.imported, ours.first_empty, ours.first_filled) == (0.5, 0.27, 0.27)


def test_a_contender_without_budget_is_not_prepared_in_a_third_process():
    right = method.reference(small(ALL["spiral batch 30"]))
    workers = FakeWorkers(ours=(right, 0.02), c_sizes=(right, 2.0))
    _, c = measured(
        workers, plan=dataclasses.replace(PLAN, processes=3, budget=1.0)
    ).rows
    assert len(c.seconds) == 1
    _, second, third = " ".join(workers.log).split("restart")
    assert "c_sizes" in second  # for the cost of a new process
    assert "c_sizes" not in third


def test_slow_contenders_get_fewer_epochs_than_quick_ones():
    right = method.reference(small(ALL["spiral batch 30"]))
    case = dataclasses.replace(small(ALL["spiral batch 30"]), epochs=50)
    workers = FakeWorkers(
        ours=(right, 1e-5),
        c_sizes=(right, 0.001),
        jax_scan=(right, 3.0),
        fann=(right, 60.0),
        joblib_processes=(right, 0.5),
    )
    epochs = {row.contender: row.epochs for row in measured(workers, case).rows}
    assert epochs["ours"] == 50
    assert 5 <= epochs["c_sizes"] <= 10  # a turn of 0.01 s
    assert epochs["jax_scan"] == 1
    # A whole training, because of its fixed cost per net.
    assert epochs["joblib_processes"] == 50
    longer = dataclasses.replace(case, epochs=5_000)
    epochs = {row.contender: row.epochs for row in measured(workers, longer).rows}
    assert epochs["joblib_processes"] == math.ceil(10_000 / case.units)
    longer = dataclasses.replace(case, least_epochs=20)
    epochs = {row.contender: row.epochs for row in measured(workers, longer).rows}
    assert epochs["jax_scan"] == 20
    turns = {row.contender: len(row.seconds) for row in measured(workers, case).rows}
    others = ("ours", "c_sizes", "jax_scan", "joblib_processes")
    # Two turns of 60 s exceed the budget of 100 s.
    assert turns == {"fann": 2, **dict.fromkeys(others, 3)}


def test_first_epochs_are_timed_in_new_processes(tmp_path):
    case = small(ALL["spiral batch 30"])
    result = CaseResult.of(case, 1e-9)
    plan = dataclasses.replace(PLAN, processes=2, rounds=2)
    usual = Usual()
    with Workers(["numpy_vectorised"], 1, tmp_path, usual).open() as workers:
        method.measure(result, case, workers, plan, lambda text: None)
    (row,) = result.rows
    assert 1e-5 < usual.least < 1.0  # the loop ran in the contender's process
    assert row.status == "timed"
    assert len(row.seconds) == 2
    assert min(row.imported, row.first_empty, row.first_filled) > 0


@pytest.mark.parametrize(("at_least", "times"), [(0.0, 1), (0.5, 1), (2.5, 5)])
def test_short_trainings_are_repeated_and_their_mean_counts(
    at_least, times, monkeypatch
):
    clock, trained = [0.0], []

    def run(epochs):
        trained.append(epochs)
        clock[0] += 0.25 * epochs
        return 1.0

    monkeypatch.setattr("bench.worker.time.perf_counter", lambda: clock[0])
    case = small(ALL["spiral batch 30"])
    assert timed(case, run, 2, at_least) == (0.5, 1.0)
    assert trained == [1] + [2] * times  # the first one is not counted


def test_disturbed_turns_do_not_count_where_there_are_others():
    right = method.reference(small(ALL["spiral batch 30"]))
    workers = FakeWorkers(
        ours=(right, 0.02), c_sizes=(right, 0.01), jax_scan=(right, 0.04)
    )
    # A turn has a check before and one after: ours is disturbed before its first turn,
    # C after its second, and JAX before all three.
    workers.noises = (0, 4, 9, 10, 16)
    ours, c, jax = measured(workers).rows
    assert (ours.disturbed, c.disturbed, jax.disturbed) == ([0], [1], [0, 1, 2])
    assert (ours.counted, c.counted, jax.counted) == ([1, 2], [0, 2], [0, 1, 2])


def test_turns_are_repeated_for_a_third_of_their_length():
    right = method.reference(small(ALL["spiral batch 30"]))
    workers = FakeWorkers(ours=(right, 0.02), c_sizes=(right, 0.01))
    measured(workers)
    assert workers.at_least[-6:] == [PLAN.turn / 3] * 6
    assert set(workers.at_least[:-6]) == {0.0}


def test_a_worker_runs_in_a_process(tmp_path):
    case = small(ALL["xor-grid per sample"])
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        assert worker.versions.startswith(f"NumPy {np.__version__} with ")
        assert worker.started > 0
        assert worker.prepare(case) > 0
        seconds, loss = worker.run(case.checked_epochs)
        assert seconds > 0
        assert loss == pytest.approx(naive_loss(case), rel=1e-12)
        with pytest.raises(Unsupported, match="one net"):
            worker.prepare(small(ALL["xor-grid 256 nets"]))
        with pytest.raises(Failed, match="TypeError"):
            worker.run(1)  # nothing is prepared
        worker._process.kill()
        with pytest.raises(Failed, match="ended with code"):
            worker.prepare(case)


def test_a_worker_that_does_not_reply_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.worker.REPLY_TIMEOUT", 0.01)
    with pytest.raises(Hanging, match="did not reply within"):
        Worker("numpy_layers", 1, tmp_path)
    workers = Workers(["numpy_layers"], 1, tmp_path, Usual())
    row = Row("numpy_layers", "NumPy")
    with method.recording_failures(row, workers):
        workers.worker("numpy_layers")
    assert row.status == "failed"
    with pytest.raises(Hanging):  # at once
        workers.worker("numpy_layers")


def test_a_contender_that_cannot_be_imported_is_not_installed(tmp_path):
    with pytest.raises(NotInstalled, match="no_such_contender"):
        Worker("no_such_contender", 1, tmp_path)


def test_closing_a_worker_ends_its_children(tmp_path, monkeypatch):
    """Processes that a library started would slow down the next contender."""
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        group = os.getpgid(worker._process.pid)
        assert group != os.getpgid(0)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_a_worker_runs_on_its_own_cpu(tmp_path):
    before = os.sched_getaffinity(0)
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        assert len(os.sched_getaffinity(worker._process.pid)) == 1
    assert os.sched_getaffinity(0) == before
