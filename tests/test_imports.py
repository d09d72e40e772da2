"""What imports what, and what an import must not do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn
from fastnn import kernels

PACKAGE, KERNELS = Path(fastnn.__file__).parent, Path(kernels.__file__).parent


def imported(file):
    """The modules that a file imports, as written: with leading dots where they are relative."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize(
    "file", sorted(KERNELS.glob("*.py")), ids=lambda file: file.name
)
def test_kernels_know_nothing_of_the_api(file):
    for name in imported(file):
        assert not name.startswith(("fastnn", "..")), f"{file.name} imports {name}"


@pytest.mark.parametrize(
    "file",
    sorted(p for p in PACKAGE.rglob("*.py") if KERNELS not in p.parents),
    ids=lambda p: p.name,
)
def test_the_api_compiles_nothing(file):
    assert not [
        name for name in imported(file) if name.split(".")[0] in ("numba", "llvmlite")
    ]


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
import random, warnings
import numpy as np, numba, logging
def state():
    config = {name: repr(value) for name, value in vars(numba.config).items() if name.isupper()}
    return (np.random.get_state()[1].tolist(), random.getstate(), np.geterr(), np.get_printoptions(), config,
            list(warnings.filters), logging.root.handlers)
before = state()
import fastnn
from fastnn import kernels
for name in ("batches", "cache", "nodes", "per_sample", "predictions"):
    getattr(kernels, name)
net = fastnn.mlp(2, 2, 1)
net.fit(*fastnn.datasets.xor_gate(), epochs=2, lr=0.1)
assert state() == before
"""
    found = python(program)
    assert found.returncode == 0, found.stderr


def test_numba_and_the_rest_wait_for_their_first_use():
    program = "import sys, fastnn; print(sorted({'numba', 'matplotlib', 'rich', 'pandas'} & set(sys.modules)))"
    assert python(program).stdout == "[]\n"


def test_a_checkout_that_is_not_installed_says_what_to_do(tmp_path):
    (tmp_path / "fastnn").symlink_to(PACKAGE)
    found = python(
        "import importlib.metadata as m\n"
        "def version(name): raise m.PackageNotFoundError(name)\n"
        "m.version = version\nimport fastnn",
        cwd=tmp_path,
    )
    assert "pip install -e ." in found.stderr
    broken = python("import sys; sys.modules['numpy'] = None; import fastnn")
    assert "pip install -e ." not in broken.stderr
    assert "numpy" in broken.stderr


def test_all_is_what_is_there():
    assert all(hasattr(fastnn, name) for name in fastnn.__all__)
    assert [getattr(kernels.codes, name) for name in COLUMNS] == list(
        range(kernels.codes.N_COLUMNS)
    )
    with pytest.raises(AttributeError, match="no attribute 'utils'"):
        _ = kernels.utils


COLUMNS = ("N_IN", "N_OUT", "ACTIVATION", "FEEDBACK", "WEIGHTS", "INPUT", "OUTPUT")
