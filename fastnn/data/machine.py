"""The machine: its processor, threads and memory."""

import os
import platform
from functools import cache
from pathlib import Path

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]


# Limits of a container's memory: of cgroups of version 2, and of version 1.
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@cache
def _machine_memory() -> float:
    """Return the memory of the machine or the container, in bytes."""
    total = float("inf")
    if hasattr(os, "sysconf"):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            total = min(total, float(path.read_text()))
        except (OSError, ValueError):  # no such limit, or "max"
            continue
    return total


def memory_limit() -> float:
    """Return the memory that one call may take: half of the process's, in bytes.

    That is the machine's, or less by the limits of a container or of `ulimit -v`. It is
    infinite where the size of the memory cannot be found out.
    """
    total = _machine_memory()
    if resource is not None:
        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            total = min(total, soft)
    return total / 2


def check_memory(n_bytes: int, purpose: str, remedy: str) -> None:
    """Raise ValueError if n_bytes exceed the limit.

    The message says what the memory is for, and the remedy.
    """
    if n_bytes > memory_limit():
        total = 2 * memory_limit() / 2**30
        raise ValueError(
            f"not enough memory: {purpose}, {n_bytes / 2**30:,.1f} GB, but a call may "
            f"take at most half of the {total:,.1f} GB here: {remedy}"
        )


def available_threads() -> int:
    """Return the number of threads that this process may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu() -> str:
    """Return the processor's name."""
    return cpuinfo("model name") or platform.processor() or platform.machine()


def cpuinfo(field: str) -> str:
    """Return a field of Linux's description of the first processor, or ""."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(field):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""
