"""Training many nets of one architecture side by side, a net in each lane of the processor's vectors.

The nets are taken in blocks of lanes, each trained from beginning to end; threads share the blocks. All nets see the
samples in the same order, and none knows of the others, so the bits of a net depend on nothing but its own arguments.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import architecture, checks, kernels
from .arrays import Array, numbers, scratch
from .job import Job
from .layers import Layer
from .loops import n_units, threads
from .losses import Loss
from .memory import must_fit
from .optimizers import Optimizer
from .progress import Bar
from .training import Orders, Pace

_CACHE_BYTES = 40_000  # of a first-level cache, for what a block works on
_VECTORS = (16, 8, 4)  # that may make a block; the loops take four at once


@dataclass(frozen=True, eq=False)
class Many:
    """What there is to train: the layer table, the loss, the job, each net's initial theta (n_nets, n_params) and
    settings (6, n_nets), and of how many epochs one has its losses kept.
    """

    table: Array
    loss: Loss
    job: Job
    initial: Array
    settings: Array
    every: int

    @property
    def n_kept(self) -> int:
        """Of how many epochs losses are kept."""
        return -(-(self.job.epochs - 1) // self.every) + 1

    @property
    def kept_epochs(self) -> Array:
        """The numbers of these epochs, from 1 on: 1, 1 + every ... and the last."""
        return np.append(np.arange(1, self.job.epochs, self.every), self.job.epochs)


@dataclass(frozen=True, eq=False)
class Trained:
    """What came out: theta (n_nets, n_params), and the sums (n_nets, n_kept) of losses and of right classes."""

    theta: Array
    loss_sums: Array
    n_right: Array


def train(many: Many, progress: bool | None) -> Trained:
    """Train all nets."""
    job, (n_nets, n_params) = many.job, many.initial.shape
    n_threads = threads(job.n_jobs)
    lanes = _lanes(many, n_threads)
    firsts = range(0, n_nets, lanes)
    need = n_nets * (2 * n_params * many.initial.itemsize + 2 * 16 * many.n_kept)  # twice: as sums and as means
    what = f"{n_nets:,} nets with their losses and accuracies of {many.n_kept:,} epochs"
    must_fit(need, what, f"keep fewer, such as every={10 * many.every}, or train fewer at once")
    found = Trained(
        np.empty_like(many.initial), np.empty((n_nets, many.n_kept)), np.empty((n_nets, many.n_kept), np.int64)
    )
    done = [0] * len(firsts)  # updates of each block
    stop = threading.Event()

    first = _Block(many, 0, lanes)
    first.advance(Orders(job), 0, 0)  # compiled here, where Ctrl-C is heard

    def run(place: int) -> None:
        block = _Block(many, firsts[place], lanes) if place else first
        for done[place] in block.train():
            if stop.is_set():
                return
        block.write(found)

    total = job.updates * len(firsts)
    with Bar(progress, job.epochs, total, len(job.X) * n_nets) as bar, _pool(min(n_threads, len(firsts)), stop) as pool:
        waiting = [pool.submit(run, place) for place in range(len(firsts))]
        while True:
            ended, under_way = wait(waiting, 0.05, FIRST_EXCEPTION)
            for each in ended:
                each.result()
            bar.update(sum(done), np.nan)
            if not under_way:
                break
    return found


@contextmanager
def _pool(n_threads: int, stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """Threads that end soon where an exception, such as Ctrl-C, comes."""
    pool = ThreadPoolExecutor(n_threads)
    try:
        yield pool
    except BaseException:
        stop.set()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _lanes(many: Many, n_threads: int) -> int:
    """Nets a block: as many as fit into the cache, but not so many that a thread has nothing to do."""
    codes, job, (n_nets, n_params) = kernels.codes, many.job, many.initial.shape
    vector = codes.VECTOR_BYTES // many.initial.itemsize
    rows = n_params * (2 + codes.N_MOMENTS[job.rule]) + 2 * n_units(many.table)
    for vectors in _VECTORS:
        if rows * vectors * codes.VECTOR_BYTES <= _CACHE_BYTES and n_nets > vectors * vector // 2 * n_threads:
            return vectors * vector
    return _VECTORS[-1] * vector


def initial(layers: Sequence[Layer], scheme: Any, theta: Array, seeds: Iterable[int] | None, given: Any) -> Array:
    """The initial parameters (n_nets, n_params) of many nets like the one with these layers and this theta.

    They are `given`, or drawn from seeds by the scheme that the net was made with.
    """
    if (seeds is None) == (given is None):
        raise ValueError("fit_many needs seeds=, such as range(1000), or init=, an array (n_nets, n_params)")
    if given is not None:
        array = numbers("init", given, theta.dtype)
        if array.ndim != 2 or array.shape[1] != theta.size:
            wanted = f"(n_nets, {theta.size})"
            raise ValueError(f"init has the shape {array.shape}, but {wanted} is wanted: a net a row")
        return array
    assert seeds is not None
    if scheme is None:
        raise ValueError(
            "this net was made from arrays, or loaded, and does not know how seeds would draw others: pass init=, an "
            f"array (n_nets, {theta.size})"
        )
    if not isinstance(seeds, Iterable):
        raise TypeError(f"seeds must be some whole numbers, such as range(1000), not {seeds!r}")
    drawn = [
        np.concatenate([array.reshape(-1) for array in architecture.draw(layers, scheme, rng)])
        for rng in (np.random.default_rng(checks.seed(each)) for each in seeds)
    ]
    if not drawn:
        raise ValueError("seeds is empty: one for each net is wanted")
    return np.array(drawn).astype(theta.dtype)


def rates(lr: Any, n_nets: int) -> Array:
    """One learning rate for each net, from the argument lr."""
    found = numbers("lr", lr, np.dtype("float64"))
    if found.shape != (n_nets,):
        raise ValueError(f"lr has the shape {found.shape}, but there are {n_nets} nets: one number, or one each")
    if found.min() < 0.0:
        raise ValueError(f"lr must be at least 0, not {found.min():g}")
    return found


def settings(rule: Optimizer, lr: Array | None, n_nets: int) -> Array:
    """The settings (6, n_nets) of all nets: the optimizer's, and that of the biases; lr goes before the optimizer's."""
    codes = kernels.codes
    one = rule.settings()
    each = np.tile(np.append(one, one[codes.LR])[:, np.newaxis], n_nets)
    if lr is not None:
        each[codes.LR] = each[codes.BIAS_LR] = lr
    elif rule.bias_lr is not None:
        each[codes.BIAS_LR] = rule.bias_lr
    return each


class _Block:
    """Nets in lanes, with all that the loop needs for them."""

    def __init__(self, many: Many, first: int, lanes: int) -> None:
        codes, job, dtype = kernels.codes, many.job, many.initial.dtype
        self._many, self._first = many, first
        self._count = min(lanes, len(many.initial) - first)
        chosen = np.minimum(np.arange(first, first + lanes), first + self._count - 1)  # the last lanes repeat a net
        n_params, n_kept = many.initial.shape[1], many.n_kept

        def rows(n: int) -> Array:
            return scratch(n * lanes, dtype).reshape(n, lanes)

        self._theta = rows(n_params)
        self._theta[...] = many.initial[chosen].T
        n_moments = codes.N_MOMENTS[job.rule]
        moments = rows(n_moments * n_params).reshape(n_moments, n_params, lanes)
        self._settings = np.ascontiguousarray(many.settings[:, chosen])
        self._losses, self._n_right = np.zeros((n_kept, lanes)), np.zeros((n_kept, lanes), np.int64)
        self._position = np.zeros(codes.N_POSITION, np.int64)
        self._in_place = (self._theta, moments, np.ones((2, lanes)), self._losses, self._n_right, self._position)
        vector = codes.VECTOR_BYTES // dtype.itemsize
        units = n_units(many.table)
        scratch_rows = (n_params, units, units, codes.TERMS + vector, 2, codes.N_RATES)
        self._room = tuple(rows(n) for n in scratch_rows)

    def train(self) -> Iterator[int]:
        """Make all updates, and say between two chunks how many are made."""
        job = self._many.job
        orders, pace = Orders(job), Pace(self._theta.size)
        while (done := int(self._position[kernels.codes.UPDATES])) < job.updates:
            orders.reach(done // job.per_epoch)
            before, started = self._visited(), time.perf_counter()
            self.advance(orders, orders.last * job.per_epoch, pace.samples)
            pace.learn(self._visited() - before, time.perf_counter() - started)
            yield int(self._position[kernels.codes.UPDATES])

    def advance(self, orders: Orders, end: int, budget: int) -> None:
        """Train up to the update `end`, or for so many samples."""
        many, job = self._many, self._many.job
        kernels.many_nets.train(
            *self._in_place,
            job.X, job.y, orders.block, many.table, many.loss.code, job.rule, self._settings,
            job.batch_size, job.mean, many.every, job.epochs, orders.first, end, budget, *self._room,
        )  # fmt: skip

    def _visited(self) -> int:
        """About how many samples have been through the nets."""
        updates, samples = self._position[[kernels.codes.UPDATES, kernels.codes.SAMPLES]]
        return int(updates) * self._many.job.batch_size + int(samples)

    def write(self, found: Trained) -> None:
        """Hand over what came out."""
        nets = slice(self._first, self._first + self._count)
        found.theta[nets] = self._theta.T[: self._count]
        found.loss_sums[nets] = self._losses.T[: self._count]
        found.n_right[nets] = self._n_right.T[: self._count]
