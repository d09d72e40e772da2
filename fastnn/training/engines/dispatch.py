"""Which compiled loop trains a layer table, and its scratch.

The choice follows from the work alone, never from timing or from what is compiled already: the same call has the same
bits. The specialised loop's differ from the general one's by rounding.
"""

from collections.abc import Callable

import numpy as np

from ... import kernels
from ...data.arrays import Array, aligned_zeros
from ...data.machine import available_threads
from ...nn.losses import Loss
from ..state import Advance, FitConfig, State
from .packing import packing

PAYS = 50_000_000  # updates that save more than the second which the specialised loop's compilation takes
_SMALL, _MOST_TILES = (
    2**21,
    2**26,
)  # bytes of an epoch's tiles that may always be kept, and at most
_PART_TILES, _MOST_PARTS = (
    4,
    16,
)  # tiles that make a part at least, and parts of a batch at most


def threads(n_jobs: int) -> int:
    """How many threads may work: so many, or with -1 one for each processor, and never more than there are."""
    return min(n_jobs, available_threads()) if n_jobs > 0 else available_threads()


def n_units(table: Array) -> int:
    """The inputs, and the outputs of all layers."""
    return int(table[-1, kernels.codes.OUTPUT]) + int(table[-1, kernels.codes.N_OUT])


def why_not_tiny(table: Array, loss: Loss) -> str:
    """Why a net cannot have a loop of its own, or nothing."""
    codes = kernels.codes
    if table[-1, codes.N_OUT] != 1 or loss.code not in (codes.BCE, codes.MSE):
        return "it takes one output, with loss 'bce' or 'mse'"
    n_params = int(
        ((table[:, codes.N_IN].astype(int) + 1) * table[:, codes.N_OUT]).sum()
    )
    if n_params > codes.MAX_SPECIALISED_PARAMS:
        return f"it takes {codes.MAX_SPECIALISED_PARAMS} parameters at most, which registers can hold, not {n_params}"
    return ""


def choose(table: Array, loss: Loss, job: FitConfig) -> str:
    """The loop over single samples: "specialised" where it was asked for, or where it can be had and pays."""
    if job.loop == "general" or (job.loop == "auto" and job.updates < PAYS):
        return "general"
    why = why_not_tiny(table, loss)
    if not why and job.rule != kernels.codes.SGD:
        why = "it does plain SGD"
    if not why and job.rates.size:
        why = "it has one learning rate for all parameters"
    if not why and job.batch_size != 1:
        why = "it takes single samples, batch_size=1"
    if job.loop == "specialised" and why:
        raise ValueError(
            f"loop='specialised' is not for this training: {why}. Leave it out, or pass loop='general'"
        )
    return "general" if why else "specialised"


def specialised(table: Array, loss: Loss, job: FitConfig, state: State) -> Advance:
    """One sample at a time, in a loop that is compiled for this architecture."""
    codes = kernels.codes
    sizes = (int(table[0, codes.N_IN]), *(int(n) for n in table[:, codes.N_OUT]))
    activations = tuple(int(code) for code in table[:-1, codes.ACTIVATION])
    train = kernels.loops.specialised.trainer(sizes, activations, loss.code)
    curve = kernels.loops.specialised.sigmoid_table(job.X.dtype)
    state.carried = np.zeros(1 + sizes[1])

    plan = _plan(table, loss, job)

    def advance(order: Array, first_epoch: int, end: int, budget: int) -> int:
        data = kernels.arguments.Data(job.X, job.y, order)
        return int(train(_state(state), data, plan, curve, first_epoch, end, budget))

    return advance


def _plan(table: Array, loss: Loss, job: FitConfig) -> "kernels.arguments.FitPlan":
    """Return what the loops train, and how."""
    return kernels.arguments.FitPlan(
        table,
        loss.code,
        job.rule,
        job.settings,
        job.rates,
        job.batch_size,
        job.mean,
        job.record_at,
    )


def _state(state: State) -> "kernels.arguments.FitState":
    """Return what the loops change in place."""
    return kernels.arguments.FitState(
        state.theta,
        state.moments,
        state.clock,
        state.g,
        state.carried,
        state.loss_sums,
        state.n_right,
        state.position,
        state.recorded,
        state.recorded_sums,
    )


def per_sample(table: Array, loss: Loss, job: FitConfig, state: State) -> Advance:
    """One sample at a time, for any architecture."""
    packed = packing(table, kernels.codes.VECTOR_BYTES // job.X.itemsize)
    vectors = aligned_zeros(
        (2 + len(state.moments)) * packed.size, job.X.dtype
    ).reshape(-1, packed.size)
    by_unit = aligned_zeros(4 * packed.units.size, job.X.dtype).reshape(4, -1)
    by_unit[3] = packed.units
    rates = aligned_zeros(packed.size, job.rates.dtype) if job.rates.size else job.rates
    scratch = kernels.arguments.PackedScratch(
        vectors[0],
        vectors[2:],
        vectors[1],
        rates,
        by_unit[0],
        by_unit[1],
        by_unit[2],
        by_unit[3],
        packed.places,
        packed.sources,
    )
    plan = _plan(packed.layers, loss, job)

    def advance(order: Array, first_epoch: int, end: int, budget: int) -> int:
        train = kernels.loops.per_sample.train
        data = kernels.arguments.Data(job.X, job.y, order)
        return int(train(_state(state), data, plan, scratch, first_epoch, end, budget))

    return advance


def batches(
    table: Array, loss: Loss, job: FitConfig, state: State, lanes: int
) -> Advance:
    """Batches, in tiles of so many lanes, on as many threads as the job has and there are parts and processors for."""
    batch_tiles = -(-min(job.batch_size, len(job.X)) // lanes)
    part_tiles = max(_PART_TILES, -(-batch_tiles // _MOST_PARTS))
    n_parts = -(-batch_tiles // part_tiles)
    n_threads = min(threads(job.n_jobs), n_parts)
    state.g = np.zeros((n_parts, state.theta.size), state.theta.dtype)
    units, n_columns = n_units(table), job.X.shape[1] + job.y.shape[1]
    n_tiles = batch_tiles * job.per_epoch
    most = min(
        max(_SMALL, 4 * job.X.nbytes), _MOST_TILES
    )  # small batches leave most of a tile empty
    kept = not job.shuffle and n_tiles * n_columns * lanes * job.X.itemsize <= most
    codes, dtype = kernels.codes, job.X.dtype
    scratch = [
        kernels.arguments.TileScratch(
            aligned_zeros(
                (units + (n_tiles if kept else 1) * n_columns) * lanes, dtype
            ),
            aligned_zeros(units * lanes, dtype),
            aligned_zeros(lanes, dtype),
            aligned_zeros((codes.PARTIAL_SUMS + 1) * lanes, dtype),
            np.zeros(n_tiles if kept else 0, np.int64),
        )
        for _ in range(n_threads)
    ]
    part_sums = np.zeros((n_parts, 3))
    plan = _plan(table, loss, job)

    def advance(order: Array, first_epoch: int, end: int, budget: int) -> int:
        train = kernels.loops.batches.train
        arrays, data = _state(state), kernels.arguments.Data(job.X, job.y, order)
        sync = np.zeros(codes.N_SYNC, np.int64)

        def run(thread: int) -> int:
            team = kernels.arguments.Team(
                part_tiles, part_sums, sync, thread, n_threads
            )
            own = scratch[thread]
            return int(train(arrays, data, plan, own, team, first_epoch, end, budget))

        return run(0) if n_threads == 1 else _together(run, n_threads, sync)

    return advance


def _together(run: Callable[[int], int], n_threads: int, sync: Array) -> int:
    """The answer of thread 0, when all have ended."""
    from concurrent.futures import ThreadPoolExecutor  # 5 ms

    def guarded(thread: int) -> int:
        try:
            return run(thread)
        except BaseException:  # the others would wait for this thread for ever
            sync[kernels.codes.GIVEN_UP] = 1
            raise

    with ThreadPoolExecutor(n_threads - 1) as pool:
        try:
            others = [pool.submit(guarded, thread) for thread in range(1, n_threads)]
            status = run(0)
            for other in others:
                other.result()
            return status
        except BaseException:  # also where a thread could not be started
            sync[kernels.codes.GIVEN_UP] = 1
            raise
