"""Zips of plain arrays (.npz), read without believing what they claim.

A member is read only when somebody asks for it, and only if the size in its own header
is the one in the table of contents. All that is read together may be hardly larger than
the file. So what a file claims allocates nothing, and what it hides is not unpacked.
"""

import io
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .. import kernels
from .arrays import Array
from .machine import check_memory

# Limits: characters of a string; number of arrays; bytes by which arrays that are
# compressed may be larger than the file.
_MAX_TEXT, _MAX_ARRAYS, _MAX_GROWTH = 10_000, 64, 2**25
_CHUNK = 2**20  # bytes that are read at once

# The header of a .npy file, as NumPy writes it, for numbers, booleans and strings.
_HEADER = re.compile(
    r"\{'descr': '([<>|](?:b1|[iu][1248]|f[248]|[SU][1-9]\d{0,6}))', "
    r"'fortran_order': (True|False), 'shape': \((|\d+,|\d+(?:, \d+)+)\), \} *\n"
)


class Header(NamedTuple):
    """What a .npy file says of its array; the numbers begin at `start`."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def n_characters(self) -> int:
        """Length of the longest string that the array could hold."""
        width = {"S": 1, "U": 4}.get(self.dtype.kind)
        return self.dtype.itemsize // width if width else 0


class _Member:
    """An array in a zip, whose header and numbers wait until they are asked for."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self._archive, self._info = archive, info

    @cached_property
    def header(self) -> Header:
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
        header = Header(
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


class Npz(Mapping[str, Array]):
    """The arrays in a zip by name, each of which is read when it is first asked for.

    n_bytes: the limit of all arrays that are read together.
    """

    def __init__(self, members: dict[str, _Member], n_bytes: int) -> None:
        self._members, self._n_bytes = members, n_bytes
        self._read: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._read:
            header = self._members[name].header
            if header.n_characters > _MAX_TEXT:
                raise ValueError(
                    f"its {name} has strings of over {_MAX_TEXT:,} characters"
                )
            self._read[name] = self._checked(name)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def read(self) -> dict[str, Array]:
        """The arrays that were read until now."""
        return dict(self._read)

    def header(self, name: str) -> Header:
        """Return what the file says of an array, which is not read."""
        return self._members[name].header

    def pop_text(self, name: str, limit: int) -> str:
        """Read and forget a single string of up to `limit` characters."""
        header = self._members[name].header
        if header.shape or header.dtype.kind != "U":
            raise ValueError(f"its {name} is not text")
        if header.n_characters > limit:
            raise ValueError(f"its {name} has over {limit:,} characters")
        text = str(self._checked(name))
        del self._members[name]
        return text

    def _checked(self, name: str) -> Array:
        n_bytes = self._members[name].header.nbytes
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


def open_npz(stream: BinaryIO) -> Npz:
    """Read the table of contents of a zip that ends where the stream ends.

    It begins at the stream's position. ValueError for anything before or behind it.
    """
    begin, size = stream.tell(), stream.seek(0, os.SEEK_END)
    stream.seek(max(begin, size - 22))
    end = stream.read(22)
    # zipfile would skip bytes before a zip and after it.
    if not (end.startswith(b"PK\x05\x06") and end.endswith(b"\0\0")):
        raise ValueError("it is not a .npz file, or not all of one, or more than one")
    archive = zipfile.ZipFile(_Source(stream))
    infos = archive.infolist()
    # zipfile believes the lengths in an entry, which can skip the next one.
    if len(infos) != int.from_bytes(end[10:12], "little"):
        raise ValueError("its table of contents has another number of arrays")
    if len(infos) > _MAX_ARRAYS:
        raise ValueError(f"it has {len(infos):,} arrays")
    members = {
        info.filename.removesuffix(".npy"): _Member(archive, info) for info in infos
    }
    if len(members) < len(infos):
        raise ValueError("it has two arrays of one name")
    if min((info.header_offset for info in infos), default=begin) != begin:
        raise ValueError("it does not begin where its content begins")
    return Npz(members, size - begin + _MAX_GROWTH)


def plain(name: str, array: Any) -> Array:
    """Return an array in C order; ValueError for one that could not be read again."""
    array = np.asarray(array, order="C")
    header = Header(array.dtype, array.shape, False, 0)
    if array.dtype.kind not in "biufSU":
        raise ValueError(f"{name} has dtype {array.dtype}, which cannot be saved")
    if header.n_characters > _MAX_TEXT:
        raise ValueError(
            f"{name} has strings of over {_MAX_TEXT:,} characters, which cannot be "
            "saved: use shorter ones"
        )
    return array


def pack(arrays: Mapping[str, Array]) -> memoryview:
    """Return the content of a .npz file, in which arrays are not compressed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, array in arrays.items():
            # A signal that comes when an entry was begun would become a ValueError, as
            # a zip cannot be closed then.
            with (
                kernels.interrupts.deferred,
                file.open(f"{name}.npy", "w", force_zip64=True) as member,
            ):
                np.lib.format.write_array(member, array, allow_pickle=False)
    return content.getbuffer()
