"""Checks of arguments that do not depend on the data.

Each function returns the value in one type, or raises an error that names the argument,
the value that was passed and the values that are allowed.
"""

import math
import operator
from collections.abc import Iterable, Sized
from typing import Any, NamedTuple

import numpy as np

from .arrays import Array, as_float_array
from .machine import check_memory
from .suggestions import value_hint

_MAX_INT = 2**31 - 1
# Up to this number, values fit into any memory.
_FEW_VALUES = 2**20


def check_int(name: str, value: Any, minimum: int) -> int:
    """Return a whole number of at least `minimum`."""
    number = _whole_number(f"{name} must be a whole number,", value)
    if not minimum <= number <= _MAX_INT:
        raise ValueError(
            f"{name} must be at least {minimum} and at most {_MAX_INT}, not {number}"
        )
    return number


def _whole_number(expected: str, value: Any) -> int:
    """Return any integer but a boolean; a TypeError begins with `expected`."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{expected} not {value!r}") from None


def check_float(
    name: str, value: Any, minimum: float = -math.inf, less_than: float = math.inf
) -> float:
    """Return a finite number that is at least `minimum` and less than `less_than`."""
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)):
            raise TypeError
        number = float(value)
    except OverflowError:
        raise ValueError(
            f"{name} must be finite, but is too large for a float"
        ) from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, not {number}")
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum:g}, not {number:g}")
    if number >= less_than:
        raise ValueError(f"{name} must be less than {less_than:g}, not {number:g}")
    return number


def check_floats(
    name: str, value: Any, minimum: float = -math.inf, less_than: float = math.inf
) -> float | Array:
    """Return a number as `check_float` does, or an array (n_nets,) of such numbers."""
    if type(value) is float:  # in a third of the time
        return check_float(name, value, minimum, less_than)
    if isinstance(value, Sized) and not isinstance(value, (str, np.ndarray)):
        n = len(value)
        if n > _FEW_VALUES:  # before a range becomes an array
            check_memory(
                40 * n, f"{n:,} values of {name}", "train fewer nets in a call"
            )
    if np.ndim(value) == 0:
        return check_float(name, value, minimum, less_than)
    array = as_float_array(name, value, np.dtype("float64"))
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be a number, or an array (n_nets,) with one value per net, "
            f"not an array of shape {array.shape}"
        )
    for extreme in (array.min(), array.max()):
        check_float(name, extreme, minimum, less_than)
    return array


def check_choice(name: str, value: Any, options: Iterable[str]) -> str:
    """Return one of the names in `options`."""
    allowed = list(options)
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}"
            f"{value_hint(value, allowed)}"
        )
    return value


def check_bool(name: str, value: Any) -> bool:
    """Return True or False; numbers are refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def check_seed(value: Any) -> int:
    """Return a seed for `numpy.random.default_rng`, a whole number of at least 0."""
    expected = "seed must be a whole number, so that the run can be repeated,"
    number = _whole_number(expected, value)
    if number < 0:
        raise ValueError(f"seed must be at least 0, not {number}")
    return number


def seed_or_draw(value: Any) -> int:
    """Return a seed as `check_seed` does, or for None a new one of up to 53 bits.

    Such a number is the same in JSON, JavaScript and a spreadsheet.
    """
    if value is not None:
        return check_seed(value)
    import secrets  # here, as it takes 5 ms, and most seeds are passed

    return secrets.randbits(53)


def check_seeds(values: Any) -> tuple[int, ...]:
    """Return seeds, each checked as `check_seed` does."""
    if not isinstance(values, Iterable):
        raise TypeError(f"seeds must be integers, such as range(1000), not {values!r}")
    return tuple(check_seed(value) for value in values)


class TrainingArguments(NamedTuple):
    """Checked arguments of `fit` and `fit_many`; mean is the reduction over a batch."""

    epochs: int
    mean: bool
    shuffle: bool
    seed: int
    progress: bool | None
    loop: str
    n_jobs: int


def check_training(
    *,
    epochs: Any,
    reduction: Any,
    shuffle: Any,
    seed: Any,
    progress: Any,
    loop: Any,
    n_jobs: Any,
) -> TrainingArguments:
    """Check the arguments of a training that do not depend on its data."""
    if progress is not None:
        check_bool("progress", progress)
    threads = check_int("n_jobs", n_jobs, -1)
    if threads == 0:
        raise ValueError(
            "n_jobs must be a number of threads, or -1 for all processors, not 0"
        )
    return TrainingArguments(
        epochs=check_int("epochs", epochs, 1),
        mean=check_reduction(reduction),
        shuffle=check_bool("shuffle", shuffle),
        seed=seed_or_draw(seed),
        progress=progress,
        loop=check_choice("loop", loop, ("auto", "general", "specialised")),
        n_jobs=threads,
    )


def check_reduction(reduction: Any) -> bool:
    """Return True for "mean", False for "sum"."""
    return check_choice("reduction", reduction, ("mean", "sum")) == "mean"


def check_dtype(value: Any) -> np.dtype[Any]:
    """Return the dtype float64 or float32."""
    names = ("float64", "float32")
    for name in names:
        try:
            if value is not None and np.dtype(value) == np.dtype(name):
                return np.dtype(name)
        except TypeError:  # not a dtype at all
            break
    raise ValueError(
        f"dtype must be 'float64' or 'float32', not {value!r}{value_hint(value, names)}"
    )
