"""Random generators of NumPy, which are imported with the first of them.

`numpy.random` takes 7 ms to import, and a net of a file predicts without it. So it must
not stand in annotations that are evaluated.
"""

import sys

import numpy as np

from .. import kernels


def generator(seed: int) -> "np.random.Generator":
    """Return `numpy.random.default_rng(seed)`."""
    import_random()
    return np.random.default_rng(seed)


def import_random() -> None:
    """Import `numpy.random` as a whole: what Ctrl-C has ended cannot be repeated."""
    if "numpy.random" not in sys.modules:
        with kernels.interrupts.deferred:
            import numpy.random  # noqa: F401
