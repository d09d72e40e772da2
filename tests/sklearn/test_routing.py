"""Metadata routing, feature names and set_output, as scikit-learn's tools use them."""

import numpy as np
import pandas
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_cases import data

from fastnn.sklearn import MLPClassifier, MLPRegressor, MLPSearchCV

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, y = data("iris")[1:]
FRAME = pandas.DataFrame(X, columns=[*"wxyz"])
WEIGHTS = np.random.default_rng(0).integers(1, 4, 150).astype(float)
METADATA = ("sample_weight", "X_val", "y_val", "sample_weight_val")
REQUESTS = dict.fromkeys(METADATA, True)


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def model(**settings):
    return MLPClassifier(6, random_state=0, max_iter=6, **settings)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_all_arguments_of_fit_can_be_requested(kind):
    requests = kind().get_metadata_routing().fit.requests
    assert requests == dict.fromkeys(REQUESTS)
    assert kind().set_fit_request(**REQUESTS).get_metadata_routing().fit.requests == (
        REQUESTS
    )


def test_a_pipeline_hands_weights_and_validation_rows_on():
    mlp = model().set_fit_request(**REQUESTS)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = Pipeline([("mlp", mlp)])
    given = {"X_val": X[::3], "y_val": y[::3], "sample_weight_val": WEIGHTS[::3]}
    pipeline.fit(X, y, sample_weight=WEIGHTS, **given)
    alone = model().fit(X, y, WEIGHTS, **given)
    np.testing.assert_array_equal(mlp.coefs_[0], alone.coefs_[0])
    assert mlp.validation_scores_ == alone.validation_scores_
    # with a step before it, X_val goes through that step if the pipeline is told so
    pipeline = make_pipeline(scaler, mlp)
    pipeline.set_params(transform_input=["X_val"])
    pipeline.fit(X, y, sample_weight=WEIGHTS, **given)
    scaled = given | {"X_val": pipeline[0].transform(X[::3])}
    alone = model().fit(pipeline[0].transform(X), y, WEIGHTS, **scaled)
    assert mlp.validation_scores_ == alone.validation_scores_


@pytest.mark.parametrize("search", [GridSearchCV, MLPSearchCV])
def test_searches_split_weights_and_hand_validation_rows_on(search):
    mlp = model(early_stopping=True)
    mlp.set_fit_request(**REQUESTS).set_score_request(sample_weight=True)
    # of other lengths than X, so that they are not split with its rows
    given = {"X_val": X[::3], "y_val": y[::3], "sample_weight_val": WEIGHTS[::3]}
    grid = {"alpha": [0.01, 1.0]}
    found = search(mlp, grid, cv=3).fit(X, y, sample_weight=WEIGHTS, **given)
    best = model(early_stopping=True, **found.best_params_)
    best.fit(X, y, WEIGHTS, **given)
    np.testing.assert_array_equal(found.best_estimator_.coefs_[0], best.coefs_[0])
    params = {"sample_weight": WEIGHTS, **given}
    scores = cross_validate(
        best.set_fit_request(**REQUESTS).set_score_request(sample_weight=True),
        X,
        y,
        cv=3,
        params=params,
    )["test_score"]
    assert found.best_score_ == pytest.approx(scores.mean())


def test_names_of_columns_are_kept_and_held_against_others():
    fitted = model().fit(FRAME, y)
    assert fitted.feature_names_in_.tolist() == [*"wxyz"]
    assert fitted.net_.columns == tuple("wxyz")
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(FRAME[["x", "w", "y", "z"]])
    with pytest.raises(ValueError, match="feature names"):
        model().fit(FRAME, y, X_val=FRAME[["x", "w", "y", "z"]], y_val=y)
    with pytest.warns(UserWarning, match="valid feature names"):
        fitted.predict(X)


def test_set_output_reaches_the_transformers_before_it():
    """A net transforms nothing: it has no set_output, and takes frames as arrays."""
    assert not hasattr(model(), "set_output")
    pipeline = make_pipeline(StandardScaler(), model()).set_output(transform="pandas")
    pipeline.fit(FRAME, y)
    assert pipeline[-1].feature_names_in_.tolist() == [*"wxyz"]
    plain = make_pipeline(StandardScaler(), model()).fit(X, y)
    np.testing.assert_array_equal(pipeline.predict(FRAME), plain.predict(X))
    assert isinstance(pipeline.predict(FRAME), np.ndarray)
