"""What is kept of a training at given updates: parameters, and the epoch's sums so far.

The updates stand in a sorted array `record_at`; the one at place r fills recorded[r] (n_params,) and
recorded_sums[r] = (loss, right), the sums over the samples of the epoch under way, which are 0 where an epoch has just
ended. Update 0 is not the loops' to record.
"""

from ..compiler.compile import inlined_by_llvm


@inlined_by_llvm
def next_record(record_at, done):
    """The place of the first record behind `done` updates."""
    low, high = 0, record_at.size
    while low < high:
        middle = (low + high) // 2
        if record_at[middle] <= done:
            low = middle + 1
        else:
            high = middle
    return low
