"""Stream: the loop that learns one sample per call, with its arrays prepared once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ... import kernels
from ...data.arrays import Array, aligned_arrays
from ...kernels.arguments import StreamArrays
from ...nn.losses import code_for
from ...nn.optimizers import UpdateRule
from .packing import packing


@dataclass(frozen=True, eq=False)
class Stream:
    """What `learn(x, t, address)` needs besides a sample; it changes theta in place.

    learn: see `kernels.loops.stream.learner`. address is that of `table`, which has the
    addresses of `arrays`, so it is good as long as this object is there. A sample with
    several targets has them in `targets` (1, n_targets), which is filled before.
    """

    learn: Callable[[Array, float, int], float]
    address: int
    table: Array
    arrays: StreamArrays

    @property
    def targets(self) -> Array:
        """The sample's targets, (1, n_targets)."""
        targets: Array = self.arrays.y
        return targets


def stream_of(
    layers: Array,
    loss: int,
    n_targets: int,
    rule: UpdateRule,
    theta: Array,
    moments: Array,
    clock: Array,
) -> Stream:
    """Return the stream of a net with this layer table and this loss, a number.

    It changes theta (n_params,), and the moments and the clock of the optimizer.
    """
    codes, dtype = kernels.codes, theta.dtype
    packed = packing(layers, codes.VECTOR_BYTES // dtype.itemsize)
    vectors, by_unit = aligned_arrays(
        dtype, (2 + len(moments), packed.size), (4, packed.units.size)
    )
    by_unit[3] = packed.units
    rates, decays = (
        np.zeros(packed.size if each.size else 0)
        for each in (rule.learning_rates, rule.decays)
    )
    targets = np.zeros((1, n_targets), dtype)
    arrays = StreamArrays(
        x=np.empty(int(layers[0, codes.N_IN])),
        y=targets,
        codes=np.array([code_for(loss, targets), rule.code]),
        theta=theta,
        moments=moments,
        clock=clock,
        settings=rule.settings,
        rates=rule.learning_rates,
        decays=rule.decays,
        layers=packed.layers,
        packed_theta=vectors[0],
        packed_moments=vectors[2:],
        packed_g=vectors[1],
        packed_rates=rates,
        packed_decays=decays,
        a=by_unit[0],
        d=by_unit[1],
        scaled_d=by_unit[2],
        units=by_unit[3],
        places=packed.places,
        sources=packed.sources,
        sums=np.zeros(1),
        counts=np.zeros(1, np.int64),
        position=np.zeros(codes.N_POSITION, np.int64),
        order=np.zeros((1, 1), np.int64),
        subtotals=np.zeros((1, 2)),
        none=np.empty((0, theta.size)),
    )
    # The kernel reads them without a look at their strides.
    assert all(array.flags.c_contiguous for array in arrays)
    table = np.array(
        [(array.ctypes.data, *(1, *array.shape)[-2:]) for array in arrays], np.int64
    )
    decayed = bool(rule.settings[codes.DECAY] or rule.settings[codes.BIAS_DECAY])
    learn = kernels.loops.stream.learner(dtype.type, decayed)
    return Stream(learn, table.ctypes.data, table, arrays)
