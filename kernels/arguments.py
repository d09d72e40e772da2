"""Named tuples of arguments for the loops, which need neither NumPy nor Numba.

Arrays are C-contiguous and of the net's dtype unless another one is given. `n_params`
counts a net's parameters, `numbers` those of a vector, `lanes` those of a row.
"""

from typing import Any, NamedTuple


class Data(NamedTuple):
    """Samples, and the order in which epochs visit them. Loops only read them."""

    X: Any  # (n, n_in)
    y: Any  # (n, n_targets): the true class's number, or n_out values (see `codes`)
    # (n,) factors of the rows' losses, or (0,) where all are 1. For many nets they are
    # (n, n_vectors, numbers) where each net has its own, otherwise (n or 0, 1, 1).
    weights: Any
    order: Any  # (k, n) int64, from the first epoch on; k = 1: the same in all epochs


class FitArrays(NamedTuple):
    """Arrays of one net's training, which a loop changes in place."""

    theta: Any  # (n_params,)
    moments: Any  # (N_MOMENTS[optimizer], n_params)
    clock: Any  # (2,) float64: Adam's beta1^t and beta2^t
    g: Any  # (n_parts, n_params): gradients of the update under way, in batches
    carried: Any  # (1 + first layer's units,) float64: for the specialised loop
    loss_sums: Any  # (epochs,) float64: losses before the updates, times loss_scale
    n_right: Any  # (epochs,) int64: how many of the predicted classes were right
    penalty_sums: Any  # (epochs,) float64: as loss_sums, of L2 penalties; or (0,)
    # (epochs, 2) float64: a mean and a product, see `functions.losses.PER_SUBTOTAL`
    subtotals: Any
    position: Any  # (N_POSITION,) int64
    recorded: Any  # (n_records, n_params): see `loops.recordings`
    recorded_sums: Any  # (n_records, 2) float64


class FitPlan(NamedTuple):
    """What a loop for one net trains, and how.

    Sums of losses are those of the losses times loss_scale, a power of two of at most
    1 / n: a sum of finite losses is finite, and has the same bits.
    """

    layers: Any  # the layer table, or the packed one: (n_layers, columns) uint32
    loss: int
    optimizer: int
    settings: Any  # (N_SETTINGS,) float64: see `codes`
    rates: Any  # (n_params,) float64 learning rates, or (0,): that of the settings
    decays: Any  # (n_params,) float64 weight decays, or (0,): that of the settings
    batch_size: int
    mean: bool  # True for a batch's mean gradient, False for its sum
    weighted_mean: bool  # divide by the sum of a batch's weights, not by its rows
    l2: float  # see `functions.penalties`; 0 for none
    low: float  # lower bound of the recorded losses' probabilities, or 0 for none
    loss_scale: float
    record_at: Any  # (n_records,) int64, sorted: the updates after which to record
    schedule: Any  # (epochs,) float64: learning rates for the settings, or (0,)


class PackedScratch(NamedTuple):
    """Scratch of the loop over single samples.

    The packed parameter places[p] is the parameter sources[p] of theta, and for
    p < n_params that is p.
    """

    theta: Any  # (n_packed,), and so are g and rates (float64)
    moments: Any  # (N_MOMENTS[optimizer], n_packed)
    g: Any
    rates: Any  # or (0,)
    decays: Any  # like rates
    decay: Any  # 1.0; or None where nothing decays, for which there is other code
    a: Any  # (n_units,), padded: each layer's input and output
    d: Any  # (n_units,)
    scaled_d: Any  # (n_units,): d times the factor of the gradient
    units: Any  # (n_units,): 1 for each unit and 0 for padding; only read
    places: Any  # int64; only read
    sources: Any  # int64; only read


class StreamArrays(NamedTuple):
    """Arrays of a net that learns one sample per call.

    Their addresses go to the loop in a table (n_arrays, 3) int64 with a row for each of
    them, in this order: its address, and its two dimensions, of which the first is 1
    for a flat array. Whoever has the table keeps the arrays alive, where they are.
    """

    x: Any  # (n_in,): only its size counts
    y: Any  # (1, n_targets): filled before a call, unless n_targets is 1
    codes: Any  # (2,) int64: loss and optimizer
    theta: Any  # these three change in place
    moments: Any
    clock: Any
    settings: Any  # see FitPlan
    rates: Any
    decays: Any
    layers: Any
    packed_theta: Any  # see PackedScratch; zero at first
    packed_moments: Any
    packed_g: Any
    packed_rates: Any
    packed_decays: Any
    a: Any
    d: Any
    scaled_d: Any
    units: Any
    places: Any
    sources: Any
    sums: Any  # (1,) float64, and what follows is scratch of one update, too
    counts: Any  # (1,) int64
    position: Any  # (N_POSITION,) int64
    order: Any  # (1, 1) int64, zero
    subtotals: Any  # (1, 2) float64, zero
    none: Any  # (0, n_params) float64


class BatchKernels(NamedTuple):
    """Addresses of the kernels that a loop over batches calls."""

    gradient: int  # of `loops.gradients`
    loss: int  # of `loops.tile_losses`
    step: int  # of `loops.steps`, or 0 for plain SGD


class BatchScratch(NamedTuple):
    """Scratch of one thread in batches."""

    numbers: Any  # all rows of tile_rows and wide_rows, zero at first
    tile_rows: Any  # TileRows
    wide_rows: Any  # WideRows
    # (n,) int64, zero at first: 1 for the tiles of an epoch whose inputs and targets
    # the rows keep; (0,) where they have space for one tile
    kept: Any


class TileRows(NamedTuple):
    """Where rows of `lanes` numbers start in the scratch; in kernels pointers to them.

    a has a row per unit, and then one per input and target of each tile that it has
    space for: one tile, or all of an epoch where all epochs have the same order. With
    wide layers, a and d have rows for the outputs and targets only.
    """

    a: Any
    d: Any  # a row per unit
    scales: Any  # (lanes,)
    weights: Any  # (lanes,)
    losses: Any  # PARTIAL_SUMS + 1 rows
    lanes: Any


class WideRows(NamedTuple):
    """Where the numbers of wide layers start in the scratch; in kernels pointers.

    A layer's width is its number of units, padded to whole vectors. Tiles have `lanes`
    samples. All are 0 where no layer is wide.
    """

    a: Any  # each layer's width times lanes
    d: Any  # like a
    x: Any  # (lanes, n_in)
    panel: Any  # a pair of vectors times the largest n_in + 1, n_out or lanes
    sums: Any  # a pair of vectors times the largest n_in
    zeros: Any  # a pair of vectors; only read


class Team(NamedTuple):
    """The threads of one training in batches, and what they share."""

    part_tiles: int  # tiles of a part, whose gradient is summed apart
    part_sums: Any  # (n_parts, 3) float64: loss, right classes, row not finite or -1
    sync: Any  # (N_SYNC,) int64, zero at first: see `primitives.barrier`
    thread: int  # this thread's number
    n_threads: int


class Validation(NamedTuple):
    """What `predictions.evaluate` takes besides theta; not called without rows."""

    X: Any  # see Data
    y: Any
    weights: Any
    layers: Any  # (n_layers, N_COLUMNS) uint32
    loss: int
    loss_scale: float  # see FitPlan
    lanes: int


class EpochEnds(NamedTuple):
    """Arrays of what is measured of one net at the ends of epochs."""

    val_loss: Any  # (epochs,) float64, and so is the next, or (0,)
    val_accuracy: Any
    best: Any  # (2,) float64: BEST_VALUE and BEST_EPOCH; or (0,)
    best_theta: Any  # (n_params,), or (0,)


class SweepArrays(NamedTuple):
    """Arrays of many nets' training, which a loop changes in place.

    Over single samples all nets are one long row: n_vectors is 1 and numbers is lanes.
    """

    theta: Any  # (n_vectors, n_params, numbers)
    moments: Any  # (n_vectors, N_MOMENTS[optimizer], n_params, numbers)
    clock: Any  # (n_vectors, 2, numbers) float64
    settings: Any  # (n_vectors, N_SETTINGS, numbers) float64
    losses: Any  # (n_recorded, n_vectors, numbers) float64: scaled sums over samples
    n_right: Any  # (n_recorded, n_vectors, numbers) int64
    penalties: Any  # as losses, of the L2 penalties; or (0, n_vectors, numbers)
    trained: Any  # (n_vectors, numbers) int64: 0, or the epochs of a net that stopped
    position: Any  # (n_groups, N_POSITION) int64


class SweepPlan(NamedTuple):
    """What a loop for many nets trains, and how.

    Losses are recorded in epochs 0, every, 2 every ... and in the last one. A net stops
    after an epoch whose mean loss is below stop_below or not finite; at 0 none stops.
    The schedule starts with first_epoch.
    """

    layers: Any  # (n_layers, N_COLUMNS) uint32
    loss: int
    optimizer: int
    batch_size: int
    mean: bool
    loss_scale: float  # see FitPlan
    low: float  # see FitPlan; only in batches
    every: int
    epochs: int
    stop_below: float
    # (k, n_vectors, numbers) float64 learning rates of the epochs, (k, 1, 1) where all
    # nets have the same, or (0, 1, 1): those of the settings
    schedule: Any
    biases_follow: bool  # the schedule is that of the biases as well
    # (n_vectors, numbers) float64: see `functions.penalties`; or (0, numbers). Only in
    # batches, where each epoch's losses are recorded
    l2: Any


class SweepScratch(NamedTuple):
    """Scratch of the sweep over single samples, in rows of `lanes` numbers."""

    g: Any  # (n_params, lanes)
    a: Any  # a row per unit
    d: Any  # a row per unit
    losses: Any  # PARTIAL_SUMS + numbers of a vector rows
    subtotals: Any  # (2, lanes), zero at first: see `functions.losses.PER_SUBTOTAL`
    hits: Any  # (lanes,), zero at first
    factors: Any  # (N_FACTORS, lanes)
    constants: Any  # (N_CONSTANTS, lanes)


class SweepTileScratch(NamedTuple):
    """Scratch of the sweep in batches, in rows of `lanes` numbers unless given."""

    g: Any  # (group, n_params, numbers)
    a: Any  # a row per unit, input and target
    d: Any  # a row per unit
    losses: Any  # PARTIAL_SUMS + 1 rows
    sums: Any  # (2, numbers)
    scales: Any  # (lanes,)
    weights: Any  # (lanes,)
    constants: Any  # (group, N_CONSTANTS, numbers)


class EpochPlan(NamedTuple):
    """What the nets of a sweep are, and how their losses were summed in an epoch."""

    layers: Any  # (n_layers, N_COLUMNS) uint32
    loss: int  # for the validation data
    n: int  # the number of samples of an epoch
    loss_scale: float  # see FitPlan
    val_scale: float  # that of the validation data
    classifies: bool


class StopRule(NamedTuple):
    """When a net stops after an epoch: early stopping; in a sweep also a low loss.

    There it also stops where its loss or a parameter is not finite.
    """

    monitor: int  # LOSS ... VAL_ACCURACY, or -1 where none stops
    sign: float  # -1 where larger values are better, otherwise 1
    min_delta: float
    patience: int
    restores: bool  # whether best_theta is needed
    stop_below: float  # 0 where none stops by its loss


class Measured(NamedTuple):
    """What is measured of n nets at the ends of epochs, and scratch."""

    final: Any  # (n_curves, n) float64: LOSS ... of each net's last epoch
    validated: Any  # (n_curves - 2, n_recorded, n) float64
    best: Any  # (N_BEST, n) float64, or (0, n)
    best_theta: Any  # (n, n_params), or (n, 0)
    nets: Any  # (n, n_params), and so are the others (n,)
    ids: Any  # int64
    totals: Any  # float64
    hits: Any  # int64
