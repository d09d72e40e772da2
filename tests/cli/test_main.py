"""The command line, as users call it."""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from fastnn import __version__
from fastnn.cli import main, warmup
from fastnn.experiments import EXPERIMENTS
from fastnn.experiments.outcome import Experiment, Finding, Options, Outcome, Run


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
def test_reproduce_writes_its_files_and_prints_tables(tmp_path):
    typed = ("reproduce", "spiral", "xor-grid", "spiral", "--out", "a b/c", "--quick")
    found = run(*typed, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    folder = tmp_path / "a b" / "c"
    names = os.listdir(folder)
    assert {name for name in names if not name.endswith(".png")} == {
        "results.json",
        "report.html",
    }
    for experiment in ("spiral", "xor-grid"):
        pictures = [name for name in names if name.startswith(experiment)]
        assert pictures
        for name in pictures:
            content = (folder / name).read_bytes()
            assert content.startswith(b"\x89PNG")
            assert len(content) > 10_000
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert (
        results["command"]
        == "fastnn reproduce spiral xor-grid spiral --out 'a b/c' --quick"
    )
    assert results["made_with"]["fastnn"] == __version__
    assert list(results["experiments"]) == ["spiral", "xor-grid"]
    assert all(experiment["ok"] for experiment in results["experiments"].values())
    published, *_ = results["experiments"]["xor-grid"]["runs"]
    assert abs(published["loss"] - 0.02129332475926467) < 1e-9
    assert published["accuracy"] == 0.9975
    assert published["updates"] == 500_000
    for part in (
        "mode",
        "updates",
        "ns/update",
        "the page",
        "verdict",
        "as published",
        "0 failed",
        "report.html",
    ):
        assert part in found.stdout


def test_list_only_prints_names_titles_and_sources(tmp_path):
    found = run("reproduce", "--list", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    for each in EXPERIMENTS.values():
        assert re.search(
            rf"^{each.name}\s+{re.escape(each.title)}\n\s+{re.escape(each.source)}$",
            found.stdout,
            re.M,
        )
    assert len(found.stdout.splitlines()) == 2 * len(EXPERIMENTS)
    assert run("reproduce", "spiral", "--list").stdout.startswith("spiral ")


def test_a_terminal_that_cannot_encode_korean_shows_the_rest():
    command = [sys.executable, "-m", "fastnn", "reproduce", "--list"]
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert "xor-grid" in found.stdout
    assert "????" in found.stdout


def test_info_and_version():
    shown = run("info").stdout
    for part in (__version__, "numba", "threads", "compiled code", "CPU"):
        assert part in shown
    assert run("--version").stdout == f"fastnn {__version__}\n"
    assert "examples:" in run("--help").stdout
    assert "examples:" in run("reproduce", "--help").stdout


WRONG = {
    "no command": ([], "missing command: choose reproduce, info or warmup"),
    "unknown option first": (["--verbose"], "--verbose"),
    "empty folder": (
        ["reproduce", "--out="],
        "argument --out: the folder's name is empty",
    ),
    "unknown command": (["train"], "invalid choice: 'train'"),
    "unknown experiment": (
        ["reproduce", "sprial"],
        "'sprial': did you mean spiral? (see",
    ),
    "several similar names": (
        ["reproduce", "XOR"],
        "did you mean xor-grid or xor-gate?",
    ),
    "no similar name": (["reproduce", "qqqq"], f"choose from {', '.join(EXPERIMENTS)}"),
    "unknown name to list": (["reproduce", "sprial", "--list"], "did you mean spiral?"),
    "negative seed": (
        ["reproduce", "--seed", "-1"],
        "must be a whole number below 4,000,000",
    ),
    "seed too large": (
        ["reproduce", "--seed", "4000000"],
        "argument --seed: must be a whole number below 4,000,000",
    ),
    "seed with too many digits": (
        ["reproduce", "--seed", "9" * 5000],
        "must be a whole number below 4,000,000",
    ),
    "fractional seed": (["reproduce", "--seed", "1.5"], "must be a whole number"),
    "unknown option": (
        ["reproduce", "--outt", "x"],
        "fastnn reproduce: unknown option --outt: did you mean --out? "
        "(see fastnn reproduce --help)",
    ),
    "unknown option with a value": (["--verison=1"], "--verison: did you mean --ver"),
    "option of another command": (
        ["info", "--quick"],
        "fastnn info: unknown option --quick: choose from --help (see fastnn info",
    ),
    "a word too many": (["info", "now"], "fastnn info: unrecognized arguments: now"),
    "similar command": (["inof"], "invalid choice: 'inof': did you mean info?"),
    "half a command": (["cache"], "fastnn cache: the following arguments are required"),
    "missing value": (["reproduce", "--out"], "expected one argument"),
    "not a folder": (
        ["reproduce", "--out", "/dev/null/x"],
        "cannot write to /dev/null/x",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_print_one_line_and_exit_with_status_2(case, capsys):
    arguments, message = WRONG[case]
    with pytest.raises(SystemExit) as caught:
        main.main(arguments)
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert len(shown.err) < 200
    assert message in shown.err


def test_a_file_instead_of_a_folder_is_refused_before_any_work(tmp_path, capsys):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(SystemExit) as caught:
        main.main(["reproduce", "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert (
        f"cannot write to {tmp_path}/out: it is not a folder (see"
        in capsys.readouterr().err
    )
    assert (tmp_path / "out").read_text() == "precious"


def test_options_are_passed_on_and_a_failure_sets_the_exit_status(
    tmp_path, monkeypatch, capsys
):
    received = []

    def fail(options, say):
        received.append(options)
        say("training")
        run = Run("a mode", "a setting", 10, 0.5, 0.25, 0.75)
        finding = Finding("the loss", "0.2", "0.25", "NOT equal", "equal", ok=False)
        return Outcome([run], [finding], [], [], ["It differs."])

    monkeypatch.setitem(
        EXPERIMENTS, "fake", Experiment("fake", "A title", "a page", "Why?", fail)
    )
    monkeypatch.setattr(warmup, "warm_up", lambda dtypes: iter(()))
    arguments = [
        "reproduce",
        "fake",
        "--out",
        str(tmp_path),
        "--seed",
        "3999999",
        "--quick",
    ]
    assert main.main(arguments) == 1
    assert received == [Options(seed=3999999, quick=True)]
    shown = capsys.readouterr().out
    assert "1 failed" in shown
    assert "FAILS: fake: the loss: the page has 0.2, found 0.25: NOT equal" in shown
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["experiments"]["fake"]["ok"] is results["ok"] is False


@pytest.mark.compiled
def test_a_narrow_terminal_and_a_strange_folder_name_lose_nothing(tmp_path):
    found = run(
        "reproduce", "xor-grid", "--out", "[/x] :smile:", cwd=tmp_path, columns="80"
    )
    assert found.returncode == 0, found.stderr
    assert max(map(len, found.stdout.split("written:")[0].splitlines())) <= 80
    for part in ("0.0212933", "500,000", "page: 0.30375386"):
        assert part in found.stdout
    assert "[/x] :smile:/report.html" in found.stdout


@pytest.mark.compiled
def test_a_failed_write_prints_one_line(tmp_path):
    (tmp_path / "out" / "results.json").mkdir(parents=True)
    found = run("reproduce", "xor-grid", "--out", "out", cwd=tmp_path)
    assert found.returncode == 1
    assert (
        found.stderr == "fastnn: cannot write the file out/results.json: "
        "a folder has that name\n"
    )
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [sys.executable, "-m", "fastnn", "info"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "No space left" in found.stderr


@pytest.mark.compiled
def test_ctrl_c_prints_one_line_and_exits_with_status_130(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "fastnn", "reproduce"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "fastnn-out").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, "fastnn: interrupted\n")
    assert out == ""


def test_ctrl_c_within_exec_has_the_same_status(tmp_path):
    """Numba's imports call exec; under `-m`, CPython remembers interrupts in it."""
    (tmp_path / "interrupted.py").write_text(
        "import sys\n"
        "from fastnn.cli import main, warmup\n"
        "warmup.show = lambda: exec('raise KeyboardInterrupt')\n"
        "sys.exit(main.main(['warmup']))\n"
    )
    command = [sys.executable, "-m", "interrupted"]
    found = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (found.returncode, found.stderr) == (130, "fastnn: interrupted\n")


def test_ctrl_c_within_a_callback_is_not_lost(monkeypatch, capsys):
    def callback():
        raise KeyboardInterrupt

    def show():
        ctypes.CFUNCTYPE(None)(callback)()
        # The repeated signal is heard after its timer has fired, at the latest.
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()

    monkeypatch.setattr(warmup, "show", show)
    assert main.main(["warmup"]) == 130
    assert capsys.readouterr().err == "fastnn: interrupted\n"


def test_output_into_a_closed_pipe():
    command = f"{sys.executable} -m fastnn info | head -n 1"
    found = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert found.stderr == ""
    assert found.stdout.startswith("fastnn")
