"""Three spirals, told apart by a 2-10-3 net: chapter 1 of "Deep Learning from Scratch 2" as a notebook.

The notebook stops before its training loop. The book trains with batches of 30 for 300 epochs, at a learning rate
of 1, from weights of 0.01 N(0, 1), and ends at a loss near 0.11.
"""

from collections.abc import Iterator

from .. import datasets, init
from ..activations import Sigmoid
from ..layers import Affine
from ..model import Sequential
from .result import Experiment, Run

# Mode, batch size, epochs, learning rate: the last makes as many updates as the first, 3,000.
_TRAININGS: tuple[tuple[str, int | str, int, float], ...] = (
    ("batches of 30", 30, 300, 1.0),
    ("per sample", 1, 300, 0.1),
    ("full batch", "full", 3000, 1.0),
)
BOOK_LOSS, NEAR = 0.11, 0.04


def spiral_net(seed: int = 0) -> Sequential:
    """The book's TwoLayerNet, with its initial weights drawn from `seed`."""
    layers = [Affine(2, 10), Sigmoid(), Affine(10, 3)]
    return Sequential(layers, loss="softmax_ce", init=init.normal(0.01), seed=seed)


def runs() -> Iterator[Run]:
    """In batches of 30 as in the book, per sample, and on all rows at once."""
    X, y = datasets.spiral()
    for mode, batch_size, epochs, lr in _TRAININGS:
        net = spiral_net()
        history = net.fit(X, y, epochs=epochs, lr=lr, batch_size=batch_size, seed=0, progress=False)
        shown, agrees, ok = "nothing", "not on the page", True
        if batch_size == 30:
            shown = f"nothing: it stops before training; the book ends near {BOOK_LOSS}"
            ok = abs(float(history.loss[-1]) - BOOK_LOSS) < NEAR
            agrees = "as near as seeds differ" if ok else "NOT near it"
        yield Run(mode, net, history, float(history.accuracy[-1]), net.score(X, y), shown, agrees, ok)


EXPERIMENT = Experiment(
    name="spiral",
    title="Three spirals of 100 points, 2-10-3",
    modes=tuple(mode for mode, *_ in _TRAININGS),
    data=datasets.spiral,
    runs=runs,
    note=(
        "Batches of 30 and the full batch make the same number of updates, 3,000, at the same learning rate of 1; "
        "per sample it is 90,000 updates at 0.1."
    ),
    source='a notebook on chapter 1 of "Deep Learning from Scratch 2" (Saito Goki)',
)
