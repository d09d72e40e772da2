"""Archives: the files of nets and runs, which hold facts and plain arrays.

A file is a .npz. One of its arrays, named after the kind of the file, holds the facts
as JSON text; it is read first. The reader of the facts computes the shapes that the
other arrays must have, and an array is read only if it has the shape asked for.
"""

import errno
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .arrays import Array
from .files import open_regular, write_atomically, write_to_stream
from .npz import Npz, open_npz, pack, plain

FORMAT = 1
# Kinds of files: a noun for messages, and the function that reads it.
_KINDS = {
    "net": ("a net", "fastnn.load"),
    "runs": ("a Runs", "fastnn.Runs.load"),
    "ensemble": ("an ensemble", "fastnn.load"),
    "part": ("a part of a sweep", "fit_many(store=...)"),
    "checkpoint": ("a checkpoint", "fit(checkpoint=...)"),
}
_CHECKSUM = "sha256"
_MAX_FACTS, _MAX_MESSAGE = 2**20, 300  # characters

# Extensions that promise a format.
_FORMATS = re.compile(
    r"\.(bin|c|cpp|csv|ckpt|feather|gguf|gif|gz|h|h5|hdf5|html|ipynb|jpe?g|joblib|json"
    r"|keras|mat|md|mlmodel|msgpack|net|np[yz]|onnx|parquet|pb|pdf|pickle|pkl|png|pth?"
    r"|py|rds|safetensors|svg|tar|tflite|toml|tsv|txt|xlsx?|xml|ya?ml|zip)",
    re.IGNORECASE,
)

Target = str | os.PathLike[str] | BinaryIO


class BelongsElsewhereError(ValueError):
    """A file that can be read, but belongs to something else."""


@dataclass(frozen=True, eq=False)
class Archive:
    """Content of a file: facts (whatever JSON holds) and arrays, by name."""

    facts: dict[str, Any]
    arrays: Mapping[str, Array]
    kind: str = ""  # of a file that was read

    def fact(self, name: str) -> Any:
        """Return a fact; ValueError if it is missing."""
        if name not in self.facts:
            raise ValueError(f"it has no {name}")
        return self.facts[name]

    def dtype(self, name: str) -> np.dtype[Any]:
        """Return the dtype of an array, which is not read; ValueError if missing."""
        return self._header(name)[0]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array, which is not read; ValueError if missing."""
        return self._header(name)[1]

    def array(
        self, name: str, shape: tuple[int | None, ...], dtype: Any = "float64"
    ) -> Array:
        """Return an array; ValueError if it is missing, or of another shape or dtype.

        None in the shape allows any length of at least 1. Only an array that fits is
        read.
        """
        actual_dtype, actual = self._header(name)
        fits = len(actual) == len(shape) and all(
            size > 0 if expected is None else size == expected
            for size, expected in zip(actual, shape, strict=True)
        )
        if not fits or actual_dtype != np.dtype(dtype):
            raise ValueError(f"its {name} has shape {actual} and dtype {actual_dtype}")
        return self.arrays[name]

    def _header(self, name: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
        if name not in self.arrays:
            raise ValueError(f"it has no {name}")
        if isinstance(self.arrays, Npz):
            header = self.arrays.header(name)
            return header.dtype.newbyteorder("="), header.shape
        return self.arrays[name].dtype, self.arrays[name].shape


def write_archive(target: Target, kind: str, archive: Archive) -> None:
    """Write an archive as a file of a kind, such as "net" or "runs".

    target: a path, or a binary file object. On failure an old file stays as it was.
    """
    check_target(target, ".npz")
    arrays = {name: plain(name, array) for name, array in archive.arrays.items()}
    facts = {"format": FORMAT, **archive.facts}
    text = json.dumps(facts | {_CHECKSUM: _checksum(facts, arrays)}, allow_nan=False)
    if len(text) > _MAX_FACTS:
        raise ValueError(
            f"the description has {len(text):,} characters, but a file may have at "
            f"most {_MAX_FACTS:,}: save a net with fewer layers"
        )
    write_content(target, pack({kind: np.array(text), **arrays}))


def check_target(target: Target, *extensions: str) -> None:
    """Raise an error if nothing can be written to a target, or not this format.

    extensions: those of the format, such as ".npz", the usual one first.
    """
    if not isinstance(target, str | os.PathLike):
        _check_stream(target, "write")
        return
    extension = Path(target).suffix
    if extension.lower() in extensions:
        return
    if _FORMATS.fullmatch(extension):
        raise ValueError(
            f"cannot write the file {os.fspath(target)}: it would be a {extensions[0]} "
            f"file, and {extension} promises another format: choose a name that ends "
            f"in {extensions[0]}"
        )


def write_content(target: Target, content: bytes | memoryview) -> None:
    """Write to a path or to a binary file object, which `check_target` has checked."""
    if isinstance(target, str | os.PathLike):
        write_atomically(target, content)
    else:
        write_to_stream(target, content)


@contextmanager
def reading_archive(
    source: Target,
    *kinds: str,
    from_text: Callable[[BinaryIO], Archive] | None = None,
) -> Iterator[Archive]:
    """Read what `write_archive` wrote, in a `with` block that checks the content.

    kinds: one or several, of which the file must have one. from_text makes an archive
    of a file that is not a .npz and begins with a brace.
    Any error but OSError and BelongsElsewhereError, also one raised in the block,
    becomes a ValueError that names the file: damaged files fail in a dozen ways.
    Content that the block did not ask for, or that is not what was written, is refused
    at its end.
    """
    if not isinstance(source, str | os.PathLike):
        _check_stream(source, "read")
    try:
        with _opened(source) as stream:
            if from_text is not None and _begins_with_brace(stream):
                yield from_text(stream)
                return
            kind, facts, npz = _open(stream, kinds)
            checksum = facts.pop(_CHECKSUM, None)  # files of version 0.1.0 have none
            yield Archive(facts, npz, kind)
            if unknown := npz.keys() - npz.read.keys():
                raise ValueError(f"it has an unknown {min(unknown)!r}")
            if checksum is not None and checksum != _checksum(facts, npz.read):
                raise ValueError("its content has changed since it was written")
    except BelongsElsewhereError:
        raise
    except Exception as error:
        # A place that a damaged file names, and that does not exist, is EINVAL.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        noun = " or ".join(_KINDS[kind][0] for kind in kinds)
        # The message may quote the file, which may hold a novel.
        raise ValueError(
            f"{_named(source)} is not {noun} that this version of fastnn can read: "
            f"{str(error)[:_MAX_MESSAGE] or type(error).__name__}"
        ) from None


def _open(stream: BinaryIO, kinds: tuple[str, ...]) -> tuple[str, dict[str, Any], Npz]:
    """Read the table of contents, and with it the kind, and the facts."""
    npz = open_npz(stream)
    kind = next((kind for kind in kinds if kind in npz), None)
    if kind is None:
        for other, (noun, reader) in _KINDS.items():
            if other in npz:
                raise ValueError(f"it holds {noun}, read it with {reader}")
        raise ValueError("it holds other arrays")
    return kind, parse_facts(npz.pop_text(kind, _MAX_FACTS)), npz


def parse_facts(text: str | bytes) -> dict[str, Any]:
    """Return the facts that JSON text describes; ValueError for an unknown format."""
    facts = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    if not isinstance(facts, dict):
        raise ValueError("its description has no names")
    if (version := facts.get("format")) != FORMAT:
        raise ValueError(f"its format is {version!r}, and only {FORMAT} is known")
    return facts


def _begins_with_brace(stream: BinaryIO) -> bool:
    begin = stream.tell()
    # editors may put a mark of the encoding and space before it
    first = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    stream.seek(begin)
    return first == b"{"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    facts = dict(pairs)
    if len(facts) < len(pairs):
        raise ValueError("its description says something twice")
    return facts


def _refused(constant: str) -> None:
    raise ValueError(f"its description has {constant}, which is no number")


def _checksum(facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """Return a hash of facts, and of names, dtypes, shapes and values of arrays."""
    state = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        # in the same order of bytes on all machines
        little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        state.update(f"\n{name} {little.dtype.str} {little.shape}\n".encode())
        state.update(little.reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def _check_stream(stream: Any, method: str) -> None:
    if not hasattr(stream, method) or isinstance(stream, io.TextIOBase):
        raise TypeError(f"pass a path or a binary file object, not {stream!r}")


def _named(source: Target) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else repr(source)


@contextmanager
def _opened(source: Target) -> Iterator[BinaryIO]:
    """Open a path; a file object is used as it is, and stays open."""
    if isinstance(source, str | os.PathLike):
        with open_regular(source) as stream:
            yield stream
        return
    if not source.seekable():
        raise ValueError("it cannot seek: pass io.BytesIO(file.read())")
    yield source
