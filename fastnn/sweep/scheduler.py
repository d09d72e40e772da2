"""Training a crowd of nets: in stages, and in each stage in blocks of lanes that the threads share.

A net's bits depend on nothing but its own arguments: all see the samples in the same order, and none knows of others.
Most trainings have one stage. There are more where nets may leave, so that those that stay fill the lanes anew; where
percentiles of all nets are wanted; and where the orders of the rows, which all blocks share, take much room.
"""

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

import numpy as np

from ..data.arrays import Array
from ..training.engines.dispatch import threads
from ..training.progress import ProgressBar
from ..training.trainer import EpochOrders
from .blocks import NetBlock, choose_layout
from .state import SweepState

_STAGES = 32  # at least, where nets may leave
_ORDERS = 2**20  # row numbers drawn ahead


def train(crowd: SweepState, table: Array, progress: bool | None) -> None:
    """Train all nets, of this layer table. Whatever stops it, the crowd has what came through a stage."""
    job, n_nets = crowd.job, len(crowd.theta)
    n_threads = threads(job.n_jobs)
    most = -(-job.epochs // _STAGES) if crowd.keep.stop_below else job.epochs
    orders = EpochOrders(job, _ORDERS)
    blocks = [NetBlock(crowd, table, choose_layout(crowd, table, n_nets, n_threads))]
    blocks[0].compile(orders)  # here, where Ctrl-C is heard
    made = 0
    with (
        ProgressBar(progress, n_nets * job.updates, 1.0, "updates") as bar,
        _pool(n_threads) as (pool, stop),
    ):
        while len(nets := np.flatnonzero(crowd.under_way)):
            orders.reach(crowd.done)
            first, last = crowd.stage(min(most, orders.last - crowd.done))
            shape = choose_layout(crowd, table, len(nets), n_threads)
            if shape != blocks[0].shape:
                blocks = [NetBlock(crowd, table, shape)]
            groups = deque(np.split(nets, range(shape.n_nets, len(nets), shape.n_nets)))
            blocks += [
                NetBlock(crowd, table, shape)
                for _ in range(min(n_threads, len(groups)) - len(blocks))
            ]
            now = 0
            for now in _share(pool, stop, blocks, groups, orders, first, last):
                bar.update(
                    made + now,
                    f"{crowd.n_through:,}/{n_nets:,} nets",
                    spared=crowd.spared,
                )
            made += now
            crowd.close(last, pool.map)


def _share(
    pool: ThreadPoolExecutor,
    stop: threading.Event,
    blocks: list[NetBlock],
    groups: deque[Array],
    orders: EpochOrders,
    first: int,
    last: int,
) -> Iterator[int]:
    """Train groups of nets, a thread each block, and say now and then how many updates were made."""
    made = [0] * len(blocks)

    def work(place: int) -> None:
        while groups:
            try:
                nets = groups.popleft()
            except IndexError:  # another thread was faster
                return
            for updates in blocks[place].train(nets, orders, first, last):
                made[place] += updates
                if stop.is_set():
                    return

    waiting = [pool.submit(work, place) for place in range(len(blocks))]
    under_way = True
    while under_way:
        ended, others = wait(waiting, 0.05, FIRST_EXCEPTION)
        for each in ended:
            each.result()
        yield sum(made)
        under_way = bool(others)


@contextmanager
def _pool(n_threads: int) -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """Threads, and what tells them to end soon, as an exception does, such as Ctrl-C."""
    pool, stop = ThreadPoolExecutor(n_threads), threading.Event()
    try:
        yield pool, stop
    except BaseException:
        stop.set()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
