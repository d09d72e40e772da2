"""Write the figures of a run into the documents, between their two markers.

python -m bench.readme RESULT.json

README.md and README.ko.md have six cases, docs/speed.png shows them,
docs/benchmarks.md has all and the crossover, and docs/sklearn.md has the estimators.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from fastnn.data.files import write_atomically

from . import estimator, growth
from .cases import cases
from .charts import write_overview
from .contenders import CONTENDERS, OURS
from .results import BAD, CaseResult, Run, load
from .show import significant

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = (
    "<!-- written by python -m bench.readme -->",
    "<!-- end of what bench.readme writes -->",
)
# What the READMEs show: work of each kind, in sizes from tiny to too large for fastnn.
_MAIN_CASES = {
    "xor-grid per sample": "2-2-1, one sample at a time",
    "spiral batch 30": "2-10-3, batches of 30",
    "digits batch 32": "64-32-10, batches of 32",
    "784-128-10 batch 128": "784-128-10, batches of 128",
    "xor-grid 256 nets": "256 nets of 2-2-1 at once",
    "predict a million rows": "2-10-3 predicts a million rows",
}
# The processor's vectors, the widest first.
_WIDEST = {
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "avx": "AVX",
    "sse4_2": "SSE4.2",
    "sve": "SVE",
    "asimd": "NEON",
    "neon": "NEON",
}
_CALLS = "One epoch per call of fit"
_COLUMNS = 5  # cases in a table, which must be narrow enough for a page
_MAIN_CONTENDERS = (
    OURS,
    "c_sizes",
    "jax_scan",
    "pytorch",
    "scikit_learn",
    "numpy_vectorised",
)


def summary(run: Run) -> str:
    """Return the main cases and contenders as a table, with one row per case.

    The figures are microseconds per update or row, the fastest in bold.
    """
    rows = []
    for title, case in main_cases(run).items():
        times = _times(case)
        shown = {name: times[name] for name in _MAIN_CONTENDERS if name in times}
        rows.append([title, *_cells(shown, _MAIN_CONTENDERS)])
    titles = [CONTENDERS[name].title for name in _MAIN_CONTENDERS]
    return _table(["µs", *titles], rows)


def main_cases(run: Run) -> dict[str, CaseResult]:
    """Return the cases of the READMEs that the run has, by their titles there."""
    by_name = {case.name: case for case in run.cases if case.row(OURS) is not None}
    return {
        title: by_name[name] for name, title in _MAIN_CASES.items() if name in by_name
    }


def tables(run: Run) -> str:
    """Return the circumstances in a sentence, and tables for each kind of work.

    A table has one column per case. If there is a crossover, its picture follows.
    """
    kinds: dict[str, list[CaseResult]] = {}
    for case in run.cases:
        if case.row(OURS) is not None:
            kinds.setdefault(_kind(case), []).append(case)
    found = {
        name for group in kinds.values() for case in group for name in _times(case)
    }
    parts = [_circumstances(run, [name for name in CONTENDERS if name in found])]
    for kind, group in kinds.items():
        parts.append(f"### {kind}, µs per {group[0].unit}")
        n_tables = -(-len(group) // _COLUMNS)
        n_columns = -(-len(group) // n_tables)
        for i in range(0, len(group), n_columns):
            parts.append(_case_table(group[i : i + n_columns]))
        parts.append("\n".join(f"- {case.name}: {case.description}" for case in group))
        if kind == _CALLS:
            parts += _fixed_costs(run)
    if run.crossover:
        alternative = "How much faster than JAX and PyTorch, by width and batch size"
        picture = f"../bench/results/{run.name}-crossover.png"
        parts += ["### What is small?", f"![{alternative}]({picture})"]
    return "\n\n".join(parts)


def estimators(run: Run) -> str:
    """Return the circumstances of the fits of estimators, and their table."""
    rows = []
    for case in run.estimators:
        ours, theirs = case.row(OURS), case.row(estimator.RIVAL)
        if ours is None or theirs is None:
            continue
        seconds = [median(row.per_unit(1)) * row.epochs for row in (theirs, ours)]
        times = [significant(1e3 * one) for one in seconds]
        name = case.name.partition(": ")[2]
        ratio = significant(estimator.ratio(case))
        rows.append([name, f"{case.checked_epochs:,}", *times, ratio])
    machine, first = run.machine, run.estimators[0]
    versions = ", ".join(row.versions for row in first.rows)
    where = (
        f"{machine['cpu']}, {machine['cores']} cores, medians of {estimator.ROUNDS} "
        f"rounds, {machine['date'][:10]}, commit {machine['commit']}; {versions}."
    )
    titles = ["fit", "epochs", "scikit-learn, ms", "fastnn, ms", "times faster"]
    middle = significant(run.estimator_ratio or 0.0)
    return "\n\n".join(
        [where, _table(titles, rows), f"The median is {middle} times faster."]
    )


def obstacle(run: Run) -> str | None:
    """Return why the README cannot show this run, or None."""
    missing = all_work() - measured_work(run)
    if not run.complete:
        return "was interrupted"
    if run.method["quick"]:
        return "is of a quick run"
    if missing:
        return f"lacks {', '.join(sorted(missing))}"
    if any(row.status in BAD for case in run.measured for row in case.rows):
        return "has contenders that are invalid or failed"
    commit = run.machine["commit"]
    if commit == "unknown" or commit.endswith("+"):
        return f"is of code that is not committed ({commit})"
    return None


def all_work() -> set[str]:
    """Return the names of all that a whole run measures."""
    named = {case.name for case in (*cases(), *estimator.cases())}
    return named | {axis.name for axis in (*growth.AXES, *growth.CROSSOVER)}


def measured_work(run: Run) -> set[str]:
    """Return the names of all that a run measured."""
    named = {case.name for case in run.measured if case.row(OURS) is not None}
    return named | {g.axis for g in (*run.growth, *run.crossover) if g.curves}


def insert(text: str, table: str) -> str:
    """Return the text with the table between its markers, which must be there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"the page needs the lines {BEGIN!r} and {END!r}, in this order"
        )
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _kind(case: CaseResult) -> str:
    """Return the title of the table in which a case stands."""
    if case.unit == "row":
        return "Predictions"
    if case.unit == "call":
        return _CALLS
    if case.description.endswith("nets"):
        return "Many nets"
    if "one sample per call" in case.description:
        return "Streams, one sample per call"
    if " rows shuffled, " in case.description:
        return "Shuffled rows, as fit has them by default"
    if "per sample" in case.description and " mse" in case.description:
        return "One sample at a time, squared errors"
    return "One sample at a time" if "per sample" in case.description else "Batches"


def _case_table(cases: list[CaseResult]) -> str:
    """Return a table with a column for each case, and the limits in its last row."""
    times = [_times(case) for case in cases]
    columns = [_cells(one, CONTENDERS) for one in times]
    rows = [
        [contender.title, *cells]
        for name, contender, *cells in zip(
            CONTENDERS, CONTENDERS.values(), *columns, strict=True
        )
        if any(name in one for one in times)
    ]
    limits = [
        "" if case.bound is None else significant(1e6 * case.bound) for case in cases
    ]
    rows.append(["*limit*", *limits])
    return _table(["", *(case.name for case in cases)], rows)


def _fixed_costs(run: Run) -> list[str]:
    """Return a sentence on what a call costs, if the run has the cases that tell it."""
    times = {case.name: _times(case) for case in run.cases}
    try:
        one_pass = 4.0 * times["predict four rows"]["numpy_vectorised"]
        four = times["fit of four rows"][OURS]
        whole = times["fit of 10,000 rows, one epoch"][OURS]
        epoch = times["xor-grid full batch"][OURS]
    except KeyError:
        return []
    return [
        f"NumPy takes {significant(one_pass)} µs for a forward pass of the four rows. "
        f"Their `fit` takes {significant(four / one_pass)} times as long, and what a "
        "`fit` of 10,000 rows costs beyond the training "
        f"{significant((whole - epoch) / one_pass)} times ({significant(whole - epoch)}"
        " µs)."
    ]


def _times(case: CaseResult) -> dict[str, float]:
    """Return the microseconds per update or row of each contender that was timed."""
    return {
        name: 1e6 * median(row.per_unit(case.units))
        for name in CONTENDERS
        if (row := case.row(name)) is not None
    }


def _cells(times: dict[str, float], names: Iterable[str]) -> list[str]:
    """Return the times of these contenders as text, the least in bold."""
    best = min(times.values())
    return [
        ""
        if name not in times
        else f"**{significant(times[name])}**"
        if times[name] == best
        else significant(times[name])
        for name in names
    ]


def _table(titles: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in [titles, *rows]]
    return "\n".join([lines[0], "|---" * len(titles) + "|", *lines[1:]])


def _circumstances(run: Run, columns: list[str]) -> str:
    machine, method = run.machine, run.method
    rows = [
        row
        for case in run.cases
        for row in case.rows
        if row.contender in columns and row.seconds
    ]
    versions = sorted({row.versions for row in rows}, key=str.lower)
    known = (name for flag, name in _WIDEST.items() if flag in machine["vectors"])
    vectors = next(known, "")
    threads = "one thread" if method["threads"] == 1 else f"{method['threads']} threads"
    cores = f"{machine['cores']} cores" + (f" ({vectors})" if vectors else "")
    rounds = f"{method['rounds']} rounds in {method['processes']} processes"
    disturbed = sum(len(row.disturbed) for row in rows)
    if disturbed:
        share = disturbed / sum(len(row.seconds) for row in rows)
        rounds += f" (without the {100.0 * share:.0f} % of turns that were disturbed)"
    return (
        f"{machine['cpu']}, {cores}, {threads}, medians of up to {rounds}, "
        f"{machine['date'][:10]}, commit {machine['commit']}; "
        f"Python {machine['python']}, {', '.join(versions)}."
    )


def pages(run: Run) -> dict[Path, str]:
    """Return the text of each page with the figures of a run."""
    written = {
        "README.md": summary(run),
        "README.ko.md": summary(run),
        "docs/benchmarks.md": tables(run),
    }
    if run.estimators:
        written["docs/sklearn.md"] = estimators(run)
    return {
        ROOT / name: insert((ROOT / name).read_text(encoding="utf-8"), text)
        for name, text in written.items()
    }


def main() -> None:
    """Read the results and write the pages."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m bench.readme RESULT.json")
    try:
        run = load(Path(sys.argv[1]))
        reason = obstacle(run)
        if reason is not None:
            condition = "the README only shows whole runs of committed code"
            raise ValueError(f"{condition}: {sys.argv[1]} {reason}")
        texts = pages(run)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    for page, text in texts.items():
        write_atomically(page, text.encode())
        print(f"written: {page}")
    chart = ROOT / "docs" / "speed.png"
    write_overview(chart, run, main_cases(run), _MAIN_CONTENDERS)
    print(f"written: {chart}")


if __name__ == "__main__":
    main()
