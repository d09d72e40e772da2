"""The cases: data, net, update rule and number of updates, equal for all contenders."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """Work for the contenders: train this net on these rows, or predict the rows.

    X: (n, n_in). y: (n,) class numbers, or (n, n_out) values for "mse". params: [W1,
    b1, ...] with W (n_in, n_out); each array has a leading axis of nets if there are
    many. Hidden layers have the activation `hidden`; the last layer's belongs to the
    loss, and for "mse" it is `output`, "identity" or "sigmoid". Losses are means over
    rows (of "mse": over outputs, too), and the last batch of an epoch may be smaller.
    `optimizer` is "sgd" (no momentum) or "adam" (betas 0.9 and 0.999, eps 1e-8). Of
    kind "predict", a case predicts all rows `epochs` times.

    Where `shuffled`, each epoch has the rows in another one of the `orders`, which
    fastnn draws while it trains; the others have them beforehand. Where `by_sample`,
    samples come one by one: a contender is called with each of them, as with those of a
    stream. Where `separate`, each epoch is a training of its own from the start, so
    that what a call costs counts.

    `epochs` is the length of a whole training and the most that is timed at once.
    `least_epochs` is the least, where the fixed cost of a training would distort a
    shorter measurement. `many` marks a case about many nets, even with one net. A case
    that is not `quick` takes part in a quick run only if it is named.

    All contenders must reach the same mean loss in epoch `checked_epochs`, within a
    relative `tolerance`; for prediction it is the loss of the predictions.
    """

    name: str
    X: Array
    y: Array
    params: tuple[Array, ...]
    loss: str
    lr: float
    batch_size: int
    epochs: int
    checked_epochs: int = 1
    hidden: str = "sigmoid"
    output: str = "identity"
    optimizer: str = "sgd"
    kind: str = "train"
    n_nets: int = 1
    tolerance: float = 1e-9
    least_epochs: int = 1
    many: bool = False
    shuffled: bool = False
    by_sample: bool = False
    separate: bool = False
    quick: bool = True

    @property
    def sizes(self) -> list[int]:
        """Return the numbers of units: inputs, each hidden layer, outputs."""
        return [len(self.X[0]), *(b.shape[-1] for b in self.params[1::2])]

    @property
    def dtype(self) -> str:
        """Return the name of the dtype."""
        return self.X.dtype.name

    @property
    def unit(self) -> str:
        """Return what is counted: an update of one net, a call, or a predicted row."""
        if self.kind == "predict":
            return "row"
        return "call" if self.separate else "update"

    @property
    def units(self) -> int:
        """Return the number of updates, calls or rows in an epoch, over all nets."""
        if self.kind == "predict":
            return len(self.X)
        if self.separate:
            return self.n_nets
        return self.n_nets * -(-len(self.X) // self.batch_size)

    @property
    def description(self) -> str:
        """Return the work in a line; runs are compared where these lines are equal."""
        net = "-".join(map(str, self.sizes))
        loss = f"{self.loss} of a {self.output}"
        loss = self.loss if self.output == "identity" else loss
        work = f"{net} {self.hidden}, {loss}, {self.dtype}, {len(self.X):,} rows"
        if self.kind == "predict":
            return f"{work}, predicted"
        optimizer = {"sgd": "SGD", "adam": "Adam"}[self.optimizer]
        batch = {1: "per sample", len(self.X): "all rows at once"}.get(
            self.batch_size, f"batches of {self.batch_size}"
        )
        batch = "one sample per call" if self.by_sample else batch
        batch = f"{batch}, one epoch per call" if self.separate else batch
        order = "shuffled" if self.shuffled else "in their order"
        nets = f", {self.n_nets:,} nets" if self.n_nets > 1 else ""
        rule = f"{optimizer} with learning rate {self.lr:g}"
        return f"{work} {order}, {batch}, {rule}{nets}"

    def targets(self) -> Array:
        """Return the targets of the outputs, (n, n_out).

        They are 0 or 1 for "bce", one-hot for "softmax_ce", and the values for "mse".
        """
        if self.loss == "softmax_ce":
            return np.eye(self.sizes[-1], dtype=self.X.dtype)[self.y]
        return self.y.reshape(len(self.y), -1).astype(self.X.dtype)

    def orders(self) -> Array:
        """Return the order of the rows in each epoch, (epochs, n).

        They are those of `fit`, whose documentation says how it draws them.
        """
        rng = np.random.default_rng(0)
        return np.stack([rng.permutation(len(self.X)) for _ in range(self.epochs)])

    def flat_params(self) -> Array:
        """Return the parameters with one row per net, (n_nets, n_params)."""
        return np.hstack([p.reshape(self.n_nets, -1) for p in self.params])

    def predicted_loss(self, outputs: Array) -> float:
        """Return the mean loss of predicted probabilities or values, (n, n_out)."""
        p = np.asarray(outputs, dtype=float).reshape(len(self.X), -1)
        if self.loss == "mse":
            return float(np.mean((p - self.targets()) ** 2))
        if self.loss == "bce":
            p = np.hstack([1.0 - p[:, -1:], p[:, -1:]])
        return float(
            -np.mean(np.log(np.take_along_axis(p, self.y[:, np.newaxis], axis=1)))
        )

    def astype(self, dtype: str) -> "Case":
        """Return the same work in another dtype."""
        y = self.y.astype(dtype) if self.loss == "mse" else self.y
        return replace(
            self,
            X=self.X.astype(dtype),
            y=y,
            params=tuple(p.astype(dtype) for p in self.params),
        )


@dataclass(frozen=True)
class MissingCase:
    """A case whose data are missing here, and the reason."""

    name: str
    why: str


def initial_parameters(
    sizes: list[int], seed: int = 0, dtype: str = "float64", n_nets: int = 1
) -> tuple[Array, ...]:
    """Draw weights with standard deviation 1 / sqrt(n_in); biases are zero."""
    rng = np.random.default_rng(seed)
    nets = () if n_nets == 1 else (n_nets,)
    params: list[Array] = []
    for n_in, n_out in pairwise(sizes):
        params.append(
            (rng.standard_normal((*nets, n_in, n_out)) / np.sqrt(n_in)).astype(dtype)
        )
        params.append(np.zeros((*nets, n_out), dtype))
    return tuple(params)


def _xor_grid() -> Iterator[Case]:
    from fastnn import datasets
    from fastnn.experiments.published import xor_grid

    X, y = datasets.xor_grid(100)
    published = tuple(xor_grid.initial_parameters())
    one = Case("xor-grid per sample", X, y, published, "bce", 0.25, 1, 50)
    yield one
    yield replace(one, name="xor-grid per sample shuffled", shuffled=True, quick=False)
    full = Case(
        "xor-grid full batch",
        X,
        y,
        published,
        "bce",
        0.25,
        len(X),
        500,
        checked_epochs=10,
    )
    yield full
    yield replace(
        full,
        name="fit of 10,000 rows, one epoch",
        checked_epochs=1,
        separate=True,
        quick=False,
    )
    nets = Case(
        "xor-grid 256 nets",
        X,
        y,
        initial_parameters([2, 2, 1], n_nets=256),
        "bce",
        0.25,
        1,
        50,
        n_nets=256,
    )
    yield nets
    yield replace(
        nets.astype("float32"), name="xor-grid 256 nets float32", tolerance=1e-5
    )
    # The only loss of FANN, which sums losses in float32 (hence the tolerance). Its
    # gradient clips sigmoids at 0.01 and 0.99, which shows after the first epoch.
    values = y.astype(float)
    squared = Case(
        "xor-grid squared error",
        X,
        values,
        initial_parameters([2, 2, 1]),
        "mse",
        1 / 64,
        1,
        50,
        tolerance=1e-5,
    )
    yield squared
    # The net that textbooks, FANN and TF Playground start with.
    yield replace(squared, name="xor-grid textbook net", output="sigmoid")
    wider, deeper = (initial_parameters(sizes) for sizes in ([2, 8, 1], [2, 8, 8, 1]))
    yield Case("2-8-1 per sample", X, y, wider, "bce", 0.25, 1, 30, quick=False)
    yield Case("2-8-8-1 per sample", X, y, deeper, "bce", 0.05, 1, 20, hidden="tanh")


def _streams() -> Iterator[Case]:
    from fastnn import datasets

    X, y = (array[::5].copy() for array in datasets.xor_grid(100))
    stream = Case(
        "stream 2-2-1",
        X,
        y,
        initial_parameters([2, 2, 1]),
        "bce",
        0.25,
        1,
        50,
        by_sample=True,
    )
    yield stream
    # Without a hidden layer, from weights of 0, as a logistic regression starts.
    zeros = np.zeros((2, 1)), np.zeros(1)
    yield replace(stream, name="stream 2-1", params=zeros)


def _xor_gate() -> Iterator[Case]:
    from fastnn import datasets

    X, y = datasets.xor_gate()
    one = initial_parameters([2, 2, 1])
    rows = Case("fit of four rows", X, y, one, "bce", 0.1, len(X), 2_000, separate=True)
    yield rows
    # How long NumPy takes for them is what the cost of a call is compared with.
    yield replace(
        rows, name="predict four rows", kind="predict", batch_size=1, separate=False
    )
    nets = initial_parameters([2, 2, 1], n_nets=100_000)
    yield Case(
        "xor-gate 100,000 nets",
        X,
        y,
        nets,
        "bce",
        0.1,
        len(X),
        2_000,
        checked_epochs=10,
        n_nets=100_000,
        least_epochs=200,
        quick=False,
    )


def _spiral() -> Iterator[Case]:
    from fastnn import datasets

    X, y = datasets.spiral()
    params = initial_parameters([2, 10, 3])
    batches = Case(
        "spiral batch 30", X, y, params, "softmax_ce", 1.0, 30, 1_000, checked_epochs=10
    )
    yield batches
    yield replace(batches, name="spiral batch 30 shuffled", shuffled=True)
    one = Case(
        "spiral per sample", X, y, params, "softmax_ce", 0.1, 1, 500, checked_epochs=3
    )
    yield one
    yield replace(one, name="spiral per sample shuffled", shuffled=True, quick=False)
    nets = initial_parameters([2, 10, 3], n_nets=1_024)
    yield Case(
        "spiral 1,024 nets",
        X,
        y,
        nets,
        "softmax_ce",
        1.0,
        30,
        1_000,
        checked_epochs=10,
        n_nets=1_024,
        quick=False,
    )


def _digits() -> Iterator[Case | MissingCase]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        for name in ("digits per sample", "digits batch 32"):
            yield MissingCase(
                name, "the digits come with scikit-learn: `pip install scikit-learn`"
            )
        return
    X, y = load_digits(return_X_y=True)
    X = (X / 16.0).astype("float32")
    params = initial_parameters([64, 32, 10], dtype="float32")
    yield Case(
        "digits per sample", X, y, params, "softmax_ce", 0.05, 1, 20, tolerance=1e-5
    )
    yield Case(
        "digits batch 32",
        X,
        y,
        params,
        "softmax_ce",
        0.5,
        32,
        50,
        tolerance=1e-5,
        checked_epochs=2,
    )


def _generated() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    X = rng.random((6_400, 784), dtype="float32") - np.float32(0.5)
    y = (X @ rng.standard_normal((784, 10), dtype="float32")).argmax(axis=1)
    for hidden in ([128], [512], [256, 128]):
        sizes = [784, *hidden, 10]
        params = initial_parameters(sizes, dtype="float32")
        yield Case(
            f"{'-'.join(map(str, sizes))} batch 128",
            X,
            y,
            params,
            "softmax_ce",
            0.1,
            128,
            4,
            tolerance=1e-5,
            quick=hidden == [128],
        )


def _matrix_exponential() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10_000, 4))
    matrices = X.reshape(-1, 2, 2) / 2.0**8  # the series, then eight squarings
    values = (
        np.eye(2)
        + matrices
        + matrices @ matrices / 2.0
        + matrices @ matrices @ matrices / 6.0
    )
    for _ in range(8):
        values = values @ values
    X, values = X.astype("float32"), values.reshape(-1, 4).astype("float32")
    params = initial_parameters([4, 32, 16, 4], dtype="float32")
    yield Case(
        "4-32-16-4 Adam",
        X,
        values,
        params,
        "mse",
        0.001,
        len(X),
        20,
        checked_epochs=3,
        hidden="tanh",
        optimizer="adam",
        tolerance=1e-5,
    )


def _predict() -> Iterator[Case]:
    params = initial_parameters([2, 10, 3])
    X = np.random.default_rng(1).uniform(-1.0, 1.0, (1_000_000, 2))
    y = np.arange(len(X)) % 3
    yield Case(
        "predict one row",
        X[:1],
        y[:1],
        params,
        "softmax_ce",
        0.0,
        1,
        2_000,
        kind="predict",
    )
    yield Case(
        "predict a million rows", X, y, params, "softmax_ce", 0.0, 1, 1, kind="predict"
    )


def cases() -> Iterator[Case | MissingCase]:
    """Yield all cases in the order in which they are shown."""
    for make in (
        _xor_grid,
        _streams,
        _xor_gate,
        _spiral,
        _digits,
        _generated,
        _matrix_exponential,
        _predict,
    ):
        yield from make()
