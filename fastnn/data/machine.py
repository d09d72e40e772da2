"""What this machine has: processor, threads and memory."""

import os
import platform
from pathlib import Path


def memory_limit() -> float:
    """Half of the machine's memory in bytes, which one call may take; infinite where that cannot be found out."""
    if not hasattr(os, "sysconf"):
        return float("inf")
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2


def check_memory(need: int, what: str, instead: str) -> None:
    """Refuse what takes more than the limit: `what` needs so many bytes, `instead` would do."""
    if need > memory_limit():
        there = 2 * memory_limit() / 2**30
        raise ValueError(
            f"{what}, {need / 2**30:,.1f} GB, and this machine has {there:,.1f} GB: {instead}"
        )


def available_threads() -> int:
    """How many threads this process may run at once."""
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


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
