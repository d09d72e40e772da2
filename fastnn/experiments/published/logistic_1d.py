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
from ...plot.style import COLORS, despine, foreground
from ..drawing import ShowFrame, film_updates, run_colors, show_all
from ..findings import equal
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Say
from ..trainings import recorded, run_of_net

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

N, EPOCHS, LR = 100, 10, 0.01
FARTHEST = 5.0  # the largest boundary error that a histogram tells apart
PREDICTION = "predicted probability of label 1"
FOUND = 0.9  # the accuracy from which on a neuron counts as having found the boundary
# The updates after which curves are drawn. All 1,000, as on the page, are an area.
DRAWN = film_updates(EPOCHS * N, 21)


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
    def loss(self) -> float:
        """The mean loss of the trained neuron over all points."""
        return float(self.case.losses(self.neuron.theta[np.newaxis]).mean())

    @property
    def accuracy(self) -> float:
        """The share of points that the trained neuron classifies correctly."""
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
                training.loss,
                training.accuracy,
            )
            for training in trainings
        ],
        findings=[
            equal(
                "boundary 0: curves recorded during training, one per update",
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
                "Around 7, before training: the data with the neuron's prediction, and "
                "its loss on each sample, which is near 0 for all of label 1.",
                (7.2, 3.3),
                lambda figure: _draw_untrained(figure, around_7.case),
                "On the left, a curve near 1 almost everywhere; on the right, large "
                "losses on the samples of label 0 only.",
            ),
            Picture(
                "logistic-1d",
                f"The neuron's prediction during training: {len(DRAWN)} of the 1,001 "
                "recorded curves, coloured by the number of updates, and the area that "
                "all of them cover.",
                (6.4, 6.6),
                lambda figure: _draw_curves(figure, trainings),
                "Around 0 and with standardised inputs, S-shaped curves move towards "
                "the boundary. Around 7 they fall from 1, then swing to and fro, and "
                "end far from the boundary.",
            ),
            Picture(
                "logistic-1d-valley",
                "The same trainings as paths of the weight and the bias over the mean "
                "loss.",
                (6.4, 6.6),
                lambda figure: _draw_valleys(figure, trainings),
                "Around 0 and with standardised inputs, nearly straight paths down. "
                "Around 7, a path that zigzags between the walls of a narrow valley.",
            ),
            Picture(
                "logistic-1d-seeds",
                "Results of the same trainings from many seeds: the mean loss in the "
                "last epoch, and how far the learned boundary is from the true one.",
                (6.4, 5.6),
                lambda figure: _draw_seeds(figure, trainings, spreads),
                "Histograms. Around 0 and with standardised inputs, the boundaries are "
                "right within 0.5; around 7 they are spread over the whole range.",
            ),
        ],
        films=[
            Film(
                "logistic-1d",
                "The neuron's prediction during training.",
                (7.2, 3.4),
                len(film_updates(EPOCHS * N, 80)),
                lambda figure: _film(figure, trainings),
                "Three S-shaped curves move, and leave their earlier places behind.",
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
        + "boundary off by {:+.2f} ({:+.2f} to {:+.2f})".format(*error),
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
        f"far from {found[1]}, and the one in the pictures classifies "
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
    for label, color in enumerate(COLORS[:2]):
        x = case.x[case.y == label]
        ax.scatter(
            x,
            np.full(len(x), label),
            s=18,
            color=color,
            edgecolors=[ax.get_facecolor()],
            linewidths=0.4,
            zorder=4,
            label=f"label {label}",
        )
    ax.set(xlabel="x", ylim=(-0.07, 1.07))
    despine(ax)


def _draw_untrained(figure: "Figure", case: Case) -> None:
    left, right = figure.subplots(1, 2)
    x, curves = case.curves(case.theta[np.newaxis])
    left.plot(x, curves[0], color=foreground(), label="untrained neuron")
    _draw_points(left, case)
    left.set(title="prediction", ylabel=PREDICTION)
    losses = case.losses(case.theta[np.newaxis])[0]
    for label, color in enumerate(COLORS[:2]):
        rows = np.flatnonzero(case.y == label)
        right.vlines(rows, 0.0, losses[rows], color=color, linewidth=1.5)
    right.set(
        title="loss on each sample", xlabel="sample", ylabel="loss", ylim=(0.0, None)
    )
    despine(right)
    _legend_below(figure, left)


def _draw_curves(figure: "Figure", trainings: list[Training]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import PowerNorm

    # As many colours for the first updates, where curves move most, as for the last.
    norm, colors = PowerNorm(0.5, 0, EPOCHS * N), _time_colors()
    axes = _panels(figure)
    for ax, training in zip(axes, trainings, strict=True):
        x, curves = training.case.curves(recorded(training.history))
        ax.fill_between(
            x,
            curves.min(axis=0),
            curves.max(axis=0),
            color="#888888",
            alpha=0.2,
            linewidth=0,
            label=f"area of all {len(curves):,} curves",
        )
        for update in DRAWN:
            width = 2.2 if update in (DRAWN[0], DRAWN[-1]) else 1.0
            color = colors(norm(update))
            ax.plot(x, curves[update], color=color, linewidth=width)
        _finish_curves(ax, training.case)
    _legend_in_fourth_cell(figure, axes[0])
    bar = figure.colorbar(
        ScalarMappable(norm, colors),
        ax=axes,
        label="updates (thick lines: before training and after 1,000)",
        aspect=50,
        ticks=[0, 10, 50, 100, 200, 400, 600, 800, 1000],
    )
    bar.ax.yaxis.set_major_formatter("{x:,.0f}")


def _time_colors() -> "Colormap":
    """Return colours from light to dark, or from dark to light on a dark background."""
    import matplotlib
    from matplotlib.colors import ListedColormap, to_rgb

    dark = sum(to_rgb(foreground())) > 1.5
    ends = (0.15, 1.0) if dark else (0.85, 0.0)
    return ListedColormap(matplotlib.colormaps["viridis"](np.linspace(*ends, 256)))


def _panels(figure: "Figure") -> list["Axes"]:
    """Return Axes for the three trainings, in a grid whose fourth cell is empty."""
    grid = figure.add_gridspec(2, 2)
    return [figure.add_subplot(grid[i]) for i in range(3)]


def _finish_curves(ax: "Axes", case: Case) -> None:
    """Draw the points and the true boundary, and label the Axes."""
    _draw_points(ax, case)
    ax.axvline(
        case.boundary,
        color=foreground(),
        linestyle=":",
        linewidth=1.0,
        label="true boundary",
    )
    ax.set(title=case.name, ylabel=PREDICTION)
    ax.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])


def _legend_below(figure: "Figure", ax: "Axes") -> None:
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize="small",
    )


def _legend_in_fourth_cell(figure: "Figure", ax: "Axes") -> None:
    """Explain the artists of one of the `_panels` in the grid's empty cell."""
    grid = ax.get_gridspec()
    assert grid is not None
    empty = figure.add_subplot(grid[3])
    empty.set_axis_off()
    empty.legend(*ax.get_legend_handles_labels(), loc="center", frameon=False)


def _draw_valleys(figure: "Figure", trainings: list[Training]) -> None:
    from matplotlib.colors import LogNorm

    axes = _panels(figure)
    valleys = [_valley(training) for training in trainings]
    # All three have the same levels, so that their colours can be compared.
    low = min(losses.min() for *_, losses in valleys)
    high = max(losses.max() for *_, losses in valleys)
    levels, scale = np.geomspace(low, high, 30), LogNorm(low, high)
    style: dict[str, Any] = {"levels": levels, "norm": scale, "cmap": "cividis"}
    ends: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 7}
    for ax, training, (path, w, b, losses) in zip(
        axes, trainings, valleys, strict=True
    ):
        filled = ax.contourf(w, b, losses.clip(low, high), **style)
        black: dict[str, Any] = {"color": "black", "markeredgecolor": "white"}
        white: dict[str, Any] = {"color": "white", "markeredgecolor": "black"}
        ax.plot(*path.T, color="white", linewidth=1.2)
        ax.plot(*path[0], **ends, **white, label="before training")
        ax.plot(*path[-1], **ends, **black, label="after 1,000 updates")
        ax.set(title=training.case.name, xlabel="weight w", ylabel="bias b")
        ax.set_aspect("equal")
    _legend_in_fourth_cell(figure, axes[0])
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if low <= tick <= high]
    bar = figure.colorbar(filled, ax=axes, label="mean loss", aspect=50)
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks], minor=False)
    bar.minorticks_off()


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
    top, bottom = figure.subplots(2, 1)
    for training, spread, color in zip(trainings, spreads, run_colors(), strict=True):
        style: dict[str, Any] = {
            "weights": np.full(len(spread), 1.0 / len(spread)),
            "color": color,
            "alpha": 0.45,
            "histtype": "stepfilled",
            "edgecolor": color,
        }
        name = f"{training.case.name} ({len(spread):,} seeds)"
        top.hist(spread.loss, bins=np.linspace(0.0, 1.0, 51), label=name, **style)
        error = spread.boundary_error.clip(-FARTHEST, FARTHEST)
        bins = np.linspace(-FARTHEST, FARTHEST, 51)
        bottom.hist(error, bins=bins, label=name, **style)
    top.set(xlabel="mean loss in the last epoch")
    ticks = np.linspace(-FARTHEST, FARTHEST, 5)
    texts = [f"{tick:g}" for tick in ticks]
    # The first and the last bin also count what lies beyond them.
    texts[0], texts[-1] = f"{texts[0]} or less", f"{texts[-1]} or more"
    bottom.set_xticks(ticks, texts)
    bottom.set_xlabel("learned boundary minus true boundary, in units of x")
    for ax in (top, bottom):
        ax.set_ylabel("share of seeds")
        ax.yaxis.set_major_formatter("{x:.0%}")
        despine(ax)
    top.legend(frameon=False, fontsize="small")


def _film(figure: "Figure", trainings: list[Training]) -> ShowFrame:
    axes = figure.subplots(1, 3, sharey=True)
    panels = [
        _film_curve(ax, training) for ax, training in zip(axes, trainings, strict=True)
    ]
    for ax in axes[1:]:
        ax.set_ylabel("")
    _legend_below(figure, axes[0])
    return show_all(panels)


def _film_curve(ax: "Axes", training: Training) -> ShowFrame:
    from matplotlib.collections import LineCollection

    updates = film_updates(EPOCHS * N, 80)
    x, curves = training.case.curves(recorded(training.history)[updates])
    lines = [np.stack([x, curve], axis=1) for curve in curves]
    earlier = LineCollection(
        [], colors="#888888", linewidths=0.8, alpha=0.5, label="earlier"
    )
    ax.add_collection(earlier)
    (current,) = ax.plot(x, curves[0], color=foreground(), label="prediction")
    _finish_curves(ax, training.case)

    def show(frame: int) -> None:
        earlier.set_segments(lines[:frame])
        current.set_ydata(curves[frame])
        ax.set_title(
            f"{training.case.name}\nupdate {updates[frame]:,}", fontsize="medium"
        )

    return show


EXPERIMENT = Experiment(
    name="logistic-1d",
    title="One logistic neuron on one input, one update per sample",
    source='Yelim Kim, "Backpropagation 코드실습", blog post of 12 July 2023, part 29 '
    'of the series "Machine_Learning"; address not known',
    question="How does the curve of a neuron move while it learns a threshold, and "
    "does it matter where the threshold is?",
    run=run,
)
