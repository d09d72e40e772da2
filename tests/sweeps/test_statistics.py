"""Statistics of many nets: proportions with intervals, and epochs to a loss."""

import pickle

import numpy as np
import pytest
from known_runs import make_runs, random_curves

import fastnn
from fastnn.sweeps.statistics import Proportion


def test_a_success_rate_is_the_proportion_of_nets_that_end_well():
    runs = fastnn.mlp(2, 2, 1, init="normal(0.7)").fit_many(
        *fastnn.datasets.xor_gate(),
        seeds=range(40),
        epochs=500,
        lr=2.0,
        batch_size="full",
    )
    loss_rate = runs.success_rate(loss_below=0.1)
    assert loss_rate == (runs.loss[:, -1] < 0.1).mean()
    accuracy_rate = runs.success_rate(accuracy_above=0.9)
    assert accuracy_rate == (runs.accuracy[:, -1] > 0.9).mean()


def test_the_interval_of_a_proportion_is_the_one_of_wilson():
    # Wilson's ends are the p for which |p - 15/40| is z standard deviations of p.
    proportion = Proportion(15, 40)
    for p in (proportion.low, proportion.high):
        z_deviations = 1.959963984540054 * np.sqrt(p * (1 - p) / 40)
        assert abs(p - 15 / 40) == pytest.approx(z_deviations, rel=1e-12)


@pytest.mark.parametrize("n", [10, 49, 1000, 2999])
def test_the_interval_of_none_or_all_ends_at_exactly_0_or_1(n):
    assert Proportion(0, n).low == 0.0
    assert Proportion(n, n).high == 1.0


def test_a_proportion_can_be_pickled():
    proportion = Proportion(15, 40)
    loaded = pickle.loads(pickle.dumps(proportion))
    assert loaded == proportion
    assert (loaded.low, loaded.high) == (proportion.low, proportion.high)


def test_epochs_to_a_loss_are_the_first_recorded_ones_below_it():
    losses, accuracies, epochs = random_curves()
    result = make_runs(losses, accuracies, epochs).epochs_to(0.4)
    first = [
        min(
            [epoch for epoch, loss in zip(epochs, row, strict=True) if loss < 0.4],
            default=np.inf,
        )
        for row in losses
    ]
    assert result.each.tolist() == first
    n_there = np.isfinite(first).sum()
    assert 20 <= n_there < 40
    assert repr(result.share) == repr(Proportion(int(n_there), 40))
    assert result.median == result.quantile(0.5) == np.sort(first)[19]
    last = max(epoch for epoch in first if epoch < np.inf)
    assert result.quantile(n_there / 40) == last
    assert result.quantile(n_there / 40 + 0.01) == np.inf
    text = (
        f"{n_there} of 40 nets, first in epoch {min(first)}, "
        f"half of all by epoch {result.median:.0f}"
    )
    assert text in repr(result)
    for recorded in ("all", "percentiles"):
        stopped = make_runs(
            losses, accuracies, epochs, stop_below=0.4, recorded=recorded
        )
        assert (stopped.epochs_to(0.4).each == first).all()


def test_epochs_to_a_loss_that_no_net_reaches_are_infinite():
    never = make_runs(*random_curves()).epochs_to(0.0)
    assert never.median == np.inf
    assert repr(never) == "EpochsTo(loss below 0: 0 of 40 nets)"
