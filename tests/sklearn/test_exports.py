"""Estimators in C, ONNX and JSON: their own predictions, from other programs."""

import shutil

import numpy as np
import pytest
from exported import C99, call, library, onnx_outputs, onnx_session
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_cases import data

import fastnn
from fastnn.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, y = data("iris")[1:]
SETTINGS = {"hidden_layer_sizes": (7, 5), "random_state": 0, "max_iter": 20}
CASES = {
    "strings": (MLPClassifier, X, np.array(["setosa", "other", "virginica"])[y]),
    "objects": (MLPClassifier, X, np.array(["b", "a"], object)[(y == 1).astype(int)]),
    "numbers": (MLPClassifier, X, 7 - 3 * y),
    "floats": (MLPClassifier, X, np.where(y == 1, 2.0, -1.0)),
    "booleans": (MLPClassifier, X, y == 1),
    "multi-label": (MLPClassifier, *data("multi-label")[1:]),
    "values": (MLPRegressor, *data("diabetes")[1:]),
    "three outputs": (MLPRegressor, *data("three outputs")[1:]),
    "counts": (MLPRegressor, *data("counts")[1:]),
    "float32": (MLPClassifier, X.astype("float32"), y),
}


@pytest.fixture(scope="module", params=list(CASES))
def case(request):
    """Return a fitted estimator, rows, and its results for them, (n, n_results)."""
    kind, X, y = CASES[request.param]
    settings = SETTINGS | ({"loss": "poisson"} if request.param == "counts" else {})
    model = kind(**settings).fit(X, y)
    if kind is MLPRegressor:
        return model, X, model.predict(X).reshape(len(X), -1)
    return model, X, model.predict_proba(X)


def tolerance(model, results):
    relative = 1e-12 if model.net_.dtype == "float64" else 3e-6
    return relative * float(np.abs(results).max())


def test_onnx_predicts_as_the_estimator(case, tmp_path):
    model, X, results = case
    model_proto, session = onnx_session(model.net_, tmp_path)
    found = onnx_outputs(session, np.ascontiguousarray(X, model.net_.dtype))
    numbers = found["predictions" if "predictions" in found else "probabilities"]
    assert numbers.reshape(results.shape) == pytest.approx(
        results, rel=0, abs=tolerance(model, results)
    )
    if "label" in found:
        assert found["label"].tolist() == model.predict(X).tolist()
    else:
        assert numbers.shape == model.predict(X).shape
    facts = {prop.key: prop.value for prop in model_proto.metadata_props}
    assert facts["fastnn_version"] == fastnn.__version__


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_predicts_as_the_estimator(case, tmp_path, compiler):
    model, X, results = case
    net = model.net_
    net.to_c(tmp_path / "net.c")
    options = (*C99, "-O2", tmp_path / "net.c")
    compiled = library(compiler, *options, to=tmp_path / "net.so")
    found = call(compiled.predict, np.ascontiguousarray(X, net.dtype), results.shape[1])
    of_net = net.predict if isinstance(model, MLPRegressor) else net.predict_proba
    assert found.tobytes() == of_net(X).tobytes()
    assert found == pytest.approx(results, rel=0, abs=tolerance(model, results))


def test_json_gives_the_net_back(case, tmp_path):
    model, X, _ = case
    model.net_.to_json(tmp_path / "net.json")
    loaded = fastnn.load(tmp_path / "net.json")
    assert loaded.theta.tobytes() == model.net_.theta.tobytes()
    assert loaded.predict(X).reshape(len(X), -1).tolist() == (
        model.net_.predict(X).reshape(len(X), -1).tolist()
    )


def test_a_pipeline_is_exported_with_its_scaling(tmp_path):
    """As docs/sklearn.md shows."""
    names = np.array(["a", "b", "c"])[y]
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SETTINGS))
    pipeline.fit(X, names)
    scaler, net = pipeline[0], pipeline[-1].net_
    W, b = net.params[:2]
    b -= (scaler.mean_ / scaler.scale_) @ W
    W /= scaler.scale_[:, None]
    found = onnx_outputs(onnx_session(net, tmp_path)[1], X)
    assert found["label"].tolist() == pipeline.predict(X).tolist()
    assert found["probabilities"] == pytest.approx(
        pipeline.predict_proba(X), rel=0, abs=1e-12
    )
    if shutil.which("gcc"):
        net.to_c(tmp_path / "net.c")
        compiled = library("gcc", *C99, tmp_path / "net.c", to=tmp_path / "net.so")
        found = call(compiled.predict, X, 3)
        assert found == pytest.approx(pipeline.predict_proba(X), rel=0, abs=1e-12)
