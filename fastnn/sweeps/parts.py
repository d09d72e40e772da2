"""Parts of a sweep: some of its nets, which one task of an executor trains.

`train_part` depends on its arguments alone, so a part can be trained by any process of
any machine, and again if that one dies: the result has the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from threading import Event
from time import perf_counter
from typing import Any, NamedTuple, Self

import numpy as np

from ..data.arrays import Array
from ..nn.architecture import Architecture
from ..training.config import FitConfig
from ..training.orders import EpochOrders
from .monitor import Monitor
from .plan import InitialParameters, LossRecording
from .scheduler import (
    AHEAD,
    FitAlone,
    compile_side_by_side,
    train_one_by_one,
    train_side_by_side,
)
from .state import NOTHING, Nets, StageResult, SweepState


@dataclass(frozen=True, eq=False)
class Work:
    """What all parts of a sweep share; it is sent once to each process.

    table: the layer table; None where the compiled loops cannot train the nets, and
    `fit` trains one at a time (see `train_one_by_one`).
    """

    config: FitConfig
    architecture: Architecture
    recording: LossRecording
    monitor: Monitor
    table: Array | None
    fit: FitAlone | None

    @classmethod
    def of(
        cls,
        config: FitConfig,
        architecture: Architecture,
        recording: LossRecording,
        monitor: Monitor,
        table: Array | None,
        fit: FitAlone,
    ) -> "Work":
        """Return the work without what belongs to single nets or to the caller.

        Each task has one thread: executors run as many tasks as they have threads for.
        """
        rule = config.rule._replace(settings=config.rule.settings[:, :0])
        schedule, weights = config.schedule, config.weights
        return cls(
            replace(
                config,
                rule=rule,
                schedule=schedule[:, :0] if schedule.ndim == 2 else schedule,
                weights=weights[:, :0] if weights.ndim == 2 else weights,
                progress=False,
                n_jobs=1,
            ),
            architecture,
            replace(recording, only_percentiles=False),
            monitor,
            table,
            None if table is not None else fit,
        )

    def draw(self, seeds: Sequence[int]) -> Array:
        """Draw the initial parameters of nets, as the original architecture does."""
        return self._bound.draw_many(seeds, self.config.X.dtype)

    @cached_property
    def _bound(self) -> Architecture:
        # A copy's layers would take the parameters of the net for their own init.
        architecture = self.architecture.copy()
        architecture.bind(np.zeros(architecture.n_params))
        return architecture

    def __getstate__(self) -> dict[str, Any]:
        # Not what is cached: workers pass the work on to each other.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def orders(self) -> EpochOrders:
        """The orders of the first epochs."""
        return EpochOrders(self.config, AHEAD)


@dataclass(frozen=True, eq=False)
class Part:
    """Some nets at the beginning of a stage, from epoch `first` to before `last`.

    Before the first epoch `nets` has no moments and no best epoch, and no theta where
    that is drawn from `seeds`. rng is the generator of the orders before `first`; None
    where the stage begins with the first epoch, or where nothing is shuffled.
    """

    nets: Nets
    seeds: tuple[int, ...]
    first: int
    last: int
    rng: "np.random.Generator | None"

    def at_first(self, initial: InitialParameters) -> Self:
        """Return the part as it is before the first epoch, without what is zero then.

        initial: the initial parameters of its nets.
        """
        nets = self.nets._replace(
            moments=NOTHING, clock=NOTHING, best=NOTHING, best_theta=NOTHING
        )
        if initial.given is None:
            nets = nets._replace(theta=NOTHING)
        return replace(self, nets=nets, seeds=tuple(initial.seeds))

    @property
    def name(self) -> str:
        """The nets, for messages."""
        if self.stop == self.start + 1:
            return f"net {self.start}"
        return f"nets {self.start} to {self.stop - 1}"

    @property
    def start(self) -> int:
        """The id of the first net."""
        return int(self.nets.ids[0])

    @property
    def stop(self) -> int:
        """The id after that of the last net."""
        return int(self.nets.ids[-1]) + 1


class PartResult(NamedTuple):
    """The nets of a part after the stage, and the seconds that their training took."""

    result: StageResult
    seconds: float


def train_part(work: Work, part: Part, stop: Event | None = None) -> PartResult:
    """Train the nets of a part in this thread, and return them.

    CancelledError soon after another thread has set `stop`.
    """
    started, nets, stop = perf_counter(), part.nets, stop or Event()
    state = _state_before(work, part)
    if work.table is not None:
        train_side_by_side(state, work.table, _orders(work, part), stop)
    else:
        assert work.fit is not None
        train_one_by_one(state, partial(_fit_by_id, work.fit, nets.ids))
    result = state.result()
    became = result.nets._replace(
        ids=nets.ids, settings=NOTHING, schedule=NOTHING, weights=NOTHING
    )
    if part.last == work.config.epochs:  # nobody needs them any more
        became = became._replace(moments=NOTHING, clock=NOTHING, best_theta=NOTHING)
    return PartResult(result._replace(nets=became), perf_counter() - started)


def compile_for(work: Work, part: Part) -> None:
    """Compile in this thread, which signals can stop, what the parts of a sweep run."""
    if work.table is not None:
        state = _state_before(work, part)
        compile_side_by_side(state, work.table, _orders(work, part))


def _state_before(work: Work, part: Part) -> SweepState:
    """Return the state of a part's nets at the beginning of its stage."""
    nets = part.nets
    config = replace(
        work.config, rule=work.config.rule._replace(settings=nets.settings)
    )
    if config.schedule.ndim == 2:
        config = replace(config, schedule=nets.schedule)
    if config.weights.ndim == 2:
        config = replace(config, weights=nets.weights)
    theta = nets.theta
    if part.seeds:
        theta = work.draw(part.seeds)
    state = SweepState(
        config,
        work.architecture.loss,
        np.array(theta),
        work.recording,
        work.monitor,
        part.first,
        part.last,
    )
    if part.first > 0:
        state.go_on(nets)
    return state


def _orders(work: Work, part: Part) -> EpochOrders:
    """Return the orders of a part's epochs; parts share them where they fit at once."""
    if part.first == 0 and work.orders.last >= part.last:
        return work.orders
    config = replace(work.config, stream=part.rng)
    return EpochOrders(config, AHEAD, part.first, part.last)


def _fit_by_id(fit: FitAlone, ids: Array, i: int, *arguments: Any) -> Any:
    return fit(int(ids[i]), *arguments)
