"""Runs: what `fit_many` returns, many trainings of one architecture."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..data.archives import Archive, Target, reading_archive, write_archive
from ..data.arguments import (
    check_choice,
    check_dtype,
    check_float,
    check_int,
    check_seed,
)
from ..data.arrays import Array
from ..data.schema import Schema, schema_of
from ..nn.architecture import Architecture
from ..nn.descriptions import kinds_by_name
from ..nn.layers import Layer
from ..nn.losses import Loss
from ..nn.net import Net, build_net
from ..training.identity import described
from ..training.stopping import EarlyStopping
from .curves import Curves, first_below, quantiles
from .ensemble import Ensemble
from .monitor import BEST_EPOCH
from .plan import seed_array
from .state import SweepState
from .statistics import EpochsTo, Proportion

if TYPE_CHECKING:
    from .table import RunsTable

# The proportions of nets whose final losses are shown.
SHOWN = np.array([0.05, 0.5, 0.95])
# By what nets can be ranked, and what the rates of success look at.
_CRITERIA = ("loss", "accuracy", "val_loss", "val_accuracy")
# The attributes with the Curves that these arrays are rows of.
_CURVES = {
    "loss": "losses",
    "accuracy": "accuracies",
    "val_loss": "val_losses",
    "val_accuracy": "val_accuracies",
}


@dataclass(frozen=True, eq=False)
class Runs:
    """The nets that `fit_many` trained, one per row, and how their training went.

    A net's loss is the mean over an epoch of each sample's loss at its forward pass,
    before its update; its accuracy the share of samples whose class was right then, NaN
    for values and where the loss is not finite.

    Attributes
    ----------
    architecture : Architecture
        The description of the nets.
    schema : Schema
        What they know of the data: the names of its columns, and the labels of the
        classes, `classes`.
    theta : array of shape (n_nets, n_params)
        The final parameters, not finite where a net diverged.
    seeds : array of shape (n_nets,) or None
        Integers, or decimal digits where one has more than 64 bits; None if parameters
        were given.
    settings : dict of arrays of shape (n_nets,)
        The optimizer's, by name, such as "lr", which is the highest one of a schedule.
    trained : array of shape (n_nets,)
        For how many epochs each net was trained.
    final_loss, final_accuracy : array of shape (n_nets,)
        Those of each net's last epoch; where a training with every > 1 was interrupted,
        they may be those of the last recorded epoch.
    losses, accuracies : Curves
        Over the recorded epochs.
    stop_below : float or None
        The loss below which nets stopped.
    updates, seconds : int, float
        Of all nets together.
    seed : int or None
        That of the orders of the rows; None where an older file has none.
    final_val_loss, final_val_accuracy : array of shape (n_nets,)
        Of the validation data with the parameters in `theta`; NaN without such data.
    val_losses, val_accuracies : Curves or None
        Of the validation data, over the recorded epochs.
    early_stopping : EarlyStopping or None
        The rule by which nets stopped.
    best_epoch : array of shape (n_nets,) or None
        Each net's best epoch by early_stopping, from 0, or -1; its parameters are those
        of this epoch if the rule restores them. None without a rule.
    schedule : array of shape (m,) or (n_nets, m), or None
        The learning rates in the recorded epochs; None if they stay the same.

    Examples
    --------
    >>> from fastnn import datasets, mlp
    >>> gate = datasets.xor_gate()
    >>> runs = mlp(2, 3, 1).fit_many(*gate, seeds=range(8), epochs=500, lr=1, every=100)
    >>> runs.epochs.tolist(), runs.loss.shape
    ([1, 101, 201, 301, 401, 500], (8, 6))
    >>> good = runs.final_loss < 0.5
    >>> bool((runs[good].theta == runs.theta[good]).all())
    True
    """

    architecture: Architecture
    schema: Schema
    theta: Array
    seeds: Array | None
    trained: Array
    final_loss: Array
    final_accuracy: Array
    losses: Curves
    accuracies: Curves
    stop_below: float | None
    updates: int
    seconds: float
    settings: dict[str, Array] = field(default_factory=dict)
    seed: int | None = None
    final_val_loss: Array = None  # type: ignore[assignment]  # NaN for all nets
    final_val_accuracy: Array = None  # type: ignore[assignment]
    val_losses: Curves | None = None
    val_accuracies: Curves | None = None
    early_stopping: EarlyStopping | None = None
    best_epoch: Array | None = None
    schedule: Array | None = None

    def __post_init__(self) -> None:
        for name in ("final_val_loss", "final_val_accuracy"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full(len(self.theta), np.nan))

    def __len__(self) -> int:
        return len(self.theta)

    @overload
    def __getitem__(self, index: int) -> Net: ...

    @overload
    def __getitem__(
        self, index: slice | Array | Sequence[int] | Sequence[bool]
    ) -> "Runs": ...

    def __getitem__(self, index: Any) -> "Net | Runs":
        """Return net number `index`, as if trained alone, or the Runs of some nets.

        Some nets: a slice, numbers, or booleans (n_nets,). ValueError for a net that
        diverged, for no net at all, and for some nets where only percentiles were
        recorded. updates are shared out by epochs trained; seconds stay those of all.
        """
        if isinstance(index, (bool, np.bool_)):
            raise TypeError(
                f"runs[{index}]: pass a net's number, or an array (n_nets,) of booleans"
            )
        if isinstance(index, (int, np.integer)):
            if not np.isfinite(self.theta[index]).all():
                raise ValueError(
                    f"net {index} diverged: its parameters, runs.theta[{index}], are "
                    "not finite, so no net can have them"
                )
            return build_net(self.architecture, self.theta[index], self.schema)
        nets = np.arange(len(self))[index]
        if nets.ndim != 1:
            raise IndexError(
                "runs have one dimension, but the index has shape "
                f"{np.shape(index)}: pass numbers or booleans (n_nets,)"
            )
        if not nets.size:
            raise ValueError(
                f"the index chooses none of the {len(self)} nets: choose at least one"
            )
        total, schedule = max(1, int(self.trained.sum())), self.schedule
        if schedule is not None and schedule.ndim == 2:
            schedule = schedule[nets]
        some_curves: dict[str, Any] = {}
        if self.val_losses is not None:
            for name in ("val_loss", "val_accuracy"):
                values = getattr(self, name)[nets]
                some_curves[_CURVES[name]] = Curves(self.epochs, values)
        return replace(
            self,
            theta=self.theta[nets],
            seeds=None if self.seeds is None else self.seeds[nets],
            trained=self.trained[nets],
            final_loss=self.final_loss[nets],
            final_accuracy=self.final_accuracy[nets],
            losses=Curves(self.epochs, self.loss[nets]),
            accuracies=Curves(self.epochs, self.accuracy[nets]),
            updates=self.updates * int(self.trained[nets].sum()) // total,
            settings={name: values[nets] for name, values in self.settings.items()},
            final_val_loss=self.final_val_loss[nets],
            final_val_accuracy=self.final_val_accuracy[nets],
            best_epoch=None if self.best_epoch is None else self.best_epoch[nets],
            schedule=schedule,
            **some_curves,
        )

    def __iter__(self) -> Iterator[Net]:
        return (self[i] for i in range(len(self)))

    @property
    def classes(self) -> Array | None:
        """The sorted labels of the classes; None for values."""
        return self.schema.classes

    @property
    def net(self) -> Net:
        """A net of this architecture and these labels, with parameters of zero."""
        theta = np.zeros(self.theta.shape[1], self.theta.dtype)
        return build_net(self.architecture, theta, self.schema)

    @property
    def epochs(self) -> Array:
        """The recorded epochs (m,), counted from 1."""
        return self.losses.epochs

    @property
    def loss(self) -> Array:
        """Each net's loss (n_nets, m) in the recorded epochs.

        ValueError where only percentiles were recorded.
        """
        return self.losses.of_each_net()

    @property
    def accuracy(self) -> Array:
        """Each net's accuracy (n_nets, m) in the recorded epochs.

        ValueError where only percentiles were recorded.
        """
        return self.accuracies.of_each_net()

    @property
    def val_loss(self) -> Array:
        """Each net's loss on the validation data (n_nets, m), NaN without such data.

        It is measured at the end of the recorded epochs, and NaN after a net's last
        one. ValueError where only percentiles were recorded.
        """
        return self._validated(self.val_losses)

    @property
    def val_accuracy(self) -> Array:
        """Each net's accuracy on the validation data (n_nets, m), like `val_loss`."""
        return self._validated(self.val_accuracies)

    @property
    def lr(self) -> Array:
        """Each net's learning rate (n_nets, m), NaN after its last epoch."""
        rates = self.schedule
        if rates is None:
            nothing = np.full(len(self), np.nan)
            rates = self.settings.get("lr", nothing)[:, np.newaxis]
        return np.where(self.epochs <= self.trained[:, np.newaxis], rates, np.nan)

    @property
    def diverged(self) -> Array:
        """True (n_nets,) where a net's parameters or last loss are not finite."""
        return ~np.isfinite(self.theta).all(axis=1) | ~np.isfinite(self.final_loss)

    def varying_settings(self) -> dict[str, Array]:
        """Return the settings in which the nets differ, each (n_nets,), by name."""
        return {
            name: values
            for name, values in self.settings.items()
            if (values != values[0]).any()
        }

    def solved(
        self,
        loss_below: float | None = None,
        accuracy_above: float | None = None,
        by: str = "loss",
    ) -> Array:
        """Return True (n_nets,) for each net that ends well enough and did not diverge.

        Its final loss is below loss_below, and its final accuracy above accuracy_above;
        of these two bounds at least one must be given. by="val_loss" compares those of
        the validation data.
        """
        below, above = self._bounds(loss_below, accuracy_above)
        solved = ~self.diverged
        if below is not None:
            solved &= self._measured("loss", by)[1] < below
        if above is not None:
            solved &= self._measured("accuracy", by)[1] > above
        return solved

    def success_rate(
        self,
        loss_below: float | None = None,
        accuracy_above: float | None = None,
        by: str = "loss",
    ) -> Proportion:
        """Return the proportion of nets that are `solved`, with its 95 % interval.

        by="val_loss" looks at the validation data.

        >>> from fastnn import datasets, mlp
        >>> gate, net = datasets.xor_gate(), mlp(2, 2, 1)
        >>> runs = net.fit_many(*gate, seeds=range(99), epochs=2000, lr=2, batch_size=4)
        >>> rate = runs.success_rate(loss_below=0.05)
        >>> bool(rate.low < rate < rate.high)
        True
        """
        solved = self.solved(loss_below, accuracy_above, by)
        return Proportion(int(solved.sum()), len(self))

    def share_solved(
        self,
        loss_below: float | None = None,
        accuracy_above: float | None = None,
        by: str = "loss",
    ) -> Array:
        """Return the share (m,) of nets that are good enough in each recorded epoch.

        by="val_loss" looks at the validation data. Nets that stopped count with what
        they ended with, as in `solved`. Where only percentiles were recorded the share
        is right to 0.01, and only one bound can be given.
        """
        below, above = self._bounds(loss_below, accuracy_above)
        if (
            self.losses.percentiles is not None
            and below is not None
            and above is not None
        ):
            raise ValueError(
                "only percentiles over the nets were recorded, which do not tell how "
                "many nets meet both bounds: pass one of loss_below and "
                "accuracy_above, or call fit_many with losses='all'"
            )
        good = []
        if below is not None:
            losses, final = self._measured("loss", by)
            good.append(losses.rows(self.trained, final) < below)
        if above is not None:
            accuracies, final = self._measured("accuracy", by)
            good.append(accuracies.rows(self.trained, final) > above)
        return np.mean(np.logical_and.reduce(good), axis=0)

    def loss_quantiles(self, q: Any, by: str = "loss") -> Array:
        """Return the loss (m,) that a proportion q of the nets does not exceed.

        For several q it is (len(q), m); one value for each recorded epoch. It is always
        the loss of a net. Nets that stopped count with their final loss, those that
        diverged with infinity. Where only percentiles were recorded, q must be
        whole percents. by="val_loss" looks at the validation data.

        >>> from fastnn import datasets, mlp
        >>> gate = datasets.xor_gate()
        >>> runs = mlp(2, 3, 1).fit_many(*gate, seeds=range(8), epochs=50, lr=1.0)
        >>> runs.loss_quantiles([0.05, 0.5, 0.95]).shape
        (3, 50)
        """
        losses, final = self._measured("loss", by)
        return losses.quantiles(q, self.trained, final, np.inf)

    def accuracy_quantiles(self, q: Any, by: str = "loss") -> Array:
        """Return the accuracies (m,) or (len(q), m), as `loss_quantiles` does.

        Nets that diverged count with 0.
        """
        self._check_classifies()
        accuracies, final = self._measured("accuracy", by)
        return accuracies.quantiles(q, self.trained, final, 0.0)

    def epochs_to(self, loss_below: float) -> EpochsTo:
        """Return in which recorded epoch each net's loss is first below a bound.

        Where only percentiles were recorded, the bound must be stop_below.

        >>> from fastnn import datasets, mlp
        >>> gate = datasets.xor_gate()
        >>> runs = mlp(2, 3, 1).fit_many(*gate, seeds=range(8), epochs=1000, lr=1.0)
        >>> result = runs.epochs_to(0.3)
        >>> bool(result.each.min() <= result.median)
        True
        """
        bound = check_float("loss_below", loss_below)
        if self.losses.each is not None:
            return EpochsTo(bound, first_below(self.losses.each, self.epochs, bound))
        if bound != self.stop_below:
            known = ""
            if self.stop_below is not None:
                known = f" epochs_to({self.stop_below:g}) is known: nets stopped there."
            raise ValueError(
                "only percentiles over the nets were recorded, which do not tell when "
                "each net got there: call fit_many with losses='all', or with "
                f"stop_below={bound:g}.{known}"
            )
        return EpochsTo(bound, np.where(self.final_loss < bound, self.trained, np.inf))

    def ranking(self, by: str | None = None) -> Array:
        """Return the nets' numbers (n_nets,), the best ones first, diverged ones last.

        by: "loss", the lowest final loss first, or "accuracy", the highest final
        accuracy first, and of several the one with the lower loss. Both are those of a
        net's last epoch, also where it has the parameters of its best one. "val_loss"
        and "val_accuracy" compare those of the validation data, with the parameters
        that the nets have. None is "val_loss" where there are such data, and "loss"
        otherwise.
        """
        return np.lexsort(self.criteria(by)[::-1])

    def criteria(self, by: str | None = None) -> list[Array]:
        """Return what `ranking` compares, each (n_nets,), the first one first.

        The lowest is the best; infinite for nets that diverged.
        """
        if by is None:
            by = "loss" if self.val_losses is None else "val_loss"
        losses = np.where(self.diverged, np.inf, self._measured("loss", by)[1])
        losses[np.isnan(losses)] = np.inf
        if not by.endswith("accuracy"):
            return [losses]
        self._check_classifies()
        accuracies = self._measured("accuracy", by)[1]
        return [np.where(self.diverged, np.inf, -accuracies), losses]

    def best(self, by: str | None = None) -> Net:
        """Return the best net, as in `ranking`; ValueError if all diverged.

        by: the validation loss, or without validation data the loss; see `ranking`.
        """
        return self.ensemble(1, by)[0]

    def ensemble(self, n: int, by: str | None = None) -> Ensemble:
        """Return the n best nets, as in `ranking`, which then predict together.

        by: the validation loss, or without validation data the loss; see `ranking`.
        ValueError where fewer than n nets have not diverged.

        >>> from fastnn import datasets, mlp
        >>> X, y = datasets.spiral(30)
        >>> runs = mlp(2, 8, 3).fit_many(X, y, seeds=range(20), epochs=50, lr=0.3)
        >>> runs.ensemble(5).predict_proba(X).shape
        (90, 3)
        """
        return Ensemble([self[int(i)] for i in best_of(n, self.criteria(by))])

    def table(self, n: int = 10, by: str | None = None) -> "RunsTable":
        """Return the n best nets, as in `ranking`, for `print` or `rich.print`.

        It shows number, seed, final loss and accuracy, those of the validation data,
        the best epoch by early stopping, counted from 1 (0 for none), epochs trained,
        and the settings in which the nets differ. Its title has the
        numbers of nets and of those that diverged, and the final losses that 5, 50 and
        95 % of all nets do not exceed.
        """
        from .table import RunsTable

        n = check_int("n", n, 1)
        best = self.ranking(by)[: min(n, int((~self.diverged).sum()))]
        columns = {"net": [str(i) for i in best]}
        if self.seeds is not None:
            columns["seed"] = [str(seed) for seed in self.seeds[best]]
        columns["final loss"] = [f"{loss:.4g}" for loss in self.final_loss[best]]
        if self._classifies:
            accuracies = self.final_accuracy[best]
            columns["final accuracy"] = [f"{accuracy:.4g}" for accuracy in accuracies]
        if self.val_losses is not None:
            columns["val loss"] = [f"{loss:.4g}" for loss in self.final_val_loss[best]]
            if self._classifies:
                accuracies = self.final_val_accuracy[best]
                columns["val accuracy"] = [f"{value:.4g}" for value in accuracies]
        if self.best_epoch is not None:
            columns["best epoch"] = [
                f"{epoch + 1:,}" for epoch in self.best_epoch[best]
            ]
        columns["epochs"] = [f"{epochs:,}" for epochs in self.trained[best]]
        for name, values in self.varying_settings().items():
            columns[name] = [f"{value:.4g}" for value in values[best]]
        title = [
            f"{len(self):,} nets, {self.diverged.sum() or 'none'} diverged",
            f"final loss {self._shown_losses()}",
        ]
        return RunsTable(title, columns)

    def to_arrays(self) -> dict[str, Array]:
        """Return plain arrays by the names of the fields, for `numpy.savez` or a frame.

        theta, the settings such as lr, seeds (unless parameters were given), trained,
        final_loss, final_accuracy, epochs, and loss and accuracy, or loss_percentiles
        and accuracy_percentiles (101, m). With validation data there are also
        final_val_loss, final_val_accuracy, val_loss and val_accuracy, or their
        percentiles, with early stopping best_epoch, and with a schedule its rates.
        """
        names = ("theta", "trained", "final_loss", "final_accuracy", "epochs")
        arrays = self.settings | {name: getattr(self, name) for name in names}
        if self.seeds is not None:
            arrays["seeds"] = self.seeds
        for name in ("best_epoch", "schedule"):
            if getattr(self, name) is not None:
                arrays[name] = getattr(self, name)
        if self.val_losses is not None:
            for name in ("final_val_loss", "final_val_accuracy"):
                arrays[name] = getattr(self, name)
        for name, curves_name in _CURVES.items():
            curves = getattr(self, curves_name)
            if curves is None:
                continue
            if curves.percentiles is None:
                arrays[name] = curves.of_each_net()
            else:
                arrays[f"{name}_percentiles"] = curves.percentiles
        return arrays

    def save(self, path: Target) -> None:
        """Write all to a .npz file, which `Runs.load` reads.

        path: where to, or a binary file object, as for `fastnn.Sequential.save`.
        """
        facts = self.architecture.facts() | self.schema.facts()
        facts |= {
            "settings": list(self.settings),
            "stop_below": self.stop_below,
            "early_stopping": self.early_stopping and asdict(self.early_stopping),
            "updates": self.updates,
            "seconds": self.seconds,
            "seed": self.seed,
        }
        arrays = self.to_arrays() | self.schema.arrays()
        write_archive(path, "runs", Archive(facts, arrays))

    @staticmethod
    def load(path: Target, own: Iterable[type[Layer] | type[Loss]] = ()) -> "Runs":
        """Return what `save` wrote to `path`; ValueError for any other content.

        own: classes of layers as for `fastnn.load`.
        """
        kinds = kinds_by_name(own)
        with reading_archive(path, "runs") as archive:
            architecture = Architecture.from_archive(archive, kinds)
            dtype = check_dtype(archive.dtype("theta"))
            theta = archive.array("theta", (None, architecture.n_params), dtype)
            epochs = archive.array("epochs", (None,), np.int64)
            if epochs[0] < 1 or (epochs[1:] <= epochs[:-1]).any():
                raise ValueError("its epochs do not increase from 1")
            n_nets, stop_below = len(theta), archive.fact("stop_below")
            if stop_below is not None:
                stop_below = check_float("stop_below", stop_below)
            trained = archive.array("trained", (n_nets,), np.int64)
            if trained.min() < 1:
                raise ValueError("its numbers of trained epochs are not positive")
            return Runs(
                architecture=architecture,
                schema=schema_of(archive, architecture.n_in, architecture.n_classes),
                theta=theta,
                seeds=_loaded_seeds(archive, n_nets),
                trained=trained,
                final_loss=archive.array("final_loss", (n_nets,)),
                final_accuracy=archive.array("final_accuracy", (n_nets,)),
                losses=_loaded_curves(archive, "loss", n_nets, epochs),
                accuracies=_loaded_curves(archive, "accuracy", n_nets, epochs),
                stop_below=stop_below,
                updates=operator.index(archive.fact("updates")),
                seconds=check_float("seconds", archive.fact("seconds"), 0.0),
                settings=_loaded_settings(archive, n_nets),
                seed=None
                if (seed := archive.facts.get("seed")) is None
                else check_seed(seed),
                **_loaded_validation(archive, n_nets, epochs),
            )

    @staticmethod
    def concatenate(runs: "Sequence[Runs]") -> "Runs":
        """Return the nets of several Runs as one; updates and seconds are added up.

        All must have the same architecture, dtype, columns and labels, recorded epochs
        and rules to stop, all or none validation data, and the losses of each net.
        Where all nets of one have stopped early, it has fewer epochs, which is no
        difference. A setting that only some have is NaN for the others; seeds are None
        unless all have some.

        >>> from fastnn import datasets, mlp
        >>> gate, net = datasets.xor_gate(), mlp(2, 2, 1)
        >>> slow = net.fit_many(*gate, seeds=range(3), epochs=9, lr=0.1)
        >>> fast = net.fit_many(*gate, seeds=range(3), epochs=9, lr=1.0)
        >>> Runs.concatenate([slow, fast]).settings["lr"].tolist()
        [0.1, 0.1, 0.1, 1.0, 1.0, 1.0]
        """
        parts = list(runs)
        if not parts:
            raise ValueError("there are no runs to concatenate: pass at least one")
        for one in parts:
            if not isinstance(one, Runs):
                raise TypeError(f"pass Runs, as fit_many returns them, not {one!r}")
        longest = max(parts, key=lambda one: len(one.epochs))
        for i, one in enumerate(parts):
            one._check_fits(longest, i)

        def joined(name: str) -> Array:
            return np.concatenate([getattr(one, name) for one in parts])

        def joined_rows(name: str) -> Array:
            each = np.full((sum(map(len, parts)), len(longest.epochs)), np.nan)
            start = 0
            for one in parts:
                values = getattr(one, name)
                each[start : start + len(one), : values.shape[1]] = values
                start += len(one)
            return each

        curves: dict[str, Any] = {
            curves: Curves(longest.epochs, joined_rows(name))
            for name, curves in _CURVES.items()
            if getattr(longest, curves) is not None
        }
        best_epoch = schedule = None
        if longest.early_stopping is not None:
            best_epoch = joined("best_epoch")
        if any(one.schedule is not None for one in parts):
            schedule = joined_rows("_rates")

        def joined_setting(name: str) -> Array:
            nothing = np.full(1, np.nan)
            values = [one.settings.get(name, nothing.repeat(len(one))) for one in parts]
            return np.concatenate(values)

        seeds = None
        if all(one.seeds is not None for one in parts):
            seeds = seed_array([int(seed) for seed in joined("seeds")])
        return replace(
            longest,
            theta=joined("theta"),
            seeds=seeds,
            trained=joined("trained"),
            final_loss=joined("final_loss"),
            final_accuracy=joined("final_accuracy"),
            final_val_loss=joined("final_val_loss"),
            final_val_accuracy=joined("final_val_accuracy"),
            best_epoch=best_epoch,
            schedule=schedule,
            **curves,
            updates=sum(one.updates for one in parts),
            seconds=sum(one.seconds for one in parts),
            settings={
                name: joined_setting(name) for one in parts for name in one.settings
            },
            seed=longest.seed if len({one.seed for one in parts}) == 1 else None,
        )

    def _check_fits(self, others: "Runs", i: int) -> None:
        """Raise ValueError unless these runs, number i, can be joined with others."""
        if self.losses.each is None:
            raise ValueError(
                f"runs {i} has only percentiles over its nets, which cannot be joined: "
                "call fit_many with losses='all'"
            )

        def common(runs: Runs) -> dict[str, Any]:
            labels = runs.schema.labels
            return {
                "architecture": list(map(described, runs.architecture.layers)),
                "loss": described(runs.architecture.loss),
                "dtype": str(runs.theta.dtype),
                "columns": runs.schema.columns,
                "labels": None if labels is None else labels.of_class.tolist(),
                "stop_below": runs.stop_below,
                "early_stopping": runs.early_stopping,
                "val_loss": "NaN" if runs.val_losses is None else "measured",
                "recorded epochs": runs.epochs.tolist(),
            }

        mine, theirs = common(self), common(others)
        n_epochs = len(self.epochs)
        if self._may_have_stopped and n_epochs < len(others.epochs):
            theirs["recorded epochs"] = others.epochs[:n_epochs].tolist()
        for name, value in mine.items():
            if value != theirs[name]:
                raise ValueError(
                    f"runs {i} cannot be joined with the others: its {name} is "
                    f"{_short(value)}, but theirs is {_short(theirs[name])}"
                )

    @property
    def _may_have_stopped(self) -> bool:
        """True if each net may have stopped early, met stop_below, or diverged."""
        if self.early_stopping is not None:
            return True
        if self.stop_below is None:
            return False
        return bool((~(self.final_loss >= self.stop_below)).all())

    def __repr__(self) -> str:
        losses = "" if self.diverged.all() else f", loss {self._shown_losses()}"
        n_diverged = self.diverged.sum()
        diverged = f", {n_diverged} diverged" if n_diverged else ""
        return (
            f"Runs({len(self)} nets, {self.updates} updates{losses}{diverged}, "
            f"{self.seconds:.3g} s)"
        )

    def _final_losses(self) -> Array:
        """Return the final losses (n_nets,), infinite for nets that diverged."""
        return np.where(self.diverged, np.inf, self.final_loss)

    @property
    def _rates(self) -> Array:
        """The learning rates in the recorded epochs (n_nets, m)."""
        rates = self.schedule
        if rates is None:
            rates = self.settings["lr"][:, np.newaxis]
        return np.broadcast_to(rates, (len(self), len(self.epochs)))

    def _validated(self, curves: Curves | None) -> Array:
        if curves is None:
            return np.full((len(self), len(self.epochs)), np.nan)
        return curves.of_each_net()

    def _measured(self, name: str, by: str) -> tuple[Curves, Array]:
        """Return the curves and final values (n_nets,) of "loss" or "accuracy".

        They are those of the data that `by` looks at: the validation data, which must
        be there, or those of the training.
        """
        if check_choice("by", by, _CRITERIA).startswith("val_"):
            if self.val_losses is None:
                raise ValueError(
                    f"by={by!r} needs validation data: call fit_many with X_val= and "
                    "y_val="
                )
            name = f"val_{name}"
        return getattr(self, _CURVES[name]), getattr(self, f"final_{name}")

    def _shown_losses(self) -> str:
        losses = quantiles(self._final_losses()[:, np.newaxis], SHOWN, np.inf)[:, 0]
        return " / ".join(f"{loss:.4g}" for loss in losses) + " (5, 50, 95 %)"

    @property
    def _classifies(self) -> bool:
        return self.architecture.n_classes is not None

    def _check_classifies(self) -> None:
        if not self._classifies:
            raise ValueError(
                "these nets predict values, which have no accuracy: use loss_below or "
                "loss_quantiles"
            )

    def _bounds(
        self, loss_below: Any, accuracy_above: Any
    ) -> tuple[float | None, float | None]:
        """Check the two bounds of success, at least one of which must be given."""
        if loss_below is None and accuracy_above is None:
            raise ValueError(
                "pass loss_below= or accuracy_above=, to say what counts as a success"
            )
        if accuracy_above is not None:
            self._check_classifies()
            accuracy_above = check_float("accuracy_above", accuracy_above)
        if loss_below is not None:
            loss_below = check_float("loss_below", loss_below)
        return loss_below, accuracy_above


def best_of(n: int, criteria: list[Array]) -> Array:
    """Return the numbers (n,) of the best nets by `Runs.criteria`.

    ValueError where fewer than n did not diverge.
    """
    n, n_good = check_int("n", n, 1), int(np.isfinite(criteria[0]).sum())
    if not n_good:
        raise ValueError(
            f"all {len(criteria[0]):,} nets diverged: train others, with a smaller lr"
        )
    if n > n_good:
        raise ValueError(
            f"n is {n:,}, but only {n_good:,} of {len(criteria[0]):,} nets did not "
            "diverge: choose a smaller n"
        )
    return np.lexsort(criteria[::-1])[:n]


def runs_of(
    state: SweepState,
    architecture: Architecture,
    schema: Schema,
    seeds: Array | None,
    settings: dict[str, Array],
    seconds: float,
) -> Runs:
    """Return the nets of a sweep that were trained, each as far as it came.

    seeds and each of the settings (n_nets,) are those of all nets of the sweep.
    """
    trained, recording = state.trained, state.recording
    some: Any = slice(None) if trained.all() else np.flatnonzero(trained)
    epochs = recording.epochs
    # Where all nets have stopped, the stage in which the last one did may go on.
    epochs = epochs[epochs <= trained.max()]
    if recording.only_percentiles:
        nothing = np.empty((len(state.last), 101, 0))
        found = np.concatenate([nothing, *state.percentiles], axis=2)
        epochs = epochs[: found.shape[2]]
        curves = [Curves(epochs, percentiles=rows[:, : len(epochs)]) for rows in found]
    else:
        curves = [
            Curves(epochs, each=rows[: len(epochs), some].T) for rows in state.recorded
        ]
    theta, final, monitor = state.theta[some], state.last[:, some], state.monitor
    best_epoch = schedule = None
    if monitor.stopping is not None:
        best_epoch = state.best[BEST_EPOCH, some].astype(np.int64)
    if state.config.schedule.size:
        schedule = state.config.schedule[epochs - 1].T
        schedule = schedule[some] if schedule.ndim == 2 else schedule
    validated: dict[str, Any] = {}
    if monitor.validation is not None:
        validated = {
            "final_val_loss": final[2],
            "final_val_accuracy": final[3],
            "val_losses": curves[2],
            "val_accuracies": curves[3],
        }
    return Runs(
        architecture=architecture,
        schema=schema,
        theta=theta,
        seeds=None if seeds is None else seeds[some],
        trained=trained[some],
        final_loss=final[0],
        final_accuracy=final[1],
        losses=curves[0],
        accuracies=curves[1],
        stop_below=recording.stop_below,
        early_stopping=monitor.stopping,
        best_epoch=best_epoch,
        schedule=schedule,
        updates=int(trained.sum()) * state.config.per_epoch,
        seconds=seconds,
        settings={name: values[some] for name, values in settings.items()},
        seed=state.config.seed,
        **validated,
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _loaded_settings(archive: Archive, n_nets: int) -> dict[str, Array]:
    """Return the settings of a file, which has none in version 0.1.0."""
    names = archive.facts.get("settings", [])
    return {name: archive.array(name, (n_nets,)) for name in names}


def _loaded_seeds(archive: Archive, n_nets: int) -> Array | None:
    """Return the seeds of a file: int64, uint64 or decimal digits."""
    if "seeds" not in archive.arrays:
        return None
    dtype = archive.dtype("seeds")
    known = dtype if dtype.kind == "U" or dtype == np.uint64 else np.int64
    seeds = archive.array("seeds", (n_nets,), known)
    if dtype.kind == "U" and not all(map(_is_digits, seeds.tolist())):
        raise ValueError("its seeds are not digits")
    return seeds


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _loaded_validation(archive: Archive, n_nets: int, epochs: Array) -> dict[str, Any]:
    """Return what a file has of validation, early stopping and a schedule."""
    loaded: dict[str, Any] = {}
    if "final_val_loss" in archive.arrays:
        for name in ("val_loss", "val_accuracy"):
            loaded[f"final_{name}"] = archive.array(f"final_{name}", (n_nets,))
            loaded[_CURVES[name]] = _loaded_curves(archive, name, n_nets, epochs)
    if (rule := archive.facts.get("early_stopping")) is not None:
        loaded["early_stopping"] = EarlyStopping(**rule)
        loaded["best_epoch"] = archive.array("best_epoch", (n_nets,), np.int64)
    if "schedule" in archive.arrays:
        n_dimensions = len(archive.shape("schedule"))
        shape = (n_nets, len(epochs))[2 - n_dimensions :]
        loaded["schedule"] = archive.array("schedule", shape)
    return loaded


def _loaded_curves(archive: Archive, name: str, n_nets: int, epochs: Array) -> Curves:
    """Return the losses or accuracies of a file: of each net, or percentiles."""
    if "loss" in archive.arrays:
        return Curves(epochs, each=archive.array(name, (n_nets, len(epochs))))
    shape = 101, len(epochs)
    return Curves(epochs, percentiles=archive.array(f"{name}_percentiles", shape))
