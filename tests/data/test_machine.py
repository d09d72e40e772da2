"""Processors and threads: affinity, quotas of control groups, and the environment."""

import math
import os

import pytest

from fastnn.data import cgroups, machine
from fastnn.training.engines.threads import thread_count


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    """Start from an environment that limits no threads, on eight processors."""
    for name in machine._THREAD_LIMITS:
        monkeypatch.delenv(name, raising=False)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)


def set_groups(monkeypatch, tmp_path, lines, files):
    """Write the control groups of a process, and their settings."""
    groups, root = tmp_path / "cgroup", tmp_path / "fs"
    groups.write_text("".join(f"{line}\n" for line in lines))
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(cgroups, "_PROC_CGROUP", groups)
    monkeypatch.setattr(cgroups, "_CGROUP_ROOT", root)


V2 = ["0::/user.slice/job"]
V1 = ["5:cpuset:/", "4:cpu,cpuacct:/docker/abc", "0::/"]


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        (V2, {"user.slice/job/cpu.max": "300000 100000\n"}, 3),
        (V2, {"user.slice/job/cpu.max": "150000 100000\n"}, 2),
        (V2, {"user.slice/job/cpu.max": "50000 100000\n"}, 1),
        (V2, {"user.slice/job/cpu.max": "max 100000\n"}, 8),
        (V2, {"user.slice/job/cpu.max": "1600000 100000\n"}, 8),
        # The strictest of the groups that it lies in counts.
        (
            V2,
            {
                "user.slice/job/cpu.max": "max 100000\n",
                "user.slice/cpu.max": "200000 100000\n",
            },
            2,
        ),
        # In a container the host's path does not exist: its own group is the root.
        (V2, {"cpu.max": "400000 100000\n"}, 4),
        (
            V1,
            {
                "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            V1,
            {
                "cpu/cpu.cfs_quota_us": "200000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
        (
            V1,
            {
                "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1\n",
                "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        (V2, {"user.slice/job/cpu.max": "nonsense"}, 8),
        (V2, {}, 8),
        ([], {}, 8),
    ],
)
def test_quotas_limit_the_threads(monkeypatch, tmp_path, lines, files, expected):
    set_groups(monkeypatch, tmp_path, lines, files)
    assert machine.available_threads() == expected
    assert [thread_count(n) for n in (-1, 1, 100)] == [expected, 1, expected]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 8),
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "3,2"}, 3),
        ({"OMP_NUM_THREADS": "100"}, 8),
        ({"LOKY_MAX_CPU_COUNT": "2", "OMP_NUM_THREADS": "5"}, 2),
        ({"NUMBA_NUM_THREADS": "1"}, 1),
        ({"PYTHON_CPU_COUNT": "4"}, 4),
        ({"OMP_THREAD_LIMIT": "6"}, 6),
        ({"OMP_NUM_THREADS": ""}, 8),
        ({"OMP_NUM_THREADS": "0"}, 8),
        ({"OMP_NUM_THREADS": "many"}, 8),
    ],
)
def test_the_environment_limits_only_the_default(monkeypatch, variables, expected):
    monkeypatch.setattr(cgroups, "_quota", lambda groups, root: math.inf)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert thread_count(-1) == expected
    # Whoever asks for a number gets it.
    assert thread_count(5) == 5
