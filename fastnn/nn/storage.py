"""Nets, and many of one architecture, in files: one .npz of plain arrays, with no pickle in it."""

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import Array
from ..data.files import write_atomically
from .activations import Identity, ReLU, Sigmoid, Softmax, Tanh
from .layers import Affine, Layer, MatMul, Repeat, Sum, Weighted

if TYPE_CHECKING:
    from ..model import Sequential

_FORMAT = 1
_LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (Affine, MatMul, Sigmoid, Tanh, ReLU, Identity, Softmax, Repeat, Sum)
}
_KINDS = {
    "net": ("a net", "fastnn.load"),
    "runs": ("a Runs", "fastnn.Runs.load"),
}  # what a file holds, and its reader


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds: the layers, the loss's name, the labels, and what else was given to `write`."""

    layers: list[Layer]
    loss: str
    classes: Array | None
    facts: dict[str, Any]
    arrays: dict[str, Array]

    def array(
        self, name: str, shape: tuple[int | None, ...], dtype: Any = "float64"
    ) -> Array:
        """An array of this shape, where None is any length from 1 on, and of this dtype."""
        if name not in self.arrays:
            raise ValueError(f"it has no {name}")
        found = self.arrays[name]
        fits = found.ndim == len(shape) and all(
            size > 0 if wanted is None else size == wanted
            for size, wanted in zip(found.shape, shape, strict=True)
        )
        if not fits or found.dtype != np.dtype(dtype):
            raise ValueError(
                f"its {name} has the shape {found.shape} and dtype {found.dtype}"
            )
        return found


def write(
    path: str | os.PathLike[str],
    kind: str,
    net: "Sequential",
    arrays: Mapping[str, Array],
    **facts: float | None,
) -> None:
    """Write a net's architecture and labels, arrays and facts to `path` whole, or leave what is there.

    kind is "net" or "runs".
    """
    layers = [_described(layer) for layer in net.layers]
    description = {"format": _FORMAT, "loss": net.loss.name, "layers": layers, **facts}
    named = {kind: np.array(json.dumps(description)), **arrays}
    if net.classes is not None:
        named["classes"] = net.classes
    content = io.BytesIO()
    np.savez(content, **named)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())


@contextmanager
def reading(path: str | os.PathLike[str], kind: str) -> Iterator[Saved]:
    """What `write` wrote. Whatever else the file turns out to be, also in the caller's block, raises ValueError."""
    try:
        yield _read(path, kind)
    except OSError:
        raise
    except Exception as error:  # damaged files fail in a dozen ways
        what, _ = _KINDS[kind]
        raise ValueError(
            f"{os.fspath(path)} is not {what} that this version of fastnn saved: {error}"
        ) from None


def _read(path: str | os.PathLike[str], kind: str) -> Saved:
    content = Path(path).read_bytes()
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError("it is no .npz file")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        if kind not in file:
            for other, (what, reader) in _KINDS.items():
                if other in file:
                    raise ValueError(f"it is {what}, use {reader}")
            raise ValueError("it has other arrays")
        facts = json.loads(str(file[kind]))
        arrays = {name: file[name] for name in file if name != kind}
    if (found := facts.pop("format")) != _FORMAT:
        raise ValueError(f"format {found} is not known")
    layers = [_LAYERS[name](*arguments) for name, arguments in facts.pop("layers")]
    return Saved(layers, facts.pop("loss"), arrays.pop("classes", None), facts, arrays)


def _described(layer: Layer) -> tuple[str, list[Any]]:
    """The layer's name and what its constructor takes."""
    kind = type(layer)
    if _LAYERS.get(kind.__name__) is not kind:
        raise TypeError(
            f"{layer!r} cannot be saved: {kind.__name__} is not one of fastnn's own layers"
        )
    if isinstance(layer, Weighted):
        return kind.__name__, [layer.n_in, layer.n_out]
    return kind.__name__, [layer.n] if isinstance(layer, Repeat) else []
