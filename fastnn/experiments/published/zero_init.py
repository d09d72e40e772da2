"""The XOR gate from weights of zero, which learn nothing, and from random ones.

The page is a blog post of 3 January 2019, "Multi-Layer Neural Network의 실전: XOR
Gate 만들어보기 (Python)". Its step takes the sum of the four rows' gradients for
weights, and their mean for biases. It sets no seed, so only its zero start can be
compared digit by digit; for the rest there are distributions. They also show that the
page's last two outputs come from another step than the one that it lists.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import SGD, History, Runs, Sequential, datasets, mlp
from ...data.arrays import Array
from ...plot.style import COLORS, curve, despine, foreground
from ..drawing import ShowFrame, film_updates
from ..findings import among, equal, percentile, quantiles
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say
from ..trainings import recorded
from . import equal_neurons, gate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCALE, LR, STEPS, TANH_STEPS = 0.1, 0.1, 100_000, 5_000
# With summed gradients, a quarter of the rate makes biases follow the mean of the rows.
SUM_AND_MEAN = SGD(lr=LR, bias_lr=LR / 4)
# For the mean of all gradients: the steps with tanh that fit what the page shows, and
# the number of seeds.
MEAN_TANH_STEPS, MEAN_SEEDS = 20_000, 200

# The page's predictions after training for the rows (0, 0), (0, 1), (1, 0), (1, 1), and
# its loss at step 4,900.
PAGE_SIGMOID = np.array([0.00320744, 0.997725, 0.99772495, 0.002362])
PAGE_TANH = np.array([0.00237952, 0.99872297, 0.99872298, 0.00248596])
PAGE_TANH_LOSS = 0.001868090554160822
PAGE = {"sigmoid": PAGE_SIGMOID, "tanh": PAGE_TANH}


def page_rows() -> tuple[Array, Array]:
    """Return the four rows of XOR in the page's order."""
    X, y = datasets.xor_gate()
    return X[:, ::-1].copy(), y


def initial_theta(seed: int) -> Array:
    """Return the page's draws (9,), U(0, 1) times SCALE: W1, B1, W2, B2."""
    return np.random.RandomState(seed).random_sample(9) * SCALE


@dataclass(frozen=True, eq=False)
class TrainedNets:
    """Many nets after training.

    seeds: one seed per net
    runs: the trainings, with losses recorded every 100 steps
    predictions (n_nets, 4): the final predictions for the page's rows
    run: the line of the report
    """

    seeds: range
    runs: Runs
    predictions: Array
    run: Run

    @property
    def first_solved(self) -> int:
        """The number of the first net that has learned the gate."""
        return int(self.runs.solved(loss_below=gate.SOLVED).argmax())

    def nearest(self, page: Array) -> tuple[int, float]:
        """Return the net nearest to the page's predictions, and its largest error."""
        errors = np.abs(self.predictions - page).max(axis=1)
        return int(errors.argmin()), float(errors.min())

    def final_drop(self, net: int) -> float:
        """Return by which share a net's loss falls from the last 100th step on."""
        final = float(gate.bce(self.predictions[net]))
        return 1.0 - final / float(self.runs.loss[net, -2])


def train_many(
    activation: str, seeds: range, epochs: int, listed: bool = True
) -> TrainedNets:
    """Train nets from these seeds.

    listed: True takes the step that the page lists, False the mean of all gradients.
    """
    X, y = page_rows()
    optimizer, reduction = (SUM_AND_MEAN, "sum") if listed else (SGD(lr=LR), "mean")
    runs = mlp(2, 2, 1, activation=activation, loss="bce").fit_many(
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
    predictions = np.stack([net.predict_proba(X)[:, 1] for net in runs])
    mode = f"random, {activation}" + ("" if listed else ", all mean")
    gradients = "weights summed, biases mean" if listed else "all mean"
    setting = f"2-2-1 {activation}, full batch, {gradients}, lr {LR}"
    return TrainedNets(seeds, runs, predictions, gate.gate_run(mode, setting, runs))


def run(options: Options, say: Say) -> Outcome:
    """Train from zeros, from random weights, and from nearly equal neurons."""
    X, y = page_rows()
    say(f"all weights zero: {STEPS:,} steps")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        zero = mlp(2, 2, 1, loss="bce", init="zeros")
    zero_history = train(zero, STEPS, 1000)

    n, seeds, few = options.n_seeds, options.seeds(), options.seeds(MEAN_SEEDS)
    say(f"random weights, sigmoid: {STEPS:,} steps from {n:,} seeds")
    sigmoid = train_many("sigmoid", seeds, STEPS)
    say(f"random weights, tanh: {TANH_STEPS:,} steps from {n:,} seeds")
    tanh = train_many("tanh", seeds, TANH_STEPS)
    listed = {"sigmoid": sigmoid, "tanh": tanh}
    say("random weights, by the mean of all gradients")
    mean = {
        "sigmoid": train_many("sigmoid", few, STEPS, listed=False),
        "tanh": train_many("tanh", few, MEAN_TANH_STEPS, listed=False),
    }

    say("equal and nearly equal neurons")
    net = mlp(2, 2, 1, activation="tanh", loss="bce")
    nearly_equal = [
        train(net.with_theta(theta), MEAN_TANH_STEPS, 100)
        for theta in equal_neurons.nearly_equal_starts(initial_theta(seeds[0]))
    ]
    constant = train(net.with_theta(np.full(9, 0.5)), MEAN_TANH_STEPS, 100)
    solved = net.with_theta(tanh.runs.theta[tanh.first_solved])
    drawn = np.stack([initial_theta(seed) for seed in seeds])
    film_starts = [np.zeros(9), drawn[tanh.first_solved]]

    return Outcome(
        runs=[
            _zero_run(zero, zero_history),
            *(nets.run for nets in (*listed.values(), *mean.values())),
        ],
        findings=[
            *_zero_findings(zero, zero_history),
            *_random_findings(sigmoid, tanh),
            *_step_findings(listed, mean),
            equal_neurons.equal_finding([zero_history, nearly_equal[0], constant]),
        ],
        pictures=[
            Picture(
                "zero-init",
                "The page's three curves of the loss, every 100 steps, and the labels "
                "that the tanh net predicts on a grid of points.",
                (6.4, 5.8),
                lambda figure: _draw_page(figure, zero_history, listed, solved),
                "From zeros the loss never changes. From random weights it stays "
                "constant for a long time and then drops to nearly 0. The tanh net "
                "predicts 1 in a diagonal band, and 0 on both sides.",
            ),
            Picture(
                "zero-init-seeds",
                f"The two random starts of the page, from {n:,} seeds: the loss at "
                "each step, and when the nets leave the plateau near ln 2 = 0.693.",
                (7.2, 6.4),
                lambda figure: _draw_seeds(figure, sigmoid, tanh),
                "The page's sigmoid net ends within the middle 90% of the losses; its "
                "tanh net ends below them all.",
            ),
            Picture(
                "zero-init-why",
                "Why equal neurons stay equal, and how far apart they must start to "
                "separate. Above: the loss of nets whose parameters are multiples of "
                "the mean and of the difference of a trained net's neurons. Below: "
                "trainings from neurons that differ little; curves of the loss that "
                "coincide are drawn with different widths.",
                (6.4, 7.6),
                lambda figure: equal_neurons.draw(figure, solved, X, y, nearly_equal),
                "Two valleys of the loss, mirror images of each other, and no way down "
                "along the line of equal neurons. Below, differences that grow, and "
                "losses that reach 0 only from the two largest of them.",
            ),
        ],
        films=[
            Film(
                "zero-init",
                "The predicted labels during training: from zeros, where every "
                "prediction stays 0.5 (no colour), and from random weights, tanh.",
                (7.2, 4.6),
                len(film_updates(TANH_STEPS)),
                lambda figure: _film(
                    figure, [net.with_theta(theta) for theta in film_starts]
                ),
                "One map stays blank; the other one turns to a diagonal band.",
            )
        ],
        conclusion=[
            *equal_neurons.explanation(nearly_equal, drawn, str(caught[0].message)),
            *_random_conclusion(listed, mean),
        ],
    )


def train(net: Sequential, steps: int, record: int | list[int]) -> History:
    """Train by the step that the page lists, and record the parameters."""
    return net.fit(
        *page_rows(),
        epochs=steps,
        optimizer=SUM_AND_MEAN,
        batch_size="full",
        reduction="sum",
        record=record,
        progress=False,
    )


def _zero_run(zero: Sequential, history: History) -> Run:
    return Run(
        "all zero",
        f"2-2-1 sigmoid, full batch, weights summed, biases mean, lr {LR}",
        history.updates,
        history.seconds,
        zero.loss_and_grads(*page_rows())[0],
        zero.score(*page_rows()),
        trace={"loss_every_1000_steps": history.loss[::1000].tolist()},
    )


def _zero_findings(zero: Sequential, history: History) -> list[Finding]:
    """Compare what the page shows of zeros."""
    X, _ = page_rows()
    w1, b1, _, _ = zero.params
    hidden = 1.0 / (1.0 + np.exp(-(X @ w1 + b1)))
    furthest = np.abs(history.loss - gate.LN2).argmax()
    return [
        equal("zeros: outputs of the hidden neurons", [0.5] * 8, hidden.ravel(), 8),
        equal(
            f"zeros: predictions after {STEPS:,} steps",
            [0.5] * 4,
            zero.predict_proba(X)[:, 1],
            8,
        ),
        equal(
            "zeros: parameters after training (found: the largest)",
            0.0,
            np.abs(zero.theta).max(),
            8,
        ),
        equal(
            "zeros: loss at every step (found: the one furthest off)",
            gate.LN2,
            history.loss[furthest],
            16,
        ),
    ]


def _random_findings(sigmoid: TrainedNets, tanh: TrainedNets) -> list[Finding]:
    """Place what the page shows of random weights among results of its listed step."""
    findings = []
    for name, nets in (("sigmoid", sigmoid), ("tanh", tanh)):
        begun = gate.steps_to(nets.runs, gate.PLATEAU_END)
        finite = begun[begun < np.inf]
        findings += [
            gate.learned_finding(f"{name}: is the gate learned?", nets.runs),
            Finding(
                f"{name}: steps until the loss is below {gate.PLATEAU_END}",
                "only drawn",
                quantiles(finite, 0),
                f"of {len(finite):,} seeds; the others never get there",
                "ours",
            ),
        ]
    final = "after training, from the predictions shown"
    shown, losses = float(gate.bce(PAGE_SIGMOID)), gate.bce(sigmoid.predictions)
    findings.append(among(f"sigmoid: loss {final}", shown, losses, 6))
    for when, loss, sample in (
        ("at step 4,900", PAGE_TANH_LOSS, tanh.runs.loss[:, 49]),
        (final, float(gate.bce(PAGE_TANH)), gate.bce(tanh.predictions)),
    ):
        below = bool(loss < sample.min())
        verdict = (
            "the listed step does not lead there" if below else "NOT below them all"
        )
        findings.append(
            Finding(
                f"tanh: loss {when}",
                f"{loss:.6f}",
                quantiles(sample, 6),
                f"{percentile(loss, sample)}: {verdict}",
                "differs",
                below,
            )
        )
    return findings


def _step_findings(
    listed: Mapping[str, TrainedNets], mean: Mapping[str, TrainedNets]
) -> list[Finding]:
    """Find which step led to the page's predictions.

    It is the one that the page lists, or the one along the mean of all gradients.
    """
    findings = []
    for name, page in PAGE.items():
        gap, mean_gap = (nets[name].nearest(page)[1] for nets in (listed, mean))
        fits = mean_gap < gap / 5
        rank = percentile(float(gate.bce(page)), gate.bce(mean[name].predictions))
        steps = f" for {MEAN_TANH_STEPS:,} steps" if name == "tanh" else ""
        findings.append(
            Finding(
                f"{name}: the four predictions",
                ", ".join(f"{p:.6f}" for p in page),
                f"the nearest net is {gap:.0e} off; with mean gradients{steps}, "
                f"{mean_gap:.0e}",
                f"the page fits mean gradients; its loss is {rank} there"
                if fits
                else "NOT mean gradients",
                "differs",
                fits,
            )
        )
    page_drop = 1.0 - float(gate.bce(PAGE_TANH)) / PAGE_TANH_LOSS
    drop, mean_drop = (
        nets["tanh"].final_drop(nets["tanh"].nearest(PAGE_TANH)[0])
        for nets in (listed, mean)
    )
    fits = abs(mean_drop - page_drop) < 0.02 * page_drop < abs(drop - page_drop)
    findings.append(
        Finding(
            "tanh: fall of the loss in the last 100 steps",
            f"{page_drop:.3%}",
            f"{drop:.3%} in the nearest net; {mean_drop:.3%} in the nearest one with "
            "mean gradients",
            "the page fits mean gradients" if fits else "NOT mean gradients",
            "differs",
            fits,
        )
    )
    return findings


def _random_conclusion(
    listed: Mapping[str, TrainedNets], mean: Mapping[str, TrainedNets]
) -> list[str]:
    """Say what random weights learn, and which step led to the page's outputs."""
    sigmoid, tanh = (
        nets.runs.success_rate(loss_below=gate.SOLVED) for nets in listed.values()
    )
    gaps, mean_gaps = (
        [f"{nets[name].nearest(page)[1]:.0e}" for name, page in PAGE.items()]
        for nets in (listed, mean)
    )
    return [
        f"The page's step, as listed, leads {sigmoid:.0%} of "
        f"{len(listed['tanh'].seeds):,} seeds to the gate with sigmoid neurons in "
        f"{STEPS:,} steps, and {tanh:.0%} with tanh in {TANH_STEPS:,}.",
        "The two outputs that the page shows for random weights do not come from the "
        f"step that it lists: of these nets, the nearest is {gaps[0]} off in one of "
        f"the four predictions with sigmoid neurons, and {gaps[1]} with tanh. They fit "
        "a step with mean gradients for weights as well as for biases, which are those "
        f"of the mean loss: of {MEAN_SEEDS} such nets, the nearest is {mean_gaps[0]} "
        f"and {mean_gaps[1]} off, with tanh after {MEAN_TANH_STEPS:,} steps instead of "
        f"{TANH_STEPS:,}. The rate at which the loss falls at the end agrees. (And the "
        "listing does not run with NumPy 1.24 or later, which refuses a list of arrays "
        "of different shapes.)",
    ]


def _draw_page(
    figure: "Figure",
    zero: History,
    listed: Mapping[str, TrainedNets],
    net: Sequential,
) -> None:
    """Draw the page's pictures: three losses, and predicted labels on a grid."""
    axes = figure.subplots(2, 2)
    first, *others, predictions = axes.flat
    steps = np.arange(0, len(zero.loss), 100)
    _draw_loss(first, "all weights zero, sigmoid", steps, zero.loss[steps])
    for ax, (name, nets) in zip(others, listed.items(), strict=True):
        runs, net_number = nets.runs, nets.first_solved
        title = f"random weights, {name} (seed {nets.seeds[net_number]})"
        _draw_loss(ax, title, runs.epochs[:-1] - 1, runs.loss[net_number, :-1])
    side = np.arange(0, 1, 0.08)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(side, side)], axis=1)
    predicted = net.predict_proba(grid)[:, 1] >= 0.5
    for label, color in enumerate(COLORS[:2]):
        points = grid[predicted == label]
        predictions.scatter(*points.T, s=16, color=color, label=f"predicts {label}")
    predictions.set(
        xlabel="x1",
        ylabel="x2",
        aspect="equal",
        xticks=[0, 1],
        yticks=[0, 1],
    )
    predictions.set_title("random weights, tanh: predictions", fontsize="medium")
    predictions.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.25),
        ncols=2,
        frameon=False,
        fontsize="small",
    )


def _draw_loss(ax: "Axes", title: str, steps: Array, losses: Array) -> None:
    curve(ax, steps, losses, color=foreground())
    despine(ax)
    ax.set(xlabel="step", ylabel="mean loss", ylim=(0.0, 0.75))
    ax.set_title(title, fontsize="medium")
    ax.locator_params(axis="x", nbins=3)
    ax.xaxis.set_major_formatter("{x:,.0f}")


def _draw_seeds(figure: "Figure", sigmoid: TrainedNets, tanh: TrainedNets) -> None:
    """Draw the losses of all seeds, and when each leaves ln 2, in two columns."""
    axes = figure.subplots(2, 2, height_ratios=(1.4, 1))
    for (top, bottom), name, nets, steps, page in (
        (axes[:, 0], "sigmoid", sigmoid, STEPS, (STEPS, gate.bce(PAGE_SIGMOID))),
        (axes[:, 1], "tanh", tanh, TANH_STEPS, (4900, PAGE_TANH_LOSS)),
    ):
        gate.draw_losses(top, nets.runs)
        style: dict[str, Any] = {"linestyle": "none", "marker": "o", "clip_on": False}
        top.plot(*page, color=foreground(), label="the page's net", **style)
        top.set_title(name)
        top.locator_params(axis="x", nbins=5)
        top.legend(frameon=False, loc="lower left", fontsize="small")
        begun = gate.steps_to(nets.runs, gate.PLATEAU_END)
        gate.draw_plateau_ends(bottom, begun, steps)
        bottom.legend(frameon=False, fontsize="small", loc="upper right")


def _film(figure: "Figure", starts: list[Sequential]) -> ShowFrame:
    updates = film_updates(TANH_STEPS)
    nets = [
        [net.with_theta(theta) for theta in recorded(train(net, TANH_STEPS, updates))]
        for net in starts
    ]
    return gate.film_nets(figure, ["from zeros", "from random weights"], nets, updates)


EXPERIMENT = Experiment(
    name="zero-init",
    title="The XOR gate from zeros and from random weights, 2-2-1",
    source='"Multi-Layer Neural Network의 실전: XOR Gate 만들어보기 (Python)", blog '
    "post of 3 January 2019; author and address not known (it ends in "
    "/deeplearning//xor-gate-multilayer-neural-network)",
    question="Why does a net whose weights all start at zero learn nothing, however "
    "long it trains?",
    run=run,
)
