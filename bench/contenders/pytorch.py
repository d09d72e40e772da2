"""PyTorch as its tutorials use it: eager, with a module, a loss and an optimizer.

The data are tensors in memory.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from ..cases import Array, Case

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


LOSSES = {
    "bce": torch.nn.functional.binary_cross_entropy_with_logits,
    "mse": torch.nn.functional.mse_loss,
    "softmax_ce": torch.nn.functional.cross_entropy,
}


class Nets(torch.nn.Module):
    """One net, or many along a leading axis of the parameters."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        params = [torch.from_numpy(p.copy()) for p in case.params]
        if case.n_nets > 1:
            params[1::2] = [b[:, None, :] for b in params[1::2]]
        self.all = torch.nn.ParameterList(params)
        self.hidden = torch.sigmoid if case.hidden == "sigmoid" else torch.tanh
        self.sigmoid_output = case.output == "sigmoid"

    def forward(self, x: Any) -> Any:
        """Return the sums of the last layer, or its values."""
        for i in range(0, len(self.all) - 2, 2):
            x = self.hidden(x @ self.all[i] + self.all[i + 1])
        z = x @ self.all[-2] + self.all[-1]
        return torch.sigmoid(z) if self.sigmoid_output else z


class Net(torch.nn.Sequential):
    """One net, made of PyTorch's own layers."""

    def __init__(self, case: Case) -> None:
        layers: list[Any] = []
        for w, b in zip(case.params[::2], case.params[1::2], strict=True):
            linear = torch.nn.Linear(*w.shape, dtype=torch.from_numpy(w).dtype)
            linear.weight.data = torch.from_numpy(w.T.copy())
            linear.bias.data = torch.from_numpy(b.copy())
            layers += [
                linear,
                torch.nn.Sigmoid() if case.hidden == "sigmoid" else torch.nn.Tanh(),
            ]
        layers.pop()
        if case.output == "sigmoid":
            layers.append(torch.nn.Sigmoid())
        super().__init__(*layers)


def versions() -> str:
    """Return the name and version of the library."""
    return f"PyTorch {torch.__version__}"


def tensors(case: Case) -> tuple[Any, Callable[[int], list[Any]]]:
    """Return all rows, and a function of an epoch's number: the batches."""
    X = torch.from_numpy(case.X)
    t = torch.from_numpy(case.targets() if case.loss != "softmax_ce" else case.y)
    size = case.batch_size

    def split(X: Any, t: Any) -> list[Any]:
        return list(zip(X.split(size), t.split(size), strict=True))

    in_order = split(X, t)
    if not case.shuffled:
        return X, lambda epoch: in_order
    orders = torch.from_numpy(case.orders())
    if size == 1:
        return X, lambda epoch: [in_order[i] for i in orders[epoch].tolist()]
    return X, lambda epoch: split(X[orders[epoch]], t[orders[epoch]])


def probabilities(case: Case) -> Any:
    """Return the function of the last layer's sums that gives probabilities."""
    return torch.sigmoid if case.loss == "bce" else partial(torch.softmax, dim=1)


def _summed(loss_of: Any, z: Any, t: Any) -> Any:
    """Return the sum of the mean losses of all nets.

    z: (n_nets, n, n_out). t: (n, n_out), or (n,) class numbers.
    """
    if t.ndim == 1:
        z = z.movedim(-1, 1)  # PyTorch expects the classes on the second axis
    return loss_of(z, t.expand(len(z), *t.shape)) * len(z)


def prepare(case: Case) -> Callable[[int], float | Array]:
    """Return a function that trains or predicts."""
    X, batches = tensors(case)
    loss_of = LOSSES[case.loss]
    make = Net if case.n_nets == 1 else Nets

    def train(epochs: int) -> float:
        model = make(case)
        rule = torch.optim.Adam if case.optimizer == "adam" else torch.optim.SGD
        optimizer = rule(model.parameters(), lr=case.lr, fused=True)
        for epoch in range(epochs):
            total = torch.zeros((), dtype=X.dtype)
            for x, t in batches(epoch):
                optimizer.zero_grad()
                z = model(x)
                loss = loss_of(z, t) if case.n_nets == 1 else _summed(loss_of, z, t)
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(x)
        return float(total) / len(X) / case.n_nets

    model, activated = make(case), probabilities(case)

    @torch.inference_mode()
    def predict(times: int) -> Array:
        for _ in range(times):
            p = activated(model(X))
        return p.numpy()

    return train if case.kind == "train" else predict
