import matplotlib
import pytest

matplotlib.use("Agg")

collect_ignore = ["make_golden.py", "torch_nets.py"]  # no tests, and they need torch


@pytest.fixture
def chunks(monkeypatch):
    """Make every chunk of training a given number of updates long."""
    from fastnn import training

    def set_length(updates):
        class Pace:
            def __init__(self, visits):
                self.updates = updates

            def learn(self, updates, seconds):
                pass

        monkeypatch.setattr(training, "Pace", Pace)

    return set_length
