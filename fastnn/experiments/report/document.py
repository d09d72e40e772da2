"""A report with one chapter per experiment, and the wording of its numbers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..outcome import Experiment, Finding, Outcome, Run

RUN_TITLES = (
    "mode",
    "setting",
    "nets",
    "updates",
    "loss",
    "accuracy",
    "time",
    "ns/update",
)
FINDING_TITLES = ("finding", "the page", "found", "verdict")
_MARKS = {"equal": "✓", "among": "~", "differs": "≠", "ours": "•", "fails": "✗"}
_WORDS = {
    "equal": "equal",
    "among": "placed",
    "differs": "differs",
    "ours": "ours",
    "fails": "FAILS",
}


@dataclass(frozen=True)
class Chapter:
    """An experiment, its outcome, and the contents of its image files by name."""

    experiment: Experiment
    outcome: Outcome
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Report:
    """The results of one call of `fastnn reproduce`; seconds is its total time."""

    chapters: Sequence[Chapter]
    command: str
    date: str
    seconds: float
    made_with: Mapping[str, str]

    @property
    def training_seconds(self) -> float:
        """The time that the trainings took."""
        return sum(
            run.seconds for chapter in self.chapters for run in chapter.outcome.runs
        )

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """All findings, each with the name of its experiment."""
        return [
            (chapter.experiment.name, finding)
            for chapter in self.chapters
            for finding in chapter.outcome.findings
        ]

    @property
    def failures(self) -> list[tuple[str, Finding]]:
        """The findings that fail, each with the name of its experiment."""
        return [(name, finding) for name, finding in self.findings if not finding.ok]

    @property
    def summary(self) -> str:
        """The number of findings of each kind, as text."""
        kinds = Counter(_kind(finding) for _, finding in self.findings)
        return (
            f"{count(kinds.total(), 'finding')}: {kinds['equal']} equal to the page, "
            f"{kinds['among']} placed among many seeds, {kinds['differs']} different "
            f"for a stated reason, {count(kinds['ours'], 'check')} of our own, "
            f"{kinds['fails']} failed"
        )


def verdict(finding: Finding) -> tuple[str, str, str]:
    """Return a finding's kind or "fails", the mark and word for that, and the rest.

    >>> verdict(Finding("loss", "0.1", "0.1", "equal to all digits", "equal"))
    ('equal', '✓ equal', ' to all digits')
    >>> verdict(Finding("loss", "0.1", "0.2", "another order", "differs"))
    ('differs', '≠ differs', ': another order')
    """
    kind, text = _kind(finding), finding.verdict
    word = _WORDS[kind]
    rest = text.removeprefix(word) if text.startswith(word) else f": {text}"
    return kind, f"{_MARKS[kind]} {word}", rest


def row(run: Run) -> tuple[str, ...]:
    """Return the cells of a run under RUN_TITLES, empty for numbers that are NaN."""
    loss = "" if math.isnan(run.loss) else f"{run.loss:.6g}"
    accuracy = "" if math.isnan(run.accuracy) else f"{run.accuracy:.4f}"
    short = run.seconds < 1
    took = f"{run.seconds * 1e3:,.1f} ms" if short else f"{run.seconds:,.2f} s"
    return (
        run.mode,
        run.setting,
        f"{run.nets:,}",
        f"{run.updates:,}",
        loss,
        accuracy,
        took,
        f"{run.ns_per_update:,.0f}",
    )


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "film"), count(1000, "film")
    ('1 film', '1,000 films')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _kind(finding: Finding) -> str:
    return finding.kind if finding.ok else "fails"
