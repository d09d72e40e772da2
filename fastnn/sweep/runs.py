"""What `fit_many` returns: many trainings of one architecture."""

import operator
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..data.arguments import check_float, check_int
from ..data.arrays import Array
from ..nn import storage
from .curves import Curves, first_below, quantiles
from .rate import Proportion
from .statistics import EpochsTo

if TYPE_CHECKING:
    from rich.table import Table

    from ..model import Sequential

_SPREAD = np.array([0.05, 0.5, 0.95])  # the shares of nets whose final losses are shown


@dataclass(frozen=True, eq=False)
class Runs:
    """The nets that `fit_many` trained, and how: a net a row.

    A net's loss is the mean over an epoch of each sample's loss at its forward pass, before its update; its accuracy
    the share of samples whose class was right then, NaN for mse and where the loss is not finite.

    net: a net of their architecture, loss and labels; its own parameters mean nothing
    theta (n_nets, n_params): the parameters at the end, not finite where a net diverged
    seeds (n_nets,): the seeds, for `int`: whole numbers, or digits where one has more than 64 bits; None if parameters
        were given
    trained (n_nets,): for how many epochs each net was trained
    final_loss, final_accuracy (n_nets,): of each net's last epoch
    losses, accuracies: the `Curves` over the kept epochs
    stop_below: the loss below which nets left, if any
    updates, seconds: of all nets

    >>> from fastnn import datasets, mlp
    >>> runs = mlp(2, 3, 1).fit_many(*datasets.xor_gate(), seeds=range(8), epochs=500, lr=1.0, every=100)
    >>> runs.epochs.tolist(), runs.loss.shape
    ([1, 101, 201, 301, 401, 500], (8, 6))
    >>> bool((runs[runs.final_loss < 0.5].theta == runs.theta[runs.final_loss < 0.5]).all())
    True
    """

    net: "Sequential"
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

    def __len__(self) -> int:
        return len(self.theta)

    @overload
    def __getitem__(self, index: int) -> "Sequential": ...

    @overload
    def __getitem__(
        self, index: slice | Array | Sequence[int] | Sequence[bool]
    ) -> "Runs": ...

    def __getitem__(self, index: Any) -> "Sequential | Runs":
        """Net number `index`, as if trained alone; or the Runs of some nets, by a slice, numbers or booleans (n_nets,).

        A net that diverged raises ValueError, as its parameters are not finite; so does a choice of no net, and one of
        several where only percentiles were kept. updates are shared out by epochs trained; seconds remain those of all.
        """
        if isinstance(index, (bool, np.bool_)):
            raise TypeError(
                f"runs[{index}]: a net's number, or an array (n_nets,) of booleans, is wanted"
            )
        if isinstance(index, (int, np.integer)):
            if not np.isfinite(self.theta[index]).all():
                why = f"no net can have its parameters, runs.theta[{index}]: it is not finite"
                raise ValueError(f"net {index} diverged, and {why}")
            return self.net.with_theta(self.theta[index])
        nets = np.arange(len(self))[index]
        if nets.ndim != 1:
            raise IndexError(
                f"runs are chosen by one dimension, but the index has the shape {np.shape(index)}"
            )
        if not nets.size:
            raise ValueError(
                f"none of the {len(self)} nets is chosen: a Runs has at least one"
            )
        return replace(
            self,
            theta=self.theta[nets],
            seeds=None if self.seeds is None else self.seeds[nets],
            trained=self.trained[nets],
            final_loss=self.final_loss[nets],
            final_accuracy=self.final_accuracy[nets],
            losses=Curves(self.epochs, self.loss[nets]),
            accuracies=Curves(self.epochs, self.accuracy[nets]),
            updates=self.updates
            * int(self.trained[nets].sum())
            // max(1, int(self.trained.sum())),
        )

    def __iter__(self) -> Iterator["Sequential"]:
        return (self[i] for i in range(len(self)))

    @property
    def epochs(self) -> Array:
        """The epochs (m,) of which losses and accuracies are kept, counted from 1."""
        return self.losses.epochs

    @property
    def loss(self) -> Array:
        """Each net's loss (n_nets, m) in the kept epochs; ValueError where only percentiles were kept."""
        return self.losses.of_each_net()

    @property
    def accuracy(self) -> Array:
        """Each net's accuracy (n_nets, m) in the kept epochs; ValueError where only percentiles were kept."""
        return self.accuracies.of_each_net()

    @property
    def diverged(self) -> Array:
        """True (n_nets,) for each net whose parameters, or loss of the last epoch, are no longer finite."""
        return np.any(~np.isfinite(self.theta), axis=1) | ~np.isfinite(self.final_loss)

    def solved(
        self, loss_below: float | None = None, accuracy_above: float | None = None
    ) -> Array:
        """True (n_nets,) for each net that did not diverge and ends with a loss, or accuracy, or both, good enough."""
        below, above = self._bounds(loss_below, accuracy_above)
        found = ~self.diverged
        if below is not None:
            found &= self.final_loss < below
        if above is not None:
            found &= self.final_accuracy > above
        return found

    def success_rate(
        self, loss_below: float | None = None, accuracy_above: float | None = None
    ) -> Proportion:
        """The share of nets that are `solved`, with its 95 % interval.

        >>> from fastnn import datasets, mlp
        >>> runs = mlp(2, 2, 1).fit_many(*datasets.xor_gate(), seeds=range(100), epochs=2000, lr=2.0, batch_size="full")
        >>> rate = runs.success_rate(loss_below=0.05)
        >>> bool(rate.low < rate < rate.high)
        True
        """
        return Proportion(int(self.solved(loss_below, accuracy_above).sum()), len(self))

    def share_solved(
        self, loss_below: float | None = None, accuracy_above: float | None = None
    ) -> Array:
        """The share (m,) of nets whose loss, or accuracy, or both, are good enough in each kept epoch.

        Nets that left count with their last value. Where only percentiles were kept the share is right to 0.01, and
        only one of the two can be asked for.
        """
        below, above = self._bounds(loss_below, accuracy_above)
        if (
            self.losses.percentiles is not None
            and below is not None
            and above is not None
        ):
            raise ValueError(
                "only percentiles over the nets were kept, which do not tell how many nets meet both: ask for one of "
                "loss_below and accuracy_above, or call fit_many with losses='all'"
            )
        good = []
        if below is not None:
            good.append(self.losses.rows(self.trained) < below)
        if above is not None:
            good.append(self.accuracies.rows(self.trained) > above)
        return np.mean(np.logical_and.reduce(good), axis=0)

    def loss_quantiles(self, q: Any) -> Array:
        """The loss (m,) that a share q of the nets does not exceed in each kept epoch, or (len(q), m) for several q.

        It is the smallest such loss of a net; nets that left count with their last one, those that diverged with
        infinity. Where only percentiles were kept, q must be whole percents.

        >>> from fastnn import datasets, mlp
        >>> runs = mlp(2, 3, 1).fit_many(*datasets.xor_gate(), seeds=range(8), epochs=50, lr=1.0)
        >>> runs.loss_quantiles([0.05, 0.5, 0.95]).shape
        (3, 50)
        """
        return self.losses.quantiles(q, self.trained, np.inf)

    def accuracy_quantiles(self, q: Any) -> Array:
        """The accuracies (m,) or (len(q), m), as `loss_quantiles`; nets that diverged count with 0."""
        self._check_classes()
        return self.accuracies.quantiles(q, self.trained, 0.0)

    def epochs_to(self, loss_below: float) -> EpochsTo:
        """In which kept epoch each net's loss is first below a bound.

        Where only percentiles were kept that is known of no other bound than stop_below.

        >>> from fastnn import datasets, mlp
        >>> runs = mlp(2, 3, 1).fit_many(*datasets.xor_gate(), seeds=range(8), epochs=1000, lr=1.0, every=10)
        >>> found = runs.epochs_to(0.3)
        >>> bool(found.each.min() <= found.median)
        True
        """
        bound = check_float("loss_below", loss_below)
        if self.losses.each is not None:
            return EpochsTo(bound, first_below(self.losses.each, self.epochs, bound))
        if bound != self.stop_below:
            known = (
                ""
                if self.stop_below is None
                else f" Known is epochs_to({self.stop_below:g}), where nets left."
            )
            raise ValueError(
                "only percentiles over the nets were kept, which do not tell when each net got there: call fit_many "
                f"with losses='all', or with stop_below={bound:g}.{known}"
            )
        return EpochsTo(bound, np.where(self.final_loss < bound, self.trained, np.inf))

    def ranking(self) -> Array:
        """The numbers (n_nets,) of the nets from the lowest final loss to the highest, those that diverged last."""
        return np.argsort(self._final(), kind="stable")

    def best(self) -> "Sequential":
        """The net of the lowest final loss; ValueError if all diverged."""
        if self.diverged.all():
            raise ValueError(
                f"all {len(self)} nets diverged: train others, with a smaller lr"
            )
        return self[int(self.ranking()[0])]

    def table(self, n: int = 10) -> "Table":
        """The n best nets as a table for `rich.print`: number, seed, final loss and accuracy, and epochs trained.

        Its title has the numbers of nets and of those that diverged, and the final losses that 5, 50 and 95 % of all
        nets do not exceed.
        """
        from rich.table import Table

        n = check_int("n", n, 1)
        lines = (
            f"{len(self):,} nets, {self.diverged.sum() or 'none'} diverged",
            f"final loss {self._spread()}",
        )
        table = Table(
            title="\n".join(lines),
            title_style="",
            title_justify="left",
            min_width=max(map(len, lines)),
        )
        best = self.ranking()[: min(n, int((~self.diverged).sum()))]
        columns = {"net": [str(i) for i in best]}
        if self.seeds is not None:
            columns["seed"] = [str(seed) for seed in self.seeds[best]]
        columns["final loss"] = [f"{loss:.4g}" for loss in self.final_loss[best]]
        if self._classifies:
            columns["final accuracy"] = [
                f"{accuracy:.4g}" for accuracy in self.final_accuracy[best]
            ]
        columns["epochs"] = [f"{epochs:,}" for epochs in self.trained[best]]
        for name in columns:
            table.add_column(name, justify="right")
        for cells in zip(*columns.values(), strict=True):
            table.add_row(*cells)
        return table

    def to_arrays(self) -> dict[str, Array]:
        """Plain arrays under the names of the fields and properties, such as for `numpy.savez` or a frame.

        theta, seeds (unless parameters were given), trained, final_loss, final_accuracy, epochs, and loss and accuracy,
        or loss_percentiles and accuracy_percentiles (101, m).
        """
        arrays = {
            name: getattr(self, name)
            for name in ("theta", "trained", "final_loss", "final_accuracy", "epochs")
        }
        if self.seeds is not None:
            arrays["seeds"] = self.seeds
        for name, curves in (("loss", self.losses), ("accuracy", self.accuracies)):
            if curves.percentiles is None:
                arrays[name] = curves.of_each_net()
            else:
                arrays[f"{name}_percentiles"] = curves.percentiles
        return arrays

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all to a .npz file, which `Runs.load` reads; a save that fails leaves the old file as it was."""
        facts = {
            "stop_below": self.stop_below,
            "updates": self.updates,
            "seconds": self.seconds,
        }
        storage.write(path, "runs", self.net, self.to_arrays(), **facts)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "Runs":
        """What `save` wrote to `path`."""
        from ..nets import rebuilt

        with storage.reading(path, "runs") as saved:
            net = rebuilt(saved)
            theta = saved.array("theta", (None, net.theta.size), net.dtype)
            epochs = saved.array("epochs", (None,), np.int64)
            if epochs[0] < 1 or (np.diff(epochs) < 1).any():
                raise ValueError("its epochs do not rise from 1 on")
            n_nets, stop_below = len(theta), saved.facts["stop_below"]
            return Runs(
                net=net,
                theta=theta,
                seeds=_saved_seeds(saved, n_nets),
                trained=saved.array("trained", (n_nets,), np.int64),
                final_loss=saved.array("final_loss", (n_nets,)),
                final_accuracy=saved.array("final_accuracy", (n_nets,)),
                losses=_saved_curves(saved, "loss", n_nets, epochs),
                accuracies=_saved_curves(saved, "accuracy", n_nets, epochs),
                stop_below=None
                if stop_below is None
                else check_float("stop_below", stop_below),
                updates=operator.index(saved.facts["updates"]),
                seconds=check_float("seconds", saved.facts["seconds"]),
            )

    def __repr__(self) -> str:
        spread = "" if self.diverged.all() else f", loss {self._spread()}"
        diverged = f", {self.diverged.sum()} diverged" if self.diverged.any() else ""
        return f"Runs({len(self)} nets, {self.updates} updates{spread}{diverged}, {self.seconds:.3g} s)"

    def _final(self) -> Array:
        """The final losses (n_nets,), infinite for nets that diverged."""
        return np.where(self.diverged, np.inf, self.final_loss)

    def _spread(self) -> str:
        """What the final losses are like, in words."""
        found = quantiles(self._final()[:, np.newaxis], _SPREAD, np.inf)[:, 0]
        return " / ".join(f"{each:.4g}" for each in found) + " (5, 50, 95 %)"

    @property
    def _classifies(self) -> bool:
        return self.net.loss.n_classes(self.net.n_out) is not None

    def _check_classes(self) -> None:
        if not self._classifies:
            raise ValueError(
                "these nets predict values, which have no accuracy: use loss_below, or loss_quantiles"
            )

    def _bounds(
        self, loss_below: Any, accuracy_above: Any
    ) -> tuple[float | None, float | None]:
        """The two criteria of success, at least one of which is given."""
        if loss_below is None and accuracy_above is None:
            raise ValueError(
                "loss_below= or accuracy_above= is wanted: what is a success?"
            )
        if accuracy_above is not None:
            self._check_classes()
        below = None if loss_below is None else check_float("loss_below", loss_below)
        return below, None if accuracy_above is None else check_float(
            "accuracy_above", accuracy_above
        )


def seed_array(seeds: Sequence[int]) -> Array:
    """The seeds (n_nets,) as int64, else as uint64, else as decimal digits: the first that holds them all.

    >>> seed_array([1, 2**63]).dtype, seed_array([1, 2**64]).tolist()
    (dtype('uint64'), ['1', '18446744073709551616'])
    """
    whole = [operator.index(each) for each in seeds]
    if max(whole) < 2**64:
        return np.array(whole, np.int64 if max(whole) < 2**63 else np.uint64)
    return np.array([str(each) for each in whole])


def _saved_seeds(saved: storage.Saved, n_nets: int) -> Array | None:
    """The seeds of a file, if they are what `seed_array` gives."""
    if "seeds" not in saved.arrays:
        return None
    dtype = saved.arrays["seeds"].dtype
    seeds = saved.array(
        "seeds",
        (n_nets,),
        dtype if dtype.kind == "U" or dtype == np.uint64 else np.int64,
    )
    if dtype.kind == "U" and not all(each.isdecimal() for each in seeds):
        raise ValueError("its seeds are not digits")
    return seeds


def _saved_curves(
    saved: storage.Saved, name: str, n_nets: int, epochs: Array
) -> Curves:
    """The losses or accuracies of a file, both of each net or both as percentiles."""
    if "loss" in saved.arrays:
        return Curves(epochs, each=saved.array(name, (n_nets, len(epochs))))
    return Curves(
        epochs, percentiles=saved.array(f"{name}_percentiles", (101, len(epochs)))
    )
