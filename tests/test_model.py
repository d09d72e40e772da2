"""Sequential and mlp: parameters, copies, and what cannot be changed."""

import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import kernels

GATE = fastnn.datasets.xor_gate()


def test_theta_is_one_vector_and_params_are_views_into_it():
    net = fastnn.mlp(2, 3, 4, seed=1)
    assert [param.shape for param in net.params] == [(2, 3), (3,), (3, 4), (4,)]
    assert all(np.shares_memory(param, net.theta) for param in net.params)
    flat = np.concatenate([param.ravel() for param in net.params])
    assert flat.tolist() == net.theta.tolist()
    net.theta[0] = 7.0
    assert net.params[0][0, 0] == 7.0
    assert net.layers[0].params[0][0, 0] == 7.0
    net.params[3][2] = 5.0
    assert net.theta[-2] == 5.0


def test_assigning_to_theta_copies_the_values():
    net = fastnn.mlp(2, 3, 4, seed=1)
    before, values = net.theta, np.arange(25)
    net.theta = values
    assert net.theta is before
    assert net.params[1].tolist() == [6, 7, 8]
    with pytest.raises(ValueError, match="has 25 parameters"):
        net.theta = np.zeros(24)
    with pytest.raises(ValueError, match="nan in row 2"):
        net.theta = np.where(np.arange(25) == 2, np.nan, 0)


@pytest.mark.parametrize(
    "sizes", [(), (2,), (2, 0, 1), (2, -1, 1), (2, 1.5, 1), (2, True, 1)]
)
def test_wrong_sizes_are_refused(sizes):
    with pytest.raises((ValueError, TypeError)):
        fastnn.mlp(*sizes)


def test_the_repr_and_the_summary_show_the_net():
    net = fastnn.mlp(2, 10, 3, activation="relu", dtype="float32")
    layers = "[Affine(2, 10), ReLU(), Affine(10, 3)]"
    text = f"Sequential({layers}, loss='softmax_ce', dtype='float32')"
    assert repr(net) == text + "  # 63 parameters"
    assert len(eval(text, vars(fastnn)).theta) == 63
    summary = net.summary()
    for part in (
        "Affine(2, 10)",
        "30",
        "33",
        "63",
        "softmax_ce",
        "float32",
        "sample by sample",
        "side by side",
    ):
        assert part in summary


def test_a_copy_is_a_net_of_its_own():
    net = fastnn.mlp(2, 3, 1, seed=1)
    net.fit(*GATE, epochs=2, lr=0.1)
    for twin in (
        copy.copy(net),
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        net.astype("float64"),
        net.with_theta(net.theta),
    ):
        assert twin.theta.tobytes() == net.theta.tobytes()
        assert all(np.shares_memory(param, twin.theta) for param in twin.params)
        before = net.theta.copy()
        twin.fit(*GATE, epochs=2, lr=0.1)
        assert (net.theta == before).all()
        assert (twin.theta != before).any()
        assert (twin.params[0] != before[:6].reshape(2, 3)).any()


def test_a_copy_in_float32_has_the_same_parameters():
    net = fastnn.mlp(2, 3, 1, seed=1)
    net.fit(*GATE, epochs=2, lr=0.1)
    single = net.astype("float32")
    assert single.theta.dtype == np.float32
    assert np.allclose(single.theta, net.theta, rtol=1e-7)
    single.fit(*GATE, epochs=2, lr=0.1)


def test_a_net_whose_memory_comes_back_read_only_can_be_trained():
    net = fastnn.mlp(2, 3, 1, seed=1)
    buffers = []
    data = pickle.dumps(net, protocol=5, buffer_callback=buffers.append)
    twin = pickle.loads(data, buffers=[bytes(buffer) for buffer in buffers])
    for either in (net, twin):
        either.fit(*GATE, epochs=3, lr=0.1)
    assert twin.theta.tobytes() == net.theta.tobytes()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_in", 5),
        ("n_out", 5),
        ("loss", fastnn.MSE()),
        ("dtype", "float32"),
        ("layers", ()),
        ("classes", np.arange(99)),
    ],
    ids=str,
)
def test_what_the_kernels_rely_on_cannot_be_changed(name, value):
    with pytest.raises(AttributeError):
        setattr(fastnn.mlp(2, 3, 1), name, value)


def test_a_layer_keeps_its_arrays_and_its_sizes():
    layer = fastnn.Affine(2, 3)
    with pytest.raises(ValueError, match=r"params\[0\] has shape \(2, 3\)"):
        layer.params[0] = np.zeros((9, 9))
    layer.params[0].shape = (6,)
    assert layer.params[0].shape == (2, 3)
    with pytest.raises(AttributeError, match=r"n_out of Affine\(2, 3\)"):
        layer.n_out = 1
    assert layer.forward(np.ones((4, 2))).shape == (4, 3)


def test_one_compilation_serves_every_loss_and_every_form_of_data():
    trainers = kernels.loops.per_sample.train, kernels.loops.batches.train
    # Other tests in this process may call them with types of their own.
    before = [len(getattr(kernel, "signatures", [])) for kernel in trainers]
    for loss, n_out in (("bce", 1), ("softmax_ce", 3), ("mse", 2)):
        y = np.zeros((4, 2)) if loss == "mse" else [0, 1, 1, 0]
        for X in (GATE[0], GATE[0].tolist(), np.asfortranarray(GATE[0])):
            for size in (1, 2):
                net = fastnn.mlp(2, 3, n_out, loss=loss)
                net.fit(X, y, epochs=1, lr=0.1, batch_size=size)
    for kernel, n_before in zip(trainers, before, strict=True):
        assert len(getattr(kernel, "signatures", [])) <= n_before + 1
