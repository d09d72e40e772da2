"""What the exports have in common: a net as steps, and what its outputs mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arrays import Array
from ..data.frames import Columns
from ..data.schema import Schema
from ..nn.activations import Identity, ReLU, Sigmoid, Softmax, Tanh
from ..nn.architecture import Architecture
from ..nn.layers import Affine, Layer, MatMul
from ..training.engines.table import layer_table

_EXACTLY = (Affine, MatMul, Sigmoid, Tanh, ReLU, Identity, Softmax)


class Exp:
    """The exponential that makes values of z for loss "poisson"; no layer of a net."""

    def __repr__(self) -> str:
        return "Exp()"


_LINKS = {kind.__name__: kind for kind in (Sigmoid, Tanh, ReLU, Softmax, Exp)}


@dataclass(frozen=True, eq=False)
class Step:
    """One layer of the stack, and copies of its parameters: [], [W] or [W, b].

    n_out is the number of values after the layer.
    """

    layer: Layer | Exp
    params: tuple[Array, ...]
    n_out: int


@dataclass(frozen=True, eq=False)
class Exportable:
    """A net as `predict` and `predict_proba` compute it, for one row.

    steps: the layers up to the values, or up to the plain output z of a classifier.
    link: the activation that turns z into probabilities, "Sigmoid" or "Softmax"; None
    for values. is_multilabel: each output has a label of its own, 0 or 1.
    columns: names of the inputs, if they are known. classes: the label of each class
    number; None for values. order: the class numbers in the order of the labels, which
    is that of the probabilities; None if they are in order. fused: whether each product
    and sum of the Affine layers are rounded once (see `kernels.passes.samples`) or
    twice (see `kernels.loops.layers`).
    """

    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]
    loss: str
    link: str | None
    is_multilabel: bool
    n_in: int
    n_out: int
    columns: Columns | None
    classes: Array | None
    order: Array | None
    dtype: np.dtype[Any]
    fused: bool

    @property
    def is_wide(self) -> bool:
        """True if outputs of several classes that overflow have probabilities.

        They have if the last layer's inputs are finite. Of nets that run layer by
        layer, `predict_proba` does not know such outputs either.
        """
        return self.link == "Softmax" and self.fused

    @property
    def n_params(self) -> int:
        """The number of parameters."""
        return sum(array.size for step in self.steps for array in step.params)


def exportable(
    target: str, architecture: Architecture, theta: Array, schema: Schema
) -> Exportable:
    """Describe a net for a target, such as "ONNX".

    TypeError for layers of a user's own; ValueError for layers that mix rows, and for
    parameters that are not finite. Of a loss only the link matters.
    """
    loss = architecture.loss
    for layer in architecture.stack:
        if type(layer) not in _EXACTLY:
            error = ValueError if layer.mixes_rows else TypeError
            why = "mixes rows" if layer.mixes_rows else "is not one of fastnn's layers"
            names = ", ".join(kind.__name__ for kind in _EXACTLY)
            raise error(
                f"{layer!r} cannot be exported to {target}, because it {why}: "
                f"the layers {names} can"
            )
    theta = theta.copy()
    if not np.isfinite(theta).all():
        raise ValueError(
            "the net's parameters are not finite, so it predicts nothing that could "
            "be exported: set net.theta first"
        )
    labels, classes = schema.labels, None
    if labels is not None:
        classes = as_text(labels.of_class)
    elif architecture.n_classes is not None:
        classes = np.arange(architecture.n_classes)
    return Exportable(
        layers=architecture.layers,
        steps=_steps(architecture, theta),
        loss=loss.name,
        link=None if architecture.n_classes is None else loss.link,
        is_multilabel=architecture.targets.is_multilabel,
        n_in=architecture.n_in,
        n_out=architecture.n_out,
        columns=schema.columns,
        classes=classes,
        order=None if labels is None else labels.order,
        dtype=theta.dtype,
        fused=layer_table(architecture.stack) is not None and not loss.is_own,
    )


def wide_scale(dtype: np.dtype[Any]) -> float:
    """Return a factor of inputs and of weights, whose sums of products are finite then.

    A product is below 2^1008 (float32: 2^112), and 2^16 of them can be added.
    """
    return 2.0**-520 if dtype == np.float64 else 2.0**-72


def as_text(classes: Array) -> Array:
    """Return labels as they are, but bytes as text; ValueError for long doubles.

    Bytes that are not UTF-8 raise a ValueError, too.
    """
    if classes.dtype.kind == "f" and classes.dtype.itemsize > 8:
        raise ValueError(
            f"labels of dtype {classes.dtype} cannot be exported: fit to labels of "
            "float64, or better to whole numbers"
        )
    return np.char.decode(classes, "utf-8") if classes.dtype.kind == "S" else classes


def _steps(architecture: Architecture, theta: Array) -> tuple[Step, ...]:
    steps, params, width = [], architecture.views(theta), architecture.n_in
    for layer in architecture.stack:
        n = len(layer.shapes())
        own, params = tuple(params[:n]), params[n:]
        width = own[0].shape[1] if own else width
        if not isinstance(layer, Identity):
            steps.append(Step(layer, own, width))
    if architecture.n_classes is None and architecture.loss.link != "Identity":
        steps.append(Step(_LINKS[architecture.loss.link](), (), width))
    return tuple(steps)
