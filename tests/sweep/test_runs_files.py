"""Runs in files: what is saved is loaded, and nothing else is."""

import io
import json
import os
import pickle

import numpy as np
import pytest
from known_runs import curves, runs_of, with_one_diverged

import fastnn
from fastnn.sweep.plan import seed_array

GATE = fastnn.datasets.xor_gate()


SAVED = {
    "all": {},
    "percentiles": {"kept": "percentiles", "stop_below": 0.3},
    "float32": {"net": fastnn.mlp(2, 2, 1, dtype="float32"), "stop_below": 0.3},
    "no seeds": {"seeds": None},
    "seeds of 64 bits": {"seeds": seed_array([2**64 - 1 - i for i in range(40)])},
    "long seeds": {"seeds": seed_array([10**40 + i for i in range(40)])},
    "values": {"net": fastnn.mlp(2, 1, loss="mse")},
}


@pytest.mark.parametrize("case", SAVED)
def test_what_is_saved_is_loaded(case, tmp_path):
    runs, path = with_one_diverged(**SAVED[case]), tmp_path / "runs.npz"
    runs.save(path)
    again, copy = fastnn.Runs.load(path), pickle.loads(pickle.dumps(runs))
    assert os.listdir(tmp_path) == ["runs.npz"]
    for other in (again, copy):
        assert repr(other) == repr(runs)
        assert repr(other[0]) == repr(runs[0])
        assert (other.stop_below, other.updates, other.seconds) == (
            runs.stop_below,
            runs.updates,
            runs.seconds,
        )
        for (name, mine), (its_name, its) in zip(
            runs.to_arrays().items(), other.to_arrays().items(), strict=True
        ):
            assert name == its_name
            assert (mine.dtype, mine.shape, mine.tobytes()) == (
                its.dtype,
                its.shape,
                its.tobytes(),
            )
        assert other.diverged.tolist() == runs.diverged.tolist()
    with np.load(path, allow_pickle=False) as file:
        assert set(file) == {"runs"} | set(runs.to_arrays())


def test_labels_are_saved(tmp_path):
    labels = np.array(["no", "yes"])[GATE[1]]
    runs = fastnn.mlp(2, 2, 1).fit_many(
        GATE[0], labels, seeds=range(3), epochs=100, lr=1.0
    )
    runs.save(tmp_path / "runs.npz")
    again = fastnn.Runs.load(tmp_path / "runs.npz")
    for mine, its in zip(runs, again, strict=True):
        assert its.predict(GATE[0]).tolist() == mine.predict(GATE[0]).tolist()
        assert its.classes.tolist() == ["no", "yes"]
    with pytest.raises(ValueError, match="loaded, so it has no scheme"):
        again[0].fit_many(GATE[0], labels, seeds=[1], epochs=1, lr=0.1)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    class Mine(fastnn.Affine):
        pass

    path = tmp_path / "runs.npz"
    runs = runs_of(*curves())
    runs.save(path)
    before = path.read_bytes()
    own = fastnn.Sequential([Mine(2, 1)]).fit_many(*GATE, seeds=[1], epochs=1, lr=0.1)
    with pytest.raises(TypeError, match="Mine is not one of fastnn's layers"):
        own.save(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        OSError, match=r"cannot write the file .*runs.npz: No space left"
    ):
        runs[:3].save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["runs.npz"]


def rewritten(content, path, **changes):
    """The file with other arrays; None leaves one out."""
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file) | changes
    np.savez(
        path, **{name: array for name, array in arrays.items() if array is not None}
    )
    return path


def test_files_of_other_kinds_are_refused(tmp_path):
    runs, net, path = (
        tmp_path / "runs.npz",
        tmp_path / "net.npz",
        tmp_path / "other.npz",
    )
    runs_of(*curves()).save(runs)
    fastnn.mlp(2, 2, 1).save(net)
    with pytest.raises(
        ValueError,
        match=r"net.npz is not a Runs .*: it holds a net, read it with fastnn.load",
    ):
        fastnn.Runs.load(net)
    with pytest.raises(
        ValueError,
        match=r"runs.npz is not a net .*: it holds a Runs, read it with fastnn.Runs.load",
    ):
        fastnn.load(runs)
    np.savez(path, a=np.arange(3))
    with pytest.raises(ValueError, match=r"other\.npz is not a Runs"):
        fastnn.Runs.load(path)
    with pytest.raises(FileNotFoundError):
        fastnn.Runs.load(tmp_path / "none.npz")
    content = runs.read_bytes()
    with np.load(runs) as file:
        description = json.loads(str(file["runs"]))
    for changes in (
        {"format": 2},
        {"layers": [["Affine", [2, 5]], ["Affine", [5, 1]]]},
        {"updates": "many"},
    ):
        with pytest.raises(ValueError, match=r"other\.npz is not a Runs"):
            fastnn.Runs.load(
                rewritten(
                    content, path, runs=np.array(json.dumps(description | changes))
                )
            )


WRONG = {
    "theta": (
        None,
        np.zeros((0, 9)),
        np.zeros((40, 8)),
        np.zeros(40),
        np.zeros((40, 9), np.int64),
    ),
    "seeds": (np.arange(39), np.arange(40.0), np.array(["x"] * 40)),
    "trained": (None, np.arange(41), np.zeros(40)),
    "final_loss": (None, np.zeros(39), np.zeros(40, "float32")),
    "final_accuracy": (None, np.zeros((40, 1))),
    "epochs": (None, np.arange(30), np.arange(30)[::-1] + 1, np.arange(1, 30)),
    "loss": (None, np.zeros((39, 30)), np.zeros((40, 29))),
    "accuracy": (None, np.zeros((40, 30), np.int64)),
    "classes": (np.array([1, 0]), np.arange(3)),
}


@pytest.mark.parametrize("name", WRONG)
def test_files_with_wrong_arrays_are_refused(name, tmp_path):
    path = tmp_path / "runs.npz"
    runs_of(*curves()).save(path)
    content = path.read_bytes()
    assert len(fastnn.Runs.load(rewritten(content, path))) == 40
    for array in WRONG[name]:
        with pytest.raises(ValueError, match=r"runs\.npz is not a Runs"):
            fastnn.Runs.load(rewritten(content, path, **{name: array}))


def test_files_with_wrong_percentiles_are_refused(tmp_path):
    path = tmp_path / "runs.npz"
    runs_of(*curves(), kept="percentiles").save(path)
    content = path.read_bytes()
    for changes, message in (
        (
            {"loss_percentiles": np.zeros((100, 30))},
            r"its loss_percentiles has shape \(100, 30\)",
        ),
        ({"accuracy_percentiles": None}, "it has no accuracy_percentiles"),
        (
            {"loss": np.zeros((40, 30))},
            "it has no accuracy$",
        ),  # of each net the one, percentiles of the other
    ):
        with pytest.raises(ValueError, match=message):
            fastnn.Runs.load(rewritten(content, path, **changes))


def test_damaged_files_name_themselves(tmp_path):
    path = tmp_path / "runs.npz"
    runs_of(*curves(3, 4)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"runs\.npz is not a Runs"):
        fastnn.Runs.load(path)
    rng, messages = np.random.default_rng(0), []
    for _ in range(200):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 4):
            damaged[at] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            assert len(fastnn.Runs.load(path)) == 3
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert all("runs.npz is not a Runs" in message for message in messages)
