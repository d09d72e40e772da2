"""State of a sweep: what it takes in, in which order, and how often."""

from functools import cache

import numpy as np
import pytest
from sweeps import Sweep, no_stop

import fastnn
from fastnn.sweeps import state
from fastnn.sweeps.blocks import train_block

GATE = fastnn.datasets.xor_gate()
# With stop_below=0.7 four nets stop in the second stage, and one in the third.
OPTIONS = {
    "all losses": {"losses": "all"},
    "percentiles": {"losses": "percentiles"},
    "stopping": {"losses": "all", "stop_below": 0.7},
    "percentiles and stopping": {"losses": "percentiles", "stop_below": 0.7},
    "every third epoch": {"losses": "all", "every": 3, "stop_below": 0.7},
}


def contents(sweep_state):
    """Return all that a state has, as bytes."""
    nets = sweep_state.nets(np.arange(len(sweep_state.theta)))
    return [
        array.tobytes()
        for array in (
            *nets,
            sweep_state.trained,
            sweep_state.stopped,
            sweep_state.last,
            # Of losses that only become percentiles, this is memory to work in.
            *([] if sweep_state.percentiles else sweep_state.recorded),
            *sweep_state.percentiles,
        )
    ]


def run_stage(sweep, groups, absorb):
    """Train groups of nets through a stage of 4 epochs, and take in the results."""
    stage = sweep.begin_stage(4)
    results = []
    for numbers in groups:
        nets = sweep.state.nets(numbers)
        results.append(
            train_block(nets, stage, sweep.make_block(len(numbers)), no_stop)
        )
    absorb(results, stage)
    sweep.state.end_stage()


def absorb_once(sweep):
    def absorb(results, stage):
        for result in results:
            sweep.state.absorb(result)

    return absorb


def groups_of(sweep):
    """Return the nets that have not stopped, in two groups that interleave."""
    active = sweep.state.active()
    return [part for part in (active[::2], active[1::2]) if len(part)]


def run(options, absorb_of):
    """Run a sweep of 9 nets in three stages, and return the state."""
    optimizer = fastnn.Adam(np.geomspace(0.01, 0.3, 9))
    sweep = Sweep(n_nets=9, epochs=12, batch_size=7, optimizer=optimizer, **options)
    while sweep.state.epochs_done < 12:
        run_stage(sweep, groups_of(sweep), absorb_of(sweep))
    return sweep.state


@cache
def expected_contents(case):
    """Return the contents of the state after a sweep that absorbs each result once."""
    return contents(run(OPTIONS[case], absorb_once))


@pytest.mark.parametrize("case", OPTIONS)
def test_an_absorb_can_be_repeated(case):
    def absorb_twice(sweep):
        def absorb(results, stage):
            for result in results:
                sweep.state.absorb(result)
                before = contents(sweep.state)
                sweep.state.absorb(result)
                assert contents(sweep.state) == before

        return absorb

    twice = run(OPTIONS[case], absorb_twice)
    assert contents(twice) == expected_contents(case)
    if "stop_below" in OPTIONS[case]:
        assert np.count_nonzero(twice.stopped) == 5
        assert len(np.unique(twice.trained[twice.stopped])) > 1


class InterruptedTheta(np.ndarray):
    """Parameters that Ctrl-C interrupts when they are written for the first time."""

    interrupted = False

    def __setitem__(self, index, value):
        super().__setitem__(index, value)
        if not InterruptedTheta.interrupted:
            InterruptedTheta.interrupted = True
            raise KeyboardInterrupt


@pytest.mark.parametrize("case", OPTIONS)
def test_an_absorb_that_ctrl_c_interrupted_can_be_repeated(case):
    def absorb_with_ctrl_c(sweep):
        def absorb(results, stage):
            plain = sweep.state.theta
            sweep.state.theta = plain.view(InterruptedTheta)
            InterruptedTheta.interrupted = False
            with pytest.raises(KeyboardInterrupt):
                sweep.state.absorb(results[0])
            sweep.state.theta = plain
            absorb_once(sweep)(results, stage)

        return absorb

    interrupted = run(OPTIONS[case], absorb_with_ctrl_c)
    assert contents(interrupted) == expected_contents(case)


@pytest.mark.parametrize("case", OPTIONS)
def test_the_order_of_the_results_changes_nothing(case):
    def absorb_in_reverse(sweep):
        def absorb(results, stage):
            absorb_once(sweep)(results[::-1], stage)

        return absorb

    in_reverse = run(OPTIONS[case], absorb_in_reverse)
    assert contents(in_reverse) == expected_contents(case)


def test_a_new_state_has_no_results():
    sweep = Sweep()
    assert not sweep.state.has_results
    assert sweep.state.progress() == (0, 0)
    assert sweep.state.active().tolist() == [0, 1, 2, 3, 4]
    run_stage(sweep, [np.array([1, 3])], absorb_once(sweep))
    assert sweep.state.has_results
    assert sweep.state.trained.tolist() == [0, 4, 0, 4, 0]
    assert sweep.state.epochs_done == 4


def test_percentiles_are_results_only_after_their_stage():
    sweep = Sweep(losses="percentiles")
    stage = sweep.begin_stage(4)
    nets = sweep.state.nets(np.arange(5))
    result = train_block(nets, stage, sweep.make_block(), no_stop)
    sweep.state.absorb(result)
    assert not sweep.state.has_results
    sweep.state.end_stage()
    assert sweep.state.has_results


def test_nets_that_stopped_save_updates():
    sweep_state = run(OPTIONS["stopping"], absorb_once)
    stopped = sweep_state.stopped
    n_finished, updates_saved = sweep_state.progress()
    assert n_finished == 9
    epochs_saved = (12 - sweep_state.trained[stopped]).sum()
    assert updates_saved == epochs_saved * sweep_state.config.per_epoch > 0
    assert sweep_state.active().tolist() == np.flatnonzero(~stopped).tolist()


@pytest.mark.compiled
@pytest.mark.parametrize("window", [1, 1000, 2**24])
@pytest.mark.parametrize(("every", "shuffle"), [(1, True), (6, False), (1000, True)])
def test_percentiles_are_those_of_all_losses(every, shuffle, window, monkeypatch):
    # Small windows make several stages of a short training.
    monkeypatch.setattr(state, "WINDOW", window)
    options = {"seeds": range(150), "every": every, "shuffle": shuffle, "seed": 3}
    options |= {"epochs": 40, "lr": 1.0}
    net = fastnn.mlp(2, 2, 1)
    whole = net.fit_many(*GATE, **options)
    runs = net.fit_many(*GATE, losses="percentiles", **options)
    assert (runs.theta == whole.theta).all()
    assert (runs.final_loss == whole.final_loss).all()
    assert (runs.final_accuracy == whole.final_accuracy).all()
    assert (runs.epochs == whole.epochs).all()
    ranks = [max(-(-p * 150 // 100) - 1, 0) for p in range(101)]
    losses = np.sort(whole.loss, axis=0)[ranks]
    accuracies = np.sort(whole.accuracy, axis=0)[ranks]
    assert (runs.losses.percentiles == losses).all()
    assert (runs.accuracies.percentiles == accuracies).all()
    with pytest.raises(ValueError, match="losses='all'"):
        _ = runs.loss


@pytest.mark.compiled
def test_percentiles_count_stopped_nets_with_their_last_loss(monkeypatch):
    monkeypatch.setattr(state, "WINDOW", 1000)
    options = {"epochs": 400, "lr": 2.0, "batch_size": "full", "seeds": range(150)}
    options |= {"stop_below": 0.3}
    net = fastnn.mlp(2, 2, 1)
    whole = net.fit_many(*GATE, **options)
    runs = net.fit_many(*GATE, losses="percentiles", **options)
    assert (runs.trained == whole.trained).all()
    assert (runs.theta == whole.theta).all()
    assert (runs.losses.percentiles == whole.loss_quantiles(np.arange(101) / 100)).all()
    assert (runs.epochs_to(0.3).each == whole.epochs_to(0.3).each).all()
