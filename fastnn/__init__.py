"""fastnn: small neural networks, trained fast on the CPU.

>>> import fastnn
>>> X, y = fastnn.datasets.xor_grid(100)
>>> net = fastnn.mlp(2, 4, 1, activation="tanh", loss="bce", seed=0)
>>> history = net.fit(X, y, epochs=20, lr=0.1, batch_size=10)
>>> net.score(X, y) > 0.95
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import kernels

# NumPy cannot be imported again after an import that Ctrl-C has ended.
with kernels.interrupts.deferred:
    from .data.scaling import ScalingWarning
    from .data.version import __version__ as __version__
    from .model import Sequential, load, mlp
    from .nn import initializers as init
    from .nn import layers, losses, schedules
    from .nn.activations import Identity, ReLU, Sigmoid, Softmax, Tanh
    from .nn.diagnostics import GradientReport, SymmetryWarning, check_gradients
    from .nn.layers import Affine, MatMul, Repeat, Sum
    from .nn.losses import BCE, MSE, Poisson, SoftmaxCE
    from .nn.optimizers import SGD, Adam, AdamW, RMSprop
    from .training.history import History
    from .training.stopping import EarlyStopping
    from .training.trainer import DivergenceError

if TYPE_CHECKING:
    from . import datasets, plot
    from .sweeps.architectures import Sweep, sweep
    from .sweeps.ensemble import Ensemble
    from .sweeps.runs import Runs

# Modules that are imported at the first use of a name: most scripts train one net on
# their own data and plot nothing, and begin sooner without them.
_LATER = {
    "Ensemble": ".sweeps.ensemble",
    "Runs": ".sweeps.runs",
    "Sweep": ".sweeps.architectures",
    "datasets": ".datasets",
    "plot": ".plot",
    "sweep": ".sweeps.architectures",
}

__all__ = [
    "BCE",
    "MSE",
    "SGD",
    "Adam",
    "AdamW",
    "Affine",
    "DivergenceError",
    "EarlyStopping",
    "Ensemble",
    "GradientReport",
    "History",
    "Identity",
    "MatMul",
    "Poisson",
    "RMSprop",
    "ReLU",
    "Repeat",
    "Runs",
    "ScalingWarning",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "SoftmaxCE",
    "Sum",
    "Sweep",
    "SymmetryWarning",
    "Tanh",
    "check_gradients",
    "datasets",
    "init",
    "layers",
    "load",
    "losses",
    "mlp",
    "plot",
    "schedules",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with kernels.interrupts.deferred:
        module = import_module(_LATER[name], __name__)
    if name not in globals():  # a module is there as soon as it is imported
        globals()[name] = getattr(module, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
