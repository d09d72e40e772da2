"""River's logistic regression, one sample per call: a net without hidden layers.

Its samples are dicts. In the last epoch it predicts each sample before it learns it,
because learning does not return the loss.
"""

from collections.abc import Callable
from math import log

import river
from river import linear_model, optim

from ..cases import Case
from . import Unsupported


def versions() -> str:
    """Return the name and version of the library."""
    return f"River {river.__version__}"


def prepare(case: Case) -> Callable[[int], float]:
    """Return a function that learns the samples one by one."""
    if not case.by_sample or case.loss != "bce" or len(case.sizes) != 2:
        raise Unsupported("learns one sample per call, without hidden layers")
    if any(param.any() for param in case.params):
        raise Unsupported("starts from weights of 0")
    samples = [dict(enumerate(row)) for row in case.X.tolist()]
    targets = [bool(target) for target in case.y.tolist()]

    def train(epochs: int) -> float:
        model = linear_model.LogisticRegression(
            optim.SGD(case.lr), intercept_lr=case.lr
        )
        for _ in range(epochs - 1):
            for x, target in zip(samples, targets, strict=True):
                model.learn_one(x, target)
        total = 0.0
        for x, target in zip(samples, targets, strict=True):
            total -= log(model.predict_proba_one(x)[target])
            model.learn_one(x, target)
        return total / len(samples)

    return train
