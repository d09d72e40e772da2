"""The compiled part of fastnn, which knows arrays and numbers only.

Python calls the functions in `loops`, such as `kernels.loops.per_sample.train(...)`.
`loops` and `compiler` are imported at their first use, so that importing fastnn need
not wait for Numba. The others do not need it and are imported at once.
"""

from importlib import import_module
from types import ModuleType

from . import arguments as arguments
from . import codes as codes
from . import interrupts as interrupts


def __getattr__(name: str) -> ModuleType:
    if name not in ("compiler", "loops"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with interrupts.undivided():
        import_module("numba")
        interrupts.check()
        # All at once, so that the cache knows the sources of all of them.
        import_module(f"{__name__}.loops")
        import_module(f"{__name__}.compiler.cache")
        return import_module(f"{__name__}.{name}")
