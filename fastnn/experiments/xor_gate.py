"""The XOR gate: a 2-2-1 net trained on all four rows at once, from two seeds, and again as PyTorch does it.

The page is a blog post of Majestyblue, "15. 다층 퍼셉트론(MLP) 등장 - 1.XOR 문제 해결(실습)", of 19 January 2022.
Its code gives the losses and predictions that the page shows, but not as it shows them: the losses are sums of four
where the code takes the mean, and the rows after training stand in another order. So its second seed, which the page
reads as a failure, has learned the gate as well.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from .. import datasets
from ..arrays import Array
from ..history import History
from ..model import Sequential, mlp
from .compare import among, equal, recorded
from .drawing import COLORS, film_updates, regions, trace
from .gate import LEFT, LN2, SQUARE, fan, film_maps, gate_points, histogram, learned, others, steps_to
from .outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS, STEPS, LR = (220132, 220118), 2000, 0.1
TORCH_STEPS, TORCH_LR = 2001, 1.0

# What the page writes beside the draws: W1 (out, in), B1, W2, B2. They are those of another seed.
COMMENT_SEED = 220117
PAGE_WEIGHTS = (
    -1.02877142, 1.37536642, -1.4391631, -0.1623922, -0.18509103, 0.4315507, 0.91429067, -0.88940343, -1.11679554,
)  # fmt: skip
# And for each seed: predictions and sum of losses before, then after, and which rows it shows after training.
PAGE_BEFORE = {
    220132: ((0.20601854, 0.15406817, 0.22655651, 0.16426513), 3.7652599788184817),
    220118: ((0.39046107, 0.25117422, 0.39236246, 0.27272831), 3.1306852854640237),
}
PAGE_AFTER = {
    220132: ((0.03651696, 0.94875326, 0.94477372, 0.04154988), 0.1890544867782224, (3, 2, 1, 0)),
    220118: ((0.02898241, 0.95838905, 0.03315866, 0.95648718), 0.1501209263458848, (3, 2, 0, 1)),
}
# Its losses in PyTorch, from an unknown seed, at steps 0, 100, ..., 2000.
PAGE_TORCH = (
    0.7308, 0.6934, 0.6932, 0.6932, 0.6932, 0.6931, 0.6931, 0.6930, 0.6929, 0.6925, 0.6908, 0.6764, 0.5921, 0.5135,
    0.2414, 0.0848, 0.0475, 0.0325, 0.0245, 0.0197, 0.0164,
)  # fmt: skip


def published_net(seed: int) -> Sequential:
    """The page's net, with its draws: W1, B1, W2, B2 from N(0, 1), where a row of W is a neuron."""
    rng = np.random.RandomState(seed)
    w1, b1, w2, b2 = rng.randn(2, 2), rng.randn(2), rng.randn(1, 2), rng.randn(1)
    return mlp(2, 2, 1, loss="bce", init=[w1.T, b1, w2.T, b2])


def torch_theta(seed: int) -> Array:
    """Parameters as PyTorch draws them by default: weights and biases alike within 1 / sqrt(2 inputs)."""
    limit = 1.0 / math.sqrt(2.0)
    return np.random.default_rng(seed).uniform(-limit, limit, 9)


def torch_losses(theta: Array) -> Array:
    """The losses (TORCH_STEPS,) of PyTorch itself, in float64, from these parameters."""
    import torch

    X, y = (torch.tensor(values, dtype=torch.float64) for values in datasets.xor_gate())
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sigmoid(), torch.nn.Linear(2, 1), torch.nn.Sigmoid())
    net.double()
    values = torch.tensor(theta)
    with torch.no_grad():
        net[0].weight[:], net[0].bias[:] = values[:4].reshape(2, 2).T, values[4:6]
        net[2].weight[:], net[2].bias[:] = values[6:8], values[8:]
    optimizer, losses = torch.optim.SGD(net.parameters(), lr=TORCH_LR), []
    for _ in range(TORCH_STEPS):
        loss = torch.nn.functional.binary_cross_entropy(net(X)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


@dataclass(frozen=True, eq=False)
class Trained:
    """One seed of the page: predictions and summed losses before and after, the history, the nets of the film."""

    seed: int
    predictions: tuple[Array, Array]
    loss: tuple[float, float]
    history: History
    nets: Sequence[Sequential]

    def findings(self) -> list[Finding]:
        """What the page shows of this seed, beside ours."""
        before, sum_before = PAGE_BEFORE[self.seed]
        after, sum_after, rows = PAGE_AFTER[self.seed]
        shown = ", ".join("({:.0f}, {:.0f})".format(*datasets.xor_gate()[0][row]) for row in rows)
        name = f"seed {self.seed}"
        return [
            equal(f"{name}: predictions before training", before, self.predictions[0], 8),
            equal(f"{name}: sum (its code: mean) of the losses before", sum_before, self.loss[0], 12),
            equal(f"{name}: predictions after, of the rows {shown}", after, self.predictions[1][list(rows)], 8),
            equal(f"{name}: sum (its code: mean) of the losses after", sum_after, self.loss[1], 12),
        ]


def train(seed: int) -> Trained:
    """The page's training."""
    X, y = datasets.xor_gate()
    net = published_net(seed)
    states = [(net.predict_proba(X)[:, 1], net.loss_and_grads(X, y, reduction="sum")[0])]
    history = net.fit(
        X, y, epochs=STEPS, lr=LR, batch_size="full", reduction="sum", record=film_updates(STEPS), progress=False
    )
    states.append((net.predict_proba(X)[:, 1], net.loss_and_grads(X, y, reduction="sum")[0]))
    predictions, losses = zip(*states, strict=True)
    return Trained(seed, predictions, losses, history, [net.with_theta(theta) for theta in recorded(history)])


def run(options: Options, say: Say) -> Outcome:
    """Both seeds of the page, then its PyTorch part from many seeds."""
    X, y = datasets.xor_gate()
    w1, b1, w2, b2 = published_net(COMMENT_SEED).params
    drawn = np.concatenate([w1.T.ravel(), b1, w2.ravel(), b2])
    findings = [equal(f"the weights in its comments: not seed {SEEDS[0]}'s, {COMMENT_SEED}'s", PAGE_WEIGHTS, drawn, 8)]
    runs, gates = [], []
    for seed in SEEDS:
        say(f"seed {seed}: {STEPS:,} steps on all four rows")
        gate = train(seed)
        gates.append(gate)
        findings += gate.findings()
        runs.append(
            Run(
                f"seed {seed}", f"2-2-1 sigmoid, full batch, summed, lr {LR}", STEPS, gate.history.seconds,
                gate.loss[1] / 4, gate.nets[-1].score(X, y),
                trace={"loss_every_20_steps": gate.history.loss[::20].tolist()},
            )
        )  # fmt: skip
    answers = [f"{p:.0f}" for p in gates[1].predictions[1]]
    findings.append(
        Finding(
            f"does seed {SEEDS[1]} fail?", "yes: 0, 1, 0, 1", "no: " + ", ".join(answers),
            "the page reads its rows in the wrong order", answers == ["0", "1", "1", "0"],
        )
    )  # fmt: skip

    n = options.n_seeds
    say(f"as in PyTorch, from {n:,} seeds")
    thetas = np.stack([torch_theta(seed) for seed in range(options.seed, options.seed + n)])
    net = mlp(2, 2, 1, loss="bce")
    fits = net.fit_many(
        X, y, init=thetas, epochs=TORCH_STEPS, lr=TORCH_LR, batch_size="full", every=100, n_jobs=-1, progress=False
    )
    findings += _torch_findings(fits.loss)
    runs.append(
        Run(
            "as in PyTorch", f"2-2-1 sigmoid, full batch, mean, lr {TORCH_LR:g}", fits.updates, fits.seconds,
            math.nan, math.nan, n, {"median_loss_every_100_steps": np.median(fits.loss, axis=0).tolist()},
        )
    )  # fmt: skip
    if find_spec("torch") is not None:
        say("PyTorch itself, in float64")
        ours = net.with_theta(thetas[0]).fit(X, y, epochs=TORCH_STEPS, lr=TORCH_LR, batch_size="full", progress=False)
        gap = float(np.abs(ours.loss - torch_losses(thetas[0])).max())
        findings.append(
            Finding(
                f"PyTorch itself from the same weights, {TORCH_STEPS:,} steps in float64", "not shown",
                f"losses at most {gap:.0e} apart", "equal but for rounding" if gap < 1e-9 else "NOT equal", gap < 1e-9,
            )
        )  # fmt: skip

    return Outcome(
        runs,
        findings,
        [
            Picture(
                "xor-gate", "Both seeds of the page learn the gate: losses and decision maps.", (11, 3.8),
                lambda figure: _gate(figure, gates),
            ),
            Picture(
                "xor-gate-pytorch", f"The PyTorch part from {n:,} seeds, and the page's run.", (11, 3.8),
                lambda figure: _torch(figure, fits.loss),
            ),
        ],
        [
            Film(
                "xor-gate", "Both seeds of the page while they train.", (8, 4.8), len(gates[0].nets),
                lambda figure: _film(figure, gates),
            )
        ],
        [
            "Both seeds give the page's numbers to all printed digits. What the page prints as the loss is the sum of "
            "four, though its code takes the mean; and it prints the rows after training in another order than "
            f"before. Put back in order, seed {SEEDS[1]} has learned the gate like the other one: it did not fail.",
            f"The PyTorch part has no seed. From PyTorch's own initial weights, {learned(fits.loss):.0%} of "
            f"{n:,} nets learn the gate within 2,000 steps. Most of them first stay near ln 2 = 0.693 for some hundred "
            "steps, the loss of a net that answers 0.5 to everything, where the slope is small in all directions. The "
            "page's net stays there for longer than most.",
        ],
    )  # fmt: skip


def _torch_findings(losses: Array) -> list[Finding]:
    left, page_left = steps_to(losses, LEFT), float(steps_to(np.array([PAGE_TORCH]), LEFT)[0])
    return [
        among("PyTorch: loss before training", PAGE_TORCH[0], losses[:, 0], 4),
        among("PyTorch: loss at step 2,000", PAGE_TORCH[-1], losses[:, -1], 4),
        among(f"PyTorch: steps until the loss is below {LEFT}, where it ever is", page_left, left[left < np.inf], 0),
        Finding(
            "PyTorch: is the gate learned in 2,000 steps?", "yes, by its one net", f"by {learned(losses):.1%}",
            others(losses),
        ),
    ]  # fmt: skip


def _gate(figure: "Figure", gates: Sequence[Trained]) -> None:
    ax, *maps = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    for gate, where, color in zip(gates, maps, COLORS[2:], strict=False):
        trace(ax, np.arange(STEPS), gate.history.loss, label=f"seed {gate.seed}", color=color)
        regions(where, gate.nets[-1], SQUARE, f"seed {gate.seed} after {STEPS:,} steps")
        gate_points(where)
    ax.axhline(LN2, color="black", linestyle=":", linewidth=1.0, label="ln 2: knows nothing")
    ax.set(yscale="log", xlabel="step", ylabel="mean loss")
    ax.legend(frameon=False)


def _torch(figure: "Figure", losses: Array) -> None:
    ax, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    steps = 100 * np.arange(losses.shape[1])
    fan(ax, steps, losses)
    ax.plot(steps, PAGE_TORCH, "o", color="black", markersize=4, label="the page")
    ax.set_title("loss")
    ax.legend(frameon=False, loc="lower left")
    histogram(right, steps_to(losses, LEFT), TORCH_STEPS - 1)
    page = steps_to(np.array([PAGE_TORCH]), LEFT)[0]
    right.axvline(page, color="black", linestyle="--")
    right.annotate(
        f"the page: {page:,.0f}", (page, 0.9), (6, 0), xycoords=right.get_xaxis_transform(), textcoords="offset points"
    )


def _film(figure: "Figure", gates: Sequence[Trained]) -> Callable[[int], None]:
    names = [f"seed {gate.seed}" for gate in gates]
    return film_maps(figure, names, [gate.nets for gate in gates], film_updates(STEPS))


EXPERIMENT = Experiment(
    name="xor-gate",
    title="The XOR gate, 2-2-1, all four rows in each step",
    source='Majestyblue, "15. 다층 퍼셉트론(MLP) 등장 - 1.XOR 문제 해결(실습)", blog post of 19 January 2022',
    question="Why does one seed learn the gate where the other one, the page says, fails?",
    run=run,
)
