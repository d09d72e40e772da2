"""fastnn: small neural networks, trained fast on the CPU.

>>> import fastnn
>>> X, y = fastnn.datasets.xor_grid(100)
>>> net = fastnn.mlp(2, 4, 1, activation="tanh", loss="bce", seed=0)
>>> history = net.fit(X, y, epochs=20, lr=0.1, batch_size=10)
>>> net.score(X, y) > 0.95
True
"""

from . import kernels

# NumPy cannot be imported again after an import that Ctrl-C has ended.
with kernels.interrupts.deferred:
    from . import datasets, plot
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
    from .sweeps.architectures import Sweep, sweep
    from .sweeps.ensemble import Ensemble
    from .sweeps.runs import Runs
    from .training.history import History
    from .training.stopping import EarlyStopping
    from .training.trainer import DivergenceError

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
