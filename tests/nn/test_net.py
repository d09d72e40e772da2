"""Nets that are built from their parts."""

import numpy as np

import fastnn
from fastnn.data.labels import encode_targets
from fastnn.data.schema import Schema
from fastnn.nn.architecture import Architecture
from fastnn.nn.net import build_net

GATE = fastnn.datasets.xor_gate()


def make_parts():
    layers = [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Affine(3, 1)]
    architecture = Architecture.of(layers, "bce", "xavier")
    theta = architecture.draw("xavier", np.random.default_rng(0))
    classes, float64 = ["no", "yes"], np.dtype(float)
    _, labels = encode_targets(classes, 2, architecture.targets, None, float64)
    return architecture, theta, Schema(None, labels)


def test_a_built_net_is_the_net_with_these_parts():
    architecture, theta, schema = make_parts()
    net = build_net(architecture, theta, schema)
    assert isinstance(net, fastnn.Sequential)
    assert (net.theta == theta).all()
    assert net.loss.name == "bce"
    assert net.classes.tolist() == ["no", "yes"]
    assert (net.history, net.runs) == (None, None)
    expected = fastnn.mlp(2, 3, 1, activation="tanh", seed=0)
    assert repr(net) == repr(expected)
    assert (net.theta == expected.theta).all()
    assert set(net.predict(GATE[0])) <= {"no", "yes"}


def test_a_built_net_has_its_own_layers_and_parameters():
    architecture, theta, schema = make_parts()
    before = theta.copy()
    one, two = (build_net(architecture, theta, schema) for _ in range(2))
    layers = [architecture.layers, one.layers, two.layers]
    assert len({id(layer) for of_net in layers for layer in of_net}) == 9
    assert not any(layer.owned for layer in architecture.layers)
    assert not np.shares_memory(one.theta, theta)
    assert not np.shares_memory(one.theta, two.theta)
    one.fit(GATE[0], schema.classes[GATE[1]], epochs=3, lr=0.5)
    assert (one.theta != before).any()
    assert (two.theta == before).all()
    assert (theta == before).all()


def test_the_dtype_of_theta_is_that_of_the_net():
    architecture, theta, _ = make_parts()
    net = build_net(architecture, theta.astype("float32"), Schema())
    assert net.dtype == np.float32
    assert net.classes is None
    assert all(param.dtype == np.float32 for param in net.params)
