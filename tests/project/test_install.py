"""Tests that an editable install, the wheel and the sdist give the same package.

The folder of a clone is called `fastnn`, as the package is. In the folder that holds
the clone, Python therefore first finds a folder `fastnn` without `__init__.py`, and
must still import the package. The environments here see NumPy and Numba of the running
one, which saves a minute; `.ci/run` installs into an empty environment.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import fastnn

pytestmark = pytest.mark.install

ROOT = Path(__file__).parent.parent.parent
SHOW = """
from importlib.metadata import version
import fastnn, fastnn.kernels.codes
assert fastnn.__version__ == version("fastnn")
print(fastnn.__file__, fastnn.kernels.codes.__file__, sep="\\n")
"""
TRAIN = """
from pathlib import Path
import fastnn
net = fastnn.mlp(2, 3, 1, activation="tanh", seed=0)
history = net.fit(*fastnn.datasets.xor_gate(), epochs=300, lr=0.5)
assert history.loss[-1] < 0.05, history
assert (Path(fastnn.__file__).parent / "py.typed").exists()
print("trained", net.predict([[0, 1], [1, 1]]).tolist())
"""


def run(*command, cwd, **variables):
    """Run a command away from this checkout and return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, **variables},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments, **options):
    return run(sys.executable, "-m", "pip", "--quiet", *arguments, **options)


@pytest.fixture(scope="module")
def setuptools(tmp_path_factory):
    """Return a folder with the setuptools that pyproject.toml asks for."""
    folder = tmp_path_factory.mktemp("setuptools")
    pip("install", "--target", folder, "setuptools>=77", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Return a clone in a folder called fastnn, with the link in it kept."""
    folder = tmp_path_factory.mktemp("parent") / "fastnn"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-OFL"):
        shutil.copy(ROOT / name, folder)
    for name in ("fastnn", "kernels"):
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=unwanted)
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Return a folder that has nothing to do with the clone."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def wheel(clone, setuptools, tmp_path_factory):
    """Return the wheel of the clone."""
    return build_wheel(clone, setuptools, tmp_path_factory.mktemp("wheel"))


def build_wheel(source, setuptools, target):
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", target, source)
    pip("wheel", *options, cwd=target, PYTHONPATH=str(setuptools))
    (file,) = target.glob("*.whl")
    return file


def new_environment(folder, setuptools, *what):
    """Return the Python of a new environment into which fastnn is installed."""
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    options = ("--python", python, "install", "--no-deps", "--no-build-isolation")
    pip(*options, *what, cwd=folder, PYTHONPATH=str(setuptools))
    (own,) = folder.glob("lib/python*/site-packages" if os.name != "nt" else "Lib/s*")
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture(scope="module")
def editable(clone, setuptools, tmp_path_factory):
    """Return the Python of an environment with an editable install of the clone."""
    folder = tmp_path_factory.mktemp("editable")
    return new_environment(folder, setuptools, "-e", clone)


@pytest.fixture(scope="module")
def installed(wheel, setuptools, tmp_path_factory):
    """Return the Python of an environment with the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    return new_environment(folder, setuptools, wheel)


def imported(python, folder):
    """Return the files of fastnn and of a kernel, by a command and by a script."""
    script = folder / "show.py"
    script.write_text(SHOW)
    shown = run(python, "-c", SHOW, cwd=folder)
    assert run(python, script, cwd=folder.parent) == shown
    script.unlink()
    return [Path(line) for line in shown.splitlines()]


@pytest.mark.parametrize("place", ["parent", "inside", "elsewhere"])
def test_an_editable_install_imports_the_clone(editable, clone, elsewhere, place):
    folder = {"parent": clone.parent, "inside": clone, "elsewhere": elsewhere}[place]
    package = clone / "fastnn"
    expected = [package / "__init__.py", package / "kernels" / "codes.py"]
    assert imported(editable, folder) == expected


@pytest.mark.parametrize("place", ["parent", "elsewhere"])
def test_the_wheel_imports_the_installed_copy(installed, clone, elsewhere, place):
    folder = {"parent": clone.parent, "elsewhere": elsewhere}[place]
    for file in imported(installed, folder):
        assert file.is_relative_to(installed.parent.parent)
        assert "site-packages" in file.parts


def test_inside_a_clone_its_own_copy_comes_before_the_wheel(installed, clone):
    """As for every package: the folder of the script or command stands first."""
    assert imported(installed, clone)[0] == clone / "fastnn" / "__init__.py"


def test_the_wheel_has_the_package_and_nothing_else(wheel, clone):
    names = set(zipfile.ZipFile(wheel).namelist())
    (info,) = {name.split("/")[0] for name in names} - {"fastnn"}
    assert info == f"fastnn-{fastnn.__version__}.dist-info"
    files = {name for name in names if name.startswith("fastnn/")}
    package = {
        file.relative_to(clone).as_posix() for file in (clone / "fastnn").rglob("*.py")
    }
    kernels = {
        f"fastnn/{file.relative_to(clone).as_posix()}"
        for file in (clone / "kernels").rglob("*.py")
    }
    assert "fastnn/kernels/loops/per_sample.py" in kernels
    assert "fastnn/experiments/published/spiral.py" in package
    assert files == package | kernels | {"fastnn/py.typed"}


def test_the_sdist_builds_the_same_wheel(wheel, clone, setuptools, tmp_path):
    program = f"import setuptools.build_meta as b; b.build_sdist({str(tmp_path)!r})"
    run(sys.executable, "-c", program, cwd=clone, PYTHONPATH=str(setuptools))
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        assert not any(member.issym() or member.islnk() for member in sdist)
    again = zipfile.ZipFile(build_wheel(archive, setuptools, tmp_path))
    first = zipfile.ZipFile(wheel)
    assert sorted(again.namelist()) == sorted(first.namelist())
    for name in first.namelist():
        assert again.read(name) == first.read(name), name


def test_the_wheel_trains_and_has_the_command(installed, elsewhere):
    assert run(installed, "-c", TRAIN, cwd=elsewhere) == "trained [1, 0]\n"
    command = installed.with_name("fastnn")
    shown = run(command, "--version", cwd=elsewhere)
    assert shown.startswith(f"fastnn {fastnn.__version__}")


def test_mypy_checks_the_clone(clone, tmp_path):
    """The link gives each kernel one module name, fastnn.kernels and its own."""
    packages = ("-p", "fastnn.kernels", "-p", "fastnn.data")
    options = ("--follow-imports=silent", f"--cache-dir={tmp_path}")
    shown = run(sys.executable, "-m", "mypy", *packages, *options, cwd=clone)
    assert shown.startswith("Success"), shown
