import signal

import matplotlib
import pytest

matplotlib.use("Agg")
# A shell starts background jobs with SIGINT ignored; then Ctrl-C would do nothing here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# They contain no tests, and they need PyTorch.
collect_ignore = ["nn/make_golden.py", "torch_nets.py"]


@pytest.fixture
def chunks(monkeypatch):
    """Return a function that fixes the length of all chunks, in samples."""
    from fastnn.sweeps import blocks
    from fastnn.training import trainer

    class FixedChunks:
        """Stands for `ChunkSizer`, which would measure the time of each chunk."""

        def __init__(self, n_params):
            pass

        def adapt(self, samples, seconds):
            pass

    def fix_length(samples):
        FixedChunks.samples = samples
        monkeypatch.setattr(trainer, "ChunkSizer", FixedChunks)
        monkeypatch.setattr(blocks, "ChunkSizer", FixedChunks)

    return fix_length
