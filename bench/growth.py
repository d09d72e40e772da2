"""Growth of the cost with hidden width, batch size, rows, nets and threads.

The crossover to the libraries for large nets is a growth, too: with the width of a
hidden layer, at each of several batch sizes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import numpy as np

from fastnn.data.machine import available_threads

from .cases import Case, initial_parameters
from .contenders import CONTENDERS, OURS
from .method import Notify, Plan, Workers, calibrate, prepare, take_turns
from .results import BAD, Curve, Growth, Row

RIVALS = ("joblib_processes", "c_sizes", "jax_scan", "pytorch", "numpy_vectorised")
_LONGEST = 4.0  # seconds per epoch; a curve ends before a point that takes longer


@dataclass(frozen=True)
class Axis:
    """One quantity that grows, with the work at each of its values.

    `values` are those of a full run, `quick` those of a quick one. The contenders are
    fastnn and `rivals`. They have `threads` threads, or as many as the plan says. If
    the quantity is the number of threads (`of_threads`), they restart at each value
    with that number. A turn takes at most `turn` seconds, or what the plan says.
    """

    name: str
    description: str
    make: Callable[[int], Case]
    values: tuple[int, ...]
    quick: tuple[int, ...]
    grows: bool = True  # whether the work grows with the value
    of_threads: bool = False
    threads: int | None = None
    rivals: tuple[str, ...] = RIVALS
    turn: float | None = None


def _case(
    sizes: list[int], rows: int, batch_size: int, n_nets: int | None = None
) -> Case:
    """Return points whose class is the sector of the plane they lie in.

    The first two coordinates decide. n_nets: the number of nets of a case about many.
    """
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (rows, sizes[0]))
    angle = np.arctan2(X[:, 1], X[:, 0]) / (2.0 * np.pi) + 0.5
    classes = max(2, sizes[-1])
    y = np.minimum((angle * classes).astype(int), classes - 1)
    loss = "bce" if sizes[-1] == 1 else "softmax_ce"
    return Case(
        "growth",
        X,
        y,
        initial_parameters(sizes, n_nets=n_nets or 1),
        loss,
        0.1,
        batch_size,
        100_000,
        n_nets=n_nets or 1,
        many=n_nets is not None,
    )


def _dense_case(width: int, batch_size: int) -> Case:
    """Return the work of a point of the crossover: at least four updates an epoch."""
    case = _case([64, width, 10], max(128, 4 * batch_size), batch_size)
    return replace(case.astype("float32"), tolerance=1e-4)


_NETS = Axis(
    "nets",
    "2-2-1, BCE, float64, 100 rows per sample, all nets",
    lambda nets: _case([2, 2, 1], 100, 1, nets),
    (1, 4, 16, 64, 256, 1_024, 4_096),
    (1, 64),
)
_THREADS = tuple(n for n in (1, 2, 4, 8, 16, 32, 64) if n <= available_threads())
AXES = [
    Axis(
        "hidden width",
        "2-width-3, softmax, float64, 300 rows, batches of 30",
        lambda width: _case([2, width, 3], 300, 30),
        (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        (4, 64),
    ),
    Axis(
        "batch size",
        "2-10-3, softmax, float64, 10,000 rows",
        lambda size: _case([2, 10, 3], 10_000, size),
        (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000),
        (10, 1_000),
        grows=False,
    ),
    Axis(
        "rows",
        "2-2-1, BCE, float64, per sample",
        lambda rows: _case([2, 2, 1], rows, 1),
        (100, 300, 1_000, 3_000, 10_000, 100_000, 1_000_000),
        (100, 10_000),
    ),
    _NETS,
    replace(
        _NETS,
        name="nets on all threads",
        description=f"{_NETS.description}, {available_threads()} threads",
        threads=available_threads(),
    ),
    Axis(
        "threads",
        "64-128-10, softmax, float64, 5,000 rows, all at once",
        lambda _: _case([64, 128, 10], 5_000, 5_000),
        _THREADS,
        _THREADS,
        grows=False,
        of_threads=True,
    ),
]


# Float32, which JAX and PyTorch take by themselves, and as many inputs as the digits.
_CROSSOVER_WIDTHS = (4, 16, 64, 128, 256, 512, 1_024)
CROSSOVER = [
    Axis(
        f"width at batch {size:,}",
        f"64-width-10, softmax, float32, batches of {size:,}",
        partial(_dense_case, batch_size=size),
        _CROSSOVER_WIDTHS,
        _CROSSOVER_WIDTHS[:2],
        rivals=("jax_scan", "pytorch"),
        turn=0.06,
    )
    for size in (1, 4, 16, 64, 256, 1_024)
]


def measure(
    growth: Growth, axis: Axis, workers: Workers, plan: Plan, notify: Notify
) -> None:
    """Time the contenders in turn at each value, and add the points to the curves."""
    names = [name for name in workers.names if name == OURS or name in axis.rivals]
    plan = replace(plan, turn=axis.turn or plan.turn)
    if axis.threads is None:
        _measure_points(growth, axis, names, workers, plan, notify)
    else:
        with Workers(
            names, axis.threads, workers.scratch, workers.usual
        ).open() as threaded:
            _measure_points(growth, axis, names, threaded, plan, notify)
    for curve in growth.curves:
        curve.exponent = exponent(curve.values, curve.seconds)


def _measure_points(
    growth: Growth,
    axis: Axis,
    names: list[str],
    workers: Workers,
    plan: Plan,
    notify: Notify,
) -> None:
    for value in axis.quick if plan.quick else axis.values:
        case = axis.make(value)
        affordable = [
            name for name in names if not axis.grows or _affordable(growth, name, value)
        ]
        if axis.of_threads:
            with Workers(
                names, value, workers.scratch, workers.usual
            ).open() as threaded:
                _measure_point(growth, case, value, affordable, threaded, plan, notify)
        else:
            _measure_point(growth, case, value, affordable, workers, plan, notify)


def exponent(values: list[int], seconds: list[float]) -> float | None:
    """Return the slope of log cost over log size in the upper half of the range.

    Fixed costs matter least there. It needs three points, since any two lie on a line;
    None if there are fewer.
    """
    if len(values) < 3:
        return None
    first = min(len(values) // 2, len(values) - 3)
    return float(np.polyfit(np.log(values[first:]), np.log(seconds[first:]), 1)[0])


def _measure_point(
    growth: Growth,
    case: Case,
    value: int,
    names: list[str],
    workers: Workers,
    plan: Plan,
    notify: Notify,
) -> None:
    rows = [Row(name, CONTENDERS[name].title) for name in names]

    def notify_value(text: str) -> None:
        notify(f"growth with {growth.axis}, {value:,}: {text}")

    expected = None  # the loss of the first contender, which all others must reach
    for row in rows:
        notify_value(row.title)
        prepare(row, case, workers, expected)
        if expected is None and row.status == "timed":
            expected = row.loss
        calibrate(row, case, workers, plan.turn / 2.0, plan.budget)
    take_turns(rows, workers, growth.rounds, plan, notify_value)
    for row in rows:
        if row.status in BAD:
            growth.notes.append(
                f"{row.title}, {growth.axis} {value:,}: {row.status}, {row.why}"
            )
    for row in rows:
        if row.seconds:
            curve = next(
                (c for c in growth.curves if c.contender == row.contender), None
            )
            if curve is None:
                curve = Curve(row.contender, row.title, [], [], None)
                growth.curves.append(curve)
            curve.values.append(value)
            curve.seconds.append(median(row.per_unit(1)))


def _affordable(growth: Growth, name: str, value: int) -> bool:
    """Return whether an epoch at this value takes less than _LONGEST.

    The estimate scales the last point, as if the cost grew in proportion to the value.
    """
    curve = next((c for c in growth.curves if c.contender == name), None)
    return curve is None or curve.seconds[-1] * value / curve.values[-1] < _LONGEST
