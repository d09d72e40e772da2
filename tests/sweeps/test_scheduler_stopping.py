"""Nets that stop: because their loss is low enough, or because they diverged."""

import numpy as np
import pytest

import fastnn
from fastnn.sweeps import scheduler

GATE = fastnn.datasets.xor_gate()
SPIRAL = fastnn.datasets.spiral(10)
RULES = {
    "sgd": fastnn.SGD(2.0, weight_decay=1e-4),
    "momentum": fastnn.SGD(0.5, momentum=0.9, weight_decay=1e-4),
    "adam": fastnn.Adam(0.1),
}


@pytest.mark.compiled
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("batch_size", "every"), [(1, 1), ("full", 1), ("full", 7)])
def test_a_net_stops_after_the_first_recorded_epoch_below_the_bound(
    rule, batch_size, every
):
    options = {"batch_size": batch_size, "optimizer": RULES[rule], "every": every}
    net = fastnn.mlp(2, 3, 1, activation="tanh")
    whole = net.fit_many(*GATE, seeds=range(70), epochs=150, **options)
    runs = net.fit_many(*GATE, seeds=range(70), epochs=150, stop_below=0.3, **options)
    assert runs.stop_below == 0.3
    below = whole.loss < 0.3
    met = below.any(axis=1)
    assert 5 < met.sum() < 70 or rule != "sgd"
    first = whole.epochs[below.argmax(axis=1)]
    assert (runs.trained == np.where(met, first, 150)).all()
    assert (runs.final_loss[met] < 0.3).all()
    assert (runs.theta[~met] == whole.theta[~met]).all()
    for i in np.flatnonzero(met)[:4]:
        alone = net.fit_many(*GATE, seeds=[i], epochs=int(runs.trained[i]), **options)
        assert (runs.theta[i] == alone.theta[0]).all()
        reached = runs.epochs <= runs.trained[i]
        assert (runs.loss[i][reached] == whole.loss[i][: reached.sum()]).all()
        assert np.isnan(runs.loss[i][~reached]).all()
        assert np.isnan(runs.accuracy[i][~reached]).all()
    assert runs.updates == runs.trained.sum() * (4 if batch_size == 1 else 1)


@pytest.mark.parametrize("batch_size", [1, 3, "full"])
def test_nets_stop_in_a_small_sweep_too(batch_size):
    net = fastnn.mlp(2, 3, 1, activation="tanh")
    options = {"lr": 1.0, "batch_size": batch_size, "seeds": range(9)}
    runs = net.fit_many(*GATE, epochs=30, stop_below=0.6, **options)
    assert (runs.trained < 30).any()
    first = int(runs.trained.argmin())
    shorter = net.fit_many(*GATE, epochs=int(runs.trained[first]), **options)
    assert (runs.theta[first] == shorter.theta[first]).all()
    assert runs.final_loss[first] == shorter.final_loss[first] < 0.6


@pytest.mark.compiled
def test_active_nets_fill_the_blocks_again_in_each_stage(monkeypatch):
    block_sizes = {}
    train_block = scheduler.train_block

    def watched(nets, stage, *rest):
        block_sizes.setdefault(stage.first, []).append(len(nets.ids))
        return train_block(nets, stage, *rest)

    monkeypatch.setattr(scheduler, "train_block", watched)
    options = {"epochs": 400, "lr": 2.0, "batch_size": "full", "n_jobs": 1}
    runs = fastnn.mlp(2, 2, 1).fit_many(
        *GATE, seeds=range(150), stop_below=0.3, **options
    )
    stages = list(block_sizes.values())
    assert 20 < len(stages) <= 32
    totals = [sum(sizes) for sizes in stages]
    assert totals == sorted(totals, reverse=True)
    assert (runs.trained == 400).sum() <= totals[-1] < 150
    # Only the last block of a stage may have empty lanes.
    assert all(size == max(sizes) for sizes in stages for size in sizes[:-1])


@pytest.mark.compiled
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_net_that_diverges_stops_and_leaves_nothing_in_its_lane(batch_size, momentum):
    X, y = SPIRAL[0], SPIRAL[0][:, 0]
    net = fastnn.mlp(2, 3, 1, loss="mse")
    options = {"epochs": 60, "batch_size": batch_size}
    per_net = fastnn.SGD([1e200, 0.05, 0.05], momentum=momentum)
    runs = net.fit_many(
        X, y, seeds=range(3), optimizer=per_net, stop_below=1e-9, **options
    )
    assert runs.diverged.tolist() == [True, False, False]
    assert runs.trained[1] == runs.trained[2] == 60 > runs.trained[0]
    others = fastnn.SGD(0.05, momentum=momentum)
    alone = net.fit_many(X, y, seeds=[1, 2], optimizer=others, **options)
    assert (runs.theta[1:] == alone.theta).all()


@pytest.mark.compiled
def test_a_net_that_diverges_is_no_success():
    # An output that is not a number would predict class 0.
    X = GATE[0] * 1e10
    net = fastnn.mlp(2, 3, 1, activation="relu")
    lr = [1e300, 1e300, 0.1, 0.1]
    runs = net.fit_many(X, [0, 0, 0, 1], seeds=range(4), epochs=20, lr=lr)
    assert runs.diverged.tolist()[:2] == [True, True]
    assert np.isnan(runs.accuracy[:2, -1]).all()
    assert runs.success_rate(accuracy_above=0.7) <= 0.5
    with pytest.raises(ValueError, match="net 0 diverged"):
        runs[0]
    net = fastnn.mlp(2, 3, 1, loss="mse")
    values = net.fit_many(X, GATE[1], seeds=[1], epochs=1, lr=0.0)
    with pytest.raises(ValueError, match="use loss_below"):
        values.success_rate(accuracy_above=0.5)


@pytest.mark.compiled
def test_a_net_that_diverges_disturbs_no_other():
    X, y = SPIRAL[0], SPIRAL[0][:, 0]
    net = fastnn.mlp(2, 3, 1, loss="mse", seed=1)
    runs = net.fit_many(X, y, seeds=range(3), epochs=30, lr=[0.1, 1e200, 0.1])
    assert runs.diverged.tolist() == [False, True, False]
    alone = fastnn.mlp(2, 3, 1, loss="mse", seed=2)
    alone.fit(X, y, epochs=30, lr=0.1)
    assert (runs.theta[2] == alone.theta).all()
    assert "1 diverged" in repr(runs)
