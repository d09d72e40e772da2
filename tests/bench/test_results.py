"""Tests of results: saved, compared, drawn, in tables and in the README."""

import dataclasses
import io
import json
import math

import numpy as np
import pytest
from bench_fakes import example_run
from PIL import Image
from rich.console import Console

from bench import charts, compare, readme, results, show
from bench.__main__ import FOLDER
from bench.contenders import OURS
from bench.results import Row, Run


def test_a_saved_run_loads_as_it_was_written(tmp_path):
    file = tmp_path / "run.json"
    run = example_run()
    run.save(file)
    again = results.load(file)
    assert again.as_json() == run.as_json()
    assert again.cases[0].ratios(again.cases[0].rows[1]) == [2.0, 2.2 / 1.1, 2.0]
    assert math.isnan(again.cases[0].rows[3].loss)
    assert json.loads(file.read_text())["machine"]["commit"] == "abc"


def test_disturbed_rounds_count_only_where_there_are_no_others():
    case = example_run().cases[0]
    ours, c, jax, _ = case.rows
    ours.disturbed, c.disturbed, jax.disturbed = [0], [0, 2], [0, 1, 2]
    per_update = [s / 10 / case.units for s in (1.1, 1.2)]
    assert ours.per_unit(case.units) == pytest.approx(per_update)
    assert len(jax.per_unit(case.units)) == 3
    assert case.ratios(c) == pytest.approx([2.0])
    assert case.ratios(jax) == pytest.approx([0.5 / 1.1, 0.6 / 1.2])
    c.disturbed = [1, 2]  # no round counts for both
    assert case.ratios(c) == pytest.approx([2.0 / 1.15])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": 0}', '{"schema": 1, "cases": 3}']
)
def test_loading_another_file_raises(tmp_path, content):
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="is not a result of this benchmark"):
        results.load(file)


def test_compare_marks_slower_contenders():
    old, new = example_run(), example_run(scale=1.5)
    marks = {
        pair.contender: compare.verdict(pair, 1.0) for pair in compare.pairs(new, old)
    }
    assert marks == {"ours": "slower", "c_sizes": "", "jax_scan": ""}
    marks = {
        pair.contender: compare.verdict(pair, 1.0) for pair in compare.pairs(old, new)
    }
    assert marks["ours"] == "faster"


def test_compare_removes_the_drift_of_the_machine():
    old, new = example_run(), example_run(scale=1.5)
    for row in new.cases[0].rows:
        if row.contender != OURS:
            row.seconds = [1.5 * s for s in row.seconds]
    both = compare.pairs(new, old)
    assert compare.machine_drift(both) == pytest.approx(1.5)
    assert [compare.verdict(pair, 1.5) for pair in both] == ["", "", ""]


def test_compare_does_not_mark_small_changes_or_noise():
    def verdict(before, now):
        return compare.verdict(compare.Pair("case", OURS, "fastnn", before, now), 1.0)

    assert verdict([1.0, 1.0, 1.0], [1.04, 1.04, 1.04]) == ""
    assert verdict([1.0, 1.0, 1.5, 1.5], [1.0, 1.4, 1.4, 1.5]) == ""
    assert verdict([1.0, 1.0, 1.0], [1.06, 1.06, 1.06]) == "slower"


def test_compare_leaves_out_other_work_of_the_same_name():
    old, new = example_run(), example_run()
    old.cases[0].description += " on more rows"
    assert compare.pairs(new, old) == []


def test_charts_are_png_files(tmp_path):
    files = charts.draw(example_run(), tmp_path)
    names = ["example.png", "example-growth.png", "example-crossover.png"]
    assert [file.name for file in files] == names
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert charts.draw(Run("empty", {}, {}, {}), tmp_path) == []


def test_the_crossover_shows_the_nearest_rival_and_where_it_breaks_even():
    first, second = example_run().crossover
    assert charts.nearest_rivals(first) == {
        4: (3.0, "PyTorch, eager"),
        16: (4.0, "JAX, all in one jit"),
    }
    assert charts.nearest_rivals(second)[16] == (0.5, "JAX, all in one jit")
    # Only the last of four cells is below 1: a border on its left and one above it.
    ratios = np.array([[3.0, 2.0], [4.0, 0.5]])
    assert set(charts.break_even(ratios)) == {
        ((0.5, 0.5), (0.5, 1.5)),
        ((0.5, 0.5), (1.5, 0.5)),
    }
    ratios[1, 1] = np.nan
    assert not list(charts.break_even(ratios))


def test_the_overview_has_its_run_in_its_metadata(tmp_path):
    run = example_run()
    file = tmp_path / "overview.png"
    shown = readme.main_cases(run)
    assert shown.keys() == {"2-10-3, batches of 30"}
    charts.write_overview(file, run, shown, (OURS, "c_sizes", "pytorch"))
    with Image.open(file) as chart:
        assert chart.info["Description"] == charts.circumstances(run)


def test_tables_are_written_between_their_markers():
    for table in (readme.summary(example_run()), readme.tables(example_run())):
        assert "**" in table
        text = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter"
        once = readme.insert(text, table)
        assert once.startswith("before\n")
        assert once.endswith("\nafter")
        assert "old" not in once
        assert readme.insert(once, table) == once
        with pytest.raises(ValueError, match="needs the lines"):
            readme.insert("no markers", table)


def test_tables_have_at_most_five_cases_and_what_a_call_costs():
    run = example_run()
    one = run.cases[0]
    run.cases = [dataclasses.replace(one, name=f"case {i}") for i in range(7)]
    tables = readme.tables(run)
    heads = [line for line in tables.splitlines() if line.startswith("|  |")]
    assert [line.count("case") for line in heads] == [4, 3]
    assert tables.count("### ") == 2  # of batches and of the crossover
    assert "example-crossover.png)" in tables
    names = {
        "xor-grid full batch": ("update", 1.0),
        "fit of four rows": ("call", 2.0),
        "fit of 10,000 rows, one epoch": ("call", 5.0),
        "predict four rows": ("row", 0.25),
    }
    run.cases = []
    for name, (unit, seconds) in names.items():
        rows = [
            Row(contender, contender, "timed", epochs=1, seconds=[1e-6 * seconds])
            for contender in (OURS, "numpy_vectorised")
        ]
        run.cases.append(
            dataclasses.replace(one, name=name, unit=unit, units=1, rows=rows)
        )
    assert "takes 1.00 µs for a forward pass" in readme.tables(run)
    assert "takes 2.00 times as long" in readme.tables(run)
    assert "training 4.00 times (4.00 µs)" in readme.tables(run)


def test_estimators_have_a_table_with_their_median_ratio():
    table = readme.estimators(example_run())
    assert "| iris | 200 | 12,000 | 1,500 | 8.00 |" in table
    assert "The median is 8.00 times faster." in table


def test_the_pages_have_the_figures_of_the_reference_run():
    run = results.load(FOLDER / "reference.json")
    for page, text in readme.pages(run).items():
        assert page.read_text(encoding="utf-8") == text, page
    lines = readme.summary(run).splitlines()
    assert len(lines) == 2 + 6
    times = [float(cell.strip("* ")) for cell in lines[2].split("|")[2:-1]]
    assert times[0] == min(times)
    # No table is wider than a page, and none leaves a case or a contender out.
    tables = readme.tables(run)
    assert max(line.count("|") for line in tables.splitlines()) <= 7
    for case in run.cases:
        assert f" {case.name} |" in tables
        for row in case.rows:
            assert not row.seconds or f"| {row.title} |" in tables


def test_the_readme_only_shows_whole_runs_of_committed_code():
    def reason(**changes):
        run = results.load(FOLDER / "reference.json")
        for name, value in changes.items():
            setattr(run, name, value)
        return readme.obstacle(run)

    run = results.load(FOLDER / "reference.json")
    assert reason() is None
    assert reason(complete=False) == "was interrupted"
    assert reason(method={**run.method, "quick": True}) == "is of a quick run"
    assert reason(cases=run.cases[1:]) == "lacks xor-grid per sample"
    assert "not committed" in reason(machine={**run.machine, "commit": "abc+"})
    assert "not committed" in reason(machine={**run.machine, "commit": "unknown"})
    bad = dataclasses.replace(
        run.cases[0], rows=[*run.cases[0].rows, Row("fann", "FANN", "invalid")]
    )
    assert "invalid or failed" in reason(cases=[bad, *run.cases[1:]])


def test_narrow_tables_show_their_figures():
    run = example_run()
    for width in (80, 140):
        out = Console(width=width, record=True, file=io.StringIO())
        out.print(show.case_table(run.cases[0], width))
        out.print(show.summary(run, width))
        text = out.export_text()
        assert "…" not in text
        assert "C, any sizes" in text
