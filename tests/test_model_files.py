"""Files of nets: loading returns what was saved, and refuses anything else."""

import io
import os

import numpy as np
import pytest

import fastnn

GATE = fastnn.datasets.xor_gate()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_file_holds_all_of_the_net(tmp_path, dtype):
    path = tmp_path / "net.npz"
    layers = [fastnn.MatMul(2, 3), fastnn.ReLU(), fastnn.Affine(3, 1), fastnn.Sigmoid()]
    net = fastnn.Sequential(layers, dtype=dtype, seed=3)
    net.fit(GATE[0], np.array(["no", "yes"])[GATE[1]], epochs=3, lr=0.1)
    net.save(path)
    loaded = fastnn.load(path)
    assert repr(loaded) == repr(net)
    assert loaded.theta.tobytes() == net.theta.tobytes()
    assert loaded.predict(GATE[0]).tolist() == net.predict(GATE[0]).tolist()
    with np.load(path, allow_pickle=False) as file:
        assert set(file) == {"net", "theta", "classes"}
    assert os.listdir(tmp_path) == ["net.npz"]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    fastnn.mlp(2, 3, 1, seed=1).save(path)
    before = path.read_bytes()

    def disk_is_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", disk_is_full)
    message = r"cannot write the file .*net.npz: No space left"
    with pytest.raises(OSError, match=message):
        fastnn.mlp(2, 3, 1, seed=2).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["net.npz"]


def test_files_without_a_net_are_refused(tmp_path):
    junk, arrays, cut = (tmp_path / f"{name}.npz" for name in ("junk", "arrays", "cut"))
    junk.write_bytes(b"not a zip file at all")
    np.savez(arrays, a=np.arange(3))
    fastnn.mlp(2, 3, 1).save(cut)
    cut.write_bytes(cut.read_bytes()[:300])
    for path in (junk, arrays, cut):
        with pytest.raises(ValueError, match="is not a net"):
            fastnn.load(path)


def test_paths_where_no_file_can_be_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastnn.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        fastnn.mlp(2, 1).save(tmp_path / "none" / "x.npz")
    with pytest.raises(IsADirectoryError, match="a folder has that name"):
        fastnn.mlp(2, 1).save(tmp_path)


def test_layers_of_other_classes_cannot_be_saved(tmp_path):
    class OwnAffine(fastnn.Affine):
        pass

    net = fastnn.Sequential([OwnAffine(2, 1)])
    with pytest.raises(TypeError, match="OwnAffine is not one of fastnn's layers"):
        net.save(tmp_path / "x.npz")
    assert not os.listdir(tmp_path)


class Scale(fastnn.layers.Layer):
    """Each unit times a parameter, to a power."""

    def __init__(self, n, power=1.0):
        self.n, self.power = n, power

    def arguments(self):
        return [self.n, self.power]

    def shapes(self):
        return [(self.n,)]

    def draw(self, rng, default):
        return [np.ones(self.n)]

    def compute(self, x):
        return x * self.params[0] ** self.power

    def compute_back(self, dout, x, out):
        w, p = self.params[0], self.power
        self.grads[0][...] = (dout * x).sum(axis=0) * p * w ** (p - 1)
        return dout * w**p


def test_layers_of_ones_own_are_loaded_by_whoever_has_their_class(tmp_path):
    layers = [fastnn.Affine(2, 3), Scale(3, 2.0), fastnn.Affine(3, 1)]
    net, path = fastnn.Sequential(layers, "bce", seed=1), tmp_path / "net.npz"
    assert fastnn.check_gradients(net, *GATE)
    net.fit(*GATE, epochs=3, lr=0.1)
    net.save(path)
    loaded = fastnn.load(path, own=[Scale])
    assert type(loaded.layers[1]) is Scale
    assert loaded.layers[1].power == 2.0
    assert (loaded.predict_proba(GATE[0]) == net.predict_proba(GATE[0])).all()
    with pytest.raises(ValueError, match=r"'Scale', which is none of .*pass its class"):
        fastnn.load(path)
    with pytest.raises(TypeError, match="pass classes of layers"):
        fastnn.load(path, own=["Scale"])
    runs = net.fit_many(*GATE, seeds=range(2), epochs=1, lr=0.1)
    runs.save(tmp_path / "runs.npz")
    again = fastnn.Runs.load(tmp_path / "runs.npz", own=[Scale])
    assert (again.theta == runs.theta).all()


def test_arguments_that_do_not_make_the_layer_again_are_refused(tmp_path):
    class Forgets(Scale):
        def arguments(self):
            return [1]

    class Keeps(Scale):
        def arguments(self):
            return [self.n, np.ones(3)]

    for kind, message in (
        (Forgets, "other parameters"),
        (Keeps, "numbers and strings"),
    ):
        net = fastnn.Sequential([fastnn.Affine(2, 3), kind(3), fastnn.Affine(3, 1)])
        with pytest.raises(TypeError, match=message):
            net.save(tmp_path / "x.npz")
    assert not os.listdir(tmp_path)


def test_parameters_that_are_not_finite_cannot_be_saved(tmp_path):
    net = fastnn.mlp(2, 3, 3, seed=1)
    net.theta[0] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        net.save(tmp_path / "net.npz")


def make_file(tmp_path):
    """Save a net with 3 classes, and return its path and the file's content."""
    path = tmp_path / "net.npz"
    net = fastnn.mlp(2, 3, 3, seed=1)
    net.fit(*GATE, epochs=1, lr=0.1)
    net.save(path)
    return path, path.read_bytes()


def test_errors_of_damaged_files_name_the_file(tmp_path):
    path, content = make_file(tmp_path)
    rng, messages = np.random.default_rng(0), []
    for _ in range(300):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 4):
            damaged[position] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            fastnn.load(path).predict(GATE[0])
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 200
    assert all("net.npz is not a net" in message for message in messages)


@pytest.mark.parametrize(
    "classes",
    [
        [2, 1, 0],
        [0, 1],
        [[0], [1], [2]],
        [0.5, 1.0, 2.0],
        [0.0, 1.0, np.inf],
        range(10_000),
    ],
    ids=["unsorted", "too few", "a table", "fractions", "infinity", "too many"],
)
def test_files_with_wrong_labels_are_refused(tmp_path, classes):
    path, content = make_file(tmp_path)
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file) | {"classes": np.array(classes)}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="labels are not 3 sorted"):
        fastnn.load(path)
