"""Compiling ahead: what the first calls would wait for."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from .. import datasets, kernels
from ..model import mlp

DTYPES = ("float64", "float32")
Step = tuple[str, Callable[[], object]]


def warm_up(dtypes: tuple[str, ...] = DTYPES) -> Iterator[str]:
    """Compile the loops of `fit`, `predict` and `loss_and_grads`, and say before each step what it is."""
    for name, step in steps(dtypes):
        yield name
        step()


def steps(dtypes: tuple[str, ...]) -> list[Step]:
    """What there is to compile: a name, and a call that has it compiled."""
    return [step for dtype in dtypes for step in _steps(dtype)]


def _steps(dtype: str) -> list[Step]:
    X, y = datasets.xor_gate()
    net = mlp(2, 2, 1, dtype=dtype)
    many: dict[str, Any] = {"seeds": [0], "epochs": 1, "lr": 0.1, "progress": False}
    return [
        (
            f"training per sample, {dtype}",
            lambda: net.fit(X, y, epochs=1, lr=0.1, batch_size=1, progress=False),
        ),
        (
            f"training in batches, {dtype}",
            lambda: net.fit(X, y, epochs=1, lr=0.1, batch_size="full", progress=False),
        ),
        (
            f"training of many nets per sample, {dtype}",
            lambda: net.fit_many(X, y, batch_size=1, **many),
        ),
        (
            f"training of many nets in batches, {dtype}",
            lambda: net.fit_many(X, y, batch_size="full", **many),
        ),
        (f"predictions, {dtype}", lambda: (net.predict(X), net.predict_proba(X))),
        (f"gradients, {dtype}", lambda: net.loss_and_grads(X, y)),
    ]


def show() -> None:
    """Compile the loops, with a bar on the standard error stream, and print what was compiled and what was loaded."""
    started = time.perf_counter()
    compiled, loaded = counts()
    _run(steps(DTYPES))
    compiled, loaded = (
        now - before for now, before in zip(counts(), (compiled, loaded), strict=True)
    )
    seconds = time.perf_counter() - started
    print(
        f"loops: {compiled} compiled, {loaded} from the cache, in {seconds:.1f} s; {_where()}"
    )


def counts() -> tuple[int, int]:
    """How many loops this process has compiled so far, and how many it has loaded from the cache."""
    return kernels.compiler.cache.counts["compiled"], kernels.compiler.cache.counts[
        "loaded"
    ]


def _run(todo: list[Step]) -> None:
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
        _run_plainly(todo)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(todo))
        for name, step in todo:
            progress.update(task, description=f"{name:<28}")
            step()
            progress.advance(task)


def _run_plainly(todo: list[Step]) -> None:
    for done, (name, step) in enumerate(todo, 1):
        started = time.perf_counter()
        step()
        seconds = time.perf_counter() - started
        print(
            f"{done}/{len(todo)}  {name:<28}{seconds:6.1f} s",
            file=sys.stderr,
            flush=True,
        )


def _where() -> str:
    folder = kernels.compiler.cache.usable_folder()
    return f"kept in {folder}" if folder else "not kept"
