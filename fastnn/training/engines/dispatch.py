"""Dispatch: which compiled loop trains a layer table, and its scratch memory.

The choice follows from the work alone, never from timing or from what is compiled
already: the same call gives the same bits. The specialised loop's bits differ from the
general one's by rounding.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from ... import kernels
from ...data.arrays import Array, aligned_arrays, aligned_zeros
from ...data.weights import no_weights
from ...kernels.arguments import (
    BatchScratch,
    Data,
    EpochEnds,
    FitArrays,
    FitPlan,
    PackedScratch,
    Team,
    TileRows,
    Validation,
    WideRows,
)
from ...nn.losses import Loss, code_for, loss_scale
from ..config import FitConfig
from ..state import TrainingState
from ..validation import ValidationData
from .batch_kernels import batch_kernels
from .engine import Advance
from .measuring import stop_rule
from .packing import packing
from .table import n_units
from .threads import Workers, thread_count

# Activations that the specialised loop has.
_SPECIALISED_ACTIVATIONS = {
    kernels.codes.IDENTITY,
    kernels.codes.SIGMOID,
    kernels.codes.TANH,
    kernels.codes.RELU,
}
# Number of updates from which the specialised loop saves more than the second that it
# takes to compile.
SPECIALISED_PAYS = 50_000_000
# Maximum hidden units with which the specialised loop is faster than that for one
# hidden layer: 2-5-1 with BCE takes 53 ns instead of 70, 2-6-1 as long, 2-8-1 90
# instead of 67; squared errors 34 instead of 41 for 2-3-1, 50 instead of 41 for 2-5-1.
_SPECIALISED_UNITS = {kernels.codes.BCE: 5, kernels.codes.MSE: 4}
# Bytes of an epoch's tiles that are kept whatever the data's size, and maximum.
_SMALL_TILES, _MAX_TILES = 2**21, 2**26
# Units from which on they fill vectors, how many inputs are many, and a tile's samples.
_WIDE_UNITS, _WIDE_INPUTS, _WIDE_SAMPLES = 16, 256, 128
# Bytes of a unit's numbers in a batch that is small enough for vectors of units.
WIDE_BATCH = 2 * kernels.codes.VECTOR_BYTES
# The most arithmetic in vectors of units, as a multiple of that in vectors of samples;
# that of nets with fewer inputs and at most 31 units, for which function calls count.
_WIDE_WORK, _WIDE_WORK_OF_SMALL, _SMALL_UNITS = 1.1, 0.7, 31
# Minimum tiles in a part of a batch, and maximum parts of a batch.
_PART_TILES, _MAX_PARTS = 4, 16


def start_loop(
    table: Array, loss: Loss, config: FitConfig, state: TrainingState, lanes: int
) -> Advance:
    """Return the loop that trains this table, with its scratch memory.

    lanes is the number of samples in a tile, for batches.
    """
    validation = _validation(table, loss, config, lanes)
    if choose_loop(table, loss, config) == "specialised":
        return _specialised(table, loss, config, state, validation)
    if config.batch_size == 1:
        return _per_sample(table, loss, config, state, validation)
    return _batches(table, loss, config, state, lanes, validation)


def choose_loop(table: Array, loss: Loss, config: FitConfig) -> str:
    """Return "general" or "specialised".

    The specialised loop is chosen if it was asked for, or if it can train this net, is
    faster, and the updates pay for its compilation. ValueError if it was asked for and
    cannot.
    """
    if config.loop == "general" or (
        config.loop == "auto"
        and not (
            config.updates >= SPECIALISED_PAYS
            and is_faster_specialised(table, loss, config.X.dtype)
        )
    ):
        return "general"
    why = why_not_specialised(table, loss)
    if not why and config.rule.code != kernels.codes.SGD:
        why = "only plain SGD"
    if not why and config.rule.learning_rates.size:
        why = "only one learning rate for all parameters"
    if not why and config.rule.settings[kernels.codes.CLIP_NORM]:
        why = "only gradients that are not clipped"
    if not why and config.schedule.size:
        why = "only one learning rate for all epochs"
    if not why and config.weights.size:
        why = "only rows without weights"
    if not why and config.batch_size != 1:
        why = "only single samples, batch_size=1"
    if not why and config.batch_terms:
        why = f"no {config.batch_terms[0]}"
    if config.loop == "specialised" and why:
        raise ValueError(
            f"loop='specialised' supports {why}: leave it out, or pass loop='general'"
        )
    return "general" if why else "specialised"


def why_not_specialised(table: Array, loss: Loss) -> str:
    """Return what the specialised loop supports and this net is not, or nothing."""
    codes = kernels.codes
    if table[-1, codes.N_OUT] != 1 or loss.code == codes.SOFTMAX_CE:
        return "only one output, with loss 'bce', 'mse' or 'poisson'"
    if not set(table[:, codes.ACTIVATION].tolist()) <= _SPECIALISED_ACTIVATIONS:
        return "only sigmoid, tanh, ReLU and no activation"
    n_in, n_out = table[:, codes.N_IN].astype(int), table[:, codes.N_OUT]
    n_params = int(((n_in + 1) * n_out).sum())
    if n_params > codes.MAX_SPECIALISED_PARAMS:
        limit = codes.MAX_SPECIALISED_PARAMS
        return (
            f"only nets of at most {limit} parameters, which registers can hold, "
            f"not {n_params}"
        )
    return ""


def is_faster_specialised(table: Array, loss: Loss, dtype: np.dtype[Any]) -> bool:
    """Return False where the loop for one hidden layer is as fast."""
    codes = kernels.codes
    units = int(table[0, codes.N_OUT])
    limit = _SPECIALISED_UNITS.get(loss.code % codes.LINK, units)
    has_loop = len(table) == 2 and units <= _padded(1, dtype)
    return not has_loop or units <= limit


def _specialised(
    table: Array,
    loss: Loss,
    config: FitConfig,
    state: TrainingState,
    validation: Validation | None,
) -> Advance:
    """Return the loop over single samples that is compiled for this architecture."""
    codes = kernels.codes
    sizes = (int(table[0, codes.N_IN]), *(int(n) for n in table[:, codes.N_OUT]))
    activations = tuple(int(code) for code in table[:-1, codes.ACTIVATION])
    code = loss.code
    if code == codes.BCE and not ((config.y == 0) | (config.y == 1)).all():
        code = codes.SOFT_BCE
    train = kernels.loops.specialised.trainer(sizes, activations, code, _decays(config))
    curve = kernels.loops.specialised.sigmoid_table(config.X.dtype)
    state.carried = np.zeros(1 + sizes[1])
    plan = _plan(table, loss, config)
    advance = _on_one_thread(train, config, state, plan, validation, curve)
    n = len(config.X)

    def advance_by_epochs(order: Array, first_epoch: int, end: int, budget: int) -> int:
        # Only at an epoch's end is there nothing to carry over, so that another fit
        # goes on with the same bits.
        updates = int(state.position[codes.UPDATES])
        whole = (updates + budget) // n * n
        return advance(
            order, first_epoch, min(whole, end) if whole > updates else end, budget
        )

    return advance_by_epochs


def _per_sample(
    table: Array,
    loss: Loss,
    config: FitConfig,
    state: TrainingState,
    validation: Validation | None,
) -> Advance:
    """Return the loop over single samples for any architecture."""
    dtype, rates = config.X.dtype, config.rule.learning_rates
    decays = config.rule.decays
    packed = packing(table, kernels.codes.VECTOR_BYTES // dtype.itemsize)
    vectors, by_unit = aligned_arrays(
        dtype, (2 + len(state.moments), packed.size), (4, packed.units.size)
    )
    by_unit[3] = packed.units
    scratch = PackedScratch(
        theta=vectors[0],
        moments=vectors[2:],
        g=vectors[1],
        rates=aligned_zeros(packed.size, rates.dtype) if rates.size else rates,
        decays=aligned_zeros(packed.size, decays.dtype) if decays.size else decays,
        decay=1.0 if _decays(config) else None,
        a=by_unit[0],
        d=by_unit[1],
        scaled_d=by_unit[2],
        units=by_unit[3],
        places=packed.places,
        sources=packed.sources,
    )
    train = _per_sample_kernel(packed.layers, loss, config)
    plan = _plan(packed.layers, loss, config)
    return _on_one_thread(train, config, state, plan, validation, scratch)


def _per_sample_kernel(
    layers: Array, loss: Loss, config: FitConfig
) -> Callable[..., int]:
    """Return the kernel for this packed table; all kernels that fit have its bits."""
    codes, loops = kernels.codes, kernels.loops
    numbers = codes.VECTOR_BYTES // config.X.dtype.itemsize
    rule = config.rule
    if (
        len(layers) != 2
        or rule.code != codes.SGD
        or rule.learning_rates.size
        or rule.settings[codes.CLIP_NORM]
        or config.l2
        or config.weights.size
        or config.min_probability
    ):
        return loops.per_sample.train
    code = code_for(loss.code, config.y)
    if layers[1, codes.N_OUT] == 1 and layers[0, codes.WIDTH_OUT] == numbers:
        if code == codes.BCE:
            return loops.one_hidden_layer.train_bce
        link, kind = divmod(code, codes.LINK)
        if kind == codes.MSE and link != codes.SOFTMAX:
            return loops.one_hidden_layer.train_mse
    if code == codes.SOFTMAX_CE and layers[1, codes.WIDTH_OUT] == numbers:
        return loops.one_hidden_layer.train_softmax
    return loops.per_sample.train


def _decays(config: FitConfig) -> bool:
    """Return True if there is any weight decay."""
    codes, settings = kernels.codes, config.rule.settings
    return bool(settings[codes.DECAY] or settings[codes.BIAS_DECAY])


def _on_one_thread(
    train: Callable[..., int],
    config: FitConfig,
    state: TrainingState,
    plan: FitPlan,
    validation: Validation | None,
    *scratch: Any,
) -> Advance:
    """Return a loop with its arguments, which also measures epochs if there are data.

    scratch: the arguments between the plan and first_epoch.
    """
    arrays = _arrays(state)

    def advance(order: Array, first_epoch: int, end: int, budget: int) -> int:
        data = Data(config.X, config.y, config.weights, order)
        return int(train(arrays, data, plan, *scratch, first_epoch, end, budget))

    if validation is None:
        return advance
    kernel, rule = kernels.loops.epochs.train, stop_rule(config)
    ends = EpochEnds(state.val_loss, state.val_accuracy, state.best, state.best_theta)
    any_order = Data(config.X, config.y, config.weights, np.zeros((1, 1), np.int64))
    address_of = kernels.compiler.compile.address_of
    loop = address_of(train, arrays, any_order, plan, *scratch, 0, 0, 0)
    evaluate = kernels.loops.predictions.evaluate
    evaluate = address_of(evaluate, state.theta, *validation)

    def advance_and_measure(
        order: Array, first_epoch: int, end: int, budget: int
    ) -> int:
        data = Data(config.X, config.y, config.weights, order)
        given = arrays, data, plan, *scratch
        return int(
            kernel(
                *(loop, evaluate, given, validation, ends, rule),
                *(first_epoch, end, budget),
            )
        )

    return advance_and_measure


def _validation(
    table: Array, loss: Loss, config: FitConfig, lanes: int
) -> Validation | None:
    """Return what is evaluated at the end of each epoch, without rows nothing.

    It is None where early stopping does not look at the epochs either.
    """
    rows = config.validation
    if rows is None:
        if config.early_stopping is None:
            return None
        rows = ValidationData(config.X[:0], config.y[:0], no_weights(config.X.dtype))
    code, scale = code_for(loss.code, rows.y), loss_scale(max(len(rows.y), 1))
    return Validation(rows.X, rows.y, rows.weights, table, code, scale, lanes)


def _batches(
    table: Array,
    loss: Loss,
    config: FitConfig,
    state: TrainingState,
    lanes: int,
    validation: Validation | None,
) -> Advance:
    """Return the loop over batches, in tiles of `lanes` samples, on some threads."""
    codes, dtype, (n, n_targets) = kernels.codes, config.X.dtype, config.y.shape
    repeats = config.epochs > 1 and not config.shuffle
    layout = _layout(
        table.tobytes(), dtype, lanes, n, n_targets, config.batch_size, repeats
    )
    n_parts, part_tiles = layout.n_parts, layout.part_tiles
    n_threads = 1 if n_parts == 1 else min(thread_count(config.n_jobs), n_parts)
    shapes = [(layout.n_numbers,)] * n_threads
    state.g, *numbers = aligned_arrays(dtype, (n_parts, state.theta.size), *shapes)
    plan = _plan(table, loss, config)
    addresses = batch_kernels(plan, config.weights.size > 0, dtype, layout.is_wide)
    scratch = [
        BatchScratch(
            own,
            layout.tile_rows,
            layout.wide_rows,
            np.zeros(layout.n_kept, np.int64),
        )
        for own in numbers
    ]
    part_sums = np.zeros((n_parts, 3))
    train = kernels.loops.batches.train
    if n_threads == 1:
        team = Team(part_tiles, part_sums, np.zeros(codes.N_SYNC, np.int64), 0, 1)
        own = addresses, scratch[0], team
        return _on_one_thread(train, config, state, plan, validation, *own)
    arrays = _arrays(state)

    def advance(order: Array, first_epoch: int, end: int, budget: int) -> int:
        data = Data(config.X, config.y, config.weights, order)
        workers = state.workers
        if workers is not None and not workers.alive:
            workers = None
        n = 1 if workers is None else 1 + workers.n_threads
        sync = np.zeros(codes.N_SYNC, np.int64)

        def run(thread: int) -> int:
            team = Team(part_tiles, part_sums, sync, thread, n)
            own = addresses, scratch[thread], team
            return int(train(arrays, data, plan, *own, first_epoch, end, budget))

        return run(0) if workers is None else workers.run_together(run, sync)

    # Compile in this thread, which signals can stop, before others start.
    advance(np.zeros((1, 1), np.int64), 0, 0, 0)
    with kernels.interrupts.deferred:
        state.workers = Workers(n_threads - 1)
    return advance


class _Layout(NamedTuple):
    """How batches are divided, and what a thread's scratch has where."""

    is_wide: bool
    n_parts: int  # of a batch
    part_tiles: int  # see Team
    tile_rows: TileRows
    wide_rows: WideRows
    n_numbers: int  # of BatchScratch
    n_kept: int  # the tiles whose inputs and targets are kept, or 0


@lru_cache
def _layout(
    table_bytes: bytes,
    dtype: np.dtype[Any],
    lanes: int,
    n: int,
    n_targets: int,
    batch_size: int,
    repeats: bool,
) -> _Layout:
    """Return the layout of batches of n rows, for tiles of `lanes` samples.

    repeats: other epochs have the same tiles. The layout depends on sizes alone, and
    takes a tenth of a small fit.
    """
    codes = kernels.codes
    table = np.frombuffer(table_bytes, np.uint32).reshape(-1, codes.N_COLUMNS)
    n_in = int(table[0, codes.N_IN])
    batch_size = min(batch_size, n)
    wide = is_wide(table, batch_size, dtype)
    # Where all lanes are used, an activation takes the units of a layer at once.
    lanes = min(_WIDE_SAMPLES if wide else lanes, _padded(batch_size, dtype, 2))
    batch_tiles = -(-batch_size // lanes)
    part_tiles = max(1 if wide else _PART_TILES, -(-batch_tiles // _MAX_PARTS))
    units, n_columns = n_units(table), n_in + n_targets
    n_tiles = batch_tiles * -(-n // batch_size)
    # Small batches leave most of a tile empty, so tiles may be larger than the data.
    max_bytes = min(max(_SMALL_TILES, 4 * n * n_in * dtype.itemsize), _MAX_TILES)
    tile_bytes = n_columns * lanes * dtype.itemsize
    keeps_tiles = repeats and n_tiles * tile_bytes <= max_bytes and not wide
    columns = (n_tiles if keeps_tiles else 1) * n_columns
    if wide:
        units, columns = _padded(int(table[-1, codes.N_OUT]), dtype), n_targets
    rows = (units + columns, units, 1, 1, codes.PARTIAL_SUMS + 1)
    sizes = [n * lanes for n in rows] + (
        _wide_sizes(table, lanes, dtype) if wide else []
    )
    starts = [0, *accumulate(_padded(n, dtype) for n in sizes)]
    return _Layout(
        is_wide=wide,
        n_parts=-(-batch_tiles // part_tiles),
        part_tiles=part_tiles,
        tile_rows=TileRows._make([*starts[:5], lanes]),
        wide_rows=WideRows(*(starts[5:-1] if wide else [0] * 6)),
        n_numbers=starts[-1],
        n_kept=n_tiles if keeps_tiles else 0,
    )


def _padded(n: int, dtype: np.dtype[Any], vectors: int = 1) -> int:
    """Return n, padded to a whole number of vectors, or of so many together."""
    length = vectors * kernels.codes.VECTOR_BYTES // dtype.itemsize
    return -(-n // length) * length


def is_wide(table: Array, batch_size: int, dtype: np.dtype[Any]) -> bool:
    """Return True where vectors of units take less time than vectors of samples.

    They do with many inputs or small batches, if they leave fewer lanes empty: those
    behind a layer's last unit, in place of those behind a batch's last sample.
    """
    codes = kernels.codes
    layers = [(int(row[codes.N_IN]), int(row[codes.N_OUT])) for row in table]
    needed, done = (
        sum(
            2 * n_in * pad(n_out) + (pad(n_in) * n_out if i > 0 else 0)
            for i, (n_in, n_out) in enumerate(layers)
        )
        for pad in (int, partial(_padded, dtype=dtype))
    )
    work = done * batch_size / (needed * _padded(batch_size, dtype, 2))
    widest, many_inputs = max(n_out for _, n_out in layers), has_many_inputs(table)
    is_small = widest <= _SMALL_UNITS and not many_inputs
    return (
        widest >= _WIDE_UNITS
        and (many_inputs or batch_size * dtype.itemsize <= WIDE_BATCH)
        and work <= (_WIDE_WORK_OF_SMALL if is_small else _WIDE_WORK)
    )


def has_many_inputs(table: Array) -> bool:
    """Return True where units may lie side by side whatever the batch."""
    return bool(table[0, kernels.codes.N_IN] >= _WIDE_INPUTS)


def _wide_sizes(table: Array, lanes: int, dtype: np.dtype[Any]) -> list[int]:
    """Return the sizes of the arrays in WideRows."""
    codes = kernels.codes
    n_in, n_out = (
        [int(n) for n in table[:, column]] for column in (codes.N_IN, codes.N_OUT)
    )
    units = sum(_padded(n, dtype) for n in n_out) * lanes
    pair = _padded(1, dtype, 2)
    panel = max(max(n_in) + 1, max(n_out), lanes) * pair
    return [units, units, lanes * n_in[0], panel, max(n_in) * pair, pair]


def _plan(layers: Array, loss: Loss, config: FitConfig) -> FitPlan:
    """Return what the loops train, and how."""
    return FitPlan(
        layers,
        code_for(loss.code, config.y),
        config.rule.code,
        config.rule.settings,
        config.rule.learning_rates,
        config.rule.decays,
        config.batch_size,
        config.mean,
        config.weighted_mean,
        config.l2,
        config.min_probability,
        config.loss_scale,
        config.record_at,
        config.schedule,
    )


def _arrays(state: TrainingState) -> FitArrays:
    """Return the arrays that the loops change in place."""
    return FitArrays(
        state.theta,
        state.moments,
        state.clock,
        state.g,
        state.carried,
        state.loss_sums,
        state.n_right,
        state.penalty_sums,
        state.subtotals,
        state.position,
        state.recorded,
        state.recorded_sums,
    )
