import contextlib
import pickle
import warnings
from copy import deepcopy

import numpy as np
import pandas
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn_cases import CLASSIFIER, SAME_NUMBERS, Case, both, data, deviation, fitted

import fastnn.sklearn

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.mark.parametrize("case", SAME_NUMBERS, ids=str)
def test_fit_has_the_numbers_of_scikit_learn(case):
    assert deviation(*both(case)) < 1e-9


@pytest.mark.parametrize(
    "case",
    [
        Case("iris", {"max_iter": 10}),
        Case("wine", {"solver": "sgd", "max_iter": 10}, weighted=True),
        Case("diabetes", {"batch_size": 50, "max_iter": 5}),
    ],
    ids=str,
)
def test_float32_is_as_close_as_rounding_allows(case):
    theirs, ours = both(case, "float32")
    assert deviation(theirs, ours) < 1e-4
    assert {w.dtype for w in ours.coefs_ + ours.intercepts_} == {np.dtype("float32")}
    _, X, _ = data(case.data)
    predict = "predict_proba" if hasattr(ours, "predict_proba") else "predict"
    expected = getattr(theirs, predict)(X.astype("float32"))
    found = getattr(ours, predict)(X.astype("float32"))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["iris", "moons", "multi-label", "three outputs"])
def test_predictions_are_those_of_scikit_learn(name):
    theirs, ours = both(Case(name, {"max_iter": 20}))
    kind, X, y = data(name)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-12)
    for rows in (X[:1], sparse.csr_matrix(X), np.asfortranarray(X)):
        if kind == CLASSIFIER:
            np.testing.assert_allclose(
                ours.predict_proba(rows), theirs.predict_proba(rows), rtol=1e-9
            )
            np.testing.assert_allclose(
                ours.predict_log_proba(rows),
                theirs.predict_log_proba(rows),
                rtol=1e-9,
                atol=1e-15,
            )


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_are_trained_like_dense_ones(convert, solver):
    _, X, y = data("multi-label")
    weights = np.random.default_rng(0).random(len(X))
    for y_case, module in ((y[:, 0], fastnn.sklearn), (y, fastnn.sklearn)):
        settings = {"solver": solver, "batch_size": 30, "max_iter": 8}
        model = module.MLPClassifier(**settings, random_state=3)
        dense = model.fit(X, y_case, sample_weight=weights).coefs_[0]
        found = model.fit(convert(X), y_case, sample_weight=weights).coefs_[0]
        np.testing.assert_allclose(found, dense, rtol=1e-9)


def test_warm_start_and_partial_fit_go_on_as_in_scikit_learn():
    _, X, y = data("iris")
    for solver, schedule in (("adam", "constant"), ("sgd", "invscaling")):
        models = []
        for module in (neural_network, fastnn.sklearn):
            settings = {"solver": solver, "learning_rate": schedule, "random_state": 0}
            warm = module.MLPClassifier(max_iter=4, warm_start=True, **settings)
            parts = module.MLPClassifier(batch_size=20, **settings)
            for part in range(3):
                warm.fit(X, y)
                rows = slice(part * 50, part * 50 + 50)
                parts.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
                parts.partial_fit(X, y, sample_weight=np.full(len(y), 0.5))
            models.append((warm, parts))
        for theirs, ours in zip(*models, strict=True):
            assert deviation(theirs, ours) < 1e-9
            rate = ours._optimizer.learning_rate
            assert rate == pytest.approx(theirs._optimizer.learning_rate, rel=1e-12)


@pytest.mark.parametrize(
    "case",
    [
        Case("iris", {}),
        Case("moons", {"activation": "tanh"}, weighted=True),
        Case("multi-label", {}),
        Case("three outputs", {"activation": "logistic"}),
        Case("counts", {"loss": "poisson"}, weighted=True),
    ],
    ids=str,
)
def test_lbfgs_has_the_same_losses_and_gradients(case):
    # The way to an optimum is chaotic, so that only its first steps are the same.
    settings = case.settings | {"solver": "lbfgs", "max_iter": 1, "alpha": 0.3}
    theirs, ours = both(case._replace(settings=settings))
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    for x, y in zip(theirs.coefs_, ours.coefs_, strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-7, atol=1e-9)


def test_lbfgs_finds_the_optimum_of_a_convex_problem():
    _, X, y = data("iris")
    settings = {
        "solver": "lbfgs",
        "hidden_layer_sizes": (),
        "alpha": 1.0,
        "tol": 1e-9,
        "max_iter": 1000,
        "random_state": 0,
    }
    theirs = neural_network.MLPClassifier(**settings).fit(X, y)
    ours = fastnn.sklearn.MLPClassifier(**settings).fit(X, y)
    sparse_rows = fastnn.sklearn.MLPClassifier(**settings).fit(sparse.csr_array(X), y)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    assert sparse_rows.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-4)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_training_that_diverges_fails_as_in_scikit_learn():
    case = Case("diabetes", {"solver": "sgd", "learning_rate_init": 1e4})
    for module in (neural_network, fastnn.sklearn):
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            fitted(module, case)


def test_a_batch_without_weight_fails_as_in_scikit_learn():
    _, X, y = data("iris")
    weights = np.zeros(len(y))
    weights[0] = 1
    for batch_size in (1, 10):
        for rows in (X, sparse.csr_matrix(X)):
            model = fastnn.sklearn.MLPClassifier(batch_size=batch_size)
            with pytest.raises(ZeroDivisionError, match="sum to zero"):
                model.fit(rows, y, sample_weight=weights)


def test_negative_weights_are_left_to_scikit_learn():
    _, X, y = data("iris")
    weights = np.ones(len(y))
    weights[:3] = -0.5
    theirs = neural_network.MLPClassifier(max_iter=3, random_state=0)
    ours = fastnn.sklearn.MLPClassifier(max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X, y, sample_weight=weights)
        ours.fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(ours.coefs_[0], theirs.coefs_[0])


def test_warm_start_after_early_stopping_trains_the_best_parameters():
    _, X, y = data("diabetes")
    settings = {"hidden_layer_sizes": 3, "early_stopping": True, "warm_start": True}
    models = []
    for module in (neural_network, fastnn.sklearn):
        model = module.MLPRegressor(
            **settings, max_iter=4, random_state=1, shuffle=False
        )
        fits = [model.fit(X, y), deepcopy(model).fit(X, -y), model.fit(X, y)]
        models.append([*fits, pickle.loads(pickle.dumps(model)).fit(X, y)])
    for theirs, ours in zip(*models, strict=True):
        assert deviation(theirs, ours) < 1e-9


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
@pytest.mark.parametrize("inputs", ["float32", "float64"])
def test_validation_scores_of_values_of_low_precision(dtype, inputs):
    _, X, y = data("diabetes")
    values = (100 * (y - y.min()) / np.ptp(y)).astype(dtype)
    settings = {"early_stopping": True, "max_iter": 5, "random_state": 0}
    theirs, ours = (
        module.MLPRegressor(**settings).fit(X.astype(inputs), values)
        for module in (neural_network, fastnn.sklearn)
    )
    limit = 1e-9 if inputs == "float64" else 1e-4
    assert deviation(theirs, ours) < limit


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_loss_that_is_not_a_number_stays_one(n_classes):
    X, y = np.random.default_rng(0).standard_normal((40, 5)), np.arange(40) % n_classes
    settings = {"activation": "identity", "solver": "sgd", "alpha": 0.0}
    settings |= {"batch_size": 1, "learning_rate_init": 0.3, "n_iter_no_change": 3}
    curves = []
    for module in (neural_network, fastnn.sklearn):
        model = module.MLPClassifier((4, 4), max_iter=30, random_state=0, **settings)
        with pytest.raises(ValueError, match="non-finite"):
            model.fit(X, y)
        curves.append(model.loss_curve_)
    assert np.isnan(curves[0]).any()
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-9)


def test_partial_fit_goes_on_with_the_optimizer_of_the_first_call():
    _, X, y = data("iris")
    for first, then in (("adam", "sgd"), ("sgd", "adam")):
        models = []
        for module in (neural_network, fastnn.sklearn):
            model = module.MLPClassifier(
                5, solver=first, learning_rate="invscaling", random_state=0, max_iter=3
            ).fit(X, y)
            model.set_params(solver=then)
            models.append(model.partial_fit(X, y).partial_fit(X, y))
        assert deviation(*models) < 1e-9


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_epochs_before_a_batch_without_weight_are_kept(kind):
    X, y = np.random.default_rng(0).standard_normal((12, 3)), np.arange(12) % 3
    weights = np.repeat([0.0, 1.0], [4, 8])
    settings = {"batch_size": 3, "random_state": 0}
    if kind == "MLPRegressor":
        settings["loss"] = "poisson"
    models = [
        getattr(module, kind)(hidden_layer_sizes=3, **settings)
        for module in (neural_network, fastnn.sklearn)
    ]
    for model in models:
        with pytest.raises(ZeroDivisionError, match="sum to zero"):
            model.fit(X, y, sample_weight=weights)
    theirs, ours = models
    assert theirs.n_iter_ > 1
    assert deviation(theirs, ours) < 1e-9


@pytest.mark.parametrize(
    "labels",
    [
        np.array([4, -1, 2]),
        np.array([3, 1], np.uint8),
        np.array([False, True]),
        np.array(["setosa", "a"], "U20"),
        np.array(["x", "yy", "z"], object),
        np.array([1.0, 2.0, 3.0]),
        np.array([5]),
        np.arange(30),
    ],
    ids=lambda labels: f"{labels.dtype}-{len(labels)}",
)
def test_labels_of_all_kinds_are_those_of_scikit_learn(labels):
    X = np.random.default_rng(0).standard_normal((90, 3))
    y = labels[np.arange(90) % len(labels)]
    models = []
    for module in (neural_network, fastnn.sklearn):
        model = module.MLPClassifier(4, max_iter=3, random_state=0)
        model.fit(pandas.DataFrame(X, columns=list("abc")), y)
        models.append(model.fit(X, y))  # forgets the names of the columns
    theirs, ours = models
    assert deviation(theirs, ours) < 1e-9
    assert vars(theirs).keys() <= vars(ours).keys()
    assert not hasattr(ours, "feature_names_in_")
    assert ours.classes_.dtype == theirs.classes_.dtype
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    found, expected = (vars(model._label_binarizer) for model in models[::-1])
    assert found.keys() == expected.keys()
    assert found["y_type_"] == expected["y_type_"]
    predictions = ours.predict(X)
    assert predictions.dtype == theirs.predict(X).dtype
    np.testing.assert_array_equal(predictions, theirs.predict(X))


@pytest.mark.parametrize(
    "settings",
    [
        {"early_stopping": True, "n_iter_no_change": 4},
        {"tol": 0.02, "n_iter_no_change": 3, "batch_size": 7},
        {"early_stopping": True, "validation_fraction": 0.31, "shuffle": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["iris", "moons", "diabetes"])
def test_random_numbers_go_on_where_those_of_scikit_learn_do(name, settings):
    case = Case(name, {"max_iter": 80, "random_state": 3} | settings)
    theirs, ours = both(case)
    assert ours.n_iter_ == theirs.n_iter_
    assert deviation(theirs, ours) < 1e-9
    numbers = [model._random_state.random_sample() for model in (theirs, ours)]
    assert numbers[0] == numbers[1]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_scores_after_a_divergence_are_not_those_of_older_parameters():
    _, X, y = data("diabetes")
    settings = {"solver": "sgd", "learning_rate_init": 1e3, "early_stopping": True}
    curves = []
    for module in (neural_network, fastnn.sklearn):
        model = module.MLPRegressor(max_iter=30, random_state=0, **settings)
        with contextlib.suppress(ValueError):  # where the best ones are not finite
            model.fit(X, y)
        curves.append((model.n_iter_, np.isnan(model.validation_scores_).tolist()))
    assert curves[0] == curves[1]


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("types", [("float32", "float64"), ("float64", "float32")])
@pytest.mark.parametrize("warm", [False, True])
def test_a_net_goes_on_with_rows_of_another_dtype(solver, types, warm):
    """It keeps its own, and so do the moments: the kernels check neither."""
    _, X, y = data("three outputs")
    models = []
    for module in (neural_network, fastnn.sklearn):
        model = module.MLPRegressor(
            hidden_layer_sizes=9,
            solver=solver,
            random_state=0,
            warm_start=warm,
            max_iter=5,
        )
        model.fit(X.astype(types[0]), y)
        for rows in (X.astype(types[1]), X.astype(types[1]).tolist()):
            (model.fit if warm else model.partial_fit)(rows, y)
        model.partial_fit(X.astype(types[0]), y)
        models.append(model)
    theirs, ours = models
    assert deviation(theirs, ours) < 1e-4
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        assert mine.dtype == other.dtype == types[0]


@pytest.mark.parametrize("warm", [False, True])
def test_a_fitted_net_keeps_its_hidden_units(warm):
    _, X, y = data("iris")
    models = []
    for module in (neural_network, fastnn.sklearn):
        model = module.MLPClassifier(6, random_state=0, warm_start=warm, max_iter=5)
        model.fit(X, y)
        for units in (3, 9):
            model.set_params(hidden_layer_sizes=units)
            (model.fit if warm else model.partial_fit)(X, y)
        models.append(model)
    assert deviation(*models) < 1e-9
    for units in ((), (3, 5)):
        model.set_params(hidden_layer_sizes=units)
        with pytest.raises(ValueError, match=r"layers of \[4, 6, 3\] units"):
            (model.fit if warm else model.partial_fit)(X, y)


def test_parameters_of_another_size_are_refused():
    _, X, y = data("iris")
    model = fastnn.sklearn.MLPClassifier(6, random_state=0, max_iter=5).fit(X, y)
    model.coefs_ = [model.coefs_[0][:, :4].copy(), model.coefs_[1][:4].copy()]
    model.intercepts_[0] = model.intercepts_[0][:4].copy()
    with pytest.raises(ValueError, match="35 numbers, but the moments"):
        model.partial_fit(X, y)


def test_early_stopping_takes_sparse_labels():
    _, X, y = data("multi-label")
    theirs, ours = (
        module.MLPClassifier(6, random_state=0, early_stopping=True, max_iter=9).fit(
            X, sparse.csr_matrix(y)
        )
        for module in (neural_network, fastnn.sklearn)
    )
    assert deviation(theirs, ours) < 1e-9
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)


def test_a_regression_refuses_strings():
    X = np.eye(3)
    with pytest.raises(ValueError, match="y has strings, such as '1'"):
        fastnn.sklearn.MLPRegressor().fit(X, np.array(["1", "2", "3"]))
