"""The command line, as a user types it."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fastnn import __version__, cli, warmup


def run(*arguments, columns="150", **options):
    return subprocess.run(
        [sys.executable, "-m", "fastnn", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": columns},
        **options,
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
    parts = ("experiment", "epochs", "score", "ns/update", "the page shows", "agrees", "as published", "batches of 30")
    for part in parts:
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
    "no command": ([], "a command is wanted"),
    "unknown option first": (["--verbose"], "--verbose"),
    "empty folder": (["reproduce", "--out="], "--out wants"),
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


@pytest.mark.compiled
def test_what_does_not_agree_is_said_and_is_the_exit_status(tmp_path, monkeypatch, capsys):
    from fastnn.experiments import xor_grid

    monkeypatch.setitem(xor_grid.PUBLISHED_LOSSES, 50, 0.0213)
    monkeypatch.setattr(sys, "argv", ["fastnn"])
    assert cli.main(["reproduce", "xor-grid", "--out", str(tmp_path)]) == 1
    assert "NOT equal" in capsys.readouterr().out
    runs = json.loads((tmp_path / "results.json").read_text())["runs"]
    assert [run["ok"] for run in runs] == [False, True, True]


@pytest.mark.compiled
def test_a_narrow_terminal_and_odd_names_lose_nothing(tmp_path):
    found = run("reproduce", "xor-grid", "--out", "[/x] :smile:", cwd=tmp_path, columns="80")
    assert found.returncode == 0, found.stderr
    assert "0.02129332" in found.stdout
    assert max(map(len, found.stdout.split("written:")[0].splitlines())) <= 80
    assert "the page shows its code: loss 0.30375387" in " ".join(found.stdout.split())
    assert "[/x] :smile:/xor-grid.png" in found.stdout


@pytest.mark.compiled
def test_a_disk_that_is_full_is_one_line(tmp_path):
    (tmp_path / "out" / "spiral.png").mkdir(parents=True)
    found = run("reproduce", "spiral", "--out", "out", cwd=tmp_path)
    assert found.returncode == 1
    assert found.stderr == "fastnn: cannot write the file out/spiral.png: there is a folder of that name\n"
    with open("/dev/full", "w") as full:
        found = subprocess.run([sys.executable, "-m", "fastnn", "info"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "No space left" in found.stderr


@pytest.mark.compiled
def test_ctrl_c_is_one_line_and_status_130(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "fastnn", "reproduce"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    while not (tmp_path / "fastnn-out").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "fastnn: interrupted\n")
    assert out == ""


def test_ctrl_c_within_exec_has_the_same_status(tmp_path):
    """As in Numba's imports; CPython remembers it, though it was caught, where a module is run by `-m`."""
    (tmp_path / "interrupted.py").write_text(
        "import sys\n"
        "from fastnn import cli, warmup\n"
        "warmup.show = lambda: exec('raise KeyboardInterrupt')\n"
        "sys.exit(cli.main(['warmup']))\n"
    )
    command = [sys.executable, "-m", "interrupted"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (found.returncode, found.stderr) == (130, "fastnn: interrupted\n")


def test_ctrl_c_within_a_callback_is_not_lost(monkeypatch, capsys):
    def callback():
        raise KeyboardInterrupt

    def show():
        ctypes.CFUNCTYPE(None)(callback)()
        time.sleep(5)

    monkeypatch.setattr(warmup, "show", show)
    assert cli.main(["warmup"]) == 130
    assert capsys.readouterr().err == "fastnn: interrupted\n"


def test_output_into_a_pipe_that_closes():
    command = f"{sys.executable} -m fastnn info | head -n 1"
    found = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert found.stderr == ""
    assert found.stdout.startswith("fastnn")
