"""The parts of an experiment: its options, and its runs, findings and pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["equal", "among", "differs", "ours"]
Say = Callable[[str], None]  # is called with a few words about the step that begins

_BLOCK = 1000  # the most seeds that one experiment uses


@dataclass(frozen=True)
class Options:
    """The options of a user: the seed where a page sets none, and whether to hurry."""

    seed: int = 0
    quick: bool = False

    @property
    def n_seeds(self) -> int:
        """The number of nets that make a distribution."""
        return 100 if self.quick else 1000

    def seeds(self, n: int | None = None) -> range:
        """Return the first n seeds, `n_seeds` by default, of the block for this seed.

        Blocks do not overlap. `np.random.RandomState` takes seeds below 2**32, so after
        the last whole block the first one follows again.

        >>> Options(seed=5).seeds()
        range(5000, 6000)
        """
        first = self.seed % (2**32 // _BLOCK) * _BLOCK
        return range(first, first + (self.n_seeds if n is None else n))


@dataclass(frozen=True)
class Run:
    """One training, of one net or of many nets at once.

    mode, setting: which training it is, and the net and how it was trained
    updates, seconds: the totals over all nets
    loss: the mean loss during the last epoch, before its updates
    accuracy: the share of points that the trained net classifies correctly
    nets: the number of nets; loss and accuracy are NaN if there are many
    trace: further sequences for `results.json`, such as {"loss": [...]}
    final_loss: the mean loss of the trained net over all points, the moment of
        `accuracy`; None if `loss` is that already
    """

    mode: str
    setting: str
    updates: int
    seconds: float
    loss: float
    accuracy: float
    nets: int = 1
    trace: Mapping[str, Sequence[float]] = field(default_factory=dict)
    final_loss: float | None = None

    @property
    def ns_per_update(self) -> float:
        """Nanoseconds per update, including everything else that a fit does."""
        return self.seconds / self.updates * 1e9


@dataclass(frozen=True)
class Finding:
    """A number or a claim of a page, and what this reproduction found for it.

    kind: "equal" if the page, or its code when run, gives a number to be reproduced;
        "among" if no seed fixes the number, so that it is placed among those of many
        seeds; "differs" if the page is contradicted or shows something else, for the
        reason in `verdict`; "ours" if the page has nothing to compare with
    ok: False if this reproduction fails
    """

    what: str
    page: str
    found: str
    verdict: str
    kind: Kind
    ok: bool = True


@dataclass(frozen=True)
class Picture:
    """A picture, written to `name`.png.

    `draw` fills an empty figure of `size` (width, height) in inches, whose layout is
    "constrained", in the style that matplotlib is set to, which may be dark. `alt`
    tells those who cannot see the picture what it shows.
    """

    name: str
    caption: str
    size: tuple[float, float]
    draw: Callable[["Figure"], None]
    alt: str = ""


@dataclass(frozen=True)
class Film:
    """An animation, written to `name`.gif.

    `draw` prepares a figure of `size` (width, height) in inches, and returns a function
    that shows frame 0 ... n_frames - 1 in it. All frames have the layout of the first.
    `alt` is as for a picture.
    """

    name: str
    caption: str
    size: tuple[float, float]
    n_frames: int
    draw: Callable[["Figure"], Callable[[int], None]]
    alt: str = ""


@dataclass(frozen=True)
class Outcome:
    """All results of an experiment; `conclusion` states them in paragraphs."""

    runs: Sequence[Run]
    findings: Sequence[Finding]
    pictures: Sequence[Picture]
    films: Sequence[Film]
    conclusion: Sequence[str]

    @property
    def ok(self) -> bool:
        """True if no finding fails."""
        return all(finding.ok for finding in self.findings)


@dataclass(frozen=True)
class Experiment:
    """A published experiment: its source, its question, and the function to run it."""

    name: str
    title: str
    source: str
    question: str
    run: Callable[[Options, Say], Outcome]
