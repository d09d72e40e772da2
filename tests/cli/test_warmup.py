"""`fastnn warmup`: its output on a terminal and elsewhere, and its files."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from terminal import Terminal

from fastnn.cli import warmup
from fastnn.kernels.compiler import cache

# For one dtype of two: the command takes a minute.
PROGRAM = """
from fastnn.cli import main, warmup
warmup.DTYPES = ("float64",)
main.main(["warmup"])
"""


def run(folder):
    """Return how many loops were compiled, and loaded, and the lines on stderr."""
    environment = os.environ | {"FASTNN_CACHE_DIR": str(folder)}
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert found.returncode == 0, found.stderr
    shown = re.fullmatch(
        r"loops: (\d+) compiled, (\d+) from the cache, in \d+\.\d s; stored in (.*)\n",
        found.stdout,
    )
    assert shown[3] == str(folder)
    return int(shown[1]), int(shown[2]), found.stderr.splitlines()


@pytest.mark.compiled
def test_the_first_call_compiles_and_the_second_loads(tmp_path):
    # Other tests need the same loops, so those of this folder are compiled once.
    shared = cache.usable_folder()
    compiled, loaded, err = run(shared)
    n = compiled + loaded
    assert [re.sub(r"\s+\d+\.\d s$", "", line) for line in err] == [
        f"{i}/8  {name}" for i, (name, _) in enumerate(warmup.steps(("float64",)), 1)
    ]
    assert any(shared.glob("per_sample.train-*"))
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True, mode=0o700)
    for file in shared.glob("[!.]*.bin"):  # not the locks of other processes
        if not file.name.startswith("predictions.classes-"):
            shutil.copy(file, folder)
    assert run(folder)[:2] == (1, n - 1)
    assert run(folder)[:2] == (0, n)


@pytest.fixture
def quick(monkeypatch):
    """Replace the steps by ones that take no time."""
    monkeypatch.setattr(
        warmup, "steps", lambda dtypes: [("one", lambda: None), ("two", lambda: None)]
    )
    monkeypatch.setattr(warmup, "counts", lambda: (0, 0))


@pytest.mark.usefixtures("quick")
def test_an_unusable_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("precious")
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path / "file" / "below"))
    warmup.show()
    shown = capsys.readouterr()
    assert shown.out.endswith("; not stored\n")
    assert "1/2  one" in shown.err
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.usefixtures("quick")
def test_a_bar_on_a_terminal(monkeypatch, capsys):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    warmup.show()
    assert "2/2" in stream.getvalue()
    assert "two" in stream.getvalue()
    assert "0:00:00" in stream.getvalue()
    assert capsys.readouterr().out.startswith(
        "loops: 0 compiled, 0 from the cache, in 0."
    )
