"""Predictions and scores of a net."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

import fastnn

GATE = fastnn.datasets.xor_gate()


@pytest.mark.parametrize("n_out", [1, 3])
def test_predictions_agree_with_each_other(n_out):
    X, y = fastnn.datasets.spiral(50)
    labels = y if n_out == 3 else y > 0
    net = fastnn.mlp(2, 8, n_out, seed=1)
    net.fit(X, labels, epochs=30, lr=0.3)
    probabilities, predicted = net.predict_proba(X), net.predict(X)
    assert probabilities.shape == (150, max(n_out, 2))
    assert np.abs(probabilities.sum(axis=1) - 1).max() < 1e-15
    assert (probabilities.argmax(axis=1) == predicted).all()
    assert net.score(X, labels) == np.mean(predicted == labels)
    row_by_row = [net.predict_proba(X[i : i + 1]) for i in range(150)]
    assert np.concatenate(row_by_row).tobytes() == probabilities.tobytes()


def test_extreme_inputs_give_certain_predictions():
    net = fastnn.mlp(1, 1, init=[[[1.0]], [0.0]])
    probabilities = net.predict_proba([[1000.0], [-1000.0], [0.0]])
    assert probabilities.tolist() == [[0, 1], [1, 0], [0.5, 0.5]]
    assert net.predict([[0.0]]).tolist() == [0]


def test_a_net_with_loss_mse_predicts_values():
    X = np.linspace(-1, 1, 60)[:, None]
    y = np.sin(3 * X[:, 0])
    net = fastnn.mlp(1, 12, 1, activation="tanh", loss="mse", seed=0)
    history = net.fit(X, y, epochs=400, optimizer=fastnn.Adam(0.02), batch_size=10)
    predicted = net.predict(X)
    assert predicted.shape == (60,)
    r_squared = 1 - np.mean((predicted - y) ** 2) / np.var(y)
    assert net.score(X, y) == pytest.approx(r_squared, rel=1e-12)
    assert net.score(X, y) > 0.99
    assert np.isnan(history.accuracy).all()
    assert "accuracy" not in repr(history)
    assert fastnn.mlp(1, 4, 2, loss="mse").predict(X).shape == (60, 2)
    with pytest.raises(ValueError, match="use predict"):
        net.predict_proba(X)
    with pytest.raises(ValueError, match="the same in all rows"):
        net.score(X, np.ones(60))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_score_of_several_outputs_is_that_of_scikit_learn(dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 3)), rng.standard_normal((50, 4))
    y *= [1.0, 100.0, 1e-3, 0.0]  # the last column is the same in all rows
    net = fastnn.mlp(3, 4, 4, activation="tanh", loss="mse", dtype=dtype)
    net.fit(X, y, epochs=3, lr=1e-4)
    assert net.score(X, y) == pytest.approx(r2_score(y, net.predict(X)), rel=1e-6)
    zeros = fastnn.mlp(3, 4, loss="mse", init="zeros", dtype=dtype)
    assert zeros.score(X, y) == pytest.approx(r2_score(y, 0 * y), rel=1e-6)
    with pytest.raises(ValueError, match="same in all rows"):
        net.score(X, np.ones((50, 4)))


@pytest.mark.parametrize("method", ["predict", "score", "loss_and_grads"])
def test_parameters_that_are_not_finite_are_refused(method):
    net = fastnn.mlp(2, 3, 1)
    net.theta[2] = np.inf
    arguments = GATE[:1] if method == "predict" else GATE
    with pytest.raises(ValueError, match="parameters are not finite"):
        getattr(net, method)(*arguments)
