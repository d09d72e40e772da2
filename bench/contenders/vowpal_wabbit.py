"""Vowpal Wabbit with a hidden layer of tanh units, `--nn`, one example per call.

It starts from weights of its own, and its updates are adaptive, normalised and
invariant, so it does other work with the same net. It goes on learning from one
training to the next. The examples are parsed before; from text each takes longer.
"""

from collections.abc import Callable
from math import exp, log1p

import vowpalwabbit

from ..cases import Case
from . import Unsupported


def versions() -> str:
    """Return the name and version of the library."""
    return f"Vowpal Wabbit {vowpalwabbit.__version__}"


def prepare(case: Case) -> Callable[[int], float]:
    """Return a function that learns the samples one by one."""
    if not case.by_sample or case.loss != "bce" or len(case.sizes) != 3:
        raise Unsupported("learns one sample per call, two classes, one hidden layer")
    workspace = vowpalwabbit.Workspace(
        f"--nn {case.sizes[1]} --loss_function logistic --learning_rate {case.lr} "
        "--random_seed 1 --quiet"
    )
    signs = [1 if target else -1 for target in case.y.tolist()]
    examples = [
        workspace.parse(
            f"{sign} | " + " ".join(f"x{j}:{value!r}" for j, value in enumerate(row))
        )
        for row, sign in zip(case.X.tolist(), signs, strict=True)
    ]

    def train(epochs: int) -> float:
        for _ in range(epochs - 1):
            for example in examples:
                workspace.learn(example)
        total = 0.0
        for example, sign in zip(examples, signs, strict=True):
            workspace.learn(example)  # with the prediction from before the update
            total += log1p(exp(-sign * example.get_simplelabel_prediction()))
        return total / len(examples)

    return train
