"""What `fit(record=...)` keeps."""

import pickle

import naive
import numpy as np
import pytest

import fastnn
from fastnn.training.trainer import DivergenceError

X, Y = fastnn.datasets.xor_grid(9)  # 81 points
HOW = {
    "per sample": {"batch_size": 1, "lr": 0.25},
    "specialised": {"batch_size": 1, "lr": 0.25, "loop": "specialised"},
    "per sample, Adam": {"batch_size": 1, "optimizer": fastnn.Adam(lr=0.01)},
    "batches": {"batch_size": 7, "lr": 0.5},
    "all rows": {"batch_size": "full", "lr": 1.0},
}
# The specialised loop is not for nets that are run layer by layer.
LOOPS = [
    *((how, False) for how in HOW),
    *((how, True) for how in HOW if how != "specialised"),
]


def make(layerwise=False):
    layers = [
        fastnn.Affine(2, 3),
        fastnn.Tanh(),
        *([fastnn.Tanh()] if layerwise else []),
        fastnn.Affine(3, 1),
    ]
    return fastnn.Sequential(layers, seed=4)


def fit(net, how, epochs=4, **options):
    return net.fit(X, Y, epochs=epochs, seed=2, **HOW[how], **options)


@pytest.mark.parametrize(("how", "layerwise"), LOOPS)
def test_records_are_the_parameters_that_shorter_fits_end_with(how, layerwise):
    per_epoch = 1 if how == "all rows" else 12 if how == "batches" else 81
    net = make(layerwise)
    start = net.theta.copy()
    recording = fit(
        net, how, record=[3 * per_epoch, 0, per_epoch, 4 * per_epoch]
    ).recording
    assert recording.updates.tolist() == [0, per_epoch, 3 * per_epoch, 4 * per_epoch]
    assert (recording.theta[0] == start).all()
    for epochs, theta in (
        (1, recording.theta[1]),
        (3, recording.theta[2]),
        (4, recording.theta[3]),
    ):
        shorter = make(layerwise)
        fit(shorter, how, epochs=epochs)
        assert (shorter.theta == theta).all()


@pytest.mark.parametrize("samples", [1, 5, 100, 10**9])
@pytest.mark.parametrize(("how", "layerwise"), LOOPS)
def test_recording_changes_no_bit_and_chunks_no_record(how, samples, layerwise, chunks):
    plain = make(layerwise)
    wanted = fit(plain, how)
    whole = fit(make(layerwise), how, record=3).recording
    chunks(samples)
    net = make(layerwise)
    history = fit(net, how, record=3)
    assert (net.theta == plain.theta).all()
    assert (history.loss == wanted.loss).all()
    assert (history.accuracy == wanted.accuracy).all()
    assert (history.recording.theta == whole.theta).all()
    assert (history.recording.updates == np.arange(0, wanted.updates + 1, 3)).all()
    assert np.array_equal(history.recording.loss, whole.loss, equal_nan=True)
    assert np.array_equal(history.recording.accuracy, whole.accuracy, equal_nan=True)


@pytest.mark.parametrize("how", HOW)
def test_losses_are_means_since_the_record_before(how):
    net = make()
    per_epoch = 1 if how == "all rows" else 12 if how == "batches" else 81
    history = fit(net, how, record=per_epoch)  # once an epoch: what the history has
    assert np.isnan(history.recording.loss[0])
    assert np.isnan(history.recording.accuracy[0])
    assert history.recording.loss[1:] == pytest.approx(history.loss, rel=1e-15)
    assert history.recording.accuracy[1:] == pytest.approx(history.accuracy, rel=1e-15)
    if how == "all rows":
        assert (history.recording.loss[1:] == history.loss).all()


def test_each_samples_loss_is_the_naive_one():
    net = make()
    recording = net.fit(X, Y, epochs=2, lr=0.1, shuffle=False, record=1).recording
    assert len(recording) == 163
    for update in (0, 1, 2, 80, 81, 161):
        params = [
            part.copy() for part in make().with_theta(recording.theta[update]).params
        ]
        row = update % 81
        loss, _ = naive.loss_and_grads(
            params, ["tanh"], "bce", X[row : row + 1], Y[row : row + 1]
        )
        assert recording.loss[update + 1] == pytest.approx(
            loss, rel=1e-11
        )  # a difference of sums of up to 81 losses


def test_threads_record_the_same():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    one, two = (
        fastnn.mlp(4, 8, 1, seed=1)
        .fit(X, y, epochs=3, lr=0.5, batch_size=2000, n_jobs=n, record=1)
        .recording
        for n in (1, 2)
    )
    assert (one.theta == two.theta).all()
    assert (one.loss[1:] == two.loss[1:]).all()


def test_an_interrupted_fit_keeps_the_records_so_far(monkeypatch, chunks):
    chunks(40)
    from fastnn.training import trainer

    calls = []

    class Bar(trainer.ProgressBar):
        def update(self, made, *texts):
            calls.append(made)
            if len(calls) == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "ProgressBar", Bar)
    net = make()
    with pytest.raises(KeyboardInterrupt):
        fit(net, "per sample", record=10)
    assert net.history.recording.updates.tolist() == list(
        range(0, net.history.updates + 1, 10)
    )
    assert net.history.updates == 120
    assert (net.history.recording.theta[-1] == net.theta).all()


@pytest.mark.compiled
def test_a_fit_that_diverges_keeps_the_records_before():
    values = X[:, 0].copy()
    values[50] = 1e200
    net = fastnn.mlp(2, 3, 1, loss="mse")
    with pytest.raises(DivergenceError):
        net.fit(X, values, epochs=3, lr=0.1, shuffle=False, record=1)
    recording = net.history.recording
    assert recording.updates.tolist() == list(range(51))
    assert np.isfinite(recording.theta).all()


def test_values_have_no_accuracy():
    net = fastnn.mlp(2, 3, 1, loss="mse")
    recording = net.fit(X, X[:, 0], epochs=1, lr=0.1, record=20).recording
    assert np.isnan(recording.accuracy).all()
    assert np.isfinite(recording.loss[1:]).all()


def test_it_is_kept_whole():
    net = make()
    history = fit(net, "batches", record=6)
    assert (
        repr(history.recording)
        == "Recording(9 records of 13 parameters, updates 0 to 48)"
    )
    assert (
        pickle.loads(pickle.dumps(history)).recording.theta == history.recording.theta
    ).all()
    assert fit(net, "batches").recording is None
    kept = history.recording.theta[2].copy()
    twin = net.with_theta(history.recording.theta[2])
    twin.fit(X, Y, epochs=1, lr=1.0)
    assert (history.recording.theta[2] == kept).all()
    assert twin.history.recording is None


WRONG = {
    "zero": (0, ValueError, "at least 1"),
    "a float": (1.5, TypeError, "whole number"),
    "floats": ([0.0, 1.0], TypeError, r"such as \[0, 10, 100\]"),
    "a table": ([[0, 1]], TypeError, r"such as \[0, 10, 100\]"),
    "none at all": ([], TypeError, "record"),
    "too late": (
        [0, 325],
        ValueError,
        "update 325, but this fit makes updates 0 .* to 324",
    ),
    "before": ([-1], ValueError, "update -1"),
    "a name": ("all", TypeError, "whole number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_records_are_refused_before_any_work(case):
    record, kind, message = WRONG[case]
    net = make()
    before = net.theta.copy()
    with pytest.raises(kind, match=message):
        fit(net, "per sample", record=record)
    assert (net.theta == before).all()


def test_what_memory_cannot_hold_is_refused_with_the_figure(monkeypatch):
    monkeypatch.setattr(
        "fastnn.data.machine.memory_limit", lambda: 8e9
    )  # whatever this machine has
    net = fastnn.mlp(100, 1000, 10)
    with pytest.raises(
        ValueError,
        match=r"record=1 keeps 800,000,001 copies of all parameters, [\d,.]+ GB.*record fewer",
    ):
        net.fit(np.zeros((4, 100)), [0, 1, 2, 3], epochs=200_000_000, lr=0.1, record=1)
