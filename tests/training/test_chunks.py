"""Chunks and epoch orders: which rows come when, and that chunks change no bit."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import build
from trainings import (
    RULES,
    assert_equals_naive,
    bits_of,
    initial_params,
    learnable_data,
    train,
)

import fastnn
from fastnn.nn.optimizers import update_rule
from fastnn.training import trainer
from fastnn.training.chunks import ChunkSizer, EpochOrders
from fastnn.training.config import fit_config


def test_chunks_are_well_under_a_tenth_of_a_second():
    chunk = ChunkSizer(1)
    for _ in range(20):
        # At 1 µs per sample.
        chunk.measured(chunk.samples, chunk.samples * 1e-6)
    assert 20_000 <= chunk.samples <= 40_000
    # The machine becomes slower.
    chunk.measured(chunk.samples, 1.0)
    assert chunk.samples < 2_000
    chunk.measured(1, 10.0)
    assert chunk.samples == 1


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam"])
@pytest.mark.parametrize("batch_size", [1, 10, "full"])
def test_the_length_of_a_chunk_changes_no_bit(chunks, rule, batch_size):
    results = set()
    for length in (1, 7, 1_000_000):
        chunks(length)
        results.add(train((2, 3, 1), "tanh", RULES[rule][0], batch_size, 5, 0))
    assert len(results) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 200), st.integers(1, 6), st.integers(0, 10))
def test_no_chunk_changes_a_bit_for_any_batch_size(batch_size, length, epochs, seed):
    # Hypothesis runs all examples with one fixture, so the patch is made here.
    class FixedChunks:
        samples = length

        def __init__(self, n_params):
            pass

        def measured(self, samples, seconds):
            pass

    options = (2, 4, 1), "sigmoid", fastnn.Adam(0.01), batch_size, epochs, seed
    whole = train(*options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "ChunkSizer", FixedChunks)
        assert train(*options) == whole


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_chunk_may_end_within_an_update(chunks, rule):
    X, y = learnable_data(1000, 3, "softmax_ce", 3)
    results = set()
    for length in (1, 64, 130, 10_000):
        chunks(length)
        net = fastnn.mlp(3, 5, 3, seed=1)
        history = net.fit(X, y, epochs=3, optimizer=RULES[rule][0], batch_size=700)
        results.add(bits_of(net, history))
    assert len(results) == 1


def test_rows_are_shuffled_by_the_documented_generator():
    X, y = learnable_data(20, 2, "bce")
    params = initial_params([2, 3, 1])
    rng = np.random.default_rng(5)
    orders = [rng.permutation(20) for _ in range(3)]
    for size in (1, 6):
        net = build(params, ["tanh"], "bce")
        history = net.fit(X, y, epochs=3, lr=0.1, batch_size=size, seed=5)
        rule = naive.Rule("sgd", 0.1)
        expected = naive.train(
            params, ["tanh"], "bce", X, y, rule, 3, size, orders=orders
        )
        assert_equals_naive(net, history, expected)


def test_the_identity_order_equals_no_shuffle(monkeypatch):
    X, y = learnable_data(20, 2, "bce")
    params = initial_params([2, 3, 1])
    plain, shuffled = (build(params, ["tanh"], "bce") for _ in range(2))
    plain.fit(X, y, epochs=2, lr=0.1, shuffle=False)

    class IdentityOrders(EpochOrders):
        def reach(self, epoch):
            super().reach(epoch)
            self.block = np.sort(self.block, axis=1)

    monkeypatch.setattr(trainer, "EpochOrders", IdentityOrders)
    shuffled.fit(X, y, epochs=2, lr=0.1, shuffle=True)
    assert plain.theta.tobytes() == shuffled.theta.tobytes()


def test_another_seed_gives_another_order():
    X, y = learnable_data(20, 2, "bce")
    thetas = []
    for seed in (1, 1, 2):
        net = build(initial_params([2, 3, 1]), ["tanh"], "bce")
        net.fit(X, y, epochs=2, lr=0.1, seed=seed)
        thetas.append(net.theta.tobytes())
    assert thetas[0] == thetas[1] != thetas[2]


def test_one_batch_of_all_rows_is_not_shuffled():
    X, y = learnable_data(30, 2, "bce")
    thetas = set()
    for size, shuffle in (("full", True), ("full", False), (30, True), (31, True)):
        net = fastnn.mlp(2, 3, 1, seed=4)
        net.fit(X, y, epochs=3, lr=0.2, batch_size=size, shuffle=shuffle)
        thetas.add(net.theta.tobytes())
    assert len(thetas) == 1


def test_the_number_of_orders_drawn_at_once_changes_no_bit(monkeypatch):
    options = (2, 3, 1), "tanh", RULES["sgd"][0], 1, 7, 3
    whole = train(*options)

    def two_epochs_at_once(config):
        # `train` has 33 rows.
        return EpochOrders(config, ahead=70)

    monkeypatch.setattr(trainer, "EpochOrders", two_epochs_at_once)
    assert train(*options) == whole


def make_config(n=10, epochs=7, shuffle=True, seed=5):
    return fit_config(
        np.zeros((n, 2)),
        np.zeros((n, 1)),
        update_rule(None, 0.1, []),
        epochs=epochs,
        batch_size=3,
        reduction="mean",
        shuffle=shuffle,
        seed=seed,
        progress=False,
        n_jobs=1,
        mixes_rows=False,
    )


@pytest.mark.parametrize("ahead", [1, 25, 10**6])
def test_each_epoch_takes_the_next_permutation_of_the_generator(ahead):
    orders, rng = EpochOrders(make_config(), ahead), np.random.default_rng(5)
    drawn_at = []
    for epoch in range(7):
        if epoch >= orders.last:
            orders.reach(epoch)
        assert orders.first <= epoch < orders.last <= 7
        assert len(orders.block) == orders.last - orders.first
        drawn_at.append(orders.first)
        order = orders.since(epoch)[0]
        assert order.tolist() == rng.permutation(10).tolist()
        assert len(orders.since(epoch)) == orders.last - epoch
    # 25 row numbers are the orders of two epochs of 10 rows.
    expected = {1: range(7), 25: [0, 0, 2, 2, 4, 4, 6], 10**6: [0] * 7}
    assert drawn_at == list(expected[ahead])


def test_an_order_that_is_drawn_already_is_not_drawn_again():
    orders = EpochOrders(make_config(), ahead=40)
    block = orders.block
    orders.reach(3)
    assert orders.block is block
    orders.reach(4)
    assert (orders.first, orders.last) == (4, 7)


def test_without_shuffle_one_order_serves_all_epochs():
    orders = EpochOrders(make_config(shuffle=False), ahead=1)
    assert (orders.first, orders.last) == (0, 7)
    for epoch in (0, 3, 6):
        orders.reach(epoch)
        assert orders.since(epoch).tolist() == [list(range(10))]
