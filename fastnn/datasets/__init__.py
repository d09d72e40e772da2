"""Small data sets: each function returns X (n, n_features) and y (n,).

X is float64. Labels are int64, the values of the two regressions float64. Functions
that draw take a seed, and draw nothing from NumPy's global generator.
"""

from .playground import (
    playground_circle,
    playground_gauss,
    playground_reg_gauss,
    playground_reg_plane,
    playground_spiral,
    playground_xor,
)
from .published import cs231n_spiral, spiral, threshold, xor_gate, xor_grid

__all__ = [
    "cs231n_spiral",
    "playground_circle",
    "playground_gauss",
    "playground_reg_gauss",
    "playground_reg_plane",
    "playground_spiral",
    "playground_xor",
    "spiral",
    "threshold",
    "xor_gate",
    "xor_grid",
]
