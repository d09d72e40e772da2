import inspect
import json
import pickle
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas
import pytest
import sklearn
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_cases import data

import fastnn.sklearn
from fastnn.sklearn import MLPClassifier, MLPRegressor, MLPSearchCV

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
IRIS = data("iris")[1:]


def iris_model(**settings):
    return MLPClassifier(8, random_state=0, max_iter=15, **settings)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_constructor_has_the_parameters_of_scikit_learn(name):
    theirs, ours = getattr(neural_network, name), globals()[name]
    expected = dict(inspect.signature(theirs).parameters)
    found = dict(inspect.signature(ours).parameters)
    if name == "MLPClassifier":
        assert found.pop("class_weight").default is None
    assert list(found.items()) == list(expected.items())
    assert ours().get_params().items() >= theirs().get_params().items()
    with pytest.raises(TypeError, match="learning_rte"):
        ours(learning_rte=1)
    with pytest.raises(ValueError, match="'alpha' parameter"):
        ours(alpha=-1).fit([[0.0], [1.0]], [0, 1])


def test_class_weight_is_a_weight_of_the_rows():
    X, y = IRIS[0][:120], IRIS[1][:120]
    names = np.array(["a", "b", "c"])[y]
    of_class = {"a": 2.0, "c": 0.25}
    weights = np.array([of_class.get(name, 1.0) for name in names])
    by_class = iris_model(class_weight=of_class).fit(X, names)
    by_row = iris_model().fit(X, names, sample_weight=weights)
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])
    both = iris_model(class_weight=of_class).fit(X, names, sample_weight=weights)
    by_row = iris_model().fit(X, names, sample_weight=weights**2)
    np.testing.assert_allclose(both.coefs_[0], by_row.coefs_[0])
    balanced = iris_model(class_weight="balanced").fit(X, names)
    counts = np.bincount(y)
    by_row = iris_model().fit(X, names, sample_weight=(120 / 3 / counts)[y])
    np.testing.assert_allclose(balanced.coefs_[0], by_row.coefs_[0])
    model = iris_model(class_weight=of_class)
    assert model.partial_fit(X[:9], names[:9], classes=["a", "b", "c"]) is model
    with pytest.raises(ValueError, match="partial_fit"):
        iris_model(class_weight="balanced").partial_fit(X, names, classes=[*"abc"])
    with pytest.raises(ValueError, match="class_weight"):
        iris_model(class_weight="equal").fit(X, names)


@pytest.mark.parametrize(
    ("class_weight", "y", "message"),
    [
        ({"0": 2.0}, IRIS[1], "label '0', but the labels are 0, 1, 2"),
        ({3: 2.0}, IRIS[1], "label 3, but the labels are 0, 1, 2"),
        ({0: 2.0}, np.eye(3, dtype=int)[IRIS[1]], "y has 3 columns"),
        ({0: 2.0}, None, "requires y to be passed"),
    ],
)
def test_class_weight_that_does_not_fit_is_refused(class_weight, y, message):
    with pytest.raises(ValueError, match=message):
        iris_model(class_weight=class_weight).fit(IRIS[0], y)
    model = iris_model(class_weight={3: 2.0})
    with pytest.raises(ValueError, match="label 3"):
        model.partial_fit(*IRIS, classes=[0, 1, 2])
    model = iris_model(class_weight={2: 2.0})
    model.partial_fit(IRIS[0][:50], IRIS[1][:50], classes=[0, 1, 2])


@pytest.mark.parametrize("weights", [np.ones(3), ["a"] * 150, np.full(150, np.nan)])
def test_wrong_sample_weight_has_the_message_of_scikit_learn(weights):
    messages = []
    for module, settings in (
        (neural_network, {}),
        (fastnn.sklearn, {}),
        (fastnn.sklearn, {"class_weight": {0: 2.0}}),
    ):
        with pytest.raises(ValueError, match=r"weight|convert") as error:
            module.MLPClassifier(**settings).fit(*IRIS, sample_weight=weights)
        messages.append(str(error.value))
    assert len(set(messages)) == 1


def test_validation_rows_take_the_place_of_a_split():
    X, y = IRIS
    model = iris_model(early_stopping=True, n_iter_no_change=3)
    model.set_params(max_iter=100)
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert len(model.validation_scores_) == model.n_iter_ < 100
    best = max(model.validation_scores_)
    assert model.best_validation_score_ == best
    assert model.score(X[1::2], y[1::2]) == best  # the best parameters are kept
    weights = np.zeros(75)
    weights[:10] = 1
    model.fit(
        X[::2], y[::2], None, X_val=X[1::2], y_val=y[1::2], sample_weight_val=weights
    )
    assert set(np.round(np.multiply(model.validation_scores_, 10), 9)) <= {*range(11)}


def test_validation_rows_without_early_stopping_are_only_scored():
    X, y, values = *IRIS, IRIS[0] @ [1.0, 2.0, 0.0, -1.0]
    plain = iris_model().fit(X, y)
    model = iris_model().fit(X, y, X_val=X, y_val=y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    assert len(model.validation_scores_) == model.n_iter_
    assert model.validation_scores_[-1] == model.score(X, y)
    regressor = MLPRegressor(random_state=0, max_iter=5)
    regressor.fit(X, values, X_val=X, y_val=values)
    score = regressor.score(X, values)
    assert regressor.validation_scores_[-1] == pytest.approx(score, rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({}, {"X_val": IRIS[0]}, "both X_val and y_val"),
        ({}, {"y_val": IRIS[1]}, "both X_val and y_val"),
        ({}, {"sample_weight_val": [1.0]}, "needs X_val"),
        ({"solver": "lbfgs"}, {"X_val": IRIS[0], "y_val": IRIS[1]}, "lbfgs"),
        ({}, {"X_val": IRIS[0][:, :3], "y_val": IRIS[1]}, "3 features"),
        ({}, {"X_val": IRIS[0], "y_val": IRIS[1][1:]}, "inconsistent"),
        ({}, {"X_val": IRIS[0], "y_val": IRIS[1] + 1}, "classes that y lacks"),
        ({}, {"X_val": IRIS[0], "y_val": IRIS[1].astype(str)}, "classes that y lacks"),
        ({}, {"X_val": IRIS[0], "y_val": np.eye(3)[IRIS[1]]}, "one label per row"),
        (
            {"class_weight": {0: -1.0}},
            {"X_val": IRIS[0], "y_val": IRIS[1]},
            "negative weights",
        ),
    ],
)
def test_wrong_validation_rows_are_refused(settings, given, message):
    model = iris_model(**settings)
    with pytest.raises(ValueError, match=message):
        model.fit(*IRIS, **given)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize(
    ("name", "y_val", "message"),
    [
        ("multi-label", np.ones(100, int), "columns of 0 and 1"),
        ("multi-label", np.ones((100, 4), int), "columns of 0 and 1"),
        ("multi-label", np.full((100, 5), 0.5), "columns of 0 and 1"),
        ("three outputs", np.ones(100), "number of columns"),
        ("three outputs", np.ones((100, 2)), "number of columns"),
        ("three outputs", np.full((100, 3), "1.5"), "not compatible with arrays of"),
        ("three outputs", np.full((100, 3), np.nan), "NaN"),
    ],
)
def test_validation_targets_are_like_those_to_train_on(name, y_val, message):
    kind, X, y = data(name)
    model = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[kind]()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, X_val=X, y_val=y_val)
    assert not hasattr(model, "coefs_")


def test_sparse_validation_targets_are_taken_like_dense_ones():
    _, X, y = data("multi-label")
    first, second = (
        MLPClassifier(6, random_state=0, early_stopping=True, max_iter=9).fit(
            X, y, X_val=X, y_val=convert(y)
        )
        for convert in (np.asarray, sparse.csr_matrix)
    )
    assert first.validation_scores_ == second.validation_scores_
    with pytest.raises(TypeError, match="Sparse data was passed for y_val"):
        MLPRegressor().fit(X, X[:, 0], X_val=X, y_val=sparse.csr_matrix(X[:, :1]))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_validation_rows_without_weight_are_refused_as_by_scikit_learn(kind):
    X, y = IRIS
    with pytest.raises(ValueError, match="at least one non-zero"):
        kind().fit(X, y, X_val=X, y_val=y, sample_weight_val=np.zeros(150))


def test_one_validation_row_has_no_r2():
    X, y = data("diabetes")[1:]
    with pytest.raises(ValueError, match="at least 2 rows"):
        MLPRegressor(early_stopping=True).fit(X, y, X_val=X[:1], y_val=y[:1])
    X, y = IRIS
    model = iris_model(early_stopping=True).fit(X, y, X_val=X[:1], y_val=y[:1])
    assert set(model.validation_scores_) <= {0.0, 1.0}


def test_net_is_the_fitted_net(tmp_path):
    X = pandas.DataFrame(IRIS[0], columns=[*"wxyz"])
    names = np.array(["a", "b", "c"], object)[IRIS[1]]
    model = iris_model().fit(X, names)
    net = model.net_
    np.testing.assert_array_equal(net.predict(X), model.predict(X))
    np.testing.assert_allclose(net.predict_proba(X), model.predict_proba(X))
    assert net.classes.tolist() == ["a", "b", "c"]
    assert net.columns == ("w", "x", "y", "z")
    net.to_json(tmp_path / "net.json")
    assert json.loads((tmp_path / "net.json").read_text())["classes"] == [*"abc"]
    net.theta[:] = 0
    assert model.coefs_[0].any()
    assert iris_model().fit(IRIS[0], IRIS[1] == 1).net_.predict(IRIS[0]).dtype == bool
    with pytest.raises(sklearn.exceptions.NotFittedError):
        iris_model().net_  # noqa: B018
    for loss in ("squared_error", "poisson"):
        model = MLPRegressor(loss, max_iter=5, random_state=0).fit(X, IRIS[1])
        found = model.net_.predict(X).ravel()
        np.testing.assert_allclose(found, model.predict(X), rtol=1e-12)
    _, X, y = data("multi-label")
    model = MLPClassifier(8, max_iter=5, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.net_.predict(X), model.predict(X))
    probabilities = model.net_.predict_proba(X)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=1e-12)


def test_copies_predict_and_go_on_alike(tmp_path):
    X, y = IRIS
    model = iris_model().partial_fit(X, y, classes=[0, 1, 2])
    joblib.dump(model, tmp_path / "model")
    copies = [
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model", mmap_mode="r"),
    ]
    model.partial_fit(X, y)
    for copy in copies:
        copy.partial_fit(X, y)
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert clone(iris_model(alpha=2)).get_params()["alpha"] == 2
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(model.predict_proba, [X] * 20):
            np.testing.assert_array_equal(found, model.predict_proba(X))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_searches_find_what_they_find_with_scikit_learn(backend):
    grid = {"mlp__alpha": [0.01, 10.0]}
    found = []
    for classifier in (neural_network.MLPClassifier, MLPClassifier):
        model = classifier(8, random_state=0, max_iter=15)
        pipeline = sklearn.pipeline.Pipeline(
            [("scale", StandardScaler()), ("mlp", model)]
        )
        with joblib.parallel_backend(backend, n_jobs=2), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search = GridSearchCV(pipeline, grid, cv=3).fit(*IRIS)
            scores = cross_val_score(pipeline, *IRIS, cv=2)
        found.append([*search.cv_results_["mean_test_score"], *scores])
    np.testing.assert_array_equal(*found)


def test_metadata_is_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = iris_model(early_stopping=True)
        model.set_fit_request(sample_weight=True, X_val=True, y_val=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model)
        pipeline.fit(*IRIS, sample_weight=np.ones(150), X_val=IRIS[0], y_val=IRIS[1])
        assert model.validation_scores_


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_interrupt_keeps_the_model():
    X, y = IRIS
    MLPClassifier(8, max_iter=2, random_state=0).fit(X, y)  # compiled

    def interrupt(signum, frame):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        model = MLPClassifier(8, tol=0, n_iter_no_change=10**9, max_iter=10**9)
        with pytest.warns(UserWarning, match="interrupted by user"):
            model.fit(X, y)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert 0 < model.n_iter_ == len(model.loss_curve_) < 10**9
    assert model.t_ == 150 * model.n_iter_
    assert model.score(X, y) > 0.3


def test_verbose_prints_what_scikit_learn_prints(capsys):
    printed = []
    for classifier in (neural_network.MLPClassifier, MLPClassifier):
        for settings in (
            {"early_stopping": True},
            {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0},
        ):
            model = classifier(
                8, random_state=0, verbose=True, n_iter_no_change=2, **settings
            )
            model.set_params(max_iter=12).fit(*IRIS)
        printed.append(capsys.readouterr().out)
    assert "Stopping" in printed[0] or "Setting learning rate" in printed[0]
    assert printed[0] == printed[1]


def test_warns_where_training_has_not_converged():
    model = iris_model()
    for one in (model, MLPSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2)):
        with pytest.warns(
            ConvergenceWarning, match=r"Maximum iterations \(15\)"
        ) as found:
            one.fit(*IRIS)
        assert {warning.filename for warning in found} == {__file__}


def test_scikit_learn_is_imported_only_with_this_module():
    code = "import fastnn, sys; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
