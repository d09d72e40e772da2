"""Initial weights: how the parameters of a net are drawn. Biases start at zero in every scheme."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arguments import check_float
from ..data.arrays import Array


@dataclass(frozen=True)
class Init:
    """A scheme that draws a layer's weights."""

    scheme: str
    arguments: tuple[float, ...] = ()

    def weights(self, rng: np.random.Generator, n_in: int, n_out: int) -> Array:
        """Weights (n_in, n_out), float64, drawn row by row."""
        return self.scaled(self.raw(rng, n_in * n_out), n_in, n_out).reshape(
            n_in, n_out
        )

    def raw(self, rng: np.random.Generator, n: int) -> Array:
        """n numbers from the generator, of which a layer after the other takes as many as it has weights."""
        if self.scheme == "zeros":
            return np.zeros(n)
        return (
            rng.standard_normal(n) if self.scheme in ("he", "normal") else rng.random(n)
        )

    def raw_many(self, seeds: Sequence[int], n: int) -> Array:
        """Return what `raw` draws from each seed's generator, (n_seeds, n)."""
        return np.array([self.raw(np.random.default_rng(seed), n) for seed in seeds])

    def scaled(self, raw: Array, n_in: int, n_out: int) -> Array:
        """The weights of a layer from its raw numbers, each for itself."""
        if self.scheme == "zeros":
            return raw
        if self.scheme == "he":
            return raw * math.sqrt(2.0 / n_in)
        if self.scheme == "normal":
            return raw * self.arguments[0]
        limit = math.sqrt(6.0 / (n_in + n_out))
        low, high = (-limit, limit) if self.scheme == "xavier" else self.arguments
        return low + (high - low) * raw  # as Generator.uniform computes it

    def __str__(self) -> str:
        arguments = ", ".join(f"{value:g}" for value in self.arguments)
        return f"{self.scheme}({arguments})" if arguments else self.scheme


def xavier() -> Init:
    """Uniform in +-sqrt(6 / (n_in + n_out)) (Glorot and Bengio, 2010): for sigmoid and tanh."""
    return Init("xavier")


def he() -> Init:
    """Normal with a standard deviation of sqrt(2 / n_in) (He et al., 2015): for ReLU."""
    return Init("he")


def normal(std: float = 1.0) -> Init:
    """Normal with mean 0 and this standard deviation.

    >>> from fastnn import mlp
    >>> bool(abs(mlp(50, 50, 1, init=normal(0.1)).params[0].std() - 0.1) < 0.005)
    True
    """
    return Init("normal", (check_float("std", std, 0.0),))


def uniform(low: float, high: float) -> Init:
    """Uniform from low up to high."""
    low, high = check_float("low", low), check_float("high", high)
    if high < low:
        raise ValueError(f"uniform needs low <= high, not low={low:g}, high={high:g}")
    return Init("uniform", (low, high))


def zeros() -> Init:
    """All zeros: hidden neurons of a layer then stay equal for ever, however long the net is trained."""
    return Init("zeros")


_SCHEMES: dict[str, Callable[..., Init]] = {
    "xavier": xavier,
    "he": he,
    "normal": normal,
    "uniform": uniform,
    "zeros": zeros,
}


def is_arrays(spec: Any) -> bool:
    """True if initial parameters are given as a list of arrays, not as a scheme."""
    return isinstance(spec, (list, tuple))


def parse(spec: Any) -> Init:
    """A scheme from its name, such as "xavier", "normal(0.01)" or "uniform(-1, 1)"; an Init is returned as it is."""
    if isinstance(spec, Init):
        return spec
    match = (
        re.fullmatch(r"(\w+)\s*(?:\(([^()]*)\))?", spec.strip())
        if isinstance(spec, str)
        else None
    )
    if match is None or match[1] not in _SCHEMES:
        raise ValueError(
            "init must be 'xavier', 'he', 'normal(std)', 'uniform(low, high)', 'zeros' or a list of arrays, "
            f"not {spec!r}"
        )
    try:
        return _SCHEMES[match[1]](
            *([float(text) for text in match[2].split(",")] if match[2] else [])
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"init {spec!r} is not understood: {error}") from None
