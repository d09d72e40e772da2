"""The wheel, installed into an empty environment, trains from outside the checkout."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
from pathlib import Path
import fastnn, fastnn.kernels
assert "site-packages" in fastnn.__file__ and "site-packages" in fastnn.kernels.__file__, fastnn.__file__
net = fastnn.mlp(2, 3, 1, activation="tanh", seed=0)
history = net.fit(*fastnn.datasets.xor_gate(), epochs=300, lr=0.5)
assert history.loss[-1] < 0.05, history
assert (Path(fastnn.__file__).parent / "py.typed").exists()
print("trained", net.predict([[0, 1], [1, 1]]).tolist())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of the files that git would take, built away from the checkout."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("fastnn", "kernels"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            target,
            source,
        ],
        check=True,
    )
    (file,) = target.glob("*.whl")
    return file


@pytest.mark.install
def test_the_wheel_holds_both_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"fastnn", next(top for top in tops if top.endswith(".dist-info"))}
    for name in (
        "fastnn/kernels/per_sample.py",
        "fastnn/experiments/spiral.py",
        "fastnn/py.typed",
    ):
        assert name in names


@pytest.mark.install
def test_the_wheel_trains_in_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONPATH"
    }
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", wheel], check=True, env=environment
    )
    found = subprocess.run(
        [python, "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert found.stdout == "trained [1, 0]\n", found.stderr
    shown = subprocess.run(
        [python.with_name("fastnn"), "--version"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert shown.stdout.startswith("fastnn ")
