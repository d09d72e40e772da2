"""Three spirals and a 2-10-3 net: a notebook on "Deep Learning from Scratch 2".

The notebook, on chapter 1 of the book, builds nodes, layers and a TwoLayerNet, has
typing errors, and stops before its training loop. The book trains in batches of 30 for
300 epochs, with a learning rate of 1, from weights of 0.01 N(0, 1), and ends at a loss
near 0.11.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ... import (
    Affine,
    History,
    Repeat,
    Runs,
    Sequential,
    Sigmoid,
    SoftmaxCE,
    Sum,
    datasets,
    init,
    plot,
)
from ...data.arrays import Array
from ...plot.style import (
    COLORS,
    curve,
    despine,
    foreground,
    labelled,
    legend_above,
)
from ..drawing import ShowFrame, film_regions, film_updates, run_colors
from ..findings import among, percentile
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Say
from ..trainings import recorded, run_of_net, run_of_nets

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIDDEN, BATCH, EPOCHS, LR = 10, 30, 300, 1.0
UPDATES = EPOCHS * 10  # 300 points make 10 batches of 30
BOOK_LOSS = 0.11
SAME_ORDER = 50  # nets that see the points in the same order, if there are many
SQUARE = (-1.05, 1.05)


@dataclass(frozen=True)
class Mode:
    """A way of training: batch size, epochs and learning rate."""

    name: str
    batch_size: int | str
    epochs: int
    lr: float


BOOK = Mode("batches of 30", BATCH, EPOCHS, LR)
PER_SAMPLE = Mode("per sample", 1, EPOCHS, 0.1)
FULL_BATCH = Mode("full batch", "full", UPDATES, LR)  # as many updates as the book
MODES = (BOOK, PER_SAMPLE, FULL_BATCH)

# The notebook's text, and its meaning.
TYPING_ERRORS = {
    "np.matmult": "np.matmul, in MatMul.backward",
    "self.W.T": "W.T, in Affine.backward",
    "y.reshpae": "y.reshape, in cross_entropy_error",
    "y.shpae": "y.shape, in cross_entropy_error",
    "layer.parms": "layer.params, in TwoLayerNet",
}


class TwoLayerNet:
    """The notebook's net of single layers, with the methods that the notebook lacks.

    Its weights are drawn from N(0, 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        rng: np.random.RandomState,
    ) -> None:
        w1 = rng.randn(input_size, hidden_size)
        w2 = rng.randn(hidden_size, output_size)
        self.layers = [
            Affine(input_size, hidden_size, init=[w1, np.zeros(hidden_size)]),
            Sigmoid(),
            Affine(hidden_size, output_size, init=[w2, np.zeros(output_size)]),
        ]
        self.loss_layer = SoftmaxCE()
        self.params: list[Array] = []
        self.grads: list[Array] = []
        for layer in self.layers:
            self.params += layer.params
            self.grads += layer.grads

    @property
    def theta(self) -> Array:
        """All parameters, in the order of `Sequential.theta`."""
        return np.concatenate([param.reshape(-1) for param in self.params])

    def predict(self, x: Array) -> Array:
        """Return the scores (n, output_size) of x."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def forward(self, x: Array, t: Array) -> float:
        """Return the mean loss."""
        return self.loss_layer.forward(self.predict(x), t)

    def backward(self) -> None:
        """Write the gradients of the last forward pass into `grads`, in place."""
        dout = self.loss_layer.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)

    def update(self, lr: float) -> None:
        """Make one step of the notebook's SGD."""
        for param, grad in zip(self.params, self.grads, strict=True):
            param -= lr * grad


def spiral_net(seed: int = 0) -> Sequential:
    """Return the book's net, with initial weights drawn from `seed`."""
    layers = [Affine(2, HIDDEN), Sigmoid(), Affine(HIDDEN, 3)]
    return Sequential(layers, loss="softmax_ce", init=init.normal(0.01), seed=seed)


@dataclass(frozen=True, eq=False)
class Training:
    """A net after its training, with its loss and accuracy on all points."""

    mode: Mode
    net: Sequential
    history: History
    loss: float
    accuracy: float


def train(mode: Mode, X: Array, y: Array, seed: int) -> Training:
    """Train the book's net; in batches of 30, record it for the film."""
    net = spiral_net(seed)
    history = net.fit(
        X,
        y,
        epochs=mode.epochs,
        lr=mode.lr,
        batch_size=mode.batch_size,
        seed=seed,
        progress=False,
        record=film_updates(UPDATES) if mode is BOOK else None,
    )
    loss, accuracy = net.loss_and_grads(X, y)[0], net.score(X, y)
    return Training(mode, net, history, loss, accuracy)


def train_many(X: Array, y: Array, seeds: range) -> list[Runs]:
    """Train as the book from many seeds.

    Each seed draws its own weights. The first of every SAME_ORDER seeds also draws the
    order of the points, for all of these.
    """
    groups = [seeds[i : i + SAME_ORDER] for i in range(0, len(seeds), SAME_ORDER)]
    return [
        spiral_net().fit_many(
            X,
            y,
            seeds=group,
            seed=group[0],
            epochs=EPOCHS,
            lr=LR,
            batch_size=BATCH,
            every=EPOCHS,
            n_jobs=-1,
            progress=False,
        )
        for group in groups
    ]


def run(options: Options, say: Say) -> Outcome:
    """Train as the book, per sample, in full batches, and layer by layer."""
    X, y = datasets.spiral()
    seed = options.seeds()[0]
    trainings = []
    for mode in MODES:
        say(mode.name)
        trainings.append(train(mode, X, y, seed))
    book = trainings[0]

    say("layer by layer")
    layerwise = _layerwise_finding(X, y, seed)

    # A fifth of the seeds is enough: the book gives only two digits.
    n_seeds = options.n_seeds // 5
    say(f"batches of 30, from {n_seeds:,} seeds")
    many = train_many(X, y, options.seeds(n_seeds))
    losses = np.concatenate([runs.final_loss for runs in many])

    frames = [book.net.with_theta(theta) for theta in recorded(book.history)]
    return Outcome(
        runs=[
            *(
                run_of_net(
                    training.mode.name,
                    _setting(training.mode),
                    training.history,
                    training.loss,
                    training.accuracy,
                )
                for training in trainings
            ),
            run_of_nets(
                "batches of 30, many seeds",
                _setting(BOOK),
                many,
                {"final_loss_by_seed": losses.tolist()},
            ),
        ],
        findings=[
            *_shape_findings(X, y),
            *_typing_errors(),
            layerwise,
            _logarithm_finding(book.net, X, y),
            among("final loss: the book's, and of many seeds", BOOK_LOSS, losses, 2),
        ],
        pictures=[
            Picture(
                "spiral-data",
                "The 300 points.",
                (4.6, 4.4),
                lambda figure: _draw_data(figure, X, y),
                "Three spirals of points, one for each label, that wind around one "
                "another.",
            ),
            Picture(
                "spiral-curves",
                "Loss and accuracy in each epoch for the three ways of training, with "
                "epochs on a logarithmic scale.",
                (6.4, 6.0),
                lambda figure: _draw_curves(figure, trainings),
                "All three losses fall in two steps. Per sample it takes the fewest "
                "epochs, and in full batches ten times as many as in batches of 30.",
            ),
            Picture(
                "spiral-regions",
                "The label that each net predicts after training, and the points with "
                "their labels.",
                (7.2, 3.8),
                lambda figure: _draw_maps(figure, trainings, X, y),
                "Three maps with much the same regions, which follow the spirals.",
            ),
            Picture(
                "spiral-losses",
                "The losses of many seeds in the last epoch, and the book's.",
                (6.0, 3.2),
                lambda figure: _draw_losses(figure, losses),
                "A histogram with its middle near 0.12; the book's 0.11 lies to the "
                "left of it.",
            ),
        ],
        films=[
            Film(
                "spiral-training",
                "The predicted labels during training in batches of 30.",
                (4.4, 4.8),
                len(frames),
                lambda figure: _film(figure, frames, film_updates(UPDATES), X, y),
                "Regions of three labels bend until they follow the spirals.",
            )
        ],
        conclusion=_conclusion(trainings, losses),
    )


def _setting(mode: Mode) -> str:
    return (
        f"2-{HIDDEN}-3, batch size {mode.batch_size}, lr {mode.lr}, "
        f"{mode.epochs:,} epochs"
    )


def _shape_findings(X: Array, y: Array) -> Iterator[Finding]:
    """Compare the shapes that the notebook prints."""
    rng = np.random.RandomState(0)
    row, rows = rng.randn(1, 8), rng.randn(7, 8)
    repeat, total, net = Repeat(7), Sum(), TwoLayerNet(2, 4, 3, rng)
    prints: list[tuple[str, list[tuple[int, ...]], list[Array]]] = [
        (
            "TwoLayerNet.predict: x, scores",
            [(10, 2), (10, 3)],
            [rng.randn(10, 2), net.predict(rng.randn(10, 2))],
        ),
        (
            "Repeat: x, y, dx",
            [(1, 8), (7, 8), (1, 8)],
            [row, repeat.forward(row), repeat.backward(rows)],
        ),
        ("Sum: y, dx", [(1, 8), (7, 8)], [total.forward(rows), total.backward(row)]),
        ("data: x, t", [(300, 2), (300, 3)], [X, np.eye(3)[y]]),
    ]
    for what, page, arrays in prints:
        found = [array.shape for array in arrays]
        same = found == page
        yield Finding(
            f"shapes of {what}",
            ", ".join(map(str, page)),
            ", ".join(map(str, found)),
            "equal" if same else "NOT equal",
            "equal",
            same,
        )


def _typing_errors() -> Iterator[Finding]:
    what, verdict = "typing error in the listing", "corrected as intended"
    for written, intended in TYPING_ERRORS.items():
        yield Finding(what, written, intended, verdict, "differs")


def _layerwise_finding(X: Array, y: Array, seed: int) -> Finding:
    """Compare ten epochs of TwoLayerNet with `fit` from the same parameters."""
    epochs = 10
    layerwise = TwoLayerNet(2, HIDDEN, 3, np.random.RandomState(seed))
    net = spiral_net()
    net.theta = layerwise.theta
    net.fit(X, y, epochs=epochs, lr=LR, batch_size=BATCH, seed=seed, progress=False)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for rows in rng.permutation(len(X)).reshape(-1, BATCH):
            layerwise.forward(X[rows], y[rows])
            layerwise.backward()
            layerwise.update(LR)
    gap = float(np.abs(layerwise.theta - net.theta).max())
    return Finding(
        "TwoLayerNet layer by layer, and fit",
        "stops before training",
        f"parameters {gap:.0e} apart after {epochs * len(X) // BATCH} updates",
        "equal" if gap < 1e-12 else "NOT equal",
        "ours",
        gap < 1e-12,
    )


def _logarithm_finding(net: Sequential, X: Array, y: Array) -> Finding:
    """Compare the losses: the notebook adds 1e-7 in the logarithm to avoid log 0."""
    true_p = net.predict_proba(X)[np.arange(len(y)), y]
    gap = net.loss_and_grads(X, y)[0] + np.log(true_p + 1e-7).mean()
    return Finding(
        "cross-entropy with probability p of the true class",
        "-log(p + 1e-7)",
        "-log p, computed from the scores: also finite",
        f"the page's is lower by {gap:.0e} after training, with the same gradients",
        "differs",
    )


def _conclusion(trainings: list[Training], losses: Array) -> list[str]:
    book, per_sample, full_batch = (
        f"a loss of {training.loss:.3f}, with {training.accuracy:.1%} correct"
        for training in trainings
    )
    low, high = np.quantile(losses, (0.25, 0.75))
    luck = (
        "a rather lucky one"
        if low > BOOK_LOSS
        else "a rather unlucky one"
        if high < BOOK_LOSS
        else "an ordinary one"
    )
    slow = (trainings[0].history.loss > 1.0).sum()
    return [
        "The notebook's listing does not run: it has the typing errors above, its loss "
        "layer needs a dout that nothing passes to it, and its TwoLayerNet ends where "
        "forward, backward and the training would begin. Built as intended, from "
        "single layers, it trains to the same parameters as `fit`.",
        f"Trained as in the book, the net ends, over all points, with {book}. All 300 "
        f"points at once, with as many updates, end with {full_batch}, and need ten "
        "times the arithmetic. One point at a time, with a tenth of the learning rate "
        "and as many epochs, makes 30 times as many updates, and ends with "
        f"{per_sample}.",
        f"The book's curve ends near {BOOK_LOSS}, the mean of its last epoch. It is "
        f"{percentile(BOOK_LOSS, losses)}, whose median is {np.median(losses):.3f}. "
        f"Its training was {luck}.",
        f"At first the loss stays near ln 3 = {math.log(3):.4f}, that of a net that "
        f"has learned nothing, and above 1 for {slow} epochs: with such small weights "
        "all hidden neurons are nearly the same, and they need time to separate.",
    ]


def _draw_data(figure: "Figure", X: Array, y: Array) -> None:
    plot.data(X, y, ax=figure.subplots()).locator_params(nbins=5)


def _draw_curves(figure: "Figure", trainings: list[Training]) -> None:
    top, bottom = figure.subplots(2, 1, sharex=True)
    for training, color in zip(trainings, run_colors(), strict=True):
        name, history = training.mode.name, training.history
        epochs = np.arange(1, history.epochs + 1)
        for ax, values, best in (
            (top, history.loss, history.loss.min()),
            (bottom, history.accuracy, history.accuracy.max()),
        ):
            label = f"{name} (dashed: best, {best:.3f})"
            curve(ax, epochs, values, label, color, best)
    top.set(ylabel="mean loss", ylim=(0.0, None))
    bottom.set(ylabel="accuracy", xlabel="epoch", xscale="log", xlim=(1, None))
    bottom.xaxis.set_major_formatter("{x:,.0f}")
    for ax in (top, bottom):
        legend_above(ax, labelled(ax.lines), column=2.8)
        despine(ax)


def _draw_maps(figure: "Figure", trainings: list[Training], X: Array, y: Array) -> None:
    for ax, training in zip(figure.subplots(1, 3, sharey=True), trainings, strict=True):
        plot.decision_map(training.net, X, y, ax=ax, resolution=150)
        ax.locator_params(nbins=5)
        ax.label_outer()
        title = f"{training.mode.name}:\n{training.accuracy:.1%} correct"
        ax.set_title(title, fontsize="medium")
        ax.get_legend().remove()  # one below serves all three
    figure.legend(
        *ax.get_legend_handles_labels(),
        title="point: label; region: predicted label",
        loc="outside lower center",
        ncols=3,
        frameon=False,
    )


def _draw_losses(figure: "Figure", losses: Array) -> None:
    from matplotlib.ticker import MaxNLocator

    ax = figure.subplots()
    ax.hist(
        losses, bins=40, color=COLORS[5], edgecolor=ax.get_facecolor(), linewidth=0.5
    )
    label = f"the book: near {BOOK_LOSS}"
    ax.axvline(BOOK_LOSS, color=foreground(), linestyle="--", label=label)
    ax.set(xlabel="mean loss in the last epoch", ylabel="number of nets")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    despine(ax)
    ax.legend(frameon=False)


def _film(
    figure: "Figure", nets: list[Sequential], updates: list[int], X: Array, y: Array
) -> ShowFrame:
    ax = figure.subplots()
    plot.data(X, y, ax=ax)
    losses = [net.loss_and_grads(X, y)[0] for net in nets]
    titles = [
        f"epoch {EPOCHS * update / UPDATES:.1f}, loss {loss:.3f}"
        for update, loss in zip(updates, losses, strict=True)
    ]
    return film_regions(ax, nets, titles, SQUARE)


EXPERIMENT = Experiment(
    name="spiral",
    title="Three spirals of 100 points, 2-10-3",
    source='a notebook on chapter 1 of the book "Deep Learning from Scratch 2" by '
    "Saito Goki; author, date and address not known",
    question="How does one build a net of layers, each with forward and backward, that "
    "classifies three spirals?",
    run=run,
)
