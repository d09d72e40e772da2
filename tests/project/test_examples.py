"""The examples run as they are, say something, leave pictures, and need nothing but what fastnn itself needs."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.py"))
WARNS = {"zero_init": "SymmetryWarning"}  # what an example is there to show
ARGUMENTS = {"how_often_does_xor_work": ["50"]}  # seeds, which are 10,000 otherwise
each = pytest.mark.parametrize(
    "example", EXAMPLES, ids=[path.stem for path in EXAMPLES]
)


def test_there_are_examples():
    assert len(EXAMPLES) >= 3


@each
@pytest.mark.compiled
def test_it_runs_and_leaves_pictures(example, tmp_path):
    warns = WARNS.get(example.stem)
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error" if warns is None else "default",
            str(example),
            *ARGUMENTS.get(example.stem, []),
        ],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"\w+Warning(?=: )", done.stderr) == (
        [] if warns is None else [warns]
    ), done.stderr
    assert len(done.stderr.splitlines()) == (0 if warns is None else 2), (
        done.stderr
    )  # the warning, and its line
    assert done.stdout.strip()
    pictures = sorted(tmp_path.iterdir())
    assert pictures[0].name == f"{example.stem}.png"
    for picture in pictures:
        assert picture.name.startswith(example.stem)
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 5000


@each
def test_it_uses_public_names_only(example):
    tree = ast.parse(example.read_text())
    assert ast.get_docstring(tree)
    allowed = {"fastnn", "numpy", "matplotlib", *sys.stdlib_module_names}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
            )
            assert {name.partition(".")[0] for name in names} <= allowed
            assert not any(name.startswith("fastnn.") for name in names)
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")
            if isinstance(node.value, ast.Name) and node.value.id == "fastnn":
                assert node.attr in fastnn.__all__
