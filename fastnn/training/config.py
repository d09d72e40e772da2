"""The arguments that `fit` and `fit_many` have in common, checked before any work."""

from typing import Any

from ..data.arguments import check_bool, check_choice, check_int, check_seed
from ..data.arrays import Array
from .recording import updates_to_record
from .state import FitConfig


def job(
    X: Array,
    y: Array,
    rule: int,
    settings: Array,
    rates: Array,
    *,
    epochs: Any,
    batch_size: Any,
    reduction: Any,
    shuffle: Any,
    seed: Any,
    progress: Any,
    n_jobs: Any,
    mixes_rows: bool,
    loop: Any = "general",
    record: Any = None,
    record_bytes: int = 0,
) -> FitConfig:
    """A Job for X (n, n_in) and y as the kernels take them, and the optimizer's code, settings and rates.

    A record takes record_bytes; mixes_rows says that the net's output for a row depends on the others.
    """
    check_choice("loop", loop, ("auto", "general", "specialised"))
    epochs = check_int("epochs", epochs, 1)
    size = _batch_size(batch_size, len(X), mixes_rows)
    mean = check_choice("reduction", reduction, ("mean", "sum")) == "mean"
    shuffle, seed = check_bool("shuffle", shuffle) and size < len(X), check_seed(seed)
    if progress is not None:
        check_bool("progress", progress)
    n_jobs = check_int("n_jobs", n_jobs, -1)
    if n_jobs == 0:
        raise ValueError(
            "n_jobs must be a number of threads, or -1 for as many as there are processors, not 0"
        )
    record_at = updates_to_record(record, -(-len(X) // size) * epochs, record_bytes)
    return FitConfig(
        X,
        y,
        rule,
        settings,
        rates,
        epochs,
        size,
        mean,
        shuffle,
        seed,
        loop,
        n_jobs,
        record_at,
    )


def _batch_size(batch_size: Any, n: int, mixes_rows: bool) -> int:
    if isinstance(batch_size, str):
        if batch_size != "full":
            raise ValueError(
                f"batch_size must be a whole number from 1 on, or 'full', not {batch_size!r}"
            )
        return n
    size = min(check_int("batch_size", batch_size, 1), n)
    if size < n and mixes_rows:
        raise ValueError(
            "Repeat and Sum work on all rows at once: train with batch_size='full'"
        )
    return size
