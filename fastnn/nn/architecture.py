"""From a list of layers and a loss to a net that makes sense, or to an error that says why it does not."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.arguments import check_choice
from ..data.arrays import Array
from .activations import Activation, Identity, Softmax
from .initializers import is_arrays, parse
from .layers import Layer, Weighted, copy_init_arrays
from .losses import LOSSES, Loss


def as_layers(layers: Any) -> tuple[Layer, ...]:
    """The caller's list of layers."""
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise TypeError(
            f"a net is made from a list of layers, such as [fastnn.Affine(2, 1)], not from {layers!r}"
        )
    for place, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(
                f"layer {place} is {layer!r}: layers are objects such as fastnn.Affine(2, 3)"
            )
    return tuple(layers)


def sizes(layers: Sequence[Layer]) -> tuple[int, int]:
    """The number of inputs and outputs of a stack whose layers fit each other and belong to no other net."""
    width: int | None = None
    n_in: int | None = None
    for place, layer in enumerate(layers):
        if layer.owned or any(layer is other for other in layers[:place]):
            raise ValueError(
                f"layer {place}, {layer!r}, is part of a net already: make a new one"
            )
        try:
            width = layer.n_outputs(width)
        except ValueError as error:
            raise ValueError(
                f"layer {place} does not fit the one before: {error}"
            ) from None
        if n_in is None and isinstance(layer, Weighted):
            n_in = layer.n_in
    if n_in is None or width is None:
        raise ValueError(
            "a net needs at least one layer with weights, such as fastnn.Affine(2, 1)"
        )
    return n_in, width


def choose_loss(loss: Any, n_out: int) -> Loss:
    """The loss by name or as given; without one, binary cross-entropy for one output, softmax for more."""
    if loss is None:
        loss = "bce" if n_out == 1 else "softmax_ce"
    chosen = (
        loss if isinstance(loss, Loss) else LOSSES[check_choice("loss", loss, LOSSES)]()
    )
    if chosen.reduction != "mean":
        raise ValueError(
            f"{chosen!r} in a net: pass reduction='sum' to fit or loss_and_grads instead"
        )
    chosen.check_outputs(n_out)
    return chosen


def without_link(layers: Sequence[Layer], loss: Loss) -> tuple[Layer, ...]:
    """The stack up to the loss's plain output: a final activation must be the one that the loss contains."""
    while isinstance(layers[-1], Identity):
        layers = layers[:-1]
    last = layers[-1]
    if not isinstance(last, (Activation, Softmax)):
        return tuple(layers)
    if type(last).__name__ != loss.link:
        fitting = (
            f"{loss.link}()"
            if loss.link != "Identity"
            else "a layer without activation"
        )
        raise ValueError(
            f"the net ends in {last!r}, but loss {loss.name!r} goes with {fitting}, or with nothing there"
        )
    return tuple(layers[:-1])


def draw(layers: Sequence[Layer], init: Any, rng: np.random.Generator) -> list[Array]:
    """Initial parameters in the order of the layers: the caller's arrays, or drawn layer by layer.

    A layer with an init of its own keeps to that; `init` is for the others.
    """
    weighted = [layer for layer in layers if isinstance(layer, Weighted)]
    if is_arrays(init):
        shapes = [shape for layer in weighted for shape in layer.shapes()]
        return copy_init_arrays(init, shapes)
    default = parse(init)
    return [array for layer in weighted for array in layer.draw(rng, default)]


def draw_many(
    layers: Sequence[Layer], init: Any, seeds: Sequence[int], dtype: Any
) -> Array:
    """What `draw` draws from each seed's generator, (n_nets, n_params): the same bits, in a third of the time."""
    weighted = [layer for layer in layers if isinstance(layer, Weighted)]
    default = parse(init)
    theta = np.zeros(
        (
            len(seeds),
            sum(int(np.prod(shape)) for layer in weighted for shape in layer.shapes()),
        ),
        dtype,
    )
    if any(layer.has_own_init for layer in weighted):
        for row, seed in zip(theta, seeds, strict=True):
            drawn = draw(layers, init, np.random.default_rng(seed))
            row[:] = np.concatenate([array.reshape(-1) for array in drawn])
        return theta
    sizes = [layer.n_in * layer.n_out for layer in weighted]
    raw = np.array(
        [
            default.draw_standard(np.random.default_rng(seed), sum(sizes))
            for seed in seeds
        ]
    )
    at = 0
    for layer, own in zip(
        weighted, np.split(raw, np.cumsum(sizes)[:-1], axis=1), strict=True
    ):
        theta[:, at : at + own.shape[1]] = default.scale(own, layer.n_in, layer.n_out)
        at += sum(int(np.prod(shape)) for shape in layer.shapes())
    return theta
