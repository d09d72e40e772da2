"""What an experiment is, and what it gives back: trainings, findings, pictures and films."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["equal", "among", "differs", "ours"]
Say = Callable[[str], None]  # is told what begins now, in a few words


@dataclass(frozen=True)
class Options:
    """What a user may choose: the seed of all that no page fixes, and whether fewer seeds will do."""

    seed: int = 0
    quick: bool = False

    @property
    def n_seeds(self) -> int:
        """How many nets make a distribution."""
        return 100 if self.quick else 1000


@dataclass(frozen=True)
class Run:
    """One training, or one of many nets at once.

    setting tells the net and how it was trained; updates and seconds are those of all nets together; loss and accuracy
    are those that stand in the table: the mean loss of the last epoch, before its updates, and the share of points that
    the trained net gets right; NaN where many nets have many. trace is what `results.json` keeps besides,
    such as {"loss_by_epoch": [...]}.
    """

    mode: str
    setting: str
    updates: int
    seconds: float
    loss: float
    accuracy: float
    nets: int = 1
    trace: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def ns_per_update(self) -> float:
        """Nanoseconds an update, all that a fit does included."""
        return self.seconds / self.updates * 1e9


@dataclass(frozen=True)
class Finding:
    """A number, or a claim, of the page beside ours.

    kind is "equal" where the page shows a number, or its code gives one when it is run, and it is to be reproduced;
    "among" where no seed fixes it and it is placed among those of many seeds; "differs" where the page is contradicted,
    or shows something else, and the verdict says why; "ours" where the page has nothing to compare. ok is False where
    this reproduction fails.
    """

    what: str
    page: str
    found: str
    verdict: str
    kind: Kind
    ok: bool = True


@dataclass(frozen=True)
class Picture:
    """A picture of so many inches; `draw` fills an empty figure, laid out by "constrained". Its file is `name`.png."""

    name: str
    caption: str
    size: tuple[float, float]
    draw: Callable[["Figure"], None]


@dataclass(frozen=True)
class Film:
    """An animation of so many inches: `draw` prepares a figure, and returns what shows frame 0 ... n_frames - 1.

    All frames are laid out as the first one. The file is `name`.gif.
    """

    name: str
    caption: str
    size: tuple[float, float]
    n_frames: int
    draw: Callable[["Figure"], Callable[[int], None]]


@dataclass(frozen=True)
class Outcome:
    """All that came out; `conclusion` is what we find, in paragraphs."""

    runs: Sequence[Run]
    findings: Sequence[Finding]
    pictures: Sequence[Picture]
    films: Sequence[Film]
    conclusion: Sequence[str]

    @property
    def ok(self) -> bool:
        """True where all findings are as they should be."""
        return all(finding.ok for finding in self.findings)


@dataclass(frozen=True)
class Experiment:
    """A published experiment: where it is from, what it asks, and what runs it."""

    name: str
    title: str
    source: str
    question: str
    run: Callable[[Options, Say], Outcome]
