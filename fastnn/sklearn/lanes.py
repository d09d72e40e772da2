"""Trainings of several estimators side by side, each in a lane of the vectors."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np

from .. import kernels
from ..data.arrays import Array
from ..data.weights import no_weights
from ..sweeps.blocks import NetBlock, Stage, choose_layout
from ..sweeps.monitor import Monitor
from ..sweeps.plan import LossRecording
from ..sweeps.state import Nets
from .epochs import Task, Training, batch_config, epochs_at_once
from .objectives import constants_of, targets_of

_codes = kernels.codes
# Samples of a tile, at least: the nets' weights and gradients, which are in the second-
# level cache, pass by once per tile (30-20-1: 96 us a net's epoch, with two 127).
_LEAST_TILE = 8


def train_side_by_side(tasks: Sequence[tuple[Task, Training]]) -> None:
    """Train estimators on the same rows in the same orders, until each has enough.

    They differ in initial parameters and settings only. All are trained for as many
    epochs as the one that asks for the fewest, as none of the others can end sooner.
    Where less than half of the nets are left, they are packed anew.
    """
    orders = deepcopy(tasks[0][0].orders)  # other trainings may begin with them, too
    running = [(task, run, next(run)) for task, run in tasks]
    while running:
        lanes = Lanes([task for task, _, _ in running])
        alive = list(range(len(running)))
        while alive and 2 * len(alive) > len(running):
            count = min(running[lane][2] for lane in alive)
            losses = lanes.run(orders.draw(count), count)
            going_on = []
            for lane in alive:
                task, run, asked = running[lane]
                if count == asked:  # it may end, or look at its parameters
                    lanes.write_back(lane)
                try:
                    asked = run.send((losses[lane], None))
                except StopIteration:
                    continue
                running[lane] = task, run, asked
                going_on.append(lane)
            alive = going_on
        for lane in alive:
            lanes.write_back(lane)
        running = [running[lane] for lane in alive]


class Lanes:
    """The nets of some tasks in blocks of vectors, which share rows and their order."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        first = tasks[0]
        rule, objective, samples = first.solver.rule, first.objective, first.samples
        dtype = first.theta.dtype
        self._tasks, self._objective = tasks, objective
        self._constants = constants_of(objective, samples.y)
        X = np.ascontiguousarray(samples.X)
        y = targets_of(objective, samples.y, dtype)
        most = epochs_at_once(len(X))
        config = replace(
            batch_config(rule, X, y, no_weights(dtype), first.batch_size, most),
            min_probability=objective.min_probability(dtype),
        )
        self._stage = Stage(
            config=config,
            recording=LossRecording(most, 1, False, None, most),
            monitor=Monitor(),
            table=first.engine.table,
            loss=objective.loss.code,
            orders=first.orders.draw(0),
            first=0,
            last=most,
            n_recorded=most,
        )
        l2 = np.array([task.alpha / objective.gradient_factor for task in tasks])
        theta = np.stack([task.theta for task in tasks])
        layout = choose_layout(
            config, first.engine.table, theta, len(tasks), 1, _LEAST_TILE
        )
        self._blocks: list[tuple[slice, NetBlock]] = []
        for start in range(0, len(tasks), layout.n_nets):
            part = slice(start, min(start + layout.n_nets, len(tasks)))
            block = NetBlock(config, theta, layout)
            block.load(_nets(tasks[part]), self._stage, l2[part])
            self._blocks.append((part, block))
        self._rates = [task.solver.rule.settings[_codes.LR] for task in tasks]

    def run(self, orders: Array, count: int) -> list[list[float]]:
        """Train `count` epochs; return scikit-learn's losses of each task's."""
        objective, config = self._objective, self._stage.config
        stage = self._stage._replace(orders=orders)
        losses = np.empty((len(self._tasks), count))
        for lane in range(len(self._tasks)):
            self._set_rate(lane)
        for part, block in self._blocks:
            block.rewind()
            for _ in block.chunks(stage, count * config.per_epoch):
                pass
            sums = objective.loss_factor * block.loss_sums[:count]
            sums += objective.gradient_factor * block.penalties[:count]
            losses[part] = sums.reshape(count, -1).T[: part.stop - part.start]
        losses /= len(config.X) * config.loss_scale
        if self._constants.size:
            losses += self._constants.mean()
        found: list[list[float]] = losses.tolist()
        return found

    def write_back(self, lane: int) -> None:
        """Copy a net's parameters, moments and clock back into its task."""
        self._set_rate(lane)
        block, vector, number = self._place(lane)
        task = self._tasks[lane]
        task.theta[:] = block.theta[vector, :, number]
        task.solver.moments[:] = block.moments[vector, :, :, number]
        task.solver.clock[:] = block.clock[vector, :, number]

    def _set_rate(self, lane: int) -> None:
        """Take over a learning rate that has changed, and scale the velocity."""
        new, old = self._tasks[lane].solver.rule.settings[_codes.LR], self._rates[lane]
        if new != old:
            block, vector, number = self._place(lane)
            block.settings[vector, [_codes.LR, _codes.BIAS_LR], number] = new
            block.moments[vector, :, :, number] *= old / new
            self._rates[lane] = new

    def _place(self, lane: int) -> tuple[NetBlock, int, int]:
        """Return the block of a net, its vector, and its number in that."""
        part, block = next(b for b in self._blocks if b[0].start <= lane < b[0].stop)
        return block, *divmod(lane - part.start, block.theta.shape[2])


def _nets(tasks: Sequence[Task]) -> Nets:
    """Return the state of the tasks' nets."""
    theta = np.stack([task.theta for task in tasks])
    best, best_theta = Monitor().no_best(theta)
    return Nets(
        ids=np.arange(len(tasks)),
        theta=theta,
        moments=np.stack([task.solver.moments for task in tasks], axis=1),
        clock=np.stack([task.solver.clock for task in tasks], axis=1),
        settings=np.stack([task.solver.rule.settings for task in tasks], axis=1),
        schedule=np.empty((0, len(tasks))),
        weights=np.empty((0, len(tasks))),
        best=best,
        best_theta=best_theta,
    )
