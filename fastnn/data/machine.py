"""The machine: its processor, threads and memory."""

import os
import platform
from pathlib import Path


def memory_limit() -> float:
    """Return the memory that one call may take: half of the machine's, in bytes.

    It is infinite where the size of the memory cannot be found out.
    """
    if not hasattr(os, "sysconf"):
        return float("inf")
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2


def check_memory(n_bytes: int, purpose: str, remedy: str) -> None:
    """Raise ValueError if n_bytes exceed the limit.

    The message says what the memory is for, and the remedy.
    """
    if n_bytes > memory_limit():
        total = 2 * memory_limit() / 2**30
        raise ValueError(
            f"not enough memory: {purpose}, {n_bytes / 2**30:,.1f} GB, but a call may "
            f"take at most half of this machine's {total:,.1f} GB: {remedy}"
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
