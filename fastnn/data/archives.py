"""Archives: .npz files of plain arrays, from which a stranger can do no harm.

A file is a zip of .npy members. One of them, named after the kind of the file, holds
facts as JSON text; it is read first. The reader of the facts computes which shapes the
other arrays must have. An array is read only when somebody asks for it, and only if it
has the shape and the dtype asked for, so what a file claims allocates nothing.
"""

import errno
import hashlib
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .arrays import Array
from .files import open_regular, write_atomically, write_to_stream
from .machine import check_memory

_FORMAT = 1
# Kinds of files: a noun for messages, and the function that reads it.
_KINDS = {"net": ("a net", "fastnn.load"), "runs": ("a Runs", "fastnn.Runs.load")}
_CHECKSUM = "sha256"

# Limits of a file: characters of its facts, and of each string in an array; number of
# arrays; bytes by which arrays that are compressed may be larger than the file.
_MAX_FACTS, _MAX_TEXT, _MAX_ARRAYS, _MAX_GROWTH = 2**20, 10_000, 64, 2**25
_CHUNK = 2**20  # bytes that are read at once
_MAX_MESSAGE = 300  # characters

# Extensions that promise what a .npz file does not hold.
_OTHER_FORMATS = re.compile(
    r"\.(bin|c|cpp|csv|ckpt|feather|gguf|gif|gz|h|h5|hdf5|html|ipynb|jpe?g|joblib|json"
    r"|keras|mat|md|mlmodel|msgpack|net|npy|onnx|parquet|pb|pdf|pickle|pkl|png|pth?|py"
    r"|rds|safetensors|svg|tar|tflite|toml|tsv|txt|xlsx?|xml|ya?ml|zip)",
    re.IGNORECASE,
)

# The header of a .npy file, as NumPy writes it, for numbers, booleans and strings.
_HEADER = re.compile(
    r"\{'descr': '([<>|](?:b1|[iu][1248]|f[248]|U[1-9]\d{0,6}))', "
    r"'fortran_order': (True|False), 'shape': \((|\d+,|\d+(?:, \d+)+)\), \} *\n"
)

Target = str | os.PathLike[str] | BinaryIO


def write_archive(
    target: Target, kind: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]
) -> None:
    """Write facts (JSON values) and arrays, as a file of a kind: "net" or "runs".

    target: a path, or a binary file object. On failure an old file stays as it was.
    """
    if isinstance(target, str | os.PathLike):
        _check_extension(target)
    else:
        _check_stream(target, "write")
    plain = {name: _plain(name, array) for name, array in arrays.items()}
    facts = {"format": _FORMAT, **facts}
    text = json.dumps(facts | {_CHECKSUM: _checksum(facts, plain)}, allow_nan=False)
    if len(text) > _MAX_FACTS:
        raise ValueError(
            f"the description has {len(text):,} characters, but a file may have at "
            f"most {_MAX_FACTS:,}: save a net with fewer layers"
        )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in {kind: np.array(text), **plain}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    if isinstance(target, str | os.PathLike):
        write_atomically(target, content.getbuffer())
    else:
        write_to_stream(target, content.getbuffer())


@contextmanager
def reading_archive(source: Target, kind: str) -> Iterator["Archive"]:
    """Read what `write_archive` wrote, in a `with` block that checks the content.

    Any error but OSError, also one raised in the block, becomes a ValueError that names
    the file: damaged files fail in a dozen ways. Content that the block did not ask
    for, or that is not what was written, is refused at its end.
    """
    if not isinstance(source, str | os.PathLike):
        _check_stream(source, "read")
    try:
        with _opened(source) as stream:
            archive = _open_archive(stream, kind)
            yield archive
            archive.check_complete()
    except Exception as error:
        # A place that a damaged file names, and that does not exist, is EINVAL.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        noun, _ = _KINDS[kind]
        # The message may quote the file, which may hold a novel.
        raise ValueError(
            f"{_named(source)} is not {noun} that this version of fastnn can read: "
            f"{str(error)[:_MAX_MESSAGE] or type(error).__name__}"
        ) from None


class _Member:
    """An array in a zip, whose header and numbers wait until they are asked for."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self._archive, self._info = archive, info

    @cached_property
    def header(self) -> "_Header":
        """The header; ValueError unless its claims fit the size of the member."""
        name = repr(self._info.filename)
        if self._info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed in an unknown way")
        with self._archive.open(self._info) as stream:
            magic = stream.read(10)
            length = int.from_bytes(magic[8:], "little")
            found = _HEADER.fullmatch(stream.read(length).decode("latin-1"))
        if magic[:8] != b"\x93NUMPY\x01\x00" or found is None:
            raise ValueError(f"{name} is not a plain array")
        dtype, fortran, shape = found.groups()
        header = _Header(
            np.dtype(dtype),
            tuple(int(size) for size in shape.split(",") if size),
            fortran == "True",
            start=len(magic) + length,
        )
        sizes = {header.start + header.nbytes, self._info.file_size}
        if self._info.compress_type == zipfile.ZIP_STORED:
            sizes.add(self._info.compress_size)
        if len(sizes) > 1:
            raise ValueError(f"{name} does not have the size that it claims")
        return header

    def read(self) -> Array:
        """Return the array, in C order and in the machine's order of bytes."""
        header, name = self.header, repr(self._info.filename)
        shape = header.shape[::-1] if header.fortran else header.shape
        array = np.empty(shape, header.dtype)
        rest = array.reshape(-1).view(np.uint8)
        with self._archive.open(self._info) as stream:
            stream.read(header.start)
            while rest.size:
                part = np.frombuffer(stream.read(min(rest.size, _CHUNK)), np.uint8)
                if not part.size:
                    raise ValueError(f"{name} is cut off")
                rest[: part.size] = part
                rest = rest[part.size :]
            if stream.read(1):  # zipfile compares checksums where the member ends
                raise ValueError(f"{name} is too long")
        if header.fortran:
            array = np.ascontiguousarray(array.T)
        return array.astype(header.dtype.newbyteorder("="), copy=False)


class _Header(NamedTuple):
    """What a .npy file says of its array; the numbers begin at `start`."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class Archive:
    """Content of a file: facts (whatever JSON holds) and arrays, by name.

    n_bytes: the limit of all arrays that are read together.
    """

    def __init__(
        self,
        facts: dict[str, Any],
        members: Mapping[str, _Member],
        n_bytes: int = _MAX_GROWTH,
    ) -> None:
        self._facts, self._members, self._n_bytes = facts, members, n_bytes
        self._arrays: dict[str, Array] = {}  # those that were read

    def __contains__(self, name: str) -> bool:
        """Return True if the file has an array of this name."""
        return name in self._members

    def fact(self, name: str) -> Any:
        """Return a fact; ValueError if it is missing."""
        if name not in self._facts:
            raise ValueError(f"it has no {name}")
        return self._facts[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape that an array claims; ValueError if it is missing."""
        return self._header(name).shape

    def dtype(self, name: str) -> np.dtype[Any]:
        """Return the dtype of an array; ValueError if it is missing."""
        return self._header(name).dtype.newbyteorder("=")

    def array(
        self, name: str, shape: tuple[int | None, ...], dtype: Any = "float64"
    ) -> Array:
        """Return an array; ValueError if it is missing, or of another shape or dtype.

        None in the shape allows any length of at least 1. The array is the caller's.
        """
        claimed, actual = self.shape(name), self.dtype(name)
        fits = len(claimed) == len(shape) and all(
            size > 0 if expected is None else size == expected
            for size, expected in zip(claimed, shape, strict=True)
        )
        if not fits or actual != np.dtype(dtype):
            raise ValueError(f"its {name} has shape {claimed} and dtype {actual}")
        if actual.kind == "U" and actual.itemsize > 4 * _MAX_TEXT:
            raise ValueError(f"its {name} has strings of over {_MAX_TEXT:,} characters")
        if name not in self._arrays:
            self._arrays[name] = self._read(name)
        return self._arrays[name]

    def check_complete(self) -> None:
        """Raise ValueError unless all that was read is all that was written."""
        if unknown := self._members.keys() - self._arrays.keys():
            raise ValueError(f"it has an unknown {min(unknown)!r}")
        facts = dict(self._facts)
        checksum = facts.pop(_CHECKSUM, None)  # files of version 0.1.0 have none
        if checksum is not None and checksum != _checksum(facts, self._arrays):
            raise ValueError("its content has changed since it was written")

    def _header(self, name: str) -> _Header:
        if name not in self._members:
            raise ValueError(f"it has no {name}")
        return self._members[name].header

    def _read(self, name: str) -> Array:
        n_bytes = self._header(name).nbytes
        self._n_bytes -= n_bytes
        if self._n_bytes < 0:
            raise ValueError(f"its {name} unpacks to many times the size of the file")
        check_memory(n_bytes, f"its {name} takes", "load it on a larger machine")
        array = self._members[name].read()
        # NumPy trusts that these values are valid, in indices and in comparisons.
        units = {"b": (np.uint8, 1), "U": (np.uint32, 0x10FFFF)}.get(array.dtype.kind)
        if units and array.reshape(-1).view(units[0]).max(initial=0) > units[1]:
            raise ValueError(f"its {name} has values that are not valid")
        return array


class _Source:
    """File for zipfile, which reads a directory at once, however long it says it is."""

    def __init__(self, stream: BinaryIO) -> None:
        self.seek, self.tell = stream.seek, stream.tell
        self.seekable, self._read = stream.seekable, stream.read

    def read(self, size: int = -1) -> bytes:
        content = self._read(min(size, _CHUNK + 1) if size >= 0 else _CHUNK + 1)
        if len(content) > _CHUNK:
            raise ValueError("its table of contents is too long")
        return content


def _open_archive(stream: BinaryIO, kind: str) -> Archive:
    """Read the table of contents, the arrays' headers, and the facts."""
    begin, size = stream.tell(), stream.seek(0, os.SEEK_END)
    stream.seek(max(begin, size - 22))
    end = stream.read(22)
    # zipfile would skip bytes before a zip and after it.
    if not (end.startswith(b"PK\x05\x06") and end.endswith(b"\0\0")):
        raise ValueError("it is not a .npz file, or not all of one, or more than one")
    archive = zipfile.ZipFile(_Source(stream))
    infos = {info.filename: info for info in archive.infolist()}
    if len(infos) < len(archive.infolist()):
        raise ValueError("it has two arrays of one name")
    if len(infos) > _MAX_ARRAYS:
        raise ValueError(f"it has {len(infos):,} arrays")
    if min((info.header_offset for info in infos.values()), default=begin) != begin:
        raise ValueError("it does not begin where its content begins")
    if f"{kind}.npy" not in infos:
        for other, (noun, reader) in _KINDS.items():
            if f"{other}.npy" in infos:
                raise ValueError(f"it holds {noun}, read it with {reader}")
        raise ValueError("it holds other arrays")
    facts = _facts(_Member(archive, infos.pop(f"{kind}.npy")))
    members = {
        name.removesuffix(".npy"): _Member(archive, info)
        for name, info in infos.items()
    }
    return Archive(facts, members, size - begin + _MAX_GROWTH)


def _facts(member: _Member) -> dict[str, Any]:
    """Read the facts; ValueError for values that JSON does not define."""
    if member.header.shape or member.header.dtype.kind != "U":
        raise ValueError("its description is not text")
    if member.header.nbytes > 4 * _MAX_FACTS:
        raise ValueError(f"its description has over {_MAX_FACTS:,} characters")
    text = str(member.read())
    facts = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    if not isinstance(facts, dict):
        raise ValueError("its description has no names")
    if (version := facts.get("format")) != _FORMAT:
        raise ValueError(f"its format is {version!r}, and only {_FORMAT} is known")
    return facts


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


def _plain(name: str, array: Any) -> Array:
    """Return an array in C order, if it is one that can be loaded."""
    plain = np.ascontiguousarray(array).reshape(np.shape(array))
    if plain.dtype.kind not in "biufU":
        raise ValueError(f"{name} has dtype {plain.dtype}, which cannot be saved")
    if plain.dtype.kind == "U" and plain.dtype.itemsize > 4 * _MAX_TEXT:
        raise ValueError(
            f"{name} has strings of over {_MAX_TEXT:,} characters, which cannot be "
            "saved: use shorter ones"
        )
    return plain


def _check_extension(path: str | os.PathLike[str]) -> None:
    extension = Path(path).suffix
    if _OTHER_FORMATS.fullmatch(extension):
        raise ValueError(
            f"cannot write the file {os.fspath(path)}: it would be a .npz file, and "
            f"{extension} promises another format: choose a name that ends in .npz"
        )


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
