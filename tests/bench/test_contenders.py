"""Tests that the contenders do the same work: all reach the loss of the naive code."""

import importlib
import os
from contextlib import closing, suppress
from pathlib import Path

import pytest
from bench_fakes import ALL, naive_loss, reached_loss, small

from bench import method
from bench.cases import initial_parameters
from bench.contenders import Unsupported
from bench.worker import NotInstalled, Worker


@pytest.mark.parametrize("name", ALL)
def test_the_reference_equals_the_naive_loss(name):
    case = small(ALL[name])
    assert method.reference(case) == pytest.approx(naive_loss(case), rel=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("contender", "least"),
    [
        ("ours", 25),
        ("ours_specialised", 5),
        ("joblib_processes", 4),
        ("c_xor", 3),
        ("c_sizes", 25),
        ("numpy_layers", 8),
        ("numpy_vectorised", 25),
        ("scikit_learn", 8),
    ],
)
def test_contenders_reach_the_loss(contender, least, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    try:
        module = importlib.import_module(f"bench.contenders.{contender}")
    except ImportError as error:
        # The test extra installs everything else.
        if "no C compiler" not in str(error):
            raise
        pytest.skip(str(error))
    supported = 0
    for case in map(small, ALL.values()):
        try:
            function = module.prepare(case)
        except Unsupported:
            continue
        supported += 1
        expected = pytest.approx(method.reference(case), rel=case.tolerance)
        for _ in range(2):  # the second call starts from the same parameters
            assert reached_loss(case, function) == expected, case.name
    assert supported >= least


@pytest.mark.compiled
@pytest.mark.parametrize("contender", ["jax_scan", "pytorch", "fann", "river"])
def test_optional_contenders_reach_the_loss(contender, tmp_path):
    try:
        worker = Worker(contender, 1, tmp_path)
    except NotInstalled as error:
        pytest.skip(str(error))
    supported = 0
    with closing(worker):
        for case in map(small, ALL.values()):
            try:
                worker.prepare(case)
            except Unsupported:
                continue
            supported += 1
            expected = pytest.approx(method.reference(case), rel=case.tolerance)
            assert worker.run(case.checked_epochs)[1] == expected, case.name
    assert supported


@pytest.mark.compiled
@pytest.mark.parametrize("contender", ["joblib_processes", "c_sizes"])
def test_two_threads_train_many_nets_and_leave_no_processes(contender, tmp_path):
    case = small(ALL["spiral 1,024 nets"])
    try:
        worker = Worker(contender, 2, tmp_path)
    except NotInstalled as error:
        pytest.skip(str(error))
    leader = worker._process.pid
    with closing(worker):
        worker.prepare(case)
        expected = pytest.approx(method.reference(case), rel=case.tolerance)
        assert worker.run(3)[1] == expected
        children = members(leader) - {leader}
        assert len(children) >= (2 if contender == "joblib_processes" else 0)
        for child in children:
            assert os.sched_getaffinity(child) == os.sched_getaffinity(leader)
    assert not members(leader)
    assert not list(Path("/dev/shm").glob(f"*[-_]{leader}[-_]*"))


def members(group):
    """Return the ids of the processes of a group."""
    ids = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getpgid(int(process.name)) == group:
                ids.add(int(process.name))
    return ids


def test_joblib_does_not_train_one_net(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    joblib_processes = pytest.importorskip("bench.contenders.joblib_processes")
    for name in ("xor-grid per sample", "predict one row"):
        with pytest.raises(Unsupported, match="many nets"):
            joblib_processes.prepare(ALL[name])


def test_initial_parameters():
    w1, b1, w2, b2 = initial_parameters([2, 3, 1], seed=1, n_nets=5)
    assert [p.shape for p in (w1, b1, w2, b2)] == [(5, 2, 3), (5, 3), (5, 3, 1), (5, 1)]
    assert not b1.any()
    assert initial_parameters([2, 3, 1])[0].shape == (2, 3)
