"""Experiments that train nothing, and a parser for the pages of their reports."""

import time
from html.parser import HTMLParser

import numpy as np

from fastnn.experiments.outcome import (
    Experiment,
    Film,
    Finding,
    Options,
    Outcome,
    Picture,
    Run,
)
from fastnn.experiments.report import run

CURSE = '<script>alert("&")</script>'


def outcome(name, good=True):
    """Return an outcome with two runs, a finding of each kind, a picture and a film.

    The second finding is ok if `good`.
    """

    def draw(figure):
        figure.subplots().plot([1, 2, 3])

    def film(figure):
        (line,) = figure.subplots().plot([0, 1, 2], [0, 0, 0])
        line.axes.set_ylim(0, 5)
        return lambda frame: line.set_ydata([0, frame, frame + 1])

    losses = np.array([0.7, 0.123456789012345])
    runs = [
        Run(
            "one net",
            "2-2-1 sigmoid, one sample after another, lr 0.25",
            500_000,
            0.0251,
            losses[-1],
            0.986,
            trace={"loss_by_epoch": losses, "counts": [np.int64(3), float("inf")]},
        ),
        Run(
            "a thousand nets",
            "the same from other seeds",
            1_234_567_890,
            61.5,
            float("nan"),
            float("nan"),
            1000,
        ),
    ]
    findings = [
        Finding(
            "loss after epoch 1",
            "0.30375386576179497",
            "0.30375386576179501",
            "equal to 15 digits",
            "equal",
        ),
        Finding(
            "does it fail?",
            "yes, it does",
            f"no {CURSE}",
            "its rows are in another order",
            "differs",
            good,
        ),
        Finding(
            "loss at the end",
            "0.25",
            "0.1 / 0.2 / 0.3",
            "at percentile 50 of 7 seeds",
            "among",
        ),
        Finding(
            "loss in epoch 2", "not shown", "0.27", "equal to plain Python", "ours"
        ),
    ]
    caption, alt = f"The loss of {name} {CURSE}", "A line that rises from 1 to 3."
    picture = Picture(f"{name}-loss", caption, (4.0, 3.0), draw, alt)
    return Outcome(
        runs,
        findings,
        [picture],
        [Film(f"{name}-film", f"{name} moves", (3.0, 2.0), 3, film)],
        ["The first paragraph.", f"The second, with {CURSE} and `a * b` in it."],
    )


def experiment(name, good=True, run=None):
    def run_it(options, say):
        say("[/red] training")
        return outcome(name, good)

    return Experiment(
        name,
        f"The {name} of {CURSE}",
        f'A. Author, "{name} 구현하기", https://example.org/{name}',
        f"Does {name} learn?",
        run or run_it,
    )


def reproduce(folder, *experiments, film=True, command="fastnn reproduce --film"):
    return run.reproduce(
        experiments, folder, Options(seed=3), film, command, time.perf_counter() - 1000
    )


class Page(HTMLParser):
    """Parser of a page: collects its elements and text, and checks closing tags."""

    EMPTY = ("meta", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]
