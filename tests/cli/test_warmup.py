"""`fastnn warmup`: its output on a terminal and elsewhere, and its files."""

import os
import re
import subprocess
import sys

import pytest
from terminal import Terminal

from fastnn.cli import warmup

# For one dtype of two: the command takes a minute.
PROGRAM = """
from fastnn.cli import main, warmup
warmup.DTYPES = ("float64",)
main.main(["warmup"])
"""


def run(folder):
    environment = os.environ | {"FASTNN_CACHE_DIR": str(folder)}
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout, found.stderr.splitlines()


@pytest.mark.compiled
def test_the_first_call_compiles_and_the_second_loads(tmp_path):
    folder = tmp_path / "a" / "b"
    out, err = run(folder)
    n = len(list(folder.iterdir()))
    end = re.escape(f"stored in {folder}\n")
    assert re.fullmatch(
        rf"loops: {n} compiled, 0 from the cache, in \d+\.\d s; {end}", out
    )
    assert [re.sub(r"\s+\d+\.\d s$", "", line) for line in err] == [
        f"{i}/8  {name}" for i, (name, _) in enumerate(warmup.steps(("float64",)), 1)
    ]
    names = [file.name for file in folder.iterdir()]
    assert sum(name.startswith("per_sample.train-") for name in names) == 1
    out, _ = run(folder)
    assert re.fullmatch(
        rf"loops: 0 compiled, {n} from the cache, in \d+\.\d s; {end}", out
    )


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
