"""Runs that are made from known curves, without training."""

import dataclasses

import numpy as np

import fastnn
from fastnn.sweeps.curves import Curves, forward_filled, percentiles


def random_curves(n_nets=40, m=30, seed=0):
    """Return losses and accuracies (n_nets, m), and the recorded epochs (m,)."""
    rng = np.random.default_rng(seed)
    falling = np.exp(-np.arange(m) / 8)
    losses = 0.5 * rng.random((n_nets, 1)) + 0.5 * rng.random((n_nets, m)) * falling
    accuracies = rng.integers(0, 5, (n_nets, m)) / 4
    return losses, accuracies, np.arange(m) * 10 + 1


def make_runs(
    losses, accuracies, epochs, stop_below=None, net=None, recorded="all", **fields
):
    """Return Runs with these curves, cut where a loss falls below stop_below.

    recorded is "all" or "percentiles"; fields replace those of the Runs.
    """
    net = net or fastnn.mlp(2, 2, 1)
    n_nets, m = losses.shape
    below = losses < (-1.0 if stop_below is None else stop_below)
    last = np.where(below.any(axis=1), below.argmax(axis=1), m - 1)
    stopped = np.arange(m) > last[:, np.newaxis]
    losses = np.where(stopped, np.nan, losses)
    accuracies = np.where(stopped, np.nan, accuracies)
    trained, nets = epochs[last], np.arange(n_nets)
    theta = np.random.default_rng(1).standard_normal((n_nets, net.theta.size))

    def curves(values, worst):
        if recorded == "all":
            return Curves(epochs, values)
        filled = forward_filled(values, epochs, trained, values[nets, last])
        return Curves(epochs, percentiles=percentiles(filled, worst))

    runs = fastnn.Runs(
        architecture=net.architecture,
        schema=net._schema,
        theta=theta.astype(net.dtype),
        seeds=np.arange(n_nets),
        trained=trained,
        final_loss=losses[nets, last],
        final_accuracy=accuracies[nets, last],
        losses=curves(losses, np.inf),
        accuracies=curves(accuracies, 0.0),
        stop_below=stop_below,
        updates=4 * int(trained.sum()),
        seconds=1.5,
    )
    return dataclasses.replace(runs, **fields)


def runs_with_one_diverged(net=None, **options):
    """Return Runs in which net 3 has diverged."""
    losses, accuracies, epochs = random_curves()
    losses[3, 20:], accuracies[3, 20:] = np.inf, np.nan
    runs = make_runs(losses, accuracies, epochs, net=net, **options)
    runs.theta[3] = np.nan
    return runs
