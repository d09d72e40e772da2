"""What is asked of many trained nets, against plain NumPy."""

import io
import pickle

import numpy as np
import pytest
from known_runs import curves, runs_of, with_one_diverged
from rich.console import Console

import fastnn
from fastnn.sweep.curves import forward_filled, percentiles
from fastnn.sweep.plan import seed_array
from fastnn.sweep.statistics import Proportion

GATE = fastnn.datasets.xor_gate()
SPIRAL = fastnn.datasets.spiral(10)


def text(table):
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()


def test_fit_many_says_how_it_was():
    seeds = (seed for seed in (7, 2**64 + 1))
    runs = fastnn.mlp(2, 2, 1).fit_many(*GATE, seeds=seeds, epochs=11, every=5, lr=0.5)
    assert [int(seed) for seed in runs.seeds] == [7, 2**64 + 1]
    assert runs.trained.tolist() == [11, 11]
    assert runs.epochs.tolist() == [1, 6, 11]
    assert (runs.final_loss == runs.loss[:, -1]).all()
    assert (runs.final_accuracy == runs.accuracy[:, -1]).all()
    alone = fastnn.mlp(2, 2, 1, seed=int(runs.seeds[1]))
    alone.fit(*GATE, epochs=11, lr=0.5, loop="general")
    assert (runs[1].theta == alone.theta).all()
    assert (
        fastnn.mlp(2, 1).fit_many(*GATE, init=[[1.0, 2.0, 3.0]], epochs=1, lr=0.5).seeds
        is None
    )


@pytest.mark.parametrize("largest", [3, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**40])
def test_seeds_of_any_size_are_kept(largest):
    seeds = [0, largest, 5]
    kept = seed_array(seeds)
    assert [int(seed) for seed in kept] == seeds
    assert kept.dtype.kind == (
        "i" if largest < 2**63 else "u" if largest < 2**64 else "U"
    )


def test_runs_are_models():
    names = np.array(["a", "b", "c"])
    net = fastnn.mlp(2, 10, 3)
    runs = net.fit_many(SPIRAL[0], names[SPIRAL[1]], seeds=range(4), epochs=2, lr=0.1)
    assert len(runs) == len(list(runs)) == 4
    assert (runs[2].theta == runs.theta[2]).all()
    assert (runs[-1].theta == runs.theta[3]).all()
    assert set(runs[2].predict(SPIRAL[0])) <= {"a", "b", "c"}
    assert repr(runs).startswith("Runs(4 nets, 240 updates, loss ")
    with pytest.raises(IndexError):
        runs[4]


def test_some_of_the_nets_are_runs_too():
    runs = runs_of(*curves(), stop_below=0.2)
    lr = np.tile([0.1, 0.5], 20)
    for index in (
        slice(3, 30, 4),
        [4, 0, -1],
        np.array([True, False] * 20),
        lr == 0.5,
        range(2),
    ):
        some, nets = runs[index], np.arange(40)[index]
        assert (some.theta == runs.theta[nets]).all()
        assert (some.seeds == nets).all()
        assert np.array_equal(some.loss, runs.loss[nets], equal_nan=True)
        assert np.array_equal(some.accuracy, runs.accuracy[nets], equal_nan=True)
        assert (some.final_loss == runs.final_loss[nets]).all()
        assert some.updates == 4 * runs.trained[nets].sum()
        assert some.seconds == runs.seconds
        assert some.success_rate(loss_below=0.2) == (runs.final_loss[nets] < 0.2).mean()
    assert (runs[np.int64(3)].theta == runs.theta[3]).all()
    with pytest.raises(ValueError, match="none of the 40 nets"):
        runs[lr == 7.0]
    with pytest.raises(TypeError, match="booleans"):
        runs[0.5 in lr]
    with pytest.raises(IndexError):
        runs[[True, False]]
    with pytest.raises(IndexError, match="one dimension"):
        runs[[[0, 1]]]
    assert runs_of(*curves(), seeds=None)[:3].seeds is None


@pytest.mark.parametrize("n_nets", [1, 2, 7, 99, 100, 101, 250])
def test_percentiles_are_the_smallest_values_that_so_many_do_not_exceed(n_nets):
    values = np.random.default_rng(n_nets).random((n_nets, 2))
    values[0, 1] = np.nan
    found = percentiles(values, np.inf)
    counted = np.where(np.isnan(values), np.inf, values)
    for p in range(101):
        for column in range(2):
            enough = [
                v
                for v in counted[:, column]
                if 100 * (counted[:, column] <= v).sum() >= p * n_nets
            ]
            assert found[p, column] == min(enough)
    assert percentiles(values, -5.0)[0, 1] == -5.0


def test_losses_of_nets_that_left_are_carried_on():
    losses, accuracies, epochs = curves()
    stayed, left = (
        runs_of(losses, accuracies, epochs),
        runs_of(losses, accuracies, epochs, stop_below=0.3),
    )
    assert 0 < (left.trained < epochs[-1]).sum() < 40
    last = np.array([loss[~np.isnan(loss)][-1] for loss in left.loss])
    filled = np.where(np.isnan(left.loss), last[:, np.newaxis], losses)
    assert (forward_filled(left.loss, epochs, left.trained) == filled).all()
    assert np.array_equal(left.loss_quantiles(0.5), np.sort(filled, axis=0)[19])
    assert np.array_equal(
        left.loss_quantiles([0.0, 0.051, 1.0]), np.sort(filled, axis=0)[[0, 2, 39]]
    )
    assert np.array_equal(
        left.share_solved(loss_below=0.3), (filled < 0.3).mean(axis=0)
    )
    assert left.share_solved(loss_below=0.3)[-1] == left.success_rate(loss_below=0.3)
    assert np.array_equal(
        stayed.share_solved(loss_below=0.6, accuracy_above=0.4),
        ((losses < 0.6) & (accuracies > 0.4)).mean(axis=0),
    )
    assert np.array_equal(
        stayed.accuracy_quantiles([0.25]), np.sort(accuracies, axis=0)[[9]]
    )


@pytest.mark.parametrize("stop_below", [None, 0.3])
def test_percentiles_tell_what_all_losses_tell(stop_below):
    every, some = (
        with_one_diverged(stop_below=stop_below, kept=kept)
        for kept in ("all", "percentiles")
    )
    q = np.arange(101) / 100
    assert (some.loss_quantiles(q) == every.loss_quantiles(q)).all()
    assert (some.accuracy_quantiles(0.07) == every.accuracy_quantiles(0.07)).all()
    for bound in (0.1, 0.3, 0.6):
        assert (
            np.abs(
                some.share_solved(loss_below=bound)
                - every.share_solved(loss_below=bound)
            ).max()
            < 0.01
        )
        assert (
            np.abs(
                some.share_solved(accuracy_above=bound)
                - every.share_solved(accuracy_above=bound)
            ).max()
            < 0.01
        )
    assert some.success_rate(loss_below=0.3) == every.success_rate(loss_below=0.3)
    assert (some.ranking() == every.ranking()).all()
    with pytest.raises(ValueError, match=r"losses='all', or with stop_below=0\.2\."):
        some.epochs_to(0.2)
    refused = {
        "losses='all'": (lambda: some.loss, lambda: some.accuracy, lambda: some[:3]),
        "whole percents, such as 0.05, not 0.075": (
            lambda: some.loss_quantiles([0.5, 0.075]),
        ),
        "do not tell how many nets meet both": (
            lambda: some.share_solved(loss_below=0.1, accuracy_above=0.5),
        ),
    }
    for message, calls in refused.items():
        for call in calls:
            with pytest.raises(ValueError, match=message):
                call()


def test_epochs_to_a_loss_are_those_of_the_first_kept_epoch_below_it():
    losses, accuracies, epochs = curves()
    found = runs_of(losses, accuracies, epochs).epochs_to(0.4)
    first = [
        min(
            [epoch for epoch, loss in zip(epochs, row, strict=True) if loss < 0.4],
            default=np.inf,
        )
        for row in losses
    ]
    assert found.each.tolist() == first
    there = np.isfinite(first).sum()
    assert 20 <= there < 40
    assert repr(found.share) == repr(Proportion(int(there), 40))
    assert found.median == found.quantile(0.5) == np.sort(first)[19]
    assert found.quantile(there / 40) == max(epoch for epoch in first if epoch < np.inf)
    assert found.quantile(there / 40 + 0.01) == np.inf
    assert (
        f"{there} of 40 nets, first in epoch {min(first)}, half of all by epoch {found.median:.0f}"
        in repr(found)
    )
    for kept in ("all", "percentiles"):
        assert (
            runs_of(losses, accuracies, epochs, stop_below=0.4, kept=kept)
            .epochs_to(0.4)
            .each
            == first
        ).all()
    never = runs_of(losses, accuracies, epochs).epochs_to(0.0)
    assert never.median == np.inf
    assert repr(never) == "EpochsTo(loss below 0: 0 of 40 nets)"


@pytest.mark.parametrize("q", [-0.1, 1.1, np.nan, [0.5, 2.0]])
def test_shares_of_nets_are_from_0_to_1(q):
    runs = runs_of(*curves())
    for call in (
        runs.loss_quantiles,
        runs.accuracy_quantiles,
        runs.epochs_to(0.1).quantile,
    ):
        with pytest.raises((TypeError, ValueError), match="q must be"):
            call(q)


def test_the_best_come_first_and_those_that_diverged_last():
    losses, accuracies, epochs = curves()
    losses[[5, 9], -1] = 1e-9  # two are the best
    losses[0, -1] = np.nan
    runs = runs_of(losses, accuracies, epochs)
    runs.theta[7, 1] = np.inf  # in the last update: its loss was finite
    assert np.flatnonzero(runs.diverged).tolist() == [0, 7]
    assert runs.ranking()[:2].tolist() == [5, 9]
    assert runs.ranking()[-2:].tolist() == [0, 7]
    assert (np.diff(losses[runs.ranking()[:-2], -1]) >= 0).all()
    assert (runs.best().theta == runs.theta[5]).all()
    assert not runs.solved(loss_below=10.0)[[0, 7]].any()
    assert runs.solved(loss_below=10.0).sum() == 38
    with pytest.raises(ValueError, match="all 2 nets diverged"):
        runs[[0, 7]].best()
    with pytest.raises(ValueError, match="net 7 diverged"):
        runs[7]
    assert "loss" not in repr(runs[[0, 7]])
    assert "2 diverged" in repr(runs)


def test_the_table_has_the_best():
    runs = with_one_diverged()
    shown = text(runs.table(3))
    final = np.sort(np.where(runs.diverged, np.inf, runs.loss[:, -1]))
    spread = " / ".join(f"{each:.4g}" for each in final[[1, 19, 37]])
    assert [line.strip() for line in shown.splitlines()[:2]] == [
        "40 nets, 1 diverged",
        f"final loss {spread} (5, 50, 95 %)",
    ]
    rows = [
        line.replace("│", " ").split() for line in shown.splitlines() if "│" in line
    ]
    best = np.argsort(np.where(runs.diverged, np.inf, runs.loss[:, -1]))[:3]
    assert [row[0] for row in rows] == [str(i) for i in best]
    assert rows[0] == [
        str(best[0]),
        str(best[0]),
        f"{final[0]:.4g}",
        f"{runs.accuracy[best[0], -1]:.4g}",
        "291",
    ]
    assert (
        text(runs[:5].table()).count("│ 291 │")
        == 0
        < text(runs[:5].table()).count("291 │")
        == 4
    )
    values = text(
        runs_of(*curves(), net=fastnn.mlp(2, 1, loss="mse"), seeds=None).table()
    )
    assert "none diverged" in values
    assert "accuracy" not in values
    assert "seed" not in values


def test_nets_that_predict_values_have_no_accuracy():
    losses, _, epochs = curves()
    runs = runs_of(
        losses, np.full(losses.shape, np.nan), epochs, net=fastnn.mlp(2, 1, loss="mse")
    )
    for call in (runs.success_rate, runs.solved, runs.share_solved):
        with pytest.raises(ValueError, match="use loss_below"):
            call(accuracy_above=0.5)
        with pytest.raises(ValueError, match="what counts as a success"):
            call()
    with pytest.raises(ValueError, match="use loss_below or loss_quantiles"):
        runs.accuracy_quantiles(0.5)


def test_success_has_the_interval_of_wilson():
    runs = fastnn.mlp(2, 2, 1, init="normal(0.7)").fit_many(
        *GATE, seeds=range(40), epochs=500, lr=2.0, batch_size="full"
    )
    rate = runs.success_rate(loss_below=0.1)
    assert rate == (runs.loss[:, -1] < 0.1).mean()
    assert runs.success_rate(accuracy_above=0.9) == (runs.accuracy[:, -1] > 0.9).mean()
    # 15 of 40, by the formula as Wilson has it: the p for which |p - 15/40| is z times its standard deviation
    found = Proportion(15, 40)
    for p in (found.low, found.high):
        assert abs(p - 15 / 40) == pytest.approx(
            1.959963984540054 * np.sqrt(p * (1 - p) / 40), rel=1e-12
        )
    assert Proportion(0, 10).low == 0.0
    for n in (10, 49, 1000, 2999):
        assert Proportion(0, n).low == 0.0
        assert Proportion(n, n).high == 1.0
    again = pickle.loads(pickle.dumps(found))
    assert (again, again.low, again.high) == (found, found.low, found.high)


def test_the_arrays_have_the_names_of_the_fields():
    common = {"theta", "trained", "final_loss", "final_accuracy", "epochs"}
    runs = runs_of(*curves(), seeds=None)
    arrays = runs.to_arrays()
    assert set(arrays) == common | {"loss", "accuracy"}
    assert all((arrays[name] == getattr(runs, name)).all() for name in arrays)
    kept = runs_of(*curves(), kept="percentiles").to_arrays()
    assert set(kept) == common | {"seeds", "loss_percentiles", "accuracy_percentiles"}
    assert kept["loss_percentiles"].shape == (101, 30)
