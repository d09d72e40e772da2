"""The folder of machine code: where it is, whose it is, and what is kept in it.

The files are pickles, which can run any code when they are loaded. So the folder and
each file must belong to this user and be writable by nobody else, which is checked on
what was opened: a name could mean something else a moment later.
"""

import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numba

try:
    import fcntl
except ImportError:  # on Windows two processes may compile the same
    fcntl = None  # type: ignore[assignment]

# The name of a file of compiled code. A kernel's own name may contain hyphens.
NAME = re.compile(r"([\w.<>-]+)-[0-9a-f]{32}\.bin", re.ASCII)
_TEMPORARY = re.compile(r"\.(new-\w+|lock-[\w.<>-]+)", re.ASCII)

# What is not used for so long is removed, and beyond so many bytes the least recently
# used. All loops of one version take 10 MB.
MAX_BYTES, _MAX_SECONDS = 2**29, 180 * 86400
_DAY = 86400

_POSIX = os.name == "posix"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | _NO_LINK | getattr(os, "O_DIRECTORY", 0)
# Without O_NONBLOCK, opening a pipe would wait for its other end.
_FILE = (
    os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
_LOCK = os.O_RDWR | os.O_CREAT | _NO_LINK
# Seconds to wait for a process that may have been stopped. A loop takes 1 to 10.
_MAX_WAIT = 60

# Relative names mean the same folder after a change of the working directory.
try:
    _HERE: Path | None = Path.cwd()
except OSError:  # it was removed
    _HERE = None


class Entry(NamedTuple):
    """A file of compiled code, or what a killed process left: a part, or a lock."""

    name: str
    size: int
    used: float  # seconds since 1970


class Folder:
    """The folder of machine code, which is open and belongs to this user alone."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path, self._descriptor = path, descriptor

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None if there is none, and note that it is used.

        OSError for anything but a regular file that belongs to this user alone.
        """
        try:
            descriptor = os.open(self._at(name), _FILE, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{self._path / name} is not a regular file")
            _check_owner(self._path / name, status)
            if _POSIX and time.time() - _last_use(status) > _DAY:
                with suppress(OSError):
                    os.utime(descriptor, (time.time(), status.st_mtime))
            with open(descriptor, "rb", closefd=False) as stream:
                return stream.read()
        finally:
            os.close(descriptor)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all, and remove old ones."""
        temporary = f".new-{secrets.token_hex(8)}"
        place = {"src_dir_fd": self._descriptor, "dst_dir_fd": self._descriptor}
        descriptor = os.open(self._at(temporary), _NEW, 0o600, dir_fd=self._descriptor)
        try:
            with open(descriptor, "wb") as stream:
                stream.write(content)
            os.replace(self._at(temporary), self._at(name), **place)
        except BaseException:
            self._remove(temporary)
            raise
        self._remove_old()

    @contextmanager
    def locked(self, name: str, pause: Callable[[], None]) -> Iterator[None]:
        """Let no other process make a file meanwhile, where files can be locked.

        While another one makes it, `pause` is called again and again. A lock ends with
        its process, however that ends.
        """
        if not _POSIX:
            yield
            return
        lock, descriptor = f".lock-{name}", None
        end = time.monotonic() + _MAX_WAIT
        with suppress(OSError):  # a folder that is read-only, or cannot lock
            while (descriptor := self._lock(lock)) is None and time.monotonic() < end:
                pause()
        try:
            yield
        finally:
            if descriptor is not None:
                self._remove(lock)
                os.close(descriptor)

    def _lock(self, lock: str) -> int | None:
        """Return the open file of a lock, None if another process has it."""
        descriptor = os.open(self._at(lock), _LOCK, 0o600, dir_fd=self._descriptor)
        locked = False
        try:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever had it until now has removed the file.
                locked = os.fstat(descriptor).st_nlink > 0
        finally:
            if not locked:
                os.close(descriptor)
        return descriptor if locked else None

    def entries(self) -> Iterator[Entry]:
        """Yield the files of compiled code; other files are none of our business."""
        for name in os.listdir(
            self._path if self._descriptor is None else self._descriptor
        ):
            if not NAME.fullmatch(name) and not _TEMPORARY.fullmatch(name):
                continue
            with suppress(OSError):  # somebody removed it
                status = os.stat(
                    self._at(name), dir_fd=self._descriptor, follow_symlinks=False
                )
                if stat.S_ISREG(status.st_mode):
                    yield Entry(name, status.st_size, _last_use(status))

    def clear(self) -> list[Entry]:
        """Remove all files of compiled code, and return what was removed."""
        return [entry for entry in list(self.entries()) if self._remove(entry.name)]

    def _remove_old(self) -> None:
        total, now = 0, time.time()
        for entry in sorted(self.entries(), key=lambda entry: -entry.used):
            total += entry.size
            # A process that writes a file is done with it within a day.
            longest = _DAY if _TEMPORARY.fullmatch(entry.name) else _MAX_SECONDS
            if total > MAX_BYTES or now - entry.used > longest:
                self._remove(entry.name)

    def _remove(self, name: str) -> bool:
        with suppress(OSError):
            os.unlink(self._at(name), dir_fd=self._descriptor)
            return True
        return False

    def _at(self, name: str) -> str | Path:
        return self._path / name if self._descriptor is None else name


@contextmanager
def open_folder(create: bool = True) -> Iterator[Folder]:
    """Open the folder of machine code; OSError says why it cannot be used."""
    path = folder()
    if path is None:
        raise OSError("there is no folder for it: set FASTNN_CACHE_DIR")
    if create:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _POSIX:
        yield Folder(path, None)
        return
    if path.is_symlink():
        raise OSError(f"{path} is a link")
    descriptor = os.open(path, _FOLDER)
    try:
        _check_owner(path, os.fstat(descriptor))
        yield Folder(path, descriptor)
    finally:
        os.close(descriptor)


def folder() -> Path | None:
    """Return the folder for machine code, None if there is no place for one.

    It is $FASTNN_CACHE_DIR, else $NUMBA_CACHE_DIR/fastnn, else the user's cache folder.
    """
    if chosen := os.environ.get("FASTNN_CACHE_DIR"):
        return _absolute(chosen)
    if shared := numba.config.CACHE_DIR:
        return _below(_absolute(shared))
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "fastnn" / "cache" if local else None
    xdg = _below(Path(os.environ.get("XDG_CACHE_HOME", "")))
    return xdg or _below(_home(), ".cache")


def _absolute(text: str) -> Path | None:
    """Return the folder that a user named; it may begin with ~, or be relative."""
    name, slash, rest = text.partition("/")
    if name == "~":
        home = _home()
    elif name.startswith("~"):
        home = _existing(os.path.expanduser(name))
    else:
        return _HERE / text if _HERE else Path(text) if os.path.isabs(text) else None
    return home / rest if home and slash else home


def _home() -> Path | None:
    """Return the user's home folder, None if there is none."""
    home = os.environ.get("HOME")
    if not home:
        import pwd

        try:
            home = pwd.getpwuid(os.geteuid()).pw_dir
        except KeyError:  # a user without a name, as in containers
            return None
    return _existing(home)


def _existing(home: str) -> Path | None:
    """Return a home folder if it exists: nobody wants one to be created."""
    return Path(home) if os.path.isabs(home) and os.path.isdir(home) else None


def _below(parent: Path | None, *names: str) -> Path | None:
    """Return a folder of ours below a shared one, which must not be the root."""
    if parent is None or not parent.is_absolute() or parent == parent.parent:
        return None
    return parent.joinpath(*names, "fastnn")


def _check_owner(path: Path, status: os.stat_result) -> None:
    """Raise OSError unless a file or folder belongs to this user alone."""
    if _POSIX and status.st_uid != os.geteuid():
        raise OSError(f"{path} belongs to another user")
    if _POSIX and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise OSError(f"others can write to {path}")


def _last_use(status: os.stat_result) -> float:
    """Return when a file was written or read; file systems may not note the latter."""
    return max(status.st_atime, status.st_mtime)
