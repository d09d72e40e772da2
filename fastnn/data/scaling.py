"""Warning of inputs that were never scaled, from which nets learn little.

The limits come from small nets on scikit-learn's data sets, raw and standardised. With
values beyond 100 sigmoids are saturated from the start (wine: accuracy 0.4 instead of
1.0; digits as 0 to 255: 0.1 instead of 0.97). A column whose range is a hundredth of
another's is hardly learned (iris: 0.76 instead of 0.99). Far from zero, all rows look
alike to a neuron (iris moved by 10 standard deviations: 0.33 to 0.7). Iris and digits
as they are, which nets do learn, stay below the limits, as does `datasets.threshold`.
"""

import math

from .arrays import Array
from .caller import warn_user
from .frames import Columns, shown_column

# Fewer rows are not judged; the ranges of fewer rows say nothing; of more rows than
# that, evenly spaced ones are taken.
_MIN_ROWS, _MIN_FOR_RANGES, _MAX_ROWS = 5, 20, 256
_LARGE, _RATIO, _FAR = 100.0, 100.0, 6.0


class ScalingWarning(UserWarning):
    """Columns of X were never scaled: very large, very unequal, or far from zero."""


def warn_of_scale(X: Array, columns: Columns | None) -> None:
    """Issue a `ScalingWarning` if X (n, n_in) should be standardised.

    The range of a column leaves out the lowest and the highest twentieth of its values,
    at least one of each, which may be outliers. X is unscaled if a range reaches beyond
    100; if one is more than 100 times as wide as another, one in a hundred columns not
    counted, such as the dark edge of a picture; or if its middle is farther from zero
    than 6 times half its width, unless that is 0. X of fewer than 5 rows is not judged,
    one of fewer than 20 only by large values, and of more than 256 rows evenly spaced
    ones are taken.
    """
    if len(X) < _MIN_ROWS:
        return
    by_column = X[:: -(-len(X) // _MAX_ROWS)].T.copy()
    by_column.sort(axis=1)
    outliers = max(1, by_column.shape[1] // 20)
    low = by_column[:, outliers].tolist()
    high = by_column[:, -1 - outliers].tolist()
    widths = [b - a for a, b in zip(low, high, strict=True)]
    if len(X) < _MIN_FOR_RANGES:
        widths = [0.0] * len(low)
    fine, narrowest, widest = True, math.inf, 0.0
    for a, b, width in zip(low, high, widths, strict=True):
        if width:
            narrowest, widest = min(narrowest, width), max(widest, width)
            fine = fine and -_FAR * width <= a + b <= _FAR * width
        fine = fine and a >= -_LARGE and b <= _LARGE
    if fine and widest <= _RATIO * narrowest:
        return
    faults = _faults(low, high, widths, columns)
    if not faults:  # only columns that do not count were narrow
        return
    steps = "standardise: mean, std = X.mean(axis=0), X.std(axis=0)"
    if constant := [i for i in range(len(low)) if low[i] == high[i]]:
        single = shown_column(constant[0], columns)
        steps = f"drop columns with a single value, such as {single}, and {steps}"
    warn_user(
        "X was not scaled, and nets learn little from such inputs: "
        f"{'; '.join(faults)}. Before the fit, {steps}; X = (X - mean) / std. Scale X "
        "by the same mean and std to predict",
        ScalingWarning,
    )


def _faults(
    low: list[float], high: list[float], widths: list[float], columns: Columns | None
) -> list[str]:
    """Return what is wrong with columns that lie from `low` to `high`."""
    sizes = [max(-a, b) for a, b in zip(low, high, strict=True)]
    distances = [
        abs(a + b) / width if width else 0.0
        for a, b, width in zip(low, high, widths, strict=True)
    ]
    ranges = sorted(width for width in widths if width) or [1.0]
    narrow = ranges[len(ranges) // 100]
    faults = []
    if (size := max(sizes)) > _LARGE:
        index = sizes.index(size)
        value = max(low[index], high[index], key=abs)
        column = shown_column(index, columns)
        faults.append(f"{column} has values such as {value:.4g}, beyond {_LARGE:g}")
    if ranges[-1] > _RATIO * narrow:
        wide = shown_column(widths.index(ranges[-1]), columns)
        other = shown_column(widths.index(narrow), columns)
        times = f"{ranges[-1] / narrow:.4g}"
        faults.append(f"the range of {wide} is {times} times that of {other}")
    if (distance := max(distances)) > _FAR:
        index = distances.index(distance)
        between = f"between {low[index]:.4g} and {high[index]:.4g}"
        faults.append(f"{shown_column(index, columns)} is {between}, far from zero")
    return faults
