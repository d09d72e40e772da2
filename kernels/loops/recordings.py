"""Recording parameters, and the epoch's sums so far, after given updates.

The updates stand in a sorted array `record_at`. Update record_at[r] fills recorded[r]
(n_params,) and recorded_sums[r] = (loss, right classes): the sums over the samples of
the epoch under way, or 0 where an epoch has just ended. The loops do not record update
0.
"""

from ..compiler.compile import inlined_by_llvm


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
