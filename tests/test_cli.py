"""The command line, as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fastnn import __version__, cli


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "fastnn", *arguments], capture_output=True, text=True, timeout=120, **options
    )


@pytest.mark.compiled
def test_reproduce_writes_pictures_and_results_and_prints_a_table(tmp_path):
    found = run("reproduce", "spiral", "xor-grid", "spiral", "--out", "a/b", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    folder = tmp_path / "a" / "b"
    assert sorted(os.listdir(folder)) == ["results.json", "spiral.png", "xor-grid.png"]
    for name in ("spiral.png", "xor-grid.png"):
        content = (folder / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 50_000
    results = json.loads((folder / "results.json").read_text())
    runs = {(run["experiment"], run["mode"]): run for run in results["runs"]}
    assert len(runs) == 6
    published = runs["xor-grid", "as published"]
    assert abs(published["loss"] - 0.02129332475926467) < 1e-9
    assert published["accuracy"] == 0.986
    assert published["epochs"] == len(published["loss_by_epoch"]) == 50
    assert runs["xor-grid", "right gradient"]["loss_by_epoch"][0] == pytest.approx(0.15209648, abs=5e-9)
    assert results["made_with"]["fastnn"] == __version__
    for part in ("experiment", "epochs", "ns/update", "the page shows", "agrees", "as published", "batches of 30"):
        assert part in found.stdout
    assert "delta times input" in found.stdout


def test_info_and_version():
    shown = run("info").stdout
    for part in (__version__, "numba", "threads", "compiled code", "CPU"):
        assert part in shown
    assert run("--version").stdout == f"fastnn {__version__}\n"
    assert "examples:" in run("--help").stdout
    assert "examples:" in run("reproduce", "--help").stdout


WRONG = {
    "no command": ([], "required"),
    "unknown command": (["train"], "invalid choice: 'train'"),
    "unknown experiment": (["reproduce", "xor-gird"], "did you mean xor-grid?"),
    "nothing like it": (["reproduce", "qqqq"], "there are xor-grid, spiral"),
    "unknown option": (["reproduce", "--outt", "x"], "--outt"),
    "missing value": (["reproduce", "--out"], "expected one argument"),
    "not a folder": (["reproduce", "--out", "/dev/null/x"], "cannot write to /dev/null/x"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_one_line_and_status_2(case, capsys):
    arguments, message = WRONG[case]
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert message in shown.err


def test_a_file_in_the_way_is_refused_before_any_work(tmp_path, capsys):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(SystemExit) as caught:
        cli.main(["reproduce", "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert "cannot write" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "precious"


def test_warmup_compiles_both_types():
    assert run("warmup").returncode == 0


@pytest.mark.compiled
def test_ctrl_c_is_one_line_and_status_130(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "fastnn", "reproduce"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    while not (tmp_path / "fastnn-out").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "fastnn: interrupted\n")
    assert out == ""


def test_output_into_a_pipe_that_closes():
    command = f"{sys.executable} -m fastnn info | head -n 1"
    found = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert found.stderr == ""
    assert found.stdout.startswith("fastnn")
