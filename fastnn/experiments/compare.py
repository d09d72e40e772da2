"""What was found, beside what the page says: findings from numbers, and runs from histories."""

from collections.abc import Sequence

import numpy as np

from ..arrays import Array
from ..history import History
from .outcome import Finding, Run


def equal(what: str, page: float | Sequence[float], found: float | Sequence[float] | Array, digits: int) -> Finding:
    """The finding that one number, or several, are the page's to so many digits behind the point.

    >>> equal("loss before training", 0.6931, 0.69314718, digits=4)
    Finding(what='loss before training', page='0.6931', found='0.6931', verdict='equal', ok=True)
    """
    theirs, ours = np.atleast_1d(page), np.atleast_1d(found)
    gap = float(np.abs(ours - theirs).max())
    same = gap <= 0.5000001 * 10.0**-digits  # half a digit, and the rounding of that
    texts = [", ".join(f"{value:,.{digits}f}" for value in values) for values in (theirs, ours)]
    return Finding(what, texts[0], texts[1], "equal" if same else f"NOT equal: {gap:.0e} apart", same)


def among(what: str, page: float, sample: Array, digits: int) -> Finding:
    """The finding of where, among the numbers that our seeds give, the page's lies; to lie far outside is to fail.

    >>> among("loss", 0.2, np.array([0.1, 0.2, 0.3]), digits=1)
    Finding(what='loss', page='0.2', found='median 0.2, from 0.1 to 0.3',
            verdict='at percentile 50 of 3 seeds', ok=True)
    """
    low, median, high = (f"{value:.{digits}f}" for value in (sample.min(), np.median(sample), sample.max()))
    reach = np.ptp(sample) / 2  # one more seed may well lie beyond a hundred others
    inside = bool(sample.min() - reach <= page <= sample.max() + reach)
    found = f"median {median}, from {low} to {high}"
    return Finding(what, f"{page:.{digits}f}", found, percentile(page, sample), inside)


def percentile(value: float, sample: Array) -> str:
    """Where a value lies in a sample, one number a seed, in words.

    >>> percentile(2.0, np.array([1.0, 3.0]))
    'at percentile 50 of 2 seeds'
    """
    share = np.mean(sample < value) + 0.5 * np.mean(sample == value)
    return f"at percentile {100 * share:.0f} of {len(sample):,} seeds"


def training(mode: str, setting: str, history: History, accuracy: float | None = None) -> Run:
    """The run that a fit was, with its losses and accuracies by epoch; accuracy stands for that of the last epoch."""
    losses, accuracies = history.loss.tolist(), history.accuracy.tolist()
    return Run(
        mode, setting, history.updates, history.seconds, losses[-1], accuracies[-1] if accuracy is None else accuracy,
        trace={"loss_by_epoch": losses, "accuracy_by_epoch": accuracies},
    )  # fmt: skip


def path(history: History) -> Array:
    """The parameters that a fit has recorded, (m, n_params)."""
    assert history.recording is not None
    return history.recording.theta
