"""Nets as JSON: the same bits come back, other programs can read it, no file hurts."""

import io
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from export_nets import random_net, random_rows, results, with_labels

import fastnn

GATE = fastnn.datasets.xor_gate()


def text_of(net):
    """Return the text of a net's file."""
    stream = io.BytesIO()
    net.to_json(stream)
    return stream.getvalue().decode("ascii")


def load(text):
    """Load a net from the text of a file."""
    return fastnn.load(io.BytesIO(text.encode()))


@pytest.mark.parametrize("number", range(12))
def test_the_same_net_comes_back(tmp_path, number):
    net, path = random_net(number), tmp_path / "whatever"
    net.to_json(path)
    loaded = fastnn.load(path)
    assert repr(loaded) == repr(net)
    assert loaded.theta.tobytes() == net.theta.tobytes()
    assert loaded.theta.flags.writeable
    X = random_rows(net, 7)
    assert results(loaded, X).tobytes() == results(net, X).tobytes()
    assert loaded.predict(X).tolist() == net.predict(X).tolist()


@pytest.mark.parametrize(("dtype", "integer"), [("float64", "u8"), ("float32", "u4")])
def test_every_float_is_its_shortest_decimal(dtype, integer):
    bits = np.random.default_rng(0).integers(0, 2**64, 20_000, dtype="u8")
    values = bits.astype(integer).view(dtype)
    values = values[np.isfinite(values)]
    values[:6] = [0.0, -0.0, 0.1, 1 / 3, np.finfo(dtype).max, np.finfo(dtype).tiny / 8]
    net = fastnn.Sequential([fastnn.MatMul(1, len(values))], "mse", dtype=dtype)
    net.theta = values
    text = text_of(net)
    assert load(text).theta.tobytes() == values.tobytes()
    (row,) = json.loads(text, parse_float=str)["layers"][0]["weights"]
    digits = [np.format_float_scientific(x, unique=True, trim="-") for x in values]
    for written, shortest in zip(row, digits, strict=True):
        significant = written.partition("e")[0].replace(".", "").strip("-0")
        assert significant == shortest.partition("e")[0].replace(".", "").strip("-0")


def test_other_programs_can_read_it():
    """A reader of ten lines, as it would be in another language."""
    net = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)
    net.fit(*fastnn.datasets.spiral(20), epochs=3, lr=0.1)
    file = json.loads(text_of(net))
    x = [0.5, -0.25]
    for layer in file["layers"]:
        if layer["type"] == "Affine":
            columns = zip(*layer["weights"], strict=True)
            x = [
                b + sum(w * v for w, v in zip(column, x, strict=True))
                for column, b in zip(columns, layer["bias"], strict=True)
            ]
        else:
            x = [np.tanh(v) for v in x]
    shares = np.exp(x) / np.sum(np.exp(x))
    assert np.abs(shares - net.predict_proba([[0.5, -0.25]])[0]).max() < 1e-14
    assert file["classes"] == [0, 1, 2]
    assert file["loss"] == "softmax_ce"
    assert file["dtype"] == "float64"
    assert file["layers"][0]["arguments"] == [2, 4]
    assert file["fastnn"] == fastnn.__version__


def test_it_holds_whatever_save_holds():
    """Also layers that the other exports refuse, and the activation of the loss."""
    layers = [fastnn.Affine(2, 3), fastnn.Repeat(4), fastnn.Affine(3, 1)]
    net = fastnn.Sequential([*layers, fastnn.Sigmoid()], seed=1)
    assert repr(load(text_of(net))) == repr(net)


@pytest.mark.parametrize(
    "labels",
    [
        ["no", "yes"],
        ["", "\u202e*/\n한"],
        [b"no", b"\xff"],
        [-1, 1],
        [4, 2],
        [False, True],
        [1.0, 2.0],
        np.array([3, 7], "int8"),
        np.array([1, 2**64 - 1], "uint64"),
        np.array([1, 2], "float16"),
    ],
    ids=repr,
)
def test_labels_come_back(labels):
    net = fastnn.mlp(2, 1, seed=1)
    net = with_labels(net, labels)
    loaded = load(text_of(net))
    assert loaded.classes.tolist() == net.classes.tolist()
    assert loaded.classes.dtype == net.classes.dtype
    X = random_rows(net, 9)
    assert loaded.predict(X).tolist() == net.predict(X).tolist()


def test_names_of_columns_come_back():
    X = pd.DataFrame({"height": [1.0, 2.0], "weight": [2.0, 1.0]})
    net = fastnn.mlp(2, 1, seed=1)
    net.fit(X, [0, 1], epochs=1, lr=0.1)
    loaded = load(text_of(net))
    assert loaded.columns == net.columns == ("height", "weight")


def test_an_editor_may_put_a_mark_and_space_before_it():
    net = fastnn.mlp(2, 1, seed=1)
    for before in (b"\xef\xbb\xbf", b"\r\n  "):
        loaded = fastnn.load(io.BytesIO(before + text_of(net).encode()))
        assert loaded.theta.tolist() == net.theta.tolist()


def changed(**entries):
    """Return the text of a net of 13 parameters with some entries replaced."""
    file = json.loads(text_of(fastnn.mlp(2, 3, 1, seed=1))) | entries
    return json.dumps({key: value for key, value in file.items() if value is not None})


AFFINE = {"type": "Affine", "arguments": [1, 1], "weights": [[1.0]], "bias": [0.0]}
HOSTILE = {
    "nothing": "{}",
    "cut off": changed()[:-20],
    "deep": "{" + '"a":[' * 100_000,
    "deep lists": changed(layers=[AFFINE | {"weights": "W"}]).replace(
        '"W"', "[" * 50_000 + "]" * 50_000
    ),
    "twice": '{"kind": "net", "kind": "net"}',
    "another kind": changed(kind="runs"),
    "no kind": changed(kind=None),
    "another format": changed(format=2),
    "no loss": changed(loss=None),
    "an unknown loss": changed(loss="hinge"),
    "a list as loss": changed(loss=["bce"]),
    "an unknown dtype": changed(dtype="float16"),
    "layers that are a number": changed(layers=7),
    "layers that are numbers": changed(layers=[7]),
    "no layers": changed(layers=[]),
    "an unknown layer": changed(layers=[AFFINE | {"type": "Flatten"}]),
    "a list as type": changed(layers=[AFFINE | {"type": []}]),
    "no bias": changed(layers=[{k: AFFINE[k] for k in AFFINE if k != "bias"}]),
    "a bias too many": changed(
        layers=[AFFINE, {"type": "Tanh", "arguments": [], "bias": []}]
    ),
    "other sizes": changed(layers=[AFFINE | {"arguments": [1, 2]}]),
    "transposed": changed(
        layers=[
            AFFINE | {"arguments": [1, 2], "weights": [[1.0], [1.0]], "bias": [0, 0]}
        ]
    ),
    "huge sizes": changed(layers=[AFFINE | {"arguments": [2**30, 2**30]}]),
    "sizes that are not whole": changed(layers=[AFFINE | {"arguments": [1.0, 1.0]}]),
    "sizes that are flags": changed(layers=[AFFINE | {"arguments": [True, True]}]),
    "three sizes": changed(layers=[AFFINE | {"arguments": [1, 1, 1]}]),
    "ragged": changed(layers=[AFFINE | {"weights": [[1.0, 2.0]]}]),
    "strings": changed(layers=[AFFINE | {"weights": [["1.0"]]}]),
    "flags": changed(layers=[AFFINE | {"weights": [[True]]}]),
    "nothings": changed(layers=[AFFINE | {"weights": [[None]]}]),
    "NaN": changed(layers=[AFFINE | {"weights": [[float("nan")]]}]),
    "too large": changed(layers=[AFFINE]).replace("[[1.0]]", "[[1e999]]"),
    "too large for float32": changed(
        dtype="float32", layers=[AFFINE | {"weights": [[1e39]]}]
    ),
    "too large a number": changed(layers=[AFFINE]).replace("1.0", "9" * 400),
    "too many digits": changed(layers=[AFFINE]).replace("1.0", "9" * 5000),
    "labels without dtype": changed(classes=[0, 1]),
    "labels of an unknown dtype": changed(classes=[0, 1], classes_dtype="O"),
    "labels of another dtype": changed(classes=["a", "b"], classes_dtype="int64"),
    "labels that do not fit": changed(classes=[0, 300], classes_dtype="int8"),
    "too few labels": changed(classes=[0], classes_dtype="int64"),
    "labels that are numbered twice": changed(
        classes=[0, 1], classes_dtype="int64", class_numbers=[1, 1]
    ),
    "labels that are numbered by strings": changed(
        classes=[0, 1],
        classes_dtype="int64",
        class_numbers=["a" * 10**5] + ["b"] * 10**5,
    ),
    "bytes that are numbers": changed(classes=[1, "a", "b"], classes_dtype="bytes"),
    "unsorted labels": changed(classes=[1, 0], classes_dtype="int64"),
    "lists as labels": changed(classes=[[0], [1]], classes_dtype="int64"),
    "labels of very different lengths": changed(
        classes=["a" * 100_000, *"bcde" * 10_000], classes_dtype="str"
    ),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_other_content_is_refused(text):
    message = "is not a net or an ensemble that this version"
    with pytest.raises(ValueError, match=message):
        load(text)


def test_damage_is_noticed_or_changes_a_number():
    text = text_of(fastnn.mlp(2, 3, 3, seed=1)).encode()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(2000):
        damaged = bytearray(text)
        damaged[rng.integers(len(text))] = rng.integers(256)
        try:
            fastnn.load(io.BytesIO(damaged)).predict(GATE[0])
        except ValueError as error:
            assert "is not a net" in str(error)  # noqa: PT017
            refused += 1
    for end in range(0, len(text) - 2, 7):
        with pytest.raises(ValueError, match="is not a net"):
            fastnn.load(io.BytesIO(text[:end]))
    assert refused > 500


def mutations(value):
    """Yield copies of a JSON value with a part of it replaced, missing or renamed."""
    yield from (None, True, -1, 2.5, "x", [], [1], [[1, 2.0]], [None], {}, {"a": 1})
    entries = []
    if isinstance(value, dict):
        entries = list(value)
    elif isinstance(value, list):
        entries = range(min(len(value), 2))
    for entry in entries:
        for part in mutations(value[entry]):
            changed = value.copy()
            changed[entry] = part
            yield changed
        without = value.copy()
        del without[entry]
        yield without
    if isinstance(value, dict) and value:
        first, *others = value
        yield {first + "2": value[first]} | {name: value[name] for name in others}


def test_what_is_wrong_with_an_edited_file_is_said_in_its_own_words():
    layers = [fastnn.Affine(2, 2), fastnn.Tanh(), fastnn.Affine(2, 2)]
    net = with_labels(fastnn.Sequential(layers, "softmax_ce", seed=1), ["no", "yes"])
    file = json.loads(text_of(net)) | {"columns": ["height", "weight"]}
    internal = re.compile(
        r"object|subscript|unhashable|ind(ex|ices)|inhomogeneous|literal|attribute|"
        r"^'\w+'$"
    )
    load(json.dumps(file))
    edited = list(mutations(file))
    assert len(edited) > 350
    for mutated in edited:
        try:
            load(json.dumps(mutated)).predict(GATE[0])
        except ValueError as error:
            what = str(error).partition("read: ")[2]
            assert not internal.search(what), mutated
    for entry in ("klasses", "comment"):
        with pytest.raises(ValueError, match=f"unknown entry '{entry}'"):
            load(json.dumps(file | {entry: []}))


def test_files_that_would_be_large_are_refused(tmp_path):
    """Before they are parsed, in less than 200 MB; and nobody writes such files."""
    kinds = {
        "long": '{"kind": "' + "a" * 2**24 + '"}',
        "many numbers": '{"layers": [' + "300," * (2**21 + 1) + "0]}",
        "many lists": '{"layers": [' + "[]," * (2**19 + 1) + "0]}",
    }
    for name, text in kinds.items():
        (tmp_path / name).write_text(text)
    n = 2**20 - 20
    most = changed(layers=[AFFINE | {"arguments": [1, n], "weights": "W", "bias": "B"}])
    numbers = "[" + ",".join(["0.5"] * n) + "]"
    valid = most.replace('"W"', f"[{numbers}]").replace('"B"', numbers)
    (tmp_path / "valid").write_text(valid.replace('"bce"', '"mse"'))
    program = """
import resource, sys
import fastnn
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in ("long", "many numbers", "many lists"):
    try:
        fastnn.load(f"{sys.argv[1]}/{name}")
    except ValueError as error:
        print(str(error).rpartition(": ")[2])
print(fastnn.load(f"{sys.argv[1]}/valid").theta.size)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert after - before < 200 * 1024, after - before  # KB
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *messages, size = done.stdout.splitlines()
    assert [
        next(w for w in ("bytes", "numbers", "lists") if w in line) for line in messages
    ] == ["bytes", "numbers", "lists"]
    assert int(size) == 2 * n
    net = fastnn.Sequential([fastnn.MatMul(1000, 1000)], seed=1)
    with pytest.raises(ValueError, match=r"more than 16,777,216 bytes: use net\.save"):
        net.to_json(tmp_path / "net.json")
    assert not (tmp_path / "net.json").exists()
