"""What the exports have in common: a net as steps, and what its outputs mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.arrays import Array
from ..nn.activations import Identity, ReLU, Sigmoid, Softmax, Tanh
from ..nn.architecture import Architecture
from ..nn.layers import Affine, Layer, MatMul
from ..nn.losses import LOSSES
from ..nn.net import Net
from ..training.engines.table import layer_table

_EXACTLY = (Affine, MatMul, Sigmoid, Tanh, ReLU, Identity, Softmax)


@dataclass(frozen=True, eq=False)
class Step:
    """One layer of the stack, and copies of its parameters: [], [W] or [W, b].

    n_out is the number of values after the layer.
    """

    layer: Layer
    params: tuple[Array, ...]
    n_out: int


@dataclass(frozen=True, eq=False)
class Exportable:
    """A net as `predict` and `predict_proba` compute it, for one row.

    steps: the layers up to the loss's plain output. link: the activation that turns
    that output into probabilities, "Sigmoid" or "Softmax"; "Identity" for values.
    classes: the label of each class; None for values. fused: whether each product and
    sum of the Affine layers are rounded once (see `kernels.passes.samples`) or twice
    (see `kernels.loops.layers`).
    """

    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]
    loss: str
    link: str
    n_in: int
    n_out: int
    classes: Array | None
    dtype: np.dtype[Any]
    fused: bool

    @property
    def n_params(self) -> int:
        """The number of parameters."""
        return sum(array.size for step in self.steps for array in step.params)


def exportable(net: Net, target: str) -> Exportable:
    """Take a net apart for a target, such as "ONNX".

    TypeError for layers and losses of a user's own; ValueError for layers that mix
    rows, and for parameters that are not finite.
    """
    architecture = net.architecture
    loss = architecture.loss
    if LOSSES.get(loss.name) is not type(loss):
        raise TypeError(
            f"{loss!r} cannot be exported to {target}, only the losses "
            f"{', '.join(map(repr, LOSSES))}"
        )
    for layer in architecture.stack:
        if type(layer) not in _EXACTLY:
            error = ValueError if layer.mixes_rows else TypeError
            why = "mixes rows" if layer.mixes_rows else "is not one of fastnn's layers"
            names = ", ".join(kind.__name__ for kind in _EXACTLY)
            raise error(
                f"{layer!r} cannot be exported to {target}, because it {why}: "
                f"the layers {names} can"
            )
    theta = net.theta.copy()
    if not np.isfinite(theta).all():
        raise ValueError(
            "the net's parameters are not finite, so it predicts nothing that could "
            "be exported: set net.theta first"
        )
    classes, n_classes = net.classes, architecture.n_classes
    if classes is None and n_classes is not None:
        classes = np.arange(n_classes)
    return Exportable(
        layers=architecture.layers,
        steps=_steps(architecture, theta),
        loss=loss.name,
        link=loss.link,
        n_in=architecture.n_in,
        n_out=architecture.n_out,
        classes=classes,
        dtype=theta.dtype,
        fused=layer_table(architecture.stack) is not None,
    )


def _steps(architecture: Architecture, theta: Array) -> tuple[Step, ...]:
    steps, params, width = [], architecture.views(theta), architecture.n_in
    for layer in architecture.stack:
        n = len(layer.shapes())
        own, params = tuple(params[:n]), params[n:]
        width = own[0].shape[1] if own else width
        if not isinstance(layer, Identity):
            steps.append(Step(layer, own, width))
    return tuple(steps)
