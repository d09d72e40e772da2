"""fastnn's kernels: everything that is compiled. They know arrays and numbers only.

Modules are imported at their first use, as `kernels.per_sample.train(...)`, so that `import fastnn` need not wait
for Numba.
"""

from importlib import import_module
from types import ModuleType

_MODULES = ("batches", "cache", "codes", "nodes", "per_sample", "predictions")


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
