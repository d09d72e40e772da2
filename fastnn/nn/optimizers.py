"""The optimizers: descriptions that `fit` takes, each with an `update` for training loops of your own."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..data.arguments import check_bool, check_choice, check_floats
from ..data.arrays import Array

Setting = float | Sequence[float] | Array


class Optimizer:
    """What the compiled loops need to know of an update rule: its code and its settings.

    A setting is a number, or an array (n_nets,) of them for `fit_many`, one for each net.
    """

    code: int
    lr: Setting
    weight_decay: Setting
    bias_lr: Setting | None = None

    def checked(self) -> dict[str, float | Array]:
        """lr, weight decay, beta1, beta2, eps, as far as it has them, under its own names for them, in this order.

        They are looked at each time: attributes may have been changed since.
        """
        raise NotImplementedError

    def settings(self) -> Array:
        """The five settings of one net, float64."""
        given = self.checked()
        for name, value in given.items():
            if not isinstance(value, float):
                raise ValueError(
                    f"{name} has {len(value)} numbers: one net takes one, and fit_many one for each net"
                )
        return np.array(
            [*given.values(), *[0.0] * (kernels.codes.BIAS_LR - len(given))]
        )

    def settings_of_each(self, n_nets: int) -> Array:
        """The settings (6, n_nets) of many nets, the last of them the learning rate of the biases."""
        found = np.zeros((kernels.codes.BIAS_LR + 1, n_nets))
        given = self.checked()
        given["bias_lr"] = (
            given["lr"]
            if self.bias_lr is None
            else check_floats("bias_lr", self.bias_lr, 0.0)
        )
        for row, (name, value) in zip(
            [*range(len(given) - 1), kernels.codes.BIAS_LR], given.items(), strict=True
        ):
            if not isinstance(value, float) and len(value) != n_nets:
                raise ValueError(
                    f"{name} has {len(value)} numbers, but there are {n_nets} nets: one each is wanted"
                )
            found[row] = value
        return found

    def of(self, net: int) -> "Optimizer":
        """The optimizer of one of many nets."""
        one = copy.copy(self)
        for name, value in vars(self).items():
            if np.ndim(value):
                setattr(one, name, float(value[net]))
        return one

    def rates(self, params: Sequence[Array]) -> Array:
        """The learning rate of every number in `params`, where they differ; otherwise an empty array."""
        return np.empty(0)

    def _common(self) -> dict[str, float | Array]:
        lr, decay = (
            check_floats("lr", self.lr, 0.0),
            check_floats("weight_decay", self.weight_decay, 0.0),
        )
        return {"lr": lr, "weight_decay": decay}

    def update(self, params: Sequence[Array], grads: Sequence[Array]) -> None:
        """Update the arrays in `params` in place from their gradients, once.

        Moments are kept in this object from call to call, by place in the list; `fit` starts with its own.
        """
        if len(params) != len(grads):
            raise ValueError(
                f"{len(params)} params but {len(grads)} grads: one gradient for each array is wanted"
            )
        for place, (param, grad) in enumerate(zip(params, grads, strict=True)):
            if not isinstance(param, np.ndarray) or param.dtype not in (
                np.float64,
                np.float32,
            ):
                raise TypeError(
                    f"params[{place}] must be an array of float64 or float32, not {param!r}"
                )
            if param.shape != np.shape(grad):
                raise ValueError(
                    f"params[{place}] is {param.shape}, but grads[{place}] is {np.shape(grad)}"
                )
        settings = self.settings()
        kept: dict[int, tuple[Array, Array]] = self.__dict__.setdefault("_kept", {})
        for place, (param, grad) in enumerate(zip(params, grads, strict=True)):
            theta = np.array(param, order="C").reshape(-1)
            wanted = (kernels.codes.N_MOMENTS[self.code], theta.size), theta.dtype
            if (
                place not in kept
                or (kept[place][0].shape, kept[place][0].dtype) != wanted
            ):  # first, or another rule
                kept[place] = initial_moments(self.code, theta)
            g = np.array(grad, param.dtype, order="C").reshape(-1)
            kernels.loops.layers.step(
                theta, *kept[place], g, self.code, settings, self.rates([param])
            )
            param[...] = theta.reshape(param.shape)


class SGD(Optimizer):
    """Stochastic gradient descent: theta -= lr g, with momentum theta -= lr v, v = momentum v + g.

    nesterov=True looks ahead: theta -= lr (g + momentum v). weight_decay times theta, biases included, is added to g
    first (L2). bias_lr is the learning rate of the biases, the parameters with one dimension, if it is another one.
    Learning rates and weight_decay are at least 0, momentum at least 0 and less than 1; otherwise ValueError. For
    `fit_many` each of them may be an array, (n_nets,), with a number for each net.

    >>> w = np.array([1.0, 2.0])
    >>> SGD(0.5).update([w], [np.array([1.0, 1.0])])
    >>> w
    array([0.5, 1.5])
    """

    def __init__(
        self,
        lr: Setting,
        momentum: Setting = 0.0,
        nesterov: bool = False,
        weight_decay: Setting = 0.0,
        bias_lr: Setting | None = None,
    ) -> None:
        self.lr, self.momentum, self.weight_decay, self.bias_lr = (
            lr,
            momentum,
            weight_decay,
            bias_lr,
        )
        self.nesterov = check_bool("nesterov", nesterov)
        self.checked()
        if self.nesterov and not np.any(self.momentum):
            raise ValueError("nesterov=True needs a momentum above 0, such as 0.9")

    @property
    def code(self) -> int:  # type: ignore[override]
        if not np.any(self.momentum):
            return kernels.codes.SGD
        return kernels.codes.NESTEROV if self.nesterov else kernels.codes.MOMENTUM

    def checked(self) -> dict[str, float | Array]:
        if self.bias_lr is not None:
            check_floats("bias_lr", self.bias_lr, 0.0)
        return self._common() | {
            "momentum": check_floats("momentum", self.momentum, 0.0, 1.0)
        }

    def rates(self, params: Sequence[Array]) -> Array:
        if self.bias_lr is None or self.bias_lr == self.lr:
            return super().rates(params)
        each = [
            np.full(
                param.size, self.bias_lr if param.ndim == 1 else self.lr, np.float64
            )
            for param in params
        ]
        return np.concatenate(each)

    def __repr__(self) -> str:
        return _repr(
            self, "SGD", momentum=0.0, nesterov=False, weight_decay=0.0, bias_lr=None
        )


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps by the running mean of g over the root of that of g^2, bias-corrected.

    In the t-th update m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and
    theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps). weight_decay times theta, biases included, is added
    to g first (L2, not AdamW). Betas are at least 0 and less than 1, the others at least 0; otherwise ValueError. For
    `fit_many` each of them may be an array, (n_nets,), with a number for each net.

    >>> w = np.array([1.0, 2.0])
    >>> Adam(0.1).update([w], [np.array([3.0, -3.0])])
    >>> w.round(6)
    array([0.9, 2.1])
    """

    code = kernels.codes.ADAM

    def __init__(
        self,
        lr: Setting = 0.001,
        beta1: Setting = 0.9,
        beta2: Setting = 0.999,
        eps: Setting = 1e-8,
        weight_decay: Setting = 0.0,
    ) -> None:
        self.lr, self.beta1, self.beta2, self.eps, self.weight_decay = (
            lr,
            beta1,
            beta2,
            eps,
            weight_decay,
        )
        self.checked()

    def checked(self) -> dict[str, float | Array]:
        betas = {
            name: check_floats(name, getattr(self, name), 0.0, 1.0)
            for name in ("beta1", "beta2")
        }
        return self._common() | betas | {"eps": check_floats("eps", self.eps, 0.0)}

    def __repr__(self) -> str:
        return _repr(self, "Adam", beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0)


def choose(optimizer: Any, lr: Any) -> Optimizer:
    """The optimizer that `fit` is asked for: lr alone is plain SGD, a name goes with lr, an object has its own."""
    if isinstance(optimizer, Optimizer):
        if lr is not None:
            raise ValueError(
                f"lr is given twice: lr={lr!r} and {optimizer!r}. Leave one out"
            )
        return optimizer
    if optimizer is not None:
        name = check_choice("optimizer", optimizer, ("sgd", "adam"))
        if name == "adam":
            return Adam() if lr is None else Adam(lr)
    if lr is None:
        raise ValueError(
            "fit needs lr=, such as lr=0.1 for plain SGD, or optimizer=, such as fastnn.Adam(lr=0.01)"
        )
    return SGD(lr)


def _repr(optimizer: Optimizer, name: str, **defaults: Any) -> str:
    """The call that makes this optimizer, without what is as by default."""
    values = {key: getattr(optimizer, key) for key in defaults}
    changed = [
        f"{key}={value!r}"
        for key, value in values.items()
        if np.ndim(value) or value != defaults[key]
    ]
    return f"{name}({', '.join([f'lr={optimizer.lr!r}', *changed])})"


def initial_moments(code: int, theta: Array) -> tuple[Array, Array]:
    """Return an optimizer's moments for a flat vector of parameters, and its clock.

    The moments (n_moments, n_params) are zero; the clock (2,) is at its start.
    """
    n_moments = kernels.codes.N_MOMENTS[code]
    return np.zeros((n_moments, theta.size), theta.dtype), np.ones(2)
