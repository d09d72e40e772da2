"""The optimizers, which `fit` takes, with `update` for training loops of your own."""

import copy
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from threading import get_ident
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from .. import kernels
from ..data.arguments import check_bool, check_choice, check_floats
from ..data.arrays import Array, readonly
from ..data.suggestions import argument_hints
from .boundary import readable
from .schedules import Schedule

Setting = float | Sequence[float] | Array
Rate = Setting | Schedule

# Stands for learning rates and decays that are the same for all parameters.
_NOTHING = np.empty(0)


class MomentsKey:
    """Stands for an optimizer, until it is reset, where nets keep its moments."""


class UpdateRule(NamedTuple):
    """What the loops need of an optimizer: its code in the kernels, and its numbers.

    settings are those of one net, (9,), or of many, (9, n_nets). learning_rates and
    decays (n_params,) are those of the parameters, or empty if one is for all.
    """

    code: int
    settings: Array
    learning_rates: Array
    decays: Array


@dataclass(frozen=True, repr=False, eq=False)
class Optimizer:
    """Base class of the optimizers: an update rule and its settings.

    The settings are fixed: `dataclasses.replace` makes an optimizer with others. A
    setting is a number, or for `fit_many` an array (n_nets,) with one value per net; lr
    may also be a schedule (see `fastnn.schedules`).
    The constructor checks the settings and stores read-only copies of arrays.
    Optimizers of the same kind with equal settings are equal.
    """

    # Each setting's row in the table of settings that the kernels read; lr is first.
    ROWS: ClassVar[dict[str, int]] = {}

    # Upper limits of settings, by name; all are at least 0.
    LESS_THAN: ClassVar[dict[str, float]] = {}

    # Moments and clock of each array that `update` has seen, by position in the list,
    # and the thread that updated it last.
    _moments: dict[int, tuple[Array, Array, int]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    # A net keeps the moments of a fit under this key.
    moments_key: MomentsKey = field(
        default_factory=MomentsKey, init=False, repr=False, compare=False
    )

    def __new__(cls, *arguments: Any, **settings: Any) -> Self:
        """Raise TypeError that names the right setting if one is unknown."""
        if hints := settings and argument_hints(cls.__name__, cls.__init__, settings):
            raise TypeError(hints)
        return super().__new__(cls)

    @property
    def schedule(self) -> Schedule | None:
        """The learning rate's schedule; None where the rate stays the same."""
        lr = getattr(self, "lr", None)
        return lr if callable(lr) else None

    @property
    def code(self) -> int:
        """The kernels' code of the update rule."""
        raise NotImplementedError(f"{type(self).__name__} must define code")

    def settings(self) -> Array:
        """Return the settings of one net, (9,) float64.

        Its entries are named in `kernels.codes`, from LR on. Settings with one value
        per net raise ValueError.
        """
        return self._settings.copy()

    @cached_property
    def _settings(self) -> Array:
        """The settings, which are made once."""
        rows = self._rows(None)
        if type(self) not in _BUILT_IN:
            table, shape = self.settings_per_net(1), (kernels.codes.N_SETTINGS, 1)
            table = readable(self, "returned settings", table, shape, np.float64)
            return table[:, 0].copy()
        settings = np.zeros(kernels.codes.N_SETTINGS)
        for row, value in rows.items():
            settings[row] = value
        return settings

    def settings_per_net(self, n_nets: int) -> Array:
        """Return the settings of many nets, (9, n_nets) float64.

        The rows are those of `settings`. An array of another length than n_nets raises
        ValueError.
        """
        table = np.zeros((kernels.codes.N_SETTINGS, n_nets))
        for row, value in self._rows(n_nets).items():
            table[row] = value
        return table

    def _rows(self, n_nets: int | None) -> dict[int, float | Array]:
        """Return the settings by their rows in the table of settings.

        ValueError where one is an array that has not n_nets values, or any array where
        that is None, for one net.
        """
        rows: dict[int, float | Array] = {}
        for name, value in self._values():
            if isinstance(value, np.ndarray) and len(value) != n_nets:
                nets = "one net" if n_nets is None else f"{n_nets} nets"
                remedy = "one value per net"
                if n_nets is None:
                    remedy = "train one net per value with fit_many"
                raise ValueError(
                    f"{name} has {len(value)} values for {nets}: pass a scalar, or "
                    f"{remedy}"
                )
            rows[self.ROWS[name]] = value
            # that of the biases as well, unless their own follows
            if name == "lr":
                rows[kernels.codes.BIAS_LR] = value
            elif name == "weight_decay":
                rows[kernels.codes.BIAS_DECAY] = value
        return rows

    def for_net(self, net: int) -> "Optimizer":
        """Return the optimizer of one of many nets, whose settings are numbers."""
        one = copy.copy(self)
        for name, value in self._values():
            if isinstance(value, np.ndarray):
                # Not through the constructor: it refuses nesterov=True for a net whose
                # own momentum is 0, where both rules are plain SGD.
                object.__setattr__(one, name, float(value[net]))
        return one

    def learning_rates(self, params: Sequence[Array]) -> Array:
        """Return the learning rate of each number in `params`, (n_params,) float64.

        The array is empty if one rate, that of `settings`, is for all.
        """
        return self._of_each(params, "lr")

    def decays(self, params: Sequence[Array]) -> Array:
        """Return the weight decay of each number in `params`, (n_params,) float64.

        The array is empty if one decay, that of `settings`, is for all.
        """
        return self._of_each(params, "weight_decay")

    def _of_each(self, params: Sequence[Array], name: str) -> Array:
        """Return a setting of each number in `params`, empty if one is for all."""
        of_weights = getattr(self, name, 0.0)
        of_biases = getattr(self, f"bias_{name}", None)
        if of_biases is None or of_biases == of_weights:
            return _NOTHING
        if callable(of_weights):  # which NaN stands for
            of_weights = np.nan
        values = [of_biases if param.ndim == 1 else of_weights for param in params]
        return np.repeat(np.array(values), [param.size for param in params])

    def reset(self) -> None:
        """Forget all moments: the next `fit` and `update` start with moments of zero.

        A net keeps the moments of the optimizer objects that trained it, and goes on
        with them when it is trained with the same object again.

        >>> from fastnn import datasets, mlp
        >>> X, y = datasets.xor_gate()
        >>> net, optimizer = mlp(2, 3, 1, seed=0), Adam(0.1)
        >>> for _ in range(10):
        ...     history = net.fit(X, y, epochs=1, optimizer=optimizer)
        >>> at_once = mlp(2, 3, 1, seed=0)
        >>> history = at_once.fit(X, y, epochs=10, optimizer=Adam(0.1))
        >>> bool((net.theta == at_once.theta).all())
        True
        >>> optimizer.reset()
        """
        object.__setattr__(self, "moments_key", MomentsKey())
        self._moments.clear()

    def update(self, params: Sequence[Array], grads: Sequence[Array]) -> None:
        """Update the arrays in `params` once, in place, from their gradients.

        The optimizer keeps the moments of each array between calls, by its position in
        the list, until `reset`, so it is for one training loop: threads need one each.
        `fit` does not use them: a net keeps its own.
        """
        _check_params(params, grads)
        if self.schedule is not None:
            raise ValueError(
                f"update does not know the epoch, and {self!r} has a schedule: pass a "
                "number as lr, or train with fit"
            )
        for position, (param, grad) in enumerate(zip(params, grads, strict=True)):
            # Copies: another thread cannot change them between a check and its use.
            theta = np.array(param, order="C")
            g = np.array(grad, theta.dtype, order="C")
            _check_shapes(position, theta, g)
            rule = update_rule(self, [param])
            moments, clock = self._moments_of(position, rule.code, theta)
            kernels.loops.layers.step(
                theta.reshape(-1), moments, clock, g.reshape(-1), *rule
            )
            param[...] = theta

    def _moments_of(
        self, position: int, code: int, theta: Array
    ) -> tuple[Array, Array]:
        """Return the moments and clock of the array at this position.

        They start again if the array's size or dtype has changed.
        """
        thread = get_ident()
        shape = kernels.codes.N_MOMENTS[code], theta.size
        moments, clock, user = self._moments.get(position, (None, None, thread))
        fits = (
            moments is not None
            and moments.dtype == theta.dtype
            and moments.shape == shape
        )
        if moments is not None and not fits and user != thread:
            raise RuntimeError(
                f"another thread updates an array of {moments.shape[1]} numbers with "
                f"{self!r}, this one an array of {theta.size}: give each thread an "
                "optimizer of its own"
            )
        if moments is None or clock is None or not fits:
            moments, clock = initial_moments(code, theta)
        self._moments[position] = moments, clock, thread
        return moments, clock

    def __post_init__(self) -> None:
        """Check the settings, and store read-only copies of arrays."""
        for name, value in self._values():
            limit = self.LESS_THAN.get(name, math.inf)
            checked = check_floats(name, value, 0.0, limit)
            if name == "clip_norm" and np.any(np.equal(checked, 0.0)):
                raise ValueError(
                    "clip_norm must be above 0; leave it out to clip nothing"
                )
            if isinstance(checked, np.ndarray):
                checked = readonly(checked.copy())
            if checked is not getattr(self, name):
                object.__setattr__(self, name, checked)

    def rule(self, params: Sequence[Array]) -> UpdateRule:
        """Return the update rule of one net with these parameters."""
        settings = self.settings()
        rates, decays = self.learning_rates(params), self.decays(params)
        return UpdateRule(self.code, settings, rates, decays)

    def rule_per_net(self, n_nets: int) -> UpdateRule:
        """Return the update rule of many nets, with settings (9, n_nets)."""
        settings = self.settings_per_net(n_nets)
        return UpdateRule(self.code, settings, _NOTHING, _NOTHING)

    def grid(self, n_seeds: int) -> tuple["Optimizer", list[dict[str, float]]]:
        """Return the optimizer of n_seeds nets for each combination of the settings.

        The values in an array are those to combine with those of other arrays. The
        second result has the combinations, by the settings' names.
        """
        varied = {
            name: value.tolist()
            for name, value in self._values()
            if isinstance(value, np.ndarray)
        }
        combinations = [
            dict(zip(varied, values, strict=True))
            for values in itertools.product(*varied.values())
        ]
        per_net: dict[str, Any] = {
            name: np.repeat([one[name] for one in combinations], n_seeds)
            for name in varied
        }
        return replace(self, **per_net), combinations

    def by_name(self, settings: Array) -> dict[str, Array]:
        """Return the rows (n_nets,) of `settings_per_net` by the settings' names.

        A setting that is None, such as bias_lr, is left out.
        """
        return {name: settings[self.ROWS[name]] for name, _ in self._values()}

    def _values(self) -> Iterator[tuple[str, float | Array]]:
        """Yield each setting's name and value, without None and a schedule."""
        for name in self.ROWS:
            value = getattr(self, name)
            if value is not None and not (name == "lr" and callable(value)):
                yield name, float(value) if name == "eps_hat" else value

    def _arguments(self) -> dict[str, Any]:
        """Return the constructor's arguments, with lists in place of arrays."""
        arguments = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in arguments.items()
        }

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._arguments() == other._arguments()

    def __hash__(self) -> int:
        values = self._arguments().values()
        return hash(tuple(tuple(v) if isinstance(v, list) else v for v in values))

    def __repr__(self) -> str:
        """Return the constructor call: lr, and the arguments that are not defaults."""
        defaults = {f.name: f.default for f in fields(self)}
        shown = [
            f"{name}={value!r}"
            for name, value in self._arguments().items()
            if name == "lr" or value != defaults[name]
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __copy__(self) -> "Optimizer":
        # A shallow copy would share the moments, which `update` changes.
        return copy.deepcopy(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays come out of a pickle, and of a deep copy, writable.
        for name, value in state.items():
            if name != "_settings":  # those of this copy may become others
                self.__dict__[name] = (
                    readonly(value) if isinstance(value, np.ndarray) else value
                )


@dataclass(frozen=True, repr=False, eq=False)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for.

    An update is theta -= lr g, or with momentum v = momentum v + g; theta -= lr v. For
    `fit_many` each number may be an array (n_nets,) with one value per net.

    Parameters
    ----------
    lr : float or schedule
        Learning rate, at least 0; or a function of the epoch, see `fastnn.schedules`.
    momentum : float
        Share of v that stays, at least 0 and less than 1.
    nesterov : bool
        Look ahead: theta -= lr (g + momentum v).
    weight_decay : float
        Times theta it is first added to g (L2), at least 0.
    bias_lr, bias_weight_decay : float, optional
        Those of the biases, which are the parameters with one dimension; None means lr
        and weight_decay. bias_weight_decay=0 spares the biases. An `on_epoch` that sets
        lr does not set bias_lr.
    clip_norm : float, optional
        A gradient that is longer, over all parameters, is first scaled to this norm.

    Raises
    ------
    ValueError
        For numbers outside of these ranges.

    Examples
    --------
    >>> w = np.array([1.0, 2.0])
    >>> SGD(0.5).update([w], [np.array([1.0, 1.0])])
    >>> w
    array([0.5, 1.5])
    """

    ROWS: ClassVar[dict[str, int]] = {
        "lr": kernels.codes.LR,
        "weight_decay": kernels.codes.DECAY,
        "momentum": kernels.codes.BETA1,
        "bias_lr": kernels.codes.BIAS_LR,
        "bias_weight_decay": kernels.codes.BIAS_DECAY,
        "clip_norm": kernels.codes.CLIP_NORM,
    }
    LESS_THAN: ClassVar[dict[str, float]] = {"momentum": 1.0}

    lr: Rate
    momentum: Setting = 0.0
    nesterov: bool = False
    weight_decay: Setting = 0.0
    bias_lr: Setting | None = None
    bias_weight_decay: Setting | None = None
    clip_norm: Setting | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "nesterov", check_bool("nesterov", self.nesterov))
        super().__post_init__()
        if self.nesterov and not self._has_momentum():
            raise ValueError("nesterov=True needs a momentum above 0, such as 0.9")

    def _has_momentum(self) -> bool:
        # np.any takes 3 us of a number, a tenth of a short fit's preparation.
        if isinstance(self.momentum, np.ndarray):
            return bool(self.momentum.any())
        return self.momentum != 0.0

    @property
    def code(self) -> int:
        if not self._has_momentum():
            return kernels.codes.SGD
        return kernels.codes.NESTEROV if self.nesterov else kernels.codes.MOMENTUM


_ADAM_ROWS = {
    "lr": kernels.codes.LR,
    "weight_decay": kernels.codes.DECAY,
    "beta1": kernels.codes.BETA1,
    "beta2": kernels.codes.BETA2,
    "eps": kernels.codes.EPS,
    "bias_weight_decay": kernels.codes.BIAS_DECAY,
    "eps_hat": kernels.codes.EPS_HAT,
    "clip_norm": kernels.codes.CLIP_NORM,
}


@dataclass(frozen=True, repr=False, eq=False)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): the mean gradient over the root mean square of it.

    In the t-th update m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and
    theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps). For `fit_many` each
    number may be an array (n_nets,) with one value per net.

    Parameters
    ----------
    lr : float or schedule
        Learning rate, at least 0; or a function of the epoch, see `fastnn.schedules`.
    beta1, beta2 : float
        Shares of m and v that stay, at least 0 and less than 1.
    eps : float
        Added to the denominator, at least 0.
    weight_decay : float
        Times theta it is first added to g (L2; `AdamW` does otherwise), at least 0.
    bias_weight_decay : float, optional
        That of the biases; None means weight_decay, 0 spares them.
    eps_hat : bool
        Add eps to sqrt(v) before it is divided by sqrt(1 - beta2^t), as scikit-learn
        and Goodfellow's book do; the paper calls it epsilon hat.
    clip_norm : float, optional
        A gradient that is longer, over all parameters, is first scaled to this norm.

    Raises
    ------
    ValueError
        For numbers outside of these ranges.

    Examples
    --------
    >>> w = np.array([1.0, 2.0])
    >>> Adam(0.1).update([w], [np.array([3.0, -3.0])])
    >>> w.round(6)
    array([0.9, 2.1])
    """

    ROWS: ClassVar[dict[str, int]] = _ADAM_ROWS
    LESS_THAN: ClassVar[dict[str, float]] = {"beta1": 1.0, "beta2": 1.0}

    lr: Rate = 0.001
    beta1: Setting = 0.9
    beta2: Setting = 0.999
    eps: Setting = 1e-8
    weight_decay: Setting = 0.0
    bias_weight_decay: Setting | None = None
    eps_hat: bool = False
    clip_norm: Setting | None = None

    def __post_init__(self) -> None:
        eps_hat = check_bool("eps_hat", self.eps_hat)
        super().__post_init__()
        object.__setattr__(self, "eps_hat", eps_hat)

    @property
    def code(self) -> int:
        return kernels.codes.ADAM


@dataclass(frozen=True, repr=False, eq=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

    An update is that of `Adam` without weight decay in the gradient, and theta -= lr
    weight_decay theta.

    Parameters
    ----------
    lr, beta1, beta2, eps, bias_weight_decay, eps_hat, clip_norm
        As for `Adam`.
    weight_decay : float
        Share of theta that is subtracted, times lr; at least 0.

    Raises
    ------
    ValueError
        For numbers outside of these ranges.

    Examples
    --------
    >>> w = np.array([1.0, 2.0])
    >>> AdamW(0.1, weight_decay=0.5).update([w], [np.array([3.0, -3.0])])
    >>> w.round(6)
    array([0.85, 2.  ])
    """

    weight_decay: Setting = 0.01

    @property
    def code(self) -> int:
        return kernels.codes.ADAMW


@dataclass(frozen=True, repr=False, eq=False)
class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012): the gradient over its root mean square.

    An update is v = rho v + (1 - rho) g^2; theta -= lr g / (sqrt(v) + eps), as in
    PyTorch, where rho is called alpha. For `fit_many` each number may be an array
    (n_nets,) with one value per net.

    Parameters
    ----------
    lr : float or schedule
        Learning rate, at least 0; or a function of the epoch, see `fastnn.schedules`.
    rho : float
        Share of v that stays, at least 0 and less than 1.
    eps : float
        Added to the denominator, at least 0.
    weight_decay, bias_weight_decay, clip_norm
        As for `Adam`.

    Raises
    ------
    ValueError
        For numbers outside of these ranges.

    Examples
    --------
    >>> w = np.array([1.0, 2.0])
    >>> RMSprop(0.1, rho=0.75).update([w], [np.array([3.0, -3.0])])
    >>> w.round(6)
    array([0.8, 2.2])
    """

    ROWS: ClassVar[dict[str, int]] = {
        "lr": kernels.codes.LR,
        "weight_decay": kernels.codes.DECAY,
        "rho": kernels.codes.BETA2,
        "eps": kernels.codes.EPS,
        "bias_weight_decay": kernels.codes.BIAS_DECAY,
        "clip_norm": kernels.codes.CLIP_NORM,
    }
    LESS_THAN: ClassVar[dict[str, float]] = {"rho": 1.0}

    lr: Rate = 0.01
    rho: Setting = 0.99
    eps: Setting = 1e-8
    weight_decay: Setting = 0.0
    bias_weight_decay: Setting | None = None
    clip_norm: Setting | None = None

    @property
    def code(self) -> int:
        return kernels.codes.RMSPROP


# beta1^t and beta2^t at t = 0; `np.ones` takes 1 us.
_CLOCK = readonly(np.ones(2))


def initial_moments(code: int, theta: Array) -> tuple[Array, Array]:
    """Return an optimizer's moments and clock before the first update.

    The moments (n_moments, n_params) are zeros of theta's dtype, the clock is (2,)
    float64: beta1^t and beta2^t at t = 0.
    """
    n_moments = kernels.codes.N_MOMENTS[code]
    return np.zeros((n_moments, theta.size), theta.dtype), _CLOCK.copy()


def choose(optimizer: Any, lr: Any) -> Optimizer:
    """Return the optimizer that the arguments optimizer= and lr= of `fit` ask for.

    lr alone means plain SGD, a name is used with lr, and an object has its own lr.
    """
    if isinstance(optimizer, Optimizer):
        if lr is not None:
            raise ValueError(
                f"lr is given twice, as lr={lr!r} and in {optimizer!r}: leave one out"
            )
        return optimizer
    if optimizer is not None:
        named = _NAMED[check_choice("optimizer", optimizer, _NAMED)]
        if named is not SGD:
            return named() if lr is None else named(lr)
    if lr is None:
        raise ValueError(
            "fit needs lr=, such as lr=0.1 for plain SGD, or optimizer=, such as "
            "fastnn.Adam(lr=0.01)"
        )
    return _plain_sgd(lr) if type(lr) is float else SGD(lr)


@lru_cache
def _plain_sgd(lr: float) -> SGD:
    """Return plain SGD, whose checks take a tenth of a small fit's time."""
    return SGD(lr)


def update_rule(optimizer: Optimizer, params: Sequence[Array]) -> UpdateRule:
    """Return the rule of an optimizer for one net with these parameters."""
    rule = optimizer.rule(params)
    if type(optimizer) in _BUILT_IN:
        return rule
    n_params = sum(param.size for param in params)
    return _checked(optimizer, rule, (kernels.codes.N_SETTINGS,), n_params)


def update_rule_per_net(
    optimizer: Optimizer, n_nets: int, params: Sequence[Array], side_by_side: bool
) -> tuple[UpdateRule, dict[str, Array]]:
    """Return the rule of an optimizer for many nets, and its settings by name.

    params are those of any of the nets. Where a schedule is that of the biases as well,
    their learning rate is NaN. ValueError if the nets are trained side by side, and a
    subclass has learning rates or decays of its own for some parameters.
    """
    rule = optimizer.rule_per_net(n_nets)
    if type(optimizer) not in _BUILT_IN:
        rule = _checked(optimizer, rule, (kernels.codes.N_SETTINGS, n_nets), 0)
        rule = rule._replace(
            learning_rates=_of_its_own("learning_rates", optimizer, params),
            decays=_of_its_own("decays", optimizer, params),
        )
        if side_by_side and (rule.learning_rates.size or rule.decays.size):
            raise ValueError(
                f"{optimizer!r} has learning_rates() or decays() of its own for some "
                "parameters, but nets that fit_many trains side by side have one for "
                "all weights and one for all biases: pass bias_lr= or "
                "bias_weight_decay=, or train each net with fit"
            )
    by_name = optimizer.by_name(rule.settings)
    if optimizer.schedule is not None and getattr(optimizer, "bias_lr", None) is None:
        rule.settings[kernels.codes.BIAS_LR] = np.nan
    return rule, by_name


def _of_its_own(name: str, optimizer: Optimizer, params: Sequence[Array]) -> Array:
    """Return what the method `name` of a subclass computes for the first of many nets.

    The array is empty if it is what the base class computes.
    """
    one = optimizer.for_net(0)
    values: Array = getattr(one, name)(params)
    usual = getattr(Optimizer, name)(one, params)
    return _NOTHING if np.array_equal(values, usual, equal_nan=True) else values


_NAMED: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop}
_BUILT_IN = tuple(_NAMED.values())


def _checked(
    optimizer: Optimizer, rule: UpdateRule, shape: tuple[int, ...], n_params: int
) -> UpdateRule:
    """Return the rule of a subclass, if the kernels, which check nothing, can use it.

    Its settings must have this shape, its other arrays (n_params,) or (0,).
    """
    code, settings, *of_each = _as_rule(optimizer, rule)
    n_rules = len(kernels.codes.N_MOMENTS)
    if type(code) is not int or not 0 <= code < n_rules:
        raise ValueError(
            f"{optimizer!r} has the code {code!r}, but a code from 0 to {n_rules - 1} "
            "is expected: see fastnn.kernels.codes"
        )
    checked = [readable(optimizer, "returned settings", settings, shape, np.float64)]
    for field_name, numbers in zip(UpdateRule._fields[2:], of_each, strict=True):
        what = f"returned {field_name}"
        checked.append(
            readable(optimizer, what, numbers, (n_params,), np.float64)
            if np.size(numbers)
            else _NOTHING
        )
    adam = kernels.codes.ADAM, kernels.codes.ADAMW
    if code in adam and checked[1].size:
        raise ValueError(
            f"{optimizer!r} has learning_rates() of its own, but Adam's rule has one "
            "learning rate for all parameters: use fastnn.SGD or fastnn.RMSprop"
        )
    for field_name, numbers in zip(UpdateRule._fields[1:], checked, strict=True):
        if not np.isfinite(numbers).all():
            raise ValueError(
                f"{optimizer!r} returned {field_name} that are not finite: {numbers}"
            )
    # Kernels are compiled for arrays that can be written.
    return UpdateRule(code, *(numbers.copy() for numbers in checked))


def _as_rule(optimizer: Optimizer, rule: Any) -> UpdateRule:
    if not isinstance(rule, tuple) or len(rule) != len(UpdateRule._fields):
        raise TypeError(
            f"{optimizer!r} returned {rule!r}, but an UpdateRule is expected"
        )
    return UpdateRule(*rule)


def _check_params(params: Sequence[Array], grads: Sequence[Array]) -> None:
    """Refuse lists and arrays that `Optimizer.update` cannot use."""
    if len(params) != len(grads):
        raise ValueError(
            f"params has {len(params)} arrays, but grads has {len(grads)}: pass one "
            "gradient for each parameter"
        )
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        if not isinstance(param, np.ndarray) or param.dtype not in (
            np.float64,
            np.float32,
        ):
            raise TypeError(
                f"params[{i}] must be an array of float64 or float32, not {param!r}"
            )
        _check_shapes(i, param, grad)


def _check_shapes(i: int, param: Array, grad: Any) -> None:
    if param.shape != np.shape(grad):
        raise ValueError(
            f"params[{i}] has shape {param.shape}, but grads[{i}] has shape "
            f"{np.shape(grad)}: they must be the same"
        )
