"""Targets of all kinds, and what a net makes of them: predictions, scores, errors."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fastnn

X = np.random.default_rng(0).standard_normal((6, 2))
LABELS = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1]])


def fitted(loss, n_out, y, **options):
    net = fastnn.mlp(2, 3, n_out, loss=loss, seed=0)
    net.fit(X, y, epochs=2, lr=0.1, **options)
    return net


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32", "float64"])
def test_several_labels_come_back_as_they_were(tmp_path, dtype):
    net = fitted("bce", 3, LABELS.astype(dtype))
    predicted, probabilities = net.predict(X), net.predict_proba(X)
    assert predicted.dtype == dtype
    assert (predicted == (probabilities > 0.5)).all()
    assert net.classes.tolist() == [0, 1]
    assert probabilities.shape == (6, 3)
    hits = (predicted == LABELS).all(axis=1)
    assert net.score(X, LABELS) == hits.mean()  # scikit-learn's subset accuracy
    net.save(tmp_path / "net.npz")
    net.to_json(tmp_path / "net.json")
    for other in (
        fastnn.load(tmp_path / "net.npz"),
        fastnn.load(tmp_path / "net.json"),
        net.with_theta(net.theta),
    ):
        assert other.predict(X).dtype == dtype
        assert (other.predict(X) == predicted).all()
        assert other.loss == net.loss


@pytest.mark.parametrize(
    "make",
    [
        lambda y: y.tolist(),
        pd.DataFrame,
        lambda y: pl.DataFrame(y, schema=["a", "b", "c"]),
        lambda y: y.astype(object),
        np.asfortranarray,
        lambda y: pd.DataFrame(y.astype(bool)).astype("boolean"),
    ],
)
def test_several_labels_may_be_in_any_container(make):
    expected = fitted("bce", 3, LABELS)
    net = fitted("bce", 3, make(LABELS))
    assert net.theta.tobytes() == expected.theta.tobytes()
    assert net.predict(X).dtype.kind in "bi"


def test_one_row_and_one_of_the_labels_are_enough():
    net = fastnn.mlp(2, 3, loss="bce")
    net.fit(X[:1], [[0, 0, 0]], epochs=1, lr=0.1)
    assert net.predict(X[:1]).shape == (1, 3)
    assert net.fit(X, LABELS, epochs=1, lr=0.1).epochs == 1


def test_probabilities_keep_the_labels_that_are_known():
    net = fastnn.mlp(2, 3, 1)
    net.fit(X, [0.2, 0.9, 0.5, 1.0, 0.0, 0.7], epochs=1, lr=0.1)
    assert net.predict(X).dtype == np.int64
    assert net.classes is None
    net.fit(X, ["no", "yes"] * 3, epochs=1, lr=0.1)
    net.fit(X, [0.2, 0.9, 0.5, 1.0, 0.0, 0.7], epochs=1, lr=0.1)
    assert set(net.predict(X)) <= {"no", "yes"}
    assert net.classes.tolist() == ["no", "yes"]
    net = fitted("bce", 1, [0.2] * 6, classes=["no", "yes"])
    assert set(net.predict(X)) <= {"no", "yes"}


def test_scores_compare_with_the_likelier_class():
    net = fastnn.mlp(1, 1, init=[[[1.0]], [0.0]])
    assert net.score([[1.0], [1.0], [-1.0], [-1.0]], [0.6, 0.5, 0.5, 0.6]) == 0.5
    net = fastnn.mlp(1, 2, init=[[[1.0, 0.0]], [0.0, 0.0]])
    assert net.score([[1.0], [-1.0]], [[0.6, 0.4], [0.5, 0.5]]) == 0.5


def test_whole_floats_stay_labels():
    assert fitted("bce", 1, [0.0, 1.0] * 3).predict(X).dtype == np.float64
    y = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    assert fitted("softmax_ce", 3, y).predict(X).dtype == np.int64


def test_hard_probabilities_have_the_bits_of_labels():
    """Targets 0 and 1 among probabilities train as labels do."""
    y = np.array([0.0, 1, 1, 0, 1, 0])
    nets = [fastnn.mlp(2, 3, 1, seed=0) for _ in range(2)]
    nets[0].fit(X, y, epochs=1, lr=0.1, shuffle=False)
    mixed, rows = np.append(y, 0.5), np.append(X, [[0.0, 0.0]], axis=0)
    weights = np.array([1.0] * 6 + [0.0])
    nets[1].fit(rows, mixed, epochs=1, lr=0.1, shuffle=False, sample_weight=weights)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_rows_of_a_softmax_in_float32_are_probabilities():
    z = np.random.default_rng(1).standard_normal((6, 500)).astype("float32")
    e = np.exp(z)
    fitted("softmax_ce", 500, e / e.sum(axis=1, keepdims=True))


def test_labels_may_follow_probabilities_in_the_validation():
    y = [[0.2, 0.8], [0.5, 0.5], [0.1, 0.9], [0.7, 0.3], [1.0, 0.0], [0.0, 1.0]]
    net = fastnn.mlp(2, 2, loss="softmax_ce", seed=0)
    history = net.fit(
        X, y, epochs=1, lr=0.1, X_val=X, y_val=[0, 1, 0, 1, 0, 1], n_jobs=1
    )
    one_hot = np.eye(2)[[0, 1, 0, 1, 0, 1]]
    loss, _ = net.loss_and_grads(X, one_hot)
    assert history.val_loss[0] == pytest.approx(loss, rel=1e-12)


def test_counts_are_predicted_by_their_means():
    counts = np.array([0, 1, 3, 2, 0, 7])
    net = fitted("poisson", 1, counts)
    values = net.predict(X)
    assert values.shape == (6,)
    assert (values > 0).all()
    residual, spread = ((counts - values) ** 2).sum(), ((counts - counts.mean()) ** 2)
    assert net.score(X, counts) == pytest.approx(1 - residual / spread.sum(), rel=1e-12)
    assert net.classes is None
    # A net without weights learns the mean of the counts.
    net = fastnn.mlp(1, 1, loss="poisson", init=[[[0.0]], [0.0]])
    net.fit(np.zeros((6, 1)), counts, epochs=500, lr=0.1, batch_size="full")
    assert net.predict([[0.0]])[0] == pytest.approx(counts.mean(), rel=1e-6)


def test_a_net_of_counts_is_saved(tmp_path):
    net = fitted("poisson", 2, LABELS[:, :2])
    for path, save in (("net.npz", net.save), ("net.json", net.to_json)):
        save(tmp_path / path)
        loaded = fastnn.load(tmp_path / path)
        assert loaded.predict(X).tobytes() == net.predict(X).tobytes()
        assert loaded.loss == fastnn.Poisson()


@pytest.mark.parametrize(
    ("loss", "n_out", "y", "message"),
    [
        ("bce", 3, [0, 1, 2, 0, 1, 2], r"must have \(6, 3\).*softmax_ce"),
        ("bce", 3, LABELS[:, :2], r"shape \(6, 2\), but must have \(6, 3\)"),
        ("bce", 3, LABELS * 2, "y has 2 in row 0, column 1: .* must be 0 or 1"),
        ("bce", 3, LABELS * 2 - 1, "y has -1 in row 0, column 0"),
        ("bce", 3, LABELS + 0.5 * (LABELS == 1), "y has 1.5 in row 0, column 1"),
        ("bce", 3, np.where(LABELS, np.nan, 0.0), "nan in row 0, column 1"),
        ("bce", 3, LABELS.astype(str), "must hold real numbers"),
        ("bce", 1, [0.5, 1.5, 0, 0, 0, 0], r"label 1.5 in row 1.*loss='mse'"),
        ("bce", 1, [0.5, np.nan, 0, 0, 0, 0], "missing label, nan, in row 1"),
        ("bce", 1, [0.5, -0.5, 0, 0, 0, 0], "label -0.5 in row 1"),
        ("softmax_ce", 2, [[0.5, 0.5]] * 5 + [[0.5, 0.6]], "row 5 of y.*sum 1.1"),
        ("softmax_ce", 2, [[0.5, 0.5]] * 5 + [[1.5, -0.5]], "row 5 of y"),
        ("softmax_ce", 2, [[0.5, 0.5]] * 5 + [[np.nan, 1]], "nan in row 5, column 0"),
        ("softmax_ce", 3, [[0.5, 0.5]] * 6, "2 columns, but the net has 3 outputs"),
        ("poisson", 1, [0, 1, 2, -1, 2, 3], "-1 in row 3.*at least 0.*loss='mse'"),
        ("poisson", 1, [0, 1, 2, np.inf, 2, 3], "inf in row 3"),
        ("poisson", 2, [0, 1, 2, 1, 2, 3], r"must have \(6, 2\)"),
        ("poisson", 1, ["a"] * 6, "must hold real numbers"),
    ],
)
def test_other_targets_are_refused(loss, n_out, y, message):
    net = fastnn.mlp(2, 3, n_out, loss=loss)
    before = net.theta.copy()
    calls = (
        lambda: net.fit(X, y, epochs=1, lr=0.1),
        lambda: net.fit_many(X, y, seeds=[0], epochs=1, lr=0.1),
        lambda: net.loss_and_grads(X, y),
        lambda: net.score(X, y),
    )
    for call in calls:
        with pytest.raises((ValueError, TypeError), match=message):
            call()
    assert (net.theta == before).all()


def test_what_needs_one_label_per_row_says_so():
    net = fitted("bce", 3, LABELS)
    with pytest.raises(ValueError, match="one label per row"):
        fastnn.plot.decision_map(net, X)
    with pytest.raises(ValueError, match="class_weight needs one class per row"):
        fitted("bce", 3, LABELS, class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight needs one class per row"):
        fitted("bce", 1, [0.5, 0, 1, 0, 1, 0], class_weight="balanced")
    with pytest.raises(ValueError, match="classes= is for nets that predict one label"):
        fitted("bce", 3, LABELS, classes=[0, 1])
    with pytest.raises(ValueError, match="predicts values, not probabilities"):
        fitted("poisson", 1, [0, 1, 2, 3, 4, 5]).predict_proba(X)
    with pytest.raises(ValueError, match="makes values of plain outputs"):
        fastnn.Sequential([fastnn.Affine(2, 1), fastnn.ReLU()], "poisson")


def test_ensembles_average_the_probabilities_of_labels():
    net = fastnn.mlp(2, 3, 3, loss="bce")
    runs = net.fit_many(X, LABELS.astype(bool), seeds=range(4), epochs=5, lr=0.5)
    assert ((runs.accuracy >= 0) & (runs.accuracy <= 1)).all()
    ensemble = runs.ensemble(3)
    mean = np.mean([each.predict_proba(X) for each in ensemble], axis=0)
    assert np.abs(ensemble.predict_proba(X) - mean).max() < 1e-15
    assert ensemble.predict(X).dtype == bool
    assert (ensemble.predict(X) == (mean > 0.5)).all()
    hits = (ensemble.predict(X) == LABELS).all(axis=1)
    assert ensemble.score(X, LABELS) == hits.mean()


def test_labels_are_certain_where_an_output_overflows():
    net = fastnn.mlp(1, 2, loss="bce", init=[[[2.0, -2.0]], [0.0, 0.0]])
    largest = np.finfo(float).max
    assert net.predict([[largest]]).tolist() == [[1, 0]]
    assert net.predict_proba([[largest]]).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    "y", [[["a", "b", "c"]] * 6, [["a", "b"], ["c"]] * 3], ids=["words", "ragged"]
)
def test_words_for_several_outputs_are_refused_with_the_remedy(y):
    with pytest.raises(
        (TypeError, ValueError), match="one column of 0 and 1 per label"
    ):
        fitted("bce", 3, y)
