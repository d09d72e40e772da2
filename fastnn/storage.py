"""Nets in files: one .npz of plain arrays, with no pickle in it."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import write_whole
from .layers import LAYERS, Layer, Repeat, Weighted

if TYPE_CHECKING:
    from .model import Sequential

_FORMAT = 1


def save(net: Sequential, path: str | os.PathLike[str]) -> None:
    """Write the net to `path` whole, or leave what is there."""
    layers = [_described(layer) for layer in net.layers]
    description = {"format": _FORMAT, "loss": net.loss.name, "layers": layers}
    arrays = {"net": np.array(json.dumps(description)), "theta": net.theta}
    if net.classes is not None:
        arrays["classes"] = net.classes
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())


def load(path: str | os.PathLike[str]) -> Sequential:
    """The net that `Sequential.save` wrote to `path`: same architecture, parameters, labels and dtype."""
    from .model import Sequential

    content = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            description = json.loads(str(file["net"]))
            theta = file["theta"]
            classes = file.get("classes")
        if description["format"] != _FORMAT:
            raise ValueError(f"format {description['format']} is not known")
        layers = [LAYERS[kind](*arguments) for kind, arguments in description["layers"]]
        net = Sequential(layers, description["loss"], init="zeros", dtype=theta.dtype)
        net.theta = theta
    except (KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)} is not a net that this version of fastnn saved: {error}") from None
    net.classes = classes
    return net


def _described(layer: Layer) -> tuple[str, list[Any]]:
    """The layer's name and what its constructor takes."""
    kind = type(layer)
    if LAYERS.get(kind.__name__) is not kind:
        raise TypeError(f"{layer!r} cannot be saved: {kind.__name__} is not one of fastnn's own layers")
    if isinstance(layer, Weighted):
        return kind.__name__, [layer.n_in, layer.n_out]
    return kind.__name__, [layer.n] if isinstance(layer, Repeat) else []
