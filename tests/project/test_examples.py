"""Tests that the examples run, print, draw, and need few packages of their own."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.py"))
WARNINGS = {"zero_init": "SymmetryWarning"}  # which this example demonstrates
# 50 seeds instead of 10,000, and one split of the data instead of ten
ARGUMENTS = {"how_often_does_xor_work": ["50"], "digits_ensemble": ["1"]}
PACKAGES = {"digits_ensemble": {"sklearn"}}  # which has the data
for_each_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=[path.stem for path in EXAMPLES]
)


def test_there_are_examples():
    assert len(EXAMPLES) >= 3


@for_each_example
@pytest.mark.compiled
def test_an_example_runs_and_writes_pictures(example, tmp_path):
    warning = WARNINGS.get(example.stem)
    action = "error" if warning is None else "default"
    command = [sys.executable, "-W", action, example, *ARGUMENTS.get(example.stem, [])]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    expected = [] if warning is None else [warning]
    assert re.findall(r"\w+Warning(?=: )", done.stderr) == expected, done.stderr
    # A warning takes two lines: itself, and the line of code that it is about.
    assert len(done.stderr.splitlines()) == 2 * len(expected), done.stderr
    assert done.stdout.strip()
    pictures = sorted(tmp_path.iterdir())
    assert pictures[0].name == f"{example.stem}.png"
    for picture in pictures:
        assert picture.name.startswith(example.stem)
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 5000


@for_each_example
def test_an_example_uses_public_names_only(example):
    tree = ast.parse(example.read_text())
    assert ast.get_docstring(tree)
    allowed = {"fastnn", "numpy", "matplotlib", *sys.stdlib_module_names}
    allowed |= PACKAGES.get(example.stem, set())
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
