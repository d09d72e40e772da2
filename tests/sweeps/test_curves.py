"""Curves of many nets: percentiles, stopped nets, and what only percentiles tell."""

import numpy as np
import pytest
from known_runs import make_runs, random_curves, runs_with_one_diverged

import fastnn
from fastnn.sweeps.curves import forward_filled, percentiles


@pytest.mark.parametrize("n_nets", [1, 2, 7, 99, 100, 101, 250])
def test_a_percentile_is_the_smallest_value_that_enough_nets_do_not_exceed(n_nets):
    values = np.random.default_rng(n_nets).random((n_nets, 2))
    values[0, 1] = np.nan
    result = percentiles(values, np.inf)
    counted = np.where(np.isnan(values), np.inf, values)
    for p in range(101):
        for column in range(2):
            enough = [
                value
                for value in counted[:, column]
                if 100 * (counted[:, column] <= value).sum() >= p * n_nets
            ]
            assert result[p, column] == min(enough)
    assert percentiles(values, -5.0)[0, 1] == -5.0


def test_stopped_nets_count_with_their_last_values():
    losses, accuracies, epochs = random_curves()
    unstopped = make_runs(losses, accuracies, epochs)
    stopped = make_runs(losses, accuracies, epochs, stop_below=0.3)
    assert 0 < (stopped.trained < epochs[-1]).sum() < 40
    last = np.array([loss[~np.isnan(loss)][-1] for loss in stopped.loss])
    filled = np.where(np.isnan(stopped.loss), last[:, np.newaxis], losses)
    found = forward_filled(stopped.loss, epochs, stopped.trained, last)
    assert (found == filled).all()
    ordered = np.sort(filled, axis=0)
    assert np.array_equal(stopped.loss_quantiles(0.5), ordered[19])
    assert np.array_equal(
        stopped.loss_quantiles([0.0, 0.051, 1.0]), ordered[[0, 2, 39]]
    )
    share = stopped.share_solved(loss_below=0.3)
    assert np.array_equal(share, (filled < 0.3).mean(axis=0))
    assert share[-1] == stopped.success_rate(loss_below=0.3)
    both = (losses < 0.6) & (accuracies > 0.4)
    assert np.array_equal(
        unstopped.share_solved(loss_below=0.6, accuracy_above=0.4), both.mean(axis=0)
    )
    assert np.array_equal(
        unstopped.accuracy_quantiles([0.25]), np.sort(accuracies, axis=0)[[9]]
    )


@pytest.mark.parametrize("stop_below", [None, 0.3])
def test_percentiles_agree_with_the_curves_of_all_nets(stop_below):
    all_curves, only_percentiles = (
        runs_with_one_diverged(stop_below=stop_below, recorded=recorded)
        for recorded in ("all", "percentiles")
    )
    q = np.arange(101) / 100
    assert (only_percentiles.loss_quantiles(q) == all_curves.loss_quantiles(q)).all()
    assert (
        only_percentiles.accuracy_quantiles(0.07) == all_curves.accuracy_quantiles(0.07)
    ).all()
    for bound in (0.1, 0.3, 0.6):
        share = only_percentiles.share_solved(loss_below=bound)
        assert np.abs(share - all_curves.share_solved(loss_below=bound)).max() < 0.01
        share = only_percentiles.share_solved(accuracy_above=bound)
        exact = all_curves.share_solved(accuracy_above=bound)
        assert np.abs(share - exact).max() < 0.01
    rate = only_percentiles.success_rate(loss_below=0.3)
    assert rate == all_curves.success_rate(loss_below=0.3)
    assert (only_percentiles.ranking() == all_curves.ranking()).all()


def test_percentiles_refuse_what_only_all_curves_tell():
    runs = runs_with_one_diverged(stop_below=0.3, recorded="percentiles")
    with pytest.raises(ValueError, match=r"losses='all', or with stop_below=0\.2\."):
        runs.epochs_to(0.2)
    refused = {
        "losses='all'": (lambda: runs.loss, lambda: runs.accuracy, lambda: runs[:3]),
        "whole percents, such as 0.05, not 0.075": (
            lambda: runs.loss_quantiles([0.5, 0.075]),
        ),
        "do not tell how many nets meet both": (
            lambda: runs.share_solved(loss_below=0.1, accuracy_above=0.5),
        ),
    }
    for message, calls in refused.items():
        for call in calls:
            with pytest.raises(ValueError, match=message):
                call()


@pytest.mark.parametrize("q", [-0.1, 1.1, np.nan, [0.5, 2.0]])
def test_proportions_of_nets_are_from_0_to_1(q):
    runs = make_runs(*random_curves())
    for call in (
        runs.loss_quantiles,
        runs.accuracy_quantiles,
        runs.epochs_to(0.1).quantile,
    ):
        with pytest.raises((TypeError, ValueError), match="q must be"):
            call(q)


def test_predicted_values_have_no_accuracy_in_percentiles():
    runs = fastnn.mlp(2, 2, 1, loss="mse").fit_many(
        *fastnn.datasets.xor_gate(),
        seeds=range(5),
        epochs=3,
        lr=0.1,
        losses="percentiles",
    )
    assert np.isnan(runs.accuracies.percentiles).all()
    assert np.isnan(runs.final_accuracy).all()
