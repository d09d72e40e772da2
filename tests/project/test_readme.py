"""Tests that the code and the commands of the README run, and its names exist."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import fastnn

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.compiled
def test_the_code_trains_the_nets_that_it_describes(tmp_path, monkeypatch, capsys):
    code, *more = blocks("python")
    ten_lines = [line for line in code.splitlines() if line.strip()]
    assert len(ten_lines) <= 10
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    plt.close("all")
    shown = capsys.readouterr().out
    assert "Affine(2, 2)" in shown
    assert names["history"].updates == 500_000
    assert names["net"].score(names["X"], names["y"]) > 0.98
    assert (tmp_path / "xor.png").stat().st_size > 10_000
    for block in more:
        exec(block, names)
    assert names["net"].score(names["X"], names["y"]) > 0.9
    assert names["runs"].success_rate(accuracy_above=0.9) > 0.5


def test_there_are_two_commands():
    commands = [line for block in blocks("sh") for line in block.strip().splitlines()]
    assert len(commands) == 2
    assert commands[0].endswith("fastnn reproduce")
    assert commands[1].endswith("-m pytest")


def test_names_that_it_mentions_exist():
    layers = ("Affine", "MatMul", "Repeat", "Sum", "Softmax")
    for name in (*layers, "SGD", "Adam", "check_gradients"):
        assert name in README
        assert hasattr(fastnn, name)


def test_commands_that_it_mentions_exist():
    shown = subprocess.run(
        [sys.executable, "-m", "fastnn", "--help"], capture_output=True, text=True
    ).stdout
    for command in set(re.findall(r"`fastnn (\w+)`", README)):
        assert command in shown
