"""Runs made by hand, with curves that are known."""

import dataclasses

import numpy as np

import fastnn
from fastnn.sweep.curves import Curves, forward_filled, percentiles


def curves(n_nets=40, m=30, seed=0):
    """Losses and accuracies of nets that never left, and the kept epochs."""
    rng = np.random.default_rng(seed)
    losses = 0.5 * rng.random((n_nets, 1)) + 0.5 * rng.random((n_nets, m)) * np.exp(
        -np.arange(m) / 8
    )
    return losses, rng.integers(0, 5, (n_nets, m)) / 4, np.arange(m) * 10 + 1


def runs_of(
    losses, accuracies, epochs, stop_below=None, net=None, kept="all", **fields
):
    """Runs with these curves, in which nets leave where their loss falls below stop_below."""
    net = net or fastnn.mlp(2, 2, 1)
    n_nets, m = losses.shape
    below = losses < (-1.0 if stop_below is None else stop_below)
    last = np.where(below.any(axis=1), below.argmax(axis=1), m - 1)
    gone = np.arange(m) > last[:, np.newaxis]
    losses, accuracies = (np.where(gone, np.nan, each) for each in (losses, accuracies))
    trained, nets = epochs[last], np.arange(n_nets)
    if kept == "all":
        kept_losses, kept_accuracies = (
            Curves(epochs, losses),
            Curves(epochs, accuracies),
        )
    else:
        kept_losses, kept_accuracies = (
            Curves(
                epochs,
                percentiles=percentiles(forward_filled(each, epochs, trained), worst),
            )
            for each, worst in ((losses, np.inf), (accuracies, 0.0))
        )
    return dataclasses.replace(
        fastnn.Runs(
            net,
            np.random.default_rng(1)
            .standard_normal((n_nets, net.theta.size))
            .astype(net.dtype),
            np.arange(n_nets),
            trained,
            losses[nets, last],
            accuracies[nets, last],
            kept_losses,
            kept_accuracies,
            stop_below,
            4 * int(trained.sum()),
            1.5,
        ),
        **fields,
    )


def with_one_diverged(net=None, **options):
    losses, accuracies, epochs = curves()
    losses[3, 20:], accuracies[3, 20:] = np.inf, np.nan
    runs = runs_of(losses, accuracies, epochs, net=net, **options)
    runs.theta[3] = np.nan
    return runs
