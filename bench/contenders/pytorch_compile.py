"""PyTorch with torch.compile: forward pass, gradients and update in one step."""

import shutil
from collections.abc import Callable
from typing import Any

import torch

from ..cases import Array, Case
from . import Unsupported
from .pytorch import LOSSES, probabilities, tensors, versions

__all__ = ["prepare", "versions"]

if shutil.which("g++") is None and shutil.which("clang++") is None:
    raise ImportError("torch.compile needs a C++ compiler (g++ or clang++) on the PATH")


def prepare(case: Case) -> Callable[[int], float | Array]:
    """Return a function that trains or predicts."""
    if case.n_nets > 1:
        raise Unsupported("is used for one net at a time here")
    hidden = torch.sigmoid if case.hidden == "sigmoid" else torch.tanh

    def logits(params: Any, x: Any) -> Any:
        for i in range(0, len(params) - 2, 2):
            x = hidden(x @ params[i] + params[i + 1])
        z = x @ params[-2] + params[-1]
        return torch.sigmoid(z) if case.output == "sigmoid" else z

    def loss(params: Any, x: Any, t: Any) -> Any:
        return LOSSES[case.loss](logits(params, x), t)

    def step(params: Any, m: Any, v: Any, rate: Any, undo: Any, x: Any, t: Any) -> Any:
        gradients, value = torch.func.grad_and_value(loss)(params, x, t)
        for i, (p, g) in enumerate(zip(params, gradients, strict=True)):
            if case.optimizer == "adam":
                m[i].mul_(0.9).add_(0.1 * g)
                v[i].mul_(0.999).add_(0.001 * g * g)
                p.sub_(rate * m[i] / (torch.sqrt(v[i] * undo) + 1e-8))
            else:
                p.sub_(case.lr * g)
        return value * len(x)

    torch._dynamo.reset()  # forget the compiled code of earlier cases
    compiled = torch.compile(step, fullgraph=True)
    activated = probabilities(case)
    compiled_outputs = torch.compile(
        lambda params, x: activated(logits(params, x)), fullgraph=True
    )
    X, batches = tensors(case)
    start = [torch.from_numpy(p) for p in case.params]

    @torch.no_grad()
    def train(epochs: int) -> float:
        params = [p.clone() for p in start]
        m, v = ([torch.zeros_like(p) for p in start] for _ in range(2))
        rate = undo = torch.ones((), dtype=X.dtype)
        count = 0
        for epoch in range(epochs):
            total = torch.zeros((), dtype=X.dtype)
            for x, y in batches(epoch):
                if case.optimizer == "adam":
                    count += 1
                    rate = torch.tensor(case.lr / (1 - 0.9**count), dtype=X.dtype)
                    undo = torch.tensor(1 / (1 - 0.999**count), dtype=X.dtype)
                total += compiled(params, m, v, rate, undo, x, y)
        return float(total) / len(X)

    @torch.inference_mode()
    def predict(times: int) -> Array:
        for _ in range(times):
            p = compiled_outputs(start, X)
        return p.numpy()

    return train if case.kind == "train" else predict
