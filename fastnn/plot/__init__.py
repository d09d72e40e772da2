"""Pictures: each function draws on the Axes it is given, or on new ones, and returns them. None calls show()."""

from .history import history
from .maps import decision_map, regions
from .points import data
from .style import COLORS
from .sweep import success

__all__ = ["COLORS", "data", "decision_map", "history", "regions", "success"]
