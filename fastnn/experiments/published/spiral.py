"""Three spirals, told apart by a 2-10-3 net: chapter 1 of "Deep Learning from Scratch 2" as a notebook.

The notebook builds nodes, layers and a TwoLayerNet, has typing errors, and stops before its training loop. The book
trains with batches of 30 for 300 epochs, at a learning rate of 1, from weights of 0.01 N(0, 1), and ends at a loss near
0.11.
"""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ... import datasets, plot
from ...data.arrays import Array
from ...model import Sequential
from ...nn import initializers
from ...nn.activations import Sigmoid
from ...nn.layers import Affine, Repeat, Sum
from ...nn.losses import SoftmaxCE
from ...plot import COLORS
from ...sweep.runs import Runs
from ...training.history import History
from ..drawing import film_updates, map_frames, trace
from ..findings import among, percentile, recorded, seeds, training
from ..outcome import Experiment, Film, Finding, Options, Outcome, Picture, Run, Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIDDEN, BATCH, EPOCHS, LR = 10, 30, 300, 1.0
UPDATES = EPOCHS * 10  # of the batches of 30 among 300 points
BOOK_LOSS = 0.11
SAME_ORDER = 50  # so many of the many nets see the points in the same order
SQUARE = (-1.05, 1.05)

# Mode, batch size, epochs, learning rate: the last makes as many updates as the first.
MODES: tuple[tuple[str, int | str, int, float], ...] = (
    ("batches of 30", BATCH, EPOCHS, LR),
    ("per sample", 1, EPOCHS, 0.1),
    ("full batch", "full", UPDATES, LR),
)

# What the notebook writes, and what it means.
TYPING_ERRORS = {
    "np.matmult": "np.matmul, in MatMul.backward",
    "self.W.T": "W.T, in Affine.backward",
    "y.reshpae": "y.reshape, in cross_entropy_error",
    "y.shpae": "y.shape, in cross_entropy_error",
    "layer.parms": "layer.params, in TwoLayerNet",
}


class TwoLayerNet:
    """The notebook's net of single layers, its weights from N(0, 1), with the methods that it stops before."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        rng: np.random.RandomState,
    ) -> None:
        weights = [
            rng.randn(input_size, hidden_size),
            rng.randn(hidden_size, output_size),
        ]
        first, second = ([w, np.zeros(w.shape[1])] for w in weights)
        self.layers = [
            Affine(input_size, hidden_size, init=first),
            Sigmoid(),
            Affine(hidden_size, output_size, init=second),
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
        """The scores of x, (n, output_size)."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def forward(self, x: Array, t: Array) -> float:
        """The mean loss."""
        return self.loss_layer.forward(self.predict(x), t)

    def backward(self) -> None:
        """Write the gradients of the last forward pass into `grads`, in place."""
        dout = self.loss_layer.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)

    def update(self, lr: float) -> None:
        """The notebook's SGD."""
        for param, grad in zip(self.params, self.grads, strict=True):
            param -= lr * grad


def spiral_net(seed: int = 0) -> Sequential:
    """The book's net, with its initial weights drawn from `seed`."""
    layers = [Affine(2, HIDDEN), Sigmoid(), Affine(HIDDEN, 3)]
    return Sequential(
        layers, loss="softmax_ce", init=initializers.normal(0.01), seed=seed
    )


def run(options: Options, say: Say) -> Outcome:
    """In batches of 30 as in the book, per sample, and on all rows at once; and layer by layer as in the notebook."""
    X, y = datasets.spiral()
    seed = seeds(options)[0]
    nets: dict[str, Sequential] = {}
    histories: dict[str, History] = {}
    for mode, batch_size, epochs, lr in MODES:
        say(mode)
        nets[mode] = spiral_net(seed)
        histories[mode] = nets[mode].fit(
            X,
            y,
            epochs=epochs,
            lr=lr,
            batch_size=batch_size,
            seed=seed,
            progress=False,
            record=film_updates(UPDATES) if batch_size == BATCH else None,
        )

    say("layer by layer")
    by_layers = _layer_by_layer(X, y, seed)

    n_seeds = (
        options.n_seeds // 5
    )  # the notebook gives no number to place among them; the book's is rounded
    say(f"batches of 30, from {n_seeds:,} seeds")
    many = _many_seeds(X, y, seeds(options, n_seeds))
    losses = np.concatenate([runs.loss[:, -1] for runs in many])

    book = nets["batches of 30"]
    frames = [book.with_theta(theta) for theta in recorded(histories["batches of 30"])]
    return Outcome(
        runs=[
            training(
                mode,
                f"2-{HIDDEN}-3, batch size {batch_size}, lr {lr}, {epochs:,} epochs",
                histories[mode],
                nets[mode].score(X, y),
            )
            for mode, batch_size, epochs, lr in MODES
        ]
        + [
            Run(
                "batches of 30, many seeds",
                f"2-{HIDDEN}-3, batch size {BATCH}, lr {LR}, {EPOCHS} epochs",
                sum(runs.updates for runs in many),
                sum(runs.seconds for runs in many),
                math.nan,
                math.nan,
                n_seeds,
                {"final_loss_by_seed": losses.tolist()},
            )
        ],
        findings=[
            *_shapes(X, y),
            *_typing_errors(),
            by_layers,
            _logarithm(book, X, y),
            among(
                "loss at the end: the book's, and that of many seeds",
                BOOK_LOSS,
                losses,
                digits=2,
            ),
        ],
        pictures=[
            Picture(
                "spiral-data",
                "The 300 points.",
                (4.6, 4.4),
                lambda figure: _draw_data(figure, X, y),
            ),
            Picture(
                "spiral-curves",
                "Loss and accuracy in the three ways of training (epochs on a logarithmic scale); dashed: the best.",
                (6.4, 5.6),
                lambda figure: _draw_curves(figure, histories),
            ),
            Picture(
                "spiral-regions",
                "The regions of the classes after training, and the points.",
                (10.8, 3.95),
                lambda figure: _draw_regions(figure, nets, X, y),
            ),
            Picture(
                "spiral-losses",
                "The losses at the end, of many seeds; dashed: the book's.",
                (6.0, 3.2),
                lambda figure: _draw_losses(figure, losses),
            ),
        ],
        films=[
            Film(
                "spiral-training",
                "The regions of the classes while the net is trained in batches of 30.",
                (4.4, 4.8),
                len(frames),
                lambda figure: _film(figure, frames, film_updates(UPDATES), X, y),
            )
        ],
        conclusion=_conclusion(nets, histories, losses, X, y),
    )


def _many_seeds(X: Array, y: Array, seeds: range) -> list[Runs]:
    """The book's training from many seeds, which draw the weights, and each `SAME_ORDER`th the order of the points."""
    groups = [seeds[at : at + SAME_ORDER] for at in range(0, len(seeds), SAME_ORDER)]
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


def _shapes(X: Array, y: Array) -> Iterator[Finding]:
    """What the notebook prints: shapes."""
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
        theirs, ours = (", ".join(map(str, shapes)) for shapes in (page, found))
        yield Finding(
            f"shapes of {what}",
            theirs,
            ours,
            "equal" if same else "NOT equal",
            "equal",
            same,
        )


def _typing_errors() -> Iterator[Finding]:
    for written, meant in TYPING_ERRORS.items():
        yield Finding(
            "typing error of the listing",
            written,
            meant,
            "built as it is meant",
            "differs",
        )


def _layer_by_layer(X: Array, y: Array, seed: int) -> Finding:
    """Ten epochs of the notebook's TwoLayerNet, layer by layer, and of `fit` from the same parameters."""
    epochs = 10
    by_hand = TwoLayerNet(2, HIDDEN, 3, np.random.RandomState(seed))
    net = spiral_net()
    net.theta = by_hand.theta
    net.fit(X, y, epochs=epochs, lr=LR, batch_size=BATCH, seed=seed, progress=False)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for rows in rng.permutation(len(X)).reshape(-1, BATCH):
            by_hand.forward(X[rows], y[rows])
            by_hand.backward()
            by_hand.update(LR)
    gap = float(np.abs(by_hand.theta - net.theta).max())
    return Finding(
        "TwoLayerNet layer by layer, and fit",
        "stops before training",
        f"parameters {gap:.0e} apart after {epochs * len(X) // BATCH} updates",
        "equal" if gap < 1e-12 else "NOT equal",
        "ours",
        gap < 1e-12,
    )


def _logarithm(net: Sequential, X: Array, y: Array) -> Finding:
    """The notebook's loss has 1e-7 in its logarithm, against log(0); ours is computed from the scores."""
    right = net.predict_proba(X)[np.arange(len(y)), y]
    gap = net.loss_and_grads(X, y)[0] + np.log(right + 1e-7).mean()
    return Finding(
        "cross-entropy of the true class's share p",
        "-log(p + 1e-7)",
        "-log p, computed from the scores: finite too",
        f"the page's is less, by {gap:.0e} after training; the gradients are the same",
        "differs",
    )


def _conclusion(
    nets: dict[str, Sequential],
    histories: dict[str, History],
    losses: Array,
    X: Array,
    y: Array,
) -> list[str]:
    end = {
        mode: f"a loss of {net.loss_and_grads(X, y)[0]:.3f}, with {net.score(X, y):.1%} right"
        for mode, net in nets.items()
    }
    low, high = np.quantile(losses, (0.25, 0.75))
    luck = (
        "a rather lucky one"
        if low > BOOK_LOSS
        else "a rather unlucky one"
        if high < BOOK_LOSS
        else "an ordinary one"
    )
    slow = (histories["batches of 30"].loss > 1.0).sum()
    return [
        "The notebook's listing does not run: it has the typing errors above, its loss layer wants a dout that nothing "
        "hands it, and its TwoLayerNet ends where forward, backward and the training would begin. Built as it is "
        "meant, from single layers, it makes the same parameters as `fit`.",
        f"Trained as in the book, the net has in the end, over all points, {end['batches of 30']}. All 300 points at "
        f"once, with as many updates, come to {end['full batch']}, and take ten times the arithmetic. One point at a "
        "time, with a tenth of the learning rate and as many epochs, are 30 times as many updates, and come to "
        f"{end['per sample']}.",
        f"The book's curve ends near {BOOK_LOSS}: a mean along the last epoch, which lies "
        f"{percentile(BOOK_LOSS, losses)}, of which the median is {np.median(losses):.3f}. Its training was {luck}.",
        f"At first the loss stays near ln 3 = {math.log(3):.4f}, that of a net which knows nothing, and above 1 for "
        f"{slow} epochs: from weights so small all hidden neurons are nearly alike, and it takes a while until they "
        "part.",
    ]


def _draw_data(figure: "Figure", X: Array, y: Array) -> None:
    plot.data(X, y, ax=figure.subplots()).locator_params(nbins=5)


def _draw_curves(figure: "Figure", histories: dict[str, History]) -> None:
    top, bottom = figure.subplots(2, 1, sharex=True)
    for (mode, history), color in zip(histories.items(), COLORS, strict=False):
        epochs = np.arange(1, history.epochs + 1)
        trace(top, epochs, history.loss, mode, color, best=history.loss.min())
        trace(
            bottom, epochs, history.accuracy, mode, color, best=history.accuracy.max()
        )
    top.set(ylabel="mean loss", ylim=(0.0, None))
    top.legend(frameon=False)
    bottom.set(ylabel="accuracy", xlabel="epoch", xscale="log", xlim=(1, None))
    bottom.xaxis.set_major_formatter("{x:,.0f}")


def _draw_regions(
    figure: "Figure", nets: dict[str, Sequential], X: Array, y: Array
) -> None:
    for ax, (mode, net) in zip(
        figure.subplots(1, 3, sharey=True), nets.items(), strict=True
    ):
        plot.decision_map(net, X, y, ax=ax, resolution=150)
        ax.locator_params(nbins=5)
        ax.label_outer()
        ax.set_title(f"{mode}: {net.score(X, y):.1%} right", fontsize="medium")
        if mode != "batches of 30":
            ax.get_legend().remove()  # one serves all three


def _draw_losses(figure: "Figure", losses: Array) -> None:
    from matplotlib.ticker import MaxNLocator

    ax = figure.subplots()
    ax.hist(losses, bins=40, color=COLORS[5], edgecolor="white", linewidth=0.5)
    ax.axvline(
        BOOK_LOSS, color=COLORS[1], linestyle="--", label=f"the book: near {BOOK_LOSS}"
    )
    ax.set(xlabel="mean loss in the last epoch", ylabel="nets")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)


def _film(
    figure: "Figure", nets: list[Sequential], updates: list[int], X: Array, y: Array
) -> Callable[[int], None]:
    ax = figure.subplots()
    plot.data(X, y, ax=ax)
    titles = [
        f"epoch {EPOCHS * after / UPDATES:.1f}, loss {net.loss_and_grads(X, y)[0]:.3f}"
        for net, after in zip(nets, updates, strict=True)
    ]
    return map_frames(ax, nets, titles, SQUARE)


EXPERIMENT = Experiment(
    name="spiral",
    title="Three spirals of 100 points, 2-10-3",
    source='a notebook on chapter 1 of "Deep Learning from Scratch 2" (Saito Goki)',
    question="How does one build a net of layers, each with forward and backward, that tells three spirals apart?",
    run=run,
)
