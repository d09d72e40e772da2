"""Machine code on disk: a file per function and signature, valid for its exact sources.

Numba's own cache checks only a function's own file, and raises if a folder or file is
unusable. Here the key covers every file of this package, and any failure costs a
recompilation and one log line. The files are pickles, so the folder must belong to the
user alone: a folder that others own or can write is not used.
"""

import hashlib
import logging
import os
import pickle
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult

log = logging.getLogger("fastnn")
# how many kernels this process "loaded" and "compiled"
counts: Counter[str] = Counter()


def folder() -> Path | None:
    """Return the folder for machine code, or None if the user has no home folder.

    It is $FASTNN_CACHE_DIR, else $NUMBA_CACHE_DIR/fastnn, else the user's cache folder.
    """
    if chosen := os.environ.get("FASTNN_CACHE_DIR"):
        return Path(chosen).expanduser().absolute()
    if shared := numba.config.CACHE_DIR:
        return Path(shared).absolute() / "fastnn"
    if os.name == "nt":
        home = os.environ.get("LOCALAPPDATA")
        return Path(home) / "fastnn" / "cache" if home else None
    if (xdg := os.environ.get("XDG_CACHE_HOME")) and os.path.isabs(xdg):
        return Path(xdg) / "fastnn"
    try:
        return Path.home() / ".cache" / "fastnn"
    except RuntimeError:
        return None


def digest() -> str:
    """Return a hash of what machine code depends on beyond Numba's own key."""
    settings = (
        "BOUNDSCHECK",
        "OPT",
        "LOOP_VECTORIZE",
        "SLP_VECTORIZE",
        "DEBUGINFO_DEFAULT",
        "ENABLE_AVX",
        "USING_SVML",
    )
    versions = [
        sys.implementation.cache_tag,
        np.__version__,
        numba.__version__,
        llvmlite.__version__,
    ]
    state = hashlib.sha256(repr(versions).encode())
    state.update(
        repr([str(getattr(numba.config, name, None)) for name in settings]).encode()
    )
    package = Path(__file__).parent.parent
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        state.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return state.hexdigest()


# The sources being imported: the package imports all of them together with this file.
_IMPORTED = digest()


@cache
def _usable(path: Path) -> bool:
    """Return whether `path` is, or became, a folder that only this user can write."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        log.warning("compiled code is not stored: %s", error)
        return False
    if os.name == "posix" and (
        status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        log.warning(
            "compiled code is not stored: %s is a link, or owned or writable by others",
            path,
        )
        return False
    return True


def usable_folder() -> Path | None:
    """Return `folder`, or None if machine code cannot be stored there."""
    chosen = folder()
    return chosen if chosen is not None and _usable(chosen) else None


class KernelCache(NullCache):  # type: ignore[misc]
    """The cache of one kernel, with the interface that Numba's dispatcher calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"

    def _file(self, signature: Any, target: Any) -> Path | None:
        root = usable_folder()
        if root is None:
            return None
        if digest() != _IMPORTED:
            log.warning(
                "compiled code is not stored: the kernels' sources have changed since "
                "they were imported"
            )
            return None
        key = repr((_IMPORTED, self._name, signature, target.codegen().magic_tuple()))
        return (
            root / f"{self._name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.bin"
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the stored code for a signature, or None."""
        target_context.refresh()
        try:
            file = self._file(sig, target_context)
            if file is None or not file.exists():
                return None
            content = file.read_bytes()
            if hashlib.sha256(content[32:]).digest() != content[:32]:
                log.warning("compiled code in %s is damaged: compiling again", file)
                return None
            code = CompileResult._rebuild(target_context, *pickle.loads(content[32:]))
            counts["loaded"] += 1
            return code
        # whatever the error is, compiling again repairs it
        except Exception as error:
            log.warning("compiled code of %s could not be read: %s", self._name, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store the code for a signature, atomically."""
        temporary = None
        counts["compiled"] += 1
        try:
            file = self._file(sig, data.target_context)
            if file is None or not self._can_be_stored(data):
                return
            content = pickle.dumps(data._reduce())
            with tempfile.NamedTemporaryFile(
                dir=file.parent, prefix=".new-", delete=False
            ) as stream:
                temporary = stream.name
                stream.write(hashlib.sha256(content).digest() + content)
            os.replace(temporary, file)
        # a full or read-only disk must not stop the training
        except Exception as error:
            log.warning(
                "compiled code of %s could not be stored: %s", self._name, error
            )
            if temporary is not None:
                with suppress(OSError):
                    os.unlink(temporary)

    def _can_be_stored(self, data: Any) -> bool:
        """Return False for code with addresses of this process, as Numba does."""
        if not data.library.has_dynamic_globals and all(
            lifted.can_cache for lifted in data.lifted
        ):
            return True
        log.warning(
            "compiled code of %s is not stored: it depends on addresses in memory",
            self._name,
        )
        return False
