"""Files of Runs: loading returns what was saved, and refuses anything else."""

import io
import json
import os
import pickle

import numpy as np
import pytest
from known_runs import make_runs, random_curves, runs_with_one_diverged

import fastnn
from fastnn.sweeps.plan import seed_array

GATE = fastnn.datasets.xor_gate()

SAVED = {
    "all": {},
    "percentiles": {"recorded": "percentiles", "stop_below": 0.3},
    "float32": {"net": fastnn.mlp(2, 2, 1, dtype="float32"), "stop_below": 0.3},
    "no seeds": {"seeds": None},
    "seeds of 64 bits": {"seeds": seed_array([2**64 - 1 - i for i in range(40)])},
    "long seeds": {"seeds": seed_array([10**40 + i for i in range(40)])},
    "values": {"net": fastnn.mlp(2, 1, loss="mse")},
}


def assert_same(array, other):
    assert (array.dtype, array.shape) == (other.dtype, other.shape)
    assert array.tobytes() == other.tobytes()


@pytest.mark.parametrize("case", SAVED)
def test_files_and_pickles_hold_all_of_the_runs(case, tmp_path):
    runs, path = runs_with_one_diverged(**SAVED[case]), tmp_path / "runs.npz"
    runs.save(path)
    assert os.listdir(tmp_path) == ["runs.npz"]
    arrays = runs.to_arrays()
    for other in (fastnn.Runs.load(path), pickle.loads(pickle.dumps(runs))):
        assert repr(other) == repr(runs)
        assert repr(other[0]) == repr(runs[0])
        assert other.stop_below == runs.stop_below
        assert (other.updates, other.seconds) == (runs.updates, runs.seconds)
        other_arrays = other.to_arrays()
        assert list(other_arrays) == list(arrays)
        for name, array in arrays.items():
            assert_same(array, other_arrays[name])
        assert other.diverged.tolist() == runs.diverged.tolist()
    with np.load(path, allow_pickle=False) as file:
        assert set(file) == {"runs"} | set(arrays)


def test_labels_are_saved(tmp_path):
    labels = np.array(["no", "yes"])[GATE[1]]
    net = fastnn.mlp(2, 2, 1)
    runs = net.fit_many(GATE[0], labels, seeds=range(3), epochs=100, lr=1.0)
    runs.save(tmp_path / "runs.npz")
    loaded = fastnn.Runs.load(tmp_path / "runs.npz")
    for saved_net, loaded_net in zip(runs, loaded, strict=True):
        predicted = loaded_net.predict(GATE[0])
        assert predicted.tolist() == saved_net.predict(GATE[0]).tolist()
        assert loaded_net.classes.tolist() == ["no", "yes"]
    with pytest.raises(ValueError, match="loaded, so it has no scheme"):
        loaded[0].fit_many(GATE[0], labels, seeds=[1], epochs=1, lr=0.1)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    class OwnAffine(fastnn.Affine):
        pass

    path = tmp_path / "runs.npz"
    runs = make_runs(*random_curves())
    runs.save(path)
    before = path.read_bytes()
    net = fastnn.Sequential([OwnAffine(2, 1)])
    with pytest.raises(TypeError, match="OwnAffine is not one of fastnn's layers"):
        net.fit_many(*GATE, seeds=[1], epochs=1, lr=0.1).save(path)

    def disk_is_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", disk_is_full)
    message = r"cannot write the file .*runs.npz: No space left"
    with pytest.raises(OSError, match=message):
        runs[:3].save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["runs.npz"]


def rewrite(content, path, **changes):
    """Write a file's content with other arrays, of which None leaves one out."""
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file) | changes
    arrays = {name: array for name, array in arrays.items() if array is not None}
    np.savez(path, **arrays)
    return path


def test_files_of_other_kinds_are_refused(tmp_path):
    runs, net, other = (tmp_path / f"{name}.npz" for name in ("runs", "net", "other"))
    make_runs(*random_curves()).save(runs)
    fastnn.mlp(2, 2, 1).save(net)
    message = r"net.npz is not a Runs .*: it holds a net, read it with fastnn.load"
    with pytest.raises(ValueError, match=message):
        fastnn.Runs.load(net)
    message = (
        r"runs.npz is not a net .*: it holds a Runs, read it with fastnn.Runs.load"
    )
    with pytest.raises(ValueError, match=message):
        fastnn.load(runs)
    np.savez(other, a=np.arange(3))
    with pytest.raises(ValueError, match=r"other\.npz is not a Runs"):
        fastnn.Runs.load(other)
    with pytest.raises(FileNotFoundError):
        fastnn.Runs.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"layers": [["Affine", [2, 5]], ["Affine", [5, 1]]]},
        {"updates": "many"},
    ],
    ids=str,
)
def test_files_with_wrong_descriptions_are_refused(changes, tmp_path):
    path = tmp_path / "runs.npz"
    make_runs(*random_curves()).save(path)
    with np.load(path) as file:
        description = json.loads(str(file["runs"]))
    rewritten = np.array(json.dumps(description | changes))
    with pytest.raises(ValueError, match=r"runs\.npz is not a Runs"):
        fastnn.Runs.load(rewrite(path.read_bytes(), path, runs=rewritten))


BAD_ARRAYS = {
    "theta": (
        None,
        np.zeros((0, 9)),
        np.zeros((40, 8)),
        np.zeros(40),
        np.zeros((40, 9), np.int64),
    ),
    "seeds": (
        np.arange(39),
        np.arange(40.0),
        np.array(["x"] * 40),
        np.array(["\u0663"] * 40),
    ),
    "trained": (None, np.arange(1, 42), np.zeros(40), np.zeros(40, np.int64)),
    "final_loss": (None, np.zeros(39), np.zeros(40, "float32")),
    "final_accuracy": (None, np.zeros((40, 1))),
    "epochs": (
        None,
        np.arange(30),
        np.arange(30)[::-1] + 1,
        np.arange(1, 30),
        # a difference of 1, in 64 bits
        np.array([*range(1, 29), 2**63 - 1, -(2**63)]),
    ),
    "loss": (None, np.zeros((39, 30)), np.zeros((40, 29))),
    "accuracy": (None, np.zeros((40, 30), np.int64)),
    "classes": (np.array([1, 0]), np.arange(3)),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_files_with_wrong_arrays_are_refused(name, tmp_path):
    path = tmp_path / "runs.npz"
    make_runs(*random_curves()).save(path)
    content = path.read_bytes()
    assert len(fastnn.Runs.load(rewrite(content, path))) == 40
    for array in BAD_ARRAYS[name]:
        with pytest.raises(ValueError, match=r"runs\.npz is not a Runs"):
            fastnn.Runs.load(rewrite(content, path, **{name: array}))


BAD_PERCENTILES = {
    "a wrong shape": (
        {"loss_percentiles": np.zeros((100, 30))},
        r"its loss_percentiles has shape \(100, 30\)",
    ),
    "none of accuracies": (
        {"accuracy_percentiles": None},
        "it has no accuracy_percentiles",
    ),
    "losses of each net, percentiles of accuracies": (
        {"loss": np.zeros((40, 30))},
        "it has no accuracy$",
    ),
}


@pytest.mark.parametrize("case", BAD_PERCENTILES)
def test_files_with_wrong_percentiles_are_refused(case, tmp_path):
    path = tmp_path / "runs.npz"
    make_runs(*random_curves(), recorded="percentiles").save(path)
    changes, message = BAD_PERCENTILES[case]
    with pytest.raises(ValueError, match=message):
        fastnn.Runs.load(rewrite(path.read_bytes(), path, **changes))


def test_errors_of_damaged_files_name_the_file(tmp_path):
    path = tmp_path / "runs.npz"
    make_runs(*random_curves(3, 4)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"runs\.npz is not a Runs"):
        fastnn.Runs.load(path)
    rng, messages = np.random.default_rng(0), []
    for _ in range(200):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 4):
            damaged[position] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            assert len(fastnn.Runs.load(path)) == 3
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert all("runs.npz is not a Runs" in message for message in messages)
