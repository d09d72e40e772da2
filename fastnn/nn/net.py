"""Protocol of a net, for results and tools that use nets but must not import them."""

from collections.abc import Callable
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from ..data.arrays import Array
from ..data.frames import Columns
from ..data.schema import Schema
from .architecture import Architecture
from .layers import Layer
from .losses import Loss
from .parameters import Parameters


class Net(Protocol):
    """A net that can predict; `fastnn.Sequential` documents these members."""

    @property
    def architecture(self) -> Architecture: ...
    @property
    def schema(self) -> Schema: ...
    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def loss(self) -> Loss: ...
    @property
    def classes(self) -> Array | None: ...
    @property
    def columns(self) -> Columns | None: ...
    @property
    def n_in(self) -> int: ...
    @property
    def n_out(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def theta(self) -> Array: ...

    def with_theta(self, theta: Any) -> Self: ...
    def astype(self, dtype: Any) -> Self: ...
    def loss_and_grads(
        self, X: Any, y: Any, reduction: str = "mean"
    ) -> tuple[float, list[Array]]: ...
    def predict(self, X: Any) -> Array: ...
    def predict_proba(self, X: Any) -> Array: ...
    def score(self, X: Any, y: Any) -> float: ...

    # Their types belong to packages that this one must not import.
    def fit(self, *args: Any, **kwargs: Any) -> Any: ...
    def fit_many(self, *args: Any, **kwargs: Any) -> Any: ...
    def save(self, *args: Any, **kwargs: Any) -> None: ...
    def to_onnx(self, *args: Any, **kwargs: Any) -> None: ...
    def to_c(self, *args: Any, **kwargs: Any) -> None: ...
    def to_json(self, *args: Any, **kwargs: Any) -> None: ...
    def summary(self) -> str: ...
    @property
    def params(self) -> Parameters: ...

    runs: Any


def check_net(name: str, value: Any) -> Net:
    """Return a net; TypeError for anything else, such as Runs or an estimator."""
    if isinstance(value, type) or not hasattr(value, "with_theta"):
        raise TypeError(
            f"{name} must be a net, such as fastnn.mlp(2, 3, 1), runs.best() or "
            f"estimator.net_, not {value!r}"
        )
    net: Net = value
    return net


Builder = TypeVar("Builder", bound=Callable[[Architecture, Array, Schema], Net])

# `fastnn.model` registers its constructor here, because `sweeps.runs` makes nets and
# must not import `fastnn.model`.
_builders: list[Callable[[Architecture, Array, Schema], Net]] = []


def builds_nets(builder: Builder) -> Builder:
    """Register the function that `build_net` calls."""
    _builders[:] = [builder]
    return builder


def build_net(architecture: Architecture, theta: Array, schema: Schema) -> Net:
    """Build a net with these parameters (n_params,) that knows this of its data.

    It has copies of the layers and of theta.
    """
    (builder,) = _builders
    return builder(architecture.copy(), theta.copy(), schema)
