"""Refusing what memory cannot hold, before any work."""

import os


def must_fit(need: int, what: str, instead: str) -> None:
    """Refuse what takes more than half of the machine's memory: `what` needs so many bytes, `instead` would do."""
    if not hasattr(os, "sysconf"):
        return
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if need > there // 2:
        raise ValueError(f"{what}, {need / 2**30:,.1f} GB, and this machine has {there / 2**30:,.1f} GB: {instead}")
