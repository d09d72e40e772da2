"""Checked arguments of a training, and the numbers that follow from them."""

import numpy as np
import pytest

import fastnn
from fastnn.nn.optimizers import update_rule
from fastnn.training.config import fit_config

GATE = fastnn.datasets.xor_gate()
# 81 points.
X, Y = fastnn.datasets.xor_grid(9)


def make_config(n=10, **options):
    """Return the config of 3 epochs in batches of 4, unless options say otherwise."""
    arguments = {
        "epochs": 3,
        "batch_size": 4,
        "reduction": "mean",
        "shuffle": True,
        "seed": 0,
        "progress": None,
        "n_jobs": 1,
        "mixes_rows": False,
    }
    rule = update_rule(fastnn.SGD(0.25), [])
    arrays = np.zeros((n, 2)), np.zeros((n, 1)), np.zeros(0)
    return fit_config(*arrays, rule, None, **(arguments | options))


@pytest.mark.parametrize(
    ("batch_size", "rows", "per_epoch"),
    [(1, 1, 10), (4, 4, 3), (5, 5, 2), (9, 9, 2), (10, 10, 1), ("full", 10, 1)],
)
def test_the_last_batch_of_an_epoch_counts_as_an_update(batch_size, rows, per_epoch):
    config = make_config(batch_size=batch_size)
    assert (config.batch_size, config.per_epoch) == (rows, per_epoch)
    assert config.updates == 3 * per_epoch


def test_a_batch_is_never_larger_than_the_data():
    config = make_config(batch_size=1000)
    assert (config.batch_size, config.per_epoch, config.updates) == (10, 1, 3)


def test_rows_are_shuffled_only_if_an_epoch_has_several_batches():
    assert make_config().shuffle
    assert not make_config(shuffle=False).shuffle
    assert not make_config(batch_size="full").shuffle
    assert not make_config(batch_size=10).shuffle


def test_the_config_has_the_arguments_in_the_form_of_the_kernels():
    config = make_config(reduction="sum", n_jobs=-1, seed=7, loop="auto")
    assert (config.mean, config.n_jobs, config.seed, config.loop) == (
        False,
        -1,
        7,
        "auto",
    )
    assert make_config().mean
    assert config.lr == 0.25
    assert config.record_at.tolist() == []


def test_updates_to_record_are_sorted_and_without_repeats():
    assert make_config(record=4).record_at.tolist() == [0, 4, 8]
    assert make_config(record=100).record_at.tolist() == [0]
    assert make_config(record=[9, 0, 3, 9]).record_at.tolist() == [0, 3, 9]


def test_a_net_that_mixes_rows_takes_all_of_them_at_once():
    assert make_config(mixes_rows=True, batch_size="full").per_epoch == 1
    assert make_config(mixes_rows=True, batch_size=10).per_epoch == 1
    with pytest.raises(ValueError, match="train with batch_size='full'"):
        make_config(mixes_rows=True)


@pytest.mark.parametrize(
    "option",
    [
        {"loop": "fast"},
        {"n_jobs": 0},
        {"n_jobs": -2},
        {"n_jobs": -1.5},
        {"n_jobs": 1.5},
    ],
    ids=str,
)
def test_wrong_loops_and_numbers_of_threads_are_refused(option):
    net = fastnn.mlp(2, 3, 1, activation="tanh", seed=1)
    with pytest.raises((ValueError, TypeError), match=next(iter(option))):
        net.fit(*GATE, epochs=1, lr=0.1, **option)


BAD_RECORDS = {
    "zero": (0, ValueError, "at least 1"),
    "a float": (1.5, TypeError, "whole number"),
    "floats": ([0.0, 1.0], TypeError, r"such as \[0, 10, 100\]"),
    "a table": ([[0, 1]], TypeError, r"such as \[0, 10, 100\]"),
    "none at all": ([], TypeError, "record"),
    "too late": (
        [0, 325],
        ValueError,
        "update 325, but this fit makes updates 0 .* to 324",
    ),
    "before": ([-1], ValueError, "update -1"),
    "a name": ("all", TypeError, "whole number"),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_wrong_records_are_refused_before_any_work(case):
    record, kind, message = BAD_RECORDS[case]
    net = fastnn.mlp(2, 3, 1, activation="tanh", seed=4)
    before = net.theta.copy()
    with pytest.raises(kind, match=message):
        net.fit(X, Y, epochs=4, lr=0.25, record=record)
    assert (net.theta == before).all()


def test_records_that_memory_cannot_hold_are_refused_with_their_size(monkeypatch):
    # Whatever this machine has.
    monkeypatch.setattr("fastnn.data.machine.memory_limit", lambda: 8e9)
    net = fastnn.mlp(100, 1000, 10)
    message = (
        r"record=1 keeps 400,000,001 copies of all parameters, [\d,.]+ GB.*"
        "record fewer"
    )
    with pytest.raises(ValueError, match=message):
        net.fit(np.zeros((4, 100)), [0, 1, 2, 3], epochs=100_000_000, lr=0.1, record=1)
