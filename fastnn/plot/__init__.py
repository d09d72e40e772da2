"""Pictures: each function draws on the Axes it is given, or on new ones, and returns them. None calls show()."""

from .colors import COLORS
from .curves import history
from .many import success
from .maps import decision_map, regions
from .points import data

__all__ = ["COLORS", "data", "decision_map", "history", "regions", "success"]
