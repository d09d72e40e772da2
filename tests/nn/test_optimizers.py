"""Optimizers: their settings, and `update` in a training loop of one's own."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from nets import GATE, LABELS

import fastnn


def test_a_training_loop_of_ones_own_equals_fit():
    """Layers, a loss and an optimizer by hand, as in a notebook."""
    X, y = fastnn.datasets.spiral(20)
    rng = np.random.default_rng(1)
    arrays = [
        rng.standard_normal((2, 5)),
        np.zeros(5),
        rng.standard_normal((5, 3)),
        np.zeros(3),
    ]
    net = fastnn.Sequential(
        [fastnn.Affine(2, 5), fastnn.Sigmoid(), fastnn.Affine(5, 3)], init=arrays
    )
    history = net.fit(
        X, y, epochs=10, optimizer=fastnn.SGD(0.5, momentum=0.5), batch_size="full"
    )

    layers = [
        fastnn.Affine(2, 5, init=arrays[:2]),
        fastnn.Sigmoid(),
        fastnn.Affine(5, 3, init=arrays[2:]),
    ]
    loss, optimizer = fastnn.SoftmaxCE(), fastnn.SGD(0.5, momentum=0.5)
    params = [param for layer in layers for param in layer.params]
    grads = [grad for layer in layers for grad in layer.grads]
    for epoch in range(10):
        out = X
        for layer in layers:
            out = layer.forward(out)
        assert loss.forward(out, y) == pytest.approx(history.loss[epoch], rel=1e-12)
        dout = loss.backward()
        for layer in reversed(layers):
            dout = layer.backward(dout)
        optimizer.update(params, grads)
    for by_hand, fitted in zip(params, net.params, strict=True):
        assert np.allclose(by_hand, fitted, rtol=0, atol=1e-12)


def test_update_changes_strided_arrays_in_place():
    param = np.arange(12.0).reshape(3, 4)[:, ::2]
    fastnn.SGD(1.0).update([param], [np.ones((3, 2), order="F")])
    assert param.tolist() == [[-1, 1], [3, 5], [7, 9]]


def test_update_refuses_arrays_that_do_not_fit():
    param = np.ones((3, 2))
    with pytest.raises(ValueError, match="one gradient for each"):
        fastnn.SGD(1.0).update([param], [])
    with pytest.raises(ValueError, match=r"grads\[0\]"):
        fastnn.SGD(1.0).update([param], [np.ones(3)])
    with pytest.raises(TypeError, match="float64 or float32"):
        fastnn.SGD(1.0).update([np.arange(3)], [np.ones(3)])
    with pytest.raises(ValueError, match="lr has 2 values for one net"):
        fastnn.SGD([1.0, 2.0]).update([param], [param])


def test_update_keeps_moments_by_position_for_arrays_of_the_same_size_and_type():
    w, optimizer = np.ones(3), fastnn.SGD(0.1, momentum=0.9)
    optimizer.update([w], [np.ones(3)])
    optimizer.update([w], [np.ones(3)])
    assert np.allclose(w, 0.9 - 0.19, rtol=1e-12)
    single = np.ones(3, np.float32)
    optimizer.update([single], [np.ones(3)])
    assert np.allclose(single, 0.9)
    shorter = np.ones(2, np.float32)
    optimizer.update([shorter], [np.ones(2)])
    assert np.allclose(shorter, 0.9)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_goes_on_with_moments_of_its_own(duplicate):
    w, optimizer = np.ones(3), fastnn.SGD(0.1, momentum=0.9)
    optimizer.update([w], [np.ones(3)])
    twins = [optimizer, duplicate(optimizer)]
    for twin in twins:
        v = w.copy()
        twin.update([v], [np.ones(3)])
        assert np.allclose(v, 0.9 - 0.19, rtol=1e-12)


def test_weight_decay_and_bias_lr_act_as_described():
    w, b = np.array([[1.0, 2.0]]), np.array([3.0])
    optimizer = fastnn.SGD(0.1, weight_decay=0.5, bias_lr=0.2)
    optimizer.update([w, b], [np.ones((1, 2)), np.ones(1)])
    assert np.allclose(w, [[1.0 - 0.1 * 1.5, 2.0 - 0.1 * 2.0]], rtol=1e-15)
    assert np.allclose(b, [3.0 - 0.2 * 2.5], rtol=1e-15)


OPTIMIZERS = {
    "SGD": fastnn.SGD(0.1, 0.9, True, 0.01, 0.2),
    "Adam": fastnn.Adam(0.01, 0.8, 0.99, 1e-6, 0.001),
    "SGD for two nets": fastnn.SGD([0.1, 0.2], momentum=np.array([0.0, 0.9])),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_settings_cannot_be_changed(name):
    optimizer = OPTIMIZERS[name]
    for field in ("lr", "weight_decay"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(optimizer, field, np.nan)
    if name == "SGD for two nets":
        with pytest.raises(ValueError, match="read-only"):
            optimizer.lr[0] = 7.0


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        lambda optimizer: pickle.loads(pickle.dumps(optimizer)),
        dataclasses.replace,
    ],
    ids=["copy", "deepcopy", "pickle", "replace"],
)
def test_copies_are_equal_and_read_only(name, duplicate):
    optimizer = OPTIMIZERS[name]
    twin = duplicate(optimizer)
    assert twin == optimizer
    assert hash(twin) == hash(optimizer)
    assert repr(twin) == repr(optimizer)
    with pytest.raises(dataclasses.FrozenInstanceError):
        twin.lr = 0.5
    if name == "SGD for two nets":
        assert not twin.lr.flags.writeable
        assert not twin.momentum.flags.writeable


def test_optimizers_with_other_settings_are_not_equal():
    assert fastnn.SGD(1) == fastnn.SGD(1.0)
    assert fastnn.SGD(0.1) != fastnn.SGD(0.2)
    assert fastnn.SGD(0.1) != fastnn.Adam(0.1)
    assert fastnn.SGD([0.1, 0.1]) != fastnn.SGD(0.1)
    assert fastnn.SGD([0.1, 0.2]) != fastnn.SGD([0.1, 0.3])
    assert fastnn.SGD(0.1) != 0.1


def test_moments_do_not_count_in_comparisons():
    used = fastnn.SGD(0.1, momentum=0.9)
    used.update([np.ones(3)], [np.ones(3)])
    assert used == fastnn.SGD(0.1, momentum=0.9)
    assert repr(used) == "SGD(lr=0.1, momentum=0.9)"


def test_changing_the_callers_array_changes_no_setting():
    lr = np.array([0.1, 0.2])
    optimizer = fastnn.SGD(lr)
    lr[0] = 7.0
    assert optimizer.lr.tolist() == [0.1, 0.2]


def test_settings_may_differ_from_net_to_net():
    optimizer = fastnn.SGD([0.1, 0.2], momentum=[0.0, 0.9], nesterov=True, bias_lr=0.3)
    assert [optimizer.for_net(i).lr for i in range(2)] == [0.1, 0.2]
    assert [optimizer.for_net(i).momentum for i in range(2)] == [0.0, 0.9]
    table = optimizer.settings_per_net(2)
    for i in range(2):
        assert table[:, i].tolist() == optimizer.for_net(i).settings().tolist()
    with pytest.raises(ValueError, match="lr has 2 values for 3 nets: pass a scalar"):
        optimizer.settings_per_net(3)
    net = fastnn.mlp(2, 3, 1)
    one_rate_each = fastnn.SGD(0.1, bias_lr=[0.1, 0.2])
    with pytest.raises(ValueError, match="bias_lr has 2 values for one net"):
        net.fit(GATE, LABELS, epochs=1, optimizer=one_rate_each)


BAD_OPTIMIZERS = {
    "lr": lambda: fastnn.SGD(np.nan),
    "momentum 1": lambda: fastnn.SGD(0.1, momentum=1.0),
    "nesterov alone": lambda: fastnn.SGD(0.1, nesterov=True),
    "decay": lambda: fastnn.SGD(0.1, weight_decay=-1.0),
    "beta1": lambda: fastnn.Adam(beta1=1.0),
    "beta2": lambda: fastnn.Adam(beta2=-0.1),
    "eps": lambda: fastnn.Adam(eps=np.inf),
    "replaced lr": lambda: dataclasses.replace(fastnn.SGD(0.1), lr=np.nan),
}


@pytest.mark.parametrize("case", BAD_OPTIMIZERS)
def test_bad_settings_are_refused(case):
    with pytest.raises(ValueError, match=r"must be|needs"):
        BAD_OPTIMIZERS[case]()


class SlowBiases(fastnn.SGD):
    """A tenth of the learning rate for biases."""

    def learning_rates(self, params):
        rates = [self.lr / 10 if param.ndim == 1 else self.lr for param in params]
        return np.repeat(rates, [param.size for param in params])


class SlowDecay(fastnn.SGD):
    """A weight decay of each parameter's own."""

    def decays(self, params):
        return np.linspace(0.0, 0.1, sum(param.size for param in params))


class SlowAdam(fastnn.Adam):
    """What the rule of Adam does not have."""

    learning_rates = SlowBiases.learning_rates


@pytest.mark.parametrize("kind", [SlowBiases, SlowDecay])
def test_nets_side_by_side_refuse_numbers_for_each_parameter(kind):
    with pytest.raises(ValueError, match="side by side"):
        fastnn.mlp(2, 3, 1).fit_many(
            GATE, LABELS, seeds=[1, 2], epochs=1, optimizer=kind(0.5)
        )


def test_nets_one_by_one_obey_numbers_for_each_parameter():
    layers = [fastnn.MatMul(2, 3), fastnn.Tanh(), fastnn.Affine(3, 1)]
    net = fastnn.Sequential(layers, "bce", seed=1)
    how = {"epochs": 3, "optimizer": SlowBiases(0.5), "seed": 0}
    (alone,) = net.fit_many(GATE, LABELS, seeds=[1], **how)
    net.fit(GATE, LABELS, **how)
    assert alone.theta.tobytes() == net.theta.tobytes()


def test_adam_refuses_learning_rates_that_it_would_not_use():
    net = fastnn.mlp(2, 3, 1, seed=1)
    message = "one learning rate for all parameters"
    with pytest.raises(ValueError, match=message):
        net.fit(GATE, LABELS, epochs=1, optimizer=SlowAdam(0.5))
    with pytest.raises(ValueError, match=message):
        SlowAdam(0.5).update([np.ones((2, 2))], [np.ones((2, 2))])


def test_a_subclass_may_set_the_learning_rate_of_each_parameter():
    slow, same = fastnn.mlp(2, 3, 1, seed=1), fastnn.mlp(2, 3, 1, seed=1)
    slow.fit(GATE, LABELS, epochs=3, optimizer=SlowBiases(0.5), batch_size=2)
    expected = fastnn.SGD(0.5, bias_lr=0.05)
    same.fit(GATE, LABELS, epochs=3, optimizer=expected, batch_size=2)
    assert slow.theta.tobytes() == same.theta.tobytes()
    assert repr(SlowBiases(0.5)) == "SlowBiases(lr=0.5)"
