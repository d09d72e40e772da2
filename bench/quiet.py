"""Whether a processor does nothing else: then a fixed loop takes its usual time.

On a rented machine the programs of others share the processor for milliseconds or
minutes, and meanwhile all work takes up to twice its time.
"""

import math
import time

# The loop takes 1.0 to 1.2 times its least time in all processes, and if something
# else runs 1.4 to 2.1.
TOLERANCE = 1.3


def loop_seconds() -> float:
    """Return the seconds of a fixed loop, about 0.001: the least of three.

    Right after other work the first takes up to 1.5 times as long, with cold caches.
    """
    times = []
    for _ in range(3):
        started, total = time.perf_counter(), 0
        for i in range(20_000):
            total += i * i
        times.append(time.perf_counter() - started)
    return min(times)


class Usual:
    """The usual time of the loop: its least of all so far."""

    def __init__(self, seconds: float = 0.0) -> None:
        """Run the loop for so many seconds, to know its usual time."""
        self.least = math.inf
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.is_quiet(loop_seconds())

    def is_quiet(self, seconds: float) -> bool:
        """Return whether a loop that took so long was not disturbed."""
        self.least = min(self.least, seconds)
        return seconds <= TOLERANCE * self.least
