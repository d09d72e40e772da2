"""One logistic neuron on one input, trained sample by sample, with its curve drawn after every update.

The page is a blog post of Yelim Kim, "Backpropagation 코드실습", of 12 July 2023. It sets no seed and keeps no number:
its picture is what can be reproduced, and how that varies from seed to seed. It first makes data around 7 and shows an
untrained neuron there, then trains around 0. What training around 7 does tells why that is the better place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import datasets
from ..arrays import Array
from ..history import History
from ..model import Sequential, mlp
from .compare import recorded
from .drawing import COLORS, film_updates
from .outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N, EPOCHS, LR = 100, 10, 0.01
FIRST, ALL, LAST = COLORS[2], COLORS[5], COLORS[1]  # the page's green, sky blue and red
POINTS = (COLORS[1], COLORS[0])  # and its red and blue


@dataclass(frozen=True, eq=False)
class Case:
    """Data and a neuron, drawn as the page does it: inputs, w, b. The neuron may be given standardised inputs."""

    boundary: float
    standardised: bool
    x: Array
    y: Array
    theta: Array

    @classmethod
    def draw(cls, boundary: float, standardised: bool, seed: int) -> "Case":
        """The case that a seed gives."""
        X, y = datasets.threshold(N, boundary, "pos", seed)
        rng = np.random.RandomState(seed)
        rng.normal(boundary, 2.0, N)  # these are X
        return cls(boundary, standardised, X[:, 0], y, np.concatenate([rng.normal(0, 1, 1), rng.normal(0, 1, 1)]))

    @property
    def name(self) -> str:
        """Which data, in words."""
        return f"boundary {self.boundary:g}" + (", standardised" if self.standardised else "")

    def inputs(self, x: Array) -> Array:
        """What the neuron sees of x, as rows (n, 1)."""
        return ((x - self.x.mean()) / self.x.std() if self.standardised else x)[:, np.newaxis]

    def train(self, record: int | None = None) -> tuple[Sequential, History]:
        """The page's training: in the order of the data, an update a sample."""
        neuron = mlp(1, 1, loss="bce", init=[self.theta[:1, np.newaxis], self.theta[1:]])
        return neuron, neuron.fit(
            self.inputs(self.x), self.y, epochs=EPOCHS, lr=LR, shuffle=False, record=record, progress=False
        )

    def curves(self, thetas: Array) -> tuple[Array, Array]:
        """100 places (100,) across the data, and the neuron's answer there for each theta (n, 2)."""
        low, high = self.x.min(), self.x.max()
        x = np.linspace(low - 0.05 * (high - low), high + 0.05 * (high - low), 100)
        return x, 1.0 / (1.0 + np.exp(-(thetas[:, :1] * self.inputs(x)[:, 0] + thetas[:, 1:])))

    def learned(self, theta: Array) -> float:
        """Where the neuron changes its answer: how far from the boundary."""
        place = -theta[1] / theta[0]
        return float((place * self.x.std() + self.x.mean() if self.standardised else place) - self.boundary)

    def steepness(self) -> float:
        """How many times more the loss bends along one direction of the plane (w, b) than along the other."""
        return float(np.linalg.cond(np.hstack([self.inputs(self.x), np.ones((N, 1))])) ** 2)


CASES = ((0.0, False), (7.0, False), (7.0, True))


def run(options: Options, say: Say) -> Outcome:
    """The page's neuron around 0, and around 7, as it is and with standardised inputs."""
    cases = [Case.draw(*case, options.seed) for case in CASES]
    runs, findings, trained, spreads = [], [], [], []
    for case in cases:
        say(f"{case.name}: {EPOCHS * N:,} updates")
        neuron, history = case.train(record=1)
        trained.append(history)
        runs.append(
            Run(
                case.name, f"one neuron, per sample, in order, lr {LR}", history.updates, history.seconds,
                float(history.loss[-1]), neuron.score(case.inputs(case.x), case.y),
                trace={"loss_by_epoch": history.loss.tolist(), "accuracy_by_epoch": history.accuracy.tolist()},
            )
        )  # fmt: skip
    curves = len(recorded(trained[0])) - 1
    findings.append(
        Finding(
            "boundary 0: curves drawn while training", "1,000, one an update", f"{curves:,}",
            "equal" if curves == 1000 else "NOT equal", curves == 1000,
        )
    )  # fmt: skip
    untrained = _losses(cases[1], cases[1].theta[np.newaxis])
    findings.append(
        Finding(
            "boundary 7: losses of the untrained neuron", "printed one by one, from no seed",
            f"mean {untrained.mean():.3f}, from {untrained.min():.3f} to {untrained.max():.3f}",
            "the page's numbers are not kept: other seeds, other losses",
        )
    )  # fmt: skip

    for case, n in zip(cases, (options.n_seeds, options.n_seeds // 5, options.n_seeds // 5), strict=True):
        say(f"{case.name}: data and neurons from {n:,} seeds")
        spread = _spread(case, n, options.seed)
        spreads.append(spread)
        loss, accuracy, learned = (np.quantile(column, (0.05, 0.5, 0.95)) for column in spread.T)
        findings.append(
            Finding(
                f"{case.name}: after training, from {n:,} seeds", "a picture" if case is cases[0] else "not trained",
                f"loss {loss[1]:.3f} ({loss[0]:.3f} to {loss[2]:.3f}), "
                f"accuracy {accuracy[1]:.2f} ({accuracy[0]:.2f} to {accuracy[2]:.2f}), "
                f"boundary {learned[1]:+.2f} ({learned[0]:+.2f} to {learned[2]:+.2f}) from the true one",
                "median, and where 90% of the seeds are",
            )
        )  # fmt: skip

    bends = [case.steepness() for case in cases]
    return Outcome(
        runs,
        findings,
        [
            Picture(
                "logistic-1d-forward", "Around 7, before training: the data, the neuron, its loss on each sample.",
                (10, 3.2), lambda figure: _forward(figure, cases[1]),
            ),
            Picture(
                "logistic-1d", "The neuron's curve at first, after each of 1,000 updates (sky blue), and at last.",
                (12, 3.6), lambda figure: _curves(figure, cases, trained),
            ),
            Picture(
                "logistic-1d-valley", "The same trainings as paths over the mean loss (dark: low).", (12, 3.9),
                lambda figure: _valleys(figure, cases, trained),
            ),
            Picture(
                "logistic-1d-seeds", "What becomes of it from other seeds.", (10, 3.2),
                lambda figure: _seeds(figure, cases, spreads),
            ),
        ],
        [
            Film(
                "logistic-1d", "The neuron's curve while it trains.", (11, 3.6), len(film_updates(EPOCHS * N, 80)),
                lambda figure: _film(figure, cases, trained),
            )
        ],
        [
            "Around 0 the neuron finds the boundary within ten epochs, from nearly any seed. The page has no seed and "
            "no numbers of this training; its picture is the first of the three.",
            "Around 7, where the page begins, the same training fails. All inputs are large and alike there, so a "
            "change of w does nearly what a change of b does: the loss is a narrow valley along b = -7 w, and bends "
            f"{bends[1]:,.0f} times more across than along it (around 0, {bends[0]:.0f} times). The neuron soon goes "
            f"to and fro between the walls, and at a rate of {LR} hardly moves along the floor.",
            "As it should be: subtract the mean of the inputs and divide by their deviation. The valley is then a "
            "round bowl, and the same 1,000 updates find the boundary at 7 as well.",
        ],
    )  # fmt: skip


def _losses(case: Case, thetas: Array) -> Array:
    """The loss of each sample, for each theta: (n, N)."""
    z = thetas[:, :1] * case.inputs(case.x)[:, 0] + thetas[:, 1:]
    return np.log1p(np.exp(np.where(case.y == 1, -z, z)))


def _spread(case: Case, n: int, first: int) -> Array:
    """(n, 3): the loss in the last epoch, the accuracy after it, and how far off the boundary is, for n seeds."""
    rows = np.empty((n, 3))
    for row, seed in zip(rows, range(first, first + n), strict=True):
        other = Case.draw(case.boundary, case.standardised, seed)
        neuron, history = other.train()
        row[:] = history.loss[-1], neuron.score(other.inputs(other.x), other.y), other.learned(neuron.theta)
    return rows


def _points(ax: "Axes", case: Case) -> None:
    for label, color in enumerate(POINTS):
        x = case.x[case.y == label]
        ax.scatter(x, np.full(len(x), label), s=18, color=color, edgecolors="white", linewidths=0.4, zorder=4)
    ax.set(xlabel="x", ylim=(-0.07, 1.07))
    ax.spines[["top", "right"]].set_visible(False)


def _forward(figure: "Figure", case: Case) -> None:
    left, right = figure.subplots(1, 2)
    _points(left, case)
    x, curves = case.curves(case.theta[np.newaxis])
    left.plot(x, curves[0], color=FIRST)
    left.set(title="untrained", ylabel="answer")
    losses = _losses(case, case.theta[np.newaxis])[0]
    for label, color in enumerate(POINTS):
        chosen = np.flatnonzero(case.y == label)
        right.vlines(chosen, 0.0, losses[chosen], color=color, linewidth=1.5, label=f"label {label}")
    right.set(title="its loss on each sample", xlabel="sample", ylabel="loss", ylim=(0.0, None))
    right.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)


def _curves(figure: "Figure", cases: list[Case], trained: list[History]) -> None:
    from matplotlib.collections import LineCollection

    for ax, case, history in zip(figure.subplots(1, 3, sharey=True), cases, trained, strict=True):
        x, curves = case.curves(recorded(history))
        lines = [np.stack([x, curve], axis=1) for curve in curves[1:]]
        ax.add_collection(LineCollection(lines, colors=ALL, linewidths=0.6, alpha=0.35))
        ax.plot(x, curves[0], color=FIRST, label="at first")
        ax.plot(x, curves[-1], color=LAST, label="at last")
        _points(ax, case)
        ax.set_title(case.name)
        ax.axvline(case.boundary, color="black", linestyle=":", linewidth=0.8)
    figure.axes[0].set_ylabel("answer")
    figure.axes[0].legend(frameon=False, loc="center left")


def _valleys(figure: "Figure", cases: list[Case], trained: list[History]) -> None:
    for ax, case, history in zip(figure.subplots(1, 3), cases, trained, strict=True):
        way = recorded(history)
        middle, half = (way.max(axis=0) + way.min(axis=0)) / 2, max(1.2, 0.75 * np.ptp(way, axis=0).max())
        w, b = np.meshgrid(*(np.linspace(centre - half, centre + half, 60) for centre in middle))
        losses = _losses(case, np.stack([w.ravel(), b.ravel()], axis=1)).mean(axis=1)
        ax.contourf(w, b, np.log(losses).reshape(w.shape), levels=20, cmap="cividis")
        ax.plot(*way.T, color="white", linewidth=1.2)
        ax.plot(*way[0], "o", color=FIRST, markeredgecolor="white", label="at first")
        ax.plot(*way[-1], "o", color=LAST, markeredgecolor="white", label="at last")
        ax.set(title=case.name, xlabel="w", ylabel="b", aspect="equal")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)


def _seeds(figure: "Figure", cases: list[Case], spreads: list[Array]) -> None:
    left, right = figure.subplots(1, 2)
    for case, spread, color in zip(cases, spreads, (COLORS[0], COLORS[1], COLORS[2]), strict=True):
        share = np.full(len(spread), 1.0 / len(spread))
        settings = {"weights": share, "color": color, "alpha": 0.45, "histtype": "stepfilled", "edgecolor": color}
        left.hist(spread[:, 0], bins=np.linspace(0.0, 1.0, 51), label=case.name, **settings)
        right.hist(spread[:, 2].clip(-4.99, 4.99), bins=np.linspace(-5.0, 5.0, 51), **settings)
    left.set(xlabel="mean loss in the last epoch", ylabel="share of seeds")
    right.set(xlabel="learned boundary, from the true one (outermost: farther)", ylabel="share of seeds")
    left.legend(frameon=False)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)


def _film(figure: "Figure", cases: list[Case], trained: list[History]) -> Callable[[int], None]:
    from matplotlib.collections import LineCollection

    updates = film_updates(EPOCHS * N, 80)
    panels = []
    for ax, case, history in zip(figure.subplots(1, 3, sharey=True), cases, trained, strict=True):
        x, curves = case.curves(recorded(history)[updates])
        earlier = LineCollection([], colors=ALL, linewidths=0.8, alpha=0.5)
        ax.add_collection(earlier)
        ax.plot(x, curves[0], color=FIRST)
        (now,) = ax.plot(x, curves[0], color=LAST)
        _points(ax, case)
        panels.append((ax, case, np.stack([np.broadcast_to(x, curves.shape), curves], axis=2), earlier, now))
    figure.axes[0].set_ylabel("answer")

    def show(frame: int) -> None:
        for ax, case, lines, earlier, now in panels:
            earlier.set_segments(list(lines[:frame]))
            now.set_ydata(lines[frame, :, 1])
            ax.set_title(f"{case.name}\nupdate {updates[frame]:,}")

    return show


EXPERIMENT = Experiment(
    name="logistic-1d",
    title="One logistic neuron on one input, an update a sample",
    source='Yelim Kim, "Backpropagation 코드실습", blog post of 12 July 2023',
    question="How does the curve of a neuron move while it learns a threshold, and does it matter where that lies?",
    run=run,
)
