"""The contenders, one file each: `prepare(case)` gives a function that trains for a number of epochs.

That function returns the last epoch's mean loss. It is None where the contender does not do such work, or cannot run
here. What is done once, such as compiling, is done before it is returned; what every training needs, such as copying
the parameters, inside it.
"""

from collections.abc import Callable

from ..cases import Case
from . import c_loop, jax_scan, numpy_page, numpy_vectorised, ours

Train = Callable[[int], float]
CONTENDERS: dict[str, Callable[[Case], Train | None]] = {
    "fastnn": ours.prepare,
    "C, -O3 -ffast-math": c_loop.prepare,
    "JAX, one jitted scan": jax_scan.prepare,
    "NumPy, sample by sample": numpy_page.prepare,
    "NumPy, vectorised": numpy_vectorised.prepare,
}
