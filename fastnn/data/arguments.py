"""Checks of single arguments: each returns the value in one type, or says what was given and what was wanted."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from .arrays import Array, as_float_array

_LARGEST = 2**31 - 1


def check_int(name: str, value: Any, least: int) -> int:
    """A whole number of at least `least`."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
    if not least <= number <= _LARGEST:
        raise ValueError(
            f"{name} must be at least {least} and at most {_LARGEST}, not {number}"
        )
    return number


def check_float(
    name: str, value: Any, least: float = -math.inf, below: float = math.inf
) -> float:
    """A finite number, at least `least` and less than `below`."""
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
    if number < least:
        raise ValueError(f"{name} must be at least {least:g}, not {number:g}")
    if number >= below:
        raise ValueError(f"{name} must be less than {below:g}, not {number:g}")
    return number


def check_floats(
    name: str, value: Any, least: float = -math.inf, below: float = math.inf
) -> float | Array:
    """A number as `real` has it, or an array of such numbers, one for each of many nets: (n_nets,)."""
    if np.ndim(value) == 0:
        return check_float(name, value, least, below)
    array = as_float_array(name, value, np.dtype("float64"))
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be a number, or one for each of many nets, (n_nets,), not {array.shape}"
        )
    for extreme in (array.min(), array.max()):
        check_float(name, extreme, least, below)
    return array


def check_choice(name: str, value: Any, options: Iterable[str]) -> str:
    """One of the names in `options`."""
    known = list(options)
    if not isinstance(value, str) or value not in known:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}"
        )
    return value


def check_bool(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def check_seed(value: Any) -> int:
    """A seed for `numpy.random.default_rng`: a whole number from 0 on, of any size."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"seed must be a whole number, so that the run can be repeated, not {value!r}"
        ) from None
    if number < 0:
        raise ValueError(f"seed must be at least 0, not {number}")
    return number


def check_seeds(values: Iterable[Any]) -> tuple[int, ...]:
    """Return seeds, each checked as `check_seed` does."""
    return tuple(check_seed(value) for value in values)


def check_dtype(value: Any) -> np.dtype[Any]:
    """float64 or float32."""
    for name in ("float64", "float32"):
        try:
            if value is not None and np.dtype(value) == np.dtype(name):
                return np.dtype(name)
        except TypeError:  # not a type at all
            break
    raise ValueError(f"dtype must be 'float64' or 'float32', not {value!r}")
