import signal

import matplotlib
import pytest

matplotlib.use("Agg")
signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a shell starts what runs in the background without it

collect_ignore = ["nn/make_golden.py", "torch_nets.py"]  # no tests, and they need torch


@pytest.fixture
def chunks(monkeypatch):
    """Make every chunk of training a given number of samples long."""
    from fastnn.sweep import blocks
    from fastnn.training import trainer

    def set_length(samples):
        class Pace:
            def __init__(self, n_params):
                self.samples = samples

            def measured(self, samples, seconds):
                pass

        monkeypatch.setattr(trainer, "ChunkSizer", Pace)
        monkeypatch.setattr(blocks, "ChunkSizer", Pace)

    return set_length
