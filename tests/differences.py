"""Central differences, to compare gradients with."""

import numpy as np


def central_differences(function, x, h=1e-6):
    """Return the gradient at x of a function that returns a number."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        gradient[index] = (function(up) - function(down)) / (2 * h)
    return gradient
