"""Files from strangers: the same net or a ValueError, in little memory, whatever came.

No wall clock: that a file costs little time follows from what it may make us read.
"""

import io
import json
import signal
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from known_runs import make_runs, random_curves

import fastnn
from fastnn.data import npz

ROWS = fastnn.datasets.xor_gate()[0]
N_PARAMS = 21


def make_net():
    net = fastnn.mlp(2, 3, 3, seed=1)
    net.fit(ROWS, ["no", "yes", "perhaps", "no"], epochs=1, lr=0.1)
    return net


NET, RUNS = make_net(), make_runs(*random_curves(3, 4))


def saved(thing):
    stream = io.BytesIO()
    thing.save(stream)
    return stream.getvalue()


def load_net(content):
    """Load a net, or return None if the content is refused."""
    try:
        net = fastnn.load(io.BytesIO(content))
    except ValueError:
        return None
    assert repr(net) == repr(NET)
    assert net.theta.tobytes() == NET.theta.tobytes()
    assert net.classes.tolist() == NET.classes.tolist()
    return net


def load_runs(content):
    """Load runs, or return None if the content is refused."""
    try:
        runs = fastnn.Runs.load(io.BytesIO(content))
    except ValueError:
        return None
    assert repr(runs) == repr(RUNS)
    arrays = RUNS.to_arrays()
    for name, array in runs.to_arrays().items():
        assert array.tobytes() == arrays[name].tobytes()
    return runs


@pytest.mark.parametrize(
    ("load", "content", "flips"),
    [(load_net, saved(NET), 15_000), (load_runs, saved(RUNS), 5000)],
    ids=["net", "runs"],
)
def test_a_damaged_file_gives_the_same_or_an_error(load, content, flips):
    assert load(content) is not None
    assert load(content + b"\0") is None
    assert not any(load(content[:length]) for length in range(len(content)))
    refused = 0
    rng = np.random.default_rng(0)
    for position, bit in zip(
        rng.integers(0, len(content), flips), rng.integers(0, 8, flips), strict=True
    ):
        damaged = bytearray(content)
        damaged[position] ^= 1 << bit
        refused += load(bytes(damaged)) is None
    assert refused > flips / 2


def npy(array, **header):
    """Return a .npy file, with another header if one is given."""
    stream = io.BytesIO()
    if header:
        described = {
            "descr": array.dtype.str,
            "fortran_order": False,
            "shape": array.shape,
        } | header
        np.lib.format.write_array_header_1_0(stream, described)
        return stream.getvalue() + array.tobytes()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


FACTS = {
    "format": 1,
    "loss": "softmax_ce",
    "layers": [["Affine", [2, 3]], ["Sigmoid", []], ["Affine", [3, 3]]],
}
MEMBERS = {
    "net": npy(np.array(json.dumps(FACTS))),
    "theta": npy(NET.theta),
    "classes": npy(NET.classes),
}


def zipped(method=zipfile.ZIP_STORED, more=(), **changes):
    """Return a file of version 0.1.0, which has no checksum, with other members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in (MEMBERS | changes).items():
            if content is not None:
                archive.writestr(f"{name}.npy", content)
        for name, content in more:
            archive.writestr(name, content)
    return stream.getvalue()


def described(text=None, **changes):
    if text is None:
        text = json.dumps(FACTS | changes)
    return zipped(net=npy(np.array(text)))


def claimed(**sizes):
    """Return a file whose table of contents has other sizes for theta."""
    content = bytearray(zipped())
    entry = content.rindex(b"theta.npy") - 46
    for name, size in sizes.items():
        struct.pack_into("<I", content, entry + {"packed": 20, "full": 24}[name], size)
    return bytes(content)


def flagged(flag):
    content = bytearray(zipped())
    content[content.rindex(b"theta.npy") - 46 + 8] |= flag
    return bytes(content)


def header(text):
    """Return a .npy file with a header of our own making."""
    text = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


LONG = np.array(["a" * 10_001, "b", "c"])
HUGE = 2**31 - 1
HOSTILE = {
    "empty": b"",
    "text": b"a net",
    "a zip of nothing": b"PK\x05\x06" + bytes(18),
    "something before": b"#!/bin/sh\n" + zipped(),
    "something behind": zipped() + b"\0",
    "two files": zipped() + zipped(),
    "facts are not JSON": described("{"),
    "facts are a list": described("[]"),
    "facts are a number": described("1e999"),
    "facts without layers": described('{"format": 1, "loss": "bce"}'),
    "another format": described(format=2),
    "a format that is no number": described(format=[1]),
    "NaN": described(seconds=float("nan")),
    "a number twice": described('{"format": 2, "format": 1, ' + json.dumps(FACTS)[1:]),
    "nested deeply": described("[" * 100_000),
    "dictionaries nested deeply": described('{"a":' * 100_000),
    "many digits": described(loss="softmax_ce", layers=[["Affine", [2, 10**400]]]),
    "too many digits": described('{"format": ' + "1" * 5000 + "}"),
    "bytes as facts": zipped(net=npy(np.array(b"{}"))),
    "two texts": zipped(net=npy(np.array(["{}", "{}"]))),
    "too much text": described(" " * 2**21 + json.dumps(FACTS)),
    "layers are a dictionary": described(layers={"Affine": [2, 3]}),
    "layers are text": described(layers="Affine"),
    "no layers": described(layers=[]),
    "an unknown layer": described(layers=[["eval", ["1"]]]),
    "a layer without a name": described(layers=[[["Affine"], [2, 3]]]),
    "a layer with a seed": described(layers=[["Affine", [2, 3, "he", 1]]]),
    "a layer with weights": described(layers=[["Affine", [2, 3, [[1]], 1]]]),
    "no width": described(layers=[["Affine", []]]),
    "a width of zero": described(layers=[["Affine", [2, 0]]]),
    "a negative width": described(layers=[["Affine", [-2, 3]]]),
    "a broken width": described(layers=[["Affine", [2.5, 3]]]),
    "a true width": described(layers=[["Affine", [2, True]]]),
    "a width as text": described(layers=[["Affine", ["2", 3]]]),
    "wide": described(layers=[["Affine", [HUGE, HUGE]], ["Affine", [HUGE, 3]]]),
    "widths that do not fit": described(
        layers=[["Affine", [2, 3]], ["Affine", [4, 3]]]
    ),
    "a long name": described(layers=[["A" * 100_000, []]]),
    "many layers": described(layers=[*FACTS["layers"], *[["Identity", []]] * 100_000]),
    "many narrow layers": described(layers=[["Affine", [1, 1]]] * 20_000),
    "no loss": described(loss=None),
    "another loss": described(loss=["softmax_ce"]),
    "a loss that does not fit": described(loss="bce"),
    "no parameters": zipped(theta=None),
    "too few parameters": zipped(theta=npy(NET.theta[1:])),
    "parameters in a table": zipped(theta=npy(NET.theta.reshape(3, 7))),
    "parameters that are not finite": zipped(theta=npy(NET.theta * np.nan)),
    "whole parameters": zipped(theta=npy(np.arange(N_PARAMS))),
    "complex parameters": zipped(theta=npy(NET.theta * 1j)),
    "long doubles": zipped(theta=npy(NET.theta.astype(np.longdouble))),
    "dates": zipped(theta=npy(np.zeros(N_PARAMS, "M8[s]"))),
    "objects": zipped(classes=npy(np.array(["a", "b", "c"], object))),
    "records": zipped(theta=npy(np.zeros(N_PARAMS, [("a", "f8")]))),
    "a negative shape": zipped(theta=npy(NET.theta, shape=(-N_PARAMS,))),
    "a huge shape": zipped(theta=npy(NET.theta, shape=(2**60,))),
    "a shape of many digits": zipped(theta=npy(NET.theta, shape=(10**4000,))),
    "many dimensions": zipped(theta=npy(NET.theta, shape=(1,) * 500)),
    "an expression": zipped(theta=header("(" * 30_000)),
    "a loop": zipped(theta=header("{'descr': '<f8', 'shape': (9**9**9,), }\n")),
    "no header": zipped(theta=b""),
    "half a header": zipped(theta=MEMBERS["theta"][:40]),
    "another version of NumPy": zipped(theta=b"\x93NUMPY\x03" + MEMBERS["theta"][7:]),
    "too little": zipped(theta=MEMBERS["theta"][:-1]),
    "too much": zipped(theta=MEMBERS["theta"] + b"\0"),
    "fewer labels": zipped(classes=npy(np.array(["a", "b"]))),
    "many labels": zipped(classes=npy(np.arange(10**6))),
    "unsorted labels": zipped(classes=npy(np.array(["b", "a", "c"]))),
    "long labels": zipped(classes=npy(LONG)),
    "long labels, packed": zipped(
        zipfile.ZIP_DEFLATED, classes=npy(np.array(["a" * 10**7, "b", "c"]))
    ),
    "labels beyond Unicode": zipped(
        classes=npy(np.array([1, 2, 0x110000], np.uint32), descr="<U1")
    ),
    "booleans of two": zipped(classes=npy(np.array([0, 1, 2], np.uint8), descr="|b1")),
    "zeros, packed": zipped(
        zipfile.ZIP_DEFLATED,
        net=npy(np.array(json.dumps(FACTS | {"layers": [["Affine", [3999, 2000]]]}))),
        theta=npy(np.zeros(8_000_000)),
    ),
    "an unknown packing": zipped(zipfile.ZIP_LZMA),
    "an old packing": zipped(zipfile.ZIP_BZIP2),
    "unknown arrays": zipped(other=npy(np.zeros(3))),
    "unknown arrays, packed": zipped(zipfile.ZIP_DEFLATED, other=bytes(2**26)),
    "a program": zipped(more=[("run.py", b"print('hello')")]),
    "many arrays": zipped(more=[(f"{i}.npy", b"") for i in range(70)]),
    "very many arrays": zipped(more=[(f"{i}.npy", b"") for i in range(30_000)]),
    "claims of more": claimed(packed=2**31, full=2**31),
    "claims of less": claimed(packed=200, full=200),
    "claims of a larger content": claimed(full=2**31),
    "claims of more in the file": claimed(packed=2**31),
    "encrypted": flagged(1),
    "patched": flagged(32),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_in_little_memory(case):
    content = HOSTILE[case]
    stream = io.BytesIO(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="is not a net") as caught:
            fastnn.load(stream)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100e6
    assert len(str(caught.value)) < 500
    with pytest.raises(ValueError, match="is not a Runs"):
        fastnn.Runs.load(io.BytesIO(content))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused():
    for name in (*(f"{name}.npy" for name in MEMBERS), "theta"):
        content = zipped(more=[(name, MEMBERS["theta"])])
        with pytest.raises(ValueError, match="two arrays of one name"):
            fastnn.load(io.BytesIO(content))


def test_arrays_that_are_not_asked_for_are_not_read(monkeypatch):
    read = []
    original = npz._Member.read

    def noted(member):
        read.append(member._info.filename)
        return original(member)

    monkeypatch.setattr(npz._Member, "read", noted)
    with pytest.raises(ValueError, match="unknown 'other'"):
        fastnn.load(io.BytesIO(zipped(other=npy(np.zeros(3)))))
    assert sorted(read) == ["classes.npy", "net.npy", "theta.npy"]
    read.clear()
    with pytest.raises(ValueError, match="its theta has shape"):
        fastnn.load(io.BytesIO(described(layers=[["Affine", [2, 3]]])))
    assert read == ["net.npy"]


def test_files_of_version_0_1_0_and_of_other_machines_are_loaded():
    assert load_net(zipped())
    assert load_net(zipped(zipfile.ZIP_DEFLATED))
    other_order = NET.theta.astype(NET.theta.dtype.newbyteorder())
    assert load_net(zipped(theta=npy(other_order)))
    labels = NET.classes.astype(NET.classes.dtype.newbyteorder())
    assert load_net(zipped(classes=npy(labels)))


def test_no_flipped_bit_makes_labels_disappear_from_a_file_without_checksum():
    content = zipped()
    contents = content.index(b"PK\x01\x02")  # the rest is covered by checksums
    assert load_net(content)
    for position in range(contents, len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[position] ^= 1 << bit
            load_net(bytes(damaged))


def test_numpy_can_write_a_file_again():
    """The checksum is of the values, not of their place in the file."""
    with np.load(io.BytesIO(saved(RUNS))) as file:
        arrays = {name: np.asfortranarray(file[name]) for name in reversed(file.files)}
    arrays["runs"] = arrays["runs"].reshape(())
    arrays["loss"] = arrays["loss"].astype(">f8")
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    assert load_runs(stream.getvalue())


@pytest.mark.parametrize(
    "change",
    [
        {"theta": npy(NET.theta + 1.0)},
        {"classes": npy(np.array(["a", "b", "c"]))},
        {"classes": None},
    ],
    ids=["other parameters", "other labels", "no labels"],
)
def test_the_checksum_covers_the_arrays_and_their_names(change):
    with zipfile.ZipFile(io.BytesIO(saved(NET))) as file:
        members = {name: file.read(f"{name}.npy") for name in MEMBERS}
    assert load_net(zipped(**members))
    with pytest.raises(ValueError, match="has changed since it was written"):
        fastnn.load(io.BytesIO(zipped(**members | change)))


def test_what_cannot_be_loaded_is_not_saved(tmp_path):
    path = tmp_path / "x.npz"
    net = fastnn.mlp(2, 1)
    net.fit(ROWS, ["no", "y" * 10_001] * 2, epochs=1, lr=0.1)
    with pytest.raises(ValueError, match="strings of over 10,000 characters"):
        net.save(path)
    layers = [fastnn.Affine(2, 1), *(fastnn.Affine(1, 1) for _ in range(4096))]
    with pytest.raises(ValueError, match="4,097 layers"):
        fastnn.Sequential(layers, init="zeros").save(path)
    assert not path.exists()


def test_file_objects(tmp_path):
    with open(tmp_path / "two", "w+b") as file:
        file.write(b"a header")
        NET.save(file)
        file.seek(8)
        assert fastnn.load(file).theta.tobytes() == NET.theta.tobytes()
        assert not file.closed
        file.seek(0)
        with pytest.raises(ValueError, match="does not begin"):
            fastnn.load(file)
    with open(tmp_path / "raw.npz", "wb", buffering=0) as file:
        RUNS.save(file)
    assert len(fastnn.Runs.load(tmp_path / "raw.npz")) == 3
    with open(tmp_path / "text", "w+") as file:
        with pytest.raises(TypeError, match="binary file object"):
            NET.save(file)
        with pytest.raises(TypeError, match="binary file object"):
            fastnn.load(file)
    for wrong in (None, 3):
        with pytest.raises(TypeError, match="pass a path"):
            NET.save(wrong)
        with pytest.raises(TypeError, match="pass a path"):
            fastnn.load(wrong)


@pytest.mark.parametrize("name", ["x.onnx", "x.json", "x.JSON", "a.b/x.h5", "x.npz.gz"])
def test_extensions_of_other_formats_are_refused(name, tmp_path):
    (tmp_path / "a.b").mkdir()
    for thing in (NET, RUNS):
        with pytest.raises(ValueError, match="promises another format"):
            thing.save(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["x.npz", "x", "net-0.5", "x.NPZ", ".hidden", "v1.2"])
def test_other_names_are_taken(name, tmp_path):
    NET.save(tmp_path / name)
    assert fastnn.load(tmp_path / name).classes.tolist() == ["no", "perhaps", "yes"]


def test_a_signal_at_the_begin_of_an_entry_is_raised_itself(monkeypatch):
    # zipfile says "Can't close the ZIP file" where it stays open.
    begin = zipfile.ZipFile.open

    def interrupted(self, *arguments, **options):
        entry = begin(self, *arguments, **options)
        signal.raise_signal(signal.SIGINT)
        return entry

    monkeypatch.setattr(zipfile.ZipFile, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        npz.pack({"a": np.zeros(3)})
