"""Sweep over architectures, settings and seeds: many nets of several kinds, compared.

Each architecture is a `fit_many` of its own, whose nets have each combination of the
settings with each seed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np

from ..data.arguments import check_choice, check_seeds
from ..data.arrays import Array, as_features
from ..data.files import check_path
from ..data.labels import encode_targets
from ..nn.net import Net, check_net
from ..nn.optimizers import choose
from ..training.identity import described
from .curves import quantiles
from .ensemble import Ensemble
from .runs import SHOWN, Runs, best_of

if TYPE_CHECKING:
    from .table import RunsTable


class Group(NamedTuple):
    """The nets of one architecture and one combination of settings, one per seed."""

    name: str
    settings: dict[str, float]
    runs: Runs


def sweep(
    nets: Mapping[str, Net],
    X: Any,
    y: Any,
    *,
    seeds: Iterable[int],
    epochs: int,
    lr: Any = None,
    optimizer: Any = None,
    store: str | os.PathLike[str] | None = None,
    **options: Any,
) -> "Sweep":
    """Train nets of several architectures, with several settings and seeds each.

    Parameters
    ----------
    nets : dict of nets
        A net of each architecture, by a name; they are left alone.
    X, y : array_like
        Rows and targets, as for `fit`.
    seeds : iterable of int
        Each combination of settings is trained with each of them.
    epochs : int
        As for `fit`.
    lr : float, list of float or schedule, optional
        Learning rate, or several to compare.
    optimizer : Optimizer or str, optional
        Any of its settings may be a list, too.
    store : path, optional
        A folder where finished parts are kept, each architecture in a folder of its
        own.
    **options
        The other arguments of `fit_many`, such as batch_size, X_val and y_val,
        early_stopping or executor.

    Returns
    -------
    Sweep
        The Runs of each architecture, by its name.

    Raises
    ------
    TypeError, ValueError
        For what cannot be used, before any work. After Ctrl-C or an error while it
        trains, the attribute `runs` of each net has what was finished.

    Examples
    --------
    >>> from fastnn import Adam, datasets, mlp
    >>> nets = {"2-2-1": mlp(2, 2, 1), "2-3-1 tanh": mlp(2, 3, 1, activation="tanh")}
    >>> options = {"seeds": range(50), "epochs": 200, "batch_size": "full"}
    >>> both = sweep(nets, *datasets.xor_gate(), lr=[0.3, 1.0, 3.0], **options)
    >>> both
    Sweep(2 architectures, lr: 0.3, 1, 3, 50 seeds: 300 nets)
    >>> for name, settings, runs in both.groups():
    ...     share = runs.success_rate(loss_below=0.3)
    >>> settings, bool(share > 0.5)
    ({'lr': 3.0}, True)
    """
    if not isinstance(nets, Mapping) or not nets:
        raise TypeError(
            'nets must be a dictionary of nets by their names, such as {"2-2-1": '
            f"fastnn.mlp(2, 2, 1)}}, not {nets!r}"
        )
    for name, net in nets.items():
        if not isinstance(name, str):
            raise TypeError(f"the names of nets must be strings, not {name!r}")
        check_net(f"nets[{name!r}]", net)
        _check_data(name, net, X, y, options.get("classes"))
    folder = None if store is None else check_path("store", store, "a folder")
    drawn = check_seeds(seeds)
    chosen, combinations = choose(optimizer, lr).grid(len(drawn))
    finished: dict[str, Runs] = {}
    try:
        for name, net in nets.items():
            finished[name] = net.fit_many(
                X,
                y,
                seeds=drawn * len(combinations),
                epochs=epochs,
                optimizer=chosen,
                store=None if folder is None else folder / quote(name, safe=" "),
                **options,
            )
    except BaseException:
        for name, runs in finished.items():
            nets[name].runs = runs
        raise
    return Sweep(finished, tuple(combinations), len(drawn))


def _check_data(name: str, net: Net, X: Any, y: Any, classes: Any) -> None:
    """Refuse data that a net cannot use before others are trained with it."""
    try:
        inputs = as_features(X, net.n_in, net.dtype, net.columns)
        if not net.architecture.mixes_rows:
            encode_targets(
                y,
                len(inputs),
                net.architecture.targets,
                net.schema.labels,
                net.dtype,
                learns=True,
                declared=classes,
            )
    except (TypeError, ValueError) as error:
        raise type(error)(f"the net {name!r} cannot be trained: {error}") from None


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Mapping[str, Runs]):
    """The nets that `sweep` trained: `sweep[name]` has the Runs of an architecture.

    combinations: the settings that were combined, by their names. The nets of an
    architecture are in their order, n_seeds for each of them.
    """

    runs: dict[str, Runs]
    combinations: tuple[dict[str, float], ...]
    n_seeds: int

    def __getitem__(self, name: str) -> Runs:
        if name not in self.runs:
            names = ", ".join(map(repr, self.runs))
            raise KeyError(f"there is no architecture {name!r}, but {names}")
        return self.runs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def groups(self) -> Iterator[Group]:
        """Yield the nets of each architecture and each combination of settings.

        ValueError for several combinations where only percentiles were recorded.
        """
        n = self.n_seeds
        for name, runs in self.runs.items():
            for i, settings in enumerate(self.combinations):
                all_of_them = len(self.combinations) == 1
                some = runs if all_of_them else runs[i * n : (i + 1) * n]
                yield Group(name, settings, some)

    def best(self, by: str | None = None) -> Net:
        """Return the best net of all, as `Runs.ranking` orders them.

        by: the validation loss, or without validation data the loss.
        """
        return self.ensemble(1, by)[0]

    def ensemble(self, n: int, by: str | None = None) -> Ensemble:
        """Return the n best nets of all, as `Runs.ranking` orders them.

        by: the validation loss, or without validation data the loss. ValueError where
        fewer than n have not diverged, or the losses are of two kinds.
        """
        losses = [runs.architecture.loss for runs in self.runs.values()]
        kinds = {str(described(loss)): loss.name for loss in losses}
        if len(kinds) > 1:
            raise ValueError(
                f"the nets have different losses, {', '.join(sorted(kinds.values()))}, "
                "which cannot be compared: take the best nets of one architecture"
            )
        criteria = [runs.criteria(by) for runs in self.runs.values()]
        columns = [np.concatenate(column) for column in zip(*criteria, strict=True)]
        best = best_of(n, columns)
        ends = np.cumsum([len(runs) for runs in self.runs.values()])
        members = []
        for i in best:
            kind = int(np.searchsorted(ends, i, "right"))
            runs = list(self.runs.values())[kind]
            members.append(runs[int(i - ends[kind])])  # from the end
        return Ensemble(members)

    def table(
        self,
        loss_below: float | None = None,
        accuracy_above: float | None = None,
        by: str = "loss",
    ) -> "RunsTable":
        """Return a table of the `groups`, for `print` or `rich.print`.

        It shows the final losses that 5, 50 and 95 % of the nets do not exceed, how
        many diverged, and with a bound the share that is `Runs.solved`, with its 95 %
        interval. by="val_loss" takes the losses of the validation data.
        """
        from .table import RunsTable

        check_choice("by", by, ("loss", "val_loss"))
        bounded = loss_below is not None or accuracy_above is not None
        rows: list[dict[str, str]] = []
        for name, settings, runs in self.groups():
            row = {"net": name}
            row |= {setting: f"{value:g}" for setting, value in settings.items()}
            losses = quantiles(runs.criteria(by)[0][:, np.newaxis], SHOWN, np.inf)[:, 0]
            names = (f"{by}: 5 %", "50 %", "95 %")
            row |= {n: f"{loss:.2g}" for n, loss in zip(names, losses, strict=True)}
            row["diverged"] = f"{runs.diverged.sum():,}"
            if bounded:
                rate = runs.success_rate(loss_below, accuracy_above, by)
                row["solved"] = f"{rate:.1%}"
                row["from"], row["to"] = f"{rate.low:.1%}", f"{rate.high:.1%}"
            rows.append(row)
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        return RunsTable([repr(self)], columns)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row for each net.

        Its columns are net (the name), seed, the settings, final_loss, final_accuracy,
        with validation data final_val_loss and final_val_accuracy, epochs (trained) and
        diverged. ImportError without pandas.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas: pip install pandas, or use Runs.to_arrays"
            ) from error
        frames = [
            pandas.DataFrame(
                {"net": name, "seed": runs.seeds}
                | runs.settings
                | {
                    "final_loss": runs.final_loss,
                    "final_accuracy": runs.final_accuracy,
                    **_validated(runs),
                    "epochs": runs.trained,
                    "diverged": runs.diverged,
                }
            )
            for name, runs in self.runs.items()
        ]
        return pandas.concat(frames, ignore_index=True)

    def __repr__(self) -> str:
        varied = ""
        for name in self.combinations[0]:
            values = np.unique([one[name] for one in self.combinations])
            varied += f" {name}: {', '.join(f'{value:g}' for value in values)},"
        plural = "" if len(self) == 1 else "s"
        n_nets = sum(map(len, self.runs.values()))
        return (
            f"Sweep({len(self)} architecture{plural},{varied} {self.n_seeds:,} seeds: "
            f"{n_nets:,} nets)"
        )


def _validated(runs: Runs) -> dict[str, Array]:
    """Return the final values on the validation data by name, if there are some."""
    if runs.val_losses is None:
        return {}
    names = ("final_val_loss", "final_val_accuracy")
    return {name: getattr(runs, name) for name in names}
