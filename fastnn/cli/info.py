"""What `fastnn info` shows."""

import os
import platform
import re
import stat
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from .. import __version__, kernels
from ..data.machine import available_threads, cpu

_FILE = re.compile(
    r"([\w.<>-]+)-[0-9a-f]{32}\.bin", re.ASCII
)  # a kernel's name may hold a - of its own
_OTHER = "other files"


def show() -> None:
    """Print versions, CPU, threads, and the folder where compiled code is kept, with what is in it."""
    for name, value in rows():
        print(f"{name:<16}{value}")
    folder = kernels.compiler.cache.folder()
    for line in contents(folder) if folder else []:
        print(line)


def rows() -> list[tuple[str, str]]:
    """Names and values."""
    folder = kernels.compiler.cache.folder()
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("numpy", "numba", "llvmlite", "matplotlib", "rich")
    )
    return [
        ("fastnn", f"{__version__} in {Path(__file__).parent}"),
        (
            "Python",
            f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}",
        ),
        ("packages", packages),
        ("CPU", cpu()),
        (
            "threads",
            f"{available_threads()} available; fit(..., n_jobs=) uses one unless told otherwise",
        ),
        (
            "compiled code",
            f"{folder} ({_summary(folder)})"
            if folder
            else "not kept: there is no home folder",
        ),
    ]


def contents(folder: Path) -> list[str]:
    """A table of the kernels in the folder: their files, of these and of other sources, sizes and dates."""
    try:
        by_kernel = _by_kernel(folder)
    except OSError:
        return []
    width = max(map(len, by_kernel), default=0) + 2
    lines = (
        [f"  {'kernel':<{width}}{'files':>7}{'size':>11}  {'last made':<12}last read"]
        if by_kernel
        else []
    )
    for kernel in sorted(by_kernel, key=lambda name: (name == _OTHER, name)):
        found = by_kernel[kernel]
        made, read = (
            _day(max(file.st_mtime for file in found)),
            _day(max(_read(file) for file in found)),
        )
        lines.append(
            f"  {kernel:<{width}}{len(found):>7}{_size(found):>11}  {made:<12}{read}"
        )
    return lines


def _summary(folder: Path) -> str:
    try:
        by_kernel = _by_kernel(folder)
    except FileNotFoundError:
        return "not there yet"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    files = [
        file
        for kernel, found in by_kernel.items()
        if kernel != _OTHER
        for file in found
    ]
    return f"{len(files)} files, {_size(files)}" if files else "empty"


def _by_kernel(folder: Path) -> dict[str, list[os.stat_result]]:
    found = defaultdict(list)
    for name, status in _files(folder):
        match = _FILE.fullmatch(name)
        kernel = match[1] if match and stat.S_ISREG(status.st_mode) else _OTHER
        found[kernel].append(status)
    return found


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Names and states; without a file that another process takes away meanwhile."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield entry.name, status


def _size(files: list[os.stat_result]) -> str:
    return f"{sum(file.st_size for file in files) / 1e6:.1f} MB"


def _read(file: os.stat_result) -> float:
    """When a file was last read, to a day: file systems note it once a day, or never."""
    return max(file.st_atime, file.st_mtime)


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
