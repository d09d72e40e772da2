"""One net, one sample per call: `per_sample` with all arguments but the sample ready.

Python hands over each array of an argument in 100 to 150 ns, and the loops have 25 of
them. Here their addresses are in a table, whose own address is one integer.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import carray

from ..arguments import Data, FitArrays, FitPlan, PackedScratch, StreamArrays
from ..codes import DONE, UPDATES
from ..compiler.compile import entry_point, inlined_by_llvm
from ..primitives.pointers import pointer
from .per_sample import clear, pack, run, unpack, update_rows_of_any_net

N_ARRAYS = len(StreamArrays._fields)
_ROW = StreamArrays(*range(N_ARRAYS))


@inlined_by_llvm
def _vector(table, row, number):
    """Return the array (n,) in a row of the table."""
    return carray(pointer(table[row, 0], number), (table[row, 2],))


@inlined_by_llvm
def _matrix(table, row, number):
    """Return the array (n, m) in a row of the table."""
    return carray(pointer(table[row, 0], number), (table[row, 1], table[row, 2]))


@cache
def learner(dtype: type, decays: bool) -> Callable[[Any, float, int], float]:
    """Return learn(x, t, address) for nets of this dtype, with weight decay or without.

    It makes one update from a sample x (n_in,) and returns the loss before it, or NaN
    if the sample, the loss or a parameter is not finite: nothing has changed then. t is
    the target; where the net has several, they are in y. address: that of the table,
    see `arguments.StreamArrays`. x must be a contiguous, writable array of the dtype;
    the result is NaN if its size is wrong.
    """
    decay = 1.0 if decays else None

    def learn(x, t, address):
        table = carray(pointer(address, np.int64), (N_ARRAYS, 3))
        if x.size != table[_ROW.x, 2]:
            return np.nan
        for j in range(x.size):
            if not np.isfinite(x[j]):
                return np.nan
        none = _matrix(table, _ROW.none, np.float64)
        nothing = carray(pointer(table[_ROW.none, 0], dtype), (0,))
        y = _matrix(table, _ROW.y, dtype)
        if y.shape[1] == 1:
            y[0, 0] = t
        codes = _vector(table, _ROW.codes, np.int64)
        state = FitArrays(
            theta=_vector(table, _ROW.theta, dtype),
            moments=_matrix(table, _ROW.moments, dtype),
            clock=_vector(table, _ROW.clock, np.float64),
            g=nothing,
            carried=nothing,
            loss_sums=_vector(table, _ROW.sums, np.float64),
            n_right=_vector(table, _ROW.counts, np.int64),
            penalty_sums=carray(pointer(table[_ROW.none, 0], np.float64), (0,)),
            subtotals=_matrix(table, _ROW.subtotals, np.float64),
            position=_vector(table, _ROW.position, np.int64),
            recorded=none,
            recorded_sums=none,
        )
        plan = FitPlan(
            layers=_matrix(table, _ROW.layers, np.uint32),
            loss=codes[0],
            optimizer=codes[1],
            settings=_vector(table, _ROW.settings, np.float64),
            rates=_vector(table, _ROW.rates, np.float64),
            decays=_vector(table, _ROW.decays, np.float64),
            batch_size=1,
            mean=True,
            weighted_mean=False,
            l2=0.0,
            low=0.0,
            loss_scale=1.0,
            record_at=carray(pointer(table[_ROW.none, 0], np.int64), (0,)),
            schedule=carray(pointer(table[_ROW.none, 0], np.float64), (0,)),
        )
        scratch = PackedScratch(
            theta=_vector(table, _ROW.packed_theta, dtype),
            moments=_matrix(table, _ROW.packed_moments, dtype),
            g=_vector(table, _ROW.packed_g, dtype),
            rates=_vector(table, _ROW.packed_rates, np.float64),
            decays=_vector(table, _ROW.packed_decays, np.float64),
            decay=decay,
            a=_vector(table, _ROW.a, dtype),
            d=_vector(table, _ROW.d, dtype),
            scaled_d=_vector(table, _ROW.scaled_d, dtype),
            units=_vector(table, _ROW.units, dtype),
            places=_vector(table, _ROW.places, np.int64),
            sources=_vector(table, _ROW.sources, np.int64),
        )
        order = _matrix(table, _ROW.order, np.int64)
        data = Data(x.reshape((1, x.size)), y, nothing, order)
        power1, power2 = state.clock[0], state.clock[1]
        state.loss_sums[0], state.n_right[0], state.position[UPDATES] = 0, 0, 0
        pack(state, plan, scratch)
        rows = update_rows_of_any_net
        good = run(rows, state, data, plan, scratch, 0, 1, 1) == DONE
        for p in range(state.theta.size):
            good = good and np.isfinite(scratch.theta[scratch.places[p]])
        if good:
            unpack(state, scratch)
            return state.loss_sums[0]
        state.clock[0], state.clock[1] = power1, power2
        clear(scratch)
        return np.nan

    learn.__qualname__ = f"learn-{np.dtype(dtype).name}-{int(decays)}"
    learned: Callable[[Any, float, int], float] = entry_point(learn)
    return learned
