"""`fastnn warmup`: compile the loops before the first training needs them."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import Adam, datasets, kernels, mlp
from ..training.orders import compiled_orders, shuffled_orders

DTYPES = ("float64", "float32")
Step = tuple[str, Callable[[], object]]


def warm_up(dtypes: tuple[str, ...] = DTYPES) -> Iterator[str]:
    """Compile the loops of `fit`, `predict` and `loss_and_grads`.

    Yields the name of each step before it begins.
    """
    for name, step in steps(dtypes):
        yield name
        step()


def steps(dtypes: tuple[str, ...]) -> list[Step]:
    """Return the steps: a name, and a call that compiles what it needs."""
    orders: Step = (
        "orders of many rows",
        lambda: (
            compiled_orders(np.random.default_rng(0), 1, 2),
            shuffled_orders(np.random.RandomState(0), np.arange(2), 1),
        ),
    )
    return [orders, *(step for dtype in dtypes for step in _steps(dtype))]


def _steps(dtype: str) -> list[Step]:
    X, y = datasets.xor_gate()
    net, classifier = mlp(2, 2, 1, dtype=dtype), mlp(2, 2, 2, dtype=dtype)
    wide = mlp(32, 32, 32, loss="mse", dtype=dtype)
    one: dict[str, Any] = {"epochs": 1, "lr": 0.1, "progress": False}
    adam: dict[str, Any] = {"epochs": 1, "optimizer": Adam(0.1), "progress": False}
    many: dict[str, Any] = one | {"seeds": [0]}
    return [
        (
            f"training per sample, {dtype}",
            lambda: (
                net.fit(X, y, batch_size=1, **one),
                classifier.fit(X, y, batch_size=1, **one),
                net.fit(X, y, batch_size=1, **adam),
            ),
        ),
        (
            f"training in batches, {dtype}",
            lambda: (
                net.fit(X, y, batch_size="full", **one),
                classifier.fit(X, y, batch_size="full", **adam),
            ),
        ),
        (
            f"training wide layers in batches, {dtype}",
            lambda: wide.fit(np.eye(32), np.eye(32), batch_size=2, **one),
        ),
        (
            f"training many nets per sample, {dtype}",
            lambda: net.fit_many(X, y, batch_size=1, **many),
        ),
        (
            f"training many nets in batches, {dtype}",
            lambda: net.fit_many(X, y, batch_size="full", **many),
        ),
        (f"predictions, {dtype}", lambda: (net.predict(X), net.predict_proba(X))),
        (f"gradients, {dtype}", lambda: net.loss_and_grads(X, y)),
    ]


def show() -> None:
    """Compile the loops with progress on stderr, and print how many were compiled."""
    started = time.perf_counter()
    compiled, loaded = counts()
    _run(steps(DTYPES))
    compiled_after, loaded_after = counts()
    seconds = time.perf_counter() - started
    folder = kernels.compiler.cache.usable_folder()
    where = f"stored in {folder}" if folder else "not stored"
    print(
        f"loops: {compiled_after - compiled} compiled, {loaded_after - loaded} from "
        f"the cache, in {seconds:.1f} s; {where}"
    )


def counts() -> tuple[int, int]:
    """Return how many loops this process has compiled, and loaded from the cache."""
    counts = kernels.compiler.cache.counts
    return counts["compiled"], counts["loaded"]


def _run(steps: list[Step]) -> None:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    if not console.is_interactive:
        _run_without_terminal(steps)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(steps))
        for name, step in steps:
            progress.update(task, description=f"{name:<40}")
            step()
            progress.advance(task)


def _run_without_terminal(steps: list[Step]) -> None:
    """Run the steps, with one line on stderr for each."""
    for number, (name, step) in enumerate(steps, 1):
        started = time.perf_counter()
        step()
        seconds = time.perf_counter() - started
        line = f"{number}/{len(steps)}  {name:<40}{seconds:6.1f} s"
        print(line, file=sys.stderr, flush=True)
