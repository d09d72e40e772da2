"""`fastnn info`: versions, CPU, threads, and the contents of the cache folder."""

import os
import platform
import stat
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from .. import __version__, kernels
from ..data.machine import available_threads, cpu

_OTHER = "other files"


def show() -> None:
    """Print versions, CPU, threads, and the folder of compiled code."""
    for name, value in rows():
        print(f"{name:<16}{value}")
    folder = kernels.compiler.cache.folder()
    for line in kernel_table(folder) if folder else []:
        print(line)


def rows() -> list[tuple[str, str]]:
    """Return names and values."""
    folder = kernels.compiler.cache.folder()
    names = ("numpy", "numba", "llvmlite", "matplotlib", "rich")
    python = sys.version.split()[0]
    return [
        ("fastnn", f"{__version__} in {Path(__file__).parents[1]}"),
        ("Python", f"{python} on {platform.system()} {platform.machine()}"),
        ("packages", ", ".join(f"{name} {version(name)}" for name in names)),
        ("CPU", cpu()),
        (
            "threads",
            f"{available_threads()} available; fit(..., n_jobs=) uses one by default",
        ),
        (
            "compiled code",
            f"{folder} ({_summary(folder)})"
            if folder
            else "not stored: there is no folder for it (set FASTNN_CACHE_DIR)",
        ),
    ]


def kernel_table(folder: Path) -> list[str]:
    """Return a table of the kernels in the folder: their files, sizes and dates.

    A kernel has several files if it was compiled from several sources or for several
    types.
    """
    try:
        by_kernel = _files_by_kernel(folder)
    except OSError:
        return []
    if not by_kernel:
        return []
    width = max(map(len, by_kernel)) + 2
    lines = [f"  {'kernel':<{width}}{'files':>7}{'size':>11}  {'written':<12}last read"]
    for kernel in sorted(by_kernel, key=lambda name: (name == _OTHER, name)):
        files = by_kernel[kernel]
        written = _day(max(file.st_mtime for file in files))
        read = _day(max(_last_read(file) for file in files))
        size = _size(files)
        lines.append(
            f"  {kernel:<{width}}{len(files):>7}{size:>11}  {written:<12}{read}"
        )
    return lines


def _summary(folder: Path) -> str:
    try:
        by_kernel = _files_by_kernel(folder)
    except FileNotFoundError:
        return "does not exist yet"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    by_kernel.pop(_OTHER, None)
    files = [file for files in by_kernel.values() for file in files]
    count = f"{len(files)} file{'' if len(files) == 1 else 's'}, {_size(files)}"
    try:
        with kernels.compiler.store.open_folder(create=False):
            return count if files else "empty"
    except OSError as error:
        return f"{count}; not used: {error}"


def _files_by_kernel(folder: Path) -> dict[str, list[os.stat_result]]:
    by_kernel = defaultdict(list)
    for name, status in _files(folder):
        match = kernels.compiler.store.NAME.fullmatch(name)
        kernel = match[1] if match and stat.S_ISREG(status.st_mode) else _OTHER
        by_kernel[kernel].append(status)
    return by_kernel


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield names and status; files that are removed meanwhile are left out."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield entry.name, status


def _size(files: list[os.stat_result]) -> str:
    return f"{sum(file.st_size for file in files) / 1e6:.1f} MB"


def _last_read(file: os.stat_result) -> float:
    """Return when a file was last read; file systems note that once a day, or never."""
    return max(file.st_atime, file.st_mtime)


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
