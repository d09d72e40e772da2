"""Continuation: what a net keeps from one fit for the next."""

import copy
from threading import RLock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..data.arrays import Array
from ..nn.optimizers import initial_moments

Moments = tuple[Array, Array]


class Continuation:
    """The stream of orders of a net, and the moments of the optimizers that trained it.

    `orders` goes on drawing the orders of the rows where the last shuffled fit ended;
    `seed` began that stream. An optimizer is known by its `moments_key`, and what is
    kept for it is forgotten with it. A copy of a net goes on as the net would, with the
    same optimizers, and so does a net that is pickled together with them.

    Fits replace moments as a whole, and learners, which hold `lock`, change them in
    place. `version` grows with each fit, and where moments or labels are replaced.
    `is_lent` while `on_epoch` looks at the net, which must not be trained meanwhile.
    """

    is_lent = False

    def __init__(self) -> None:
        self.seed = 0
        self.orders: np.random.Generator | None = None
        self._moments: WeakKeyDictionary[Any, Moments] = WeakKeyDictionary()
        self.lock, self.version = RLock(), 0

    def refuse_training(self) -> None:
        """Raise the error of a training while `on_epoch` looks at the net."""
        raise RuntimeError(
            "on_epoch must not train the net that calls it: train a copy, "
            "copy.deepcopy(state.net), or this net after its fit"
        )

    def moments(self, key: Any) -> Moments | None:
        """Return an optimizer's moments (n_moments, n_params) and clock, if any."""
        return self._moments.get(key)

    def keep_moments(self, key: Any, moments: Array, clock: Array) -> None:
        """Keep an optimizer's moments and clock, which the caller does not change."""
        self.put_back(key, (moments, clock))

    def put_back(self, key: Any, moments: Moments | None) -> None:
        """Return to what `moments` returned for this key."""
        if moments is None:
            self._moments.pop(key, None)
        else:
            self._moments[key] = moments
        self.version += 1

    def in_place(self, key: Any, code: int, theta: Array) -> Moments:
        """Return an optimizer's moments and clock, which the caller may change.

        At first they are zeros and ones. code is that of the optimizer.
        """
        kept = self.moments(key)
        if kept is not None and all(
            array.flags.carray and array.dtype == kind
            for array, kind in zip(kept, (theta.dtype, np.float64), strict=True)
        ):
            return kept
        new = initial_moments(code, theta)
        if kept is not None:
            new[0][...], new[1][...] = kept
        if len(new[0]):
            self.keep_moments(key, *new)
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> "Continuation":
        new = Continuation()
        new.seed, new.orders = self.seed, copy.deepcopy(self.orders, memo)
        for key, moments in list(self._moments.items()):
            new._moments[key] = _copied(moments)
            # The optimizer's copy, if it is copied together with the net.
            new._moments[copy.deepcopy(key, memo)] = _copied(moments)
        return new

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self) | {"_moments": list(self._moments.items())}
        del state["lock"]
        state.pop("is_lent", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        moments = WeakKeyDictionary(state["_moments"])
        vars(self).update(state, _moments=moments, lock=RLock())


def _copied(moments: Moments) -> Moments:
    return moments[0].copy(), moments[1].copy()
