"""Tests that an ensemble predicts the mean of its members' predictions."""

import io
import pickle

import numpy as np
import pytest
from sklearn.metrics import r2_score

import fastnn

X, y = fastnn.datasets.spiral(20)
NAMES = np.array(["one", "two", "three"])[y]


def train(X=X, y=y, n=6, net=None, **options):
    net = net or fastnn.mlp(X.shape[1], 4, 3, activation="tanh")
    how = {"seeds": range(n), "epochs": 30, "lr": 0.3, "batch_size": 10}
    return net.fit_many(X, y, **how | options)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("labels", [y, NAMES], ids=["numbers", "strings"])
def test_classes_have_the_mean_probabilities(labels, dtype):
    net = fastnn.mlp(2, 4, 3, activation="tanh", dtype=dtype)
    runs = train(y=labels, net=net)
    ensemble = runs.ensemble(4)
    best = runs.ranking()[:4]
    assert [m.theta.tolist() for m in ensemble] == runs.theta[best].tolist()
    mean = np.mean([runs[i].predict_proba(X) for i in best], axis=0, dtype=np.float64)
    proba = ensemble.predict_proba(X)
    assert proba.dtype == dtype
    np.testing.assert_allclose(proba, mean, rtol=1e-6)
    expected = np.unique(labels)[mean.argmax(axis=1)]
    assert (ensemble.predict(X) == expected).all()
    assert ensemble.score(X, labels) == np.mean(expected == labels)


@pytest.mark.compiled
def test_a_single_output_gives_two_probabilities():
    gate = fastnn.datasets.xor_gate()
    labels = np.array(["yes", "no"])[gate[1]]
    runs = train(gate[0], labels, net=fastnn.mlp(2, 3, 1), n=20, batch_size=4)
    ensemble = runs.ensemble(3)
    assert ensemble.predict_proba(gate[0]).shape == (4, 2)
    assert ensemble.classes.tolist() == ["no", "yes"]
    right = np.mean(ensemble.predict(gate[0]) == labels)
    assert ensemble.score(gate[0], labels) == right


@pytest.mark.compiled
@pytest.mark.parametrize("n_out", [1, 2])
def test_values_are_averaged(n_out):
    target = np.column_stack([X[:, 0] ** 2, X[:, 1] + 5.0])[:, :n_out]
    runs = train(y=target, net=fastnn.mlp(2, 4, n_out, loss="mse"), lr=0.05)
    ensemble = runs.ensemble(3)
    values = ensemble.predict(X)
    mean = np.mean([runs[i].predict(X) for i in runs.ranking()[:3]], axis=0)
    np.testing.assert_allclose(values, mean, rtol=1e-13)
    np.testing.assert_allclose(ensemble.score(X, target), r2_score(target, mean))
    with pytest.raises(ValueError, match="predicts values"):
        ensemble.predict_proba(X)


@pytest.mark.compiled
def test_a_file_keeps_members_of_several_architectures(tmp_path):
    nets = {"4": fastnn.mlp(2, 4, 3), "5 tanh": fastnn.mlp(2, 5, 3, activation="tanh")}
    sweep = fastnn.sweep(nets, X, NAMES, seeds=range(9), epochs=20, lr=1.0)
    ensemble = sweep.ensemble(14)
    assert len({len(m.theta) for m in ensemble}) == 2
    path = tmp_path / "ensemble.npz"
    ensemble.save(path)
    loaded = fastnn.load(path)
    assert isinstance(loaded, fastnn.Ensemble)
    assert len(loaded) == 14
    for member, other in zip(loaded, ensemble, strict=True):
        assert repr(member) == repr(other)
        assert (member.theta == other.theta).all()
    assert (loaded.predict(X) == ensemble.predict(X)).all()
    assert (loaded.predict_proba(X) == ensemble.predict_proba(X)).all()
    with pytest.raises(ValueError, match=r"it holds an ensemble, read it with fastnn"):
        fastnn.Runs.load(path)
    stream = io.BytesIO(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="is not a net or an ensemble"):
        fastnn.load(stream)


@pytest.mark.compiled
def test_members_must_fit_each_other():
    three, four = fastnn.mlp(2, 3, 3), fastnn.mlp(2, 3, 4)
    with pytest.raises(ValueError, match="outputs 3, but net 1 has 4"):
        fastnn.Ensemble([three, four])
    with pytest.raises(ValueError, match="at least one net"):
        fastnn.Ensemble([])
    with pytest.raises(TypeError, match=r"members must be nets.*, not Sequential"):
        fastnn.Ensemble(three)
    named, numbered = train(y=NAMES)[0], train()[0]
    with pytest.raises(ValueError, match=r"labels \['one'.*\], but net 1 has \[0, 1"):
        fastnn.Ensemble([named, numbered])
    with pytest.raises(TypeError, match=r"members\[1\] must be a net.*, not Runs\("):
        fastnn.Ensemble([named, train()])


@pytest.mark.compiled
def test_nets_that_diverged_are_no_members():
    runs = train(lr=np.array([0.3, 1.7e308, 0.3, 1.7e308, 0.1, 0.3]))
    assert runs.diverged.sum() == 2
    assert len(runs.ensemble(4)) == 4
    with pytest.raises(ValueError, match="n is 5, but only 4 of 6 nets did not"):
        runs.ensemble(5)
    for n in (0, 1.5, "all"):
        with pytest.raises((ValueError, TypeError), match="n must be"):
            runs.ensemble(n)
    with pytest.raises(ValueError, match="by must be one of 'loss', 'accuracy'"):
        runs.ensemble(2, by="val")


@pytest.mark.compiled
def test_nets_rank_by_accuracy_and_then_by_loss():
    runs = train(n=40)
    ranking = runs.ranking(by="accuracy")
    pairs = list(zip(-runs.final_accuracy, runs.final_loss, strict=True))
    assert [pairs[i] for i in ranking] == sorted(pairs)
    assert (runs.best(by="accuracy").theta == runs.theta[ranking[0]]).all()


def test_exports_are_refused_with_the_way_to_export_members():
    ensemble = fastnn.Ensemble([fastnn.mlp(2, 1)])
    for name in ("to_onnx", "to_c", "to_json"):
        with pytest.raises(AttributeError, match=rf"members\[0\]\.{name}\(path\)"):
            getattr(ensemble, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'fit'$"):
        ensemble.fit  # noqa: B018
    assert len(pickle.loads(pickle.dumps(ensemble))) == 1
