"""What was found, beside what the page says: findings from numbers, and runs from histories."""

from collections.abc import Sequence

import numpy as np

from ..data.arrays import Array
from ..training.history import History
from .outcome import Finding, Options, Run

_BLOCK = 1000  # the most seeds of one experiment


def equal(
    what: str,
    page: float | Sequence[float],
    found: float | Sequence[float] | Array,
    digits: int,
    source: str = "",
) -> Finding:
    """The finding that one number, or several, are the page's to so many digits behind the point.

    source says where the number is from, unless the page prints it, such as "its code, run".

    >>> equal("loss before training", 0.6931, 0.69314718, digits=4)
    Finding(what='loss before training', page='0.6931', found='0.6931', verdict='equal', kind='equal', ok=True)
    """
    theirs, ours = np.atleast_1d(page), np.atleast_1d(found)
    gap = float(np.abs(ours - theirs).max())
    same = gap <= 0.5000001 * 10.0**-digits  # half a digit, and the rounding of that
    texts = [
        ", ".join(f"{value:,.{digits}f}" for value in values)
        for values in (theirs, ours)
    ]
    given = f"{texts[0]} ({source})" if source else texts[0]
    return Finding(
        what,
        given,
        texts[1],
        "equal" if same else f"NOT equal: {gap:.0e} apart",
        "equal",
        same,
    )


def among(what: str, page: float, sample: Array, digits: int) -> Finding:
    """The finding of where, among the numbers that our seeds give, the page's lies.

    To lie beyond all of a thousand seeds, or far beyond all of fewer, is to fail.

    >>> among("loss", 0.2, np.array([0.1, 0.2, 0.3]), digits=2)
    Finding(what='loss', page='0.20', found='0.11 / 0.15 / 0.20 / 0.25 / 0.29 (5, 25, 50, 75, 95%)',
            verdict='at percentile 50 of 3 seeds', kind='among', ok=True)
    """
    low, high = sample.min(), sample.max()
    reach = (
        0.0
        if len(sample) >= 1000
        else (np.quantile(sample, 0.75) - np.quantile(sample, 0.25)) / 2
    )
    inside = bool(low - reach <= page <= high + reach)
    return Finding(
        what,
        f"{page:,.{digits}f}",
        quantiles(sample, digits),
        percentile(page, sample),
        "among",
        inside,
    )


def quantiles(sample: Array, digits: int) -> str:
    """How a sample is spread, in words.

    >>> quantiles(np.array([1.0, 2.0, 3.0]), digits=1)
    '1.1 / 1.5 / 2.0 / 2.5 / 2.9 (5, 25, 50, 75, 95%)'
    """
    values = np.quantile(sample, (0.05, 0.25, 0.5, 0.75, 0.95))
    return (
        " / ".join(f"{value:,.{digits}f}" for value in values) + " (5, 25, 50, 75, 95%)"
    )


def percentile(value: float, sample: Array) -> str:
    """Where a value lies in a sample, one number a seed, in words.

    >>> percentile(2.0, np.array([1.0, 3.0]))
    'at percentile 50 of 2 seeds'
    """
    share = np.mean(sample < value) + 0.5 * np.mean(sample == value)
    return f"at percentile {100 * share:.0f} of {len(sample):,} seeds"


def seeds(options: Options, n: int | None = None) -> range:
    """The first n seeds, or as many as make a distribution, of the block that --seed chooses.

    Blocks do not overlap, and their seeds are those that `np.random.RandomState` takes, below 2**32: after the last
    whole block comes the first again.

    >>> seeds(Options(seed=5))
    range(5000, 6000)
    """
    first = options.seed % (2**32 // _BLOCK) * _BLOCK
    return range(first, first + (options.n_seeds if n is None else n))


def training(mode: str, setting: str, history: History, score: float) -> Run:
    """The run that a fit was, with its losses and accuracies by epoch, of at most some 200 epochs; score is the share
    of points that the trained net gets right.
    """
    every = -(-history.epochs // 200)
    trace = {"epochs": list(range(1, history.epochs + 1, every))}
    trace["loss"], trace["accuracy"] = (
        history.loss[::every].tolist(),
        history.accuracy[::every].tolist(),
    )
    return Run(
        mode,
        setting,
        history.updates,
        history.seconds,
        float(history.loss[-1]),
        score,
        trace=trace,
    )


def recorded(history: History) -> Array:
    """The parameters that a fit has recorded, (m, n_params)."""
    assert history.recording is not None
    return history.recording.theta
