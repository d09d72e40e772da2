"""Initial weights: the schemes by which a net's parameters are drawn.

Biases start at zero in every scheme.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arguments import check_float
from ..data.arrays import Array
from ..data.machine import check_memory
from ..data.suggestions import value_hint

# Up to this number, weights fit into any memory.
_FEW_WEIGHTS = 2**20


@dataclass(frozen=True)
class Init:
    """A scheme for drawing a layer's weights; `xavier()` and the others make one."""

    scheme: str
    arguments: tuple[float, ...] = ()

    def weights(self, rng: "np.random.Generator", n_in: int, n_out: int) -> Array:
        """Return weights (n_in, n_out), float64, drawn row by row."""
        check_weights_memory(n_in * n_out)
        samples = self.draw_standard(rng, n_in * n_out)
        return self.scale(samples, n_in, n_out).reshape(n_in, n_out)

    def draw_standard(self, rng: "np.random.Generator", n: int) -> Array:
        """Return n samples of N(0, 1) or U(0, 1), whichever the scheme scales.

        Samples for several layers can be drawn at once: they are the same as if each
        layer drew its own in turn.
        """
        if self.scheme == "zeros":
            return np.zeros(n)
        if self.scheme in ("he", "normal"):
            return rng.standard_normal(n)
        return rng.random(n)

    def draw_standard_many(self, seeds: Sequence[int], n: int) -> Array:
        """Return the samples (n_seeds, n) of each seed's generator."""
        from .seeds import generators, uniform_samples  # with numpy.random

        if self.scheme not in ("zeros", "he", "normal"):
            return uniform_samples(seeds, n)
        samples = np.empty((len(seeds), n))
        for row, rng in zip(samples, generators(seeds), strict=True):
            row[:] = self.draw_standard(rng, n)
        return samples

    def scale(self, samples: Array, n_in: int, n_out: int) -> Array:
        """Return a layer's weights for standard samples of any shape."""
        if self.scheme == "zeros":
            return samples
        if self.scheme == "he":
            return samples * math.sqrt(2.0 / n_in)
        if self.scheme == "normal":
            return samples * self.arguments[0]
        limit = math.sqrt(6.0 / (n_in + n_out))
        low, high = (-limit, limit) if self.scheme == "xavier" else self.arguments
        # The expression of Generator.uniform, for the same bits.
        return low + (high - low) * samples

    def __str__(self) -> str:
        arguments = ", ".join(f"{value:g}" for value in self.arguments)
        return f"{self.scheme}({arguments})" if arguments else self.scheme


def check_weights_memory(n: int) -> None:
    """Refuse n initial weights that do not fit into memory."""
    if n > _FEW_WEIGHTS:
        check_memory(
            3 * 8 * n, f"{n:,} initial parameters", "choose layers of fewer units"
        )


def xavier() -> Init:
    """Return a uniform scheme in +-sqrt(6 / (n_in + n_out)), for sigmoid and tanh.

    It is due to Glorot and Bengio (2010).
    """
    return Init("xavier")


def he() -> Init:
    """Return a normal scheme with standard deviation sqrt(2 / n_in), for ReLU.

    It is due to He et al. (2015).
    """
    return Init("he")


def normal(std: float = 1.0) -> Init:
    """Return a normal scheme with mean 0 and this standard deviation.

    >>> from fastnn import mlp
    >>> bool(abs(mlp(50, 50, 1, init=normal(0.1)).params[0].std() - 0.1) < 0.005)
    True
    """
    return Init("normal", (check_float("std", std, 0.0),))


def uniform(low: float, high: float) -> Init:
    """Return a uniform scheme from low to high.

    >>> from fastnn import mlp
    >>> weights = mlp(50, 50, 1, init=uniform(0.0, 0.1)).params[0]
    >>> bool(weights.min() >= 0.0 and weights.max() <= 0.1)
    True
    """
    low, high = check_float("low", low), check_float("high", high)
    if high < low:
        raise ValueError(f"uniform needs low <= high, not low={low:g}, high={high:g}")
    return Init("uniform", (low, high))


def zeros() -> Init:
    """Return the scheme of zeros, from which hidden neurons can never differ.

    The hidden neurons of a layer stay equal however long the net is trained.
    """
    return Init("zeros")


_NAMES = ("xavier", "he", "normal(std)", "uniform(low, high)", "zeros")
_SCHEMES: dict[str, Callable[..., Init]] = {
    "xavier": xavier,
    "he": he,
    "normal": normal,
    "uniform": uniform,
    "zeros": zeros,
}


def is_arrays(spec: Any) -> bool:
    """Return True if init= is a list of parameter arrays, not a scheme."""
    return isinstance(spec, (list, tuple))


def parse(spec: Any) -> Init:
    """Return the scheme with this name, such as "he" or "uniform(-1, 1)".

    An Init is returned unchanged.
    """
    if isinstance(spec, Init):
        return spec
    match = None
    if isinstance(spec, str):
        match = re.fullmatch(r"(\w+)\s*(?:\(([^()]*)\))?", spec.strip())
    if match is None or match[1] not in _SCHEMES:
        raise ValueError(
            "init must be 'xavier', 'he', 'normal(std)', 'uniform(low, high)', "
            f"'zeros' or a list of arrays, not {spec!r}{value_hint(spec, _NAMES)}"
        )
    try:
        arguments = [float(text) for text in match[2].split(",")] if match[2] else []
        return _SCHEMES[match[1]](*arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"init {spec!r} has wrong arguments: {error}") from None
