"""One logistic neuron on one input, per sample, with its curve after every update.

The page is a blog post by Yelim Kim, "Backpropagation 코드실습", of 12 July 2023. It
sets no seed and keeps no number: its picture can be reproduced, and how that varies
from seed to seed. The page first makes data around 7 and shows an untrained neuron
there, then trains around 0. Training around 7 as well shows why 0 is the better place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import History, Sequential, datasets, mlp
from ...data.arrays import Array
from ...plot.style import COLORS, despine
from ..drawing import ShowFrame, film_updates, show_all
from ..findings import equal
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Say
from ..trainings import recorded, run_of_net

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N, EPOCHS, LR = 100, 10, 0.01
FOUND = 0.9  # the accuracy from which on a neuron counts as having found the boundary
# The page's green, sky blue and red for curves, and its red and blue for points.
FIRST, EARLIER, LAST = COLORS[2], COLORS[5], COLORS[1]
POINTS = (COLORS[1], COLORS[0])


@dataclass(frozen=True, eq=False)
class Case:
    """Data and a neuron's initial parameters, drawn in the page's order: x, w, b.

    x (N,) are the inputs, y (N,) the labels x > boundary, theta (2,) is (w, b). If
    `standardised`, the neuron gets the inputs minus their mean, divided by their
    standard deviation.
    """

    boundary: float
    standardised: bool
    x: Array
    y: Array
    theta: Array

    @classmethod
    def from_seed(cls, boundary: float, standardised: bool, seed: int) -> "Case":
        """Return the case that the page's code draws after `np.random.seed(seed)`."""
        X, y = datasets.threshold(N, boundary, "pos", seed)
        rng = np.random.RandomState(seed)
        rng.normal(boundary, 2.0, N)  # the draws of X
        theta = np.concatenate([rng.normal(0, 1, 1), rng.normal(0, 1, 1)])
        return cls(boundary, standardised, X[:, 0], y, theta)

    @property
    def name(self) -> str:
        """The boundary and the kind of inputs, as text."""
        kind = ", standardised" if self.standardised else ""
        return f"boundary {self.boundary:g}{kind}"

    def inputs(self, x: Array) -> Array:
        """Return the neuron's inputs (n, 1) for x (n,)."""
        if self.standardised:
            x = (x - self.x.mean()) / self.x.std()
        return x[:, np.newaxis]

    def logits(self, thetas: Array, x: Array) -> Array:
        """Return the outputs z (n_thetas, n) at x (n,) for thetas (n_thetas, 2)."""
        return thetas[:, :1] * self.inputs(x)[:, 0] + thetas[:, 1:]

    def curves(self, thetas: Array) -> tuple[Array, Array]:
        """Return 100 points x across the data, and the predictions (n_thetas, 100)."""
        low, high = self.x.min(), self.x.max()
        margin = 0.05 * (high - low)
        x = np.linspace(low - margin, high + margin, 100)
        return x, 1.0 / (1.0 + np.exp(-self.logits(thetas, x)))

    def boundary_error(self, theta: Array) -> float:
        """Return where the neuron changes its prediction, minus the true boundary."""
        learned = -theta[1] / theta[0]
        if self.standardised:
            learned = learned * self.x.std() + self.x.mean()
        return float(learned - self.boundary)

    def condition(self, theta: Array) -> float:
        """Return the condition number of the mean loss's Hessian by (w, b)."""
        rows = np.hstack([self.inputs(self.x), np.ones((N, 1))])
        p = 1.0 / (1.0 + np.exp(-(rows @ theta)))
        return float(np.linalg.cond(rows.T @ (rows * (p * (1.0 - p))[:, np.newaxis])))

    def losses(self, thetas: Array) -> Array:
        """Return the loss of each sample (n_thetas, N)."""
        z = self.logits(thetas, self.x)
        return np.log1p(np.exp(np.where(self.y == 1, -z, z)))


@dataclass(frozen=True, eq=False)
class Training:
    """A neuron after its training."""

    case: Case
    neuron: Sequential
    history: History

    @property
    def accuracy(self) -> float:
        """The share of points that the neuron classifies correctly."""
        return self.neuron.score(self.case.inputs(self.case.x), self.case.y)


@dataclass(frozen=True, eq=False)
class Spread:
    """Results from many seeds: each an array with one value per seed."""

    loss: Array  # the mean in the last epoch
    accuracy: Array
    boundary_error: Array

    @classmethod
    def of(cls, trainings: Sequence[Training]) -> "Spread":
        """Collect the results of trainings from several seeds."""
        return cls(
            np.array([each.history.loss[-1] for each in trainings]),
            np.array([each.accuracy for each in trainings]),
            np.array(
                [each.case.boundary_error(each.neuron.theta) for each in trainings]
            ),
        )

    @property
    def found(self) -> float:
        """The share of seeds from which the neuron finds the boundary."""
        return float((self.accuracy >= FOUND).mean())

    def __len__(self) -> int:
        return len(self.loss)


CASES = ((0.0, False), (7.0, False), (7.0, True))


def train(case: Case, record: int | None = None) -> Training:
    """Train as the page does: one update per sample, in the order of the data."""
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
    """Train the neuron around 0, around 7, and around 7 with standardised inputs."""
    n, few = options.n_seeds, options.n_seeds // 5
    trainings, spreads = [], []
    for (boundary, standardised), n_seeds in zip(CASES, (n, few, few), strict=True):
        cases = [
            Case.from_seed(boundary, standardised, seed)
            for seed in options.seeds(n_seeds)
        ]
        name = cases[0].name
        say(f"{name}: {EPOCHS * N:,} updates, and again from {n_seeds:,} seeds")
        trainings.append(train(cases[0], record=1))
        spreads.append(Spread.of([train(case) for case in cases]))
    around_0, around_7, _ = trainings
    return Outcome(
        runs=[
            run_of_net(
                training.case.name,
                f"one neuron, per sample, in order, lr {LR}",
                training.history,
                training.accuracy,
            )
            for training in trainings
        ],
        findings=[
            equal(
                "boundary 0: curves drawn in training, one per update",
                1000,
                len(recorded(around_0.history)) - 1,
                digits=0,
                source="its code, run",
            ),
            _untrained_finding(around_7.case),
            *(
                _trained_finding(training.case, spread)
                for training, spread in zip(trainings, spreads, strict=True)
            ),
        ],
        pictures=[
            Picture(
                "logistic-1d-forward",
                "Around 7, before training: the data, the neuron's prediction, and its "
                "loss on each sample.",
                (10, 3.2),
                lambda figure: _draw_untrained(figure, around_7.case),
            ),
            Picture(
                "logistic-1d",
                "The neuron's curve before training, after each of 1,000 updates (sky "
                "blue), and at the end. Dotted: the true boundary.",
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
                "Results from other seeds.",
                (10, 3.2),
                lambda figure: _draw_seeds(figure, trainings, spreads),
            ),
        ],
        films=[
            Film(
                "logistic-1d",
                "The neuron's curve during training.",
                (11, 3.6),
                len(film_updates(EPOCHS * N, 80)),
                lambda figure: _film(figure, trainings),
            )
        ],
        conclusion=_conclusion(trainings, spreads),
    )


def _untrained_finding(case: Case) -> Finding:
    losses = case.losses(case.theta[np.newaxis])
    return Finding(
        f"{case.name}: losses of the untrained neuron",
        "printed one by one, without a seed",
        f"mean {losses.mean():.3f}, from {losses.min():.3f} to {losses.max():.3f}",
        "the page does not keep its numbers: other seeds have other losses",
        "ours",
    )


def _trained_finding(case: Case, spread: Spread) -> Finding:
    loss, accuracy, error = (
        np.quantile(values, (0.5, 0.05, 0.95))
        for values in (spread.loss, spread.accuracy, spread.boundary_error)
    )
    return Finding(
        f"{case.name}: after training, median of {len(spread):,} seeds (and the range "
        "of 90% of them)",
        "not trained" if case.boundary else "a picture",
        "loss {:.3f} ({:.3f} to {:.3f}), ".format(*loss)
        + "accuracy {:.2f} ({:.2f} to {:.2f}), ".format(*accuracy)
        + "boundary {:+.2f} ({:+.2f} to {:+.2f}) from the true one".format(*error),
        f"{spread.found:.1%} of them classify at least {FOUND:.0%} of the points "
        "correctly",
        "ours",
    )


def _conclusion(trainings: list[Training], spreads: list[Spread]) -> list[str]:
    conditions = [
        f"{training.case.condition(training.neuron.theta):,.1f}"
        for training in trainings
    ]
    found = [f"{spread.found:.1%} of {len(spread):,} seeds" for spread in spreads]
    return [
        f"Around 0 the neuron finds the boundary within ten epochs: from {found[0]} it "
        f"then classifies at least {FOUND:.0%} of the points correctly. The page has "
        "no seed and no numbers of this training; its picture is the first of the "
        "three.",
        "Around 7, where the page begins, the same training mostly fails: it gets as "
        f"far from {found[1]}, and the drawn one classifies "
        f"{trainings[1].accuracy:.0%} correctly. There all inputs are large and "
        "similar, so changing w has nearly the same effect as changing b: the loss is "
        "a narrow valley along b = -7 w. Where the training ends, the loss curves "
        f"{conditions[1]} times as much across the valley as along it (around 0: "
        f"{conditions[0]} times). The neuron soon oscillates between the walls, and at "
        f"a learning rate of {LR} hardly moves along the floor.",
        "The remedy is to subtract the mean of the inputs and to divide by their "
        f"standard deviation. Then the loss curves {conditions[2]} times as much in "
        "one direction as in the other, and the same 1,000 updates find the boundary "
        f"at 7 as well, from {found[2]}.",
    ]


def _draw_points(ax: "Axes", case: Case) -> None:
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
    despine(ax)


def _draw_untrained(figure: "Figure", case: Case) -> None:
    left, right = figure.subplots(1, 2)
    _draw_points(left, case)
    x, curves = case.curves(case.theta[np.newaxis])
    left.plot(x, curves[0], color=FIRST)
    left.set(title="untrained", ylabel="prediction")
    losses = case.losses(case.theta[np.newaxis])[0]
    for label, color in enumerate(POINTS):
        rows = np.flatnonzero(case.y == label)
        name = f"label {label}"
        right.vlines(rows, 0.0, losses[rows], color=color, linewidth=1.5, label=name)
    right.set(
        title="loss on each sample", xlabel="sample", ylabel="loss", ylim=(0.0, None)
    )
    despine(right)
    figure.legend(loc="outside right center", frameon=False)


def _draw_curves(figure: "Figure", trainings: list[Training]) -> None:
    from matplotlib.collections import LineCollection

    for ax, training in zip(figure.subplots(1, 3, sharey=True), trainings, strict=True):
        x, curves = training.case.curves(recorded(training.history))
        lines = [np.stack([x, curve], axis=1) for curve in curves[1:]]
        ax.add_collection(
            LineCollection(lines, colors=EARLIER, linewidths=0.6, alpha=0.35)
        )
        ax.plot(x, curves[0], color=FIRST, label="start")
        ax.plot(x, curves[-1], color=LAST, label="end")
        _draw_points(ax, training.case)
        ax.set_title(training.case.name)
        ax.axvline(training.case.boundary, color="black", linestyle=":", linewidth=0.8)
    _finish_curves(figure)


def _finish_curves(figure: "Figure") -> None:
    """Label the first of the panels with curves, which stands for all."""
    figure.axes[0].set_ylabel("prediction")
    figure.axes[0].legend(frameon=False, loc="center left")


def _draw_valleys(figure: "Figure", trainings: list[Training]) -> None:
    from matplotlib.colors import LogNorm

    axes = figure.subplots(1, 3)
    valleys = [_valley(training) for training in trainings]
    # All three have the same levels, so that their colours can be compared.
    low = min(losses.min() for *_, losses in valleys)
    high = max(losses.max() for *_, losses in valleys)
    levels, scale = np.geomspace(low, high, 30), LogNorm(low, high)
    style: dict[str, Any] = {"levels": levels, "norm": scale, "cmap": "cividis"}
    for ax, training, (path, w, b, losses) in zip(
        axes, trainings, valleys, strict=True
    ):
        filled = ax.contourf(w, b, losses.clip(low, high), **style)
        ax.plot(*path.T, color="white", linewidth=1.2)
        ax.plot(*path[0], "o", color=FIRST, markeredgecolor="white", label="start")
        ax.plot(*path[-1], "o", color=LAST, markeredgecolor="white", label="end")
        ax.set(title=training.case.name, xlabel="w", ylabel="b", aspect="equal")
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if low <= tick <= high]
    bar = figure.colorbar(filled, ax=axes, label="mean loss")
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks], minor=False)
    bar.minorticks_off()
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )


def _valley(training: Training) -> tuple[Array, Array, Array, Array]:
    """Return the path (m, 2) of (w, b), and a grid around it: w, b, mean loss."""
    path = recorded(training.history)
    low, high = path.min(axis=0), path.max(axis=0)
    centre, half = (high + low) / 2, max(1.2, 0.75 * (high - low).max())
    w, b = np.meshgrid(*(np.linspace(c - half, c + half, 60) for c in centre))
    thetas = np.stack([w.ravel(), b.ravel()], axis=1)
    return path, w, b, training.case.losses(thetas).mean(axis=1).reshape(w.shape)


def _draw_seeds(
    figure: "Figure", trainings: list[Training], spreads: list[Spread]
) -> None:
    left, right = figure.subplots(1, 2)
    for training, spread, color in zip(trainings, spreads, COLORS, strict=False):
        style: dict[str, Any] = {
            "weights": np.full(len(spread), 1.0 / len(spread)),
            "color": color,
            "alpha": 0.45,
            "histtype": "stepfilled",
            "edgecolor": color,
        }
        name = training.case.name
        left.hist(spread.loss, bins=np.linspace(0.0, 1.0, 51), label=name, **style)
        error = spread.boundary_error.clip(-4.99, 4.99)
        right.hist(error, bins=np.linspace(-5.0, 5.0, 51), **style)
    left.set(xlabel="mean loss in the last epoch", ylabel="share of seeds")
    right.set(
        xlabel="learned boundary minus the true one (outermost: beyond)",
        ylabel="share of seeds",
    )
    left.legend(frameon=False)
    for ax in (left, right):
        despine(ax)


def _film(figure: "Figure", trainings: list[Training]) -> ShowFrame:
    panels = [
        _film_curve(ax, training)
        for ax, training in zip(
            figure.subplots(1, 3, sharey=True), trainings, strict=True
        )
    ]
    _finish_curves(figure)
    return show_all(panels)


def _film_curve(ax: "Axes", training: Training) -> ShowFrame:
    from matplotlib.collections import LineCollection

    updates = film_updates(EPOCHS * N, 80)
    x, curves = training.case.curves(recorded(training.history)[updates])
    lines = [np.stack([x, curve], axis=1) for curve in curves]
    earlier = LineCollection([], colors=EARLIER, linewidths=0.8, alpha=0.5)
    ax.add_collection(earlier)
    ax.plot(x, curves[0], color=FIRST, label="start")
    (current,) = ax.plot(x, curves[0], color=LAST, label="current")
    _draw_points(ax, training.case)

    def show(frame: int) -> None:
        earlier.set_segments(lines[:frame])
        current.set_ydata(curves[frame])
        ax.set_title(f"{training.case.name}\nupdate {updates[frame]:,}")

    return show


EXPERIMENT = Experiment(
    name="logistic-1d",
    title="One logistic neuron on one input, one update per sample",
    source='Yelim Kim, "Backpropagation 코드실습", blog post of 12 July 2023',
    question="How does the curve of a neuron move while it learns a threshold, and "
    "does it matter where the threshold is?",
    run=run,
)
