"""Hidden neurons that start alike: the reason why a net of zeros does not learn.

Two neurons of a layer with the same weights coming in and the same weights going out have the same output and the same
gradient for every sample. So each update changes both alike, and they stay equal however long the net is trained.
"""

import sys
import warnings
from collections.abc import Sequence

import numpy as np

from .activations import ACTIVATIONS
from .layers import Affine, Layer, MatMul


class SymmetryWarning(UserWarning):
    """Hidden neurons of a net start alike, and stay alike however long it trains."""


_PACKAGE = __name__.partition(".")[0]
_KINDS = tuple(ACTIVATIONS.values())


def warn_of_symmetry(layers: Sequence[Layer]) -> None:
    """Warn if hidden neurons start alike, at the line that called this package."""
    before: Affine | MatMul | None = None
    place_before = 0
    for place, layer in enumerate(layers):
        if isinstance(layer, Affine | MatMul) and type(layer) in (Affine, MatMul):
            if (
                before is not None
                and len(np.unique(before.params[0][0])) < before.n_out
            ):
                of_each = [
                    array.reshape(-1, before.n_out).T for array in before.params
                ] + [layer.params[0]]
                different = len(np.unique(np.hstack(of_each), axis=0))
                if different < before.n_out:
                    warnings.warn(
                        f"the {before.n_out} hidden neurons of layer {place_before}, {before!r}, are worth only "
                        f"{different}: those with equal weights in and out get equal gradients, so they stay equal "
                        "however long the net is trained. Start from random weights, such as init='xavier'",
                        SymmetryWarning,
                        stacklevel=_outside(),
                    )
            before, place_before = layer, place
        elif type(layer) not in _KINDS:
            before = None  # another layer may tell neurons apart


def _outside() -> int:
    """How many calls up from `warn_of_symmetry` the first one is that does not come from this package."""
    level, frame = 1, sys._getframe(1)
    while (
        frame.f_back is not None
        and f"{frame.f_globals.get('__name__', '')}.".startswith(f"{_PACKAGE}.")
    ):
        level, frame = level + 1, frame.f_back
    return level
