"""JSON: a net as text that any language reads, and that `fastnn.load` reads back.

The file holds what a .npz file of a net does, with the parameters layer by layer:
"weights" is a list of n_in rows of n_out numbers, "bias" a list of n_out numbers.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from ..data.archives import (
    FORMAT,
    Archive,
    Target,
    check_target,
    parse_facts,
    write_content,
)
from ..data.arguments import check_dtype
from ..data.arrays import Array
from ..data.version import __version__
from ..nn.architecture import Architecture

# Python objects take up to 30 times the bytes of the text that they are made from, so
# these bounds keep what a stranger's file takes below 200 MB.
_MAX_BYTES, _MAX_NUMBERS, _MAX_LISTS = 2**24, 2**21, 2**19
_ARRAYS: dict[str, tuple[str, ...]] = {
    "Affine": ("weights", "bias"),
    "MatMul": ("weights",),
}
_ENTRIES = {
    *("fastnn", "kind", "format", "dtype", "loss", "layers"),
    *("classes", "classes_dtype", "class_numbers", "seen", "columns"),
}
_LABELS = ("bool", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)))
_LABELS += ("float16", "float32", "float64", "str", "bytes")


def write_json(target: Target, architecture: Architecture, archive: Archive) -> None:
    """Write a net's archive as JSON to a file."""
    check_target(target, ".json")
    content = json_text(architecture, archive).encode()
    if why := _too_large(content):
        raise ValueError(f"the JSON file could not be loaded, as {why}: use net.save")
    write_content(target, content)


def json_text(architecture: Architecture, archive: Archive) -> str:
    """Return the text of the file."""
    theta, classes = archive.arrays["theta"], archive.arrays.get("classes")
    entries: dict[str, Any] = {"fastnn": __version__, "kind": "net", "format": FORMAT}
    entries |= {name: fact for name, fact in archive.facts.items() if name != "layers"}
    entries["dtype"] = theta.dtype.name
    if classes is not None:
        entries |= _described(classes)
    lines = [
        f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items()
    ]
    params = iter(architecture.views(theta))
    layers = []
    described = zip(architecture.layers, archive.fact("layers"), strict=True)
    for layer, (name, arguments) in described:
        if layer.shapes() and name not in _ARRAYS:
            raise TypeError(
                f"{layer!r} cannot be exported to JSON, because it has parameters and "
                f"is not one of fastnn's layers: use net.save"
            )
        layers.append(_layer(name, arguments, params))
    lines.append('"layers": [\n  ' + ",\n  ".join(layers) + "\n ]")
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def _described(classes: Array) -> dict[str, Any]:
    """Return entries for the labels; bytes become the characters of these numbers."""
    kinds = {"U": "str", "S": "bytes"}
    name = kinds.get(classes.dtype.kind, classes.dtype.name)
    if name not in _LABELS:
        raise ValueError(
            f"labels of dtype {name} cannot be exported to JSON: fit to labels of "
            "float64, or better to whole numbers"
        )
    if name == "bytes":
        classes = np.char.decode(classes, "latin-1")
    _check_lengths(classes.tolist())
    return {"classes_dtype": name, "classes": classes.tolist()}


def _layer(name: str, arguments: list[Any], params: Iterator[Array]) -> str:
    head = f'{{"type": {json.dumps(name)}, "arguments": {json.dumps(arguments)}'
    arrays = [
        f',\n   "{array}": {_numbers(next(params))}' for array in _ARRAYS.get(name, ())
    ]
    return head + "".join(arrays) + "}"


def _numbers(array: Array) -> str:
    """Return the shortest decimals that give the same bits, a row per line.

    >>> _numbers(np.array([0.1, 1e-8], "float32"))
    '[0.1, 1e-08]'
    """
    if array.ndim == 2:
        return "[\n    " + ",\n    ".join(map(_numbers, array)) + "]"
    # As text a float32 is its shortest decimal, and so is the float64 made from that.
    shortest = array.astype(str).astype(np.float64)
    same = shortest.astype(array.dtype) == array
    return json.dumps(np.where(same, shortest, array.astype(np.float64)).tolist())


def read_json(stream: BinaryIO) -> Archive:
    """Return the archive of a net from a file; ValueError if invalid.

    Only the form is checked here: what the layers are is up to `Architecture`.
    """
    content = stream.read(_MAX_BYTES + 1)
    if why := _too_large(content):
        raise ValueError(why)
    facts = parse_facts(content)
    file = Archive(facts, {})
    if file.fact("kind") != "net":
        raise ValueError(f"it holds {facts['kind']!r}, not a net")
    if unknown := facts.keys() - _ENTRIES:
        raise ValueError(f"it has the unknown entry {min(unknown)!r}")
    dtype = check_dtype(file.fact("dtype"))
    arrays, layers = [], []
    for layer in _list("layers", file.fact("layers")):
        if not isinstance(layer, dict) or not isinstance(layer.get("type"), str):
            raise ValueError('one of its layers has no "type"')
        name = layer["type"]
        names = _ARRAYS.get(name, ())
        if set(layer) != {"type", "arguments", *names}:
            raise ValueError(f"its layer {name!r} has the entries {list(layer)}")
        arguments = _list(f"arguments of {name}", layer["arguments"])
        if names and [*map(type, arguments)] != [int, int]:
            raise ValueError(f"its {name} has the sizes {arguments}, not two integers")
        for array, shape in zip(names, (arguments, arguments[1:]), strict=False):
            arrays.append(_array(f"{array} of {name}", layer[array], shape, dtype))
        layers.append([name, arguments])
    found = {"theta": np.concatenate([np.empty(0, dtype), *arrays])}
    if "classes" in facts:
        found["classes"] = _classes(file.fact("classes_dtype"), facts["classes"])
    return Archive(facts | {"layers": layers}, found)


def _too_large(content: bytes) -> str | None:
    """Return why a file is too large, or None."""
    if len(content) > _MAX_BYTES:
        return f"it has more than {_MAX_BYTES:,} bytes"
    if (n := content.count(b",")) > _MAX_NUMBERS:
        return f"it has {n:,} numbers, more than {_MAX_NUMBERS:,}"
    if (n := content.count(b"[") + content.count(b"{")) > _MAX_LISTS:
        return f"it has {n:,} lists, more than {_MAX_LISTS:,}"
    return None


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"its {name} are not a list")
    return value


def _array(name: str, value: Any, shape: list[Any], dtype: np.dtype[Any]) -> Array:
    """Return a row of numbers, or rows one after another, as an array (n,)."""
    rows: Iterable[Any] = [value]
    if len(shape) == 2:
        rows = _list(name, value)
        if len(value) != shape[0]:
            raise ValueError(f"its {name} have {len(value)} rows, not {shape[0]}")
    for row in rows:
        if len(_list(name, row)) != shape[-1]:
            raise ValueError(f"its {name} have a row that has not {shape[-1]} numbers")
    flat = list(chain.from_iterable(rows))
    if not {*map(type, flat)} <= {int, float}:
        raise ValueError(f"its {name} are not all numbers")
    with np.errstate(over="ignore"):  # `fastnn.load` refuses what is infinite
        return np.array(flat, np.float64).astype(dtype)


def _check_lengths(labels: list[Any]) -> None:
    """Raise ValueError for labels that take much more memory than their text."""
    texts = [label for label in labels if isinstance(label, str)]
    # NumPy takes as much for each string as for the longest one.
    if len(texts) * max(map(len, texts), default=0) > _MAX_BYTES:
        raise ValueError("its labels are too long: use shorter ones")


def _classes(dtype: Any, values: Any) -> Array:
    """Return the labels of the classes; which ones are allowed is checked later."""
    if dtype not in _LABELS:
        raise ValueError(f"its labels have the unknown dtype {dtype!r}")
    wrong = ValueError(f"its labels are not all of dtype {dtype}")
    is_text = dtype in ("str", "bytes")
    kind = str if is_text else type(np.zeros(1, dtype).item())
    if not {*map(type, _list("classes", values))} <= {kind}:
        raise wrong
    _check_lengths(values)
    try:
        if dtype == "bytes":
            values = [value.encode("latin-1") for value in values]
        classes = np.array(values, dtype)
    except (UnicodeEncodeError, OverflowError):
        raise wrong from None
    if classes.tolist() != values:
        raise wrong
    return classes
