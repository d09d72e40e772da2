"""Nets as ONNX: valid models, with the results and labels of the net."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from export_nets import overflowing, random_net, random_rows, results, with_labels
from exported import onnx_outputs, onnx_session

import fastnn

onnx = pytest.importorskip("onnx", reason="the extra test has onnx and onnxruntime")
runtime = pytest.importorskip("onnxruntime")

# Sums are added in another order, and onnxruntime's float32 sigmoid and tanh are
# approximations with errors of some 1e-7.
TOLERANCE = {"float64": 1e-12, "float32": 2e-6}


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_results_and_labels_are_those_of_the_net(tmp_path, first):
    for number in range(first, first + 10):
        net = random_net(number)
        X = random_rows(net, 30, number)
        _, session = onnx_session(net, tmp_path)
        found, expected = onnx_outputs(session, X), results(net, X)
        tolerance = TOLERANCE[str(net.dtype)]
        if net.loss.name in ("mse", "poisson"):
            predicted = net.predict(X)
            assert list(found) == ["predictions"]
            assert found["predictions"].shape == predicted.shape
            error = np.abs(found["predictions"] - predicted)
            assert (error / np.maximum(1, np.abs(predicted))).max() < tolerance, net
        else:
            assert list(found) == ["label", "probabilities"]
            assert np.abs(found["probabilities"] - expected).max() < tolerance, net
            assert found["label"].tolist() == net.predict(X).tolist(), net
        assert session.get_inputs()[0].shape == ["n", net.n_in]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_out", [1, 4])
def test_huge_and_equal_outputs(tmp_path, dtype, n_out):
    W = np.array([[1.0, -1.0, 1.0, -1.0][:n_out]])
    net = fastnn.mlp(1, n_out, init=[W, np.zeros(n_out)], dtype=dtype)
    sizes = [0, 1e-30, 1, 20, 100, 750, 1e10, 0.9 * np.finfo(dtype).max / 2]
    X = np.array([*sizes, *np.negative(sizes)])[:, None].astype(dtype)
    found = onnx_outputs(onnx_session(net, tmp_path)[1], X)
    error = np.abs(found["probabilities"] - net.predict_proba(X)).max()
    assert error < TOLERANCE[dtype]
    assert found["label"].tolist() == net.predict(X).tolist()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_several_outputs_that_overflow(tmp_path, dtype):
    net, X = overflowing(dtype)
    found = onnx_outputs(onnx_session(net, tmp_path)[1], X)
    assert np.abs(found["probabilities"] - net.predict_proba(X)).max() < 1e-6
    assert found["label"].tolist() == net.predict(X).tolist()


def test_of_equal_outputs_the_first_one_gives_the_label(tmp_path):
    """Random nets with columns of weights that occur several times, in any place."""
    rng, n_tied = np.random.default_rng(3), 0
    for number in range(20):
        n_out = int(rng.integers(2, 30))
        net = fastnn.mlp(
            3, 20, n_out, activation="tanh", loss="softmax_ce", seed=number
        )
        columns = rng.integers(0, n_out // 2 + 1, n_out)
        _, _, W, b = net.params
        W[...], b[...] = W[:, columns], rng.standard_normal(n_out)[columns]
        X = random_rows(net, 40, number)
        found = onnx_outputs(onnx_session(net, tmp_path)[1], X)
        assert found["label"].tolist() == net.predict(X).tolist()
        probabilities = net.predict_proba(X)
        largest = probabilities.max(axis=1, keepdims=True)
        n_tied += int(((probabilities == largest).sum(axis=1) > 1).sum())
    assert n_tied > 200


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["", "한글"]),
        np.array([-1, 1]),
        np.array([4, 2]),
        np.array([2, 4], "int8"),
        np.array([True, False]),
        np.array([3.0, 7.0], "float32"),
    ],
    ids=["strings", "empty", "signs", "unsorted", "int8", "flags", "floats"],
)
@pytest.mark.parametrize("n_out", [1, 2])
def test_labels_come_out_as_they_are(tmp_path, labels, n_out):
    net = fastnn.mlp(2, n_out, loss="softmax_ce" if n_out == 2 else "bce", seed=1)
    net = with_labels(net, labels)
    X = random_rows(net, 20)
    model, session = onnx_session(net, tmp_path)
    found, probabilities = onnx_outputs(session, X).values()
    assert found.tolist() == net.predict(X).tolist()
    assert found.dtype == (object if labels.dtype.kind == "U" else labels.dtype)
    assert np.abs(probabilities - net.predict_proba(X)).max() < 1e-12
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts["classes"]) == net.classes.tolist()
    assert facts["loss"] == net.loss.name
    assert facts["fastnn_version"] == fastnn.__version__ == model.producer_version


def test_the_shapes_of_values_are_those_of_predict(tmp_path):
    for n_out, shape in ((1, (5,)), (3, (5, 3))):
        net = fastnn.mlp(2, n_out, loss="mse", seed=1)
        model, session = onnx_session(net, tmp_path)
        X = random_rows(net, 5)
        assert (
            onnx_outputs(session, X)["predictions"].shape
            == net.predict(X).shape
            == shape
        )
        keys = {entry.key for entry in model.metadata_props}
        assert keys == {"fastnn_version", "loss"}


def test_the_metadata_have_the_columns(tmp_path):
    X = pd.DataFrame({"height": [1.0, 2.0], "weight": [2.0, 1.0]})
    net = fastnn.mlp(2, 1, seed=0)
    net.fit(X, ["no", "yes"], epochs=1, lr=0.1)
    model, session = onnx_session(net, tmp_path)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts["columns"]) == ["height", "weight"]
    found = onnx_outputs(session, X.to_numpy())
    assert found["label"].tolist() == net.predict(X).tolist()


def test_the_same_net_gives_the_same_bytes(tmp_path):
    net = random_net(4)
    net.to_onnx(tmp_path / "one.onnx")
    net.to_onnx(tmp_path / "two.onnx")
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_without_the_package_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="to_onnx needs the package onnx: install it"):
        fastnn.mlp(2, 1).to_onnx(tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
