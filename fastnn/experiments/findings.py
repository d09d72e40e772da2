"""Findings from numbers: equal to the page's, or placed among those of many seeds."""

from collections.abc import Sequence

import numpy as np

from ..data.arrays import Array
from .outcome import Finding


def equal(
    what: str,
    page: float | Sequence[float],
    found: float | Sequence[float] | Array,
    digits: int,
    source: str = "",
) -> Finding:
    """Check that values match the published ones to `digits` decimals.

    source says where the published values come from if the page does not print them,
    such as "its code, run".

    >>> equal("loss before training", 0.6931, 0.69314718, digits=4)
    Finding(what='loss before training', page='0.6931', found='0.6931',
            verdict='equal', kind='equal', ok=True)
    """
    published, ours = np.atleast_1d(page), np.atleast_1d(found)
    gap = float(np.abs(ours - published).max())
    # Half a unit of the last decimal, and a little for the rounding of that.
    same = gap <= 0.5000001 * 10.0**-digits
    texts = [
        ", ".join(f"{value:,.{digits}f}" for value in values)
        for values in (published, ours)
    ]
    return Finding(
        what,
        f"{texts[0]} ({source})" if source else texts[0],
        texts[1],
        "equal" if same else f"NOT equal: {gap:.0e} apart",
        "equal",
        same,
    )


def among(what: str, page: float, sample: Array, digits: int) -> Finding:
    """Place a published number among those of our seeds.

    It fails if the number lies outside a sample of 1,000 or more, or outside a smaller
    one by more than half its interquartile range.

    >>> among("loss", 0.2, np.array([0.1, 0.2, 0.3]), digits=2)
    Finding(what='loss', page='0.20',
            found='0.11 / 0.15 / 0.20 / 0.25 / 0.29 (percentiles 5, 25, 50, 75, 95)',
            verdict='at percentile 50 of 3 seeds', kind='among', ok=True)
    """
    margin = 0.0
    if len(sample) < 1000:
        quarter, three_quarters = np.quantile(sample, (0.25, 0.75))
        margin = (three_quarters - quarter) / 2
    return Finding(
        what,
        f"{page:,.{digits}f}",
        quantiles(sample, digits),
        percentile(page, sample),
        "among",
        bool(sample.min() - margin <= page <= sample.max() + margin),
    )


def quantiles(sample: Array, digits: int) -> str:
    """Return five quantiles of a sample as text.

    >>> quantiles(np.array([1.0, 2.0, 3.0]), digits=1)
    '1.1 / 1.5 / 2.0 / 2.5 / 2.9 (percentiles 5, 25, 50, 75, 95)'
    """
    values = np.quantile(sample, (0.05, 0.25, 0.5, 0.75, 0.95))
    texts = [f"{value:,.{digits}f}" for value in values]
    return f"{' / '.join(texts)} (percentiles 5, 25, 50, 75, 95)"


def percentile(value: float, sample: Array) -> str:
    """Return the percentile of a value in a sample with one number per seed, as text.

    >>> percentile(2.0, np.array([1.0, 3.0]))
    'at percentile 50 of 2 seeds'
    """
    rank = np.mean(sample < value) + 0.5 * np.mean(sample == value)
    return f"at percentile {100 * rank:.0f} of {len(sample):,} seeds"
