"""Plots of data, nets and trainings.

Each function draws on the Axes or figure it is given, or on new ones, and returns the
Axes. None of them calls `show()`, and matplotlib is imported at the first plot.
"""

from .history import history
from .maps import decision_map, regions
from .points import data
from .style import COLORS
from .sweep import success

__all__ = ["COLORS", "data", "decision_map", "history", "regions", "success"]
