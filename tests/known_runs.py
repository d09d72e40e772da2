"""Runs built by hand from known curves."""

import dataclasses

import numpy as np

import fastnn
from fastnn.sweep.curves import Curves, forward_filled, percentiles


def curves(n_nets=40, m=30, seed=0):
    """Return losses and accuracies (n_nets, m), and the recorded epochs (m,)."""
    rng = np.random.default_rng(seed)
    losses = 0.5 * rng.random((n_nets, 1)) + 0.5 * rng.random((n_nets, m)) * np.exp(
        -np.arange(m) / 8
    )
    return losses, rng.integers(0, 5, (n_nets, m)) / 4, np.arange(m) * 10 + 1


def runs_of(
    losses, accuracies, epochs, stop_below=None, net=None, kept="all", **fields
):
    """Return Runs with these curves, cut where a loss falls below stop_below.

    kept is "all" or "percentiles"; fields replace those of the Runs.
    """
    net = net or fastnn.mlp(2, 2, 1)
    n_nets, m = losses.shape
    below = losses < (-1.0 if stop_below is None else stop_below)
    last = np.where(below.any(axis=1), below.argmax(axis=1), m - 1)
    stopped = np.arange(m) > last[:, np.newaxis]
    losses = np.where(stopped, np.nan, losses)
    accuracies = np.where(stopped, np.nan, accuracies)
    trained, nets = epochs[last], np.arange(n_nets)
    if kept == "all":
        kept_losses = Curves(epochs, losses)
        kept_accuracies = Curves(epochs, accuracies)
    else:
        kept_losses, kept_accuracies = (
            Curves(
                epochs,
                percentiles=percentiles(forward_filled(curve, epochs, trained), worst),
            )
            for curve, worst in ((losses, np.inf), (accuracies, 0.0))
        )
    return dataclasses.replace(
        fastnn.Runs(
            net.architecture,
            net.classes,
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
    """Return Runs in which net 3 has diverged."""
    losses, accuracies, epochs = curves()
    losses[3, 20:], accuracies[3, 20:] = np.inf, np.nan
    runs = runs_of(losses, accuracies, epochs, net=net, **options)
    runs.theta[3] = np.nan
    return runs
