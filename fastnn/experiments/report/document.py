"""A report with one chapter per experiment, and the wording of its numbers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..outcome import Experiment, Finding, Outcome, Run

RUN_TITLES = (
    "training mode",
    "setting",
    "nets",
    "updates",
    "loss",
    "accuracy",
    "time",
    "ns/update",
)
RUN_NOTE = (
    "Loss (mean) and accuracy are those of the net after training, over all points; "
    "trainings of many nets have none of their own. ns/update: nanoseconds per update "
    "of one net."
)
FINDING_TITLES = ("what is compared", "the page", "found", "verdict")
_MARKS = {"equal": "✓", "among": "~", "differs": "≠", "ours": "•", "fails": "✗"}
_WORDS = {
    "equal": "equal",
    "among": "in range",
    "differs": "differs",
    "ours": "own check",
    "fails": "FAILS",
}
_MEANINGS = {
    "equal": "the page's value is reproduced, to the digits that are shown",
    "among": "the page's value depends on chance, and lies among those of many seeds",
    "differs": "the page shows something else, for the reason that is given",
    "ours": "a check of our own: the page has nothing to compare with",
    "fails": "this reproduction is wrong",
}


@dataclass(frozen=True)
class Chapter:
    """An experiment, its outcome, and the contents of its images.

    files: by the names of their files
    dark: the pictures for dark screens, by the pictures' names
    """

    experiment: Experiment
    outcome: Outcome
    files: Mapping[str, bytes]
    dark: Mapping[str, bytes] = field(default_factory=dict)


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
        found = Counter(_kind(finding) for _, finding in self.findings)
        return (
            f"{count(found.total(), 'finding')}: {found['equal']} equal to the page, "
            f"{found['among']} in the range of many seeds, {found['differs']} "
            f"different for a stated reason, {count(found['ours'], 'check')} of our "
            f"own, {found['fails']} failed"
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


def kinds(failed: bool) -> list[tuple[str, str, str]]:
    """Return the kinds of findings: each with its mark and word, and its meaning.

    failed: whether findings that fail are among them
    """
    return [
        (kind, f"{_MARKS[kind]} {_WORDS[kind]}", meaning)
        for kind, meaning in _MEANINGS.items()
        if failed or kind != "fails"
    ]


def row(run: Run) -> tuple[str, ...]:
    """Return the cells of a run under RUN_TITLES, empty for numbers that are NaN."""
    final_loss = run.loss if run.final_loss is None else run.final_loss
    loss = "" if math.isnan(final_loss) else f"{final_loss:.6g}"
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
