"""Control groups: how many processors Linux leaves to this process."""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath

# Where Linux tells the control groups of this process, and their settings.
_PROC_CGROUP, _CGROUP_ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def processor_quota() -> float:
    """Return how many processors the control groups leave to this process.

    It is infinite without control groups.
    """
    return _quota(_PROC_CGROUP, _CGROUP_ROOT)


@cache
def _quota(groups: Path, root: Path) -> float:
    """Do `processor_quota` by a file that lists the groups, and their root.

    They are read once per process, which takes 0.1 ms.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return math.inf
    quotas = [math.inf]
    for line in lines:
        # hierarchy:controllers:group, with no controllers in version 2
        _, controllers, group = line.split(":", 2)
        if not controllers:
            quotas += _quotas_of(root, group, _quota_v2)
        elif "cpu" in controllers.split(","):
            for name in {controllers, "cpu"}:
                quotas += _quotas_of(root / name, group, _quota_v1)
    return min(quotas)


def _quotas_of(
    root: Path, group: str, read: Callable[[Path], float]
) -> Iterator[float]:
    """Yield the quotas of a group and of those that it lies in.

    In a container the path may be the host's, of which only the last part, or nothing,
    is mounted at the root: folders that do not exist are left out.
    """
    folder = PurePosixPath("/", group)
    for part in (folder, *folder.parents):
        with suppress(OSError, ValueError):
            yield read(root / part.relative_to("/"))


def _quota_v2(folder: Path) -> float:
    quota, period = (folder / "cpu.max").read_text().split()
    return _processors_of(math.inf if quota == "max" else int(quota), int(period))


def _quota_v1(folder: Path) -> float:
    quota = int((folder / "cpu.cfs_quota_us").read_text())
    period = int((folder / "cpu.cfs_period_us").read_text())
    return _processors_of(quota if quota > 0 else math.inf, period)


def _processors_of(quota: float, period: int) -> float:
    return quota / period if period > 0 else math.inf
