"""What a report tells, a chapter for each experiment, and how its numbers and verdicts are worded."""

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
    """An experiment, what came out of it, and the files of its pictures and films: their names and contents."""

    experiment: Experiment
    outcome: Outcome
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Report:
    """All that one call of `fastnn reproduce` has to tell; seconds is the time of all of it."""

    chapters: Sequence[Chapter]
    command: str
    date: str
    seconds: float
    made_with: Mapping[str, str]

    @property
    def training_seconds(self) -> float:
        """How long the trainings took."""
        return sum(
            run.seconds for chapter in self.chapters for run in chapter.outcome.runs
        )

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """All findings, each with the name of its experiment."""
        return [
            (chapter.experiment.name, each)
            for chapter in self.chapters
            for each in chapter.outcome.findings
        ]

    @property
    def failures(self) -> list[tuple[str, Finding]]:
        """The findings that are not as they should be, each with the name of its experiment."""
        return [(name, finding) for name, finding in self.findings if not finding.ok]

    @property
    def summary(self) -> str:
        """How many findings there are, and what came of them."""
        kinds = Counter(_kind(finding) for _, finding in self.findings)
        return (
            f"{count(kinds.total(), 'finding')}: {kinds['equal']} equal to the page, {kinds['among']} placed among "
            f"many seeds, {kinds['differs']} differ for a reason that is given, {count(kinds['ours'], 'check')} of "
            f"our own, {kinds['fails']} fail"
        )


def verdict(finding: Finding) -> tuple[str, str, str]:
    """Its kind, or "fails"; a sign and a word for that; and what follows them.

    >>> verdict(Finding("loss", "0.1", "0.1", "equal to all digits", "equal"))
    ('equal', '✓ equal', ' to all digits')
    >>> verdict(Finding("loss", "0.1", "0.2", "another order", "differs"))
    ('differs', '≠ differs', ': another order')
    """
    kind = _kind(finding)
    word, said = _WORDS[kind], finding.verdict
    return (
        kind,
        f"{_MARKS[kind]} {word}",
        said.removeprefix(word) if said.startswith(word) else f": {said}",
    )


def row(run: Run) -> tuple[str, ...]:
    """A training as text, under RUN_TITLES; empty what is not known."""
    loss = "" if math.isnan(run.loss) else f"{run.loss:.6g}"
    accuracy = "" if math.isnan(run.accuracy) else f"{run.accuracy:.4f}"
    took = (
        f"{run.seconds:,.2f} s" if run.seconds >= 1 else f"{run.seconds * 1e3:,.1f} ms"
    )
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


def count(number: int, what: str) -> str:
    """So many things in words.

    >>> count(1, "film"), count(1000, "film")
    ('1 film', '1,000 films')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _kind(finding: Finding) -> str:
    return finding.kind if finding.ok else "fails"
