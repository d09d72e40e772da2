"""A share of nets, and how well so many nets tell it."""

from math import sqrt

_Z = 1.959963984540054  # of a normal distribution 95 % lie within so many standard deviations


class Proportion(float):
    """A share of nets; low and high are its 95 % interval by Wilson (1927), in which the true share may lie.

    >>> Rate(15, 40)
    0.375 (0.2422 to 0.5297)
    """

    low: float
    high: float
    _counts: tuple[int, int]

    def __new__(cls, successes: int, n: int) -> "Proportion":
        """The share of so many successes in n, which is at least 1."""
        share = successes / n
        rate = super().__new__(cls, share)
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        reach = (
            _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        )
        rate.low = (
            max(0.0, middle - reach) if successes else 0.0
        )  # rounding would leave 1e-17
        rate.high = min(1.0, middle + reach) if successes < n else 1.0
        rate._counts = successes, n
        return rate

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]  # what __new__ takes
        return self._counts

    def __repr__(self) -> str:
        return f"{float(self):.4g} ({self.low:.4g} to {self.high:.4g})"
