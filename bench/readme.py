"""`python -m bench.readme RESULT.json`: write a run's figures into the README, between its two markers."""

import sys
from pathlib import Path
from statistics import median

from fastnn.files import write_whole

from .contenders import CONTENDERS, OURS
from .results import CaseResult, Run, load
from .show import significant

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- written by python -m bench.readme -->", "<!-- end of what bench.readme writes -->"


def markdown(run: Run) -> str:
    """Where and how in a sentence, then a row for each case: microseconds, the fastest in bold."""
    cases = [case for case in run.cases if case.row(OURS) is not None]
    columns = [name for name in CONTENDERS if any(case.row(name) for case in cases)]
    lines = [
        _where(run, columns),
        "",
        f"| µs per update (or row) | {' | '.join(CONTENDERS[name].title for name in columns)} | limit |",
        "|---" * (len(columns) + 2) + "|",
    ]
    return "\n".join([*lines, *(_line(case, columns) for case in cases)])


def insert(text: str, table: str) -> str:
    """The text with the table between its markers; raises ValueError where they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README needs the lines {BEGIN!r} and {END!r}, in this order, each once")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _line(case: CaseResult, columns: list[str]) -> str:
    times = {name: 1e6 * median(row.per_unit(case.units)) for name in columns if (row := case.row(name)) is not None}
    best = min(times.values())
    cells = [
        "" if name not in times else f"**{significant(t)}**" if (t := times[name]) == best else significant(t)
        for name in columns
    ]
    limit = "" if case.bound is None else significant(1e6 * case.bound)
    return f"| {case.name} | {' | '.join(cells)} | {limit} |"


def _where(run: Run, columns: list[str]) -> str:
    machine, method = run.machine, run.method
    rows = [row for case in run.cases for row in case.rows if row.contender in columns and row.seconds]
    versions = sorted({row.versions for row in rows}, key=str.lower)
    vectors = "AVX-512" if "avx512f" in machine["vectors"] else ", ".join(machine["vectors"][-1:])
    threads = "one thread" if method["threads"] == 1 else f"{method['threads']} threads"
    return (
        f"{machine['cpu']}, {machine['cores']} cores{f' ({vectors})' if vectors else ''}, {threads}, medians of "
        f"{method['rounds']} rounds in {method['processes']} processes, {machine['date'][:10]}, commit "
        f"{machine['commit']}; Python {machine['python']}, {', '.join(versions)}."
    )


def main() -> None:
    """Read the result, write the README."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m bench.readme RESULT.json")
    try:
        run = load(Path(sys.argv[1]))
        if not run.complete or run.machine["commit"].endswith("+"):
            raise ValueError("the README shows complete runs of committed code only: commit, and run the suite")
        text = insert(README.read_text(encoding="utf-8"), markdown(run))
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    write_whole(README, text.encode())


if __name__ == "__main__":
    main()
