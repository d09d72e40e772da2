"""Model: a stack of layers, a loss, and one flat vector of parameters."""

import copy
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from . import kernels
from .data.arguments import (
    check_choice,
    check_dtype,
    check_int,
    check_reduction,
    seed_or_draw,
)
from .data.arrays import Array, all_finite, as_features, as_float_array
from .data.frames import Columns, column_names
from .data.generators import generator
from .data.labels import Labels, declare_labels, encode_targets
from .data.scaling import warn_of_scale
from .data.schema import Schema, schema_of
from .data.suggestions import suggests_arguments
from .data.targets import share_right
from .data.weights import no_weights, row_weights
from .nn.activations import ACTIVATIONS
from .nn.architecture import Architecture
from .nn.descriptions import kinds_by_name
from .nn.diagnostics import warn_of_symmetry
from .nn.initializers import Init
from .nn.layers import Affine, Layer
from .nn.losses import Loss, loss_scale
from .nn.net import builds_nets
from .nn.optimizers import (
    Optimizer,
    Rate,
    choose,
    update_rule,
    update_rule_per_net,
)
from .nn.outputs import (
    check_finite_outputs,
    check_outputs_memory,
    r_squared,
    wide_activation,
    wide_probabilities,
)
from .nn.parameters import Parameters
from .training.callbacks import EpochCallback, EpochState
from .training.config import FitConfig, fit_config
from .training.continuation import Continuation
from .training.engines.engine import Engine
from .training.engines.fused import Fused
from .training.engines.layerwise import Layerwise
from .training.engines.table import describes, layer_table
from .training.history import History
from .training.learner import Learner
from .training.stopping import EarlyStopping, check_stopping
from .training.trainer import DivergenceError, Trainer
from .training.validation import ValidationData

# These modules, and those that methods import, are for many nets, files and exports.
# Most scripts begin sooner without them: they are half of what fastnn would import.
if TYPE_CHECKING:
    from .data.archives import Archive, Target
    from .sweeps.monitor import Monitor
    from .sweeps.runs import Runs
    from .training.checkpoints import Checkpoint

# Bytes that a record takes besides its parameters, and that a net in `fit_many` takes
# besides its vectors of parameters.
_RECORD_BYTES, _NET_BYTES = 40, 200
# Bytes of an epoch's loss and accuracy, and of the sums that they are made from.
_HISTORY_BYTES = 48


class Sequential:
    """A net made of a list of layers and a loss; parameters are drawn from a seed.

    Weights are drawn layer by layer from `numpy.random.default_rng(seed)`; biases start
    at zero. Where hidden neurons start alike, as with zeros, a `SymmetryWarning` says
    why they stay so.

    Parameters
    ----------
    layers : list of layers
        `Affine` and the other layers. The activation that belongs to the loss (Sigmoid
        for "bce", Softmax for "softmax_ce") may stand at the end or be left out; it is
        the same net.
    loss : {"bce", "softmax_ce", "mse", "poisson"} or Loss, optional
        "bce" takes one output, or several for several labels per row; "softmax_ce" one
        output per class; "mse" values; "poisson" counts. By default "bce" where the
        stack ends in one output, "softmax_ce" otherwise.
    init : str, scheme or list of arrays
        "xavier", "he", "normal(std)", "uniform(low, high)", "zeros", or the arrays [W1,
        b1, ...], where W is (n_in, n_out).
    seed : int or None
        Of the weights; None draws a new seed, and the attribute `seed` keeps it.
    dtype : {"float64", "float32"}
        Type of parameters, data and arithmetic.

    Raises
    ------
    TypeError, ValueError
        For layers and losses that do not fit each other; the message says what to do.

    Examples
    --------
    >>> from fastnn import Affine, Tanh
    >>> net = Sequential([Affine(2, 3), Tanh(), Affine(3, 1)], loss="bce", seed=0)
    >>> net.theta.shape, [p.shape for p in net.params]
    ((13,), [(2, 3), (3,), (3, 1), (1,)])
    """

    @suggests_arguments
    def __init__(
        self,
        layers: Sequence[Layer],
        loss: str | Loss | None = None,
        *,
        init: str | Init | Sequence[Any] = "xavier",
        seed: int | None = 0,
        dtype: Any = "float64",
    ) -> None:
        architecture = Architecture.of(layers, loss, init)
        dtype, seed = check_dtype(dtype), seed_or_draw(seed)
        drawn = architecture.draw(init, generator(seed))
        theta = as_float_array("init", drawn, dtype).copy()
        self._assemble(architecture, theta, Schema(), seed)
        warn_of_symmetry(architecture.stack)

    def _assemble(
        self,
        architecture: Architecture,
        theta: Array,
        schema: Schema,
        seed: int | None = None,
    ) -> None:
        """Assemble the net from its parts; theta is not copied."""
        self._architecture, self._schema, self._seed = architecture, schema, seed
        self._kept = Continuation()
        self.history: History | None = None  # of the last fit
        self.runs: Runs | None = None  # what an interrupted fit_many had finished
        self._bind(theta)

    def _bind(self, theta: Array) -> None:
        """Make theta the flat vector: the layers' parameters become views into it."""
        architecture = self._architecture
        gradient = architecture.bind(theta)
        # What users do to the shape of their view leaves the net's own as it is.
        self._shown_theta, self._theta = theta.view(), theta.view()
        theta = self._theta
        self._params = architecture.views(theta)
        table = layer_table(architecture.stack)
        self._engine: Engine
        if table is None or not describes(table, architecture):
            self._engine = Layerwise(architecture, theta, gradient)
        else:
            self._engine = Fused(theta, table, architecture.loss)

    @property
    def architecture(self) -> Architecture:
        """The description of the net without its parameters."""
        return self._architecture

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, as they were given; their parameters are views into `theta`."""
        return self._architecture.layers

    @property
    def loss(self) -> Loss:
        """The loss; its `name` is "bce", "softmax_ce", "mse" or "poisson"."""
        return self._architecture.loss

    @property
    def classes(self) -> Array | None:
        """The sorted labels (n_classes,); None before a fit, and for values.

        Where each output has a label of its own, they are 0 and 1.
        """
        return self._schema.classes

    @property
    def schema(self) -> Schema:
        """What the net knows of the data that it was fitted to."""
        return self._schema

    @property
    def columns(self) -> Columns | None:
        """The names of the columns of X, if a fit had them; other frames are refused.

        None before a fit, and after fits to arrays without names.
        """
        return self._schema.columns

    @property
    def n_in(self) -> int:
        """The number of inputs."""
        return self._architecture.n_in

    @property
    def n_out(self) -> int:
        """The number of outputs: one per class for "softmax_ce"."""
        return self._architecture.n_out

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of parameters, data and arithmetic."""
        return self._theta.dtype

    @property
    def seed(self) -> int | None:
        """The seed that was passed or drawn; None for a net of a file or a sweep."""
        return self._seed

    @property
    def theta(self) -> Array:
        """All parameters, flat (n_params,): weights row by row, then biases, per layer.

        It is a view of the net's own array. Assigning to it copies the values.
        """
        return self._shown_theta

    @theta.setter
    def theta(self, values: Any) -> None:
        array = as_float_array("theta", values, self.dtype)
        if array.shape != self._theta.shape:
            raise ValueError(
                f"theta has shape {array.shape}, but the net has "
                f"{self._theta.size} parameters"
            )
        self._theta[...] = array

    @property
    def params(self) -> Parameters:
        """[W1 (n_in, n_out), b1 (n_out,), ...]: views into `theta`.

        Assigning to one of them copies the values: net.params[0] = W.
        """
        return Parameters(self._params)

    @suggests_arguments
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int,
        lr: Rate | None = None,
        batch_size: int | str = 1,
        optimizer: str | Optimizer | None = None,
        reduction: str = "mean",
        shuffle: bool = True,
        seed: int | str | None = "continue",
        progress: bool | None = None,
        loop: str = "auto",
        n_jobs: int = 1,
        record: Any = None,
        classes: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        early_stopping: EarlyStopping | None = None,
        on_epoch: Callable[[EpochState], Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 10.0,
    ) -> History:
        """Train from the present parameters, and return the history.

        The history is also kept as `history`. Classes are numbered in sorted order, and
        `predict` returns the labels in the dtype of y. Inputs that were never scaled
        give a `ScalingWarning` with the remedy.

        Parameters
        ----------
        X : array_like of shape (n, n_in)
            Numbers in a list, an array or a frame, whose columns later frames must
            have, too, in the same order.
        y : array_like
            Labels (n,), which are whole numbers, booleans or strings, as many different
            ones as there are classes; one-hot rows for "softmax_ce", whose labels are
            the numbers of their columns; for "bce" with several outputs a 0 or 1 for
            each of them, (n, n_out); values (n,) or (n, n_out) for "mse", and counts
            for "poisson".

            Probabilities may take the place of labels: for "bce" numbers from 0 to 1,
            that of class 1 or of each output's 1; for "softmax_ce" rows (n, n_classes)
            with the sum 1. An accuracy compares predictions with the first of the most
            probable classes (class 1 where y > 0.5), and of several outputs all must be
            right.
        epochs : int
            How often all rows are seen, at least 1.
        lr : float or schedule, optional
            Learning rate; alone it means plain SGD. A schedule is a function of the
            epoch, see `fastnn.schedules`.
        batch_size : int or "full"
            Rows per update; the last batch may be smaller. 1 is one update per sample.
        optimizer : Optimizer or {"sgd", "adam", "adamw", "rmsprop"}, optional
            `SGD(...)`, `Adam(...)` or another one, or a name with lr. Moments start at
            zero, but with an optimizer object the net goes on with those that it left
            here, until `optimizer.reset()`.
        reduction : {"mean", "sum"}
            Of the losses of a batch, whose gradient an update uses.
        shuffle : bool
            Draw a new order of the rows for each epoch, `rng.permutation(n)` from one
            `rng = numpy.random.default_rng(seed)`. One batch of all rows is never
            shuffled.
        seed : int, None or "continue"
            Starts that stream of orders; None draws a new seed, and `history.seed` has
            it. With "continue" the net's first fit starts the stream with 0, and later
            ones draw on: ten fits of one epoch have the bits of one of ten epochs.
            Copies of a net draw on as the net would; `with_theta` and `load` return
            nets that start anew.
        progress : bool, optional
            True shows a bar, False hides it; None shows one after a second if stderr is
            a terminal.
        loop : {"auto", "general", "specialised"}
            "general" serves any net; "specialised" is compiled for this one, of at most
            40 parameters (see `summary`), and differs by rounding; "auto" uses it from
            50 million updates on, where it is faster.
        n_jobs : int
            Threads for large batches, -1 for all processors; the result does not depend
            on it.
        record : int or list of int, optional
            Record the parameters every so many updates, from update 0, or at these
            updates; the history has them as `recording`.
        classes : array_like, optional
            All labels, if y lacks some. Without it, labels from 0 to n_classes - 1, or
            -1 and 1, are assumed until others come.
        sample_weight : array_like of shape (n,), optional
            Multiplies each row's loss. Means, of a batch and in the history, still
            divide by the number of rows.
        class_weight : dict or "balanced", optional
            Multiplies the losses of the rows of each class: a dict such as {0: 1.0, 1:
            2.5}, in which missing labels have 1, or n / (n_classes k) for a class of k
            rows. It does not reach X_val.
        X_val, y_val, sample_weight_val : array_like, optional
            Rows to validate on after each epoch: the history has val_loss and
            val_accuracy. Only sample_weight_val multiplies their losses.
        early_stopping : EarlyStopping, optional
            Ends the training where it no longer gets better.
        on_epoch : function, optional
            Called after each epoch with an `EpochState`, which has epoch, loss, theta
            and more. Where it returns True, the training ends; False and None let it go
            on. It must not train the net.
        checkpoint : path, optional
            A file (.npz) for a training that can be killed. The same call of the same
            net goes on where the file stands, and ends with the same bits; where the
            training was complete, it returns its history at once. The log "fastnn"
            says where it goes on, and so does stderr where a bar would be shown.
            progress, n_jobs and checkpoint_seconds may differ; anything else is
            refused. What on_epoch keeps itself is not in the file.
        checkpoint_seconds : float
            How often the file is written; 0 means after each chunk of some hundredths
            of a second. What takes long to write is written more rarely.

        Returns
        -------
        History
            Losses and accuracies of the epochs, and what was recorded.

        Raises
        ------
        TypeError, ValueError
            For what cannot be used, before any work; the message says what to do.
        DivergenceError
            Where a loss or parameter is not finite. The net has the parameters after
            its last good update, and `history` the completed epochs; so it is after
            Ctrl-C. With an early_stopping that restores the best epoch it has that
            epoch's parameters, if there is one.
        BlockingIOError
            If another process or thread trains with the checkpoint.
        OSError
            If the checkpoint could not be written until the end; until then the
            training goes on with a RuntimeWarning.

        Examples
        --------
        >>> from fastnn import datasets, mlp
        >>> net = mlp(2, 3, 1, activation="tanh", seed=0)
        >>> bool(net.fit(*datasets.xor_gate(), epochs=200, lr=0.5).loss[-1] < 0.05)
        True
        """
        chosen = choose(optimizer, lr)
        rule = update_rule(chosen, self._params)
        inputs, targets, schema = self._data(X, y, True, classes)
        validation = self._validation(schema, X_val, y_val, sample_weight_val)
        if early_stopping is not None:
            classifies = self._architecture.n_classes is not None
            check_stopping(early_stopping, validation is not None, classifies)
        config = fit_config(
            inputs,
            targets,
            row_weights(
                sample_weight,
                class_weight,
                targets,
                None if schema.labels is None else schema.labels.of_class,
            ),
            rule,
            chosen.schedule,
            may_set_lr=on_epoch is not None,
            epochs=epochs,
            batch_size=batch_size,
            reduction=reduction,
            shuffle=shuffle,
            seed=seed,
            kept=self._kept,
            progress=progress,
            n_jobs=n_jobs,
            mixes_rows=self._architecture.mixes_rows,
            loop=loop,
            record=record,
            record_bytes=self._theta.nbytes + _RECORD_BYTES,
            history_bytes=_HISTORY_BYTES,
            validation=validation,
            early_stopping=early_stopping,
        )
        callback = None
        if on_epoch is not None:
            callback = EpochCallback(self, config, on_epoch)
        warn_of_scale(inputs, schema.columns)
        key = optimizer.moments_key if isinstance(optimizer, Optimizer) else None
        if checkpoint is None:
            return self._train(config, schema, key, callback)
        from .training.checkpoints import open_checkpoint
        from .training.identity import fit_identity

        identity = partial(
            fit_identity,
            config,
            self._architecture,
            schema,
            listens=callback is not None,
            is_drawn=seed is None,
        )
        with open_checkpoint(checkpoint, checkpoint_seconds, identity) as opened:
            return self._train(config, schema, key, callback, opened)

    @suggests_arguments
    def learner(
        self,
        *,
        lr: float | None = None,
        optimizer: str | Optimizer | None = None,
        classes: Any = None,
    ) -> Learner:
        """Return a learner, with which the net learns from a stream of samples.

        lr and optimizer are those of `fit`, without schedules. classes: the labels of
        all classes, which a stream does not show at once; whole numbers from 0 to
        n_classes - 1, or -1 and 1, need not be declared.

        >>> from fastnn import datasets, mlp
        >>> net = mlp(2, 3, 1, activation="tanh", seed=0)
        >>> learner = net.learner(lr=0.5)
        >>> X, y = datasets.xor_gate()
        >>> for i in range(2000):
        ...     loss = learner.learn(X[i % 4], y[i % 4])
        >>> int(learner.predict(X[1])), float(net.score(X, y))
        (1, 1.0)
        """
        if classes is not None:
            kind = self._architecture.targets
            labels = declare_labels(self._schema.labels, classes, kind)
            self._remember(Schema(self._schema.columns, labels))
        return Learner(
            self,
            self._engine,
            self._theta,
            self._kept,
            choose(optimizer, lr),
            partial(self._data, learns=True),
            self._remember,
        )

    def _remember(self, schema: Schema) -> None:
        self._schema = schema
        self._kept.version += 1

    @suggests_arguments
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
        optimizer: str | Optimizer | None = None,
        reduction: str = "mean",
        shuffle: bool = True,
        seed: int | None = 0,
        progress: bool | None = None,
        n_jobs: int = -1,
        every: int = 1,
        losses: str | None = None,
        stop_below: float | None = None,
        classes: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        early_stopping: EarlyStopping | None = None,
        executor: Any = None,
        store: str | os.PathLike[str] | None = None,
    ) -> "Runs":
        """Train many nets of this architecture side by side, and leave this one alone.

        With batch_size=1 a net is bit-identical to one that `fit` trains alone with
        loop="general" and an optimizer of the same kind (SGD without momentum, or with
        it, or with a bias_lr); in batches sums are added in another order: differences
        of 1e-12 after an epoch. A net that diverges disturbs no other, see
        `Runs.diverged`. Nets that are run layer by layer (see `summary`) are trained
        one after the other, and all their losses are recorded.

        Parameters
        ----------
        X, y, epochs, batch_size, optimizer, reduction, shuffle, progress, classes
            As for `fit`. All nets see the rows in the same order.
        sample_weight, class_weight : optional
            As for `fit`; or of each net, (n_nets, n), and a list of n_nets class
            weights.
        X_val, y_val, sample_weight_val : array_like, optional
            Rows to validate on at the end of the recorded epochs: `Runs.val_loss` and
            `Runs.val_accuracy`.
        early_stopping : EarlyStopping, optional
            Each net stops by its own values, which are looked at after every epoch, and
            gets the parameters of its best epoch, as `fit` alone would do; a net that
            meets stop_below before does so, too, and so does one that diverges, which
            stops as well.
        seeds : iterable of int, optional
            Net i starts as this net would with `seed=seeds[i]`.
        init : array of shape (n_nets, n_params), optional
            The parameters to start from, in place of seeds.
        lr : float, array of shape (n_nets,) or schedule, optional
            Learning rate, one for all nets or one per net, also where a schedule
            returns it; so are the settings of an optimizer.
        seed : int, optional
            Draws the orders of the rows; None draws a new seed, and `Runs.seed` has it.
        n_jobs : int
            Threads that share the work, -1 for one per processor; the result does not
            depend on it.
        every : int
            Losses and accuracies are recorded for epoch 1, every further `every`
            epochs, and the last.
        losses : {"all", "percentiles"}, optional
            Record those of each net, or only their percentiles over all nets, which is
            what None does where there would be more than 2**24 of them.
        stop_below : float, optional
            A net whose recorded loss is below it has learned enough; it stops with its
            parameters at the end of that epoch, and so does one whose loss is not
            finite.
        executor : Executor or dask.distributed.Client, optional
            Its workers train the nets, in parts of about a second and each with one
            thread, in place of n_jobs threads. Neither the executor nor the parts
            change a bit. Ctrl-C cancels the parts that wait.
        store : path, optional
            A folder where finished parts are kept, one file for each. The same call
            goes on there, with any executor or without one, and so do several processes
            at once.

        Returns
        -------
        Runs
            The nets, and how their training went.

        Raises
        ------
        TypeError, ValueError
            For what cannot be used or does not fit into memory, before any work, and
            for a store of another call.
        KeyboardInterrupt
            After Ctrl-C; the attribute `runs` of this net then has the nets that were
            finished, or where nets may stop, or percentiles are recorded, all nets with
            the epochs that they completed (`Runs.trained`).
        RuntimeError
            If a part of an executor fails; the message names its nets. If the executor
            itself breaks, it is a BrokenExecutor.

        Examples
        --------
        >>> import numpy as np
        >>> from fastnn import datasets, mlp
        >>> net, gate = mlp(2, 2, 1), datasets.xor_gate()
        >>> runs = net.fit_many(*gate, seeds=range(20), epochs=100, lr=1.0)
        >>> len(runs), runs.loss.shape
        (20, (20, 100))
        >>> seeds = [*range(20), *range(20)]  # the same ones with two learning rates
        >>> lr = np.repeat([0.3, 3.0], 20)
        >>> runs = net.fit_many(*gate, seeds=seeds, epochs=500, lr=lr, batch_size=4)
        >>> slow, fast = runs[lr == 0.3], runs[lr == 3.0]
        >>> fast.success_rate(loss_below=0.3) > slow.success_rate(loss_below=0.3)
        True
        """
        from .sweeps.distribution import train_in_parts
        from .sweeps.executors import check_executor, choose_workers
        from .sweeps.monitor import monitor
        from .sweeps.parts import Work
        from .sweeps.plan import check_sweep_memory, initial_parameters, loss_recording
        from .sweeps.runs import runs_of
        from .sweeps.scheduler import train_one_by_one, train_side_by_side
        from .sweeps.state import SweepState
        from .sweeps.store import Store, identity

        self.runs = None
        started = perf_counter()
        if executor is not None:
            check_executor(executor)
        chosen = choose(optimizer, lr)
        inputs, targets, schema = self._data(X, y, True, classes)
        architecture = self._architecture
        least_bytes = _net_bytes(kernels.codes.SGD, self._theta)
        initial = initial_parameters(architecture, self.dtype, seeds, init, least_bytes)
        fused = self._engine if isinstance(self._engine, Fused) else None
        rule, settings = update_rule_per_net(
            chosen, initial.n_nets, self._params, fused is not None
        )
        monitored = monitor(
            self._validation(schema, X_val, y_val, sample_weight_val),
            early_stopping,
            architecture.targets.n_classes is not None,
        )
        net_bytes = _net_bytes(rule.code, self._theta)
        if monitored.restores:
            net_bytes += self._theta.nbytes
        config = fit_config(
            inputs,
            targets,
            row_weights(
                sample_weight,
                class_weight,
                targets,
                None if schema.labels is None else schema.labels.of_class,
                initial.n_nets,
            ),
            rule,
            chosen.schedule,
            n_nets=initial.n_nets,
            epochs=epochs,
            batch_size=batch_size,
            reduction=reduction,
            shuffle=shuffle,
            seed=seed,
            progress=progress,
            n_jobs=n_jobs,
            mixes_rows=architecture.mixes_rows,
        )
        recording = loss_recording(
            config.epochs,
            initial.n_nets,
            every,
            "all" if fused is None else losses,
            stop_below,
            monitored.n_curves,
        )
        if config.schedule.size:
            highest = config.schedule.max(axis=0)
            settings["lr"] = np.broadcast_to(highest, initial.n_nets).copy()
        check_sweep_memory(recording, initial.n_nets, net_bytes)
        warn_of_scale(inputs, schema.columns)
        in_parts = executor is not None or store is not None
        theta = initial.space() if in_parts else initial.theta()
        state = SweepState(config, architecture.loss, theta, recording, monitored)
        table = None if fused is None else fused.table
        fit_alone = _FitAlone(self, config, chosen, schema, monitored)

        def runs() -> "Runs":
            seconds = perf_counter() - started
            return runs_of(
                state, architecture, schema, initial.seed_array(), settings, seconds
            )

        try:
            if in_parts:
                work = Work.of(
                    config, architecture, recording, monitored, table, fit_alone
                )
                workers = choose_workers(executor, work, config.n_jobs)
                kept = None
                if store is not None:
                    call = identity(
                        config, architecture, schema, initial, recording, monitored
                    )
                    kept = Store(store, call, state)
                train_in_parts(state, work, initial, workers, kept)
            elif table is None:
                train_one_by_one(state, fit_alone)
            else:
                train_side_by_side(state, table)
            return runs()
        except BaseException:
            if state.has_results:
                with kernels.interrupts.deferred:
                    self.runs = runs()
            raise

    @suggests_arguments
    def loss_and_grads(
        self, X: Any, y: Any, reduction: str = "mean"
    ) -> tuple[float, list[Array]]:
        """Return the mean or summed loss of the rows, and its gradients [dW1, ...].

        X and y as in `fit`; the gradients have the shapes of `params` and are new
        arrays; the net is not changed.

        >>> from fastnn import mlp
        >>> net = mlp(2, 1, init="zeros")
        >>> loss, (dW, db) = net.loss_and_grads([[1.0, 2.0]], [1], reduction="sum")
        >>> round(loss, 6), dW.tolist(), db.tolist()
        (0.693147, [[-0.5], [-1.0]], [-0.5])
        """
        mean = check_reduction(reduction)
        inputs, targets, _ = self._data(X, y)
        weights = no_weights(self.dtype)
        total, gradient = self._engine.loss_and_gradient(inputs, targets, weights, mean)
        scale = loss_scale(len(targets)) * (len(targets) if mean else 1)
        loss = total / scale
        if not math.isfinite(loss) or not all_finite(gradient):
            raise ValueError(
                f"the loss or its gradient is beyond the largest number of "
                f"{self.dtype}: scale X and y, or set net.theta to smaller parameters"
            )
        return loss, self._architecture.views(gradient)

    def predict(self, X: Any) -> Array:
        """Return labels (n,) as in `fit`, or values, (n,) or (n, n_out).

        For "poisson" the values are means e^z > 0; for "bce" with several outputs a 0
        or 1 for each, (n, n_out). Labels that fit has not seen, as after a fit to
        probabilities, are class numbers, of int64. ValueError if a value is too large
        for the net's dtype, or a class not certain because such sums cancel each other.
        """
        inputs = self._inputs(X)
        if self._architecture.n_classes is None:
            values = self._values(inputs)
            return values[:, 0] if self.n_out == 1 else values
        numbers, labels = self._class_numbers(inputs), self._schema.labels
        return numbers if labels is None else labels.of_class[numbers]

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (n, n_classes), in order of the labels.

        Also for "bce", or with several outputs the probability of each one's 1,
        (n, n_out). ValueError for "mse" and "poisson". Where an output is too large for
        the net's dtype, its class has the probability 1, or 0; ValueError where that
        leaves the classes undecided.
        """
        if self._architecture.n_classes is None:
            raise ValueError(
                f"a net with loss {self.loss.name!r} predicts values, not "
                "probabilities: use predict"
            )
        probabilities = self._probabilities(self._inputs(X))
        labels = self._schema.labels
        if labels is None or labels.order is None:
            return probabilities
        return probabilities[:, labels.order]

    def score(self, X: Any, y: Any) -> float:
        """Return the share of rows whose label is predicted; for values R^2.

        Where each output has a label, all of a row's must be right. R^2, also for
        "poisson", is the share of an output's variance that is explained; of several
        outputs it is the mean, as in scikit-learn. There an output whose target is the
        same in all rows counts 1 if it is predicted exactly, otherwise 0; if this holds
        for all outputs, ValueError.
        """
        inputs, targets, _ = self._data(X, y)
        if self._architecture.n_classes is None:
            return r_squared(self._values(inputs), targets)
        numbers = self._class_numbers(inputs)
        return share_right(numbers, targets, self._architecture.targets)

    @suggests_arguments
    def save(self, path: "Target") -> None:
        """Write the net to a .npz file, which `fastnn.load` reads.

        path: where to, or a binary file object. A save that fails leaves the old file
        as it was, and one that succeeds keeps its mode and owner. A link stays; a pipe
        or a device is written to. ValueError for the extension of another format.
        """
        from .data.archives import write_archive

        write_archive(path, "net", self._archive())

    def _archive(self) -> "Archive":
        """Return what a file of the net holds."""
        from .data.archives import Archive

        if not np.isfinite(self._theta).all():
            raise ValueError(
                "the net's parameters are not finite, and a file with them could not "
                "be loaded: set net.theta first"
            )
        facts = self._architecture.facts() | self._schema.facts()
        return Archive(facts, {"theta": self._theta} | self._schema.arrays())

    def to_onnx(self, path: "Target") -> None:
        """Write the net as an ONNX model, which needs the package `onnx`.

        The model's input "X" is rows (n, n_in) of the net's dtype. Its outputs are
        "label" and "probabilities", or for values "predictions", with the shapes that
        `predict` and `predict_proba` return. Layers must be Affine, MatMul and
        activations, otherwise ValueError or TypeError; ImportError without `onnx`.
        """
        from .export.onnx import write_onnx

        write_onnx(path, self._architecture, self._theta, self._schema)

    def to_c(self, path: "Target", name: str = "predict") -> None:
        """Write the net as a C99 file with the function `name`, without dependencies.

        Its results, one row at a time, have the bits of `predict_proba`, or for values
        of `predict`. The layers may be those of `to_onnx`; name must be an identifier
        of C that is neither a keyword nor in the C library.

        >>> import tempfile
        >>> from pathlib import Path
        >>> from fastnn import mlp
        >>> path = Path(tempfile.mkdtemp(), "net.c")
        >>> mlp(2, 3, 1, dtype="float32", seed=0).to_c(path, name="xor")
        >>> "void xor(const float *x, float *out);" in path.read_text()
        True
        """
        from .export.c import write_c

        write_c(path, name, self._architecture, self._theta, self._schema)

    def to_json(self, path: "Target") -> None:
        """Write the net to a JSON file, which `fastnn.load` reads as well.

        It has the layers with their weights and biases, the loss, the dtype and the
        labels. Each number is the shortest decimal from which the same bits come back.
        """
        from .export.json import write_json

        write_json(path, self._architecture, self._archive())

    def astype(self, dtype: Any) -> "Sequential":
        """Return a copy of the net with the same parameters in float64 or float32."""
        dtype = check_dtype(dtype)
        net = copy.deepcopy(self)
        net._bind(self._theta.astype(dtype))
        return net

    def with_theta(self, theta: Any) -> "Sequential":
        """Return a copy of the net with these parameters (n_params,).

        >>> from fastnn import mlp
        >>> net = mlp(2, 1, seed=0)
        >>> net.with_theta([1.0, 2.0, 0.5]).params[0].tolist()
        [[1.0], [2.0]]
        """
        # Without the history and runs, which may be large.
        memo: dict[int, Any] = {id(self.history): None, id(self.runs): None}
        net = copy.deepcopy(self, memo | {id(self._kept): Continuation()})
        net.theta = theta
        return net

    def summary(self) -> str:
        """Return the architecture, parameters and engine, as text to print."""
        rows = [("layer", "parameters")]
        for layer in self.layers:
            count = sum(int(np.prod(shape)) for shape in layer.shapes())
            rows.append((repr(layer), str(count or "")))
        rows.append(("total", str(self._theta.size)))
        width = max(len(name) for name, _ in rows) + 2
        return "\n".join(
            [
                f"net with loss {self.loss.name}, {self.dtype}, "
                f"{self.n_in} -> {self.n_out}",
                *(f"  {name:<{width}}{count:>10}".rstrip() for name, count in rows),
                *self._engine.describe().splitlines(),
            ]
        )

    def __repr__(self) -> str:
        layers = ", ".join(repr(layer) for layer in self.layers)
        return (
            f"Sequential([{layers}], loss={self.loss.name!r}, dtype='{self.dtype}')"
            f"  # {self._theta.size} parameters"
        )

    def __copy__(self) -> "Sequential":
        # Parameters that two nets shared would be views into one net's theta only.
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        derived = ("_params", "_engine", "_shown_theta")
        return {key: value for key, value in vars(self).items() if key not in derived}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # Shared memory may come back read-only.
        self._bind(np.require(self._theta, requirements=["C", "A", "W"]))

    def _values(self, inputs: Array) -> Array:
        """Return the values (n, n_out) of a net without classes."""
        values = self._outputs(inputs)
        if not all_finite(values):
            link = self.loss.code // kernels.codes.LINK
            return self._widened(values, inputs, lambda z: wide_activation(z, link))
        return values

    def _probabilities(self, inputs: Array) -> Array:
        """Return the probabilities (n, n_classes), in the order of class numbers.

        Where each output has a label, they are (n, n_out).
        """
        targets = self._architecture.targets
        n_columns = targets.n_probabilities
        check_outputs_memory(
            self._engine.n_rows(len(inputs)), n_columns, self.dtype.itemsize
        )
        probabilities = self._engine.probabilities(inputs, n_columns)
        if not all_finite(probabilities):
            sigmoid = kernels.codes.SIGMOID
            return self._widened(
                probabilities,
                inputs,
                (lambda z: wide_activation(z, sigmoid))
                if targets.is_multilabel
                else wide_probabilities,
            )
        return probabilities

    def _widened(
        self, outputs: Array, inputs: Array, function: Callable[[Array], Array]
    ) -> Array:
        """Return outputs with a function of wide ones in rows that are not finite."""
        z, out = self._engine.wide_outputs(inputs), outputs.copy()
        bad = ~np.isfinite(out).all(axis=1)
        with np.errstate(over="ignore"):
            out[bad] = function(z[bad])
        return check_finite_outputs(out)

    def _class_numbers(self, inputs: Array) -> Array:
        """Return the number of the predicted class (n,), or of each output's."""
        z = self._outputs(inputs)
        if self._architecture.targets.is_multilabel:
            if not all_finite(z):
                return (self._probabilities(inputs) > 0.5).astype(np.int64)
            return (z > 0).astype(np.int64)
        numbers = np.empty(len(z), np.int64)
        if not kernels.loops.predictions.classes(numbers, z, self.loss.code):
            return self._probabilities(inputs).argmax(axis=1)
        return numbers

    def _train(
        self,
        config: FitConfig,
        schema: Schema,
        moments_key: Any = None,
        callback: EpochCallback | None = None,
        checkpoint: "Checkpoint | None" = None,
    ) -> History:
        """Train as configured; keep the schema and the history, also of a failure."""
        trainer = Trainer(
            self._engine,
            config,
            self._theta,
            self._architecture.targets.n_classes is not None,
            self._kept,
            moments_key,
            callback,
            checkpoint,
        )
        self._schema = schema
        try:
            trainer.run()
        finally:
            self.history = trainer.history
        assert self.history is not None
        return self.history

    def _data(
        self, X: Any, y: Any, learns: bool = False, classes: Any = None
    ) -> tuple[Array, Array, Schema]:
        """Return X and y as the kernels take them, and what the net knows of them then.

        learns: the caller remembers it. classes: the labels of all classes.
        """
        inputs = self._inputs(X)
        targets, labels = self._targets(y, len(inputs), self._schema, learns, classes)
        columns = self._schema.columns
        if columns is None and type(X) is not np.ndarray:
            columns = column_names(X)
        return inputs, targets, Schema(columns, labels)

    def _validation(
        self, schema: Schema, X: Any, y: Any, sample_weight: Any
    ) -> ValidationData | None:
        """Return the validation data that a fit with this schema can use, if any."""
        if X is None and y is None and sample_weight is None:
            return None
        if X is None or y is None:
            missing = "X_val" if X is None else "y_val"
            raise ValueError(f"{missing} is missing: pass X_val= and y_val=")
        try:
            inputs = as_features(X, self.n_in, self.dtype, schema.columns)
            targets, _ = self._targets(y, len(inputs), schema)
            weights = row_weights(sample_weight, None, targets, None)
        except (TypeError, ValueError) as error:
            raise type(error)(f"in the validation data, {error}") from None
        return ValidationData(inputs, targets, weights)

    def _targets(
        self,
        y: Any,
        n: int,
        schema: Schema,
        learns: bool = False,
        classes: Any = None,
    ) -> tuple[Array, Labels | None]:
        """Return y for n rows of X as the kernels take it, and the labels."""
        return encode_targets(
            y,
            self._engine.n_rows(n),
            self._architecture.targets,
            schema.labels,
            self.dtype,
            learns=learns,
            declared=classes,
        )

    def _inputs(self, X: Any) -> Array:
        if not all_finite(self._theta):
            raise ValueError(
                "the net's parameters are not finite: set net.theta, or make a new net"
            )
        return as_features(X, self.n_in, self.dtype, self._schema.columns)

    def _outputs(self, inputs: Array) -> Array:
        check_outputs_memory(
            self._engine.n_rows(len(inputs)), self.n_out, self.dtype.itemsize
        )
        return self._engine.outputs(inputs)


@dataclass(frozen=True, eq=False)
class _FitAlone:
    """What trains one net of `fit_many` alone; a process of an executor can get it."""

    net: Sequential
    config: FitConfig
    optimizer: Optimizer
    schema: Schema
    monitor: "Monitor"

    def __call__(
        self, i: int, theta: Array, stop: Callable[[EpochState], bool] | None
    ) -> tuple[Array, History, bool]:
        """Train net i as `train_one_by_one` asks for."""
        net = self.net.with_theta(theta)
        rule = update_rule(self.optimizer.for_net(i), net.params)
        config = replace(
            self.config.for_net(i, rule),
            validation=self.monitor.validation,
            early_stopping=self.monitor.stopping,
        )
        callback = None if stop is None else EpochCallback(net, config, stop)
        try:
            history = net._train(config, self.schema, callback=callback)
            return net.theta, history, False
        except DivergenceError as error:
            assert net.history is not None
            if error.best_epoch is None:
                net._theta[...] = np.nan
            return net.theta, net.history, True


def _net_bytes(optimizer: int, theta: Array) -> int:
    """Return the bytes of a net in `fit_many`, not counting its losses."""
    drawn = 2 * 8 * theta.size + theta.nbytes  # samples, and those of a layer scaled
    trained = (3 + kernels.codes.N_MOMENTS[optimizer]) * theta.nbytes
    return max(drawn, trained) + _NET_BYTES


@suggests_arguments
def mlp(
    *sizes: int,
    activation: str = "sigmoid",
    loss: str | Loss | None = None,
    init: str | Init | Sequence[Any] = "xavier",
    seed: int | None = 0,
    dtype: Any = "float64",
) -> Sequential:
    """Make a multilayer perceptron: Affine layers with an activation between them.

    Parameters
    ----------
    *sizes : int
        Numbers of inputs, of the neurons of each hidden layer, and of outputs: mlp(2,
        3, 1) has 2 inputs, 3 hidden neurons and 1 output.
    activation : {"sigmoid", "tanh", "relu", "identity"}
        Of the hidden layers.
    loss : {"bce", "softmax_ce", "mse", "poisson"} or Loss, optional
        As for `Sequential`, and so are init, seed and dtype.
    init : str, scheme or list of arrays
        Of the initial weights.
    seed : int or None
        Of the weights; None draws a new seed.
    dtype : {"float64", "float32"}
        Type of parameters, data and arithmetic.

    Returns
    -------
    Sequential

    Raises
    ------
    TypeError, ValueError
        For arguments that cannot be used; the message says what to do.

    Examples
    --------
    >>> mlp(2, 3, 1, activation="tanh", seed=0).layers
    (Affine(2, 3), Tanh(), Affine(3, 1))
    """
    if len(sizes) < 2:
        raise ValueError(
            "mlp needs at least the numbers of inputs and outputs, as in mlp(2, 3, 1), "
            f"not {sizes}"
        )
    between = ACTIVATIONS[check_choice("activation", activation, ACTIVATIONS)]
    checked = [check_int(f"size {i}", size, 1) for i, size in enumerate(sizes)]
    layers: list[Layer] = []
    for n_in, n_out in pairwise(checked):
        layers += [Affine(n_in, n_out), between()]
    return Sequential(layers[:-1], loss, init=init, seed=seed, dtype=dtype)


@suggests_arguments
def load(path: "Target", own: Iterable[type[Layer] | type[Loss]] = ()) -> Any:
    """Return the net that `Sequential.save` or `to_json` wrote, or an `Ensemble`.

    path: where it is, or a binary file object. The content decides which of these it
    is, not the name; ValueError for any other content. A net has the same architecture,
    parameters, labels and dtype. own: classes of layers and losses of your own that the
    file may name, such as own=[Scale]; a file cannot choose what is imported.
    """
    from .data.archives import reading_archive
    from .export.json import read_json
    from .sweeps.ensemble import loaded_ensemble

    kinds = kinds_by_name(own)
    with reading_archive(path, "net", "ensemble", from_text=read_json) as archive:
        if archive.kind == "ensemble":
            return loaded_ensemble(archive, kinds)
        architecture = Architecture.from_archive(archive, kinds)
        dtype = check_dtype(archive.dtype("theta"))
        theta = archive.array("theta", (architecture.n_params,), dtype)
        as_float_array("theta", theta, dtype)  # refuses what is not finite
        schema = schema_of(archive, architecture.n_in, architecture.n_classes)
        return _net_of(architecture, theta, schema)


@builds_nets
def _net_of(architecture: Architecture, theta: Array, schema: Schema) -> Sequential:
    """Assemble a net from its parts; layers and theta are not copied."""
    net = Sequential.__new__(Sequential)
    net._assemble(architecture, theta, schema)
    return net
