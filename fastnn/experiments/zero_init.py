"""The XOR gate from weights of zero, which learn nothing, and from random ones; and why.

The page is a blog post of 3 January 2019, "Multi-Layer Neural Network의 실전: XOR Gate 만들어보기 (Python)". Its step
takes the sum of the four rows' gradients for weights, and their mean for biases. Only its zero start can be compared
digit by digit, since no seed is set; of the rest we have distributions. They also show that the page's last two outputs
come from another step than the one that it lists.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import datasets
from ..arrays import Array
from ..history import History
from ..model import Sequential, mlp
from ..optimizers import SGD
from .compare import among, equal, percentile, recorded
from .drawing import COLORS, film_updates, trace
from .gate import LEFT, LN2, SOLVED, fan, film_maps, histogram, learned, others, steps_to
from .outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEVIATION, LR, STEPS, TANH_STEPS = 0.1, 0.1, 100_000, 5_000
SUM_AND_MEAN = SGD(lr=LR, bias_lr=LR / 4)  # with summed gradients, biases follow the mean of the four rows
LONGER = 20_000  # steps of the tanh net that fit what the page shows, if all gradients are means

# Predictions after training that the page shows, of the rows (0, 0), (0, 1), (1, 0), (1, 1); the loss at step 4,900.
PAGE_SIGMOID = np.array([0.00320744, 0.997725, 0.99772495, 0.002362])
PAGE_TANH = np.array([0.00237952, 0.99872297, 0.99872298, 0.00248596])
PAGE_TANH_LOSS = 0.001868090554160822

ONE_NEURON = (3 * math.log(3) - 2 * math.log(2)) / 4  # the lowest loss that one hidden neuron can come near
SWAP = [1, 0, 3, 2, 5, 4, 7, 6, 8]  # theta of the same net, with its two hidden neurons exchanged
ASYMMETRIES = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)


def gate() -> tuple[Array, Array]:
    """The rows in the page's order."""
    X, y = datasets.xor_gate()
    return X[:, ::-1].copy(), y


def initial_theta(seed: int) -> Array:
    """The page's draws, U(0, 1) times the deviation: W1, B1, W2, B2, which is the order of theta."""
    return np.random.RandomState(seed).random_sample(9) * DEVIATION


def bce(predictions: Array) -> float:
    """The mean loss of predictions for the four rows."""
    right = np.where(gate()[1] == 1, predictions, 1.0 - predictions)
    return float(-np.log(right).mean())


def neurons_apart(theta: Array) -> Array:
    """The largest difference between the weights of the two hidden neurons, for each theta (n, 9)."""
    return np.abs(theta - theta[:, SWAP]).max(axis=1)


@dataclass(frozen=True, eq=False)
class Nets:
    """Many nets after training: losses at steps 0, 100, ... and the last, and what became of each."""

    loss: Array
    theta: Array
    predictions: Array
    run: Run

    @property
    def solved(self) -> Array:
        """Whether each net has learned the gate."""
        return self.loss[:, -1] < SOLVED

    def nearest(self, page: Array) -> tuple[int, float]:
        """The net that comes nearest to the page's predictions, and by how much the worst of its four is off."""
        gaps = np.abs(self.predictions - page).max(axis=1)
        return int(gaps.argmin()), float(gaps.min())

    def drop(self, net: int) -> float:
        """The share by which a net's loss falls between the last recorded 100th step and the end."""
        return 1.0 - bce(self.predictions[net]) / float(self.loss[net, -2])


def train_many(activation: str, mode: str, n: int, first_seed: int, epochs: int, listed: bool = True) -> Nets:
    """Nets from n seeds, trained as the page's listing does it, or along the mean of all gradients."""
    X, y = gate()
    init = np.stack([initial_theta(seed) for seed in range(first_seed, first_seed + n)])
    optimizer, reduction = (SUM_AND_MEAN, "sum") if listed else (SGD(lr=LR), "mean")
    net = mlp(2, 2, 1, activation=activation, loss="bce")
    fits = net.fit_many(
        X,
        y,
        init=init,
        epochs=epochs,
        optimizer=optimizer,
        batch_size="full",
        reduction=reduction,
        every=100,
        n_jobs=-1,
        progress=False,
    )
    predictions = np.empty((n, 4))
    for i in range(n):
        net.theta = fits.theta[i]
        predictions[i] = net.predict_proba(X)[:, 1]
    thin = max(100, epochs // 100)
    trace = {f"median_loss_every_{thin}_steps": np.median(fits.loss, axis=0)[:: thin // 100].tolist()}
    setting = f"2-2-1 {activation}, full batch, {'weights summed, biases mean' if listed else 'all mean'}, lr {LR}"
    run = Run(mode, setting, fits.updates, fits.seconds, math.nan, math.nan, n, trace)
    return Nets(fits.loss, fits.theta, predictions, run)


def run(options: Options, say: Say) -> Outcome:
    """From zeros; from random weights, sigmoid and tanh; what else the page may have done; and symmetry."""
    X, y = gate()
    say(f"all weights zero: {STEPS:,} steps")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        zero = mlp(2, 2, 1, loss="bce", init="zeros")
    warning = str(caught[0].message)
    flat = _train(zero, STEPS, 1000)
    moved = float(neurons_apart(recorded(flat)).max())

    n = options.n_seeds
    say(f"random weights, sigmoid: {STEPS:,} steps from {n:,} seeds")
    sigmoid = train_many("sigmoid", "random, sigmoid", n, options.seed, STEPS)
    say(f"random weights, tanh: {TANH_STEPS:,} steps from {n:,} seeds")
    tanh = train_many("tanh", "random, tanh", n, options.seed, TANH_STEPS)
    say("what the page's numbers fit")
    sigmoid_mean = train_many("sigmoid", "sigmoid, all mean", n // 5, options.seed, STEPS, listed=False)
    tanh_mean = train_many("tanh", "tanh, all mean, longer", n // 5, options.seed, LONGER, listed=False)

    say("why: symmetric starts")
    pair = mlp(2, 2, 1, activation="tanh", loss="bce")
    solved = tanh.theta[tanh.solved.argmax()]
    drawn = initial_theta(options.seed)
    equals, apart = (drawn + drawn[SWAP]) / 2, (drawn - drawn[SWAP]) / 2
    starts = [equals + size / np.abs(apart).max() * apart for size in ASYMMETRIES]
    symmetry = [_train(pair.with_theta(theta), LONGER, 100) for theta in starts]
    constant = _train(pair.with_theta(np.full(9, 0.5)), LONGER, 100)
    stay = max(float(neurons_apart(recorded(each)).max()) for each in (symmetry[0], constant))
    lowest = float(min(symmetry[0].loss.min(), constant.loss.min()))

    findings = [
        equal(f"zeros: predictions after {STEPS:,} steps", [0.5] * 4, zero.predict_proba(X)[:, 1], 8),
        equal("zeros: loss at every step (here the one furthest off)", LN2, _furthest(flat.loss, LN2), 16),
        Finding(
            "zeros: how far apart the hidden neurons ever are", "not shown", f"{moved:g}", "equal for ever", moved == 0
        ),
        *_random_findings(sigmoid, tanh, sigmoid_mean, tanh_mean),
        Finding(
            "equal neurons, random or all 0.5: how far apart they ever are", "not shown",
            f"{stay:g}; lowest loss {lowest:.4f}",
            f"equal for ever; one neuron cannot go below {ONE_NEURON:.4f}", stay == 0 and lowest > ONE_NEURON,
        ),
    ]  # fmt: skip
    zero_run = Run(
        "all zero", f"2-2-1 sigmoid, full batch, weights summed, biases mean, lr {LR}", flat.updates, flat.seconds,
        float(flat.loss[-1]), zero.score(X, y), trace={"loss_every_1000_steps": flat.loss[::1000].tolist()},
    )  # fmt: skip

    film_starts = [np.zeros(9), initial_theta(options.seed + int(tanh.solved.argmax()))]
    return Outcome(
        [zero_run, sigmoid.run, tanh.run, sigmoid_mean.run, tanh_mean.run],
        findings,
        [
            Picture(
                "zero-init", "The page's three traces, and the tanh net's answers over the unit square.", (11, 3.4),
                lambda figure: _traces(figure, flat, sigmoid, tanh, pair.with_theta(solved), options.seed),
            ),
            Picture(
                "zero-init-seeds", f"The two random starts of the page, from {n:,} seeds.", (11, 6.4),
                lambda figure: _seeds(figure, sigmoid, tanh),
            ),
            Picture(
                "zero-init-why", "Why equal neurons stay equal, and how little it takes to part them.", (12, 4.0),
                lambda figure: _why(figure, pair.with_theta(solved), symmetry),
            ),
        ],
        [
            Film(
                "zero-init", "From zeros and from random weights, tanh.", (8, 4.8), len(film_updates(TANH_STEPS)),
                lambda figure: _film(figure, [pair.with_theta(theta) for theta in film_starts]),
            )
        ],
        [
            "Two hidden neurons with equal weights in and out give equal outputs, get equal gradients, and are equal "
            "after the step, too: for ever. Exchanging the two changes nothing, so the loss is a mirror image of "
            "itself, and on the mirror no slope leads off it. Together they are one neuron, whose answer can only rise "
            "or only fall along one direction of the plane; XOR does neither, and the loss cannot go below "
            f"{ONE_NEURON:.4f}. From zeros it even stays at ln 2, since all gradients are zero there. Any "
            "difference between the two grows while they train, and the larger it is, the sooner they part; random "
            "weights begin with one of 0.01 to 0.1.",
            f'A net with such a start warns: "{warning}"',
            f"As listed, the page's step leads {learned(sigmoid.loss):.0%} of {n:,} seeds to the gate with sigmoid "
            f"neurons in {STEPS:,} steps, and {learned(tanh.loss):.0%} with tanh in {TANH_STEPS:,}.",
            "The two outputs that the page shows for random weights were not made by the step that it lists: none of "
            "these seeds has its four predictions. To five digits they fit a step that takes the mean for weights "
            "as well as for biases, as the mean loss asks for, and with tanh then "
            f"{LONGER:,} to 30,000 steps in place of {TANH_STEPS:,}; the pace at which the loss falls at the end says "
            "the same. (And the listing no longer runs: today's NumPy does not copy a list of arrays of different "
            "shapes.)",
        ],
    )  # fmt: skip


def _train(net: Sequential, steps: int, record: int | list[int]) -> History:
    """Train as the page lists it, and record the parameters now and then."""
    X, y = gate()
    return net.fit(
        X, y, epochs=steps, optimizer=SUM_AND_MEAN, batch_size="full", reduction="sum", record=record, progress=False
    )


def _random_findings(sigmoid: Nets, tanh: Nets, sigmoid_mean: Nets, tanh_mean: Nets) -> list[Finding]:
    """What the page shows of random weights, beside what its listed step and the mean of all gradients lead to."""
    implied, at_4900 = bce(PAGE_SIGMOID), tanh.loss[:, 49]
    (listed, listed_gap), (mean, mean_gap) = tanh.nearest(PAGE_TANH), tanh_mean.nearest(PAGE_TANH)
    sigmoid_gaps = [nets.nearest(PAGE_SIGMOID)[1] for nets in (sigmoid, sigmoid_mean)]
    return [
        among("sigmoid: loss after training, from the predictions shown", implied, sigmoid.loss[:, -1], 6),
        *(
            Finding(f"{name}: is the gate learned?", "yes, by its one net", f"by {learned(loss):.1%}", others(loss))
            for name, loss in (("sigmoid", sigmoid.loss), ("tanh", tanh.loss))
        ),
        Finding(
            "tanh: loss at step 4,900", f"{PAGE_TANH_LOSS:.6f}",
            f"median {np.median(at_4900):.6f}, from {at_4900.min():.6f} to {at_4900.max():.6f}",
            f"{percentile(PAGE_TANH_LOSS, at_4900)}: the listed step does not lead there",
        ),
        Finding(
            "tanh: the four predictions", "0.002380, 0.998723, 0.998723, 0.002486",
            f"the nearest net is {listed_gap:.0e} off; along mean gradients, after {LONGER:,} steps, {mean_gap:.0e}",
            f"the page fits the latter; its loss is {percentile(PAGE_TANH_LOSS, tanh_mean.loss[:, -2])} there",
        ),
        Finding(
            "tanh: fall of the loss in the last 100 steps", f"{1.0 - bce(PAGE_TANH) / PAGE_TANH_LOSS:.3%}",
            f"{tanh.drop(listed):.3%} in the nearest net; in the nearest of those {tanh_mean.drop(mean):.3%}",
            "the page fits the latter",
        ),
        Finding(
            "sigmoid: the four predictions", "0.003207, 0.997725, 0.997725, 0.002362",
            f"the nearest net is {sigmoid_gaps[0]:.0e} off; along mean gradients {sigmoid_gaps[1]:.0e}",
            f"the page fits the latter; its loss is {percentile(implied, sigmoid_mean.loss[:, -1])} there",
        ),
    ]  # fmt: skip


def _furthest(values: Array, wanted: float) -> float:
    return float(values[np.abs(values - wanted).argmax()])


def _traces(figure: "Figure", flat: History, sigmoid: Nets, tanh: Nets, net: Sequential, seed: int) -> None:
    """The page's pictures: the loss every 100 steps, three times, and the answers on a lattice."""
    axes = figure.subplots(1, 4)
    for ax, nets, name in zip(axes[1:], (sigmoid, tanh), ("sigmoid", "tanh"), strict=False):
        first = int(nets.solved.argmax())
        steps = 100 * np.arange(nets.loss.shape[1] - 1)
        trace(ax, steps, nets.loss[first, :-1], color=COLORS[0])
        ax.set(title=f"random, {name} (seed {seed + first})", xlabel="step", ylim=(0.0, 0.75))
    trace(axes[0], 100 * np.arange(len(flat.loss[::100])), flat.loss[::100], color=COLORS[0])
    axes[0].set(title="all zero, sigmoid", xlabel="step", ylabel="mean loss", ylim=(0.0, 0.75))
    for ax in axes[:3]:
        ax.locator_params(axis="x", nbins=3)
        ax.xaxis.set_major_formatter("{x:,.0f}")
    lattice = np.arange(0, 1, 0.08)
    points = np.stack([axis.ravel() for axis in np.meshgrid(lattice, lattice)], axis=1)
    found = net.predict_proba(points)[:, 1] >= 0.5
    for label, color in enumerate(COLORS[:2]):
        axes[3].scatter(*points[found == label].T, s=16, color=color, label=str(label))
    axes[3].set(title="tanh: answers", xlabel="x1", ylabel="x2", aspect="equal", xticks=[0, 1], yticks=[0, 1])
    figure.legend(*axes[3].get_legend_handles_labels(), loc="outside right center", frameon=False, title="answer")


def _seeds(figure: "Figure", sigmoid: Nets, tanh: Nets) -> None:
    """Losses of all seeds, and the step at which each leaves ln 2; one row sigmoid, one tanh."""
    axes = figure.subplots(2, 2, width_ratios=(1.5, 1))
    last = bce(PAGE_SIGMOID)
    for (ax, right), nets, name, mark in zip(
        axes, (sigmoid, tanh), ("sigmoid", "tanh"), ((STEPS, last), (4900, PAGE_TANH_LOSS)), strict=True
    ):
        steps = 100 * np.arange(nets.loss.shape[1] - 1)
        fan(ax, steps, nets.loss[:, :-1])
        ax.plot(*mark, "o", color="black", label="the page", clip_on=False)
        ax.set_title(f"{name}: loss")
        ax.legend(frameon=False, loc="lower left")
        histogram(right, steps_to(nets.loss, LEFT), steps[-1] + 100)
        right.set_title(f"{name}: {right.get_title()}")


def _why(figure: "Figure", net: Sequential, symmetry: list[History]) -> None:
    """The loss over the plane through a solved net, its mirror image and zero; the neurons parting; the losses."""
    surface, apart, losses = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    X, y = gate()
    equals, across = (net.theta + net.theta[SWAP]) / 2, (net.theta - net.theta[SWAP]) / 2
    s, d = np.linspace(-0.5, 1.75, 46), np.linspace(-1.6, 1.6, 65)
    plane = np.stack([u * equals + v * across for v in d for u in s])
    heights = net.fit_many(X, y, init=plane, epochs=1, lr=LR, batch_size="full").loss[:, 0].reshape(len(d), len(s))
    filled = surface.contourf(s, d, np.log10(heights), levels=24, cmap="cividis")
    bar = figure.colorbar(filled, ax=surface, ticks=[-2, -1, 0, 1], label="mean loss")
    bar.ax.set_yticklabels(["0.01", "0.1", "1", "10"])
    surface.axhline(0.0, color="white", linestyle="--", linewidth=1.2)
    for x, up, text in ((0.0, 0.0, "zero"), (1.0, 1.0, "solved"), (1.0, -1.0, "the same, exchanged")):
        surface.plot(x, up, "o", color="white", markersize=5)
        surface.annotate(text, (x, up), (0, 7), textcoords="offset points", color="white", ha="center")
    surface.set(xlabel="what the two neurons share", ylabel="what they differ in", title="Loss; equal neurons: dashed")
    for size, each, color in zip(ASYMMETRIES, symmetry, ["black", *COLORS], strict=False):
        updates = np.arange(0, LONGER + 1, 100)
        style = "-" if size else "--"
        if size:
            trace(apart, updates, neurons_apart(recorded(each)), color=color)
        name = f"$10^{{{math.log10(size):.0f}}}$" if size else "0: for ever"
        losses.plot(updates[:-1], each.loss[updates[:-1]], style, label=name, color=color, zorder=2 if size else 3)
    apart.set(yscale="log", xlabel="step", title="Difference of the neurons")
    losses.axhline(ONE_NEURON, color="black", linestyle=":", linewidth=1.0)
    losses.annotate(
        "one neuron at best",
        (1.0, ONE_NEURON),
        (0, -12),
        xycoords=losses.get_yaxis_transform(),
        textcoords="offset points",
        ha="right",
    )
    losses.set(xlabel="step", title="Loss", ylim=(0.0, 0.75))
    losses.spines[["top", "right"]].set_visible(False)
    losses.legend(title="difference at first", frameon=False, loc="lower right", bbox_to_anchor=(1.0, 0.05))
    for ax in (apart, losses):
        ax.xaxis.set_major_formatter("{x:,.0f}")


def _film(figure: "Figure", starts: list[Sequential]) -> Callable[[int], None]:
    updates = film_updates(TANH_STEPS)
    histories = [_train(net, TANH_STEPS, updates) for net in starts]
    nets = [[starts[0].with_theta(theta) for theta in recorded(history)] for history in histories]
    return film_maps(figure, ["from zeros", "from random weights"], nets, updates)


EXPERIMENT = Experiment(
    name="zero-init",
    title="The XOR gate from zeros and from random weights, 2-2-1",
    source='"Multi-Layer Neural Network의 실전: XOR Gate 만들어보기 (Python)", blog post of 3 January 2019',
    question="Why does a net whose weights all start at zero learn nothing, however long it trains?",
    run=run,
)
