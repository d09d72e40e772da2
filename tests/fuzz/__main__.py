"""Fuzz the package in guarded memory: one number too far ends the process.

    python -m tests.fuzz --seconds 60         # random cases, from a random seed
    python -m tests.fuzz --from 1000          # from this seed on, again
    python -m tests.fuzz --only 1234          # one case, in this process

A child process runs the cases, so that a crash can be reported, with the command that
repeats it. The status is 1 if there was one, or a case failed.
"""

import argparse
import faulthandler
import random
import subprocess
import sys
import time
import traceback
from collections import Counter


def main():
    options = parse()
    if options.only is not None:
        if not run_cases(range(options.only, options.only + 1), None, options.plant):
            raise SystemExit(1)
    elif options.child:
        seeds = iter(range(options.first, sys.maxsize))
        if not run_cases(seeds, options.seconds, options.plant):
            raise SystemExit(1)
    else:
        raise SystemExit(watch(options))


def parse():
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=summary)
    parser.add_argument("--seconds", type=float, default=60.0, help="time to spend")
    parser.add_argument("--from", dest="first", type=int, help="seed of the first case")
    parser.add_argument("--only", type=int, help="run the case of this seed alone")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    # To see that a fault is found: a kernel is given an array that is too short.
    parser.add_argument("--plant", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first is None:
        options.first = random.randrange(10**9)
    return options


def watch(options):
    """Run the cases in a child process; return the exit status."""
    command = [sys.executable, "-m", "tests.fuzz", "--child"]
    command += ["--from", str(options.first), "--seconds", str(options.seconds)]
    command += ["--plant"] * options.plant
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        last, seed = "", options.first
        for line in child.stdout:
            last = line.rstrip()
            if last.startswith("case "):
                seed = int(last.split()[1])
            else:
                print(last, flush=True)
    if child.returncode < 0:
        again = f"python -m tests.fuzz --only {seed}" + " --plant" * options.plant
        print(
            f"CRASH: signal {-child.returncode} in case {seed}; repeat it with {again}"
        )
        return 1
    return int(child.returncode != 0)


def run_cases(seeds, seconds, plant):
    """Run the cases of some seeds; return True if none failed."""
    faulthandler.enable()
    start = time.monotonic()
    from . import cases, guard

    cases.prepare()
    guard.install()
    counts, failures = Counter(), 0
    for seed in seeds:
        if seconds is not None and time.monotonic() - start > seconds:
            break
        print("case", seed, flush=True)
        try:
            if plant and seed % 10 == 0:
                cases.leave_an_array()
            kind, refusal = cases.run(seed)
        except Exception:
            failures += 1
            counts["failed"] += 1
            print(f"FAILED: case {seed}, python -m tests.fuzz --only {seed}")
            print(traceback.format_exc(), flush=True)
            continue
        counts[f"{kind} {'refused' if refusal else 'done'}"] += 1
    print(f"{sum(counts.values())} cases, {guard.blocks():,} guarded arrays:")
    for name, count in sorted(counts.items()):
        print(f"{count:7,} {name}")
    return failures == 0


if __name__ == "__main__":
    main()
