"""The random nets in PyTorch, in float64."""

import torch
from torch.nn import functional

FUNCTIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda z: z,
    "softmax": lambda z: z.softmax(dim=1),
}


def loss_and_grads(case):
    """Return the loss of a `random_nets.Case` and its gradients [dW1, db1, ...]."""
    params = [
        torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in case.params
    ]
    z = torch.tensor(case.X)
    for layer in range(len(params) // 2):
        z = z @ params[2 * layer] + params[2 * layer + 1]
        if layer < len(case.activations):
            z = FUNCTIONS[case.activations[layer]](z)
    y = torch.tensor(case.y)
    if case.loss == "bce":
        losses = functional.binary_cross_entropy_with_logits(
            z, y.double().reshape(z.shape), reduction="none"
        ).mean(dim=1)
    elif case.loss == "poisson":
        losses = functional.poisson_nll_loss(
            z, y.double().reshape(z.shape), reduction="none"
        ).mean(dim=1)
    elif case.loss == "softmax_ce":
        losses = functional.cross_entropy(z, y, reduction="none")
    else:
        losses = functional.mse_loss(z, y, reduction="none").mean(dim=1)
    loss = losses.mean() if case.reduction == "mean" else losses.sum()
    loss.backward()
    return float(loss.detach()), [p.grad.numpy() for p in params]
