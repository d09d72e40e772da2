"""What memory cannot hold is refused before any work, with its size and what fits."""

import itertools

import numpy as np
import pytest

import fastnn
from fastnn.data import machine

X, y = fastnn.datasets.xor_gate()
BILLION = 10**9
ROWS = np.broadcast_to(np.zeros((1, 2)), (10 * BILLION, 2))


def stack(*layers):
    return fastnn.Sequential([fastnn.Affine(1, 9), *layers, fastnn.Affine(9, 1)])


CASES = {
    "epochs": lambda net: net.fit(X, y, epochs=BILLION, lr=0.1),
    "record": lambda net: net.fit(X, y, epochs=10**7, lr=0.1, record=1),
    "a range to record": lambda net: net.fit(
        X, y, epochs=10**6, lr=0.1, record=range(BILLION)
    ),
    "seeds": lambda net: net.fit_many(X, y, seeds=range(BILLION), epochs=1, lr=1),
    "seeds without end": lambda net: net.fit_many(
        X, y, seeds=itertools.count(), epochs=1, lr=1
    ),
    "epochs of many": lambda net: net.fit_many(
        X, y, seeds=[1], epochs=BILLION, lr=0.1, losses="percentiles"
    ),
    "learning rates": lambda net: net.fit_many(
        X, y, seeds=[1], epochs=1, lr=range(BILLION)
    ),
    "predict": lambda net: net.predict(ROWS),
    "predict_proba": lambda net: net.predict_proba(ROWS),
    "wide outputs": lambda net: fastnn.mlp(1, 10**5).predict(np.zeros((10**5, 1))),
    "rows of a layer": lambda net: stack(fastnn.Sum(), fastnn.Repeat(BILLION)).predict(
        [[1.0]]
    ),
    "outputs of layers": lambda net: stack(fastnn.Tanh(), fastnn.Tanh()).predict(
        np.zeros((10**7, 1))
    ),
    "layers": lambda net: fastnn.mlp(10**6, 10**6, 1),
    "a layer": lambda net: fastnn.Affine(10**6, 10**6).params,
    "xor_grid": lambda net: fastnn.datasets.xor_grid(10**6),
    "spiral": lambda net: fastnn.datasets.spiral(BILLION),
    "threshold": lambda net: fastnn.datasets.threshold(BILLION),
    "decision_map": lambda net: fastnn.plot.decision_map(net, resolution=10**6),
}


@pytest.mark.parametrize("case", CASES)
def test_what_memory_cannot_hold_is_refused_with_its_size(case, monkeypatch):
    limit = 1e7 if case == "seeds without end" else 1e9
    for module in ("data.machine", "sweeps.plan", "training.config"):
        monkeypatch.setattr(f"fastnn.{module}.memory_limit", lambda: limit)
    net = fastnn.mlp(2, 2, 1)
    before = net.theta.copy()
    message = r"not enough memory: .*, [\d,]+\.\d GB, .*: (train|record|pass|choose) "
    with pytest.raises(ValueError, match=message):
        CASES[case](net)
    assert (net.theta == before).all()


def test_the_limit_is_half_of_what_the_process_may_take():
    resource = pytest.importorskip("resource")
    limit = machine.memory_limit()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    fewer = 2**45 if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_AS, (fewer, hard))
        assert machine.memory_limit() == min(limit, fewer / 2)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert 0 < limit < float("inf")
