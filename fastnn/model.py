"""The model: a stack of layers, a loss, and one flat vector of parameters."""

import copy
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import kernels
from .data import labels
from .data.arguments import check_choice, check_dtype, check_seed
from .data.arrays import Array, all_finite, as_features, as_float_array
from .nn import architecture, optimizers, storage
from .nn.diagnostics import warn_of_symmetry
from .nn.initializers import Init, is_arrays
from .nn.layers import Layer, Weighted
from .nn.losses import Loss
from .sweep import one_by_one, scheduler
from .sweep.plan import LossRecording
from .sweep.runs import Runs
from .sweep.starts import Start
from .sweep.state import SweepState
from .training import config
from .training.engines.fused import Fused, layer_table
from .training.engines.layerwise import Layerwise
from .training.history import History
from .training.trainer import Engine, Trainer


class Sequential:
    """A net that is a list of layers, for one loss, with its initial parameters drawn from a seed.

    layers: `Affine` and the other layers. The activation that belongs to the loss (Sigmoid for "bce", Softmax for
    "softmax_ce") may stand at the end or be left out; it is the same net.
    loss: "bce" (one output), "softmax_ce" (one output a class), "mse" (values), or a Loss; by default "bce" where
    the stack ends in one output, "softmax_ce" otherwise.
    init: "xavier", "he", "normal(std)", "uniform(low, high)", "zeros", or the arrays [W1, b1, ...], W being
    (n_in, n_out). Weights are drawn layer by layer from `numpy.random.default_rng(seed)`; biases start at zero.
    Where hidden neurons start alike, as with zeros, a `SymmetryWarning` tells why they stay so.

    >>> from fastnn import Affine, Tanh
    >>> net = Sequential([Affine(2, 3), Tanh(), Affine(3, 1)], loss="bce", seed=0)
    >>> net.theta.shape, [p.shape for p in net.params]
    ((13,), [(2, 3), (3,), (3, 1), (1,)])
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        loss: str | Loss | None = None,
        *,
        init: str | Init | Sequence[Any] = "xavier",
        seed: int = 0,
        dtype: Any = "float64",
    ) -> None:
        self._layers = architecture.as_layers(layers)
        self._n_in, self._n_out = architecture.sizes(self._layers)
        self._loss = architecture.choose_loss(loss, self._n_out)
        self._stack = architecture.without_link(self._layers, self._loss)
        self.history: History | None = None  # of the last fit
        self.runs: Runs | None = (
            None  # what a fit_many that was interrupted had finished
        )
        self._classes: Array | None = None
        wanted = check_dtype(dtype)
        self._init = (
            None if is_arrays(init) else init
        )  # what `fit_many` draws others by
        drawn = architecture.draw(
            self._stack, init, np.random.default_rng(check_seed(seed))
        )
        self._bind(
            as_float_array(
                "init", np.concatenate([array.reshape(-1) for array in drawn]), wanted
            ).copy()
        )
        warn_of_symmetry(self._stack)

    def _bind(self, theta: Array) -> None:
        """Make theta the flat vector: the layers' parameters become views into it."""
        gradient = np.zeros_like(theta)
        params: list[Array] = []
        at = 0
        for layer in self._stack:
            views: tuple[list[Array], list[Array]] = ([], [])
            for shape in layer.shapes():
                stop = at + int(np.prod(shape))
                views[0].append(theta[at:stop].reshape(shape))
                views[1].append(gradient[at:stop].reshape(shape))
                at = stop
            if isinstance(layer, Weighted):
                layer.bind(*views)
            layer.owned = True
            params += views[0]
        self._theta, self._params = theta, params
        table = layer_table(self._stack)
        self._engine: Engine
        if table is None:
            self._engine = Layerwise(self._stack, gradient, self._loss, self._n_out)
        else:
            self._engine = Fused(theta, table, self._loss)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, as they were given; their parameters are views into `theta`."""
        return self._layers

    @property
    def loss(self) -> Loss:
        """The loss; its `name` is "bce", "softmax_ce" or "mse"."""
        return self._loss

    @property
    def classes(self) -> Array | None:
        """The sorted labels of the classes, once a fit has seen them; None before, and for "mse"."""
        return self._classes

    @property
    def n_in(self) -> int:
        """The number of inputs."""
        return self._n_in

    @property
    def n_out(self) -> int:
        """The number of plain outputs: one for "bce", one a class for "softmax_ce"."""
        return self._n_out

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of parameters, data and arithmetic."""
        return self._theta.dtype

    @property
    def theta(self) -> Array:
        """All parameters in one flat vector (n_params,): each layer's weights row by row, then its bias.

        It is the net's own array. Assigning to it copies the values.
        """
        return self._theta

    @theta.setter
    def theta(self, values: Any) -> None:
        array = as_float_array("theta", values, self.dtype)
        if array.shape != self._theta.shape:
            raise ValueError(
                f"theta has the shape {array.shape}, but the net has {self._theta.size} parameters"
            )
        self._theta[...] = array

    @property
    def params(self) -> list[Array]:
        """[W1 (n_in, n_out), b1 (n_out,), ...]: views into `theta`."""
        return list(self._params)

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int,
        lr: float | None = None,
        batch_size: int | str = 1,
        optimizer: str | optimizers.Optimizer | None = None,
        reduction: str = "mean",
        shuffle: bool = True,
        seed: int = 0,
        progress: bool | None = None,
        loop: str = "auto",
        n_jobs: int = 1,
        record: Any = None,
    ) -> History:
        """Train from the present parameters on, and return the history, which is also kept as `history`.

        X (n, n_in): numbers in a list, an array or a frame. y: labels (n,), which are whole numbers from 0 on, -1 and 1
        for two classes, or strings, as many different ones as there are classes; one-hot rows for "softmax_ce"; values
        (n,) or (n, n_out) for "mse".
        lr alone is plain SGD; otherwise optimizer=SGD(...) or Adam(...), or "sgd" or "adam" with lr. Moments start at
        zero in every call. batch_size is 1 (an update a sample), any other number (the last batch may be smaller) or
        "full"; reduction says whether an update follows its batch's "mean" or "sum" of losses. shuffle=True draws a
        new order of the rows each epoch, `rng.permutation(n)` from one `numpy.random.default_rng(seed)`; one batch
        of all rows is never shuffled. progress: a bar always, never, or (None) when it lasts, in a terminal.
        loop: "general" serves any net; "specialised" is compiled for this one, which must be tiny (`summary` tells),
        and differs by rounding; "auto" takes it where the number of updates pays for that. n_jobs: threads for large
        batches, -1 for all processors; the result does not depend on it. record: k, to keep the parameters every k
        updates, from update 0 on, or the numbers of some updates; the history has them as `recording`.

        Ctrl-C raises KeyboardInterrupt, and a loss or parameter that is not finite DivergenceError; the net then
        holds the parameters after its last good update, and `history` the completed epochs.

        >>> from fastnn import datasets, mlp
        >>> net = mlp(2, 3, 1, activation="tanh", seed=0)
        >>> bool(net.fit(*datasets.xor_gate(), epochs=200, lr=0.5).loss[-1] < 0.05)
        True
        """
        rule = optimizers.choose(optimizer, lr)
        inputs, codes, classes = self._data(X, y)
        job = config.job(
            inputs,
            codes,
            rule.code,
            rule.settings(),
            rule.learning_rates(self._params),
            epochs=epochs,
            batch_size=batch_size,
            reduction=reduction,
            shuffle=shuffle,
            seed=seed,
            progress=progress,
            n_jobs=n_jobs,
            mixes_rows=self._mixes_rows,
            loop=loop,
            record=record,
            record_bytes=self._theta.nbytes + 40,
        )
        training = Trainer(self._engine, job, self._theta, self._n_classes is not None)
        self._classes = classes
        try:
            training.run(progress)
        finally:
            self.history = training.history
        return self.history

    def fit_many(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int,
        seeds: Iterable[int] | None = None,
        init: Any = None,
        lr: Any = None,
        batch_size: int | str = 1,
        optimizer: str | optimizers.Optimizer | None = None,
        reduction: str = "mean",
        shuffle: bool = True,
        seed: int = 0,
        progress: bool | None = None,
        n_jobs: int = -1,
        every: int = 1,
        losses: str | None = None,
        stop_below: float | None = None,
    ) -> Runs:
        """Train many nets of this architecture side by side, one for each seed, and leave this one as it is.

        Net i starts as this net would have with `seed=seeds[i]`; or give their parameters, init (n_nets, n_params). All
        see the rows in the same order, which `seed` draws. lr, and the settings of an optimizer, may be one number, or
        an array (n_nets,) with one for each net. The other arguments are those of `fit`. Per sample a net has the bits
        of one that `fit` trains alone with loop="general" and an optimizer of the same kind (SGD without momentum, or
        with it, or with a bias_lr); in batches sums are rounded in another order, 1e-12 after an epoch. A net that
        diverges disturbs no other, see `Runs.diverged`. n_jobs threads share the work, by default one each processor;
        they change no bit. Nets that are run layer by layer (`summary` tells) are trained one after the other, and all
        their losses are kept.

        Losses and accuracies are kept of epoch 1, every further `every` epochs, and the last. losses: "all" keeps
        those of each net, "percentiles" only the percentiles over all nets, which is what None does where there would
        be more than 2**24 of them. stop_below: a net whose loss in a kept epoch is below it has learnt enough; it
        leaves with its parameters at the end of that epoch, and so does one whose loss is not finite.

        What memory does not hold raises ValueError before any work. Ctrl-C raises KeyboardInterrupt; the attribute
        `runs` of this net then has the nets that were finished, or where nets may leave, or percentiles are kept, all
        nets as far as they came (`Runs.trained`).

        >>> import numpy as np
        >>> from fastnn import datasets, mlp
        >>> net, gate = mlp(2, 2, 1), datasets.xor_gate()
        >>> runs = net.fit_many(*gate, seeds=range(20), epochs=100, lr=1.0)
        >>> len(runs), runs.loss.shape
        (20, (20, 100))
        >>> lr = np.repeat([0.3, 3.0], 20)  # the same seeds with two learning rates
        >>> runs = net.fit_many(*gate, seeds=[*range(20), *range(20)], epochs=500, lr=lr, batch_size="full")
        >>> runs[lr == 3.0].success_rate(loss_below=0.3) > runs[lr == 0.3].success_rate(loss_below=0.3)
        True
        """
        self.runs = None
        started = time.perf_counter()
        rule = optimizers.choose(optimizer, lr)
        inputs, codes, classes = self._data(X, y)
        start = Start(self._stack, self._init, self._theta, seeds, init)
        how: dict[str, Any] = {
            "epochs": epochs,
            "batch_size": batch_size,
            "reduction": reduction,
            "shuffle": shuffle,
            "seed": seed,
        }
        job = config.job(
            inputs,
            codes,
            rule.code,
            rule.settings_per_net(start.n_nets),
            np.empty(0),
            **how,
            progress=progress,
            n_jobs=n_jobs,
            mixes_rows=self._mixes_rows,
        )
        fused = self._engine if isinstance(self._engine, Fused) else None
        keep = LossRecording(
            job, start.n_nets, every, "all" if fused is None else losses, stop_below
        )
        keep.check_memory(
            start.n_nets,
            (3 + kernels.codes.N_MOMENTS[rule.code]) * self._theta.nbytes + 200,
        )
        crowd = SweepState(self._loss, job, start.thetas(), keep)
        twin = self.with_theta(self._theta)
        twin._classes = classes
        try:
            if fused is None:
                one_by_one.train(crowd, self, rule, {"X": X, "y": y, **how}, progress)
            else:
                scheduler.train(crowd, fused.table, progress)
        except BaseException:
            if crowd.has_runs:
                self.runs = crowd.runs(twin, start.seeds, time.perf_counter() - started)
            raise
        return crowd.runs(twin, start.seeds, time.perf_counter() - started)

    def loss_and_grads(
        self, X: Any, y: Any, reduction: str = "mean"
    ) -> tuple[float, list[Array]]:
        """The mean (or summed) loss of the rows, and its gradients [dW1, db1, ...], arrays of the caller's own.

        X and y as in `fit`; the gradients have the shapes of `params`, and nothing is changed.

        >>> from fastnn import mlp
        >>> net = mlp(2, 1, init="zeros")
        >>> loss, (dW, db) = net.loss_and_grads([[1.0, 2.0]], [1], reduction="sum")
        >>> round(loss, 6), dW.tolist(), db.tolist()
        (0.693147, [[-0.5], [-1.0]], [-0.5])
        """
        mean = check_choice("reduction", reduction, ("mean", "sum")) == "mean"
        inputs, codes, _ = self._data(X, y)
        total, g = self._engine.loss_and_gradient(inputs, codes, mean)
        ends = np.cumsum([param.size for param in self._params])[:-1]
        grads = [
            part.reshape(param.shape)
            for part, param in zip(np.split(g, ends), self._params, strict=True)
        ]
        return (total / len(codes) if mean else total), grads

    def predict(self, X: Any) -> Array:
        """Labels (n,), as they were in `fit`; for "mse" the values, (n,) or (n, n_out)."""
        z = self._outputs(X)
        if self._n_classes is None:
            return z[:, 0] if self.n_out == 1 else z
        found = self._class_numbers(z)
        return found if self.classes is None else self.classes[found]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, n_classes), in the order of the sorted labels; also for "bce"."""
        if self._n_classes is None:
            raise ValueError(
                f"a net with loss {self.loss.name!r} predicts values, not probabilities: use predict"
            )
        inputs = self._inputs(X)
        self._engine.n_rows(len(inputs))
        return self._engine.shares(inputs, self._n_classes)

    def score(self, X: Any, y: Any) -> float:
        """The share of rows whose label is predicted; for "mse" R^2, the share of the variance that is explained."""
        inputs, codes, _ = self._data(X, y)
        if self._n_classes is None:
            total, _ = self._engine.loss_and_gradient(inputs, codes, True)
            spread = codes.var(axis=0, dtype=np.float64).mean()
            if spread == 0.0:
                raise ValueError("y is the same in all rows: R^2 has no meaning there")
            return float(1.0 - total / len(codes) / spread)
        found = self._class_numbers(self._engine.outputs(inputs))
        return float(np.mean(found == codes[:, 0]))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the net to a .npz file, which `fastnn.load` reads; a save that fails leaves the old file as it was."""
        if not np.isfinite(self._theta).all():
            raise ValueError(
                "the net's parameters are not finite: it could not be loaded again"
            )
        storage.write(path, "net", self, {"theta": self.theta})

    def astype(self, dtype: Any) -> "Sequential":
        """A copy of the net, trained as far as this one, in float64 or float32."""
        wanted = check_dtype(dtype)
        twin = copy.deepcopy(self)
        twin._bind(self._theta.astype(wanted))
        return twin

    def with_theta(self, theta: Any) -> "Sequential":
        """A copy of the net with these parameters (n_params,), such as recorded ones.

        >>> from fastnn import mlp
        >>> net = mlp(2, 1, seed=0)
        >>> net.with_theta([1.0, 2.0, 0.5]).params[0].tolist()
        [[1.0], [2.0]]
        """
        twin = copy.deepcopy(
            self, {id(self.history): None, id(self.runs): None}
        )  # which may hold much
        twin.theta = theta
        return twin

    def summary(self) -> str:
        """The architecture, the number of parameters, and how it is run, as text to print."""
        rows = [
            (repr(layer), sum(int(np.prod(shape)) for shape in layer.shapes()))
            for layer in self.layers
        ]
        width = max(len(text) for text, _ in rows) + 2
        lines = [f"  {text:<{width}}{count or '':>9}" for text, count in rows]
        return "\n".join(
            [
                f"net with loss {self.loss.name}, {self.dtype}, {self.n_in} -> {self.n_out}",
                f"  {'layer':<{width}}{'parameters':>9}",
                *lines,
                f"  {'total':<{width}}{self._theta.size:>9}",
                *self._engine.describe().splitlines(),
            ]
        )

    def __repr__(self) -> str:
        layers = ", ".join(repr(layer) for layer in self.layers)
        return f"Sequential([{layers}], loss={self.loss.name!r}, dtype='{self.dtype}')  # {self._theta.size} parameters"

    def __copy__(self) -> "Sequential":
        return copy.deepcopy(
            self
        )  # parameters that two nets shared would be one net's views only

    def __getstate__(self) -> dict[str, Any]:
        return {
            key: value
            for key, value in self.__dict__.items()
            if key not in ("_params", "_engine")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._bind(
            np.require(self._theta, requirements=["C", "A", "W"])
        )  # shared memory may come back read-only

    @property
    def _n_classes(self) -> int | None:
        """How many classes the net tells apart; None if it predicts values."""
        return self.loss.n_classes(self.n_out)

    def _class_numbers(self, z: Array) -> Array:
        """The number of the predicted class, (n,), for outputs z (n, n_out)."""
        found = np.empty(len(z), np.int64)
        kernels.loops.predictions.classes(found, z, self.loss.code)
        return found

    def _data(self, X: Any, y: Any) -> tuple[Array, Array, Array | None]:
        """X and y as the kernels take them, and the labels of the classes."""
        inputs = self._inputs(X)
        n_rows = self._engine.n_rows(len(inputs))
        codes, classes = labels.encode_labels(
            y, n_rows, self.n_out, self._n_classes, self.classes, self.dtype
        )
        return inputs, codes, classes

    @property
    def _mixes_rows(self) -> bool:
        """True if the output for a row depends on the others."""
        return any(layer.mixes_rows for layer in self._stack)

    def _inputs(self, X: Any) -> Array:
        if not all_finite(self._theta):
            raise ValueError(
                "the net's parameters are not finite: set net.theta, or make a new net"
            )
        return as_features(X, self.n_in, self.dtype)

    def _outputs(self, X: Any) -> Array:
        inputs = self._inputs(X)
        self._engine.n_rows(len(inputs))
        return self._engine.outputs(inputs)
