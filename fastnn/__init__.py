"""fastnn: small neural networks, trained on the CPU at the speed that the machine allows.

>>> import fastnn
>>> X, y = fastnn.datasets.xor_grid(100)
>>> net = fastnn.mlp(2, 4, 1, activation="tanh", loss="bce", seed=0)
>>> history = net.fit(X, y, epochs=20, lr=0.1, batch_size=10)
>>> net.score(X, y) > 0.95
True
"""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

try:
    __version__ = version("fastnn")
except PackageNotFoundError:
    raise ImportError(
        "fastnn is not installed, so its kernels cannot be found: run `pip install -e .` in the checkout"
    ) from None

if find_spec(".kernels", __name__) is None:
    raise ImportError(
        "this is a checkout of fastnn, but another copy is installed: leave the folder, or run `pip install -e .` in it"
    )

from . import datasets, init, plot
from .activations import Identity, ReLU, Sigmoid, Softmax, Tanh
from .errors import DivergenceError, SymmetryWarning
from .gradients import GradientReport, check_gradients
from .history import History
from .layers import Affine, MatMul
from .losses import BCE, MSE, SoftmaxCE
from .model import Sequential
from .nets import load, mlp
from .optimizers import SGD, Adam
from .rows import Repeat, Sum
from .runs import Runs

__all__ = [
    "BCE",
    "MSE",
    "SGD",
    "Adam",
    "Affine",
    "DivergenceError",
    "GradientReport",
    "History",
    "Identity",
    "MatMul",
    "ReLU",
    "Repeat",
    "Runs",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "SoftmaxCE",
    "Sum",
    "SymmetryWarning",
    "Tanh",
    "check_gradients",
    "datasets",
    "init",
    "load",
    "mlp",
    "plot",
]
