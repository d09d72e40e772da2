"""Write the figures of a run into the README, between its two markers.

python -m bench.readme RESULT.json
"""

import sys
from pathlib import Path
from statistics import median

from fastnn.data.files import write_atomically

from .cases import cases
from .contenders import CONTENDERS, OURS
from .results import BAD, CaseResult, Run, load
from .show import significant

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = (
    "<!-- written by python -m bench.readme -->",
    "<!-- end of what bench.readme writes -->",
)


def markdown(run: Run) -> str:
    """Return the circumstances in a sentence, and a table with one row per case.

    The figures are microseconds, the fastest in bold.
    """
    cases = [case for case in run.cases if case.row(OURS) is not None]
    columns = [name for name in CONTENDERS if any(case.row(name) for case in cases)]
    titles = " | ".join(CONTENDERS[name].title for name in columns)
    lines = [
        _circumstances(run, columns),
        "",
        f"| µs per update (or row) | {titles} | limit |",
        "|---" * (len(columns) + 2) + "|",
    ]
    return "\n".join([*lines, *(_line(case, columns) for case in cases)])


def obstacle(run: Run) -> str | None:
    """Return why the README cannot show this run, or None."""
    measured = {case.name for case in run.cases if case.row(OURS)}
    missing = {case.name for case in cases()} - measured
    if not run.complete:
        return "was interrupted"
    if run.method["quick"]:
        return "is of a quick run"
    if missing:
        return f"lacks {', '.join(sorted(missing))}"
    if any(row.status in BAD for case in run.cases for row in case.rows):
        return "has contenders that are invalid or failed"
    commit = run.machine["commit"]
    if commit == "unknown" or commit.endswith("+"):
        return f"is of code that is not committed ({commit})"
    return None


def insert(text: str, table: str) -> str:
    """Return the text with the table between its markers, which must be there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"the README needs the lines {BEGIN!r} and {END!r}, in this order"
        )
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _line(case: CaseResult, columns: list[str]) -> str:
    times = {
        name: 1e6 * median(row.per_unit(case.units))
        for name in columns
        if (row := case.row(name)) is not None
    }
    best = min(times.values())
    cells = [
        ""
        if name not in times
        else f"**{significant(t)}**"
        if (t := times[name]) == best
        else significant(t)
        for name in columns
    ]
    limit = "" if case.bound is None else significant(1e6 * case.bound)
    return f"| {case.name} | {' | '.join(cells)} | {limit} |"


def _circumstances(run: Run, columns: list[str]) -> str:
    machine, method = run.machine, run.method
    rows = [
        row
        for case in run.cases
        for row in case.rows
        if row.contender in columns and row.seconds
    ]
    versions = sorted({row.versions for row in rows}, key=str.lower)
    widest = machine["vectors"][-1:]
    vectors = "AVX-512" if "avx512f" in machine["vectors"] else ", ".join(widest)
    threads = "one thread" if method["threads"] == 1 else f"{method['threads']} threads"
    cores = f"{machine['cores']} cores" + (f" ({vectors})" if vectors else "")
    rounds = f"{method['rounds']} rounds in {method['processes']} processes"
    return (
        f"{machine['cpu']}, {cores}, {threads}, medians of up to {rounds}, "
        f"{machine['date'][:10]}, commit {machine['commit']}; "
        f"Python {machine['python']}, {', '.join(versions)}."
    )


def main() -> None:
    """Read the results and write the README."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m bench.readme RESULT.json")
    try:
        run = load(Path(sys.argv[1]))
        reason = obstacle(run)
        if reason is not None:
            condition = "the README only shows whole runs of committed code"
            raise ValueError(f"{condition}: {sys.argv[1]} {reason}")
        text = insert(README.read_text(encoding="utf-8"), markdown(run))
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    write_atomically(README, text.encode())
    print(f"written: {README}")


if __name__ == "__main__":
    main()
