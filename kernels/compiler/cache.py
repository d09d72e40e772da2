"""Machine code on disk: a file per function and signature, valid for its exact sources.

Numba's own cache checks only a function's own file, and raises if a folder or file is
unusable. Here the key covers every file of this package, and any failure costs a
recompilation and one log line.
"""

import hashlib
import logging
import pickle
import pkgutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult

from .store import folder as folder
from .store import open_folder

log = logging.getLogger("fastnn")
# how many kernels this process "loaded" and "compiled"
counts: Counter[str] = Counter()

_PACKAGE = Path(__file__).parent.parent


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
    # The package above this one has the version; it may be imported under any name.
    whole = sys.modules.get(__name__.partition(".")[0])
    versions = [
        getattr(whole, "__version__", ""),
        sys.implementation.cache_tag,
        getattr(sys, "abiflags", ""),
        sys.flags.optimize,
        np.__version__,
        numba.__version__,
        llvmlite.__version__,
    ]
    state = hashlib.sha256(repr(versions).encode())
    state.update(
        repr([str(getattr(numba.config, name, None)) for name in settings]).encode()
    )
    for name, content in _files():
        state.update(name.encode() + b"\0" + content + b"\0")
    return state.hexdigest()


def _files() -> Iterator[tuple[str, bytes]]:
    """Yield the package's sources, and bytecode that may stand in their place."""
    for file in sorted(_PACKAGE.rglob("*.py*")):
        is_bytecode = file.suffix == ".pyc" and file.parent.name != "__pycache__"
        if file.suffix == ".py" or is_bytecode:
            yield file.relative_to(_PACKAGE).as_posix(), file.read_bytes()


@cache
def bytecode() -> str:
    """Return a hash of the bytecode of a package without files, else an empty text.

    Such a package is in a zip, or was frozen into an application.
    """
    if next(_files(), None) is not None:
        return ""
    package = __name__.rsplit(".", 2)[0]
    path = sys.modules[package].__path__
    names = [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    if __name__ not in names:
        raise ImportError(f"the modules of {package} cannot be listed")
    state = hashlib.sha256()
    for name in sorted(names):
        spec: Any = find_spec(name)
        state.update(repr((name, _plain(spec.loader.get_code(name)))).encode())
    return state.hexdigest()


def _plain(constant: Any) -> Any:
    """Return what bytecode does, in values that have the same text in all processes."""
    if isinstance(constant, CodeType):
        names = constant.co_names, constant.co_varnames, constant.co_freevars
        return constant.co_code, names, [_plain(each) for each in constant.co_consts]
    if isinstance(constant, frozenset):
        return sorted(map(repr, constant))
    return repr(constant)


# The sources being imported: the package imports all of them together with this file.
_IMPORTED = digest()


@cache
def _warn(message: str) -> None:
    """Log a warning once in this process."""
    log.warning(message)


def usable_folder() -> Path | None:
    """Return `folder`, or None if machine code cannot be stored there."""
    try:
        with open_folder():
            return folder()
    except OSError as error:
        _warn(f"compiled code is not stored: {error}")
        return None


class KernelCache(NullCache):  # type: ignore[misc]
    """The cache of one kernel, with the interface that Numba's dispatcher calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self._lock = ExitStack()

    def _file(self, signature: Any, target: Any) -> str | None:
        """Return the name of the file for a signature, None if it has no place."""
        if usable_folder() is None:
            return None
        if digest() != _IMPORTED:
            _warn(
                "compiled code is not stored: the kernels' sources have changed since "
                "they were imported"
            )
            return None
        parts = (
            _IMPORTED,
            bytecode(),
            self._name,
            signature,
            target.codegen().magic_tuple(),
        )
        return (
            f"{self._name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}.bin"
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the stored code for a signature, or None.

        Of several processes without it, one gets None and the others wait until it has
        compiled, or has called `unlock`.
        """
        target_context.refresh()
        try:
            file = self._file(sig, target_context)
            if file is None:
                return None
            with open_folder() as opened:
                content = opened.read(file)
            if content is None:
                opened = self._lock.enter_context(open_folder())
                self._lock.enter_context(opened.locked(file, self._pause))
                content = opened.read(file)
            if content is None:
                return None
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
        counts["compiled"] += 1
        try:
            file = self._file(sig, data.target_context)
            if file is None or not self._can_be_stored(data):
                return
            content = pickle.dumps(data._reduce())
            with open_folder() as opened:
                opened.write(file, hashlib.sha256(content).digest() + content)
        # a full or read-only disk must not stop the training
        except Exception as error:
            log.warning(
                "compiled code of %s could not be stored: %s", self._name, error
            )

    def unlock(self) -> None:
        """Let other processes go on that wait for the code which was to be compiled."""
        self._lock.close()

    def _pause(self) -> None:
        """Wait a little while another process compiles."""
        time.sleep(0.05)

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
