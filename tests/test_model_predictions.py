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


# NumPy warns of the overflow where the kernels run as plain Python.
overflows = pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")


def make_net(weights, biases, loss=None, dtype="float64", link=None, layered=False):
    """Return a net of one layer; `layered` ones run layer by layer."""
    layers = [fastnn.Affine(*np.shape(weights))]
    if layered:
        layers += [fastnn.Identity(), fastnn.Identity()]
        layers.insert(0, fastnn.Identity())
    layers += [link] if link else []
    return fastnn.Sequential(layers, loss, init=[weights, biases], dtype=dtype)


@overflows
@pytest.mark.parametrize("layered", [False, True])
@pytest.mark.parametrize(("dtype", "huge"), [("float64", 1e308), ("float32", 1e38)])
def test_huge_and_infinite_outputs_saturate(dtype, huge, layered):
    # the second row's sums overflow
    X = [[huge / 10], [huge], [-huge]]
    net = make_net([[5.0, -5.0, 0.0]], [0.0, 0.0, 0.0], None, dtype, None, layered)
    certain = [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert net.predict_proba(X).tolist() == certain
    assert net.predict(X).tolist() == [0, 0, 1]
    assert net.score(X, [0, 0, 1]) == 1.0
    net = make_net([[5.0]], [0.0], None, dtype, None, layered)
    assert net.predict_proba(X).tolist() == [[0, 1], [0, 1], [1, 0]]
    assert net.predict(X).tolist() == [1, 1, 0]
    net = make_net([[5.0]], [0.0], "mse", dtype, fastnn.Sigmoid(), layered)
    assert net.predict(X).tolist() == [1, 1, 0]


@overflows
@pytest.mark.parametrize("layered", [False, True])
def test_outputs_that_are_not_known_are_refused(layered):
    X, y = [[0.0, 0.0], [1e200, 1e200]], [0, 1]
    undecided = make_net([[1e200, 1e200]] * 2, [0.0, 0.0], layered=True)
    cancelled = make_net([[1e200, 0.0], [-1e200, 0.0]], [0.0, 0.0], layered=True)
    values = make_net([[1e200], [1e200]], [0.0], "mse", layered=layered)
    softmax = fastnn.Softmax()
    linked = make_net([[1e200] * 2] * 2, [0.0, 0.0], "mse", "float64", softmax, True)
    # Compiled nets are tried again with longer numbers.
    for net in (undecided, cancelled, values, linked) if layered else (values,):
        methods = [net.predict]
        if net.loss.name != "mse":
            methods.append(net.predict_proba)
        for method in methods:
            with pytest.raises(ValueError, match=r"row 1 of X is not known.*1\.8e"):
                method(X)
        targets = np.eye(2) if net is linked else y
        with pytest.raises(ValueError, match="row 1 of X is not known"):
            net.score(X, targets)


@overflows
@pytest.mark.skipif(np.finfo(np.longdouble).maxexp <= 1024, reason="no longer type")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sums_that_are_infinite_only_in_part_give_right_predictions(dtype):
    huge = 1e200 if dtype == "float64" else 1e30
    # z = (huge^2 - huge^2, 0), also where an fma makes the infinite sum of the two
    X, weights = [[huge, huge]], [[huge, 0.0], [-huge, 0.0]]
    net = make_net(weights, [1.0, 0.0], None, dtype)
    p = 1 / (1 + np.exp(-1.0))
    assert net.predict_proba(X) == pytest.approx(np.array([[p, 1 - p]]), rel=1e-6)
    assert net.predict(X).tolist() == [0]
    net = make_net([[huge], [-huge]], [1.0], "mse", dtype)
    assert net.predict(X).tolist() == [1.0]
    net = make_net([[huge], [-huge]], [1.0], "mse", dtype, fastnn.Sigmoid())
    assert net.predict(X) == pytest.approx([p], rel=1e-6)
    net = make_net([[huge, 2 * huge]] * 2, [0.0, 0.0], None, dtype)
    assert net.predict_proba(X).tolist() == [[0.0, 1.0]]


def test_r_squared_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    X, net = rng.standard_normal((20, 2)), fastnn.mlp(2, 3, loss="mse", seed=0)
    for y in (rng.standard_normal((20, 3)), rng.standard_normal((20, 3)) * [1, 9, 0]):
        wanted = metrics.r2_score(y, net.predict(X))
        assert net.score(X, y) == pytest.approx(wanted, rel=1e-12)
    y = net.predict(X) * 1e200
    assert net.score(X, y) == pytest.approx(
        metrics.r2_score(y / 1e200, 0 * y), rel=1e-9
    )
