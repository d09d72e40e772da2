import dataclasses
import importlib
import io
import json
import math
import os
import sys
from contextlib import closing
from statistics import median

import naive
import numpy as np
import pytest
from rich.console import Console

import bench.__main__ as cli
from bench import bound, charts, compare, growth, limit, method, options, readme, results, show
from bench.cases import Case, Missing, cases, initial
from bench.contenders import CONTENDERS, OURS, Unsupported, numpy_vectorised
from bench.method import Field, Plan
from bench.results import CaseResult, Curve, Growth, Row, Run
from bench.worker import Failed, Hanging, NotInstalled, Worker

ALL = {case.name: case for case in cases() if isinstance(case, Case)}
PLAN = Plan(rounds=3, processes=1, turn=0.01, share=100.0, threads=1, quick=True)


def small(case):
    """The same case with few rows and nets, and with a last batch that is smaller than the others."""
    rows = slice(0, len(case.X), -(-len(case.X) // 40))
    X, y = case.X[rows], case.y[rows]
    size = len(X) if case.batch_size == len(case.X) else min(case.batch_size, 7)
    params = case.params if case.n_nets == 1 else tuple(p[:3] for p in case.params)
    nets = min(case.n_nets, 3)
    return dataclasses.replace(case, X=X, y=y, params=params, batch_size=size, checked_epochs=3, n_nets=nets)


def value(case, prepared):
    result = prepared(case.checked_epochs)
    return result if case.kind == "train" else case.predicted_loss(result)


def by_naive(case):
    case = case.astype("float64")
    hidden = [case.hidden] * (len(case.sizes) - 2)
    losses = []
    for net in range(case.n_nets):
        params = [p if case.n_nets == 1 else p[net] for p in case.params]
        y = case.y if case.loss != "mse" else case.y.reshape(len(case.X), -1)
        if case.kind == "predict":
            z = naive.forward(params, hidden, case.X)[1][-1]
            losses.append(naive.sample_losses(z, y, case.loss)[0].mean())
        else:
            rule = naive.Rule(case.optimizer, case.lr)
            losses.append(
                naive.train(params, hidden, case.loss, case.X, y, rule, case.checked_epochs, case.batch_size)[1][-1]
            )
    return np.mean(losses)


@pytest.mark.parametrize("name", ALL)
def test_the_reference_is_right(name):
    case = small(ALL[name])
    assert method.reference(case) == pytest.approx(by_naive(case), rel=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("contender", ["ours", "c_xor", "c_sizes", "numpy_layers", "scikit_learn"])
def test_contenders_reach_the_loss(contender, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    try:
        module = importlib.import_module(f"bench.contenders.{contender}")
    except ImportError as error:
        pytest.skip(str(error))
    able = 0
    for case in map(small, ALL.values()):
        try:
            prepared = module.prepare(case)
        except Unsupported:
            continue
        able += 1
        wanted = method.reference(case)
        for _ in range(2):  # the second call starts from the same parameters
            assert value(case, prepared) == pytest.approx(wanted, rel=case.tolerance), case.name
    assert able >= (2 if contender == "c_xor" else 8)


@pytest.mark.compiled
@pytest.mark.parametrize("contender", ["jax_scan", "pytorch", "fann"])
def test_optional_contenders_reach_the_loss(contender, tmp_path):
    try:
        worker = Worker(contender, 1, tmp_path)
    except NotInstalled as error:
        pytest.skip(str(error))
    able = 0
    with closing(worker):
        for case in map(small, ALL.values()):
            try:
                worker.prepare(case)
            except Unsupported:
                continue
            able += 1
            assert worker.run(case.checked_epochs)[1] == pytest.approx(method.reference(case), rel=case.tolerance), (
                case.name
            )
    assert able


class FakeWorker:
    """Reaches a loss, in a time per epoch, or raises."""

    versions = "fake 1"
    started = 0.5

    def __init__(self, name, log, loss, seconds):
        self.name, self.log, self.loss, self.seconds = name, log, loss, seconds

    def prepare(self, case):
        if isinstance(self.loss, Unsupported):
            raise self.loss
        return 0.25

    def run(self, epochs):
        if isinstance(self.loss, Exception):
            raise self.loss
        self.log.append(self.name)
        return self.seconds * epochs, self.loss


class FakeField:
    threads = 1

    def __init__(self, **behaviours):
        self.names, self.log = list(behaviours), []
        self._behaviours = behaviours
        self._running = set()

    def has(self, name):
        return name in self._running

    def restart(self):
        self._running.clear()
        self.log.append("restart")

    def worker(self, name):
        self._running.add(name)
        loss, seconds = self._behaviours[name]
        if isinstance(loss, NotInstalled):
            raise loss
        return FakeWorker(name, self.log, loss, seconds)

    def drop(self, name):
        pass


def measured(field, case=None, plan=PLAN):
    case = small(ALL["spiral batch 30"]) if case is None else case
    result = CaseResult.of(case, 1e-9)
    method.measure(result, case, field, plan, lambda text: None)
    return result


def test_only_what_reaches_the_loss_is_timed():
    right = method.reference(small(ALL["spiral batch 30"]))
    field = FakeField(
        ours=(right, 0.02),
        jax_scan=(right * (1 + 1e-8), 0.01),
        pytorch=(NotInstalled("no torch"), 0),
        fann=(Unsupported("only sums"), 0),
        c_sizes=(Failed("ended with code -11"), 0),
        numpy_layers=(math.nan, 0.01),
        numpy_vectorised=(right * (1 + 1e-10), 0.04),
    )
    rows = {row.contender: row for row in measured(field).rows}
    assert {name: row.status for name, row in rows.items()} == {
        "ours": "timed", "jax_scan": "invalid", "pytorch": "not installed", "fann": "unsupported",
        "c_sizes": "failed", "numpy_layers": "invalid", "numpy_vectorised": "timed",
    }  # fmt: skip
    assert [name for name, row in rows.items() if row.seconds] == ["ours", "numpy_vectorised"]
    assert "is right" in rows["jax_scan"].why
    assert "pip install torch" in rows["pytorch"].why
    assert "-11" in rows["c_sizes"].why


def test_contenders_take_turns_and_ratios_are_within_rounds():
    right = method.reference(small(ALL["spiral batch 30"]))
    field = FakeField(ours=(right, 0.02), c_sizes=(right, 0.01), jax_scan=(right, 0.04))
    result = measured(field)
    assert field.log[-9:] == ["ours", "c_sizes", "jax_scan"] * 3
    ours, c, jax = result.rows
    ours.seconds, c.seconds = [1.0, 2.0, 4.0], [2.0, 4.0, 8.0]
    assert result.ratios(c) == [2.0, 2.0, 2.0]
    assert result.nearest() is jax


def test_rounds_are_spread_over_processes_and_starts_written_down():
    right = method.reference(small(ALL["spiral batch 30"]))
    field = FakeField(ours=(right, 0.02), c_sizes=(right, 0.01))
    ours, _ = measured(field, plan=dataclasses.replace(PLAN, rounds=5, processes=3)).rows
    assert len(ours.seconds) == 6  # two in each process
    assert [part.count("ours") for part in " ".join(field.log).split("restart")[1:]] == [4, 4]  # two runs to validate
    assert (ours.imported, ours.first_empty, ours.first_filled) == (0.5, 0.27, 0.27)


def test_slow_contenders_get_fewer_epochs_and_quick_ones_the_cases():
    right = method.reference(small(ALL["spiral batch 30"]))
    case = dataclasses.replace(small(ALL["spiral batch 30"]), epochs=50)
    field = FakeField(ours=(right, 1e-5), c_sizes=(right, 0.001), jax_scan=(right, 3.0), fann=(right, 60.0))
    epochs = {row.contender: row.epochs for row in measured(field, case).rows}
    assert epochs["ours"] == 50
    assert 5 <= epochs["c_sizes"] <= 10  # a turn of 0.01 s
    assert epochs["jax_scan"] == 1
    turns = {row.contender: len(row.seconds) for row in measured(field, case).rows}
    assert turns == {"ours": 3, "c_sizes": 3, "jax_scan": 3, "fann": 2}  # 100 s are a share


def test_a_worker_is_a_process(tmp_path):
    case = small(ALL["xor-grid per sample"])
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        assert worker.versions.startswith(f"NumPy {np.__version__} with ")
        assert worker.started > 0
        assert worker.prepare(case) > 0
        seconds, loss = worker.run(case.checked_epochs)
        assert seconds > 0
        assert loss == pytest.approx(by_naive(case), rel=1e-12)
        with pytest.raises(Unsupported, match="one net"):
            worker.prepare(small(ALL["xor-grid 256 nets"]))
        with pytest.raises(Failed, match="TypeError"):
            worker.run(1)  # nothing is prepared
        worker._process.kill()
        with pytest.raises(Failed, match="ended with code"):
            worker.prepare(case)


def test_a_worker_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.worker.ANSWER_TIMEOUT", 0.01)
    with pytest.raises(Hanging, match="did not answer within"):
        Worker("numpy_layers", 1, tmp_path)
    field = Field(["numpy_layers"], 1, tmp_path)
    row = Row("numpy_layers", "NumPy")
    with method.answering(row, field):
        field.worker("numpy_layers")
    assert row.status == "failed"
    with pytest.raises(Hanging):  # at once
        field.worker("numpy_layers")


def test_what_cannot_be_imported_is_not_installed(tmp_path):
    with pytest.raises(NotInstalled, match="no_such_contender"):
        Worker("no_such_contender", 1, tmp_path)


def test_a_worker_takes_its_children_with_it(tmp_path, monkeypatch):
    """Whatever a library has started would run beside the next contender."""
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        group = os.getpgid(worker._process.pid)
        assert group != os.getpgid(0)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_a_worker_is_pinned(tmp_path):
    before = os.sched_getaffinity(0)
    with closing(Worker("numpy_layers", 1, tmp_path)) as worker:
        assert len(os.sched_getaffinity(worker._process.pid)) == 1
    assert os.sched_getaffinity(0) == before


def test_first_calls_are_timed_in_new_processes(tmp_path):
    case = small(ALL["spiral batch 30"])
    result = CaseResult.of(case, 1e-9)
    with Field(["numpy_vectorised"], 1, tmp_path).open() as field:
        method.measure(result, case, field, dataclasses.replace(PLAN, processes=2, rounds=2), lambda text: None)
    (row,) = result.rows
    assert row.status == "timed"
    assert len(row.seconds) == 2
    assert min(row.imported, row.first_empty, row.first_filled) > 0


ONES = limit.Precision(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def test_the_bound_of_the_chain_by_hand():
    """2-2-1 sigmoids: fma 1, activation 5, sum of two 2, activation 5."""
    at_once = dataclasses.replace(ONES, fma_throughput=0.0, division_throughput=0.0, load_throughput=0.0)
    limits = limit.Limits(1.0, 1.0, at_once, at_once)
    assert bound.per_unit(ALL["xor-grid per sample"], limits, 1) == pytest.approx(13e-9)
    # 2-10-3 softmax: fma 1, activation 5, sum of ten 5, exponential 5, tree of three 2, division 1
    assert bound.per_unit(ALL["spiral per sample"], limits, 1) == pytest.approx(19e-9)
    # 2-8-8-1 tanh: fma 1, twice an activation 5 and a sum of eight 4, activation 5
    assert bound.per_unit(ALL["2-8-8-1 per sample"], limits, 1) == pytest.approx(24e-9)


def test_the_bound_of_the_arithmetic_by_hand():
    """One row of 2-2-1: 6 weights forward, 2 back, 9 for the gradient, 8 for each of three sigmoids."""
    limits = limit.Limits(1.0, 1.0, ONES, ONES)
    batch = ALL["xor-grid full batch"]
    assert bound.per_unit(batch, limits, 1) == pytest.approx(len(batch.X) * 41e-9)
    assert bound.per_unit(batch, limits, 2) == pytest.approx(len(batch.X) * 20.5e-9)
    rows = ALL["predict a million rows"]
    assert bound.per_unit(rows, limits, 1) == pytest.approx((50 + 13 * 8) * 1e-9)


def test_nothing_in_the_reference_run_is_below_the_bound():
    for case in results.load(cli.FOLDER / "reference.json").cases:
        for row in case.rows:
            assert not row.seconds or median(row.per_unit(case.units)) > case.bound, (case.name, row.title)


@pytest.mark.compiled
def test_limits_are_measured():
    figures = dataclasses.asdict(limit.measure())
    flat = [figures["cycle"], figures["load_latency"], *figures["float64"].values(), *figures["float32"].values()]
    assert all(0.0 < figure < 1_000.0 for figure in flat)
    for name in ("fma_throughput", "division_throughput", "load_throughput"):
        assert figures["float32"][name] < figures["float64"][name]  # twice as many in a vector


def test_exponents():
    values = [1, 2, 4, 8, 16, 32]
    assert growth.exponent(values, [5.0 + 1e-9 * v for v in values]) == pytest.approx(0.0, abs=1e-6)
    assert growth.exponent(values, [3.0 * v**1.5 for v in values]) == pytest.approx(1.5)
    assert growth.exponent(values, [1.0, 1.0, 1.0, 8.0, 16.0, 32.0]) == pytest.approx(1.0)  # the upper half counts
    assert growth.exponent([1], [1.0]) is None


def test_growth_fills_curves_and_stops_where_it_takes_too_long():
    axis = growth.Axis("rows", "", lambda rows: growth._case([2, 2, 1], rows, 1), (10,), (10, 100, 1_000))
    field = FakeField(ours=(0.5, 1e-4), jax_scan=(0.5, 1.0), scikit_learn=(0.5, 1.0), fann=(0.5, 1.0))
    found = Growth("rows", "", 3)
    growth.measure(found, axis, field, PLAN, lambda text: None)
    curves = {curve.contender: curve for curve in found.curves}
    assert list(curves) == ["ours", "jax_scan"]  # the nearest rivals only
    assert curves["ours"].values == [10, 100, 1_000]
    assert curves["jax_scan"].values == [10]  # a hundred rows might take 10 s
    assert curves["ours"].exponent == pytest.approx(0.0, abs=1e-9)
    assert found.notes == []


def test_growth_times_only_what_reaches_our_loss():
    axis = growth.Axis("rows", "", lambda rows: growth._case([2, 2, 1], rows, 1), (10,), (10,))
    field = FakeField(ours=(0.5, 1e-4), jax_scan=(0.5001, 1e-4), c_sizes=(0.5, 1e-4))
    found = Growth("rows", "", 3)
    growth.measure(found, axis, field, PLAN, lambda text: None)
    assert [curve.contender for curve in found.curves] == ["ours", "c_sizes"]
    assert "0.5 is right" in found.notes[0]


@pytest.mark.parametrize("axis", growth.AXES, ids=lambda axis: axis.name)
def test_axes_make_what_they_say(axis):
    second = axis.values[:2][-1]  # on one CPU there is one number of threads
    case = axis.make(second)
    if axis.name == "hidden width":
        assert case.sizes == [2, second, 3]
    if axis.name == "batch size":
        assert case.batch_size == second
    if axis.name == "rows":
        assert len(case.X) == second
    if axis.name == "nets":
        assert case.n_nets == second
    assert set(np.unique(case.y)) == set(range(max(2, case.sizes[-1])))
    assert math.isfinite(method.reference(case))


def example(name="example", scale=1.0):
    case = ALL["spiral batch 30"]
    result = CaseResult.of(case, 2e-7)
    result.loss = 1.04
    for contender, seconds in (("ours", [1.0, 1.1, 1.2]), ("c_sizes", [2.0, 2.2, 2.4]), ("jax_scan", [0.5, 0.5, 0.6])):
        times = [s * (scale if contender == OURS else 1.0) for s in seconds]
        title = CONTENDERS[contender].title
        result.rows.append(Row(contender, title, "timed", "", "lib 1", 1.04, 0.1, 0.2, 0.1, 10, times))
    result.rows.append(Row("pytorch", "PyTorch, eager", "not installed", "no torch"))
    machine = {
        "cpu": "A CPU", "cores": 2, "vectors": ["avx2"], "date": "2026-11-22T00:00:00+00:00", "commit": "abc",
        "python": "3.11",
    }  # fmt: skip
    curves = [Curve("ours", "fastnn", [1, 10], [1e-3, 1e-2], 1.0), Curve("jax_scan", "JAX", [1, 10], [1e-3, 2e-3], 0.3)]
    missing = CaseResult.missing("digits per sample", "no scikit-learn")
    return Run(
        name,
        machine,
        {"rounds": 3, "threads": 1, "processes": 2, "quick": False},
        {},
        [result, missing],
        [Growth("rows", "of a net", 3, curves)],
        True,
    )


def test_results_are_kept_and_read_again(tmp_path):
    file = tmp_path / "run.json"
    run = example()
    run.save(file)
    again = results.load(file)
    assert again.as_json() == run.as_json()
    assert again.cases[0].ratios(again.cases[0].rows[1]) == [2.0, 2.2 / 1.1, 2.0]
    assert math.isnan(again.cases[0].rows[3].loss)
    assert json.loads(file.read_text())["machine"]["commit"] == "abc"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 0}', '{"schema": 1, "cases": 3}'])
def test_what_is_no_result_is_refused(tmp_path, content):
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="is not a result of this suite"):
        results.load(file)


def test_compare_marks_what_got_slower():
    old, new = example(), example(scale=1.5)
    marks = {pair.contender: compare.verdict(pair, 1.0) for pair in compare.pairs(new, old)}
    assert marks == {"ours": "slower", "c_sizes": "", "jax_scan": ""}
    marks = {pair.contender: compare.verdict(pair, 1.0) for pair in compare.pairs(old, new)}
    assert marks["ours"] == "faster"


def test_compare_takes_out_the_machine():
    old, new = example(), example(scale=1.5)
    for row in new.cases[0].rows:
        if row.contender != OURS:
            row.seconds = [1.5 * s for s in row.seconds]
    found = compare.pairs(new, old)
    assert compare.machine_drift(found) == pytest.approx(1.5)
    assert [compare.verdict(pair, 1.5) for pair in found] == ["", "", ""]


def test_a_small_change_or_one_within_the_noise_is_not_marked():
    def verdict(before, now):
        return compare.verdict(compare.Pair("case", OURS, "fastnn", before, now), 1.0)

    assert verdict([1.0, 1.0, 1.0], [1.04, 1.04, 1.04]) == ""
    assert verdict([1.0, 1.0, 1.5, 1.5], [1.0, 1.4, 1.4, 1.5]) == ""
    assert verdict([1.0, 1.0, 1.0], [1.06, 1.06, 1.06]) == "slower"


def test_other_work_under_the_same_name_is_not_compared():
    old, new = example(), example()
    old.cases[0].description += " on more rows"
    assert compare.pairs(new, old) == []


def test_pictures(tmp_path):
    files = charts.draw(example(), tmp_path)
    assert [file.name for file in files] == ["example.png", "example-growth.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert charts.draw(Run("empty", {}, {}, {}), tmp_path) == []


def test_readme_table_is_between_its_markers():
    table = readme.markdown(example())
    assert "| spiral batch 30 | " in table
    assert "**" in next(line for line in table.splitlines() if line.startswith("| spiral"))
    text = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter"
    once = readme.insert(text, table)
    assert once.startswith("before\n")
    assert once.endswith("\nafter")
    assert "old" not in once
    assert readme.insert(once, table) == once
    with pytest.raises(ValueError, match="needs the lines"):
        readme.insert("no markers", table)


def test_the_readme_has_the_figures_of_the_reference_run():
    text = readme.README.read_text(encoding="utf-8")
    assert readme.insert(text, readme.markdown(results.load(cli.FOLDER / "reference.json"))) == text


def test_the_readme_shows_whole_runs_of_committed_code_only():
    def reason(**changes):
        run = results.load(cli.FOLDER / "reference.json")
        for name, given in changes.items():
            setattr(run, name, given)
        return readme.obstacle(run)

    run = results.load(cli.FOLDER / "reference.json")
    assert reason() is None
    assert reason(complete=False) == "was interrupted"
    assert reason(method={**run.method, "quick": True}) == "is of a quick run"
    assert reason(cases=run.cases[1:]) == "lacks xor-grid per sample"
    assert "not committed" in reason(machine={**run.machine, "commit": "abc+"})
    assert "not committed" in reason(machine={**run.machine, "commit": "unknown"})
    bad = dataclasses.replace(run.cases[0], rows=[*run.cases[0].rows, Row("fann", "FANN", "invalid")])
    assert "invalid or failed" in reason(cases=[bad, *run.cases[1:]])


def test_narrow_tables_show_their_figures():
    run = example()
    for width in (80, 140):
        out = Console(width=width, record=True, file=io.StringIO())
        out.print(show.case_table(run.cases[0], width))
        out.print(show.summary(run, width))
        text = out.export_text()
        assert "…" not in text
        assert "C, any sizes" in text


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
            return 0.001 * epochs, value(dataclasses.replace(self.case, checked_epochs=epochs), self.run_case)

        def close(self):
            pass

    monkeypatch.setattr(method, "Worker", lambda *_: Here())
    return tmp_path


def test_the_command(fast, monkeypatch, capsys):
    arguments(monkeypatch, "--quick", "--only", "spiral batch", "--contenders", "c_sizes", "--name", "mine")
    cli.main()
    assert "C, any sizes" in capsys.readouterr().out
    assert sorted(file.name for file in fast.iterdir()) == ["mine.json", "mine.png"]
    run = results.load(fast / "mine.json")
    assert run.complete
    assert [row.status for row in run.cases[0].rows] == ["timed", "timed"]
    same = ["--only", "spiral batch", "--contenders", "c_sizes", "--compare", str(fast / "mine.json")]
    arguments(monkeypatch, "--quick", "--json", *same)
    cli.main()
    printed = capsys.readouterr()
    assert json.loads(printed.out)["name"] == "part"  # of the suite: the results of a whole run stay
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
    arguments(monkeypatch, "--quick", "--only", "spiral", "--contenders", "c_sizes", "--name", "mine")
    with pytest.raises(SystemExit, match=r"interrupted: mine\.partial\.json has"):
        cli.main()
    run = results.load(fast / "mine.partial.json")
    assert not run.complete
    assert [case.name for case in run.cases if case.row(OURS)] == ["spiral batch 30"]
    assert (fast / "mine.partial.png").exists()
    assert (fast / "mine.json").read_text() == "of an earlier run"


def test_an_invalid_contender_fails_the_command(fast, monkeypatch, capsys):
    monkeypatch.setattr(method, "reference", lambda case: 1.0)
    arguments(monkeypatch, "--quick", "--only", "spiral batch", "--contenders", "c_sizes")
    with pytest.raises(
        SystemExit, match=r"(?s)not timed.*fastnn in spiral batch 30: .*C, any sizes in spiral batch 30"
    ):
        cli.main()


def test_a_case_without_its_data_says_how_to_get_it(fast, monkeypatch, capsys):
    monkeypatch.setattr(
        options, "cases", lambda: iter([Missing("digits", "pip install scikit-learn"), ALL["predict one row"]])
    )
    arguments(monkeypatch, "--quick", "--only", "i", "--contenders", "c_sizes")
    monkeypatch.setattr(growth, "AXES", [])
    cli.main()
    assert "pip install scikit-learn" in capsys.readouterr().out


def test_initial_parameters():
    w1, b1, w2, b2 = initial([2, 3, 1], seed=1, n_nets=5)
    assert [p.shape for p in (w1, b1, w2, b2)] == [(5, 2, 3), (5, 3), (5, 3, 1), (5, 1)]
    assert not b1.any()
    assert initial([2, 3, 1])[0].shape == (2, 3)
