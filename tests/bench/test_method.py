"""How contenders are timed, and the processes that they run in."""

import dataclasses
import math
import os
from contextlib import closing

import numpy as np
import pytest
from bench_fakes import ALL, PLAN, FakeField, by_naive, small

from bench import method
from bench.contenders import Unsupported
from bench.method import Field
from bench.results import CaseResult, Row
from bench.worker import Failed, Hanging, NotInstalled, Worker


def measured(field, case=None, plan=PLAN):
    case = small(ALL["spiral batch 30"]) if case is None else case
    result = CaseResult.of(case, 1e-9)
    method.measure(result, case, field, plan, lambda text: None)
    return result


def test_only_what_reaches_the_loss_is_timed():
    right = method.reference(small(ALL["spiral batch 30"]))
    field = FakeField(
        ours=(right, 0.02),
        jax_scan=(right * (1 + 1e-8), 0.01),
        pytorch=(NotInstalled("no torch"), 0),
        fann=(Unsupported("only sums"), 0),
        c_sizes=(Failed("ended with code -11"), 0),
        numpy_layers=(math.nan, 0.01),
        numpy_vectorised=(right * (1 + 1e-10), 0.04),
    )
    rows = {row.contender: row for row in measured(field).rows}
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
    assert "is right" in rows["jax_scan"].why
    assert "pip install torch" in rows["pytorch"].why
    assert "-11" in rows["c_sizes"].why


def test_contenders_take_turns_and_ratios_are_within_rounds():
    right = method.reference(small(ALL["spiral batch 30"]))
    field = FakeField(ours=(right, 0.02), c_sizes=(right, 0.01), jax_scan=(right, 0.04))
    result = measured(field)
    assert field.log[-9:] == ["ours", "c_sizes", "jax_scan"] * 3
    ours, c, jax = result.rows
    ours.seconds, c.seconds = [1.0, 2.0, 4.0], [2.0, 4.0, 8.0]
    assert result.ratios(c) == [2.0, 2.0, 2.0]
    assert result.nearest() is jax


def test_rounds_are_spread_over_processes_and_starts_written_down():
    right = method.reference(small(ALL["spiral batch 30"]))
    field = FakeField(ours=(right, 0.02), c_sizes=(right, 0.01))
    ours, _ = measured(
        field, plan=dataclasses.replace(PLAN, rounds=5, processes=3)
    ).rows
    assert len(ours.seconds) == 6  # two in each process
    assert [
        part.count("ours") for part in " ".join(field.log).split("restart")[1:]
    ] == [4, 4]  # two runs to validate
    assert (ours.imported, ours.first_empty, ours.first_filled) == (0.5, 0.27, 0.27)


def test_what_has_had_its_share_is_not_prepared_anew():
    right = method.reference(small(ALL["spiral batch 30"]))
    field = FakeField(ours=(right, 0.02), c_sizes=(right, 2.0))
    _, c = measured(field, plan=dataclasses.replace(PLAN, processes=3, share=1.0)).rows
    assert len(c.seconds) == 1
    _, second, third = " ".join(field.log).split("restart")
    assert "c_sizes" in second  # what a new process takes
    assert "c_sizes" not in third


def test_slow_contenders_get_fewer_epochs_and_quick_ones_the_cases():
    right = method.reference(small(ALL["spiral batch 30"]))
    case = dataclasses.replace(small(ALL["spiral batch 30"]), epochs=50)
    field = FakeField(
        ours=(right, 1e-5),
        c_sizes=(right, 0.001),
        jax_scan=(right, 3.0),
        fann=(right, 60.0),
        joblib_processes=(right, 0.5),
    )
    epochs = {row.contender: row.epochs for row in measured(field, case).rows}
    assert epochs["ours"] == 50
    assert 5 <= epochs["c_sizes"] <= 10  # a turn of 0.01 s
    assert epochs["jax_scan"] == 1
    assert (
        epochs["joblib_processes"] == 50
    )  # a whole training, as it begins each net's anew
    longer = dataclasses.replace(case, epochs=5_000)
    epochs = {row.contender: row.epochs for row in measured(field, longer).rows}
    assert epochs["joblib_processes"] == math.ceil(10_000 / case.units)
    longer = dataclasses.replace(case, least_epochs=20)
    assert {row.contender: row.epochs for row in measured(field, longer).rows}[
        "jax_scan"
    ] == 20
    turns = {row.contender: len(row.seconds) for row in measured(field, case).rows}
    assert turns == {
        "ours": 3,
        "c_sizes": 3,
        "jax_scan": 3,
        "fann": 2,
        "joblib_processes": 3,
    }  # 100 s are a share


def test_first_calls_are_timed_in_new_processes(tmp_path):
    case = small(ALL["spiral batch 30"])
    result = CaseResult.of(case, 1e-9)
    with Field(["numpy_vectorised"], 1, tmp_path).open() as field:
        method.measure(
            result,
            case,
            field,
            dataclasses.replace(PLAN, processes=2, rounds=2),
            lambda text: None,
        )
    (row,) = result.rows
    assert row.status == "timed"
    assert len(row.seconds) == 2
    assert min(row.imported, row.first_empty, row.first_filled) > 0


def test_a_worker_is_a_process(tmp_path):
    case = small(ALL["xor-grid per sample"])
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        assert worker.versions.startswith(f"NumPy {np.__version__} with ")
        assert worker.started > 0
        assert worker.prepare(case) > 0
        seconds, loss = worker.run(case.checked_epochs)
        assert seconds > 0
        assert loss == pytest.approx(by_naive(case), rel=1e-12)
        with pytest.raises(Unsupported, match="one net"):
            worker.prepare(small(ALL["xor-grid 256 nets"]))
        with pytest.raises(Failed, match="TypeError"):
            worker.run(1)  # nothing is prepared
        worker._process.kill()
        with pytest.raises(Failed, match="ended with code"):
            worker.prepare(case)


def test_a_worker_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.worker.ANSWER_TIMEOUT", 0.01)
    with pytest.raises(Hanging, match="did not answer within"):
        Worker("numpy_layers", 1, tmp_path)
    field = Field(["numpy_layers"], 1, tmp_path)
    row = Row("numpy_layers", "NumPy")
    with method.answering(row, field):
        field.worker("numpy_layers")
    assert row.status == "failed"
    with pytest.raises(Hanging):  # at once
        field.worker("numpy_layers")


def test_what_cannot_be_imported_is_not_installed(tmp_path):
    with pytest.raises(NotInstalled, match="no_such_contender"):
        Worker("no_such_contender", 1, tmp_path)


def test_a_worker_takes_its_children_with_it(tmp_path, monkeypatch):
    """Whatever a library has started would run beside the next contender."""
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        group = os.getpgid(worker._process.pid)
        assert group != os.getpgid(0)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_a_worker_is_pinned(tmp_path):
    before = os.sched_getaffinity(0)
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        assert len(os.sched_getaffinity(worker._process.pid)) == 1
    assert os.sched_getaffinity(0) == before
