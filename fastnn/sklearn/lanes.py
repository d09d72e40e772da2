"""Trainings of several estimators side by side, each in a lane of the vectors."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..data.weights import no_weights
from ..sweeps.blocks import NetBlock, Stage, choose_layout
from ..sweeps.monitor import Monitor
from ..sweeps.plan import LossRecording
from ..sweeps.state import Nets
from ..training.config import FitConfig
from .epochs import Task, Training, batch_config
from .objectives import constants_of, targets_of

_codes = kernels.codes
# All orders of one epoch, of which the losses are recorded.
_ONE_EPOCH = LossRecording(1, 1, False, None, 1)
_ALL = 2**62  # samples of a chunk


def train_side_by_side(tasks: Sequence[tuple[Task, Training]]) -> None:
    """Train estimators on the same rows in the same orders, until each has enough.

    They differ in initial parameters and settings only. Each asks for one epoch at a
    time. Where less than half of the nets are left, they are packed anew.
    """
    running = [(task, run, next(run)) for task, run in tasks]
    while running:
        lanes = Lanes([task for task, _, _ in running])
        alive = list(range(len(running)))
        while alive and 2 * len(alive) > len(running):
            orders, _ = running[alive[0]][2]
            losses = lanes.run(orders[0])
            going_on = []
            for lane in alive:
                task, run, _ = running[lane]
                lanes.write_back(lane)
                try:
                    request = run.send(([float(losses[lane])], None))
                except StopIteration:
                    continue
                running[lane] = task, run, request
                going_on.append(lane)
            alive = going_on
        running = [running[lane] for lane in alive]


class Lanes:
    """The nets of some tasks in blocks of vectors, which share rows and their order."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        first = tasks[0]
        self._tasks, self._objective = tasks, first.objective
        self._X = np.ascontiguousarray(first.samples.X)
        self._y = targets_of(first.objective, first.samples.y, first.theta.dtype)
        self._constants = constants_of(first.objective, first.samples.y)
        self._batch_size, self._table = first.batch_size, first.engine.table
        self._l2 = np.array([t.alpha / t.objective.gradient_factor for t in tasks])
        self._of_size: dict[int, tuple[FitConfig, Array, Array]] = {}
        self._blocks: list[tuple[slice, NetBlock]] = []
        config = self._batch(min(self._batch_size, len(self._X)))[0]
        theta = np.stack([task.theta for task in tasks])
        layout = choose_layout(config, self._table, theta, len(tasks), 1)
        for start in range(0, len(tasks), layout.n_nets):
            part = slice(start, min(start + layout.n_nets, len(tasks)))
            block = NetBlock(config, theta, layout)
            block.load(_nets(tasks[part]), self._stage(config))
            self._blocks.append((part, block))
        self._rates = [task.solver.rule.settings[_codes.LR] for task in tasks]

    def run(self, order: Array) -> Array:
        """Train an epoch; return scikit-learn's losses (n_tasks,)."""
        self._set_rates()
        n, losses = len(self._X), np.zeros(len(self._tasks))
        for start in range(0, n, self._batch_size):
            rows = order[start : start + self._batch_size]
            config, X, y = self._batch(len(rows))
            self._X.take(rows, axis=0, out=X)
            self._y.take(rows, axis=0, out=y)
            for part, block in self._blocks:
                losses[part] += self._update(block, part, config)
        if self._constants.size:
            losses += self._constants.sum()
        return losses / n

    def write_back(self, lane: int) -> None:
        """Copy a net's parameters, moments and clock back into its task."""
        part, block = next(b for b in self._blocks if b[0].start <= lane < b[0].stop)
        vector, number = divmod(lane - part.start, block.theta.shape[2])
        task = self._tasks[lane]
        task.theta[:] = block.theta[vector, :, number]
        task.solver.moments[:] = block.moments[vector, :, :, number]
        task.solver.clock[:] = block.clock[vector, :, number]

    def _update(self, block: NetBlock, part: slice, config: FitConfig) -> Array:
        """Make one update of a block's nets; return their rows' sums of losses."""
        n, l2 = len(config.X), self._l2[part]
        numbers = block.theta.shape[2]
        squares = np.zeros((len(block.theta), numbers))
        for row in self._table:
            start = int(row[_codes.WEIGHTS])
            stop = start + int(row[_codes.N_IN]) * int(row[_codes.N_OUT])
            weights = block.theta[:, start:stop]
            squares += np.einsum("vpi,vpi->vi", weights, weights)
        decay = np.zeros(squares.size)
        decay[: len(l2)] = l2 / n
        block.settings[:, _codes.DECAY] = decay.reshape(squares.shape)
        block.position[...] = block.loss_sums[...] = block.n_right[...] = 0
        block.advance(self._stage(config), 1, _ALL)
        sums = block.loss_sums[0].reshape(-1)[: len(l2)] / config.loss_scale
        penalties = 0.5 * l2 * squares.reshape(-1)[: len(l2)]
        objective = self._objective
        total: Array = objective.loss_factor * sums
        return total + objective.gradient_factor * penalties

    def _set_rates(self) -> None:
        """Take over learning rates that have changed, and scale velocities by that."""
        for part, block in self._blocks:
            for lane in range(part.start, part.stop):
                rule, old = self._tasks[lane].solver.rule, self._rates[lane]
                new = rule.settings[_codes.LR]
                if new == old:
                    continue
                vector, number = divmod(lane - part.start, block.theta.shape[2])
                block.settings[vector, [_codes.LR, _codes.BIAS_LR], number] = new
                block.moments[vector, :, :, number] *= old / new
                self._rates[lane] = new

    def _batch(self, n: int) -> tuple[FitConfig, Array, Array]:
        """Return the config of a batch of n rows, and the arrays that it trains on."""
        if n not in self._of_size:
            X = np.zeros((n, self._X.shape[1]), self._X.dtype)
            y = np.zeros((n, self._y.shape[1]), self._y.dtype)
            task = self._tasks[0]
            config = batch_config(task.solver.rule, X, y, no_weights(X.dtype), n, 1)
            low = self._objective.min_probability(X.dtype)
            self._of_size[n] = replace(config, min_probability=low), X, y
        return self._of_size[n]

    def _stage(self, config: FitConfig) -> Stage:
        return Stage(
            config=config,
            recording=_ONE_EPOCH,
            monitor=Monitor(),
            table=self._table,
            loss=self._objective.loss.code,
            orders=np.arange(len(config.X))[np.newaxis],
            first=0,
            last=1,
            n_recorded=1,
        )


def _nets(tasks: Sequence[Task]) -> Nets:
    """Return the state of the tasks' nets, with decay for the weights only."""
    theta = np.stack([task.theta for task in tasks])
    settings = np.stack([task.solver.rule.settings for task in tasks], axis=1)
    best, best_theta = Monitor().no_best(theta)
    return Nets(
        ids=np.arange(len(tasks)),
        theta=theta,
        moments=np.stack([task.solver.moments for task in tasks], axis=1),
        clock=np.stack([task.solver.clock for task in tasks], axis=1),
        settings=settings,
        schedule=np.empty((0, len(tasks))),
        weights=np.empty((0, len(tasks))),
        best=best,
        best_theta=best_theta,
    )
