"""The end of a batch: a step of any optimizer, which a loop calls by its address."""

from ..codes import CLIP_NORM
from ..compiler.compile import called_by_address
from ..functions import optimizers
from ..functions.penalties import add_decay
from ..primitives.pointers import flat
from ..primitives.table import layer_offsets


@called_by_address
def any_step(
    net, theta, moments, clock, g, optimizer, settings, rates, decays, l2_factor
):
    """Make a step (see `optimizers.step`) with a gradient g, which may be clipped.

    l2_factor times the weights are added to their gradients first. Returned is the sum
    of their squares, or 0 where the factor is.
    """
    squares = 0.0
    if l2_factor > 0.0:
        for i in range(net.n_layers):
            layer = layer_offsets(net.layers, i)
            squares += add_decay(flat(g), net.theta, layer.w, layer.b, l2_factor)
    if settings[CLIP_NORM] > 0.0:
        optimizers.clip(g, None, theta.size, settings[CLIP_NORM])
    optimizers.step(theta, moments, clock, g, optimizer, settings, rates, decays)
    return squares
