"""The command `python -m bench`."""

import dataclasses
import json
import sys

import pytest
from bench_fakes import ALL, ONES, value

import bench.__main__ as cli
from bench import growth, limit, method, options, results
from bench.cases import Missing
from bench.contenders import OURS, numpy_vectorised


def arguments(monkeypatch, *given):
    monkeypatch.setattr(sys, "argv", ["bench", *given])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--rounds", "0"], "--rounds must be at least 1"),
        (["--threads", "0"], "--threads must be 1 to"),
        (["--contenders", "ours,fastai"], "there is no 'fastai'"),
        (["--only", "mnist"], "fits none of: xor-grid per sample"),
        (["--compare", "no-such.json"], "no-such.json"),
        (["--name", "../elsewhere"], "--name is a file's name"),
        (["--name", ".."], "--name is a file's name"),
        (["--name", ""], "--name is a file's name"),
    ],
)
def test_bad_options_are_refused_before_any_work(monkeypatch, capsys, given, message):
    arguments(monkeypatch, *given)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_long_cases_are_in_a_quick_run_only_if_they_are_named(monkeypatch, tmp_path):
    def names(*given):
        arguments(monkeypatch, *given)
        return {case.name for case in options.read(None, tmp_path).cases}

    assert "xor-grid 256 nets" in names("--quick")
    assert "spiral 1,024 nets" not in names("--quick")
    assert "spiral 1,024 nets" in names("--quick", "--only", "nets") & names()


@pytest.fixture
def fast(monkeypatch, tmp_path):
    """The command without its processes: contenders as they are in this one, and limits made up."""
    monkeypatch.setattr(cli, "FOLDER", tmp_path)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)  # this process goes on
    monkeypatch.setattr(limit, "measure", lambda: limit.Limits(1.0, 1.0, ONES, ONES))

    class Here:
        versions = "here"
        started = 0.1

        def prepare(self, case):
            self.case, self.run_case = case, numpy_vectorised.prepare(case)
            return 0.0

        def run(self, epochs):
            return 0.001 * epochs, value(
                dataclasses.replace(self.case, checked_epochs=epochs), self.run_case
            )

        def close(self):
            pass

    monkeypatch.setattr(method, "Worker", lambda *_: Here())
    return tmp_path


def test_the_command(fast, monkeypatch, capsys):
    arguments(
        monkeypatch,
        "--quick",
        "--only",
        "spiral batch",
        "--contenders",
        "c_sizes",
        "--name",
        "mine",
    )
    cli.main()
    assert "C, any sizes" in capsys.readouterr().out
    assert sorted(file.name for file in fast.iterdir()) == ["mine.json", "mine.png"]
    run = results.load(fast / "mine.json")
    assert run.complete
    assert [row.status for row in run.cases[0].rows] == ["timed", "timed"]
    same = [
        "--only",
        "spiral batch",
        "--contenders",
        "c_sizes",
        "--compare",
        str(fast / "mine.json"),
    ]
    arguments(monkeypatch, "--quick", "--json", *same)
    cli.main()
    printed = capsys.readouterr()
    assert (
        json.loads(printed.out)["name"] == "part"
    )  # of the suite: the results of a whole run stay
    assert "now / then" in printed.err
    arguments(monkeypatch, *same)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert "that run had quick=True" in capsys.readouterr().err


def test_an_interrupted_run_keeps_what_is_finished(fast, monkeypatch, capsys):
    whole = method.measure

    def measure(result, *rest):
        if result.name == "spiral per sample":
            raise KeyboardInterrupt
        whole(result, *rest)

    monkeypatch.setattr(method, "measure", measure)
    (fast / "mine.json").write_text("of an earlier run")
    arguments(
        monkeypatch,
        "--quick",
        "--only",
        "spiral",
        "--contenders",
        "c_sizes",
        "--name",
        "mine",
    )
    with pytest.raises(SystemExit, match=r"interrupted: mine\.partial\.json has"):
        cli.main()
    run = results.load(fast / "mine.partial.json")
    assert not run.complete
    assert [case.name for case in run.cases if case.row(OURS)] == ["spiral batch 30"]
    assert (fast / "mine.partial.png").exists()
    assert (fast / "mine.json").read_text() == "of an earlier run"


def test_an_invalid_contender_fails_the_command(fast, monkeypatch, capsys):
    monkeypatch.setattr(method, "reference", lambda case: 1.0)
    arguments(
        monkeypatch, "--quick", "--only", "spiral batch", "--contenders", "c_sizes"
    )
    with pytest.raises(
        SystemExit,
        match=r"(?s)not timed.*fastnn in spiral batch 30: .*C, any sizes in spiral batch 30",
    ):
        cli.main()


def test_a_case_without_its_data_says_how_to_get_it(fast, monkeypatch, capsys):
    monkeypatch.setattr(
        options,
        "cases",
        lambda: iter(
            [Missing("digits", "pip install scikit-learn"), ALL["predict one row"]]
        ),
    )
    arguments(monkeypatch, "--quick", "--only", "i", "--contenders", "c_sizes")
    monkeypatch.setattr(growth, "AXES", [])
    cli.main()
    assert "pip install scikit-learn" in capsys.readouterr().out
