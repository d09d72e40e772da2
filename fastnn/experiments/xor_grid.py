"""XOR on a grid: three logistic neurons, "nand" and "or" feeding "and", trained point by point.

The page is a blog post of jykim23, "[Python] ANN : XOR - 2 layer 구현하기", of 16 November 2023. Its code has two
quirks. `backward` returns the gradient by the weights where the chain rule wants that by the inputs, so the hidden
neurons learn from delta times input instead of delta times weight. And its four confusion counters are never reset, so
its accuracy counts all epochs up to the present one.
"""

from collections.abc import Iterator

import numpy as np

from .. import datasets, kernels
from ..activations import Sigmoid
from ..arrays import Array
from ..history import History
from ..layers import Affine
from ..model import Sequential
from .result import Experiment, Run

EPOCHS, LR = 50, 0.25

# What the published code gives when it is run: the mean loss after these epochs, and the last accuracy.
PUBLISHED_LOSSES = {1: 0.30375386576179497, 2: 0.26636844370544843, 50: 0.02129332475926467}
PUBLISHED_ACCURACY = 0.986
# What it gives with the chain rule put right, in the first epoch. (Later ones are chaotic: rounding decides.)
RIGHT_FIRST_LOSS = 0.15209648


class PublishedAffine(Affine):
    """An Affine whose backward pass hands on delta times input, the page's mistake, in place of delta times weight."""

    feedback = kernels.codes.FEEDBACK_INPUTS


def initial_parameters() -> list[Array]:
    """[W1, b1, W2, b2] as the page draws them: for nand, or, and: two weights, then a bias."""
    rng = np.random.RandomState(0)
    (w_nand, b_nand), (w_or, b_or), (w_and, b_and) = [(rng.randn(2), rng.randn()) for _ in range(3)]
    return [np.stack([w_nand, w_or], axis=1), np.array([b_nand, b_or]), w_and[:, np.newaxis], np.array([b_and])]


def published_net() -> Sequential:
    """The page's net, with the page's gradient."""
    return _net(PublishedAffine)


def right_net() -> Sequential:
    """The page's net, with the right gradient."""
    return _net(Affine)


def _net(affine: type[Affine]) -> Sequential:
    return Sequential([affine(2, 2), Sigmoid(), affine(2, 1)], loss="bce", init=initial_parameters())


def _train(net: Sequential, X: Array, y: Array, shuffle: bool) -> History:
    return net.fit(X, y, epochs=EPOCHS, lr=LR, batch_size=1, shuffle=shuffle, seed=0, progress=False)


def cumulative_accuracy(history: History) -> Array:
    """The accuracy as the page counts it: over all epochs so far."""
    return np.cumsum(history.accuracy) / np.arange(1, history.epochs + 1)


def _equal(same: bool) -> str:
    return "equal" if same else "NOT equal"


def runs() -> Iterator[Run]:
    """As published, then with the right gradient, then with the right gradient and the points shuffled."""
    X, y = datasets.xor_grid(100)

    net = published_net()
    history = _train(net, X, y, shuffle=False)
    accuracy = round(float(cumulative_accuracy(history)[-1]), 12)
    gap = max(abs(history.loss[epoch - 1] - loss) for epoch, loss in PUBLISHED_LOSSES.items())
    first, last = PUBLISHED_LOSSES[1], PUBLISHED_LOSSES[50]
    shown = f"its code: loss {first:.8f} in epoch 1, {last:.8f} in epoch 50, accuracy {PUBLISHED_ACCURACY}"
    close, same = bool(gap < 1e-9), accuracy == PUBLISHED_ACCURACY
    agrees = f"losses {_equal(close)}, {gap:.0e} apart; accuracy {_equal(same)}"
    yield Run(MODES[0], net, history, accuracy, net.score(X, y), shown, agrees, close and same)

    net = right_net()
    history = _train(net, X, y, shuffle=False)
    same = round(float(history.loss[0]), 8) == RIGHT_FIRST_LOSS
    shown = f"nothing; its code, put right: loss {RIGHT_FIRST_LOSS} in epoch 1, then chaos near 0.15"
    agrees = f"epoch 1 {_equal(same)}"
    yield Run(MODES[1], net, history, float(history.accuracy[-1]), net.score(X, y), shown, agrees, same)

    net = right_net()
    history = _train(net, X, y, shuffle=True)
    yield Run(MODES[2], net, history, float(history.accuracy[-1]), net.score(X, y), "nothing", "not on the page")


MODES = ("as published", "right gradient", "right gradient, shuffled")

EXPERIMENT = Experiment(
    name="xor-grid",
    title="XOR on a grid of 10,000 points, 2-2-1, one update a point",
    modes=MODES,
    data=datasets.xor_grid,
    runs=runs,
    note=(
        "As published and right differ because the page's backward pass hands the hidden neurons delta times input "
        "in place of delta times weight: with that mistake the net settles although the points come row by row, "
        "while the right gradient follows each row of points and forgets the others, and needs them shuffled. "
        "(Accuracy as published counts all epochs so far, as the page does.)"
    ),
    source='jykim23, "[Python] ANN : XOR - 2 layer 구현하기", blog post of 16 November 2023',
)
