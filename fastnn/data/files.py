"""Atomic writes, and .npz archives of plain arrays without pickle."""

import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Array

_FORMAT = 1
# Kinds of files: a noun for messages, and the function that reads it.
_KINDS = {
    "net": ("a net", "fastnn.load"),
    "runs": ("a Runs", "fastnn.Runs.load"),
    "part": ("a part of a sweep", "fit_many, by store="),
}


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path`; if that fails, the old file stays as it was."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(
            f"cannot write the file {target}: a folder has that name"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write the file {target}: the folder {target.parent} does not exist"
        )
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):  # it names the temporary file, not this one
            raise type(error)(
                f"cannot write the file {target}: {error.strerror or error}"
            ) from error
        raise


@dataclass(frozen=True, eq=False)
class Archive:
    """Content of a file: facts (whatever JSON holds) and arrays, by name."""

    facts: dict[str, Any]
    arrays: dict[str, Array]

    def fact(self, name: str) -> Any:
        """Return a fact; ValueError if it is missing."""
        if name not in self.facts:
            raise ValueError(f"it has no {name}")
        return self.facts[name]

    def any_array(self, name: str) -> Array:
        """Return an array of whatever shape and dtype; ValueError if it is missing."""
        if name not in self.arrays:
            raise ValueError(f"it has no {name}")
        return self.arrays[name]

    def array(
        self, name: str, shape: tuple[int | None, ...], dtype: Any = "float64"
    ) -> Array:
        """Return an array; ValueError if it is missing, or of another shape or dtype.

        None in the shape allows any length of at least 1.
        """
        array = self.any_array(name)
        fits = array.ndim == len(shape) and all(
            size > 0 if expected is None else size == expected
            for size, expected in zip(array.shape, shape, strict=True)
        )
        if not fits or array.dtype != np.dtype(dtype):
            raise ValueError(
                f"its {name} has shape {array.shape} and dtype {array.dtype}"
            )
        return array


def write_archive(path: str | os.PathLike[str], kind: str, archive: Archive) -> None:
    """Write an archive of one kind, "net" or "runs"; on failure the old file stays.

    The file is a .npz of plain arrays. The facts are one of them, as JSON text under
    the kind's name.
    """
    facts = {"format": _FORMAT, **archive.facts}
    arrays: Mapping[str, Any] = {kind: np.array(json.dumps(facts)), **archive.arrays}
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_atomically(path, content.getvalue())


@contextmanager
def reading_archive(path: str | os.PathLike[str], kind: str) -> Iterator[Archive]:
    """Read what `write_archive` wrote, in a `with` block that checks the content.

    Any error but OSError, also one raised in the block, becomes a ValueError that names
    the file: damaged files fail in a dozen ways.
    """
    try:
        yield _read(path, kind)
    except OSError:
        raise
    except Exception as error:
        name, _ = _KINDS[kind]
        raise ValueError(
            f"{os.fspath(path)} is not {name} that this version of fastnn can read: "
            f"{error}"
        ) from None


def _read(path: str | os.PathLike[str], kind: str) -> Archive:
    content = Path(path).read_bytes()
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError("it is not a .npz file")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        if kind not in file:
            for other, (name, reader) in _KINDS.items():
                if other in file:
                    raise ValueError(f"it holds {name}, read it with {reader}")
            raise ValueError("it holds other arrays")
        facts = json.loads(str(file[kind]))
        arrays = {name: file[name] for name in file if name != kind}
    archive = Archive(facts, arrays)
    if (version := archive.fact("format")) != _FORMAT:
        raise ValueError(f"its format is {version}, and only {_FORMAT} is known")
    return archive
