"""Where many nets start: the arguments seeds= or init= of `fit_many`."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..data.arguments import check_seed
from ..data.arrays import Array, as_float_array
from ..nn import architecture
from ..nn.layers import Layer
from .runs import seed_array


class Start:
    """The initial parameters of many nets like the one with these layers, drawn by this scheme, and this theta.

    They are `given`, (n_nets, n_params), or drawn from seeds as one net's are.
    """

    def __init__(
        self, layers: Sequence[Layer], scheme: Any, theta: Array, seeds: Any, given: Any
    ) -> None:
        self._layers, self._scheme, self._dtype = layers, scheme, theta.dtype
        if (seeds is None) == (given is None):
            raise ValueError(
                "fit_many needs seeds=, such as range(1000), or init=, an array (n_nets, n_params)"
            )
        self._given: Array | None = None
        self._seeds: Sequence[int] = ()
        if given is not None:
            self._given = as_float_array("init", given, theta.dtype)
            if self._given.ndim != 2 or self._given.shape[1] != theta.size:
                wanted = f"(n_nets, {theta.size})"
                raise ValueError(
                    f"init has the shape {self._given.shape}, but {wanted} is wanted: a net a row"
                )
            return
        if scheme is None:
            raise ValueError(
                "this net was made from arrays, or loaded, and does not know how seeds would draw others: pass init=, "
                f"an array (n_nets, {theta.size})"
            )
        if not isinstance(seeds, Iterable):
            raise TypeError(
                f"seeds must be some whole numbers, such as range(1000), not {seeds!r}"
            )
        self._seeds = [check_seed(each) for each in seeds]
        if not len(self._seeds):
            raise ValueError("seeds is empty: one for each net is wanted")

    @property
    def n_nets(self) -> int:
        """How many nets there are."""
        return len(self._seeds) if self._given is None else len(self._given)

    @property
    def seeds(self) -> Array | None:
        """The seeds (n_nets,), if there are."""
        return seed_array(self._seeds) if self._given is None else None

    def thetas(self) -> Array:
        """The initial parameters, in an array of its own."""
        if self._given is not None:
            return self._given.copy()
        return architecture.draw_many(
            self._layers, self._scheme, self._seeds, self._dtype
        )
