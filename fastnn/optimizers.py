"""The optimizers: descriptions that `fit` takes, each with an `update` for training loops of your own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import checks, kernels
from .arrays import Array
from .job import new_moments


class Optimizer:
    """What the compiled loops need to know of an update rule: its code and five settings."""

    code: int
    lr: float
    weight_decay: float
    bias_lr: float | None = None

    def settings(self) -> Array:
        """lr, weight decay, beta1, beta2, eps, as float64, checked: attributes may have been changed since."""
        raise NotImplementedError

    def rates(self, params: Sequence[Array]) -> Array:
        """The learning rate of every number in `params`, where they differ; otherwise an empty array."""
        return np.empty(0)

    def _common(self) -> tuple[float, float]:
        return checks.real("lr", self.lr, 0.0), checks.real("weight_decay", self.weight_decay, 0.0)

    def update(self, params: Sequence[Array], grads: Sequence[Array]) -> None:
        """Update the arrays in `params` in place from their gradients, once.

        Moments are kept in this object from call to call, by place in the list; `fit` starts with its own.
        """
        if len(params) != len(grads):
            raise ValueError(f"{len(params)} params but {len(grads)} grads: one gradient for each array is wanted")
        for place, (param, grad) in enumerate(zip(params, grads, strict=True)):
            if not isinstance(param, np.ndarray) or param.dtype not in (np.float64, np.float32):
                raise TypeError(f"params[{place}] must be an array of float64 or float32, not {param!r}")
            if param.shape != np.shape(grad):
                raise ValueError(f"params[{place}] is {param.shape}, but grads[{place}] is {np.shape(grad)}")
        settings = self.settings()
        kept: dict[int, tuple[Array, Array]] = self.__dict__.setdefault("_kept", {})
        for place, (param, grad) in enumerate(zip(params, grads, strict=True)):
            theta = np.array(param, order="C").reshape(-1)
            wanted = (kernels.codes.N_MOMENTS[self.code], theta.size), theta.dtype
            if place not in kept or (kept[place][0].shape, kept[place][0].dtype) != wanted:  # first, or another rule
                kept[place] = new_moments(self.code, theta)
            g = np.array(grad, param.dtype, order="C").reshape(-1)
            kernels.nodes.step(theta, *kept[place], g, self.code, settings, self.rates([param]))
            param[...] = theta.reshape(param.shape)


class SGD(Optimizer):
    """Stochastic gradient descent: theta -= lr g, with momentum theta -= lr v, v = momentum v + g.

    nesterov=True looks ahead: theta -= lr (g + momentum v). weight_decay times theta, biases included, is added to g
    first (L2). bias_lr is the learning rate of the biases, the parameters with one dimension, if it is another one.
    Learning rates and weight_decay are at least 0, momentum at least 0 and less than 1; otherwise ValueError.

    >>> w = np.array([1.0, 2.0])
    >>> SGD(0.5).update([w], [np.array([1.0, 1.0])])
    >>> w
    array([0.5, 1.5])
    """

    def __init__(
        self, lr: float, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0,
        bias_lr: float | None = None,
    ) -> None:  # fmt: skip
        self.lr, self.momentum, self.weight_decay, self.bias_lr = lr, momentum, weight_decay, bias_lr
        self.nesterov = checks.flag("nesterov", nesterov)
        self.settings()
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov=True needs a momentum above 0, such as 0.9")

    @property
    def code(self) -> int:  # type: ignore[override]
        if self.momentum == 0.0:
            return kernels.codes.SGD
        return kernels.codes.NESTEROV if self.nesterov else kernels.codes.MOMENTUM

    def settings(self) -> Array:
        momentum = checks.real("momentum", self.momentum, 0.0, 1.0)
        if self.bias_lr is not None:
            checks.real("bias_lr", self.bias_lr, 0.0)
        return np.array([*self._common(), momentum, 0.0, 0.0])

    def rates(self, params: Sequence[Array]) -> Array:
        if self.bias_lr is None or self.bias_lr == self.lr:
            return super().rates(params)
        each = [np.full(param.size, self.bias_lr if param.ndim == 1 else self.lr, np.float64) for param in params]
        return np.concatenate(each)

    def __repr__(self) -> str:
        return _repr(self, "SGD", momentum=0.0, nesterov=False, weight_decay=0.0, bias_lr=None)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps by the running mean of g over the root of that of g^2, bias-corrected.

    In the t-th update m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and
    theta -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps). weight_decay times theta, biases included, is added
    to g first (L2, not AdamW). Betas are at least 0 and less than 1, the others at least 0; otherwise ValueError.

    >>> w = np.array([1.0, 2.0])
    >>> Adam(0.1).update([w], [np.array([3.0, -3.0])])
    >>> w.round(6)
    array([0.9, 2.1])
    """

    code = kernels.codes.ADAM

    def __init__(
        self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0
    ) -> None:
        self.lr, self.beta1, self.beta2, self.eps, self.weight_decay = lr, beta1, beta2, eps, weight_decay
        self.settings()

    def settings(self) -> Array:
        beta1, beta2 = checks.real("beta1", self.beta1, 0.0, 1.0), checks.real("beta2", self.beta2, 0.0, 1.0)
        return np.array([*self._common(), beta1, beta2, checks.real("eps", self.eps, 0.0)])

    def __repr__(self) -> str:
        return _repr(self, "Adam", beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0)


def choose(optimizer: Any, lr: Any) -> Optimizer:
    """The optimizer that `fit` is asked for: lr alone is plain SGD, a name goes with lr, an object has its own."""
    if isinstance(optimizer, Optimizer):
        if lr is not None:
            raise ValueError(f"lr is given twice: lr={lr!r} and {optimizer!r}. Leave one out")
        return optimizer
    if optimizer is not None:
        name = checks.choice("optimizer", optimizer, ("sgd", "adam"))
        if name == "adam":
            return Adam() if lr is None else Adam(lr)
    if lr is None:
        raise ValueError("fit needs lr=, such as lr=0.1 for plain SGD, or optimizer=, such as fastnn.Adam(lr=0.01)")
    return SGD(lr)


def _repr(optimizer: Optimizer, name: str, **defaults: Any) -> str:
    """The call that makes this optimizer, without what is as by default."""
    values = {key: getattr(optimizer, key) for key in defaults}
    changed = [f"{key}={value!r}" for key, value in values.items() if value != defaults[key]]
    return f"{name}({', '.join([f'lr={optimizer.lr!r}', *changed])})"
