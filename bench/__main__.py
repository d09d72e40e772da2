"""`python -m bench`: check that all contenders reach the same loss, then time them in turn."""

import argparse
import os
import time
from statistics import median

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"  # one thread for everybody, set before NumPy is imported

from rich.console import Console
from rich.progress import track
from rich.table import Table

from .cases import Case, cases
from .contenders import CONTENDERS, Train

TOLERANCE = 1e-9  # of the last checked epoch's loss, relative: contenders differ by rounding only


def main() -> None:
    """Run the cases that are asked for and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke size: fewer updates, two rounds")
    parser.add_argument("--rounds", type=int, help="how often each contender is timed (default: 11, quick: 2)")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose name holds this text")
    options = parser.parse_args()
    rounds = options.rounds if options.rounds is not None else 2 if options.quick else 11
    chosen = [case for case in cases(options.quick) if options.only in case.name]
    if rounds < 1 or not chosen:
        parser.error("--rounds must be at least 1" if rounds < 1 else f"no case is called like {options.only!r}")

    table = Table("case", "contender", "updates", "µs/update", "spread", "ratio to fastnn", "loss")
    invalid = 0
    for case in chosen:
        trains = {name: train for name, prepare in CONTENDERS.items() if (train := prepare(case)) is not None}
        losses = {name: train(case.checked_epochs) for name, train in trains.items()}
        wanted = losses["fastnn"]
        valid = {name: abs(loss - wanted) <= TOLERANCE * wanted for name, loss in losses.items()}
        invalid += list(valid.values()).count(False)
        times = timed({name: train for name, train in trains.items() if valid[name]}, rounds, case)
        for name, loss in losses.items():
            if not valid[name]:
                table.add_row(case.name, name, "", "invalid", "", "", f"{loss:.12g}")
                continue
            each = [seconds / case.updates * 1e6 for seconds in times[name]]
            ratios = [a / b for a, b in zip(times[name], times["fastnn"], strict=True)]
            table.add_row(
                case.name, name, f"{case.updates:,}", f"{median(each):,.3f}", f"{min(each):,.3f}-{max(each):,.3f}",
                f"{median(ratios):.2f}", f"{loss:.12g}",
            )  # fmt: skip
        table.add_section()
    console = Console()
    if not console.is_terminal:
        console.width = 130
    console.print(table)
    if invalid:
        raise SystemExit(f"{invalid} contenders reach another loss than fastnn and were not timed")


def timed(trains: dict[str, Train], rounds: int, case: Case) -> dict[str, list[float]]:
    """Seconds of each training; the contenders run in turn, A B C A B C, so that a slow spell hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in trains}
    for _ in track(range(rounds), case.name, console=Console(stderr=True), transient=True):
        for name, train in trains.items():
            started = time.perf_counter()
            train(case.epochs)
            times[name].append(time.perf_counter() - started)
    return times


if __name__ == "__main__":
    main()
