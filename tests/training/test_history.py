"""History of a fit, and the recording that `record=` asks for."""

import copy
import pickle
from time import perf_counter

import naive
import numpy as np
import pytest

import fastnn
from fastnn.training import trainer

GATE = fastnn.datasets.xor_gate()
# 81 points.
X, Y = fastnn.datasets.xor_grid(9)
TRAININGS = {
    "per sample": {"batch_size": 1, "lr": 0.25},
    "specialised": {"batch_size": 1, "lr": 0.25, "loop": "specialised"},
    "per sample, Adam": {"batch_size": 1, "optimizer": fastnn.Adam(lr=0.01)},
    "batches": {"batch_size": 7, "lr": 0.5},
    "all rows": {"batch_size": "full", "lr": 1.0},
}
# Updates of an epoch.
PER_EPOCH = dict.fromkeys(TRAININGS, 81) | {"batches": 12, "all rows": 1}
# The specialised loop cannot train nets that are run layer by layer.
LOOPS = [
    *((training, False) for training in TRAININGS),
    *((training, True) for training in TRAININGS if training != "specialised"),
]


def make_net(layerwise=False):
    activations = [fastnn.Tanh() for _ in range(2 if layerwise else 1)]
    layers = [fastnn.Affine(2, 3), *activations, fastnn.Affine(3, 1)]
    return fastnn.Sequential(layers, seed=4)


def fit(net, training, epochs=4, **options):
    return net.fit(X, Y, epochs=epochs, seed=2, **TRAININGS[training], **options)


def test_losses_are_those_before_each_update():
    started = perf_counter()
    net = fastnn.mlp(2, 3, 1, seed=2)
    X, y = GATE
    expected = []
    twin = copy.deepcopy(net)
    for i in range(4):
        expected.append(twin.loss_and_grads(X[i : i + 1], y[i : i + 1])[0])
        twin.fit(X[i : i + 1], y[i : i + 1], epochs=1, lr=0.5)
    history = net.fit(X, y, epochs=1, lr=0.5, shuffle=False)
    assert history is net.history
    assert history.loss[0] == pytest.approx(np.mean(expected), rel=1e-14)
    assert twin.theta.tobytes() == net.theta.tobytes()
    assert (history.epochs, history.updates) == (1, 4)
    assert history.loss.shape == history.accuracy.shape == (1,)
    assert 0 < history.seconds < perf_counter() - started


def test_the_repr_says_how_it_went():
    history = fastnn.mlp(2, 3, 1).fit(*GATE, epochs=3, lr=0.1)
    assert repr(history).startswith("History(3 epochs, 12 updates, loss ")


@pytest.mark.parametrize(("training", "layerwise"), LOOPS)
def test_recorded_parameters_are_those_after_shorter_fits(training, layerwise):
    per_epoch = PER_EPOCH[training]
    net = make_net(layerwise)
    initial = net.theta.copy()
    record = [3 * per_epoch, 0, per_epoch, 4 * per_epoch]
    recording = fit(net, training, record=record).recording
    assert recording.updates.tolist() == sorted(record)
    assert (recording.theta[0] == initial).all()
    for epochs, theta in zip((1, 3, 4), recording.theta[1:], strict=True):
        shorter = make_net(layerwise)
        fit(shorter, training, epochs=epochs)
        assert (shorter.theta == theta).all()


@pytest.mark.parametrize("length", [1, 5, 100, 10**9])
@pytest.mark.parametrize(("training", "layerwise"), LOOPS)
def test_recording_changes_no_bit_and_chunks_change_no_record(
    training, length, layerwise, chunks
):
    plain = make_net(layerwise)
    expected = fit(plain, training)
    whole = fit(make_net(layerwise), training, record=3).recording
    chunks(length)
    net = make_net(layerwise)
    history = fit(net, training, record=3)
    recording = history.recording
    assert (net.theta == plain.theta).all()
    assert (history.loss == expected.loss).all()
    assert (history.accuracy == expected.accuracy).all()
    assert (recording.theta == whole.theta).all()
    assert (recording.updates == np.arange(0, expected.updates + 1, 3)).all()
    assert np.array_equal(recording.loss, whole.loss, equal_nan=True)
    assert np.array_equal(recording.accuracy, whole.accuracy, equal_nan=True)


@pytest.mark.parametrize("training", TRAININGS)
def test_recorded_losses_are_means_since_the_record_before(training):
    # One record per epoch has what the history has.
    history = fit(make_net(), training, record=PER_EPOCH[training])
    recording = history.recording
    assert np.isnan(recording.loss[0])
    assert np.isnan(recording.accuracy[0])
    assert recording.loss[1:] == pytest.approx(history.loss, rel=1e-15)
    assert recording.accuracy[1:] == pytest.approx(history.accuracy, rel=1e-15)
    if training == "all rows":
        assert (recording.loss[1:] == history.loss).all()


def test_each_recorded_loss_of_a_sample_is_the_naive_one():
    net = make_net()
    recording = net.fit(X, Y, epochs=2, lr=0.1, shuffle=False, record=1).recording
    assert len(recording) == 163
    for update in (0, 1, 2, 80, 81, 161):
        params = make_net().with_theta(recording.theta[update]).params
        row = slice(update % 81, update % 81 + 1)
        loss, _ = naive.loss_and_grads(params, ["tanh"], "bce", X[row], Y[row])
        # It is a difference of sums of up to 81 losses.
        assert recording.loss[update + 1] == pytest.approx(loss, rel=1e-11)


def test_threads_change_no_record():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    one, two = (
        fastnn.mlp(4, 8, 1, seed=1)
        .fit(X, y, epochs=3, lr=0.5, batch_size=2000, n_jobs=n_jobs, record=1)
        .recording
        for n_jobs in (1, 2)
    )
    assert (one.theta == two.theta).all()
    assert (one.loss[1:] == two.loss[1:]).all()


def test_an_interrupted_fit_keeps_its_records(monkeypatch, chunks):
    chunks(40)

    class InterruptsAtThirdUpdate(trainer.ProgressBar):
        count = 0

        def is_due(self, done):
            return True

        def update(self, made, position, note="", saved=0):
            self.count += 1
            if self.count == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "ProgressBar", InterruptsAtThirdUpdate)
    net = make_net()
    with pytest.raises(KeyboardInterrupt):
        fit(net, "per sample", record=10)
    history = net.history
    assert history.updates == 120
    assert history.recording.updates.tolist() == list(range(0, 121, 10))
    assert (history.recording.theta[-1] == net.theta).all()


@pytest.mark.compiled
def test_a_fit_that_diverges_keeps_its_records():
    values = X[:, 0].copy()
    values[50] = 1e200
    net = fastnn.mlp(2, 3, 1, loss="mse")
    with pytest.raises(fastnn.DivergenceError):
        net.fit(X, values, epochs=3, lr=0.1, shuffle=False, record=1)
    recording = net.history.recording
    assert recording.updates.tolist() == list(range(51))
    assert np.isfinite(recording.theta).all()


def test_predicted_values_have_no_recorded_accuracy():
    net = fastnn.mlp(2, 3, 1, loss="mse")
    recording = net.fit(X, X[:, 0], epochs=1, lr=0.1, record=20).recording
    assert np.isnan(recording.accuracy).all()
    assert np.isfinite(recording.loss[1:]).all()


def test_a_recording_can_be_shown_and_pickled():
    history = fit(make_net(), "batches", record=6)
    recording = history.recording
    expected = "Recording(9 records of 13 parameters, updates 0 to 48)"
    assert repr(recording) == expected
    loaded = pickle.loads(pickle.dumps(history)).recording
    assert (loaded.theta == recording.theta).all()
    assert fit(make_net(), "batches").recording is None


def test_training_a_recorded_net_leaves_the_recording_alone():
    net = make_net()
    recording = fit(net, "batches", record=6).recording
    before = recording.theta[2].copy()
    twin = net.with_theta(recording.theta[2])
    twin.fit(X, Y, epochs=1, lr=1.0)
    assert (recording.theta[2] == before).all()
    assert twin.history.recording is None
