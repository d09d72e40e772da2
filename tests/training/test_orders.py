"""Orders of the rows in the epochs, and the generator that draws them."""

from dataclasses import replace

import naive
import numpy as np
import pytest
from nets import build
from trainings import (
    RULES,
    assert_equals_naive,
    initial_params,
    learnable_data,
    train,
)

import fastnn
from fastnn.data.weights import no_weights
from fastnn.nn.optimizers import update_rule
from fastnn.training import orders as orders_module
from fastnn.training import trainer
from fastnn.training.config import fit_config
from fastnn.training.orders import EpochOrders, OrderGenerator, shuffled_orders


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

    def two_epochs_at_once(config, first=0):
        # `train` has 33 rows.
        return EpochOrders(config, ahead=70, first=first)

    monkeypatch.setattr(trainer, "EpochOrders", two_epochs_at_once)
    assert train(*options) == whole


def make_config(n=10, epochs=7, shuffle=True, seed=5):
    return fit_config(
        np.zeros((n, 2)),
        np.zeros((n, 1)),
        no_weights(np.dtype(float)),
        update_rule(fastnn.SGD(0.1), []),
        None,
        epochs=epochs,
        batch_size=3,
        reduction="mean",
        shuffle=shuffle,
        seed=seed,
        progress=False,
        n_jobs=1,
        mixes_rows=False,
    )


def test_compiled_orders_are_those_of_numpy(monkeypatch):
    # Odd numbers of halves leave one half over; 1 to 66 are many sizes of masks.
    for n in (*range(1, 67), 1_000, 70_000):
        ours, numpys = (np.random.default_rng(n) for _ in range(2))
        for k in (1, 2, 3):
            drawn = orders_module.compiled_orders(ours, k, n)
            np.testing.assert_array_equal(drawn, [numpys.permutation(n) for _ in drawn])
            assert ours.bit_generator.state == numpys.bit_generator.state


def test_the_compiled_orders_change_no_bit(monkeypatch):
    options = (2, 3, 1), "tanh", RULES["sgd"][0], 1, 7, 3
    monkeypatch.setattr(EpochOrders, "n_asked", 0)
    whole, called = train(*options), []
    compiled = orders_module.compiled_orders
    # Those of both trainings together.
    monkeypatch.setattr(orders_module, "COMPILED_PAYS", 2 * 7 * 33)
    monkeypatch.setattr(
        orders_module,
        "compiled_orders",
        lambda *arguments: called.append(arguments) or compiled(*arguments),
    )
    assert train(*options) == whole
    assert called


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


def test_orders_go_on_from_a_generator_and_end_where_they_should():
    config, generator = make_config(), OrderGenerator(make_config())
    whole = EpochOrders(config, 10**6).block
    for first, end in ((2, 5), (5, 7)):
        part = replace(config, stream=generator.before(first))
        orders = EpochOrders(part, 10**6, first, end)
        assert (orders.first, orders.last) == (first, end)
        assert (orders.since(first) == whole[first:end]).all()
    assert OrderGenerator(make_config(shuffle=False)).before(3) is None


@pytest.mark.parametrize("n", [1, 2, 9, 1500])
@pytest.mark.parametrize("bits", [None, np.random.PCG64])
def test_reshuffled_orders_are_those_of_a_random_state(n, bits):
    ours, theirs = (
        np.random.RandomState(7 if bits is None else bits(7)) for _ in range(2)
    )
    order = np.random.default_rng(0).permutation(n)
    found = shuffled_orders(ours, order, 3)
    for row in found:
        theirs.shuffle(order)
        np.testing.assert_array_equal(row, order)
    assert ours.random_sample() == theirs.random_sample()
