"""The XOR gate from weights of zero, which learn nothing, and from random ones; and why.

The page is a blog post of 3 January 2019, "Multi-Layer Neural Network의 실전: XOR Gate 만들어보기 (Python)". Its step
takes the sum of the four rows' gradients for weights, and their mean for biases. Only its zero start can be compared
digit by digit, since no seed is set; of the rest we have distributions. They also show that the page's last two outputs
come from another step than the one that it lists.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ... import datasets
from ...data.arrays import Array
from ...model import Sequential, mlp
from ...nn.optimizers import SGD
from ...plot import COLORS
from ...training.history import History
from ..drawing import film_updates, trace
from ..findings import among, equal, percentile, quantiles, recorded, seeds
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say
from . import equal_neurons, gate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEVIATION, LR, STEPS, TANH_STEPS = 0.1, 0.1, 100_000, 5_000
SUM_AND_MEAN = SGD(
    lr=LR, bias_lr=LR / 4
)  # with summed gradients, biases follow the mean of the four rows
LONGER, FEWER = (
    20_000,
    200,
)  # if all gradients are means: steps of tanh that fit what the page shows, and seeds

# Predictions after training that the page shows, of the rows (0, 0), (0, 1), (1, 0), (1, 1); the loss at step 4,900.
PAGE_SIGMOID = np.array([0.00320744, 0.997725, 0.99772495, 0.002362])
PAGE_TANH = np.array([0.00237952, 0.99872297, 0.99872298, 0.00248596])
PAGE_TANH_LOSS = 0.001868090554160822
PAGE = {"sigmoid": PAGE_SIGMOID, "tanh": PAGE_TANH}


def rows() -> tuple[Array, Array]:
    """The rows in the page's order."""
    X, y = datasets.xor_gate()
    return X[:, ::-1].copy(), y


def initial_theta(seed: int) -> Array:
    """The page's draws, U(0, 1) times the deviation: W1, B1, W2, B2, which is the order of theta."""
    return np.random.RandomState(seed).random_sample(9) * DEVIATION


@dataclass(frozen=True, eq=False)
class Nets:
    """Many nets after training: losses at steps 0, 100, ... and the last, and what became of each."""

    seeds: range
    loss: Array
    theta: Array
    predictions: Array
    run: Run

    @property
    def first(self) -> int:
        """The first net that has learned the gate."""
        return int((self.loss[:, -1] < gate.SOLVED).argmax())

    def nearest(self, page: Array) -> tuple[int, float]:
        """The net that comes nearest to the page's predictions, and by how much the worst of its four is off."""
        gaps = np.abs(self.predictions - page).max(axis=1)
        return int(gaps.argmin()), float(gaps.min())

    def drop(self, net: int) -> float:
        """The share by which a net's loss falls between the last recorded 100th step and the end."""
        return 1.0 - float(gate.bce(self.predictions[net]) / self.loss[net, -2])


def train_many(activation: str, seeds: range, epochs: int, listed: bool = True) -> Nets:
    """Nets from these seeds, trained as the page's listing does it, or along the mean of all gradients."""
    X, y = rows()
    optimizer, reduction = (SUM_AND_MEAN, "sum") if listed else (SGD(lr=LR), "mean")
    fits = mlp(2, 2, 1, activation=activation, loss="bce").fit_many(
        X,
        y,
        init=np.stack([initial_theta(seed) for seed in seeds]),
        epochs=epochs,
        optimizer=optimizer,
        batch_size="full",
        reduction=reduction,
        every=100,
        n_jobs=-1,
        progress=False,
    )
    predictions = np.stack([net.predict_proba(X)[:, 1] for net in fits])
    mode = f"random, {activation}" + ("" if listed else ", all mean")
    setting = f"2-2-1 {activation}, full batch, {'weights summed, biases mean' if listed else 'all mean'}, lr {LR}"
    return Nets(
        seeds, fits.loss, fits.theta, predictions, gate.run_of_many(mode, setting, fits)
    )


def run(options: Options, say: Say) -> Outcome:
    """From zeros; from random weights, sigmoid and tanh; what else the page may have done; and symmetry."""
    X, y = rows()
    say(f"all weights zero: {STEPS:,} steps")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        zero = mlp(2, 2, 1, loss="bce", init="zeros")
    flat = _train(zero, STEPS, 1000)

    n, many, fewer = options.n_seeds, seeds(options), seeds(options, FEWER)
    say(f"random weights, sigmoid: {STEPS:,} steps from {n:,} seeds")
    sigmoid = train_many("sigmoid", many, STEPS)
    say(f"random weights, tanh: {TANH_STEPS:,} steps from {n:,} seeds")
    tanh = train_many("tanh", many, TANH_STEPS)
    listed = {"sigmoid": sigmoid, "tanh": tanh}
    say("what the page's numbers fit")
    mean = {
        "sigmoid": train_many("sigmoid", fewer, STEPS, listed=False),
        "tanh": train_many("tanh", fewer, LONGER, listed=False),
    }

    say("why: symmetric starts")
    pair = mlp(2, 2, 1, activation="tanh", loss="bce")
    parting = [
        _train(pair.with_theta(theta), LONGER, 100)
        for theta in equal_neurons.starts(initial_theta(many[0]))
    ]
    constant = _train(pair.with_theta(np.full(9, 0.5)), LONGER, 100)
    solved = pair.with_theta(tanh.theta[tanh.first])
    usual = np.stack([initial_theta(seed) for seed in many])
    filmed = [np.zeros(9), initial_theta(many[tanh.first])]

    return Outcome(
        runs=[
            _zero_run(zero, flat),
            *(nets.run for nets in (*listed.values(), *mean.values())),
        ],
        findings=[
            *_zero_findings(zero, flat),
            *_random_findings(sigmoid, tanh),
            *_fitting_findings(listed, mean),
            equal_neurons.finding([flat, parting[0], constant]),
        ],
        pictures=[
            Picture(
                "zero-init",
                "The page's three traces, and the tanh net's answers over the unit square.",
                (11, 3.4),
                lambda figure: _draw_traces(figure, flat, listed, solved),
            ),
            Picture(
                "zero-init-seeds",
                f"The two random starts of the page, from {n:,} seeds.",
                (11, 6.4),
                lambda figure: _draw_seeds(figure, sigmoid, tanh),
            ),
            Picture(
                "zero-init-why",
                "Why equal neurons stay equal, and how far apart they must start to part; wide lines lie under others.",
                (12, 4.0),
                lambda figure: equal_neurons.draw(figure, solved, X, y, parting),
            ),
        ],
        films=[
            Film(
                "zero-init",
                "From zeros, which answer 0.5 everywhere (white), and from random weights, tanh.",
                (8, 4.8),
                len(film_updates(TANH_STEPS)),
                lambda figure: _film(
                    figure, [pair.with_theta(theta) for theta in filmed]
                ),
            )
        ],
        conclusion=[
            *equal_neurons.explanation(parting, usual, str(caught[0].message)),
            *_page(listed, mean),
        ],
    )


def _train(net: Sequential, steps: int, record: int | list[int]) -> History:
    """Train as the page lists it, and record the parameters now and then."""
    return net.fit(
        *rows(),
        epochs=steps,
        optimizer=SUM_AND_MEAN,
        batch_size="full",
        reduction="sum",
        record=record,
        progress=False,
    )


def _zero_run(zero: Sequential, flat: History) -> Run:
    return Run(
        "all zero",
        f"2-2-1 sigmoid, full batch, weights summed, biases mean, lr {LR}",
        flat.updates,
        flat.seconds,
        float(flat.loss[-1]),
        zero.score(*rows()),
        trace={"loss_every_1000_steps": flat.loss[::1000].tolist()},
    )


def _zero_findings(zero: Sequential, flat: History) -> list[Finding]:
    """What the page shows of zeros."""
    X, _ = rows()
    w1, b1, _, _ = zero.params
    hidden, furthest = (
        1.0 / (1.0 + np.exp(-(X @ w1 + b1))),
        np.abs(flat.loss - gate.LN2).argmax(),
    )
    return [
        equal("zeros: outputs of the hidden neurons", [0.5] * 8, hidden.ravel(), 8),
        equal(
            f"zeros: predictions after {STEPS:,} steps",
            [0.5] * 4,
            zero.predict_proba(X)[:, 1],
            8,
        ),
        equal(
            "zeros: parameters then (here the one furthest off)",
            0.0,
            np.abs(zero.theta).max(),
            8,
        ),
        equal(
            "zeros: loss at every step (here the one furthest off)",
            gate.LN2,
            flat.loss[furthest],
            16,
        ),
    ]


def _random_findings(sigmoid: Nets, tanh: Nets) -> list[Finding]:
    """What the page shows of random weights, among what its listed step leads to."""
    findings = []
    for name, nets in (("sigmoid", sigmoid), ("tanh", tanh)):
        left = gate.steps_to(nets.loss, gate.LEFT)
        ever = left[left < np.inf]
        what, spread = (
            f"{name}: steps until it is below {gate.LEFT}",
            quantiles(ever, 0),
        )
        findings += [
            gate.share_learned(f"{name}: is the gate learned?", nets.loss),
            Finding(
                what,
                "only drawn",
                spread,
                f"of {len(ever):,} seeds; the others never are",
                "ours",
            ),
        ]
    shown, after = gate.bce(PAGE_SIGMOID), gate.bce(sigmoid.predictions)
    findings.append(
        among(
            "sigmoid: loss after training, from the predictions shown",
            float(shown),
            after,
            6,
        )
    )
    for when, loss, sample in (
        ("at step 4,900", PAGE_TANH_LOSS, tanh.loss[:, 49]),
        (
            "after training, from the predictions shown",
            float(gate.bce(PAGE_TANH)),
            gate.bce(tanh.predictions),
        ),
    ):
        below = bool(loss < sample.min())
        verdict = (
            "the listed step does not lead there" if below else "NOT below them all"
        )
        place = f"{percentile(loss, sample)}: {verdict}"
        findings.append(
            Finding(
                f"tanh: loss {when}",
                f"{loss:.6f}",
                quantiles(sample, 6),
                place,
                "differs",
                below,
            )
        )
    return findings


def _fitting_findings(
    listed: Mapping[str, Nets], mean: Mapping[str, Nets]
) -> list[Finding]:
    """Which step the page's predictions come from: the one that it lists, or one along the mean of all gradients."""
    findings = []
    for name, page in PAGE.items():
        gap, mean_gap = (nets[name].nearest(page)[1] for nets in (listed, mean))
        fits = mean_gap < gap / 5
        place = percentile(float(gate.bce(page)), gate.bce(mean[name].predictions))
        after = f" for {LONGER:,} steps" if name == "tanh" else ""
        findings.append(
            Finding(
                f"{name}: the four predictions",
                ", ".join(f"{p:.6f}" for p in page),
                f"the nearest net is {gap:.0e} off; along mean gradients{after}, {mean_gap:.0e}",
                f"the page fits the latter; its loss is {place} there"
                if fits
                else "NOT the latter",
                "differs",
                fits,
            )
        )
    page_drop = 1.0 - float(gate.bce(PAGE_TANH)) / PAGE_TANH_LOSS
    drop, mean_drop = (
        nets["tanh"].drop(nets["tanh"].nearest(PAGE_TANH)[0]) for nets in (listed, mean)
    )
    fits = abs(mean_drop - page_drop) < 0.02 * page_drop < abs(drop - page_drop)
    findings.append(
        Finding(
            "tanh: fall of the loss in the last 100 steps",
            f"{page_drop:.3%}",
            f"{drop:.3%} in the nearest net; in the nearest of those along mean gradients {mean_drop:.3%}",
            "the page fits the latter" if fits else "NOT the latter",
            "differs",
            fits,
        )
    )
    return findings


def _page(listed: Mapping[str, Nets], mean: Mapping[str, Nets]) -> list[str]:
    """What the page's random weights learn, and which step made what it shows of them."""
    learned = [gate.learned(nets.loss) for nets in listed.values()]
    gaps, mean_gaps = (
        [f"{nets[name].nearest(page)[1]:.0e}" for name, page in PAGE.items()]
        for nets in (listed, mean)
    )
    return [
        f"As listed, the page's step leads {learned[0]:.0%} of {len(listed['tanh'].seeds):,} seeds to the gate with "
        f"sigmoid neurons in {STEPS:,} steps, and {learned[1]:.0%} with tanh in {TANH_STEPS:,}.",
        "The two outputs that the page shows for random weights were not made by the step that it lists: of these "
        f"nets, the nearest is {gaps[0]} off in one of the four predictions with sigmoid neurons, and {gaps[1]} with "
        "tanh. They fit a step that takes the mean for weights as well as for biases, as the mean loss asks for: of "
        f"{FEWER} such nets, the nearest is {mean_gaps[0]} and {mean_gaps[1]} off, with tanh after {LONGER:,} steps in "
        f"place of {TANH_STEPS:,}; the pace at which the loss falls at the end says the same. (And the listing no "
        "longer runs: today's NumPy does not copy a list of arrays of different shapes.)",
    ]


def _draw_traces(
    figure: "Figure", flat: History, listed: Mapping[str, Nets], net: Sequential
) -> None:
    """The page's pictures: the loss every 100 steps, three times, and the answers on a lattice."""
    axes = figure.subplots(1, 4)
    for ax, (name, nets) in zip(axes[1:], listed.items(), strict=False):
        trace(ax, 100 * np.arange(nets.loss.shape[1] - 1), nets.loss[nets.first, :-1])
        ax.set(
            title=f"random, {name} (seed {nets.seeds[nets.first]})",
            xlabel="step",
            ylim=(0.0, 0.75),
        )
    trace(axes[0], 100 * np.arange(len(flat.loss[::100])), flat.loss[::100])
    axes[0].set(
        title="all zero, sigmoid", xlabel="step", ylabel="mean loss", ylim=(0.0, 0.75)
    )
    for ax in axes[:3]:
        ax.locator_params(axis="x", nbins=3)
        ax.xaxis.set_major_formatter("{x:,.0f}")
    lattice = np.arange(0, 1, 0.08)
    points = np.stack([axis.ravel() for axis in np.meshgrid(lattice, lattice)], axis=1)
    found = net.predict_proba(points)[:, 1] >= 0.5
    for label, color in enumerate(COLORS[:2]):
        axes[3].scatter(*points[found == label].T, s=16, color=color, label=str(label))
    axes[3].set(
        title="tanh: answers",
        xlabel="x1",
        ylabel="x2",
        aspect="equal",
        xticks=[0, 1],
        yticks=[0, 1],
    )
    figure.legend(
        *axes[3].get_legend_handles_labels(),
        loc="outside right center",
        frameon=False,
        title="answer",
    )


def _draw_seeds(figure: "Figure", sigmoid: Nets, tanh: Nets) -> None:
    """Losses of all seeds, and the step at which each leaves ln 2; one row sigmoid, one tanh."""
    axes = figure.subplots(2, 2, width_ratios=(1.5, 1))
    for (ax, right), name, nets, mark in (
        (axes[0], "sigmoid", sigmoid, (STEPS, gate.bce(PAGE_SIGMOID))),
        (axes[1], "tanh", tanh, (4900, PAGE_TANH_LOSS)),
    ):
        steps = 100 * np.arange(nets.loss.shape[1] - 1)
        gate.fan(ax, steps, nets.loss[:, :-1])
        ax.plot(*mark, "o", color="black", label="the page", clip_on=False)
        ax.set_title(f"{name}: loss")
        ax.legend(frameon=False, loc="lower left")
        gate.histogram(right, gate.steps_to(nets.loss, gate.LEFT), steps[-1] + 100)
        right.set_title(f"{name}: {right.get_title()}")


def _film(figure: "Figure", starts: list[Sequential]) -> Callable[[int], None]:
    updates = film_updates(TANH_STEPS)
    histories = [_train(net, TANH_STEPS, updates) for net in starts]
    nets = [
        [starts[0].with_theta(theta) for theta in recorded(history)]
        for history in histories
    ]
    return gate.film_maps(figure, ["from zeros", "from random weights"], nets, updates)


EXPERIMENT = Experiment(
    name="zero-init",
    title="The XOR gate from zeros and from random weights, 2-2-1",
    source='"Multi-Layer Neural Network의 실전: XOR Gate 만들어보기 (Python)", blog post of 3 January 2019',
    question="Why does a net whose weights all start at zero learn nothing, however long it trains?",
    run=run,
)
