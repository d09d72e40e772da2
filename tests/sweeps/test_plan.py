"""Plan of a sweep: initial parameters, recorded losses, and what memory can hold."""

import numpy as np
import pytest

import fastnn
from fastnn.nn.architecture import Architecture
from fastnn.sweeps.plan import initial_parameters, loss_recording, seed_array

GATE = fastnn.datasets.xor_gate()
FLOAT64 = np.dtype("float64")


def make_net(init="normal(0.7)", seed=0, dtype="float64"):
    return fastnn.mlp(2, 2, 1, init=init, seed=seed, dtype=dtype)


@pytest.mark.parametrize("largest", [3, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**40])
def test_seeds_of_any_size_are_stored(largest):
    seeds = [0, largest, 5]
    array = seed_array(seeds)
    assert [int(seed) for seed in array] == seeds
    kind = "i" if largest < 2**63 else "u" if largest < 2**64 else "U"
    assert array.dtype.kind == kind


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("init", ["xavier", "he", "normal(0.7)", "uniform(-1, 2)"])
def test_each_seed_draws_the_parameters_of_the_net_with_that_seed(init, dtype):
    net, seeds = make_net(init, dtype=dtype), [3, 2**70, 0]
    initial = initial_parameters(net.architecture, net.dtype, iter(seeds), None, 1000)
    assert (initial.n_nets, initial.seeds) == (3, tuple(seeds))
    theta = initial.theta()
    assert theta.dtype == net.dtype
    for row, seed in zip(theta, seeds, strict=True):
        assert (row == make_net(init, seed, dtype).theta).all()
    assert initial.seed_array().tolist() == [str(seed) for seed in seeds]
    # Each call draws arrays of its own.
    theta[:] = 0.0
    assert initial.theta().any(axis=1).all()


def test_given_parameters_are_copied_and_have_no_seeds():
    architecture = make_net().architecture
    given = np.arange(18.0).reshape(2, 9)
    initial = initial_parameters(architecture, FLOAT64, None, given, 1000)
    assert (initial.n_nets, initial.seeds, initial.seed_array()) == (2, (), None)
    theta = initial.theta()
    assert (theta == given).all()
    theta[:] = 7.0
    assert given[0, 1] == 1.0
    assert initial.theta()[0, 1] == 1.0


def test_given_parameters_take_the_dtype_of_the_net():
    architecture = make_net().architecture
    given = np.zeros((2, 9)).tolist()
    initial = initial_parameters(architecture, np.dtype("float32"), None, given, 1000)
    assert initial.theta().dtype == np.float32


def test_seeds_that_are_no_integers_are_refused():
    for seeds in (5, [0.5], ["a"]):
        with pytest.raises(TypeError):
            initial_parameters(make_net().architecture, FLOAT64, seeds, None, 1000)


def test_an_architecture_without_a_scheme_draws_from_no_seed():
    architecture = Architecture.of([fastnn.Affine(2, 1)], "bce", [[[1.0], [1.0]], [0]])
    with pytest.raises(ValueError, match="no scheme to draw"):
        initial_parameters(architecture, FLOAT64, [1], None, 1000)
    with pytest.raises(ValueError, match="made from arrays or loaded"):
        fastnn.mlp(2, 1, init=[[[1.0], [1.0]], [0.0]]).fit_many(
            *GATE, seeds=[1], epochs=1, lr=0.1
        )


BAD_ARGUMENTS = {
    "neither": ({}, "needs either seeds="),
    "both": ({"seeds": [1], "init": np.zeros((1, 9))}, "needs either seeds="),
    "no seeds": ({"seeds": []}, "seeds is empty"),
    "a wrong seed": ({"seeds": [-1]}, "seed must be at least 0"),
    "a wrong shape": (
        {"init": np.zeros((3, 8))},
        r"init has shape \(3, 8\): pass \(n_nets, 9\)",
    ),
    "too many rates": (
        {"seeds": [1, 2], "lr": [0.1, 0.2, 0.3]},
        "lr has 3 values for 2 nets",
    ),
    "a table of rates": (
        {"seeds": [1, 2], "lr": [[0.1, 0.2]]},
        r"lr must be a number, or an array .* \(1, 2\)",
    ),
    "a batch size of 0": (
        {"seeds": [1], "lr": None, "optimizer": "adam", "batch_size": 0},
        "batch_size",
    ),
    "a negative rate": ({"seeds": [1, 2], "lr": [0.1, -0.2]}, "at least 0"),
    "no rate": ({"seeds": [1], "lr": None}, "lr="),
    "every": ({"seeds": [1], "every": 0}, "every must be at least 1"),
    "unknown losses": (
        {"seeds": [1], "losses": "some"},
        "losses must be one of 'all', 'percentiles'",
    ),
    "stop_below 0": (
        {"seeds": [1], "stop_below": 0.0},
        "stop_below must be above 0",
    ),
    "a negative stop_below": (
        {"seeds": [1], "stop_below": -1.0},
        "stop_below must be at least 0",
    ),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_wrong_arguments_are_refused(case):
    options, message = BAD_ARGUMENTS[case]
    with pytest.raises(ValueError, match=message):
        make_net().fit_many(*GATE, epochs=1, **({"lr": 0.1} | options))


def test_losses_of_some_epochs_can_be_recorded():
    net = make_net()
    all_epochs = net.fit_many(*GATE, seeds=range(2), epochs=11, lr=0.5)
    for every, recorded in (
        (1, list(range(1, 12))),
        (3, [1, 4, 7, 10, 11]),
        (5, [1, 6, 11]),
        (100, [1, 11]),
    ):
        runs = net.fit_many(*GATE, seeds=range(2), epochs=11, lr=0.5, every=every)
        assert runs.epochs.tolist() == recorded
        columns = np.array(recorded) - 1
        assert (runs.loss == all_epochs.loss[:, columns]).all()
        assert (runs.accuracy == all_epochs.accuracy[:, columns]).all()
        assert (runs.theta == all_epochs.theta).all()


@pytest.mark.parametrize("every", [1, 2, 3, 10, 11, 12, 100])
@pytest.mark.parametrize("n_epochs", [1, 2, 11])
def test_any_stages_record_each_recorded_epoch_once(n_epochs, every):
    recording = loss_recording(n_epochs, 5, every, None, None)
    assert recording.n == len(recording.epochs)
    assert recording.epochs[-1] == n_epochs
    for length in (1, 2, 4, n_epochs):
        recorded = []
        for first in range(0, n_epochs, length):
            last = min(first + length, n_epochs)
            indices = range(recording.n)[recording.within(first, last)]
            epochs = recording.epochs[indices.start : indices.stop]
            assert all(first < epoch <= last for epoch in epochs)
            recorded += indices
        assert recorded == list(range(recording.n))


@pytest.mark.parametrize(
    ("n_epochs", "losses", "only_percentiles"),
    [
        (2**10, None, False),
        (2**10 + 1, None, True),
        (2**10 + 1, "all", False),
        (2**10, "percentiles", True),
    ],
)
def test_more_than_16_million_losses_become_percentiles_unless_all_are_asked_for(
    n_epochs, losses, only_percentiles
):
    recording = loss_recording(n_epochs, 2**14, 1, losses, None)
    assert recording.only_percentiles == only_percentiles


@pytest.mark.parametrize("losses", [None, "all", "percentiles"])
def test_runs_have_the_losses_that_were_asked_for(losses):
    runs = make_net().fit_many(*GATE, seeds=range(5), epochs=3, lr=0.1, losses=losses)
    assert (runs.losses.each is not None) == (losses != "percentiles")
    assert (runs.losses.percentiles is not None) == (losses == "percentiles")


def test_a_sweep_that_memory_cannot_hold_is_refused_with_its_size(monkeypatch):
    # Whatever this machine has.
    for module in ("sweeps.plan", "data.machine"):
        monkeypatch.setattr(f"fastnn.{module}.memory_limit", lambda: 8e9)
    options = {"epochs": 100_000_000, "lr": 0.1, "losses": "all"}
    message = (
        "1,000 nets with losses and accuracies in 100,000,000 epochs, "
        r"[\d,.]+ GB, .*choose every=\d+$"
    )
    with pytest.raises(ValueError, match=message):
        make_net().fit_many(*GATE, seeds=range(1000), **options)


@pytest.mark.compiled
def test_the_largest_sweep_that_the_error_offers_fits(monkeypatch):
    for module in ("sweeps.plan", "data.machine"):
        monkeypatch.setattr(f"fastnn.{module}.memory_limit", lambda: 10e6)
    net = fastnn.mlp(2, 2, 1)

    def fit_many(n_nets=2000, epochs=300, **options):
        seeds = range(n_nets)
        options |= {"lr": 0.1, "batch_size": "full"}
        return net.fit_many(*GATE, seeds=seeds, epochs=epochs, **options)

    message = "2,000 nets with losses and accuracies in 300 epochs"
    with pytest.raises(ValueError, match=message) as refused:
        fit_many(losses="all")
    ways = str(refused.value).split("choose ")[1].split(" or ")
    every, n_nets = (int("".join(filter(str.isdigit, way))) for way in ways)
    assert len(fit_many(losses="all", every=every)) == 2000
    assert len(fit_many(n_nets=n_nets, losses="all")) == n_nets
    with pytest.raises(ValueError, match=f"every={every}"):
        fit_many(losses="all", every=every - 1)
    with pytest.raises(ValueError, match="at most"):
        fit_many(n_nets=n_nets + 1, losses="all")
    with pytest.raises(ValueError, match="percentiles of losses") as refused:
        fit_many(epochs=100_000, losses="percentiles")
    assert "every=" in str(refused.value)
