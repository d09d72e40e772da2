"""The colours of all pictures."""

from typing import Any

import numpy as np

# Okabe and Ito's, which the colour-blind can tell apart.
COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#F0E442",
    "#000000",
)


def class_colors(n: int) -> list[Any]:
    """n colours: the ones that everybody can tell apart as long as they last."""
    if n <= len(COLORS):
        return list(COLORS[:n])
    import matplotlib

    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, n)))
