"""Learner: n calls have the bits of one fit, however the samples are handed over."""

import copy
import pickle
import threading
from functools import partial

import numpy as np
import pytest
from trainings import RULES, learnable_data

import fastnn
from fastnn.training import trainer

N = 40
PIECES = (1, 5, 1, 1, 12, 20)


def layerwise_net():
    layers = [fastnn.MatMul(2, 3), fastnn.Tanh(), fastnn.Affine(3, 1)]
    return fastnn.Sequential(layers, seed=1)


def bits(net):
    return net.theta.tobytes()


def fitted(make_net, optimizer, X, y):
    net = make_net()
    optimizer = copy.deepcopy(optimizer)
    history = net.fit(X, y, epochs=1, optimizer=optimizer, shuffle=False)
    return net, history.loss[0]


def learn_one_by_one(learner, X, y):
    return [learner.learn(x, t) for x, t in zip(X, y, strict=True)]


def learn_in_pieces(learner, X, y):
    losses, start = [], 0
    for n in PIECES:
        rows = slice(start, start + n)
        losses.append(n * learner.learn(X[rows], y[rows]))
        start += n
    return losses


WAYS = (learn_one_by_one, learn_in_pieces)


def assert_bits_of_fit(make_net, optimizer, X, y):
    at_once, mean_loss = fitted(make_net, optimizer, X, y)
    for learn in WAYS:
        net = make_net()
        losses = learn(net.learner(optimizer=copy.deepcopy(optimizer)), X, y)
        assert bits(net) == bits(at_once)
        assert sum(losses) / N == pytest.approx(mean_loss, rel=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_every_optimizer_has_the_bits_of_fit(rule):
    optimizer, _ = RULES[rule]
    # Decay is compiled apart, which takes seconds for each dtype.
    for dtype in ("float64",) if optimizer.weight_decay else ("float64", "float32"):
        X, y = learnable_data(N, 2, "softmax_ce", n_out=3)
        make_net = partial(fastnn.mlp, 2, 4, 3, activation="tanh", dtype=dtype)
        assert_bits_of_fit(make_net, optimizer, X.astype(dtype), y)


@pytest.mark.parametrize(
    ("sizes", "loss"),
    [((2, 3, 1), "bce"), ((3, 1), "mse"), ((2, 5, 4, 2), "mse"), ((1, 9, 4), None)],
)
def test_losses_and_sizes_have_the_bits_of_fit(sizes, loss):
    X, y = learnable_data(N, max(2, sizes[-1]), loss, n_out=sizes[-1])
    X = np.ascontiguousarray(X[:, : sizes[0]])
    X = np.resize(X, (N, sizes[0]))
    make_net = partial(fastnn.mlp, *sizes, loss=loss)
    optimizer = fastnn.SGD(0.2, momentum=0.5, bias_lr=0.1, weight_decay=1e-3)
    assert_bits_of_fit(make_net, optimizer, X, y)


def test_other_targets_have_the_bits_of_fit():
    rng = np.random.default_rng(4)
    X, rows = rng.standard_normal((N, 2)), rng.random((N, 3))
    for loss, n_out, y in (
        ("bce", 3, (rows > 0.5).astype(float)),  # a label for each output
        ("bce", 3, rows),  # and probabilities of them
        ("bce", 1, rows[:, 0]),
        ("softmax_ce", 3, rows / rows.sum(axis=1, keepdims=True)),
        ("poisson", 1, np.floor(5 * rows[:, 0])),
        ("poisson", 3, np.floor(5 * rows)),
    ):
        make_net = partial(fastnn.mlp, 2, 4, n_out, loss=loss)
        assert_bits_of_fit(make_net, fastnn.SGD(0.05), X, y)
    learner = fastnn.mlp(2, 4, 1, loss="poisson").learner(lr=0.05)
    for _ in range(3):
        learner.learn(X[0], 2.0)
    with pytest.raises(ValueError, match="values of at least 0"):
        learner.learn(X[0], -1.0)


def test_layers_run_one_by_one_have_the_bits_of_fit():
    X, y = learnable_data(N, 2, "bce")
    assert_bits_of_fit(layerwise_net, fastnn.Adam(0.02), X, y)


def test_losses_are_those_before_the_update():
    net = fastnn.mlp(2, 3, 1, seed=3)
    learner = net.learner(lr=0.5)
    for x, t in zip(*learnable_data(6, 2, "bce"), strict=True):
        before, _ = net.loss_and_grads(x[None], [t])
        assert learner.learn(x, t) == pytest.approx(before, rel=1e-14)


@pytest.mark.parametrize("make_net", [partial(fastnn.mlp, 2, 3, 1), layerwise_net])
def test_learners_and_fits_with_one_optimizer_go_on_with_its_moments(make_net):
    X, y = learnable_data(N, 2, "bce")
    at_once, _ = fitted(make_net, fastnn.Adam(0.02), X, y)
    net, adam = make_net(), fastnn.Adam(0.02)
    fit = partial(net.fit, epochs=1, optimizer=adam, shuffle=False)
    first, second = (net.learner(optimizer=adam) for _ in range(2))
    learn_one_by_one(first, X[:10], y[:10])
    fit(X[10:15], y[10:15])
    for i in range(15, 25):
        (first, second)[i % 2].learn(X[i], y[i])
    clone = copy.deepcopy(net)
    second.learn(X[25:35], y[25:35])
    learn_one_by_one(first, X[35:], y[35:])
    assert bits(net) == bits(at_once)
    # The copy has moments of its own.
    clone.fit(X[25:], y[25:], epochs=1, optimizer=adam, shuffle=False)
    assert bits(clone) == bits(at_once)


def test_reset_and_another_optimizer_begin_with_moments_of_zero():
    X, y = learnable_data(2, 2, "bce")
    adam = fastnn.Adam(0.02)
    nets = [fastnn.mlp(2, 3, 1) for _ in range(2)]
    learner = nets[0].learner(optimizer=adam)
    learner.learn(X[0], y[0])
    adam.reset()
    learner.learn(X[1], y[1])
    for x, t in zip(X, y, strict=True):
        nets[1].learner(optimizer="adam", lr=0.02).learn(x, t)
    assert bits(nets[0]) == bits(nets[1])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda learner: pickle.loads(pickle.dumps(learner))]
)
def test_copies_go_on_alone(copied):
    X, y = learnable_data(N, 2, "bce")
    learner = fastnn.mlp(2, 3, 1).learner(optimizer=fastnn.Adam(0.02))
    learn_one_by_one(learner, X[:20], y[:20])
    clone = copied(learner)
    before = bits(clone.net)
    learn_one_by_one(learner, X[20:], y[20:])
    assert bits(clone.net) == before
    learn_one_by_one(clone, X[20:], y[20:])
    assert bits(clone.net) == bits(learner.net)
    assert copy.copy(learner).net is learner.net


def test_parameters_that_are_set_count_from_the_next_call_on():
    X, y = learnable_data(3, 2, "bce")
    net, other = fastnn.mlp(2, 3, 1, seed=0), fastnn.mlp(2, 3, 1, seed=5)
    learner = net.learner(lr=0.3)
    learner.learn(X[0], y[0])
    net.params[0] = other.params[0]
    net.theta = other.theta
    assert learner.learn(X[1], y[1]) == other.learner(lr=0.3).learn(X[1], y[1])
    assert bits(net) == bits(other)


def test_any_array_or_list_is_learned_alike():
    x, y = np.array([0.5, -1.25]), 1
    pandas = pytest.importorskip("pandas")
    strided = np.zeros((2, 3))
    strided[:, 1] = x
    readonly = x.copy()
    readonly.flags.writeable = False
    frame = pandas.DataFrame([x], columns=["a", "b"])
    samples = [x, strided[:, 1], readonly, x.tolist(), tuple(x), x.astype("f4")]
    samples += [x[None], [x.tolist()], frame, frame.iloc[0], x.astype(">f8"), x.data]
    results = set()
    for sample in samples:
        learner = fastnn.mlp(2, 3, 1).learner(lr=0.5)
        target = [y] if np.ndim(sample) == 2 else y
        losses = learner.learn(sample, target), learner.learn(sample, target)
        results.add((losses, bits(learner.net)))
    assert len(results) == 1


def test_arrays_of_the_dtype_go_straight_to_the_kernel(monkeypatch):
    learner = fastnn.mlp(2, 3, 1).learner(lr=0.5)
    values = fastnn.mlp(2, 3, 1, loss="mse").learner(optimizer=fastnn.Adam(0.1))
    rows = np.array([[0.5, -1.0], [1.0, 2.0]])
    for _ in range(2):
        for row, target in zip(rows, (0, 1), strict=True):
            learner.learn(row, target)
            values.learn(row, float(target))

    def refuse(self, x, t):
        raise AssertionError("this sample is checked and converted")

    monkeypatch.setattr(type(learner), "_learn", refuse)
    # A dtype out of a pickle is equal, but another object.
    for x in (rows[0], rows[1].copy(), pickle.loads(pickle.dumps(rows))[1]):
        for target in (0, 1, True, np.int64(1), np.uint8(0), 1.0):
            assert np.isfinite(learner.learn(x, target))
        for target in (0.25, np.float64(-3.0)):
            assert np.isfinite(values.learn(x, target))


@pytest.mark.parametrize("target", [1, True, 1.0, np.int8(1), np.array(1), [1]])
def test_any_number_is_a_label(target):
    learner, expected = (fastnn.mlp(2, 3, 1).learner(lr=0.5) for _ in range(2))
    x = np.array([0.5, -1.0])
    for _ in range(2):
        assert learner.learn(x, target) == expected.learn(x, 1)


def test_declared_labels_come_bit_by_bit():
    net = fastnn.mlp(2, 3, 3)
    learner = net.learner(lr=0.5, classes=["ham", "spam", "toast"])
    x = np.array([0.5, -1.0])
    for _ in range(30):
        learner.learn(x, "toast")
    assert net.classes.tolist() == ["ham", "spam", "toast"]
    assert learner.predict(x) == "toast"
    assert learner.predict([[0.5, -1.0]] * 2).tolist() == ["toast", "toast"]
    assert (learner.predict_proba(x) == net.predict_proba([x])[0]).all()
    assert (learner.predict_proba([x, x]) == net.predict_proba([x, x])).all()
    with pytest.raises(ValueError, match=r"x must be one sample \(2,\)"):
        learner.predict_proba([1.0, 2.0, 3.0])
    before = bits(net)
    for wrong in ("eggs", 1, None, float("nan")):
        with pytest.raises((TypeError, ValueError), match=r"eggs|1|missing"):
            learner.learn(x, wrong)
    with pytest.raises(ValueError, match="'eggs' in row 1, but the net has learned"):
        learner.learn([x, x], ["ham", "eggs"])
    assert bits(net) == before


def test_labels_without_declaration_are_whole_numbers():
    learner = fastnn.mlp(2, 3, 1).learner(lr=0.5)
    with pytest.raises(ValueError, match="pass all 2 labels, as classes="):
        learner.learn([0.5, -1.0], "spam")
    learner.learn([0.5, -1.0], 1)
    learner.learn([0.5, -1.0], -1)
    assert learner.net.classes.tolist() == [-1, 1]
    with pytest.raises(ValueError, match="the label 0 in row 0"):
        learner.learn([0.5, -1.0], 0)


def test_labels_of_a_fit_in_between_are_known():
    X, y = learnable_data(8, 2, "bce")
    net = fastnn.mlp(2, 3, 1)
    learner = net.learner(lr=0.5)
    learner.learn(X[0], 1)
    net.fit(X, 2 * y - 1, epochs=1, lr=0.1)
    with pytest.raises(ValueError, match="label 0"):
        learner.learn(X[0], 0)
    learner.learn(X[0], -1)


def test_columns_of_frames_are_remembered_and_checked():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [0.5, 1.0], "b": [1.0, -1.0]})
    learner = fastnn.mlp(2, 3, 1).learner(lr=0.5)
    learner.learn(frame, [0, 1])
    assert learner.net.columns == ("a", "b")
    for other in (frame[["b", "a"]], frame[["b", "a"]].iloc[0]):
        with pytest.raises(ValueError, match="in another order"):
            learner.learn(other, [0, 1] if other.ndim == 2 else 0)
    learner.learn(frame.iloc[0], 0)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(3), r"one sample \(2,\), or rows \(n, 2\), not shape \(3,\)"),
        (np.zeros((1, 3)), "3 columns, but the net takes 2 inputs"),
        (np.zeros((1, 1, 2)), r"not shape \(1, 1, 2\)"),
        ({"a": 1.0}, "not dict"),
        (0.5, "not float"),
        (np.array([0.0, np.inf]), "has inf in row 0, column 1"),
        (np.array([np.nan, 0.0]), "has nan in row 0, column 0"),
        (["a", "b"], "must hold real numbers"),
    ],
)
def test_wrong_samples_are_refused(x, message):
    net = fastnn.mlp(2, 3, 1)
    learner = net.learner(lr=0.5)
    for _ in range(3):
        learner.learn(np.array([0.5, 1.0]), 1)
    before = bits(net)
    with pytest.raises((TypeError, ValueError), match=message):
        learner.learn(x, 1)
    assert bits(net) == before


@pytest.mark.parametrize("target", [np.nan, np.inf, "a", None, [1.0, 2.0]])
def test_wrong_values_are_refused(target):
    learner = fastnn.mlp(2, 3, 1, loss="mse").learner(lr=0.5)
    learner.learn(np.array([0.5, 1.0]), 0.5)
    with pytest.raises((TypeError, ValueError), match="y "):
        learner.learn(np.array([0.5, 1.0]), target)


def test_a_learner_needs_a_rate_for_all_updates():
    net = fastnn.mlp(2, 3, 1)
    with pytest.raises(ValueError, match="no epochs"):
        net.learner(lr=fastnn.schedules.cosine(0.1, epochs=10))
    with pytest.raises(ValueError, match="needs lr="):
        net.learner()
    with pytest.raises(ValueError, match="classes= is for nets that predict one"):
        fastnn.mlp(2, 1, loss="mse").learner(lr=0.1, classes=[0, 1])
    layers = [fastnn.Affine(2, 2), fastnn.Sum(), fastnn.Affine(2, 1)]
    with pytest.raises(ValueError, match="work on all rows at once"):
        fastnn.Sequential(layers).learner(lr=0.1)


@pytest.mark.parametrize("optimizer", [fastnn.SGD(5.0), fastnn.Adam(1e160)])
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_a_call_that_diverges_changes_nothing(optimizer):
    X = np.linspace(-3, 3, N)[:, None]
    net = fastnn.mlp(1, 3, 1, activation="relu", loss="mse", seed=0)
    learner = net.learner(optimizer=optimizer)
    with pytest.raises(fastnn.DivergenceError, match="smaller lr"):  # noqa: PT012
        for _ in range(100):
            for x in X:
                before = bits(net)
                learner.learn(x, float(5 * x[0]))
    assert bits(net) == before
    # Many rows, and few, of which the first one does no harm.
    for rows in (np.tile(X, (100, 1)), np.array([0 * x, x, x])):
        with pytest.raises(fastnn.DivergenceError) as caught:
            learner.learn(rows, 5 * rows)
        assert bits(net) == before
        assert caught.value.lr == optimizer.lr
    # and the moments: with fresh parameters the next update is that of the moments kept
    net.theta = np.zeros(net.theta.size)
    assert np.isfinite(learner.learn(X[0], 0.0))


def test_an_interrupt_undoes_the_call(monkeypatch):
    X, y = learnable_data(N, 2, "bce")
    net = fastnn.mlp(2, 3, 1)
    learner = net.learner(optimizer=fastnn.Adam(0.1))
    clone = copy.deepcopy(learner)
    before = bits(net)

    class Interrupting(trainer.ChunkSizer):
        def __init__(self, n_params):
            self.samples = 7

        def adapt(self, samples, seconds):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ChunkSizer", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            learner.learn(np.tile(X, (9, 1)), np.tile(y, 9))
    assert bits(net) == before
    assert learner.learn(X, y) == clone.learn(X, y)
    assert bits(net) == bits(clone.net)


def test_threads_take_turns():
    # Samples of zeros change the bias of one layer only, all in the same way.
    net = fastnn.mlp(2, 1, loss="mse", init="zeros")
    learners = [net.learner(optimizer=fastnn.SGD(2.0**-14)) for _ in range(2)]
    rows, targets = np.zeros((50, 2)), np.ones(50)

    def learn(learner):
        for _ in range(40):
            learner.learn(rows, targets)
            for _ in range(50):
                learner.learn(rows[0], 1.0)

    threads = [threading.Thread(target=learn, args=(each,)) for each in learners * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = fastnn.mlp(2, 1, loss="mse", init="zeros")
    n = 4 * 40 * 100
    alone.learner(lr=2.0**-14).learn(np.zeros((n, 2)), np.ones(n))
    assert net.params[1][0] == alone.params[1][0]
    assert 0.1 < net.params[1][0] < 1.0


def test_values_have_no_probabilities():
    with pytest.raises(ValueError, match="predicts values, not probabilities"):
        fastnn.mlp(2, 1, loss="mse").learner(lr=0.1).predict_proba([0.5, -1.0])
