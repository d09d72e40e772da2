"""FANN, a C library for small nets, by ctypes: one call per epoch, per sample.

Its only loss is the squared error. Its gradient clips a sigmoid's output to 0.01 to
0.99, so it trains as the others do while the sigmoids stay in that range. Its
stepwise sigmoid and its float32 library are faster, but miss the tolerance.
"""

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import Any

import numpy as np

from ..cases import Case
from . import Unsupported

_path = ctypes.util.find_library("doublefann")
if _path is None:
    raise ImportError("the library libdoublefann is missing")
_fann = ctypes.CDLL(_path)
_LINEAR, _SIGMOID, _TANH = 0, 3, 5
_INCREMENTAL = 0
_ERROR_LINEAR = 0


class _Connection(ctypes.Structure):
    _fields_ = (
        ("source", ctypes.c_uint),
        ("target", ctypes.c_uint),
        ("weight", ctypes.c_double),
    )


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_fann, name)
    function.restype, function.argtypes = result, arguments
    return function


_double, _uint, _int, _handle = (
    ctypes.c_double,
    ctypes.c_uint,
    ctypes.c_int,
    ctypes.c_void_p,
)
_create = _function("fann_create_standard_array", _handle, _uint, ctypes.POINTER(_uint))
_connections = _function(
    "fann_get_connection_array", None, _handle, ctypes.POINTER(_Connection)
)
_count = _function("fann_get_total_connections", _uint, _handle)
_set_weight = _function("fann_set_weight", None, _handle, _uint, _uint, _double)
_set_hidden = _function("fann_set_activation_function_hidden", None, _handle, _int)
_set_output = _function("fann_set_activation_function_output", None, _handle, _int)
_steepness_hidden = _function(
    "fann_set_activation_steepness_hidden", None, _handle, _double
)
_steepness_output = _function(
    "fann_set_activation_steepness_output", None, _handle, _double
)
_set_algorithm = _function("fann_set_training_algorithm", None, _handle, _int)
_set_error = _function("fann_set_train_error_function", None, _handle, _int)
_set_rate = _function("fann_set_learning_rate", None, _handle, ctypes.c_float)
_set_momentum = _function("fann_set_learning_momentum", None, _handle, ctypes.c_float)
_rows = ctypes.CFUNCTYPE(
    None, _uint, _uint, _uint, ctypes.POINTER(_double), ctypes.POINTER(_double)
)
_create_data = _function(
    "fann_create_train_from_callback", _handle, _uint, _uint, _uint, _rows
)
_destroy = _function("fann_destroy", None, _handle)
_train_epoch = _function("fann_train_epoch", ctypes.c_float, _handle, _handle)


def versions() -> str:
    """Return the name and version of the library."""
    return f"FANN ({_path})"


def prepare(case: Case) -> Callable[[int], float]:
    """Return a function that trains."""
    work = (case.kind, case.loss, case.optimizer, case.batch_size)
    if work != ("train", "mse", "sgd", 1):
        raise Unsupported("trains per sample on squared errors only")
    if case.dtype != "float64" or case.n_nets > 1:
        raise Unsupported("is used for one net in float64 here")
    sizes = (_uint * len(case.sizes))(*case.sizes)
    X, targets = np.ascontiguousarray(case.X), case.targets()
    data = _training_data(X, targets)

    def train(epochs: int) -> float:
        net = _create(len(sizes), sizes)
        try:
            sigmoid = case.hidden == "sigmoid"
            _set_hidden(net, _SIGMOID if sigmoid else _TANH)
            # Its sigmoid with steepness s is 1 / (1 + exp(-2 s z)).
            _steepness_hidden(net, 0.5 if sigmoid else 1.0)
            linear = case.output == "identity"
            _set_output(net, _LINEAR if linear else _SIGMOID)
            _steepness_output(net, 1.0 if linear else 0.5)
            _set_algorithm(net, _INCREMENTAL)
            _set_error(net, _ERROR_LINEAR)
            # Its gradient is that of half the sum over outputs.
            _set_rate(net, case.lr * 2.0 / case.sizes[-1])
            _set_momentum(net, 0.0)
            _set_weights(net, case)
            for _ in range(epochs):
                loss = _train_epoch(net, data)
        finally:
            _destroy(net)
        return float(loss)

    return train


def _training_data(X: Any, targets: Any) -> Any:
    rows = iter(zip(X, targets, strict=True))

    def fill(_: int, n_in: int, n_out: int, inputs: Any, outputs: Any) -> None:
        x, t = next(rows)
        for i in range(n_in):
            inputs[i] = x[i]
        for j in range(n_out):
            outputs[j] = t[j]

    return _create_data(len(X), X.shape[1], targets.shape[1], _rows(fill))


def _set_weights(net: Any, case: Case) -> None:
    """Set all weights and biases.

    FANN numbers the units of all layers consecutively. After each layer but the last it
    has one more unit, which is always 1: the weights from there are the biases.
    """
    connections = (_Connection * _count(net))()
    _connections(net, connections)
    weights: dict[tuple[int, int], float] = {}
    first = 0
    for w, b in zip(case.params[::2], case.params[1::2], strict=True):
        n_in, n_out = w.shape
        following = first + n_in + 1
        for j in range(n_out):
            weights.update(
                {(first + i, following + j): float(w[i, j]) for i in range(n_in)}
            )
            weights[first + n_in, following + j] = float(b[j])
        first = following
    for connection in connections:
        key = (connection.source, connection.target)
        _set_weight(net, *key, weights[key])
