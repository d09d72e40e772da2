"""Architecture: the checked, immutable description of a net without its parameters."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..data.arguments import check_choice
from ..data.arrays import Array
from ..data.targets import TargetKind
from .activations import Activation, Identity, Softmax
from .boundary import float_dtype, writable
from .descriptions import (
    BUILT_IN,
    BUILT_IN_KINDS,
    Kinds,
    describe_layer,
    describe_loss,
    layer_from,
    loss_from,
)
from .initializers import Init, check_weights_memory, is_arrays, parse
from .layers import Layer, any_has_own_init, copy_init_arrays
from .losses import LOSSES, Loss

if TYPE_CHECKING:
    from ..data.archives import Archive

_MAX_LAYERS = 4096  # of a net in a file


@dataclass(frozen=True, eq=False)
class Architecture:
    """Layers that fit each other and a loss, and how their parameters are drawn.

    layers: as the user gave them. stack: without the final activation that belongs to
    the loss, so that it ends in the loss's plain output. targets: what these are.
    scheme: the initializer that `draw_many` uses; None if the parameters came as arrays
    or from a file. shapes: of the parameters of each layer in the stack.
    """

    layers: tuple[Layer, ...]
    stack: tuple[Layer, ...]
    loss: Loss
    n_in: int
    n_out: int
    targets: TargetKind
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    n_params: int
    mixes_rows: bool
    scheme: Init | None

    @classmethod
    def of(cls, layers: Any, loss: Any, init: Any = None) -> Self:
        """Check layers, a loss and an init, as `fastnn.Sequential` takes them.

        TypeError if layers is not a list of layers; ValueError for layers that do not
        fit each other or the loss, or that are part of another net.
        """
        checked = _as_layers(layers)
        n_in, n_out = _sizes(checked)
        chosen = _choose_loss(loss, n_out)
        chosen.check_outputs(n_out)
        stack, chosen = _without_link(checked, chosen)
        chosen.check_outputs(n_out)
        shapes = tuple(tuple(map(tuple, layer.shapes())) for layer in stack)
        return cls(
            layers=checked,
            stack=stack,
            loss=chosen,
            n_in=n_in,
            n_out=n_out,
            targets=chosen.targets(n_out),
            shapes=shapes,
            n_params=sum(_size(of_layer) for of_layer in shapes),
            mixes_rows=any(layer.mixes_rows for layer in stack),
            scheme=None if init is None or is_arrays(init) else parse(init),
        )

    @property
    def n_classes(self) -> int | None:
        """The number of classes, of each output if it has a label; None for values."""
        return self.targets.n_classes

    @classmethod
    def from_archive(cls, archive: "Archive", kinds: Kinds = BUILT_IN_KINDS) -> Self:
        """Build the architecture that a file's facts describe.

        kinds: the classes that the file may name (see `descriptions.kinds_by_name`).
        """
        described = archive.fact("layers")
        if not isinstance(described, list) or len(described) > _MAX_LAYERS:
            raise ValueError(f"its layers are not a list of up to {_MAX_LAYERS:,}")
        loss = loss_from(archive.fact("loss"), kinds)
        return cls.of([layer_from(layer, kinds) for layer in described], loss)

    def facts(self) -> dict[str, Any]:
        """Describe layers and loss as JSON values.

        TypeError for a user's layers and losses that do not define `arguments`,
        ValueError for more layers than a file may have.
        """
        if len(self.layers) > _MAX_LAYERS:
            raise ValueError(
                f"the net has {len(self.layers):,} layers, but only up to "
                f"{_MAX_LAYERS:,} can be saved"
            )
        return {
            "loss": describe_loss(self.loss),
            "layers": [describe_layer(layer) for layer in self.layers],
        }

    def copy(self) -> Self:
        """Return a copy with layers of its own, which belong to no net."""
        return copy.deepcopy(self)

    def draw(self, init: Any, rng: "np.random.Generator") -> Array:
        """Draw initial parameters (n_params,) by layer, or take the init's arrays.

        A layer with an init of its own keeps to that; `init` is for the others.
        """
        check_weights_memory(self.n_params)
        if is_arrays(init):
            shapes = [shape for shapes in self.shapes for shape in shapes]
            arrays = copy_init_arrays(init, shapes)
        else:
            scheme = parse(init)
            arrays = [
                array for layer in self.stack for array in layer.initial(rng, scheme)
            ]
        drawn = np.concatenate([array.reshape(-1) for array in arrays])
        if drawn.size != self.n_params:
            raise ValueError(
                f"the layers start from {drawn.size} parameters, but {self.n_params} "
                "are expected: their shapes must not change"
            )
        return drawn

    def draw_many(self, seeds: Sequence[int], dtype: Any) -> Array:
        """Draw what `draw` draws from each seed's generator, (n_nets, n_params).

        Bit-identical, in 0.5 us instead of 50 for nine parameters: seeds are hashed,
        and layers that use the scheme scaled, for all nets at once.
        """
        assert self.scheme is not None
        theta = np.zeros((len(seeds), self.n_params), dtype)
        if any_has_own_init(self.stack, self.shapes):
            from .seeds import generators  # with numpy.random

            for row, rng in zip(theta, generators(seeds), strict=True):
                row[:] = self.draw(self.scheme, rng)
            return theta
        weights = [shapes[0] for shapes in self.shapes if shapes]
        samples = self.scheme.draw_standard_many(seeds, _size(weights))
        start = drawn = 0
        for shapes in self.shapes:
            if shapes:
                size = prod(shapes[0])
                part = samples[:, drawn : drawn + size]
                theta[:, start : start + size] = self.scheme.scale(part, *shapes[0])
                drawn += size
            start += _size(shapes)
        return theta

    def views(self, flat: Array) -> list[Array]:
        """Return the parts of a flat array (n_params,), in their shapes, as views."""
        parts, start = [], 0
        for shapes in self.shapes:
            for shape in shapes:
                stop = start + prod(shape)
                parts.append(flat[start:stop].reshape(shape))
                start = stop
        return parts

    def bind(self, theta: Array) -> Array:
        """Make the layers' parameters views into theta, and return their flat gradient.

        The gradient (n_params,) is what `Layer.grads` are views into. theta must be
        (n_params,) float64 or float32.
        """
        dtype = float_dtype("the net", "has parameters", theta)
        theta = writable("the net", "has parameters", theta, (self.n_params,), dtype)
        gradient = np.zeros_like(theta)
        self._bind(self.stack, theta, gradient)
        return gradient

    def bound_copies(self, theta: Array, gradient: Array) -> tuple[Layer, ...]:
        """Return copies of the stack, whose arrays are views into these two."""
        copies = copy.deepcopy(self.stack)
        self._bind(copies, theta, gradient)
        return copies

    def _bind(self, stack: Sequence[Layer], theta: Array, gradient: Array) -> None:
        params, grads = self.views(theta), self.views(gradient)
        for layer, shapes in zip(stack, self.shapes, strict=True):
            n = len(shapes)
            layer._owned = False
            layer.bind(params[:n], grads[:n])
            layer._owned = True
            params, grads = params[n:], grads[n:]


def _size(shapes: Iterable[tuple[int, ...]]) -> int:
    return sum(prod(shape) for shape in shapes)


def _as_layers(layers: Any) -> tuple[Layer, ...]:
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise TypeError(
            f"layers must be a list such as [fastnn.Affine(2, 1)], not {layers!r}"
        )
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(
                f"layer {index} is {layer!r}: pass layer objects such as "
                "fastnn.Affine(2, 3)"
            )
    return tuple(layers)


def _sizes(layers: Sequence[Layer]) -> tuple[int, int]:
    """Return the numbers of inputs and outputs, if the layers fit each other."""
    width: int | None = None
    n_in: int | None = None
    seen: set[int] = set()
    for index, layer in enumerate(layers):
        if layer.owned or id(layer) in seen:
            raise ValueError(
                f"layer {index}, {layer!r}, is part of a net already: make a new one"
            )
        seen.add(id(layer))
        try:
            width = layer.n_outputs(width)
        except ValueError as error:
            raise ValueError(
                f"layer {index} does not fit the one before it: {error}"
            ) from None
        if n_in is None:
            n_in = getattr(layer, "n_in", None)
    if n_in is None or width is None or not any(layer.shapes() for layer in layers):
        raise ValueError(
            "a net needs at least one layer with weights, such as fastnn.Affine(2, 1)"
        )
    return n_in, width


def _choose_loss(loss: Any, n_out: int) -> Loss:
    """Return the loss given or named; by default "bce" for one output, else softmax."""
    if loss is None:
        loss = "bce" if n_out == 1 else "softmax_ce"
    if isinstance(loss, Loss):
        chosen = loss
    else:
        chosen = LOSSES[check_choice("loss", loss, LOSSES)]()
    if chosen.reduction != "mean":
        raise ValueError(
            f"{chosen!r} cannot be a net's loss: pass reduction='sum' to fit or "
            "loss_and_grads instead"
        )
    return chosen


def _without_link(
    layers: Sequence[Layer], loss: Loss
) -> tuple[tuple[Layer, ...], Loss]:
    """Drop a final activation, and return the loss that contains it."""
    end = len(layers)
    while isinstance(layers[end - 1], Identity):
        end -= 1
    layers = layers[:end]
    last = layers[-1]
    if not isinstance(last, (Activation, Softmax)):
        return tuple(layers), loss
    linked = loss.linked(type(last).__name__) if type(last) in BUILT_IN else None
    if linked is None and loss.link == "Identity":
        return tuple(layers), loss  # an activation of the user's own
    if linked is None and loss.n_classes(1) is None:
        raise ValueError(
            f"the net ends in {last!r}, but loss {loss.name!r} makes values of plain "
            "outputs: end in Affine"
        )
    if linked is None:
        raise ValueError(
            f"the net ends in {last!r}, but loss {loss.name!r} goes with {loss.link}() "
            "or with no activation at the end"
        )
    return tuple(layers[:-1]), linked
