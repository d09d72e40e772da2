"""Ensemble: nets that predict together, by the mean of what each predicts."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import numpy as np

from ..data.archives import Archive, Target, write_archive
from ..data.arguments import check_dtype
from ..data.arrays import Array, as_float_array
from ..data.labels import Labels, encode_targets
from ..data.schema import schema_of
from ..data.targets import share_right
from ..nn.architecture import Architecture
from ..nn.descriptions import Kinds
from ..nn.net import Net, build_net, check_net
from ..nn.outputs import r_squared


class Ensemble:
    """Nets that predict together; `Runs.ensemble` makes one of the best nets.

    A class has the mean of the probabilities that the members give it, and so has the
    label 1 of each output; where the nets predict values, these are averaged. The
    members may differ in their hidden layers, but must agree on inputs, outputs, labels
    and the kind of loss.

    >>> from fastnn import datasets, mlp
    >>> X, y = datasets.spiral(30)
    >>> runs = mlp(2, 8, 3).fit_many(X, y, seeds=range(20), epochs=200, lr=0.3)
    >>> ensemble = runs.ensemble(5)
    >>> proba = np.mean([net.predict_proba(X) for net in ensemble], axis=0)
    >>> bool((ensemble.predict(X) == proba.argmax(axis=1)).all())
    True
    """

    def __init__(self, members: Iterable[Net]) -> None:
        if not isinstance(members, Iterable):
            raise TypeError(f"members must be nets, such as [a, b], not {members!r}")
        self.members = tuple(
            check_net(f"members[{i}]", net) for i, net in enumerate(members)
        )
        if not self.members:
            raise ValueError("an ensemble needs at least one net")
        first = _outside(self.members[0])
        for i, net in enumerate(self.members):
            for name, value in _outside(net).items():
                if value != first[name]:
                    raise ValueError(
                        f"the members do not fit each other: net 0 has the {name} "
                        f"{first[name]}, but net {i} has {value}"
                    )

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Net]:
        return iter(self.members)

    def __getitem__(self, i: int) -> Net:
        return self.members[i]

    def __getattr__(self, name: str) -> Any:
        hint = ""
        if name in ("to_onnx", "to_c", "to_json"):
            hint = (
                f": export its members one by one, as in ensemble.members[0].{name}"
                "(path), and take the mean of their outputs"
            )
        raise AttributeError(f"an ensemble has no attribute {name!r}{hint}")

    @property
    def classes(self) -> Array | None:
        """The sorted labels of the classes; None where the nets predict values."""
        return self.members[0].classes

    def predict_proba(self, X: Any) -> Array:
        """Return the mean of the members' probabilities, as their `predict_proba`.

        ValueError where the nets predict values.
        """
        return self._mean([net.predict_proba(X) for net in self.members])

    def predict(self, X: Any) -> Array:
        """Return the most probable labels, or the mean of the members' values."""
        if not self._classifies:
            return self._mean([net.predict(X) for net in self.members])
        numbers = self._class_numbers(X)
        return numbers if self.classes is None else self.classes[numbers]

    def score(self, X: Any, y: Any) -> float:
        """Return the share of rows whose label is predicted; for values R^2.

        y is as in `fit`. ValueError for values y that are all the same.
        """
        net, classes = self.members[0], self.classes
        kind = net.architecture.targets
        if self._classifies:
            # Columns of probabilities are in the order of the labels.
            known = None
            if classes is not None:
                known = Labels(classes.copy(), np.ones(len(classes), bool))
            numbers = self._class_numbers(X)
            targets, _ = encode_targets(y, len(numbers), kind, known, net.dtype)
            return share_right(numbers, targets, kind)
        values = self.predict(X).reshape(-1, net.n_out)
        targets, _ = encode_targets(y, len(values), kind, None, net.dtype)
        return r_squared(values, targets)

    def save(self, path: Target) -> None:
        """Write the ensemble to a .npz file, which `fastnn.load` reads.

        path: where to, or a binary file object, as for `fastnn.Sequential.save`.
        """
        schema = self.members[0].schema
        groups: list[dict[str, Any]] = []
        arrays = schema.arrays()
        for facts, nets in groupby(self.members, lambda net: net.architecture.facts()):
            arrays[f"theta {len(groups)}"] = np.stack([net.theta for net in nets])
            groups.append(facts)
        facts = {"members": groups} | schema.facts()
        write_archive(path, "ensemble", Archive(facts, arrays))

    def _class_numbers(self, X: Any) -> Array:
        """Return the number (n,) of the predicted class, or of each output's."""
        probabilities = self.predict_proba(X)
        if self.members[0].architecture.targets.is_multilabel:
            return (probabilities > 0.5).astype(np.int64)
        return probabilities.argmax(axis=1)

    @property
    def _classifies(self) -> bool:
        return self.members[0].architecture.n_classes is not None

    def _mean(self, predictions: list[Array]) -> Array:
        # Stacked predictions would take several times the memory.
        total = predictions[0].astype(np.float64)
        for prediction in predictions[1:]:
            total += prediction
        return (total / len(predictions)).astype(predictions[0].dtype)

    def __repr__(self) -> str:
        net = self.members[0]
        size, loss = f"{net.n_in} -> {net.n_out}", net.loss.name
        return f"Ensemble({len(self)} nets, {size}, loss={loss!r}, dtype='{net.dtype}')"


def loaded_ensemble(archive: Archive, kinds: Kinds) -> Ensemble:
    """Return the ensemble of a file; ValueError if the file is not right.

    kinds: the classes of layers and losses that the file may name.
    """
    described, members = archive.fact("members"), []
    schema = None
    for i, facts in enumerate(described):
        architecture = Architecture.from_archive(Archive(facts, {}), kinds)
        name = f"theta {i}"
        dtype = check_dtype(archive.dtype(name))
        theta = archive.array(name, (None, architecture.n_params), dtype)
        as_float_array(name, theta, dtype)  # refuses what is not finite
        if schema is None:
            schema = schema_of(archive, architecture.n_in, architecture.n_classes)
        members += [build_net(architecture, row, schema) for row in theta]
    return Ensemble(members)


def _outside(net: Net) -> dict[str, Any]:
    """Return what the members of an ensemble must have in common."""
    classes = net.classes
    return {
        "number of inputs": net.n_in,
        "number of outputs": net.n_out,
        "loss": net.loss.name,
        "labels": None if classes is None else classes.tolist(),
        "columns": net.columns,
        "dtype": str(net.dtype),
    }
