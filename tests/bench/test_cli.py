"""Tests of the command `python -m bench`."""

import dataclasses
import json
import sys

import pytest
from bench_fakes import ALL, ONES, reached_loss

import bench.__main__ as cli
from bench import growth, limit, method, options, results
from bench.cases import MissingCase
from bench.contenders import OURS, numpy_vectorised


def set_arguments(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "--rounds must be at least 1"),
        (["--threads", "0"], "--threads must be 1 to"),
        (["--contenders", "ours,fastai"], "unknown 'fastai'"),
        (["--only", "mnist"], "fits none of: xor-grid per sample"),
        (["--compare", "no-such.json"], "no-such.json"),
        (["--name", "../elsewhere"], "--name must be a file name"),
        (["--name", ".."], "--name must be a file name"),
        (["--name", ""], "--name must be a file name"),
    ],
)
def test_bad_options_raise_before_any_work(monkeypatch, capsys, arguments, message):
    set_arguments(monkeypatch, *arguments)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_quick_run_has_long_cases_only_if_they_are_named(monkeypatch, tmp_path):
    def names(*arguments):
        set_arguments(monkeypatch, *arguments)
        return {case.name for case in options.read(None, tmp_path).cases}

    assert "xor-grid 256 nets" in names("--quick")
    assert "spiral 1,024 nets" not in names("--quick")
    assert "spiral 1,024 nets" in names("--quick", "--only", "nets") & names()


@pytest.fixture
def fast(monkeypatch, tmp_path):
    """Run the command with made-up limits and with NumPy in this process."""
    monkeypatch.setattr(cli, "FOLDER", tmp_path)
    # The handlers of pytest must stay.
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    monkeypatch.setattr(limit, "measure", lambda: limit.Limits(1.0, 1.0, ONES, ONES))

    class LocalWorker:
        versions = "local"
        started = 0.1

        def prepare(self, case):
            self.case, self.function = case, numpy_vectorised.prepare(case)
            return 0.0

        def run(self, epochs, at_least=0.0):
            case = dataclasses.replace(self.case, checked_epochs=epochs)
            return 0.001 * epochs, reached_loss(case, self.function)

        def loop_seconds(self):
            return 0.001

        def close(self):
            pass

    monkeypatch.setattr(method, "Worker", lambda *_: LocalWorker())
    monkeypatch.setattr(cli, "_LISTENING", 0.0)
    return tmp_path


def test_the_command_writes_and_compares_files(fast, monkeypatch, capsys):
    spiral = ("--only", "spiral batch", "--contenders", "c_sizes")
    set_arguments(monkeypatch, "--quick", *spiral, "--name", "mine")
    cli.main()
    assert "C, any sizes" in capsys.readouterr().out
    assert sorted(file.name for file in fast.iterdir()) == ["mine.json", "mine.png"]
    run = results.load(fast / "mine.json")
    assert run.complete
    assert [row.status for row in run.cases[0].rows] == ["timed", "timed"]
    same = (*spiral, "--compare", str(fast / "mine.json"))
    set_arguments(monkeypatch, "--quick", "--json", *same)
    cli.main()
    printed = capsys.readouterr()
    # A run of some cases does not overwrite a whole run, called "quick".
    assert json.loads(printed.out)["name"] == "part"
    assert "now / then" in printed.err
    set_arguments(monkeypatch, *same)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert "that run had quick=True" in capsys.readouterr().err


def test_an_interrupted_run_saves_its_finished_cases(fast, monkeypatch, capsys):
    uninterrupted = method.measure

    def measure(result, *rest):
        if result.name == "spiral per sample":
            raise KeyboardInterrupt
        uninterrupted(result, *rest)

    monkeypatch.setattr(method, "measure", measure)
    (fast / "mine.json").write_text("of an earlier run")
    spiral = ("--only", "spiral", "--contenders", "c_sizes", "--name", "mine")
    set_arguments(monkeypatch, "--quick", *spiral)
    with pytest.raises(SystemExit, match=r"interrupted: mine\.partial\.json has"):
        cli.main()
    run = results.load(fast / "mine.partial.json")
    assert not run.complete
    assert [case.name for case in run.cases if case.row(OURS)] == [
        "spiral batch 30",
        "spiral batch 30 shuffled",
    ]
    assert (fast / "mine.partial.png").exists()
    assert (fast / "mine.json").read_text() == "of an earlier run"


def test_an_invalid_contender_fails_the_command(fast, monkeypatch, capsys):
    monkeypatch.setattr(method, "reference", lambda case: 1.0)
    spiral = ("--only", "spiral batch", "--contenders", "c_sizes")
    set_arguments(monkeypatch, "--quick", *spiral)
    ours, c = "fastnn in spiral batch 30: ", "C, any sizes in spiral batch 30"
    with pytest.raises(SystemExit, match=rf"(?s)not timed.*{ours}.*{c}"):
        cli.main()


def test_a_case_without_data_names_the_package_to_install(fast, monkeypatch, capsys):
    missing = MissingCase("digits", "pip install scikit-learn")
    some = [missing, ALL["predict one row"]]
    monkeypatch.setattr(options, "cases", lambda: iter(some))
    set_arguments(monkeypatch, "--quick", "--only", "i", "--contenders", "c_sizes")
    monkeypatch.setattr(growth, "AXES", [])
    monkeypatch.setattr(growth, "CROSSOVER", [])
    monkeypatch.setattr(options.estimator, "cases", lambda: iter([]))
    cli.main()
    assert "pip install scikit-learn" in capsys.readouterr().out
