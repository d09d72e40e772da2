"""Runs: the nets that a sweep trained, one by one, in groups, and as a table."""

import io

import numpy as np
import pytest
from known_runs import make_runs, random_curves, runs_with_one_diverged
from rich.console import Console

import fastnn

GATE = fastnn.datasets.xor_gate()
SPIRAL = fastnn.datasets.spiral(10)


def test_runs_say_how_the_nets_were_trained():
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


def test_runs_of_nets_with_given_parameters_have_no_seeds():
    net = fastnn.mlp(2, 1)
    runs = net.fit_many(*GATE, init=[[1.0, 2.0, 3.0]], epochs=1, lr=0.5)
    assert runs.seeds is None
    assert make_runs(*random_curves(), seeds=None)[:3].seeds is None


def test_each_of_the_runs_is_a_net():
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


def test_a_net_of_the_runs_has_its_own_memory():
    runs = make_runs(*random_curves())
    before = runs.theta.copy()
    net, other = runs[3], runs[3]
    for own in (net, runs.net):
        assert not np.shares_memory(own.theta, runs.theta)
        assert not any(np.shares_memory(param, runs.theta) for param in own.params)
    assert not np.shares_memory(net.theta, other.theta)
    assert not set(map(id, net.layers)) & set(map(id, other.layers))
    net.fit(*GATE, epochs=2, lr=0.5)
    assert (net.theta != before[3]).any()
    assert (other.theta == before[3]).all()
    assert (runs.theta == before).all()
    assert (runs[3].theta == before[3]).all()


def test_the_net_of_the_runs_has_parameters_of_zero():
    runs = make_runs(*random_curves(), net=fastnn.mlp(2, 2, 1, dtype="float32"))
    net = runs.net
    assert net.theta.dtype == np.float32
    assert not net.theta.any()
    assert repr(net.layers) == repr(runs[0].layers)
    net.theta[:] = 1.0
    assert not runs.net.theta.any()


@pytest.mark.parametrize(
    "index",
    [slice(3, 30, 4), slice(None), [4, 0, -1], np.array([True, False] * 20), range(2)],
    ids=str,
)
def test_some_of_the_nets_are_runs(index):
    runs, nets = make_runs(*random_curves(), stop_below=0.2), np.arange(40)[index]
    some = runs[index]
    assert (some.theta == runs.theta[nets]).all()
    assert (some.seeds == nets).all()
    assert np.array_equal(some.loss, runs.loss[nets], equal_nan=True)
    assert np.array_equal(some.accuracy, runs.accuracy[nets], equal_nan=True)
    assert (some.final_loss == runs.final_loss[nets]).all()
    assert some.updates == 4 * runs.trained[nets].sum()
    assert some.seconds == runs.seconds
    assert some.success_rate(loss_below=0.2) == (runs.final_loss[nets] < 0.2).mean()
    for name, array in some.to_arrays().items():
        assert name == "epochs" or not np.shares_memory(array, getattr(runs, name))


def test_nets_can_be_chosen_by_what_they_were_trained_with():
    runs, lr = make_runs(*random_curves()), np.tile([0.1, 0.5], 20)
    assert (runs[lr == 0.5].theta == runs.theta[1::2]).all()
    assert (runs[np.int64(3)].theta == runs.theta[3]).all()
    with pytest.raises(ValueError, match="none of the 40 nets"):
        runs[lr == 7.0]
    with pytest.raises(TypeError, match="booleans"):
        runs[0.5 in lr]
    with pytest.raises(IndexError):
        runs[[True, False]]
    with pytest.raises(IndexError, match="one dimension"):
        runs[[[0, 1]]]


def test_the_best_nets_rank_first_and_diverged_ones_last():
    losses, accuracies, epochs = random_curves()
    # Two nets are the best.
    losses[[5, 9], -1] = 1e-9
    losses[0, -1] = np.nan
    runs = make_runs(losses, accuracies, epochs)
    # This net diverged in the last update, so its loss is finite.
    runs.theta[7, 1] = np.inf
    assert np.flatnonzero(runs.diverged).tolist() == [0, 7]
    ranking = runs.ranking()
    assert ranking[:2].tolist() == [5, 9]
    assert ranking[-2:].tolist() == [0, 7]
    assert (np.diff(losses[ranking[:-2], -1]) >= 0).all()
    assert (runs.best().theta == runs.theta[5]).all()
    assert not runs.solved(loss_below=10.0)[[0, 7]].any()
    assert runs.solved(loss_below=10.0).sum() == 38
    with pytest.raises(ValueError, match="all 2 nets diverged"):
        runs[[0, 7]].best()
    with pytest.raises(ValueError, match="net 7 diverged"):
        runs[7]
    assert "loss" not in repr(runs[[0, 7]])
    assert "2 diverged" in repr(runs)


def as_text(table):
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()


def test_the_table_shows_the_best_nets():
    runs = runs_with_one_diverged()
    lines = as_text(runs.table(3)).splitlines()
    losses = np.where(runs.diverged, np.inf, runs.loss[:, -1])
    ordered = np.sort(losses)
    spread = " / ".join(f"{loss:.4g}" for loss in ordered[[1, 19, 37]])
    assert [line.strip() for line in lines[:2]] == [
        "40 nets, 1 diverged",
        f"final loss {spread} (5, 50, 95 %)",
    ]
    rows = [line.replace("│", " ").split() for line in lines if "│" in line]
    best = np.argsort(losses)[:3]
    assert [row[0] for row in rows] == [str(i) for i in best]
    accuracy = f"{runs.accuracy[best[0], -1]:.4g}"
    net = str(best[0])
    assert rows[0] == [net, net, f"{ordered[0]:.4g}", accuracy, "291"]


def test_print_shows_the_table(monkeypatch):
    table = runs_with_one_diverged().table(3)
    assert "│" in str(table)
    expected = [line.rstrip() for line in as_text(table).splitlines()]
    assert str(table).splitlines() == repr(table).splitlines() == expected
    # Where the lines of the table have no code, it has others.
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", out)
    print(table)
    out.seek(0)
    shown = out.read()
    assert "| net | seed | final loss |" in shown
    assert shown.isascii()


def test_the_table_leaves_out_diverged_nets():
    # Net 3 of the five has diverged; 291 is in the last column only.
    shown = as_text(runs_with_one_diverged()[:5].table())
    assert shown.count("│ 291 │") == 0 < shown.count("291 │") == 4


def test_the_table_has_no_columns_without_values():
    net = fastnn.mlp(2, 1, loss="mse")
    shown = as_text(make_runs(*random_curves(), net=net, seeds=None).table())
    assert "none diverged" in shown
    assert "accuracy" not in shown
    assert "seed" not in shown


def test_nets_that_predict_values_have_no_accuracy():
    losses, _, epochs = random_curves()
    no_accuracies = np.full(losses.shape, np.nan)
    net = fastnn.mlp(2, 1, loss="mse")
    runs = make_runs(losses, no_accuracies, epochs, net=net)
    for call in (runs.success_rate, runs.solved, runs.share_solved):
        with pytest.raises(ValueError, match="use loss_below"):
            call(accuracy_above=0.5)
        with pytest.raises(ValueError, match="what counts as a success"):
            call()
    with pytest.raises(ValueError, match="use loss_below or loss_quantiles"):
        runs.accuracy_quantiles(0.5)


def test_plain_arrays_have_the_names_of_the_fields():
    common = {"theta", "trained", "final_loss", "final_accuracy", "epochs"}
    runs = make_runs(*random_curves(), seeds=None)
    arrays = runs.to_arrays()
    assert set(arrays) == common | {"loss", "accuracy"}
    assert all((arrays[name] == getattr(runs, name)).all() for name in arrays)
    arrays = make_runs(*random_curves(), recorded="percentiles").to_arrays()
    assert set(arrays) == common | {"seeds", "loss_percentiles", "accuracy_percentiles"}
    assert arrays["loss_percentiles"].shape == (101, 30)
