"""What imports what, and what an import must not do."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fastnn
from fastnn import kernels

PACKAGE = Path(fastnn.__file__).parent

# Each package and module, in the order in which data flow: it imports only what stands
# before it. `__init__` collects the public names and so stands behind `model`.
ORDER = [
    "kernels",
    "data",
    "datasets",
    "nn",
    "training",
    "sweeps",
    "export",
    "model",
    "plot",
    "__init__",
    "sklearn",
    "experiments",
    "cli",
    "__main__",
]
KERNELS = [
    "codes",
    "arguments",
    "interrupts",
    "compiler",
    "primitives",
    "functions",
    "passes",
    "loops",
]


def module(file):
    """The module of a file, as a tuple of names without the package's own."""
    names = file.relative_to(PACKAGE).with_suffix("").parts
    return names[:-1] if names[-1] == "__init__" and len(names) > 1 else names


# In a checkout fastnn/kernels is a link, which rglob does not follow from above.
FILES = {
    module(file): file
    for folder in (PACKAGE, PACKAGE / "kernels")
    for file in sorted(folder.rglob("*.py"))
}


def imported(file):
    """The modules of this package that a file imports anywhere, and other packages."""
    where = file.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(node.module.split(".")) if node.module else ()
            if not node.level:
                yield names
                continue
            base = (*where[: len(where) - node.level + 1], *names)
            for alias in node.names:
                found = (*base, alias.name)
                yield ("fastnn", *(found if found in FILES or not base else base))


@cache
def inner():
    """Return (importing module, imported module) for all imports within the package."""
    return [
        (name, found[1:] if found[1:] in FILES else found[1:-1])
        for name, file in FILES.items()
        for found in imported(file)
        if found[:1] == ("fastnn",)
    ]


def test_every_file_is_on_a_floor():
    assert ("kernels", "codes") in FILES
    assert {name[0] for name in FILES} <= set(ORDER)
    assert {name[1] for name in FILES if name[0] == "kernels" and name[1:]} <= set(
        KERNELS
    )


@pytest.mark.parametrize("one", sorted(FILES), ids=".".join)
def test_data_flow_one_way(one):
    """A lower package imports no higher one, wherever in the file, also for types."""
    for name, other in inner():
        if name == one and other:
            assert ORDER.index(other[0]) <= ORDER.index(name[0]), other
            if name[0] == other[0] == "kernels" and name[1:] and other[1:]:
                assert KERNELS.index(other[1]) <= KERNELS.index(name[1]), other


def test_no_circle():
    after = {}
    for name, other in inner():
        if other and FILES[other].name != "__init__.py":
            after.setdefault(name, set()).add(other)
    while after:
        free = [name for name, others in after.items() if not others & set(after)]
        assert free, f"these import one another: {sorted(after)}"
        for name in free:
            del after[name]


def test_kernels_know_nothing_of_the_api():
    for name, other in inner():
        assert name[0] != "kernels" or other[0] == "kernels", (name, other)


def test_the_api_compiles_nothing():
    for name, file in FILES.items():
        if name[0] != "kernels":
            assert not {found[0] for found in imported(file)} & {"numba", "llvmlite"}


def python(program, **options):
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_importing_changes_no_state():
    program = """
import logging, random, warnings
import numba, numpy as np
def state():
    settings = vars(numba.config).items()
    config = {name: repr(value) for name, value in settings if name.isupper()}
    numpy_state = (np.random.get_state()[1].tolist(), np.geterr())
    printing = np.get_printoptions()
    handlers, filters = list(logging.root.handlers), list(warnings.filters)
    return random.getstate(), numpy_state, printing, config, filters, handlers
before = state()
import fastnn
from fastnn import kernels
kernels.compiler, kernels.loops
net = fastnn.mlp(2, 2, 1)
net.fit(*fastnn.datasets.xor_gate(), epochs=2, lr=0.1)
assert state() == before
"""
    found = python(program)
    assert found.returncode == 0, found.stderr


def test_numba_and_the_rest_wait_for_their_first_use():
    late = {
        *("numba", "matplotlib", "rich", "pandas"),
        # of Python and NumPy, a third of the time of `import numpy`
        *("hashlib", "json", "numpy.random", "numpy.typing"),
        *("pathlib", "secrets", "zipfile"),
        *("fastnn.plot", "fastnn.sweeps", "fastnn.export", "fastnn.data.archives"),
    }
    program = f"import sys, fastnn; print(sorted({late} & set(sys.modules)))"
    assert python(program).stdout == "[]\n"


@pytest.mark.parametrize("name", ["plot", "Ensemble", "Runs", "Sweep", "sweep"])
def test_names_that_are_imported_late_are_there(name):
    """In a process that has not used them before, whichever comes first."""
    program = f"""
import fastnn
assert {name!r} in dir(fastnn) and {name!r} not in vars(fastnn)
from fastnn import {name}
assert fastnn.{name} is {name} is vars(fastnn)[{name!r}]
"""
    found = python(program)
    assert found.returncode == 0, found.stderr


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'fastnn' has no attribute 'plots'"):
        _ = fastnn.plots


def test_all_is_what_is_there():
    assert all(hasattr(fastnn, name) for name in fastnn.__all__)
    with pytest.raises(AttributeError, match="no attribute 'utils'"):
        _ = kernels.utils
