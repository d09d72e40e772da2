"""Plan of many trainings: initial parameters, recorded losses and memory."""

import operator
from bisect import bisect_left
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from ..data.arguments import (
    check_choice,
    check_float,
    check_int,
    check_seed,
    check_seeds,
)
from ..data.arrays import Array, as_float_array
from ..data.machine import check_memory, memory_limit
from ..nn.architecture import Architecture

# Up to this number of losses, those of each net are recorded unless asked otherwise.
_MAX_EACH = 2**24
# Up to this number of bytes, nets fit into any memory.
_FEW_BYTES = 2**20
# Number of losses whose percentiles are taken at a time.
WINDOW = 2**24
# Bytes of a loss and an accuracy, and of what is sorted for the percentiles.
_LOSS_BYTES = 24
# Bytes of the sums of losses and right classes of a net in a block, and of the losses
# and accuracies that the block returns.
_SUM_BYTES = 32
# Minimum nets of a block, and maximum nets in all blocks at once.
_BLOCK_NETS, _MAX_BLOCK_NETS = 32, 512
# Bytes of an epoch's percentiles, which are collected and then put together.
_PERCENTILES_BYTES = 2 * 2 * 101 * 8


@dataclass(frozen=True, eq=False)
class InitialParameters:
    """Initial parameters of many nets: given as an array, or drawn from seeds."""

    architecture: Architecture
    dtype: np.dtype[Any]
    n_nets: int
    given: Array | None
    seeds: Sequence[int]

    def theta(self) -> Array:
        """Draw or copy the parameters (n_nets, n_params)."""
        if self.given is not None:
            return self.given.copy()
        return self.architecture.draw_many(self.seeds, self.dtype)

    def space(self) -> Array:
        """Return memory for the parameters, with those that were given."""
        if self.given is not None:
            return self.given.copy()
        return np.zeros((self.n_nets, self.architecture.n_params), self.dtype)

    def some(self, ids: slice | Array) -> Self:
        """Return the initial parameters of some nets."""
        if self.given is not None:
            given = self.given[ids]
            return replace(self, n_nets=len(given), given=given)
        if isinstance(ids, slice):
            seeds = self.seeds[ids]
        else:
            seeds = tuple(self.seeds[i] for i in ids)
        return replace(self, n_nets=len(seeds), seeds=seeds)

    def seed_array(self) -> Array | None:
        """Return the seeds (n_nets,), None if parameters were given."""
        return seed_array(self.seeds) if self.given is None else None


def initial_parameters(
    architecture: Architecture,
    dtype: np.dtype[Any],
    seeds: Any,
    init: Any,
    net_bytes: int,
) -> InitialParameters:
    """Check seeds= and init= of `fit_many`, one of which must be given.

    net_bytes: what a net takes, not counting its losses.
    """
    shape = f"(n_nets, {architecture.n_params})"
    if (seeds is None) == (init is None):
        raise ValueError(
            "fit_many needs either seeds=, such as range(1000), or init=, an array "
            f"{shape}"
        )
    if init is not None:
        given = as_float_array("init", init, dtype)
        if given.ndim != 2 or given.shape[1] != architecture.n_params:
            raise ValueError(
                f"init has shape {given.shape}: pass {shape}, one row per net"
            )
        return InitialParameters(architecture, dtype, len(given), given, ())
    if architecture.scheme is None:
        raise ValueError(
            "this net was made from arrays or loaded, so it has no scheme to draw "
            f"parameters from seeds: pass init=, an array {shape}"
        )
    checked = _as_seeds(seeds, net_bytes)
    if not checked:
        raise ValueError("seeds is empty: pass one seed per net")
    return InitialParameters(architecture, dtype, len(checked), None, checked)


def _as_seeds(seeds: Any, net_bytes: int) -> Sequence[int]:
    """Return seeds, of which no list is made before so many nets fit into memory."""
    if isinstance(seeds, Sized):
        _check_nets_memory(len(seeds), net_bytes)
    if isinstance(seeds, Sized) or not isinstance(seeds, Iterable):
        return check_seeds(seeds)
    most, checked = int(memory_limit() // net_bytes), []
    for seed in seeds:
        checked.append(check_seed(seed))
        if len(checked) > most:
            _check_nets_memory(len(checked), net_bytes)
    return tuple(checked)


def _check_nets_memory(n_nets: int, net_bytes: int) -> None:
    if n_nets * net_bytes > _FEW_BYTES:
        check_memory(
            n_nets * net_bytes,
            f"{n_nets:,} nets",
            f"train at most {int(memory_limit() // net_bytes):,} nets in a call",
        )


def seed_array(seeds: Sequence[int]) -> Array:
    """Return seeds (n_nets,) as int64, uint64 or digits: the first that holds all.

    >>> seed_array([1, 2**63]).dtype, seed_array([1, 2**64]).tolist()
    (dtype('uint64'), ['1', '18446744073709551616'])
    """
    integers = [operator.index(seed) for seed in seeds]
    if max(integers) < 2**64:
        dtype = np.int64 if max(integers) < 2**63 else np.uint64
        return np.array(integers, dtype)
    return np.array([str(seed) for seed in integers])


@dataclass(frozen=True, eq=False)
class LossRecording:
    """Epochs whose losses are recorded: 1, every further `every`, and the last.

    epochs (n,) are the numbers of the n recorded epochs, from 1. only_percentiles:
    percentiles over the nets instead of each net's losses. stop_below: a net whose
    recorded loss is below it stops; None if no net does. n_curves: two for losses and
    accuracies, and two more where there are validation data.
    """

    n_epochs: int
    every: int
    only_percentiles: bool
    stop_below: float | None
    n: int
    n_curves: int = 2

    @cached_property
    def epochs(self) -> Array:
        """The numbers (n,) of the recorded epochs, from 1.

        It is not there before it is needed, as it may be what memory cannot hold.
        """
        return np.append(np.arange(1, self.n_epochs, self.every), self.n_epochs)

    def index(self, epoch: Any) -> Any:
        """Return the index of an epoch, counted from 0, or of the next recorded."""
        return -(-epoch // self.every)

    def within(self, first: int, last: int) -> slice:
        """Return the indices of the recorded epochs from first to last - 1."""
        stop = self.index(last) if last < self.n_epochs else self.n
        return slice(self.index(first), stop)


def loss_recording(
    n_epochs: int,
    n_nets: int,
    every: Any,
    losses: Any,
    stop_below: Any,
    n_curves: int = 2,
) -> LossRecording:
    """Check the arguments every=, losses= and stop_below= of `fit_many`."""
    every = check_int("every", every, 1)
    if losses is not None:
        check_choice("losses", losses, ("all", "percentiles"))
    if stop_below is not None:
        stop_below = check_float("stop_below", stop_below, 0.0)
        if stop_below == 0.0:
            raise ValueError("stop_below must be above 0; without it no net stops")
    n = _n_recorded(n_epochs, every)
    many = n_nets * n > _MAX_EACH
    return LossRecording(
        n_epochs=n_epochs,
        every=every,
        only_percentiles=losses == "percentiles" or (losses is None and many),
        stop_below=stop_below,
        n=n,
        n_curves=n_curves,
    )


def check_sweep_memory(recording: LossRecording, n_nets: int, net_bytes: int) -> None:
    """Refuse a sweep that does not fit into memory, and say what would fit.

    net_bytes: what a net takes, not counting its losses.
    """
    n_bytes = _sweep_bytes(
        n_nets, net_bytes, recording.n, recording.n_curves, recording.only_percentiles
    )
    if n_bytes <= _FEW_BYTES:
        return
    limit = memory_limit()

    def fits(
        nets: int = n_nets,
        every: int = recording.every,
        only_percentiles: bool = recording.only_percentiles,
    ) -> bool:
        n, n_curves = _n_recorded(recording.n_epochs, every), recording.n_curves
        return _sweep_bytes(nets, net_bytes, n, n_curves, only_percentiles) <= limit

    if fits():
        return
    ways = ["losses='percentiles'"] if fits(only_percentiles=True) else []
    candidates = range(1, recording.n_epochs)
    every = 1 + bisect_left(candidates, True, key=lambda every: fits(every=every))
    if every < recording.n_epochs:
        ways.append(f"every={every}")
    nets = bisect_left(range(1, n_nets), True, key=lambda nets: not fits(nets))
    if nets:
        ways.append(f"at most {nets:,} nets in a call")
    what = "losses and accuracies"
    if recording.only_percentiles:
        what = "percentiles of losses and accuracies"
    check_memory(
        n_bytes,
        f"{n_nets:,} nets with {what} in {recording.n:,} epochs",
        f"choose {' or '.join(ways) or 'a smaller net'}",
    )


def _n_recorded(n_epochs: int, every: int) -> int:
    return -(-(n_epochs - 1) // every) + 1


def _sweep_bytes(
    n_nets: int, net_bytes: int, n: int, n_curves: int, only_percentiles: bool
) -> int:
    """Return the bytes of n recorded epochs: for the nets, blocks and percentiles."""
    n = n * n_curves // 2
    window = min(n, max(1, WINDOW // n_nets)) if only_percentiles else n
    in_blocks = min(-(-n_nets // _BLOCK_NETS) * _BLOCK_NETS, _MAX_BLOCK_NETS)
    nets = n_nets * (net_bytes + _LOSS_BYTES * window)
    blocks = in_blocks * _SUM_BYTES * window
    return nets + blocks + (_PERCENTILES_BYTES * n if only_percentiles else 0)
