"""Files that are written whole, and opened only if they are regular ones."""

import errno
import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

if sys.platform != "win32":  # which itself refuses to remove a file that is open
    import fcntl

# The names of temporary files begin with it. They do not contain the name of the file
# to be written, which may be as long as a name can be.
_PREFIX = ".fastnn-new-"
# So do those of locks, which end in a hash of the name of the file.
_LOCK_PREFIX = ".fastnn-lock-"
# Opening a pipe waits for its other end unless this flag is set.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def check_path(name: str, value: Any, kind: str) -> Path:
    """Return the path of "a file" or "a folder"; TypeError for anything else."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be the path of {kind}, not {value!r}")
    return Path(value)


def write_atomically(path: str | os.PathLike[str], content: bytes | memoryview) -> None:
    """Write `content` to `path`; if that fails, the old file stays as it was.

    A file is replaced by a complete one with the same mode and, as far as the system
    allows, the same owner. A link stays, and the file that it points to is replaced.
    A pipe or a device is written to. OSError for a folder, for a disk, for a read-only
    file, and for whatever the system refuses.
    """
    path = Path(path)
    with _naming(path):
        target, old = _writable(path)
        if old is None or (stat.S_ISREG(old.st_mode) and _same_file(target, old)):
            _replace(target, content, old)
        else:
            _write_in_place(path, content)


def check_writable(path: Path) -> None:
    """Raise the OSError of `write_atomically` that is known before there is content.

    That of a full disk is not.
    """
    with _naming(path):
        target, _ = _writable(path)
        if not os.access(target.parent, os.W_OK):
            raise PermissionError(f"the folder {target.parent} is read-only")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in an OSError, which may have named a temporary one."""
    try:
        yield
    except OSError as error:
        named = type(error)(f"cannot write the file {path}: {error.strerror or error}")
        named.errno = error.errno
        raise named from error


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; ValueError for a pipe or a device.

    Those may never end, or wait for ever.
    """
    flags = os.O_RDONLY | _AT_ONCE | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise ValueError("it is not a regular file")


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock of a path; BlockingIOError if another process or thread does.

    What is locked is a hidden file beside it, because the file may be replaced
    meanwhile. It is removed at the end; that of a process that was killed is free.
    Windows, a file system without locks, and a folder that cannot be written to go
    without.
    """
    target = Path(os.path.realpath(path))
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    lock = target.parent / f"{_LOCK_PREFIX}{name}"
    try:
        stream = _open_locked(lock)
    except BlockingIOError:
        raise BlockingIOError(
            f"the file {os.fspath(path)} is in use by another process or thread: wait "
            "until that has ended, or pass another file"
        ) from None
    try:
        yield
    finally:
        if stream is not None:
            with stream, suppress(OSError):
                lock.unlink()  # while it is locked, it is nobody else's


def write_to_stream(stream: BinaryIO, content: bytes | memoryview) -> None:
    """Write all of `content` to a binary file object, from its present position on."""
    rest = memoryview(content)
    while len(rest):
        # Unbuffered files write a part; those that return None write all.
        rest = rest[stream.write(rest) or len(rest) :]


def _writable(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return where a path leads, and the status of what is there; OSError otherwise."""
    try:
        old = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        old = None
    target = Path(os.path.realpath(path))
    if old is None:
        if not target.parent.is_dir():
            raise FileNotFoundError(f"the folder {target.parent} does not exist")
    elif stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError("a folder has that name")
    elif stat.S_ISBLK(old.st_mode):
        raise OSError("it is a disk")
    elif not os.access(path, os.W_OK):
        raise PermissionError("it is read-only")
    return target, old


def _same_file(path: Path, status: os.stat_result) -> bool:
    """Return False for files without a name, which /proc/self/fd shows as links."""
    try:
        return os.path.samestat(os.stat(path), status)
    except FileNotFoundError:
        return False


def _write_in_place(path: Path, content: bytes | memoryview) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | _AT_ONCE)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "it is a pipe that nobody reads") from None
        raise
    with open(descriptor, "wb", buffering=0) as stream:
        if _AT_ONCE:
            os.set_blocking(descriptor, True)
        write_to_stream(stream, content)


def _replace(
    target: Path, content: bytes | memoryview, old: os.stat_result | None
) -> None:
    folder = target.parent
    _remove_leftovers(folder)
    with _temporary(folder) as (temporary, stream):
        stream.write(content)
        stream.flush()
        if old is not None and sys.platform != "win32":
            _keep_owner_and_mode(stream.fileno(), old)
        _sync(stream.fileno())
        if sys.platform == "win32":
            stream.close()  # an open file cannot be renamed there
        os.replace(temporary, target)
    if sys.platform != "win32":
        # Without it a power failure could bring the old file back. A folder that
        # cannot be opened must not make a save fail that has been done.
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Create a file that is removed on failure; its lock says that a process needs it.

    The system drops the lock when the process ends, however that happens.
    """
    while True:
        path = folder / f"{_PREFIX}{secrets.token_hex(8)}"
        stream = open(path, "xb")  # noqa: SIM115
        try:
            _lock(stream.fileno())
            # Before it was locked, another process may have seen a leftover in it.
            if path.exists():
                yield path, stream
                return
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            stream.close()


def _lock(descriptor: int) -> None:
    """Wait for the file's lock; a file system without locks goes without."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _open_locked(lock: Path) -> BinaryIO | None:
    """Open a file, which is created if need be, and lock it at once.

    None where that is impossible; BlockingIOError if somebody else has the lock.
    """
    if sys.platform == "win32":
        return None
    while True:
        stream: BinaryIO | None = None
        try:
            stream = open(lock, "rb", opener=_create)  # noqa: SIM115
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Before it was locked, its last owner may have removed it.
            if os.path.samestat(os.fstat(stream.fileno()), os.stat(lock)):
                return stream
            stream.close()
        except FileNotFoundError:
            if stream is None:
                return None
            stream.close()
        except BlockingIOError:
            assert stream is not None
            stream.close()
            raise
        except OSError:
            return stream
        except BaseException:
            if stream is not None:
                stream.close()
            raise


def _create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that were killed.

    Those are files of this user that nobody holds a lock on.
    """
    if sys.platform == "win32":
        return
    names: list[str] = []
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if name.startswith(_PREFIX)]
    for name in names:
        with suppress(OSError):
            descriptor = os.open(folder / name, os.O_RDWR | os.O_NOFOLLOW | _AT_ONCE)
            try:
                status = os.fstat(descriptor)
                if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(folder / name)
            finally:
                os.close(descriptor)


def _keep_owner_and_mode(descriptor: int, old: os.stat_result) -> None:
    mode = stat.S_IMODE(old.st_mode)
    for owner in (old.st_uid, -1):  # only root gives files to others
        with suppress(PermissionError):
            os.fchown(descriptor, owner, old.st_gid)
            break
    else:
        mode &= ~stat.S_IRWXG  # what the group could do is not for another group
    with suppress(PermissionError):  # file systems without modes
        os.fchmod(descriptor, mode)


def _sync(descriptor: int) -> None:
    """Wait until the content is on the disk, where the file system can tell."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
