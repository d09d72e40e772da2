"""fastnn's loop that is compiled for one tiny architecture, as a long training would take it."""

from collections.abc import Callable

from fastnn.kernels.codes import MAX_SPECIALISED_PARAMS

from ..cases import Array, Case
from . import Unsupported, ours

versions = ours.versions


def prepare(case: Case) -> Callable[[int], float | Array]:
    """A function that trains with loop="specialised"."""
    n_params = case.flat_params().shape[1]
    one = case.kind == "train" and case.batch_size == 1 and case.n_nets == 1
    if not one or case.sizes[-1] != 1 or n_params > MAX_SPECIALISED_PARAMS:
        raise Unsupported("is for one tiny net with one output, sample by sample")
    return ours.prepare(case, loop="specialised")
