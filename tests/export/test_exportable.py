"""What cannot be exported is refused before a file is written, with what can be."""

from functools import partial

import numpy as np
import pytest

import fastnn

FORMATS = {
    "to_onnx": "net.onnx",
    "to_c": "net.c",
    "to_json": "net.json",
}
onnx_and_c = pytest.mark.parametrize("method", ["to_onnx", "to_c"])
every_format = pytest.mark.parametrize("method", list(FORMATS))


class OwnAffine(fastnn.Affine):
    """A layer of a user's own, which may compute anything."""


def export(net, method, folder):
    """Export a net; nothing must be written if that fails."""
    try:
        getattr(net, method)(folder / FORMATS[method])
    finally:
        files = sorted(path.name for path in folder.iterdir())
    return files


@onnx_and_c
@pytest.mark.parametrize("layer", [partial(fastnn.Repeat, 3), fastnn.Sum])
def test_layers_that_mix_rows(tmp_path, method, layer):
    net = fastnn.Sequential([fastnn.Affine(2, 3), layer(), fastnn.Affine(3, 1)])
    message = r"because it mixes rows: the layers Affine, MatMul, Sigmoid, .* can"
    with pytest.raises(ValueError, match=message):
        export(net, method, tmp_path)
    assert not list(tmp_path.iterdir())


@every_format
def test_layers_of_a_users_own(tmp_path, method):
    net = fastnn.Sequential([OwnAffine(2, 1)])
    with pytest.raises(TypeError, match="not one of fastnn's layers"):
        export(net, method, tmp_path)
    assert not list(tmp_path.iterdir())


class OwnLoss(fastnn.losses.Loss):
    """A loss of a user's own, whose net runs layer by layer."""

    link = "Softmax"

    def arguments(self):
        return []

    def compute(self, z, y):
        return (z**2).sum(axis=1)

    def compute_back(self, z, y):
        return 2 * z


@every_format
def test_losses_of_a_users_own_do_not_matter(tmp_path, method):
    if method == "to_onnx":
        pytest.importorskip("onnx")
    net = fastnn.mlp(2, 3, 2, loss=OwnLoss(), seed=1)
    assert export(net, method, tmp_path) == [FORMATS[method]]
    if method == "to_json":
        loaded = fastnn.load(tmp_path / "net.json", own=[OwnLoss])
        assert loaded.theta.tobytes() == net.theta.tobytes()
    if method == "to_c":
        # The sums of layers are not fused.
        assert "volatile" in (tmp_path / "net.c").read_text()


class Shift(fastnn.layers.Layer):
    """A layer with parameters that `net.save` can write."""

    def arguments(self):
        return []

    def shapes(self):
        return [(3,)]

    def compute(self, x):
        return x + self.params[0]

    def compute_back(self, dout, x, out):
        self.grads[0][...] = dout.sum(axis=0)
        return dout


@every_format
def test_layers_with_parameters_of_their_own(tmp_path, method):
    net = fastnn.Sequential([fastnn.Affine(2, 3), Shift(), fastnn.Affine(3, 1)])
    with pytest.raises(TypeError, match=r"Shift\(\) cannot be exported to"):
        export(net, method, tmp_path)
    assert not list(tmp_path.iterdir())


@every_format
def test_parameters_that_are_not_finite(tmp_path, method):
    net = fastnn.mlp(2, 3, 1)
    net.theta[3] = np.nan
    with pytest.raises(ValueError, match="parameters are not finite"):
        export(net, method, tmp_path)
    assert not list(tmp_path.iterdir())


@every_format
def test_names_of_files_that_promise_another_format(tmp_path, method):
    net = fastnn.mlp(2, 3, 1)
    for name in {*FORMATS.values(), "net.npz", "net.py"} - {FORMATS[method]}:
        with pytest.raises(ValueError, match="promises another format"):
            getattr(net, method)(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["to_c", "to_json"])
def test_file_objects_and_names_without_an_extension(tmp_path, method):
    net = fastnn.mlp(2, 3, 1)
    with open(tmp_path / "one", "wb") as stream:
        getattr(net, method)(stream)
    getattr(net, method)(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with pytest.raises(TypeError, match="a path or a binary file object"):
        getattr(net, method)(None)


@every_format
def test_a_net_stays_as_it_was(tmp_path, method):
    if method == "to_onnx":
        pytest.importorskip("onnx")
    net = fastnn.mlp(2, 3, 1, seed=1)
    before = net.theta.tobytes(), repr(net), net.classes
    assert export(net, method, tmp_path) == [FORMATS[method]]
    assert (net.theta.tobytes(), repr(net), net.classes) == before
