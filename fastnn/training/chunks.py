"""Length of the chunks of a training, between which Python looks around."""

_CHUNK_SECONDS = 0.03
# Parameters visited in the first chunk, or vectors of them, which takes far less than a
# chunk's time.
_FIRST_CHUNK = 400_000


class ChunkSizer:
    """Number of samples in a chunk: few at first, then what takes `_CHUNK_SECONDS`.

    visited: the parameters that a sample visits, or vectors of them.
    """

    def __init__(self, visited: int) -> None:
        self.samples = max(1, _FIRST_CHUNK // visited)

    def adapt(self, samples: int, seconds: float) -> None:
        """Adapt to a chunk of that many samples, which took that many seconds."""
        fitting = int(samples * _CHUNK_SECONDS / max(seconds, 1e-6))
        self.samples = min(max(fitting, 1), 4 * self.samples)
