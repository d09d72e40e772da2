"""Plots of data, nets and trainings.

Each function draws on the Axes or figure it is given, or on new ones, and returns the
Axes. None of them calls `show()`, and matplotlib is imported at the first plot. They
follow matplotlib's styles, dark ones included. Labels in letters that its font lacks,
such as Hangul, use an installed font that has them; without one they are boxes.
"""

from .history import history
from .maps import decision_map, regions
from .points import data
from .style import COLORS
from .success import success
from .sweep import sweep

__all__ = ["COLORS", "data", "decision_map", "history", "regions", "success", "sweep"]
