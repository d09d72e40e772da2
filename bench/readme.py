"""`python -m bench.readme RESULT.json`: write a run's figures into the README, between its two markers."""

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


def obstacle(run: Run) -> str | None:
    """Why the README is not to show this run."""
    missing = {case.name for case in cases()} - {
        case.name for case in run.cases if case.row(OURS)
    }
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
    """The text with the table between its markers; raises ValueError where they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"the README needs the lines {BEGIN!r} and {END!r}, in this order, each once"
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


def _where(run: Run, columns: list[str]) -> str:
    machine, method = run.machine, run.method
    rows = [
        row
        for case in run.cases
        for row in case.rows
        if row.contender in columns and row.seconds
    ]
    versions = sorted({row.versions for row in rows}, key=str.lower)
    vectors = (
        "AVX-512"
        if "avx512f" in machine["vectors"]
        else ", ".join(machine["vectors"][-1:])
    )
    threads = "one thread" if method["threads"] == 1 else f"{method['threads']} threads"
    return (
        f"{machine['cpu']}, {machine['cores']} cores{f' ({vectors})' if vectors else ''}, {threads}, medians of "
        f"up to {method['rounds']} rounds in {method['processes']} processes, {machine['date'][:10]}, commit "
        f"{machine['commit']}; Python {machine['python']}, {', '.join(versions)}."
    )


def main() -> None:
    """Read the result, write the README."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m bench.readme RESULT.json")
    try:
        run = load(Path(sys.argv[1]))
        reason = obstacle(run)
        if reason is not None:
            raise ValueError(
                f"the README shows whole runs of committed code; {sys.argv[1]} {reason}"
            )
        text = insert(README.read_text(encoding="utf-8"), markdown(run))
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    write_atomically(README, text.encode())
    print(f"written: {README}")


if __name__ == "__main__":
    main()
