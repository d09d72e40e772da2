"""The fuzz itself: it runs, and it finds a fault that was planted."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def fuzz(*arguments):
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.compiled
def test_a_kernel_that_leaves_an_array_is_found_with_the_command_to_repeat_it():
    found = fuzz("--from", "70", "--seconds", "60", "--plant")
    assert found.returncode == 1
    last = found.stdout.splitlines()[-1]
    assert last.startswith("CRASH: signal 11 in case 70;")
    assert last.endswith("python -m tests.fuzz --only 70 --plant")


@pytest.mark.compiled
def test_a_case_runs_in_guarded_memory():
    done = fuzz("--only", "70")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 cases" in done.stdout
    blocks = int(done.stdout.partition("cases, ")[2].partition(" ")[0].replace(",", ""))
    assert blocks > 10
