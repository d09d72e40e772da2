"""Kill trainings at random moments, and go on from their checkpoints.

    python -m tests.fuzz.kills 200            # some 3 minutes
    python -m tests.fuzz.kills 20 --seed 7    # other moments

A training of each kind runs undisturbed first, without a checkpoint. Then a process
makes the same call with a checkpoint and is killed by SIGKILL, or by SIGINT with
`--ctrl-c`; the next one makes it again and may be killed, too, until one comes to the
end. What is checked:

- the result, and what one more epoch makes of it, have the bits of the undisturbed
  training: parameters, history, recording, moments and the stream of orders;
- after each kill the file is whole, and after SIGKILL never older than before;
- at the end nothing but the file is left in its folder.

The processes are forks of this one, so that they cost nothing; the last one of each
training is a new one where `--fresh` asks for it.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastnn

ROOT = Path(__file__).resolve().parents[2]
# Share of the processes, after the first of a training, that are killed as well.
_AGAIN = 0.5


def _halve(state: Any) -> None:
    if state.epoch % 8 == 7:
        state.lr /= 2


# What the call of each kind passes, and the number of rows.
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "per sample": (900, {"epochs": 1500, "lr": 0.05, "record": 50_000}),
    "batches": (900, {"epochs": 300, "batch_size": 30, "optimizer": "Adam"}),
    "full batch": (
        90_000,
        {"epochs": 25, "batch_size": "full", "lr": 0.5, "n_jobs": 2},
    ),
    "early stopping": (
        900,
        {
            "epochs": 150,
            "batch_size": 30,
            "optimizer": "Adam",
            "early_stopping": fastnn.EarlyStopping(patience=20),
        },
    ),
    "on_epoch": (900, {"epochs": 100, "lr": 0.5, "on_epoch": _halve}),
    "specialised": (900, {"epochs": 4000, "lr": 0.05, "loop": "specialised"}),
    "drawn seed": (900, {"epochs": 1500, "lr": 0.05, "seed": None, "shuffle": False}),
}


class Result(NamedTuple):
    """How a training went: what failed, or nothing, and where its processes began."""

    kind: str
    failure: str
    kills: int
    resumed_at: list[int]


def main() -> None:
    """Kill as many processes as asked for, print a table, and fail if bits differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="end in new processes")
    parser.add_argument("--ctrl-c", action="store_true", help="SIGINT for SIGKILL")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--result-of", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    # Forks of a process whose libraries have threads: none of these is used.
    warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
    if chosen.result_of:
        kind, path = chosen.result_of
        print(train(kind, Path(path)))
        return
    signum = signal.SIGINT if chosen.ctrl_c else signal.SIGKILL
    results = list(run(chosen.kills, chosen.seed, chosen.fresh, chosen.kinds, signum))
    for kind in chosen.kinds:
        of_kind = [result for result in results if result.kind == kind]
        kills = sum(result.kills for result in of_kind)
        starts = sorted(at for result in of_kind for at in result.resumed_at)
        print(
            f"{kind:16}{len(of_kind):4} trainings, {kills:4} kills, "
            f"{sum(at > 0 for at in starts):4} times resumed, at updates "
            f"{starts[:1]} to {starts[-1:]}"
        )
    failed = [result for result in results if result.failure]
    kills = sum(result.kills for result in results)
    print(f"{kills} kills, {len(failed)} failures")
    if failed:
        raise SystemExit("\n".join(map(str, failed)))


def run(
    n: int, seed: int, fresh: bool, kinds: list[str], signum: signal.Signals
) -> Iterator[Result]:
    """Kill n processes in all, and yield how their trainings went."""
    rng = random.Random(seed)
    expected = {kind: train(kind, None) for kind in kinds}
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        for kind in kinds:
            started = time.monotonic()
            os.waitpid(_fork(kind, Path(name, f"{kind}.npz"), Path(name, "time")), 0)
            seconds[kind] = time.monotonic() - started
    kills = number = 0
    while kills < n:
        kind = kinds[number % len(kinds)]
        with tempfile.TemporaryDirectory() as name:
            result = _train_and_kill(
                kind, Path(name), rng, seconds[kind], expected[kind], fresh, signum
            )
        yield result
        kills, number = kills + result.kills, number + 1


def train(kind: str, path: Path | None) -> str:
    """Make the call of a kind, and return a hash of its result and the next one's."""
    n, options = KINDS[kind]
    X, y = fastnn.datasets.spiral(n // 3, classes=3, seed=1)
    is_small = kind == "specialised"
    net = fastnn.mlp(2, 4, 1, seed=1) if is_small else fastnn.mlp(2, 8, 3, seed=1)
    y = (y > 0).astype(int) if is_small else y
    options = {"progress": False, **options}
    if options.get("optimizer"):
        options["optimizer"] = fastnn.Adam(0.02)
    if "early_stopping" in options:
        X, y, X_val, y_val = X[::2], y[::2], X[1::2], y[1::2]
        options |= {"X_val": X_val, "y_val": y_val}
    if path is not None:
        options |= {"checkpoint": path, "checkpoint_seconds": 0}
    history = net.fit(X, y, **options)
    results = [net.theta.copy(), history.loss, history.accuracy, history.lr]
    results += [history.val_loss, history.val_accuracy, history.updates]
    results += [history.best_epoch, None if options.get("seed", 0) is None else 0]
    if history.recording is not None:
        recording = history.recording
        results += [recording.updates, recording.theta, recording.loss]
    again = {name: options[name] for name in ("lr", "optimizer") if name in options}
    net.fit(X, y, epochs=1, progress=False, **again)
    state = hashlib.sha256()
    for value in [*results, net.theta]:
        is_array = isinstance(value, np.ndarray)
        state.update(value.tobytes() if is_array else repr(value).encode())
    return state.hexdigest()


def _train_and_kill(
    kind: str,
    folder: Path,
    rng: random.Random,
    seconds: float,
    bits: str,
    fresh: bool,
    signum: signal.Signals,
) -> Result:
    """Train to the end, with some kills on the way."""
    path, answer = folder / "run.npz", folder / "answer"
    kills, starts = 0, [0]
    while True:
        is_last = kills > 0 and rng.random() > _AGAIN
        if is_last and fresh:
            command = [sys.executable, "-m", "tests.fuzz.kills", "--result-of"]
            done = subprocess.run(
                [*command, kind, path], cwd=ROOT, capture_output=True, text=True
            )
            answer.write_text(done.stdout.strip() or done.stderr[-300:])
        else:
            child = _fork(kind, path, answer)
            if not is_last:
                time.sleep(rng.uniform(0.0, seconds))
                os.kill(child, signum)
            os.waitpid(child, 0)
        if answer.exists():
            found = answer.read_text()
            answer.unlink()
            left = sorted(os.listdir(folder))
            failure = "" if found == bits else f"other bits, or an error: {found}"
            if left != ["run.npz"]:
                failure = f"{failure} {left} is left in the folder"
            return Result(kind, failure, kills, starts[1:])
        kills += not is_last
        if path.exists():
            with np.load(path) as file:
                updates = int(file["position"][0])
            if updates < starts[-1] and signum == signal.SIGKILL:
                return Result(kind, f"at {updates}, after {starts}", kills, starts[1:])
            starts.append(updates)


def _fork(kind: str, path: Path, answer: Path) -> int:
    """Start a process that makes the call, and writes its answer when it has ended."""
    child = os.fork()
    if child:
        return child
    try:
        # A shell starts background jobs with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        text = train(kind, path)
    except KeyboardInterrupt:
        os._exit(1)
    except BaseException as error:
        text = repr(error)
    answer.with_suffix(".new").write_text(text)
    answer.with_suffix(".new").rename(answer)
    os._exit(0)


if __name__ == "__main__":
    main()
