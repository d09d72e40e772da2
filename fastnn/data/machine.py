"""The machine: its processor, threads and memory."""

import math
import os
import platform
from functools import cache

# Variables by which a process is told how many threads to use: OpenMP's, Numba's,
# loky's (joblib's processes) and Python's.
_THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
)

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]


# Limits of a container's memory: of cgroups of version 2, and of version 1.
_CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


@cache
def _machine_memory() -> float:
    """Return the memory of the machine or the container, in bytes."""
    total = float("inf")
    if hasattr(os, "sysconf"):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            with open(path) as file:
                total = min(total, float(file.read()))
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
    """Return the number of threads that this process may run at once.

    It is that of the processors, limited by the process's affinity and by the quotas of
    its control groups, as in a container; a part of a processor counts as one. The
    quotas are read once per process, the affinity at each call.
    """
    from .cgroups import processor_quota  # here, as pathlib takes 3 ms to import

    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = processor_quota()
    return count if quota >= count else max(1, math.ceil(quota))


def thread_limit() -> float:
    """Return how many threads the environment allows where the user gives no number.

    joblib, Dask and batch systems set OMP_NUM_THREADS and its like, so that processes
    side by side do not start a thread per processor each.
    """
    limits = [_first_number(os.environ.get(name, "")) for name in _THREAD_LIMITS]
    return min((limit for limit in limits if limit), default=math.inf)


def _first_number(text: str) -> int:
    """Return the number that a variable begins with, as in "4,2", or 0 for none."""
    first = text.split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() else 0


def cpu() -> str:
    """Return the processor's name."""
    return cpuinfo("model name") or platform.processor() or platform.machine()


def cpuinfo(field: str) -> str:
    """Return a field of Linux's description of the first processor, or ""."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith(field):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""
