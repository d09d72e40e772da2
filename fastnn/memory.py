"""Refusing what memory cannot hold, before any work."""

import os


def limit() -> float:
    """Half of the machine's memory in bytes, which one call may take; infinite where that cannot be found out."""
    if not hasattr(os, "sysconf"):
        return float("inf")
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2


def must_fit(need: int, what: str, instead: str) -> None:
    """Refuse what takes more than the limit: `what` needs so many bytes, `instead` would do."""
    if need > limit():
        there = 2 * limit() / 2**30
        raise ValueError(
            f"{what}, {need / 2**30:,.1f} GB, and this machine has {there:,.1f} GB: {instead}"
        )
