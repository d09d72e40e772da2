"""Identity of a training: what its bits depend on, by name, as JSON values.

A file that a training goes on from has it, and another call is refused with the names
of what differs. Arrays are compared by hashes.
"""

import hashlib
import inspect
from contextlib import suppress
from typing import Any

import numpy as np

from .. import kernels
from ..data.schema import Schema
from ..nn.architecture import Architecture
from ..nn.layers import Layer
from ..nn.losses import Loss
from .config import FitConfig

_HASH = "sha256 "
_PLAIN = (bool, int, float, str, np.number, np.ndarray)  # of values with one repr each
# The update rules, and the settings of one net, in the order of `kernels.codes`.
_RULES = (
    *("SGD", "SGD with momentum", "SGD with Nesterov's momentum"),
    *("RMSprop", "Adam", "AdamW"),
)
_SETTINGS = (
    *("lr", "weight_decay", "momentum or beta1", "beta2 or rho", "eps"),
    *("bias_lr", "bias_weight_decay", "eps_hat", "clip_norm"),
)


def shared_identity(
    config: FitConfig, architecture: Architecture, schema: Schema
) -> dict[str, Any]:
    """Return what the trainings of one net and of many depend on alike."""
    return {
        "kernels, or NumPy and Numba": kernels.compiler.cache.digest()[:16],
        "layers": [described(layer) for layer in architecture.layers],
        "loss": described(architecture.loss),
        "X": hashed(config.X),
        "y": hashed(config.y),
        "sample_weight or class_weight": hashed(config.weights),
        "columns and classes": hashed(schema.facts(), *schema.arrays().values()),
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "reduction": "mean" if config.mean else "sum",
        "shuffle": config.shuffle,
        "optimizer": _RULES[config.rule.code],
    }


def fit_identity(
    config: FitConfig,
    architecture: Architecture,
    schema: Schema,
    listens: bool,
    is_drawn: bool,
) -> dict[str, Any]:
    """Return what a call of `fit` is, but for the state of the net before it.

    listens: there is an `on_epoch`. is_drawn: the seed was not passed, but drawn.
    """
    rule, validation = config.rule, config.validation
    X, y, weights = ("none",) * 3
    if validation is not None:
        X, y = hashed(validation.X), hashed(validation.y)
        weights = hashed(validation.weights)
    return {
        "dtype": str(config.X.dtype),
        **shared_identity(config, architecture, schema),
        "seed": "drawn" if is_drawn else config.seed,
        "loop": config.loop,
        **dict(zip(_SETTINGS, rule.settings.tolist(), strict=True)),
        "learning rates and decays": hashed(rule.learning_rates, rule.decays),
        "schedule": hashed(config.schedule) if config.schedule.size else "none",
        "record": hashed(config.record_at) if config.record_at.size else "none",
        "X_val": X,
        "y_val": y,
        "sample_weight_val": weights,
        "early_stopping": repr(config.early_stopping),
        "on_epoch": "a function" if listens else "none",
    }


def hashed(*values: Any) -> str:
    """Return a short hash of arrays, and of what has a repr."""
    state = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            state.update(f"{value.dtype.str} {value.shape}".encode())
            state.update(np.ascontiguousarray(value).data)
        else:
            state.update(repr(value).encode())
    return f"{_HASH}{state.hexdigest()[:16]}"


def differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    """Return what differs between the identity in a file and that of a call, as text.

    The text is empty if nothing does.
    """
    return "; ".join(
        f"{name} is {_shown(there.get(name))} there, and {_shown(here[name])} in this "
        "call"
        for name in here
        if there.get(name) != here[name]
    )


def described(part: Layer | Loss) -> list[str]:
    """Describe a layer or loss; one of a user's own also by its settings and source.

    The settings are what `arguments` returns, or where a class does not define it
    itself (as for a file), the attributes that are numbers, strings or arrays.
    """
    kind = type(part)
    description = [repr(part), f"{kind.__module__}.{kind.__qualname__}"]
    if kind.__module__.startswith("fastnn."):
        return description
    if "arguments" in vars(kind):
        settings: Any = part.arguments()
    else:
        settings = [
            f"{name}={hashed(value) if isinstance(value, np.ndarray) else repr(value)}"
            for name, value in sorted(vars(part).items())
            if not name.startswith("_") and isinstance(value, _PLAIN)
        ]
    description.append(repr(settings))
    with suppress(OSError, TypeError):
        description.append(hashed(inspect.getsource(kind)))
    return description


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
