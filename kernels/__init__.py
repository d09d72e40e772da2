"""fastnn's kernels: everything that is compiled. They know arrays and numbers only.

Modules are imported at their first use, as `kernels.per_sample.train(...)`, so that the API's import need not wait
for Numba. `codes`, which does not need it, is there at once.
"""

from importlib import import_module
from types import ModuleType

from . import codes as codes

_COMPILED = (
    "cache",
    "batches",
    "many_batches",
    "many_nets",
    "nodes",
    "per_sample",
    "predictions",
    "tiny",
)


def __getattr__(name: str) -> ModuleType:
    if name not in _COMPILED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for (
        each
    ) in _COMPILED:  # all of them, so that the cache knows which sources they are from
        import_module(f"{__name__}.{each}")
    return import_module(f"{__name__}.{name}")
