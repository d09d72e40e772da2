"""Recording parameters after given updates, and sums over the samples in between.

The updates stand in a sorted array `record_at`. Update record_at[r] fills recorded[r]
(n_params,). recorded_sums[r] = (loss, right classes) sums over the samples since the
record before, and in a training under way over those so far. The losses are whole ones,
in float64: a small loss after large ones keeps its digits. The loops do not record
update 0.
"""

from ..codes import RECORD_SCALE
from ..compiler.compile import inlined_by_llvm
from ..functions.losses import PER_SUBTOTAL, add_subtotal


@inlined_by_llvm
def recorded_loss(state, plan, record):
    """Return whether there is a record of that index, and its sum of losses so far."""
    if record < plan.record_at.size:
        return True, state.recorded_sums[record, 0]
    return False, 0.0


@inlined_by_llvm
def add_recorded(recorded, loss, product, loss_scale):
    """Return a record's sum with one more loss, which is a subtotal of its own."""
    mean = loss * (1.0 / PER_SUBTOTAL)
    return add_subtotal(recorded, mean, product, loss_scale * RECORD_SCALE)


@inlined_by_llvm
def next_record(record_at, n_updates):
    """Return the index of the first record after n_updates updates."""
    low, high = 0, record_at.size
    while low < high:
        middle = (low + high) // 2
        if record_at[middle] <= n_updates:
            low = middle + 1
        else:
            high = middle
    return low
