"""Descriptions of layers and losses in files: a class's name, and its arguments.

A file chooses among the built-in classes and those that its reader passes. It imports
nothing, and nothing is made of its arguments before they are checked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from .activations import Identity, ReLU, Sigmoid, Softmax, Tanh
from .layers import Affine, Layer, MatMul, Repeat, Sum
from .losses import LOSSES, Loss

BUILT_IN = (Affine, MatMul, Sigmoid, Tanh, ReLU, Identity, Softmax, Repeat, Sum)
_BY_NAME: dict[str, type[Layer]] = {kind.__name__: kind for kind in BUILT_IN}
# How many numbers their constructors take; those of the others take none.
_N_ARGUMENTS: dict[type[Layer], int] = {Affine: 2, MatMul: 2, Repeat: 1}

# What a file may have as arguments of a user's class, and how many.
_SCALARS, _MAX_ARGUMENTS = (int, float, str), 16

# Classes that a file may name.
Kinds = Mapping[str, type[Layer] | type[Loss]]
BUILT_IN_KINDS: Kinds = dict(_BY_NAME)


def kinds_by_name(own: Iterable[type[Layer] | type[Loss]]) -> Kinds:
    """Return the classes that a file may name: the built-in ones, and the reader's."""
    kinds = dict(BUILT_IN_KINDS)
    for kind in own:
        if not (isinstance(kind, type) and issubclass(kind, (Layer, Loss))):
            raise TypeError(
                f"own has {kind!r}: pass classes of layers and losses, such as "
                "own=[Scale]"
            )
        if kinds.setdefault(kind.__name__, kind) is not kind:
            raise ValueError(f"own has two classes with the name {kind.__name__}")
    return kinds


def describe_layer(layer: Layer) -> list[Any]:
    """Return a layer's description; TypeError if it cannot be saved."""
    kind = type(layer)
    if _BY_NAME.get(kind.__name__) is not kind:
        made = _describe_own(layer, "layers")
        if made.shapes() != layer.shapes():
            raise TypeError(
                f"{layer!r} cannot be saved: its class called with "
                f"{layer.arguments()!r}, which arguments() returned, makes a layer "
                "with other parameters"
            )
    return [kind.__name__, layer.arguments()]


def describe_loss(loss: Loss) -> Any:
    """Return a loss's description; TypeError if it cannot be saved.

    It is the name of a built-in loss.
    """
    if not loss.is_own and type(loss) in LOSSES.values():
        return loss.name
    if _describe_own(loss, "losses") != loss:
        raise TypeError(
            f"{loss!r} cannot be saved: its class called with {loss.arguments()!r}, "
            "which arguments() returned, makes another loss"
        )
    return [type(loss).__name__, loss.arguments()]


def _describe_own(part: Any, what: str) -> Any:
    """Return a layer or loss of a user's made again from its arguments."""
    kind, arguments = type(part), part.arguments()
    if kind.__name__ in BUILT_IN_KINDS or "arguments" not in vars(kind):
        raise TypeError(
            f"{part!r} cannot be saved: {kind.__name__} is not one of fastnn's {what} "
            "and does not define arguments()"
        )
    if not _are_arguments(arguments):
        raise TypeError(
            f"{part!r} cannot be saved: arguments() returned {arguments!r}, but a list "
            f"of up to {_MAX_ARGUMENTS} numbers and strings is expected"
        )
    return kind(*arguments)


def layer_from(described: Any, kinds: Kinds) -> Layer:
    """Return the layer that a file describes."""
    kind, arguments = _kind_and_arguments(described, "layers", Layer, kinds)
    if kind.__name__ in _BY_NAME and len(arguments) != _N_ARGUMENTS.get(kind, 0):
        raise ValueError(f"its {kind.__name__} does not have the right numbers")
    layer: Layer = _made(kind, arguments)
    return layer


def loss_from(described: Any, kinds: Kinds) -> Loss:
    """Return the loss that a file describes."""
    if isinstance(described, str) and described in LOSSES:
        return LOSSES[described]()
    if isinstance(described, str):
        raise ValueError(
            f"its loss is {described[:40]!r}, but must be one of {', '.join(LOSSES)}"
        )
    kind, arguments = _kind_and_arguments(described, "losses", Loss, kinds)
    loss: Loss = _made(kind, arguments)
    return loss


def _kind_and_arguments(
    described: Any, what: str, base: type, kinds: Kinds
) -> tuple[Any, list[Any]]:
    if not isinstance(described, list) or len(described) != 2:
        raise ValueError(f"one of its {what} is not a name and a list of arguments")
    name, arguments = described
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None or not issubclass(kind, base):
        raise ValueError(
            f"one of its {what} is {str(name)[:40]!r}, which is none of "
            f"{', '.join(kinds)}: if it is yours, pass its class in own="
        )
    if not _are_arguments(arguments):
        raise ValueError(f"its {name} does not have the right arguments")
    return kind, arguments


def _are_arguments(arguments: Any) -> bool:
    return (
        isinstance(arguments, list)
        and len(arguments) <= _MAX_ARGUMENTS
        and all(isinstance(value, _SCALARS) for value in arguments)
    )


def _made(kind: Any, arguments: list[Any]) -> Any:
    """Return an instance; what a user's constructor raises is a ValueError."""
    if kind.__name__ in _BY_NAME:
        return kind(*arguments)
    try:
        return kind(*arguments)
    except Exception as error:
        raise ValueError(
            f"its {kind.__name__} could not be made from {arguments!r}: {error}"
        ) from error
