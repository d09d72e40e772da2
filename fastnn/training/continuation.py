"""Continuation: what a net keeps from one fit for the next."""

import copy
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..data.arrays import Array

Moments = tuple[Array, Array]


class Continuation:
    """The stream of orders of a net, and the moments of the optimizers that trained it.

    `orders` goes on drawing the orders of the rows where the last shuffled fit ended;
    `seed` began that stream. An optimizer is known by its `moments_key`, and what is
    kept for it is forgotten with it. Nothing is changed in place, but replaced as a
    whole. A copy of a net goes on as the net would, with the same optimizers, and so
    does a net that is pickled together with them.
    """

    def __init__(self) -> None:
        self.seed = 0
        self.orders: np.random.Generator | None = None
        self._moments: WeakKeyDictionary[Any, Moments] = WeakKeyDictionary()

    def moments(self, key: Any) -> Moments | None:
        """Return an optimizer's moments (n_moments, n_params) and clock, if any."""
        return self._moments.get(key)

    def keep_moments(self, key: Any, moments: Array, clock: Array) -> None:
        """Keep an optimizer's moments and clock, which must not change afterwards."""
        self._moments[key] = moments, clock

    def __deepcopy__(self, memo: dict[int, Any]) -> "Continuation":
        new = Continuation()
        new.seed, new.orders = self.seed, copy.deepcopy(self.orders, memo)
        for key, moments in list(self._moments.items()):
            new._moments[key] = moments
            # The optimizer's copy, if it is copied together with the net.
            new._moments[copy.deepcopy(key, memo)] = moments
        return new

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_moments": list(self._moments.items())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _moments=WeakKeyDictionary(state["_moments"]))
