"""Nets in files: one .npz of plain arrays, with no pickle in it."""

import io
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .activations import Identity, ReLU, Sigmoid, Softmax, Tanh
from .arrays import Array
from .files import write_whole
from .layers import Affine, Layer, MatMul, Weighted
from .rows import Repeat, Sum

_FORMAT = 1
_LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer for layer in (Affine, MatMul, Sigmoid, Tanh, ReLU, Identity, Softmax, Repeat, Sum)
}


def write(
    path: str | os.PathLike[str], layers: Sequence[Layer], loss: str, theta: Array, classes: Array | None
) -> None:
    """Write a net to `path` whole, or leave what is there."""
    description = {"format": _FORMAT, "loss": loss, "layers": [_described(layer) for layer in layers]}
    arrays = {"net": np.array(json.dumps(description)), "theta": theta}
    if classes is not None:
        arrays["classes"] = classes
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())


def read(path: str | os.PathLike[str]) -> tuple[list[Layer], str, Array, Array | None]:
    """The layers, the loss, the parameters and the labels that `write` wrote; a damaged file raises what it may."""
    content = Path(path).read_bytes()
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError("it is no .npz file")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        description = json.loads(str(file["net"]))
        theta, classes = file["theta"], file.get("classes")
    if description["format"] != _FORMAT:
        raise ValueError(f"format {description['format']} is not known")
    layers = [_LAYERS[kind](*arguments) for kind, arguments in description["layers"]]
    return layers, description["loss"], theta, classes


def _described(layer: Layer) -> tuple[str, list[Any]]:
    """The layer's name and what its constructor takes."""
    kind = type(layer)
    if _LAYERS.get(kind.__name__) is not kind:
        raise TypeError(f"{layer!r} cannot be saved: {kind.__name__} is not one of fastnn's own layers")
    if isinstance(layer, Weighted):
        return kind.__name__, [layer.n_in, layer.n_out]
    return kind.__name__, [layer.n] if isinstance(layer, Repeat) else []
