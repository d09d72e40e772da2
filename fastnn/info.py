"""What `fastnn info` shows."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from . import __version__, kernels


def show() -> None:
    """Print versions, CPU, threads, and the folder where compiled code is kept."""
    for name, value in rows():
        print(f"{name:<16}{value}")


def rows() -> list[tuple[str, str]]:
    """Names and values."""
    folder = kernels.cache.folder()
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "llvmlite", "matplotlib", "rich"))
    return [
        ("fastnn", f"{__version__} in {Path(__file__).parent}"),
        ("Python", f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}"),
        ("packages", packages),
        ("CPU", cpu()),
        ("threads", f"{available_threads()} available; fastnn uses one"),
        ("compiled code", f"{folder} ({_contents(folder)})" if folder else "not kept: there is no home folder"),
    ]


def available_threads() -> int:
    """How many threads this process may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu() -> str:
    """The processor, as it names itself."""
    return cpuinfo("model name") or platform.processor() or platform.machine()


def cpuinfo(name: str) -> str:
    """What Linux tells under that name about the first processor; empty where it tells nothing."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(name):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""


def _contents(folder: Path) -> str:
    sizes = [file.stat().st_size for file in folder.glob("*.bin")] if folder.is_dir() else []
    return f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB" if sizes else "empty"
