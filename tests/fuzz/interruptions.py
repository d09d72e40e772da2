"""Interrupt the first calls of many processes at random moments.

    python -m tests.fuzz.interruptions 300            # some 15 minutes
    python -m tests.fuzz.interruptions 300 --seed 7   # other moments

A process imports fastnn, says so, and makes its first call, or imports it as its first
call. It gets SIGINT at a random moment between the beginning of that call and a little
after its end. Then it makes the same call again, in the same process. What is checked:

- a KeyboardInterrupt within `BOUND` seconds, unless the call had ended;
- the later calls give the bits of a process that was not interrupted;
- the parameters of an interrupted `fit` are those after the updates of its history;
- the process ends by itself with exit status 0.

The machine code is loaded from a cache, or compiled where the case says "cold".
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
# Seconds until Ctrl-C is heard, at most. LLVM's work on one kernel takes up to 4 s, or
# twice that beside another process; an import of Numba takes half a second.
BOUND = 15.0
# Share of processes with an empty cache.
_COLD = 0.2
PROGRAM = """
import hashlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
kind, alone = sys.argv[1], sys.argv[2] == "alone"

def say(*words):
    print(*words, flush=True)

def work(net):
    import numpy as np
    X, y = fastnn.datasets.xor_grid(50)
    rows = slice(None) if "jobs" in kind else slice(None, None, 50)
    X, y = X[rows], y[rows]
    how = {"epochs": 3, "lr": 0.1, "progress": False, "shuffle": False}
    if kind == "predict":
        return net.predict_proba(X).tobytes() + net.predict(X).tobytes()
    if kind == "gradients":
        return net.loss_and_grads(X, y)[1][0].tobytes()
    if kind.startswith("fit_many"):
        jobs = 2 if "jobs" in kind else 1
        how["epochs"] = 200
        return net.fit_many(X, y, seeds=range(40), n_jobs=jobs, **how).theta.tobytes()
    if "jobs" in kind:
        how |= {"batch_size": "full", "n_jobs": 2}
    net.fit(X, y, **how)
    return net.theta.tobytes()

def belongs_together(net):
    # Only per sample can a twin make the same number of updates.
    if kind != "fit" or net.history is None:
        return True
    X, y = fastnn.datasets.xor_grid(50)
    X, y = X[::50], y[::50]
    twin, how = fastnn.mlp(2, 3, 1, seed=1), {"lr": 0.1, "shuffle": False}
    epochs, rest = divmod(net.history.updates, len(X))
    for part, n in ((slice(None), epochs), (slice(rest), min(rest, 1))):
        if n:
            twin.fit(X[part], y[part], epochs=n, **how)
    return bool((twin.theta == net.theta).all())

interrupted = together = net = None
if kind != "import":
    import fastnn
    net = fastnn.mlp(2, 3, 1, seed=1)
say("ready")
started = time.monotonic()
try:
    if kind == "import":
        import fastnn
        net = fastnn.mlp(2, 3, 1, seed=1)
    work(net)
    done = time.monotonic()
    while not alone and time.monotonic() < done + 60:
        time.sleep(0.01)
except KeyboardInterrupt:
    interrupted = time.monotonic()
import fastnn
if net is not None:
    together = belongs_together(net)
again = [work(fastnn.mlp(2, 3, 1, seed=1)) for _ in range(2)]
when = done - started if alone else interrupted
say(when, together is not False, hashlib.sha256(b"".join(again)).hexdigest())
"""
KINDS = (
    *("import", "fit", "fit, 2 jobs", "fit_many", "fit_many, 2 jobs"),
    *("predict", "gradients"),
)


class Result(NamedTuple):
    """How a process went: what failed, or nothing, and the seconds to the interrupt."""

    case: str
    moment: float
    failure: str
    seconds: float


def main() -> None:
    """Interrupt as many processes as asked for, print a table, and fail if one did."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("processes", type=int, nargs="?", default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=2, help="processes side by side")
    chosen = parser.parse_args()
    results = list(run(chosen.processes, chosen.seed, chosen.at_once))
    by_case = defaultdict(list)
    for result in results:
        by_case[result.case].append(result)
    for case, of_case in sorted(by_case.items()):
        seconds = [result.seconds for result in of_case if not result.failure]
        times = "none ended well"
        if seconds:
            times = (
                f"heard within {max(seconds):5.2f} s ({statistics.median(seconds):.2f})"
            )
        print(f"{case:24}{len(of_case):5} processes, {times}")
    failed = [result for result in results if result.failure]
    print(f"{len(results)} processes, {len(failed)} failures")
    if failed:
        raise SystemExit("\n".join(map(str, failed)))


def run(
    n: int,
    seed: int,
    at_once: int,
    kinds: tuple[str, ...] = KINDS,
    cache: Path | None = None,
) -> Iterator[Result]:
    """Interrupt n processes, a fifth of them with an empty cache, and yield how it was.

    Processes that are not interrupted say how long the first call takes. With the
    folder of a cache, all processes load from there.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = folder / "warm" if cache is None else cache
        seconds, expected = {}, {}
        for kind in kinds:
            # The first process fills the cache.
            for state in ("cold", "warm") if cache is None else ("warm",):
                ended = _process(kind, warm, None)
                assert ended.returncode == 0, ended.stderr
                when, _, expected[kind] = ended.stdout.split()[1:]
                seconds[kind, state] = float(when)

        def interrupt(i: int, kind: str, state: str, moment: float) -> Result:
            own = warm if state == "warm" else folder / str(i)
            failure, late = _judge(_process(kind, own, moment), expected[kind])
            return Result(f"{kind} ({state})", moment, failure, late)

        plans = []
        for i in range(n):
            kind = kinds[i % len(kinds)]
            is_cold = cache is None and rng.random() < _COLD
            state = "cold" if is_cold else "warm"
            moment = rng.uniform(0.0, 1.1 * seconds[kind, state])
            plans.append((i, kind, state, moment))
        with ThreadPoolExecutor(at_once) as pool:
            yield from pool.map(lambda plan: interrupt(*plan), plans)


class Ended(NamedTuple):
    """A process that has ended, or was ended, and when it got the signal."""

    returncode: int
    stdout: str
    stderr: str
    interrupted: float


def _process(kind: str, cache: Path, moment: float | None) -> Ended:
    """Run the program, and interrupt it at a moment after its call begins."""
    how = "alone" if moment is None else "interrupted"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind, how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"FASTNN_CACHE_DIR": str(cache)},
    )
    assert process.stdout is not None
    first, sent = process.stdout.readline(), 0.0
    if moment is not None:
        time.sleep(moment)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err = f"did not end\n{err}"
    return Ended(process.returncode, first + out, err, sent)


def _judge(ended: Ended, expected: str) -> tuple[str, float]:
    """Return what failed, or nothing, and the seconds until the interrupt was heard."""
    if ended.returncode != 0:
        return f"status {ended.returncode}: {ended.stderr[-300:]}", 0.0
    _, when, together, bits = ended.stdout.split()
    if when == "None":
        return "the interrupt was lost", 0.0
    seconds = float(when) - ended.interrupted
    if seconds > BOUND:
        return f"heard after {seconds:.1f} s", seconds
    if together != "True":
        return "parameters and history do not belong together", seconds
    if bits != expected:
        return "later calls have other bits", seconds
    return "", seconds


if __name__ == "__main__":
    main()
