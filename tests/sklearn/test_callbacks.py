import warnings

import numpy as np
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_cases import data

from fastnn.sklearn import MLPClassifier, MLPRegressor, MLPSearchCV

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, y = data("iris")[1:]
NAMES = np.array(["a", "b", "c"])[y]


class Recorder:
    """A callback that keeps what it is told, and acts after some epochs."""

    def __init__(self, act=lambda epoch: False):
        self.told, self.fitted, self.given, self.act = [], [], [], act

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.told.append(f"{context.task_name} begins")

    def on_fit_task_end(
        self,
        estimator,
        context,
        *,
        X=None,
        y=None,
        metadata=None,
        fitted_estimator=None,
    ):
        self.told.append(f"{context.task_name} ends")
        self.given.append((X, y, metadata))
        self.fitted.append(fitted_estimator)
        if context.task_name == "epoch":
            return self.act(context.task_id + 1)
        return False


class Propagated(Recorder):
    max_propagation_depth = None


def model(max_iter=5, **settings):
    return MLPClassifier(8, random_state=0, max_iter=max_iter, **settings)


def told_of(epochs, name="epoch"):
    return [f"{name} begins", f"{name} ends"] * epochs


def test_callbacks_are_told_of_the_fit_and_its_epochs():
    recorder, weights = Recorder(), np.ones(150)
    watched = model().set_callbacks(recorder).fit(X, NAMES, weights)
    expected = ["setup", "fit begins", *told_of(5), "fit ends", "teardown"]
    assert recorder.told == expected
    for given in recorder.given:
        assert given[0] is X
        assert given[1] is NAMES
        assert given[2]["sample_weight"] is weights
    plain = model().fit(X, NAMES, weights)
    np.testing.assert_array_equal(watched.coefs_[0], plain.coefs_[0])
    assert watched.loss_curve_ == plain.loss_curve_
    for epochs, fitted in enumerate(recorder.fitted[:5], 1):
        alone = model(epochs).fit(X, NAMES, weights)
        np.testing.assert_array_equal(fitted.coefs_[0], alone.coefs_[0])
        assert fitted.loss_curve_ == alone.loss_curve_
        assert fitted.predict(X).tolist() == alone.predict(X).tolist()
    assert not hasattr(watched, "_callback_fit_ctx")
    watched.partial_fit(X, NAMES)  # one epoch of a user's own loop
    assert recorder.told == expected


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_callback_ends_the_fit(solver):
    recorder = Recorder(lambda epoch: epoch == 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model(20, solver=solver).set_callbacks(recorder).fit(X, y)
    assert found.n_iter_ == 3
    assert recorder.told[-2:] == ["fit ends", "teardown"]
    expected = model(3, solver=solver).fit(X, y)
    np.testing.assert_array_equal(found.coefs_[0], expected.coefs_[0])


def test_with_early_stopping_callbacks_get_the_best_so_far():
    recorder = Recorder()
    settings = {"early_stopping": True, "n_iter_no_change": 2, "solver": "sgd"}
    found = model(40, **settings).set_callbacks(recorder).fit(X, y)
    assert recorder.told.count("epoch ends") == found.n_iter_ < 40
    for fitted in recorder.fitted[-3:]:
        np.testing.assert_array_equal(fitted.coefs_[0], found.coefs_[0])


def test_exceptions_in_callbacks_leave_the_estimator_usable():
    def interrupt(epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    def fail(epoch):
        raise RuntimeError("no more disk")

    interrupted, failing = Recorder(interrupt), Recorder(fail)
    with pytest.warns(UserWarning, match="interrupted by user"):
        found = model().set_callbacks(interrupted).fit(X, y)
    assert found.n_iter_ == 2
    assert interrupted.told[-1] == "teardown"
    with pytest.raises(RuntimeError, match="no more disk"):
        found.set_callbacks(failing).fit(X, y)
    assert failing.told[-1] == "teardown"
    found.set_callbacks().fit(X, y)
    assert found.n_iter_ == 5
    with pytest.raises(TypeError, match="FitCallback protocol"):
        found.set_callbacks(print)


def test_lbfgs_is_one_task():
    recorder = Recorder()
    settings = {"solver": "lbfgs", "hidden_layer_sizes": 3, "random_state": 0}
    found = MLPRegressor(**settings).set_callbacks(recorder).fit(X, y)
    assert recorder.told == ["setup", *told_of(1, "fit"), "teardown"]
    np.testing.assert_array_equal(recorder.fitted[0].predict(X), found.predict(X))


def test_negative_weights_have_no_epochs_to_tell_of():
    weights = np.where(np.arange(150) < 3, -1.0, 1.0)
    with pytest.raises(ValueError, match="callbacks are not told"):
        model().set_callbacks(Recorder()).fit(X, y, weights)


def test_callbacks_of_scikit_learn(capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    found = model().set_callbacks(monitor, ProgressBar())
    found.fit(X, NAMES, X_val=X, y_val=NAMES)
    log = monitor.get_logs().data
    epochs = [row["accuracy"] for row in log if row["task_name"] == "epoch"]
    assert epochs == found.validation_scores_
    assert "MLPClassifier - fit" in (printed := capsys.readouterr().out)
    assert "100%" in printed


@pytest.mark.parametrize("search_class", [GridSearchCV, MLPSearchCV])
def test_searches_tell_their_callbacks(search_class, capsys):
    own, propagated = Recorder(), Propagated()
    search = search_class(model(), {"alpha": [0.1, 1.0]}, cv=3)
    search.set_callbacks(own, ProgressBar()).fit(X, y)
    evaluations = told_of(6, "candidate-split-evaluation")
    refit = told_of(1, "refit-with-best-params")
    expected = ["fit begins", "search begins", *evaluations, "search ends", *refit]
    assert sorted(own.told[1:-2]) == sorted(expected)
    assert own.told[-2:] == ["fit ends", "teardown"]
    assert f"{search_class.__name__} - search" in capsys.readouterr().out
    search.set_callbacks(propagated).fit(X, y)
    side_by_side = search_class is MLPSearchCV
    assert propagated.told.count("epoch ends") == (5 if side_by_side else 35)
    assert propagated.told.count("fit ends") == (2 if side_by_side else 8)


def test_candidates_with_callbacks_are_trained_alone():
    recorder = Recorder()
    grid = {"alpha": [0.1, 1.0]}
    search = MLPSearchCV(model().set_callbacks(recorder), grid, cv=3).fit(X, y)
    assert [why for _, why in search.alone_] == ["it has callbacks"] * 2
    assert recorder.told.count("epoch ends") == 5 * 7
    expected = MLPSearchCV(model(), grid, cv=3).fit(X, y)
    key = "mean_test_score"
    np.testing.assert_array_equal(search.cv_results_[key], expected.cv_results_[key])


def test_a_pipeline_tells_its_last_step():
    propagated = Propagated()
    pipeline = make_pipeline(StandardScaler(), model()).set_callbacks(propagated)
    pipeline.fit(X, y)
    assert propagated.told.count("epoch ends") == 5
    assert propagated.given[-2][0] is not X  # scaled
