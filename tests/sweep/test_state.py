"""Nets that leave early, percentiles in place of losses, and what Ctrl-C leaves."""

import signal
import sys

import numpy as np
import pytest
from terminal import Terminal

import fastnn
from fastnn.sweep import plan, scheduler, state

GATE = fastnn.datasets.xor_gate()
OPTIONS = {"epochs": 400, "lr": 2.0, "batch_size": "full", "seeds": range(150)}
RULES = {
    "sgd": fastnn.SGD(2.0, weight_decay=1e-4),
    "momentum": fastnn.SGD(0.5, momentum=0.9, weight_decay=1e-4),
    "adam": fastnn.Adam(0.1),
}


@pytest.mark.compiled
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("batch_size", "every"), [(1, 1), ("full", 1), ("full", 7)])
def test_a_net_leaves_as_it_is_after_the_first_epoch_that_is_good_enough(
    rule, batch_size, every
):
    options = {
        "batch_size": batch_size,
        "optimizer": RULES[rule],
        "every": every,
        "seeds": range(70),
    }
    net = fastnn.mlp(2, 3, 1, activation="tanh")
    whole = net.fit_many(*GATE, epochs=150, **options)
    runs = net.fit_many(*GATE, epochs=150, stop_below=0.3, **options)
    assert runs.stop_below == 0.3
    below = whole.loss < 0.3
    met = below.any(axis=1)
    assert 5 < met.sum() < 70 or rule != "sgd"
    assert (
        runs.trained == np.where(met, whole.epochs[below.argmax(axis=1)], 150)
    ).all()
    assert (runs.final_loss[met] < 0.3).all()
    assert (runs.theta[~met] == whole.theta[~met]).all()
    for i in np.flatnonzero(met)[:4]:
        alone = net.fit_many(
            *GATE, epochs=int(runs.trained[i]), **(options | {"seeds": [i]})
        )
        assert (runs.theta[i] == alone.theta[0]).all()
        there = runs.epochs <= runs.trained[i]
        assert (runs.loss[i][there] == whole.loss[i][: there.sum()]).all()
        assert np.isnan(runs.loss[i][~there]).all()
        assert np.isnan(runs.accuracy[i][~there]).all()
    assert runs.updates == runs.trained.sum() * (4 if batch_size == 1 else 1)


@pytest.mark.parametrize("batch_size", [1, 3, "full"])
def test_few_nets_leave_too(batch_size):
    net = fastnn.mlp(2, 3, 1, activation="tanh")
    options = {"lr": 1.0, "batch_size": batch_size, "seeds": range(9)}
    runs = net.fit_many(*GATE, epochs=30, stop_below=0.6, **options)
    assert (runs.trained < 30).any()
    first = int(runs.trained.argmin())
    shorter = net.fit_many(*GATE, epochs=int(runs.trained[first]), **options)
    assert (runs.theta[first] == shorter.theta[first]).all()
    assert runs.final_loss[first] == shorter.final_loss[first] < 0.6


@pytest.mark.compiled
def test_active_nets_fill_the_lanes_again_in_each_stage(monkeypatch):
    stages = {}
    train_block = scheduler.train_block

    def watched(nets, stage, *rest):
        stages.setdefault(stage.first, []).append(len(nets.numbers))
        return train_block(nets, stage, *rest)

    monkeypatch.setattr(scheduler, "train_block", watched)
    runs = fastnn.mlp(2, 2, 1).fit_many(*GATE, stop_below=0.3, n_jobs=1, **OPTIONS)
    groups = list(stages.values())
    assert 20 < len(groups) <= 32
    totals = [sum(sizes) for sizes in groups]
    assert totals == sorted(totals, reverse=True)
    assert (runs.trained == 400).sum() <= totals[-1] < 150
    # Only the last block of a stage may have empty lanes.
    assert all(size == max(sizes) for sizes in groups for size in sizes[:-1])


@pytest.mark.compiled
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_one_that_diverges_leaves_and_the_next_in_its_lane_knows_nothing_of_it(
    batch_size, momentum
):
    X, y = fastnn.datasets.spiral(10)[0], fastnn.datasets.spiral(10)[0][:, 0]
    net = fastnn.mlp(2, 3, 1, loss="mse")
    options = {"epochs": 60, "batch_size": batch_size}
    rule = fastnn.SGD([1e200, 0.05, 0.05], momentum=momentum)
    runs = net.fit_many(
        X, y, seeds=range(3), optimizer=rule, stop_below=1e-9, **options
    )
    assert runs.diverged.tolist() == [True, False, False]
    assert runs.trained[1] == runs.trained[2] == 60 > runs.trained[0]
    alone = net.fit_many(
        X, y, seeds=[1, 2], optimizer=fastnn.SGD(0.05, momentum=momentum), **options
    )
    assert (runs.theta[1:] == alone.theta).all()


@pytest.mark.compiled
@pytest.mark.parametrize("window", [1, 1000, 2**24])
@pytest.mark.parametrize(("every", "shuffle"), [(1, True), (6, False), (1000, True)])
def test_percentiles_are_those_of_all_losses(every, shuffle, window, monkeypatch):
    monkeypatch.setattr(state, "WINDOW", window)
    options = {
        "epochs": 40,
        "lr": 1.0,
        "seeds": range(150),
        "every": every,
        "shuffle": shuffle,
        "seed": 3,
    }
    net = fastnn.mlp(2, 2, 1)
    whole = net.fit_many(*GATE, **options)
    runs = net.fit_many(*GATE, losses="percentiles", **options)
    assert (runs.theta == whole.theta).all()
    assert (runs.final_loss == whole.final_loss).all()
    assert (runs.final_accuracy == whole.final_accuracy).all()
    assert (runs.epochs == whole.epochs).all()
    places = [max(-(-p * 150 // 100) - 1, 0) for p in range(101)]
    assert (runs.losses.percentiles == np.sort(whole.loss, axis=0)[places]).all()
    assert (
        runs.accuracies.percentiles == np.sort(whole.accuracy, axis=0)[places]
    ).all()
    with pytest.raises(ValueError, match="losses='all'"):
        _ = runs.loss


@pytest.mark.compiled
def test_percentiles_count_nets_that_left_with_their_last_loss(monkeypatch):
    monkeypatch.setattr(state, "WINDOW", 1000)
    net = fastnn.mlp(2, 2, 1)
    whole = net.fit_many(*GATE, stop_below=0.3, **OPTIONS)
    runs = net.fit_many(*GATE, stop_below=0.3, losses="percentiles", **OPTIONS)
    assert (runs.trained == whole.trained).all()
    assert (runs.theta == whole.theta).all()
    assert (runs.losses.percentiles == whole.loss_quantiles(np.arange(101) / 100)).all()
    assert (runs.epochs_to(0.3).each == whole.epochs_to(0.3).each).all()


@pytest.mark.compiled
def test_many_losses_become_percentiles_unless_asked(monkeypatch):
    monkeypatch.setattr(plan, "_MAX_EACH", 999)
    net = fastnn.mlp(2, 2, 1)
    for epochs, losses, kept in (
        (9, None, True),
        (10, None, False),
        (10, "all", True),
        (9, "percentiles", False),
    ):
        runs = net.fit_many(
            *GATE, seeds=range(100), epochs=epochs, lr=0.1, losses=losses
        )
        assert (runs.losses.each is not None) == kept


def test_values_have_no_accuracy_in_percentiles_either():
    runs = fastnn.mlp(2, 2, 1, loss="mse").fit_many(
        *GATE, seeds=range(5), epochs=3, lr=0.1, losses="percentiles"
    )
    assert np.isnan(runs.accuracies.percentiles).all()
    assert np.isnan(runs.final_accuracy).all()


def test_nets_one_after_the_other_keep_all_losses():
    layers = [fastnn.Affine(2, 2), fastnn.Tanh(), fastnn.Tanh(), fastnn.Affine(2, 1)]
    net = fastnn.Sequential(layers, seed=0)
    runs = net.fit_many(*GATE, seeds=range(3), epochs=4, lr=0.1, losses="percentiles")
    assert (
        runs.loss == net.fit_many(*GATE, seeds=range(3), epochs=4, lr=0.1).loss
    ).all()


def test_orders_are_the_same_in_stages(monkeypatch):
    X, y = fastnn.datasets.spiral(10)
    net = fastnn.mlp(2, 4, 3)
    options = {"seeds": range(3), "epochs": 11, "lr": 0.1, "optimizer": None, "seed": 5}
    whole = net.fit_many(X, y, **options)
    for ahead in (1, 65, 130):
        monkeypatch.setattr(scheduler, "_AHEAD", ahead)
        for rule in (fastnn.SGD(0.1), fastnn.Adam(0.01)):
            again = net.fit_many(X, y, **(options | {"lr": None, "optimizer": rule}))
            alone = fastnn.mlp(2, 4, 3, seed=2)
            alone.fit(X, y, epochs=11, optimizer=rule, seed=5)
            assert (again.theta[2] == alone.theta).all()
            assert (again.theta == whole.theta).all() == isinstance(rule, fastnn.SGD)


class Interrupted(scheduler.ProgressBar):
    """Stands for a Ctrl-C after so many looks at the progress."""

    looks = 3

    def update(self, made, position, note="", saved=0):
        self.count = getattr(self, "count", 0) + 1
        if self.count > self.looks:
            raise KeyboardInterrupt


@pytest.mark.compiled
def test_ctrl_c_keeps_the_nets_that_are_finished():
    X, y = fastnn.datasets.xor_grid(50)
    net = fastnn.mlp(2, 8, 1)
    options = {"epochs": 60, "lr": 0.1, "n_jobs": 1}
    net.fit_many(X[:4], y[:4], seeds=range(300), **(options | {"epochs": 1}))

    class Once(scheduler.ProgressBar):
        def update(self, made, position, note="", saved=0):
            if not position.startswith("0/"):
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "ProgressBar", Once)
        with pytest.raises(KeyboardInterrupt):
            net.fit_many(X, y, seeds=range(300), **options)
    finished = net.runs
    assert 0 < len(finished) < 300
    assert (finished.trained == 60).all()
    assert (finished.seeds == np.arange(len(finished))).all()
    again = net.fit_many(X, y, seeds=[2], **options)
    assert (again.theta[0] == finished.theta[2]).all()
    assert net.runs is None


@pytest.mark.compiled
@pytest.mark.parametrize("how", [{"stop_below": 0.3}, {"losses": "percentiles"}])
def test_ctrl_c_keeps_all_nets_as_far_as_the_last_stage(how, monkeypatch):
    monkeypatch.setattr(state, "WINDOW", 1000)
    net = fastnn.mlp(2, 2, 1)
    whole = net.fit_many(*GATE, **OPTIONS, **how)
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "ProgressBar", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            net.fit_many(*GATE, **OPTIONS, **how)
    runs = net.runs
    assert len(runs) == 150
    reached = int(runs.trained.max())
    assert 0 < reached < 400
    assert (runs.trained == np.minimum(whole.trained, reached)).all()
    shorter = net.fit_many(*GATE, **(OPTIONS | {"epochs": reached}), **how)
    assert (runs.theta == shorter.theta).all()
    assert (
        runs.loss_quantiles(0.5) == whole.loss_quantiles(0.5)[: len(runs.epochs)]
    ).all()


@pytest.mark.compiled
def test_progress_shows_nets_updates_and_the_time_left(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    fastnn.mlp(2, 2, 1).fit_many(*GATE, progress=True, stop_below=0.3, **OPTIONS)
    for part in ("150/150 nets", "updates/s", "0:00:00 left"):
        assert part in stream.getvalue()


@pytest.mark.compiled
def test_ways_that_are_offered_fit(monkeypatch):
    monkeypatch.setattr(plan, "memory_limit", lambda: 10e6)
    monkeypatch.setattr("fastnn.data.machine.memory_limit", lambda: 10e6)
    net = fastnn.mlp(2, 2, 1)

    def ask(n_nets=2000, epochs=300, **options):
        return net.fit_many(
            *GATE,
            seeds=range(n_nets),
            epochs=epochs,
            lr=0.1,
            batch_size="full",
            **options,
        )

    with pytest.raises(
        ValueError, match="2,000 nets with losses and accuracies in 300 epochs"
    ) as refused:
        ask(losses="all")
    ways = str(refused.value).split("choose ")[1].split(" or ")
    every, most = (int("".join(filter(str.isdigit, way))) for way in ways)
    assert (
        len(ask(losses="all", every=every))
        == len(ask(n_nets=most, losses="all")) + 2000 - most
    )
    with pytest.raises(ValueError, match=f"every={every}"):
        ask(losses="all", every=every - 1)
    with pytest.raises(ValueError, match="at most"):
        ask(n_nets=most + 1, losses="all")
    with pytest.raises(ValueError, match="percentiles of losses") as refused:
        ask(epochs=100_000, losses="percentiles")
    assert "every=" in str(refused.value)


WRONG = {
    "a kind": ({"losses": "some"}, "losses must be one of 'all', 'percentiles'"),
    "nothing": ({"stop_below": 0.0}, "stop_below must be above 0"),
    "less": ({"stop_below": -1.0}, "stop_below must be at least 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_refused(case):
    options, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        fastnn.mlp(2, 2, 1).fit_many(*GATE, **OPTIONS, **options)


@pytest.mark.compiled
def test_a_signal_is_heard_and_finished_nets_are_kept(monkeypatch):
    X, y = fastnn.datasets.xor_grid(20)
    net = fastnn.mlp(2, 2, 1)
    options = {"lr": 0.1, "seeds": range(100_000)}

    class Signalling(scheduler.ProgressBar):
        """Presses Ctrl-C when the first nets are finished."""

        def update(self, made, position, note="", saved=0):
            if not position.startswith("0/"):
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(scheduler, "ProgressBar", Signalling)
    with pytest.raises(KeyboardInterrupt):
        net.fit_many(X, y, epochs=100, **options)
    assert 0 < len(net.runs) < 100_000
    assert np.isfinite(net.runs.final_loss).all()
