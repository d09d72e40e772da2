"""The contenders do the same work: they reach the loss that the plain code reaches."""

import importlib
from contextlib import closing

import pytest
from bench_fakes import ALL, by_naive, small, value

from bench import method
from bench.cases import initial
from bench.contenders import Unsupported
from bench.worker import NotInstalled, Worker


@pytest.mark.parametrize("name", ALL)
def test_the_reference_is_right(name):
    case = small(ALL[name])
    assert method.reference(case) == pytest.approx(by_naive(case), rel=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize(
    "contender", ["ours", "ours_specialised", "c_xor", "c_sizes", "numpy_layers", "numpy_vectorised", "scikit_learn"]
)
def test_contenders_reach_the_loss(contender, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    try:
        module = importlib.import_module(f"bench.contenders.{contender}")
    except ImportError as error:
        if "no C compiler" not in str(error):  # all else comes with the test extra
            raise
        pytest.skip(str(error))
    able = 0
    for case in map(small, ALL.values()):
        try:
            prepared = module.prepare(case)
        except Unsupported:
            continue
        able += 1
        wanted = method.reference(case)
        for _ in range(2):  # the second call starts from the same parameters
            assert value(case, prepared) == pytest.approx(wanted, rel=case.tolerance), case.name
    assert able >= (2 if contender in ("c_xor", "ours_specialised") else 8)


@pytest.mark.compiled
@pytest.mark.parametrize("contender", ["jax_scan", "pytorch", "fann"])
def test_optional_contenders_reach_the_loss(contender, tmp_path):
    try:
        worker = Worker(contender, 1, tmp_path)
    except NotInstalled as error:
        pytest.skip(str(error))
    able = 0
    with closing(worker):
        for case in map(small, ALL.values()):
            try:
                worker.prepare(case)
            except Unsupported:
                continue
            able += 1
            assert worker.run(case.checked_epochs)[1] == pytest.approx(method.reference(case), rel=case.tolerance), (
                case.name
            )
    assert able


def test_initial_parameters():
    w1, b1, w2, b2 = initial([2, 3, 1], seed=1, n_nets=5)
    assert [p.shape for p in (w1, b1, w2, b2)] == [(5, 2, 3), (5, 3), (5, 3, 1), (5, 1)]
    assert not b1.any()
    assert initial([2, 3, 1])[0].shape == (2, 3)
