"""XOR on a grid: three logistic neurons, "nand" and "or" feeding "and", per sample.

The page is a blog post by jykim23. Its code has a mistake and a quirk. `backward`
returns the gradient by the weights where the chain rule needs that by the inputs, so
the hidden neurons learn from delta times input instead of delta times weight. And its
four confusion counters are never reset, so its accuracy is that of all epochs so far.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import (
    Affine,
    History,
    Sequential,
    Sigmoid,
    check_gradients,
    datasets,
    kernels,
    plot,
)
from ...data.arrays import Array
from ...plot.style import COLORS, curve, despine
from ..drawing import ShowFrame, draw_regions, film_regions, film_updates, show_all
from ..findings import equal
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say
from ..trainings import recorded, run_of_net

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE, EPOCHS, LR = 100, 50, 0.25
N = SIDE * SIDE  # points, and updates per epoch
SQUARE = (-0.5, 1.5)
NUDGE = 1e-14

# Results of the published code when it is run: the number of ones, and the mean loss
# and the accuracy after some epochs. The page itself prints no number.
PUBLISHED_ONES = 4300
PUBLISHED_LOSSES = {
    1: 0.30375386576179497,
    2: 0.26636844370544843,
    50: 0.02129332475926467,
}
PUBLISHED_ACCURACIES = {1: 0.8933, 50: 0.986}
CODE_RUN = "its code, run"
# The loss in the first epoch of plain Python code with the correct chain rule. (The
# last epochs are chaotic.)
CORRECT_FIRST_LOSS = 0.15209647504466994

# The page's condition for drawing a map, which skips epoch 0. (Epoch 48 is drawn last,
# into the same place of the sheet as epoch 0 would be.)
DRAWN_EPOCHS = [
    epoch for epoch in range(EPOCHS) if epoch % int(EPOCHS / 16) == 0 and epoch > 1
]
# The updates after which parameters are recorded, for the film and for the maps.
RECORDED = sorted(
    {*film_updates(EPOCHS * N), *((epoch + 1) * N for epoch in DRAWN_EPOCHS)}
)


class PublishedAffine(Affine):
    """An Affine layer with the page's mistake.

    Its backward pass returns delta times input instead of delta times weight.
    """

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        super().compute_back(dout, x, out)
        return x * dout.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Training:
    """A trained net, its loss and accuracy on all points, and its recorded parameters.

    thetas maps numbers of updates to the parameters (9,) after them.
    """

    mode: str
    net: Sequential
    history: History
    thetas: Mapping[int, Array]
    loss: float
    accuracy: float

    def net_after(self, updates: int) -> Sequential:
        """Return the net as it was after one of the recorded numbers of updates."""
        return self.net.with_theta(self.thetas[updates])


def initial_parameters() -> list[Array]:
    """Return [W1, b1, W2, b2] as the page draws them.

    For each of nand, or, and, it draws two weights, then a bias.
    """
    rng = np.random.RandomState(0)
    (w_nand, b_nand), (w_or, b_or), (w_and, b_and) = [
        (rng.randn(2), rng.randn()) for _ in range(3)
    ]
    return [
        np.stack([w_nand, w_or], axis=1),
        np.array([b_nand, b_or]),
        w_and[:, np.newaxis],
        np.array([b_and]),
    ]


def correct_net() -> Sequential:
    """Return the page's net before training, with the correct gradient."""
    return _net(Affine)


def published_net() -> Sequential:
    """Return the page's net before training, with the page's gradient.

    It runs layer by layer. `train_as_published` trains the same net 1,000 times faster.
    """
    return _net(PublishedAffine)


def _net(affine: type[Affine]) -> Sequential:
    layers = [affine(2, 2), Sigmoid(), affine(2, 1)]
    return Sequential(layers, loss="bce", init=initial_parameters())


def published_labels(X: Array) -> list[int]:
    """Return the labels from the page's loop over the points."""
    y = []
    for x1, x2 in X:
        z = 0.5 * x1 + 0.5 * x2
        if (z > 0.25) and (z < 0.75):
            y.append(1)
        else:
            y.append(0)
    return y


def train_as_published(X: Array, y: Array, epochs: int = EPOCHS) -> Training:
    """Train with the page's mistake, one update per sample in the order of X.

    The updates of RECORDED that are made are recorded.
    """
    train = kernels.loops.xor_grid_as_published.train
    net, n = correct_net(), len(X)
    theta, targets = net.theta.copy(), y.astype(np.float64)
    loss_sums, n_right = np.zeros(epochs), np.zeros(epochs, np.int64)
    fixed = (theta, loss_sums, n_right, X, targets, LR)
    train(*fixed, 0, 0)  # compiles, before the clock starts
    started = time.perf_counter()
    thetas = {0: theta.copy()}
    stops = {update for update in RECORDED if update < epochs * n}
    for first, end in pairwise(sorted({0, *stops, epochs * n})):
        train(*fixed, first, end)
        thetas[end] = theta.copy()
    seconds = time.perf_counter() - started
    net.theta = theta
    history = History(loss_sums / n, n_right / n, epochs * n, seconds)
    return _trained("as published", net, history, thetas, X, y)


def train_correctly(
    mode: str, X: Array, y: Array, shuffle: bool, seed: int = 0
) -> Training:
    """Train with the correct gradient, one update per sample."""
    net = correct_net()
    history = net.fit(
        X,
        y,
        epochs=EPOCHS,
        lr=LR,
        shuffle=shuffle,
        seed=seed,
        progress=False,
        record=RECORDED,
    )
    thetas = dict(zip(RECORDED, recorded(history), strict=True))
    return _trained(mode, net, history, thetas, X, y)


def _trained(
    mode: str,
    net: Sequential,
    history: History,
    thetas: Mapping[int, Array],
    X: Array,
    y: Array,
) -> Training:
    loss, accuracy = net.loss_and_grads(X, y)[0], net.score(X, y)
    return Training(mode, net, history, thetas, loss, accuracy)


def cumulative_accuracy(history: History) -> Array:
    """Return the accuracy (epochs,) as the page counts it, over all epochs so far."""
    return np.cumsum(history.accuracy) / np.arange(1, history.epochs + 1)


def run(options: Options, say: Say) -> Outcome:
    """Train as published, with the correct gradient, and that with shuffled points."""
    X, y = datasets.xor_grid(SIDE)
    say("as published")
    published = train_as_published(X, y)
    say("correct gradient")
    correct = train_correctly("correct gradient", X, y, shuffle=False)
    say("correct gradient, shuffled")
    shuffled = train_correctly(
        "correct gradient, shuffled", X, y, shuffle=True, seed=options.seed
    )
    trainings = [published, correct, shuffled]

    say("correct gradient, from weights that are a little larger")
    net = correct_net()
    net.theta *= 1.0 + NUDGE
    nudged = net.fit(X, y, epochs=EPOCHS, lr=LR, shuffle=False, progress=False)

    return Outcome(
        runs=[_run(training) for training in trainings],
        findings=[
            *_data_findings(X, y),
            *_published_findings(published.history),
            *_gradient_findings(correct.history, nudged),
            *(_final_finding(training) for training in trainings),
        ],
        pictures=[
            Picture(
                "xor-grid-maps",
                "Predictions of the published net, orange for 1 and blue for 0, after "
                "the epochs that the page draws, counted from 0.",
                (7.0, 7.6),
                lambda figure: _draw_maps(figure, published),
            ),
            Picture(
                "xor-grid-curves",
                "The data, and the loss and the accuracy of the published training. "
                "Dashed: the best value.",
                (5.0, 9.0),
                lambda figure: _draw_curves(figure, X, y, published.history),
            ),
            Picture(
                "xor-grid-gradients",
                "The published gradient and the correct one: the loss along each "
                "epoch, and the final maps with the loss on all points.",
                (7.6, 5.3),
                lambda figure: _draw_gradients(figure, trainings),
            ),
        ],
        films=[
            Film(
                "xor-grid-training",
                "Predictions of the three nets during training, with the mean loss of "
                "all points at that moment.",
                (7.2, 2.9),
                len(film_updates(EPOCHS * N)),
                lambda figure: _film(figure, trainings, X, y),
            )
        ],
        conclusion=_conclusion(published, correct, shuffled),
    )


def _run(training: Training) -> Run:
    order = "shuffled each epoch" if "shuffled" in training.mode else "row by row"
    setting = f"2-2-1, one update per point, {order}, lr {LR}, {EPOCHS} epochs"
    return run_of_net(training.mode, setting, training.history, training.accuracy)


def _data_findings(X: Array, y: Array) -> list[Finding]:
    """Check the number of ones, and that `datasets.xor_grid` has the page's labels."""
    wrong = int((np.array(published_labels(X)) != y).sum())
    return [
        equal("points with label 1", PUBLISHED_ONES, int(y.sum()), 0, CODE_RUN),
        Finding(
            "a better way to make the labels",
            'a loop over the points, and the question "is there no better way?"',
            "one expression, ((z > 0.25) & (z < 0.75)), in fastnn.datasets.xor_grid",
            f"NOT equal for {wrong} points"
            if wrong
            else f"equal for all {len(y):,} points",
            "equal",
            not wrong,
        ),
    ]


def _published_findings(history: History) -> list[Finding]:
    cumulative = cumulative_accuracy(history)
    # Rounding errors grow over 500,000 updates, but this training is not chaotic: nine
    # digits of the last loss are certain.
    losses = [
        equal(
            f"loss in epoch {epoch}",
            loss,
            history.loss[epoch - 1],
            12 if epoch < EPOCHS else 9,
            CODE_RUN,
        )
        for epoch, loss in PUBLISHED_LOSSES.items()
    ]
    accuracies = [
        equal(
            f"accuracy after epoch {epoch}, over all epochs so far",
            accuracy,
            cumulative[epoch - 1],
            6,
            CODE_RUN,
        )
        for epoch, accuracy in PUBLISHED_ACCURACIES.items()
    ]
    first, second, *_, last = DRAWN_EPOCHS
    return [
        *losses,
        *accuracies,
        Finding(
            f"accuracy in epoch {EPOCHS} alone",
            "not counted",
            f"{history.accuracy[-1]:.4f}",
            "higher than the page's, whose counters are never reset",
            "differs",
        ),
        equal(
            f"maps on the 4 x 4 sheet, of epochs {first}, {second}, ..., {last} from 0",
            16,
            len(DRAWN_EPOCHS),
            0,
            CODE_RUN,
        ),
    ]


def _gradient_findings(correct: History, nudged: History) -> list[Finding]:
    """Find the wrong gradients, and what the correct ones lead to.

    nudged is the training from weights that are larger by NUDGE of them.
    """
    reports = [
        check_gradients(net, *datasets.xor_grid(10))
        for net in (published_net(), correct_net())
    ]
    wrong = [
        [parameter.name for parameter in report.parameters if not parameter.ok]
        for report in reports
    ]
    expected = wrong == [["W1", "b1"], []]
    first = abs(correct.loss[0] - CORRECT_FIRST_LOSS) < 1e-12
    apart = np.abs(correct.loss - nudged.loss) > 0.001
    chaotic = (
        f"chaotic: rounding decides the third digit from epoch {apart.argmax() + 1} on"
    )
    return [
        Finding(
            "gradients that central differences contradict",
            "not checked",
            f"{', '.join(wrong[0])} as published; {', '.join(wrong[1]) or 'none'} with "
            "the correct chain rule",
            "the page's mistake" if expected else "NOT as expected",
            "differs",
            expected,
        ),
        Finding(
            "loss in epoch 1 with the correct chain rule",
            "not shown",
            f"{correct.loss[0]:.12f}",
            f"{'equal' if first else 'NOT equal'} to plain Python",
            "ours",
            bool(first),
        ),
        Finding(
            f"loss in epoch {EPOCHS} with the correct chain rule",
            "not shown",
            f"{correct.loss[-1]:.6f}; {nudged.loss[-1]:.6f} from weights that are "
            f"larger by a factor of 1 + {NUDGE:.0e}",
            chaotic if apart.any() else "NOT chaotic",
            "ours",
            bool(apart.any()),
        ),
    ]


def _final_finding(training: Training) -> Finding:
    along = training.history.loss[-1]
    comparison = "less" if training.loss < along else "more"
    return Finding(
        f"{training.mode}: the final net on all points",
        "not shown",
        f"loss {training.loss:.4f}, {training.accuracy:.2%} correct",
        f"{comparison} than the mean along the last epoch, {along:.4f}",
        "ours",
    )


def _conclusion(
    published: Training, correct: Training, shuffled: Training
) -> list[str]:
    course = ", ".join(
        f"{correct.history.loss[epoch - 1]:.2f} in epoch {epoch}"
        for epoch in (1, 2, 37, EPOCHS)
    )
    comparison = "below" if shuffled.loss < published.loss else "above"
    return [
        "Everything that the published code gives when it is run is reproduced, to the "
        "last digit that rounding leaves, curves and maps included. But the code works "
        "because of a mistake. Its backward pass gives the hidden neurons delta times "
        "input instead of delta times weight. With that the net learns although the "
        "points come row by row: its final loss on all of them is "
        f"{published.loss:.4f}, with {published.accuracy:.1%} correct.",
        "With the correct gradient and the same order it does not learn. Its loss "
        f"along the epochs looks as if it did ({course}), but only because the net "
        "follows the current row: each row teaches the net what holds there, and the "
        f"next rows undo it. On all points its final loss is {correct.loss:.2f}, with "
        f"{correct.accuracy:.0%} correct; rounding decides the digits of that.",
        "With shuffled points the correct gradient learns as well: in this order it "
        f"ends at {shuffled.loss:.4f}, {comparison} the published net's loss, with "
        f"{shuffled.accuracy:.1%} correct.",
        "The accuracy that the page draws counts all epochs so far, so it lags behind "
        "the accuracy of each epoch.",
        "The author asks for a better way to make the data: it is "
        "`fastnn.datasets.xor_grid(100)`, with both coordinates from one meshgrid and "
        "all labels from one expression.",
    ]


def _draw_maps(figure: "Figure", training: Training) -> None:
    for ax, epoch in zip(figure.subplots(4, 4).flat, DRAWN_EPOCHS, strict=True):
        net = training.net_after((epoch + 1) * N)
        draw_regions(ax, net, SQUARE, f"epoch {epoch}")


def _draw_curves(figure: "Figure", X: Array, y: Array, history: History) -> None:
    data, loss, accuracy = figure.subplots(3, 1, height_ratios=(2, 1, 1))
    epochs, cumulative = np.arange(1, history.epochs + 1), cumulative_accuracy(history)
    plot.data(X, y, ax=data)
    for points in data.collections:
        points.set(sizes=[7.0])  # points^2, at which neighbours touch
    data.set(xlim=SQUARE, ylim=SQUARE)
    data.locator_params(nbins=4)
    data.legend(
        title="",
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2,
        frameon=False,
        markerscale=2.5,
    )
    curve(loss, epochs, history.loss, best=history.loss.min())
    loss.set_ylabel("mean loss")
    curve(accuracy, epochs, history.accuracy, "in the epoch alone", COLORS[5])
    label, best = "over all epochs so far, as published", cumulative.max()
    curve(accuracy, epochs, cumulative, label, COLORS[1], best)
    accuracy.set(ylabel="accuracy", xlabel="epoch")
    accuracy.legend(frameon=False)
    for ax in (loss, accuracy):
        despine(ax)


def _draw_gradients(figure: "Figure", trainings: list[Training]) -> None:
    mosaic: list[Any] = [["loss"] * 3, [training.mode for training in trainings]]
    axes = figure.subplot_mosaic(mosaic, height_ratios=(1, 1.25))
    for training, color in zip(trainings, COLORS, strict=False):
        epochs = np.arange(1, training.history.epochs + 1)
        curve(axes["loss"], epochs, training.history.loss, training.mode, color)
        result = f"loss {training.loss:.3f}, {training.accuracy:.1%} correct"
        title = f"{training.mode}\n{result}"
        draw_regions(axes[training.mode], training.net, SQUARE, title)
    axes["loss"].set(xlabel="epoch", ylabel="loss along the epoch", ylim=(0.0, None))
    axes["loss"].legend(frameon=False)
    despine(axes["loss"])


def _film(figure: "Figure", trainings: list[Training], X: Array, y: Array) -> ShowFrame:
    # A film is laid out once, and "compressed" already places square axes well then.
    figure.set_layout_engine("compressed")
    updates = film_updates(EPOCHS * N)
    panels = []
    for ax, training in zip(figure.subplots(1, 3), trainings, strict=True):
        nets = [training.net_after(update) for update in updates]
        losses = [net.loss_and_grads(X, y)[0] for net in nets]
        titles = [
            f"{training.mode}\nepoch {update / N:.2f}, loss {loss:.3f}"
            for update, loss in zip(updates, losses, strict=True)
        ]
        panels.append(film_regions(ax, nets, titles, SQUARE))
    return show_all(panels)


EXPERIMENT = Experiment(
    name="xor-grid",
    title="XOR on a grid of 10,000 points, 2-2-1, one update per point",
    source='jykim23, "[Python] ANN : XOR - 2 layer 구현하기", blog post of '
    "16 November 2023",
    question="Can three logistic neurons learn XOR point by point, and is there a "
    "better way to make its data?",
    run=run,
)
