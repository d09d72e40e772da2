"""One logistic neuron on one input, trained sample by sample, with its curve drawn after every update.

The page is a blog post of Yelim Kim, "Backpropagation 코드실습", of 12 July 2023. It sets no seed and keeps no number:
its picture is what can be reproduced, and how that varies from seed to seed. It first makes data around 7 and shows an
untrained neuron there, then trains around 0. What training around 7 does tells why that is the better place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ... import datasets
from ...data.arrays import Array
from ...model import Sequential, mlp
from ...plot import COLORS
from ...training.history import History
from ..drawing import film_updates, together
from ..findings import equal, recorded, seeds, training
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N, EPOCHS, LR = 100, 10, 0.01
RIGHT = (
    0.9  # the share of points from which on we say that a neuron has found the boundary
)
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
    def from_seed(cls, boundary: float, standardised: bool, seed: int) -> "Case":
        """The case that the page's code draws after `np.random.seed(seed)`."""
        X, y = datasets.threshold(N, boundary, "pos", seed)
        rng = np.random.RandomState(seed)
        rng.normal(boundary, 2.0, N)  # these are X
        return cls(
            boundary,
            standardised,
            X[:, 0],
            y,
            np.concatenate([rng.normal(0, 1, 1), rng.normal(0, 1, 1)]),
        )

    @property
    def name(self) -> str:
        """Which data, in words."""
        return f"boundary {self.boundary:g}" + (
            ", standardised" if self.standardised else ""
        )

    def inputs(self, x: Array) -> Array:
        """What the neuron sees of x, as rows (n, 1)."""
        return ((x - self.x.mean()) / self.x.std() if self.standardised else x)[
            :, np.newaxis
        ]

    def curves(self, thetas: Array) -> tuple[Array, Array]:
        """100 places (100,) across the data, and the neuron's answer there for each theta (n, 2)."""
        low, high = self.x.min(), self.x.max()
        x = np.linspace(low - 0.05 * (high - low), high + 0.05 * (high - low), 100)
        return x, 1.0 / (
            1.0 + np.exp(-(thetas[:, :1] * self.inputs(x)[:, 0] + thetas[:, 1:]))
        )

    def learned(self, theta: Array) -> float:
        """Where the neuron changes its answer: how far from the boundary."""
        place = -theta[1] / theta[0]
        return float(
            (place * self.x.std() + self.x.mean() if self.standardised else place)
            - self.boundary
        )

    def bends(self, theta: Array) -> float:
        """How many times more the mean loss bends along one direction of the plane (w, b) than along the other."""
        rows = np.hstack([self.inputs(self.x), np.ones((N, 1))])
        p = 1.0 / (1.0 + np.exp(-(rows @ theta)))
        return float(np.linalg.cond(rows.T @ (rows * (p * (1.0 - p))[:, np.newaxis])))

    def losses(self, thetas: Array) -> Array:
        """The loss of each sample, for each theta (n, 2): (n, N)."""
        z = thetas[:, :1] * self.inputs(self.x)[:, 0] + thetas[:, 1:]
        return np.log1p(np.exp(np.where(self.y == 1, -z, z)))


@dataclass(frozen=True, eq=False)
class Training:
    """A neuron after its training."""

    case: Case
    neuron: Sequential
    history: History

    @property
    def score(self) -> float:
        """The share of points that the neuron gets right."""
        return self.neuron.score(self.case.inputs(self.case.x), self.case.y)


CASES = ((0.0, False), (7.0, False), (7.0, True))


def train(case: Case, record: int | None = None) -> Training:
    """The page's training: in the order of the data, an update a sample."""
    neuron = mlp(1, 1, loss="bce", init=[case.theta[:1, np.newaxis], case.theta[1:]])
    history = neuron.fit(
        case.inputs(case.x),
        case.y,
        epochs=EPOCHS,
        lr=LR,
        shuffle=False,
        record=record,
        progress=False,
    )
    return Training(case, neuron, history)


def run(options: Options, say: Say) -> Outcome:
    """The page's neuron around 0, and around 7, as it is and with standardised inputs."""
    trainings, spreads = [], []
    for (boundary, standardised), n in zip(
        CASES,
        (options.n_seeds, options.n_seeds // 5, options.n_seeds // 5),
        strict=True,
    ):
        drawn = seeds(options, n)
        first = Case.from_seed(boundary, standardised, drawn[0])
        say(f"{first.name}: {EPOCHS * N:,} updates, and again from {n:,} seeds")
        trainings.append(train(first, record=1))
        spreads.append(
            _spread(
                [train(Case.from_seed(boundary, standardised, seed)) for seed in drawn]
            )
        )
    around_0, around_7, _ = trainings
    return Outcome(
        runs=[
            training(
                each.case.name,
                f"one neuron, per sample, in order, lr {LR}",
                each.history,
                each.score,
            )
            for each in trainings
        ],
        findings=[
            equal(
                "boundary 0: curves drawn while training, one an update",
                1000,
                len(recorded(around_0.history)) - 1,
                digits=0,
                source="its code, run",
            ),
            _untrained(around_7.case),
            *(
                _after(each.case, spread)
                for each, spread in zip(trainings, spreads, strict=True)
            ),
        ],
        pictures=[
            Picture(
                "logistic-1d-forward",
                "Around 7, before training: the data, the neuron, its loss on each sample.",
                (10, 3.2),
                lambda figure: _draw_forward(figure, around_7.case),
            ),
            Picture(
                "logistic-1d",
                "The neuron's curve at first, after each of 1,000 updates (sky blue), and at last; dotted: the true "
                "boundary.",
                (12, 3.6),
                lambda figure: _draw_curves(figure, trainings),
            ),
            Picture(
                "logistic-1d-valley",
                "The same trainings as paths over the mean loss.",
                (12, 3.9),
                lambda figure: _draw_valleys(figure, trainings),
            ),
            Picture(
                "logistic-1d-seeds",
                "What becomes of it from other seeds.",
                (10, 3.2),
                lambda figure: _draw_seeds(figure, trainings, spreads),
            ),
        ],
        films=[
            Film(
                "logistic-1d",
                "The neuron's curve while it trains.",
                (11, 3.6),
                len(film_updates(EPOCHS * N, 80)),
                lambda figure: _film(figure, trainings),
            )
        ],
        conclusion=_conclusion(trainings, spreads),
    )


def _spread(trainings: list[Training]) -> Array:
    """(n, 3): the loss in the last epoch, the accuracy after it, and how far off the boundary is."""
    return np.array(
        [
            (each.history.loss[-1], each.score, each.case.learned(each.neuron.theta))
            for each in trainings
        ]
    )


def _untrained(case: Case) -> Finding:
    losses = case.losses(case.theta[np.newaxis])
    return Finding(
        f"{case.name}: losses of the untrained neuron",
        "printed one by one, from no seed",
        f"mean {losses.mean():.3f}, from {losses.min():.3f} to {losses.max():.3f}",
        "the page's numbers are not kept: other seeds, other losses",
        "ours",
    )


def _after(case: Case, spread: Array) -> Finding:
    loss, accuracy, learned = np.quantile(spread, (0.5, 0.05, 0.95), axis=0).T
    return Finding(
        f"{case.name}: after training, median of {len(spread):,} seeds (and where 90% of them are)",
        "not trained" if case.boundary else "a picture",
        "loss {:.3f} ({:.3f} to {:.3f}), ".format(*loss)
        + "accuracy {:.2f} ({:.2f} to {:.2f}), ".format(*accuracy)
        + "boundary {:+.2f} ({:+.2f} to {:+.2f}) from the true one".format(*learned),
        f"{_found(spread):.1%} of them get {RIGHT:.0%} of the points right, or more",
        "ours",
    )


def _found(spread: Array) -> float:
    """The share of seeds from which the neuron has found the boundary."""
    return float((spread[:, 1] >= RIGHT).mean())


def _conclusion(trainings: list[Training], spreads: list[Array]) -> list[str]:
    bends = [f"{each.case.bends(each.neuron.theta):,.1f}" for each in trainings]
    found = [f"{_found(spread):.1%} of {len(spread):,} seeds" for spread in spreads]
    return [
        f"Around 0 the neuron finds the boundary within ten epochs: from {found[0]} it then gets {RIGHT:.0%} of the "
        "points right, or more. The page has no seed and no numbers of this training; its picture is the first of the "
        "three.",
        f"Around 7, where the page begins, the same training mostly fails: from {found[1]} it gets as far, and the one "
        f"that is drawn has {trainings[1].score:.0%} right. All inputs are large and alike there, so a change of w "
        "does nearly what a change of b does: the loss is a narrow valley along b = -7 w, and where the training ends "
        f"it bends {bends[1]} times as much across as along it (around 0, {bends[0]} times). The neuron soon goes to "
        f"and fro between the walls, and at a rate of {LR} hardly moves along the floor.",
        "As it should be: subtract the mean of the inputs and divide by their deviation. The loss then bends "
        f"{bends[2]} times as much in one direction as in the other, and the same 1,000 updates find the boundary at 7 "
        f"as well, from {found[2]}.",
    ]


def _points(ax: "Axes", case: Case) -> None:
    for label, color in enumerate(POINTS):
        x = case.x[case.y == label]
        ax.scatter(
            x,
            np.full(len(x), label),
            s=18,
            color=color,
            edgecolors="white",
            linewidths=0.4,
            zorder=4,
        )
    ax.set(xlabel="x", ylim=(-0.07, 1.07))
    ax.spines[["top", "right"]].set_visible(False)


def _draw_forward(figure: "Figure", case: Case) -> None:
    left, right = figure.subplots(1, 2)
    _points(left, case)
    x, curves = case.curves(case.theta[np.newaxis])
    left.plot(x, curves[0], color=FIRST)
    left.set(title="untrained", ylabel="answer")
    losses = case.losses(case.theta[np.newaxis])[0]
    for label, color in enumerate(POINTS):
        chosen = np.flatnonzero(case.y == label)
        right.vlines(
            chosen,
            0.0,
            losses[chosen],
            color=color,
            linewidth=1.5,
            label=f"label {label}",
        )
    right.set(
        title="its loss on each sample",
        xlabel="sample",
        ylabel="loss",
        ylim=(0.0, None),
    )
    right.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)


def _draw_curves(figure: "Figure", trainings: list[Training]) -> None:
    from matplotlib.collections import LineCollection

    for ax, each in zip(figure.subplots(1, 3, sharey=True), trainings, strict=True):
        x, curves = each.case.curves(recorded(each.history))
        lines = [np.stack([x, curve], axis=1) for curve in curves[1:]]
        ax.add_collection(LineCollection(lines, colors=ALL, linewidths=0.6, alpha=0.35))
        ax.plot(x, curves[0], color=FIRST, label="at first")
        ax.plot(x, curves[-1], color=LAST, label="at last")
        _points(ax, each.case)
        ax.set_title(each.case.name)
        ax.axvline(each.case.boundary, color="black", linestyle=":", linewidth=0.8)
    figure.axes[0].set_ylabel("answer")
    figure.axes[0].legend(frameon=False, loc="center left")


def _draw_valleys(figure: "Figure", trainings: list[Training]) -> None:
    from matplotlib.colors import LogNorm

    axes = figure.subplots(1, 3)
    scenes = []
    for each in trainings:
        way = recorded(each.history)
        middle, half = (
            (way.max(axis=0) + way.min(axis=0)) / 2,
            max(1.2, 0.75 * np.ptp(way, axis=0).max()),
        )
        w, b = np.meshgrid(
            *(np.linspace(centre - half, centre + half, 60) for centre in middle)
        )
        losses = each.case.losses(np.stack([w.ravel(), b.ravel()], axis=1)).mean(axis=1)
        scenes.append((way, w, b, losses.reshape(w.shape)))
    low, high = (
        extreme([losses for *_, losses in scenes]) for extreme in (np.min, np.max)
    )
    levels, scale = (
        np.geomspace(low, high, 30),
        LogNorm(low, high),
    )  # of all three, so that colours can be compared
    for ax, each, (way, w, b, losses) in zip(axes, trainings, scenes, strict=True):
        hills = ax.contourf(
            w, b, losses.clip(low, high), levels=levels, norm=scale, cmap="cividis"
        )
        ax.plot(*way.T, color="white", linewidth=1.2)
        ax.plot(*way[0], "o", color=FIRST, markeredgecolor="white", label="at first")
        ax.plot(*way[-1], "o", color=LAST, markeredgecolor="white", label="at last")
        ax.set(title=each.case.name, xlabel="w", ylabel="b", aspect="equal")
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if low <= tick <= high]
    bar = figure.colorbar(hills, ax=axes, label="mean loss")
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks], minor=False)
    bar.minorticks_off()
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )


def _draw_seeds(
    figure: "Figure", trainings: list[Training], spreads: list[Array]
) -> None:
    left, right = figure.subplots(1, 2)
    for each, spread, color in zip(trainings, spreads, COLORS, strict=False):
        share = np.full(len(spread), 1.0 / len(spread))
        settings = {
            "weights": share,
            "color": color,
            "alpha": 0.45,
            "histtype": "stepfilled",
            "edgecolor": color,
        }
        left.hist(
            spread[:, 0],
            bins=np.linspace(0.0, 1.0, 51),
            label=each.case.name,
            **settings,
        )
        right.hist(
            spread[:, 2].clip(-4.99, 4.99), bins=np.linspace(-5.0, 5.0, 51), **settings
        )
    left.set(xlabel="mean loss in the last epoch", ylabel="share of seeds")
    right.set(
        xlabel="learned boundary, from the true one (outermost: farther)",
        ylabel="share of seeds",
    )
    left.legend(frameon=False)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)


def _film(figure: "Figure", trainings: list[Training]) -> Callable[[int], None]:
    panels = [
        _panel(ax, each)
        for ax, each in zip(figure.subplots(1, 3, sharey=True), trainings, strict=True)
    ]
    figure.axes[0].set_ylabel("answer")
    figure.axes[0].legend(frameon=False, loc="center left")
    return together(panels)


def _panel(ax: "Axes", trained: Training) -> Callable[[int], None]:
    from matplotlib.collections import LineCollection

    updates = film_updates(EPOCHS * N, 80)
    x, curves = trained.case.curves(recorded(trained.history)[updates])
    lines = [np.stack([x, curve], axis=1) for curve in curves]
    earlier = LineCollection([], colors=ALL, linewidths=0.8, alpha=0.5)
    ax.add_collection(earlier)
    ax.plot(x, curves[0], color=FIRST, label="at first")
    (now,) = ax.plot(x, curves[0], color=LAST, label="now")
    _points(ax, trained.case)

    def show(frame: int) -> None:
        earlier.set_segments(lines[:frame])
        now.set_ydata(curves[frame])
        ax.set_title(f"{trained.case.name}\nupdate {updates[frame]:,}")

    return show


EXPERIMENT = Experiment(
    name="logistic-1d",
    title="One logistic neuron on one input, an update a sample",
    source='Yelim Kim, "Backpropagation 코드실습", blog post of 12 July 2023',
    question="How does the curve of a neuron move while it learns a threshold, and does it matter where that lies?",
    run=run,
)
