"""Learning-rate schedules: functions that return an epoch's learning rate.

A schedule is a callable that takes the number of an epoch, from 0, and returns the
learning rate of all its updates. `fit(lr=...)`, `SGD(lr=...)` and `Adam(lr=...)` take
one in place of a number, and so any function of your own serves as well:

>>> halved = lambda epoch: 0.1 * 0.5 ** (epoch // 10)
>>> halved(0), halved(10)
(0.1, 0.05)

For `fit_many`, a schedule may return an array (n_nets,) with one rate per net: the
functions here take such an array as their `lr`.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..data.arguments import check_float, check_floats, check_int
from ..data.arrays import Array
from ..data.machine import check_memory

Rate = float | Sequence[float] | Array
Schedule = Callable[[int], Any]


def step(lr: Rate, step_size: int, gamma: float = 0.1) -> Schedule:
    """Return a schedule that multiplies lr by gamma every `step_size` epochs.

    >>> rate = step(0.1, step_size=10)
    >>> rate(9), round(rate(10), 6)
    (0.1, 0.01)
    """
    return partial(
        _step,
        lr=check_floats("lr", lr, 0.0),
        step_size=check_int("step_size", step_size, 1),
        gamma=check_float("gamma", gamma, 0.0),
    )


def exponential(lr: Rate, gamma: float) -> Schedule:
    """Return a schedule that multiplies lr by gamma after each epoch.

    >>> rate = exponential(0.1, gamma=0.5)
    >>> rate(0), rate(2)
    (0.1, 0.025)
    """
    return partial(
        _step,
        lr=check_floats("lr", lr, 0.0),
        step_size=1,
        gamma=check_float("gamma", gamma, 0.0),
    )


def cosine(lr: Rate, epochs: int, final: float = 0.0) -> Schedule:
    """Return a schedule that falls from lr to `final` in half a cosine's period.

    Epoch 0 has lr, and epoch `epochs` would be the first to have `final`, which all
    later ones have (Loshchilov and Hutter, 2017, without restarts).

    >>> rate = cosine(0.1, epochs=100)
    >>> rate(0), round(rate(50), 6), rate(100)
    (0.1, 0.05, 0.0)
    """
    return partial(
        _cosine,
        lr=check_floats("lr", lr, 0.0),
        epochs=check_int("epochs", epochs, 1),
        final=check_float("final", final, 0.0),
    )


def inverse_scaling(lr: Rate, power: float = 0.5) -> Schedule:
    """Return a schedule that divides lr by (epoch + 1)**power.

    >>> rate = inverse_scaling(0.1)
    >>> rate(0), rate(3)
    (0.1, 0.05)
    """
    return partial(
        _inverse_scaling,
        lr=check_floats("lr", lr, 0.0),
        power=check_float("power", power, 0.0),
    )


def warmup(schedule: Rate | Schedule, epochs: int) -> Schedule:
    """Return a schedule that rises in the first epochs, before it follows another one.

    Epoch e of the first `epochs` has (e + 1) / (epochs + 1) of the other schedule's
    rate for that epoch, so that the whole is as long as the other one. A number stands
    for a rate that stays.

    >>> rate = warmup(0.1, epochs=4)
    >>> round(rate(0), 6), rate(4), rate(100)
    (0.02, 0.1, 0.1)
    >>> rate = warmup(cosine(0.1, epochs=100), epochs=4)
    """
    if not callable(schedule):
        schedule = partial(_constant, lr=check_floats("lr", schedule, 0.0))
    return partial(_warmup, schedule=schedule, epochs=check_int("epochs", epochs, 1))


def one_cycle(
    max_lr: Rate,
    epochs: int,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Return the schedule of one cycle: up to max_lr, and then down to almost 0.

    It was proposed by Smith and Topin (2018); the defaults are those of PyTorch.

    Parameters
    ----------
    max_lr : float
        The largest rate.
    epochs : int
        Length of the cycle.
    pct_start : float
        Share of the epochs for which the rate rises, along half a cosine's period.
    div_factor : float
        The rate starts at max_lr / div_factor.
    final_div_factor : float
        In the last epoch the rate is the start divided by final_div_factor.

    Returns
    -------
    function
        Takes an epoch, from 0, and returns its learning rate.

    Examples
    --------
    >>> rate = one_cycle(1.0, epochs=10)
    >>> rate(0), rate(2), round(rate(9), 9)
    (0.04, 1.0, 4e-06)
    """
    return partial(
        _one_cycle,
        max_lr=check_floats("max_lr", max_lr, 0.0),
        epochs=check_int("epochs", epochs, 1),
        pct_start=check_float("pct_start", pct_start, 0.0, 1.0),
        div_factor=check_float("div_factor", div_factor, 1.0),
        final_div_factor=check_float("final_div_factor", final_div_factor, 1.0),
    )


def rates(schedule: Schedule, epochs: int) -> Array:
    """Return the learning rates of the epochs, (epochs,) or (epochs, n_nets) float64.

    TypeError or ValueError, with the epoch, where the schedule returns no rate.
    """
    found: list[Any] = []
    for epoch in range(epochs):
        rate = schedule(epoch)
        found.append(check_floats(f"the learning rate of epoch {epoch}", rate, 0.0))
        if epoch == 0 and np.size(rate) > 1:
            n_nets = np.size(rate)
            check_memory(
                2 * 8 * epochs * n_nets,
                f"the learning rates of {n_nets:,} nets in {epochs:,} epochs",
                "return one rate for all nets, or train fewer in a call",
            )
    shapes = {np.shape(rate) for rate in found}
    if len(shapes) > 1:
        raise ValueError(
            "a schedule must return as many learning rates in each epoch, not arrays "
            f"of shapes {sorted(shapes)}"
        )
    return np.array(found, dtype=np.float64)


# Top-level functions with bound settings, unlike closures, can be pickled.


def _constant(epoch: int, lr: Any) -> Any:
    return lr


def _step(epoch: int, lr: Any, step_size: int, gamma: float) -> Any:
    return lr * gamma ** (epoch // step_size)


def _cosine(epoch: int, lr: Any, epochs: int, final: float) -> Any:
    return _between(lr, final, min(epoch / epochs, 1.0))


def _inverse_scaling(epoch: int, lr: Any, power: float) -> Any:
    return lr / (epoch + 1) ** power


def _warmup(epoch: int, schedule: Schedule, epochs: int) -> Any:
    return schedule(epoch) * min((epoch + 1) / (epochs + 1), 1.0)


def _one_cycle(
    epoch: int,
    max_lr: Any,
    epochs: int,
    pct_start: float,
    div_factor: float,
    final_div_factor: float,
) -> Any:
    first, last = max_lr / div_factor, max_lr / (div_factor * final_div_factor)
    top = pct_start * epochs - 1
    if epoch <= top:
        return _between(first, max_lr, epoch / top if top > 0 else 1.0)
    return _between(max_lr, last, min((epoch - top) / (epochs - 1 - top), 1.0))


def _between(start: Any, end: Any, share: float) -> Any:
    """Return a value between two, along half a cosine's period."""
    # exact at both ends, which `end + (start - end) * ...` is not
    falling = 0.5 * (1.0 + math.cos(math.pi * share))
    return start * falling + end * (1.0 - falling)
