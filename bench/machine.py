"""The machine and the versions that a run is measured on."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numba
import numpy as np

import fastnn
from fastnn.data.machine import available_threads, cpu, cpuinfo

ROOT = Path(__file__).resolve().parent.parent
_VECTORS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512dq",
    "avx512vl",
    "neon",
    "asimd",
    "sve",
)


def describe() -> dict[str, Any]:
    """Return CPU, system, versions and commit."""
    flags = cpuinfo("flags").split() or cpuinfo("Features").split()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu(),
        "cores": available_threads(),
        "vectors": [flag for flag in _VECTORS if flag in flags],
        "flags": flags,
        "turbo": _turbo(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "numba": numba.__version__,
        "fastnn": fastnn.__version__,
        "commit": _commit(),
    }


def _turbo() -> str:
    """Return whether the clock may change: "on", "off", or "unknown" on some systems.

    The benchmark does not change this setting.
    """
    for name, off in (("intel_pstate/no_turbo", "1"), ("cpufreq/boost", "0")):
        file = Path("/sys/devices/system/cpu", name)
        if file.exists():
            return "off" if file.read_text().strip() == off else "on"
    return "unknown"


# What a run and `bench.readme` write themselves.
_WRITTEN = (
    "bench/results",
    "README.md",
    "README.ko.md",
    "docs/benchmarks.md",
    "docs/speed.png",
)


def _commit() -> str:
    """Return the commit of the checkout, with "+" if files differ from it."""
    try:
        commit, changes = [
            subprocess.run(
                ["git", *command], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (
                ["rev-parse", "--short", "HEAD"],
                ["status", "--porcelain", "--", ".", *map(":!{}".format, _WRITTEN)],
            )
        ]
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if changes else "")
