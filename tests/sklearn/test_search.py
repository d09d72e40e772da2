from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context, neural_network
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics._scorer import _PassthroughScorer
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn_cases import data

import fastnn.sklearn
from fastnn.sklearn import MLPClassifier, MLPRegressor, MLPSearchCV, lanes
from fastnn.sklearn.scores import Scored

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def searches(name, grid, **settings):
    """Return scikit-learn's search over its own estimator, and this package's."""
    kind, X, y = data(name)
    settings = {"random_state": 0, "max_iter": 15, "hidden_layer_sizes": 6} | settings
    theirs = getattr(neural_network, kind)(**settings)
    ours = (MLPClassifier if kind == "MLPClassifier" else MLPRegressor)(**settings)
    how = {"cv": 3, "return_train_score": True}
    return GridSearchCV(theirs, grid, **how).fit(X, y), MLPSearchCV(
        ours, grid, **how
    ).fit(X, y)


def assert_same(theirs, ours):
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for key, expected in theirs.cv_results_.items():
        if key.endswith("_time"):
            assert (ours.cv_results_[key] >= 0).all()
        elif "score" in key and not key.startswith("rank"):
            np.testing.assert_allclose(ours.cv_results_[key], expected, rtol=1e-7)
        else:
            assert list(ours.cv_results_[key]) == list(expected)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-7)
    best = ours.best_estimator_
    np.testing.assert_allclose(
        best.coefs_[0], theirs.best_estimator_.coefs_[0], rtol=1e-7, atol=1e-12
    )


@pytest.mark.parametrize(
    ("name", "grid", "settings"),
    [
        ("iris", {"alpha": [1e-4, 1.0], "learning_rate_init": [0.01, 0.1]}, {}),
        ("iris", {"tol": [1e-4, 0.5], "n_iter_no_change": [2, 5]}, {"max_iter": 40}),
        ("moons", {"alpha": [0.01, 3.0]}, {"early_stopping": True, "batch_size": 30}),
        (
            "iris",
            {
                "learning_rate": ["constant", "invscaling", "adaptive"],
                "momentum": [0.5, 0.9],
            },
            {"solver": "sgd", "batch_size": 32, "tol": 0.05, "n_iter_no_change": 2},
        ),
        ("multi-label", {"alpha": [0.1, 1.0]}, {"solver": "sgd", "batch_size": 40}),
        ("three outputs", {"alpha": [0.1, 1.0], "beta_1": [0.5, 0.9]}, {}),
        ("counts", {"alpha": [0.1, 1.0]}, {"loss": "poisson", "batch_size": 30}),
        ("wine unscaled", {"alpha": [0.1, 1.0]}, {"hidden_layer_sizes": ()}),
    ],
)
def test_search_side_by_side_has_the_numbers_of_a_grid_search(name, grid, settings):
    theirs, ours = searches(name, grid, **settings)
    assert_same(theirs, ours)
    assert ours.alone_ == []


@pytest.mark.parametrize(
    ("name", "grid", "settings"),
    [
        ("iris", {"alpha": [0.0, 1.0], "beta_1": [0.5, 0.9], "epsilon": [1e-8, 1]}, {}),
        ("iris", {"momentum": [0.0, 0.5, 0.9], "alpha": [0, 0.1]}, {"solver": "sgd"}),
        (
            "iris",
            {"max_iter": [3, 20], "batch_size": [16, "auto"], "alpha": [0, 1]},
            {},
        ),
        ("diabetes", {"tol": [1, 500.0], "n_iter_no_change": [1, 3, 6]}, {}),
        (
            "moons",
            {"learning_rate_init": [1e-3, 0.1], "early_stopping": [False, True]},
            {"n_iter_no_change": 3, "tol": 0.01, "max_iter": 40},
        ),
        (
            "iris",
            {
                "learning_rate": ["constant", "invscaling", "adaptive"],
                "momentum": [0.0, 0.9],
            },
            {"solver": "sgd", "tol": 0.02, "n_iter_no_change": 2, "max_iter": 60},
        ),
        ("multi-label", {"alpha": [0.1, 1.0, 5.0]}, {"shuffle": False}),
        ("three outputs", {"alpha": [0.1, 1.0, 5.0]}, {"batch_size": 40}),
    ],
)
def test_candidates_are_trained_as_alone(name, grid, settings):
    kind, X, y = data(name)
    model = MLPClassifier if kind == "MLPClassifier" else MLPRegressor
    settings = {"random_state": 0, "max_iter": 25, "hidden_layer_sizes": 6} | settings
    fitted = {}

    def score(estimator, X, y):
        key = kind, repr(sorted(estimator.get_params().items())), X.tobytes()
        fitted.setdefault(key, []).append(estimator)
        return estimator.score(X, y)

    for search in (GridSearchCV, MLPSearchCV):
        search(model(**settings), grid, cv=2, scoring=score, refit=False).fit(X, y)
    for one, other in fitted.values():
        assert one.n_iter_ == other.n_iter_
        assert one.t_ == other.t_
        for shown in ("loss_curve_", "validation_scores_", "best_loss_"):
            expected, found = getattr(one, shown), getattr(other, shown)
            assert (expected is None) == (found is None)
            if expected is not None:
                np.testing.assert_allclose(found, expected, rtol=1e-9)
        rate = one._optimizer.learning_rate
        assert other._optimizer.learning_rate == pytest.approx(rate, rel=1e-12)
        theirs = *one.coefs_, *one.intercepts_, *one._solver.moments
        ours = *other.coefs_, *other.intercepts_, *other._solver.moments
        for a, b in zip(theirs, ours, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


def test_nets_that_have_stopped_leave_their_lanes():
    _, X, y = data("iris")
    model = MLPClassifier(4, random_state=0, max_iter=30, n_iter_no_change=2)
    sizes = []

    class Counted(lanes.Lanes):
        def __init__(self, tasks):
            sizes.append(len(tasks))
            super().__init__(tasks)

    grid = {"tol": [0.0, 0.0001, 1.0, 2.0, 3.0]}
    with mock.patch.object(lanes, "Lanes", Counted):
        MLPSearchCV(model, grid, cv=2, refit=False).fit(X, y)
    assert sizes == [5, 2, 5, 2]


def test_candidates_that_cannot_share_are_trained_alone():
    grid = [
        {"activation": ["tanh"], "alpha": [0.1, 1.0]},
        {"solver": ["lbfgs"]},
        {"batch_size": [1]},
    ]
    theirs, ours = searches("iris", grid, max_iter=4)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"][[0, 1, 3]],
        theirs.cv_results_["mean_test_score"][[0, 1, 3]],
    )
    assert [why for _, why in ours.alone_] == [
        "it has no epochs to share",
        "a batch is one row",
    ]
    _, X, y = data("iris")
    model = MLPClassifier(4, max_iter=3, random_state=0)
    search = MLPSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2)
    assert [why for _, why in search.fit(sparse.csr_array(X), y).alone_] == [
        "X is sparse",
        "X is sparse",
    ]
    search = MLPSearchCV(model.set_params(random_state=None), {"alpha": [1.0]}, cv=2)
    assert search.fit(X, y).alone_[0][1] == "random_state is not an integer"


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_failed_fits_have_the_error_score():
    _, X, y = data("iris")
    model = MLPClassifier(4, max_iter=3, random_state=0)
    search = MLPSearchCV(model, {"alpha": [0.1, -1.0]}, cv=2)
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    regressor = MLPRegressor(solver="sgd", max_iter=20, random_state=0)
    search = MLPSearchCV(regressor, {"learning_rate_init": [1e-4, 1e9]}, cv=2)
    with pytest.warns(FitFailedWarning, match="non-finite parameter weights"):
        search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        search.set_params(error_score="raise").fit(X, y)


def test_scores_are_those_of_the_estimator_with_and_without_checks():
    for name in ("iris", "diabetes", "multi-label", "three outputs"):
        kind, X, y = data(name)
        model = MLPClassifier if kind == "MLPClassifier" else MLPRegressor
        how = {"hidden_layer_sizes": 6, "max_iter": 20, "alpha": 0.1}
        models = [model(random_state=i, **how).fit(X, y) for i in range(3)]
        for rows, labels in ((X[:40], y[:40]), (X[:40].tolist(), y[:40].tolist())):
            scored = Scored(rows, labels, _PassthroughScorer(models[0]), {}, np.nan)
            for fitted in models:
                assert scored.score(fitted) == fitted.score(rows, labels)


@pytest.mark.filterwarnings("ignore:Scoring failed")
def test_scores_that_fail_are_the_error_score():
    _, X, y = data("iris")
    model = MLPClassifier(4, max_iter=3, random_state=0).fit(X, y)
    scored = Scored(X, y[:9], _PassthroughScorer(model), {}, 0.5)
    assert [scored.score(model), scored.score(model)] == [0.5, 0.5]


def test_other_estimators_are_refused():
    theirs = neural_network.MLPClassifier()
    for other in (theirs, make_pipeline(theirs)):
        short = f"not {type(other).__name__}: use GridSearchCV$"
        with pytest.raises(TypeError, match=short):
            MLPSearchCV(other, {"alpha": [1.0]}).fit([[0.0], [1.0]], [0, 1])


def test_weights_and_groups_are_taken_as_by_a_grid_search():
    _, X, y = data("iris")
    rng = np.random.default_rng(0)
    weights, groups = rng.random(len(y)), rng.integers(0, 6, len(y))
    settings = {"random_state": 0, "max_iter": 8, "hidden_layer_sizes": 6}
    grid, how = {"alpha": [0.1, 1.0]}, {"cv": GroupKFold(3), "return_train_score": True}
    theirs, ours = (
        search(model(**settings), grid, **how).fit(
            X, y, sample_weight=weights.tolist(), groups=groups
        )
        for search, model in (
            (GridSearchCV, neural_network.MLPClassifier),
            (MLPSearchCV, MLPClassifier),
        )
    )
    assert_same(theirs, ours)
    assert {why for _, why in ours.alone_} == {"rows have weights"}
    with pytest.raises(ValueError, match="weight"):
        MLPSearchCV(MLPClassifier(), grid, error_score="raise").fit(
            X, y, sample_weight=weights[:7]
        )


def test_metadata_is_routed():
    _, X, y = data("iris")
    weights = np.random.default_rng(0).random(len(y))
    with config_context(enable_metadata_routing=True):
        theirs, ours = (
            search(
                module.MLPClassifier(4, max_iter=5, random_state=0)
                .set_fit_request(sample_weight=True)
                .set_score_request(sample_weight=False),
                {"alpha": [0.1, 1.0]},
                cv=2,
                return_train_score=True,
            ).fit(X, y, sample_weight=weights)
            for search, module in (
                (GridSearchCV, neural_network),
                (MLPSearchCV, fastnn.sklearn),
            )
        )
    assert_same(theirs, ours)
