import signal

import matplotlib
import pytest

matplotlib.use("Agg")
signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a shell starts what runs in the background without it

collect_ignore = ["make_golden.py", "torch_nets.py"]  # no tests, and they need torch


@pytest.fixture
def chunks(monkeypatch):
    """Make every chunk of training a given number of samples long."""
    from fastnn import lanes, training

    def set_length(samples):
        class Pace:
            def __init__(self, n_params):
                self.samples = samples

            def learn(self, samples, seconds):
                pass

        monkeypatch.setattr(training, "Pace", Pace)
        monkeypatch.setattr(lanes, "Pace", Pace)

    return set_length
