"""The loop of fastnn that is compiled for one tiny architecture.

Long trainings of tiny nets choose it by themselves.
"""

from collections.abc import Callable

from fastnn.kernels.codes import MAX_SPECIALISED_PARAMS

from ..cases import Array, Case
from . import Unsupported, ours

versions = ours.versions


def prepare(case: Case) -> Callable[[int], float | Array]:
    """Return a function that trains with loop="specialised"."""
    n_params = case.flat_params().shape[1]
    one = case.kind == "train" and case.batch_size == 1 and case.n_nets == 1
    if not one or case.sizes[-1] != 1 or n_params > MAX_SPECIALISED_PARAMS:
        raise Unsupported("trains one tiny net with one output per sample only")
    return ours.prepare(case, loop="specialised")
