"""XOR on a grid: three logistic neurons, "nand" and "or" feeding "and", per sample.

The page is a blog post by jykim23. Its code has a mistake and a quirk. `backward`
returns the gradient by the weights where the chain rule needs that by the inputs, so
the hidden neurons learn from delta times input instead of delta times weight. And its
four confusion counters are never reset, so its accuracy is that of all epochs so far.
"""

import time
from collections.abc import Mapping, Sequence
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
)
from ...data.arrays import Array
from ...plot.style import COLORS, curve, despine
from ..drawing import (
    ShowFrame,
    draw_region_legend,
    draw_regions,
    film_regions,
    film_updates,
    run_colors,
    show_all,
)
from ..findings import equal
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say
from ..trainings import recorded, run_of_net

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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
# The numbers of epochs after which the page draws a map, and those after which the maps
# differ, since most happens at the beginning.
PAGE_MAPS = [epoch + 1 for epoch in DRAWN_EPOCHS]
SPACED_MAPS = [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 10, 50]
# The updates after which parameters are recorded, for the film and for the maps.
RECORDED = sorted(
    {
        *film_updates(EPOCHS * N),
        *(round(epoch * N) for epoch in [*PAGE_MAPS, *SPACED_MAPS]),
    }
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
                "Predictions of the published net over the square, after the epochs "
                f"that the page draws. From epoch {PAGE_MAPS[3]} on the maps look the "
                f"same because little changes: {_changed(published, X):.1%} of the "
                f"points get another label between epochs {PAGE_MAPS[3]} and "
                f"{PAGE_MAPS[-1]}.",
                (6.4, 7.9),
                lambda figure: _draw_maps(figure, published, PAGE_MAPS, X, y),
                "Sixteen decision maps. The first shows a single border and the "
                "others a diagonal band of label 1, which soon stops moving.",
            ),
            Picture(
                "xor-grid-maps-spaced",
                "The same training at moments that lie closer together at the "
                "beginning, where the predictions change. In the middle of an epoch, "
                "the net has seen the upper half of the square last.",
                (6.4, 7.9),
                lambda figure: _draw_maps(figure, published, SPACED_MAPS, X, y),
                "Sixteen decision maps, from one label everywhere over a single border "
                "to a diagonal band of label 1.",
            ),
            Picture(
                "xor-grid-curves",
                "The 10,000 points with their labels, and the loss and the accuracy of "
                "the published training in each epoch.",
                (5.0, 9.0),
                lambda figure: _draw_curves(figure, X, y, published.history),
                "A diagonal band of points with label 1; below, a falling loss and two "
                "rising curves of the accuracy.",
            ),
            Picture(
                "xor-grid-gradients",
                "The published gradient and the correct one: the mean loss during each "
                "epoch, and the maps after training with the loss and the accuracy on "
                "all points.",
                (7.2, 5.6),
                lambda figure: _draw_gradients(figure, trainings),
                "Three curves of the loss, of which the correct gradient's without "
                "shuffling stays high; below, three decision maps, of which that one "
                "shows a wedge instead of a band.",
            ),
        ],
        films=[
            Film(
                "xor-grid-training",
                "The labels that the three nets predict during training, with the mean "
                "loss over all points at that moment.",
                (7.2, 3.2),
                len(film_updates(EPOCHS * N)),
                lambda figure: _film(figure, trainings, X, y),
                "Three maps: as published and shuffled they settle to a diagonal band; "
                "with the correct gradient row by row the regions never settle.",
            )
        ],
        conclusion=_conclusion(published, correct, shuffled),
    )


def _run(training: Training) -> Run:
    order = "shuffled each epoch" if "shuffled" in training.mode else "row by row"
    setting = f"2-2-1, one update per point, {order}, lr {LR}, {EPOCHS} epochs"
    return run_of_net(
        training.mode, setting, training.history, training.loss, training.accuracy
    )


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
    first, second, *_, last = PAGE_MAPS
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
            f"maps on its 4 x 4 sheet, after epochs {first}, {second}, ..., {last} "
            "(which it counts from 0)",
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
    mean = training.history.loss[-1]
    comparison = "less" if training.loss < mean else "more"
    return Finding(
        f"{training.mode}: the final net on all points",
        "not shown",
        f"loss {training.loss:.4f}, {training.accuracy:.2%} correct",
        f"{comparison} than the mean loss during the last epoch, {mean:.4f}",
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
        "because of a mistake. Its backward pass gives the hidden neurons delta (the "
        "derivative of the loss by the output neuron's sum) times input instead of "
        "delta times weight. With that the net learns although the "
        "points come row by row: its final loss on all of them is "
        f"{published.loss:.4f}, with {published.accuracy:.1%} correct.",
        "With the correct gradient and the same order it does not learn. Its loss "
        f"during the epochs looks as if it did ({course}), but only because the net "
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


def _changed(training: Training, X: Array) -> float:
    """Return the share of points whose prediction changes over the page's last maps."""
    early, late = (
        training.net_after(epoch * N).predict(X)
        for epoch in (PAGE_MAPS[3], PAGE_MAPS[-1])
    )
    return float((early != late).mean())


def _draw_maps(
    figure: "Figure", training: Training, epochs: Sequence[float], X: Array, y: Array
) -> None:
    for ax, epoch in zip(figure.subplots(4, 4).flat, epochs, strict=True):
        net = training.net_after(round(epoch * N))
        when = f"after {epoch:g} epochs" if epoch else "before training"
        draw_regions(ax, net, SQUARE, f"{when}\n{net.score(X, y):.1%} correct")
        ax.title.set_fontsize("small")
    draw_region_legend(figure)


def _draw_curves(figure: "Figure", X: Array, y: Array, history: History) -> None:
    data, loss, accuracy = figure.subplots(3, 1, height_ratios=(2, 1, 1))
    epochs, cumulative = np.arange(1, history.epochs + 1), cumulative_accuracy(history)
    _draw_data(data, X, y)
    black, pink, _ = run_colors()
    lowest, highest = history.loss.min(), cumulative.max()
    label = f"mean of the epoch (dashed: lowest, {lowest:.4f})"
    curve(loss, epochs, history.loss, label, black, lowest)
    loss.set_ylabel("loss")
    curve(accuracy, epochs, history.accuracy, "of the epoch alone", pink)
    label = f"of all epochs so far, as published\n(dashed: highest, {highest:.4f})"
    curve(accuracy, epochs, cumulative, label, black, highest)
    accuracy.set(ylabel="accuracy", xlabel="epoch")
    for ax in (loss, accuracy):
        ax.legend(frameon=False, fontsize="small")
        despine(ax)


def _draw_data(ax: "Axes", X: Array, y: Array) -> None:
    """Draw the points as squares that touch, in the colours of their labels."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    half = (X[1, 0] - X[0, 0]) / 2
    low, high = SQUARE[0] - half, SQUARE[1] + half
    ax.imshow(
        y.reshape(SIDE, SIDE),  # row by row, from the top
        cmap=ListedColormap(COLORS[:2]),
        interpolation="nearest",
        extent=(low, high, low, high),
    )
    ax.set(xlabel="x1", ylabel="x2")
    ax.locator_params(nbins=4)
    ax.legend(
        handles=[
            Patch(color=color, label=f"label {label}")
            for label, color in enumerate(COLORS[:2])
        ],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2,
        frameon=False,
    )


def _draw_gradients(figure: "Figure", trainings: list[Training]) -> None:
    mosaic: list[Any] = [["loss"] * 3, [training.mode for training in trainings]]
    axes = figure.subplot_mosaic(mosaic, height_ratios=(1, 1.25))
    for training, color in zip(trainings, run_colors(), strict=True):
        epochs = np.arange(1, training.history.epochs + 1)
        curve(axes["loss"], epochs, training.history.loss, training.mode, color)
        result = f"loss {training.loss:.3f}, {training.accuracy:.1%} correct"
        title = f"{training.mode}\n{result}"
        draw_regions(axes[training.mode], training.net, SQUARE, title)
    axes["loss"].set(xlabel="epoch", ylabel="mean loss", ylim=(0.0, None))
    axes["loss"].legend(frameon=False)
    despine(axes["loss"])
    draw_region_legend(figure)


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
    draw_region_legend(figure)
    return show_all(panels)


EXPERIMENT = Experiment(
    name="xor-grid",
    title="XOR on a grid of 10,000 points, 2-2-1, one update per point",
    source='jykim23, "[Python] ANN : XOR - 2 layer 구현하기", blog post of '
    "16 November 2023; address not known",
    question="Can three logistic neurons learn XOR point by point, and is there a "
    "better way to make its data?",
    run=run,
)
