"""Many nets side by side are the same nets as alone."""

import signal
import threading

import numpy as np
import pytest

import fastnn

GATE = fastnn.datasets.xor_gate()
SPIRAL = fastnn.datasets.spiral(10)
VALUES = (
    SPIRAL[0],
    np.stack([SPIRAL[0][:, 0] * SPIRAL[0][:, 1], SPIRAL[0][:, 0] ** 2], axis=1),
)

# sizes, activation, loss, data: hidden layers of one, of a few and of more units than a vector has numbers
NETS = {
    "2-1": ((2, 1), "identity", "bce", GATE),
    "2-2-1": ((2, 2, 1), "sigmoid", "bce", GATE),
    "2-3-1": ((2, 3, 1), "relu", "mse", (GATE[0], GATE[1] * 0.5)),
    "2-19-1": ((2, 19, 1), "tanh", "bce", GATE),
    "2-10-3": ((2, 10, 3), "sigmoid", "softmax_ce", SPIRAL),
    "2-5-9-2": ((2, 5, 9, 2), "tanh", "mse", VALUES),
    "2-3-1-4-1": ((2, 3, 1, 4, 1), "sigmoid", "bce", GATE),
    "2-3-18": ((2, 3, 18), "relu", "softmax_ce", SPIRAL),
}
RULES = {
    "sgd": fastnn.SGD(0.1, weight_decay=0.01),
    "bias_lr": fastnn.SGD(0.1, bias_lr=0.03),
    "momentum": fastnn.SGD(0.05, momentum=0.8, weight_decay=0.01),
    "nesterov": fastnn.SGD(0.05, momentum=0.8, nesterov=True),
    "adam": fastnn.Adam(0.01, weight_decay=0.01),
}


def make(name, seed=0, dtype="float64"):
    sizes, activation, loss, _ = NETS[name]
    return fastnn.mlp(
        *sizes,
        activation=activation,
        loss=loss,
        init="normal(0.7)",
        seed=seed,
        dtype=dtype,
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NETS)
def test_per_sample_each_has_the_bits_of_the_net_alone(name, rule, dtype):
    X, y = NETS[name][3]
    runs = make(name, dtype=dtype).fit_many(
        X, y, seeds=range(5), epochs=4, optimizer=RULES[rule], seed=7
    )
    assert runs.loss.shape == runs.accuracy.shape == (5, 4)
    for seed in (0, 3):
        alone = make(name, seed, dtype)
        history = alone.fit(
            X, y, epochs=4, optimizer=RULES[rule], seed=7, loop="general"
        )
        assert runs.theta.dtype == alone.theta.dtype
        assert (runs.theta[seed] == alone.theta).all()
        assert (runs.loss[seed] == history.loss).all()
        assert np.array_equal(runs.accuracy[seed], history.accuracy, equal_nan=True)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("batch_size", [3, "full"])
@pytest.mark.parametrize("name", NETS)
def test_in_batches_each_is_the_net_alone_up_to_rounding(name, batch_size, reduction):
    X, y = NETS[name][3]
    for rule in ("sgd", "adam", "bias_lr"):
        options = {
            "batch_size": batch_size,
            "optimizer": RULES[rule],
            "seed": 7,
            "reduction": reduction,
        }
        runs = make(name).fit_many(X, y, seeds=[4, 9], epochs=1, **options)
        for place, seed in enumerate((4, 9)):
            alone = make(name, seed)
            history = alone.fit(X, y, epochs=1, **options)
            assert np.abs(runs.theta[place] - alone.theta).max() < 1e-12 * max(
                1.0, np.abs(alone.theta).max()
            )
            assert runs.loss[place] == pytest.approx(history.loss, rel=1e-12)
            assert np.array_equal(
                runs.accuracy[place], history.accuracy, equal_nan=True
            )


def test_the_published_mistake_is_the_same_side_by_side():
    from fastnn.experiments.published.xor_grid import published_net

    X, y = fastnn.datasets.xor_grid(9)
    net = published_net()
    runs = net.fit_many(
        X,
        y,
        init=np.array([net.theta, net.theta + 0.1]),
        epochs=2,
        lr=0.25,
        shuffle=False,
    )
    history = net.fit(X, y, epochs=2, lr=0.25, shuffle=False)
    assert (runs.theta[0] == net.theta).all()
    assert (runs.loss[0] == history.loss).all()


@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("samples", [1, 100, 10**9])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_numbers_of_nets_threads_and_chunks_change_no_bit(
    n_jobs, samples, batch_size, chunks
):
    X, y = SPIRAL
    options = {"epochs": 4, "lr": 0.1, "seed": 1, "batch_size": batch_size}
    few = make("2-10-3").fit_many(X, y, seeds=[0, 1, 99], **options)
    chunks(samples)
    runs = make("2-10-3").fit_many(X, y, seeds=range(100), n_jobs=n_jobs, **options)
    for place, net in enumerate((0, 1, 99)):
        assert (runs.theta[net] == few.theta[place]).all()
        assert (runs.loss[net] == few.loss[place]).all()


@pytest.mark.compiled
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_is_heard_within_a_batch_and_nothing_runs_on(n_jobs):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20_000, 50)), rng.integers(0, 3, 20_000)
    net = fastnn.mlp(50, 30, 3, seed=1)
    options = {"epochs": 1000, "lr": 0.1, "batch_size": "full", "n_jobs": n_jobs}
    net.fit_many(X[:10], y[:10], seeds=[0], **(options | {"epochs": 1}))
    threads = threading.active_count()
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        net.fit_many(X, y, seeds=range(200), **options)
    assert threading.active_count() == threads
    again = net.fit_many(X[:10], y[:10], seeds=[0], **(options | {"epochs": 1}))
    assert np.isfinite(again.loss).all()


def test_an_error_in_a_thread_ends_the_others(monkeypatch):
    def failing(*arguments):
        raise MemoryError("no more")

    monkeypatch.setattr("fastnn.sweep.scheduler.train_block", failing)
    with pytest.raises(MemoryError, match="no more"):
        make("2-2-1").fit_many(*GATE, seeds=range(300), epochs=2, lr=0.1, n_jobs=2)


def test_losses_are_kept_of_some_epochs():
    net = make("2-2-1")
    all_of_them = net.fit_many(*GATE, seeds=range(2), epochs=11, lr=0.5)
    for every, kept in (
        (1, list(range(1, 12))),
        (3, [1, 4, 7, 10, 11]),
        (5, [1, 6, 11]),
        (100, [1, 11]),
    ):
        runs = net.fit_many(*GATE, seeds=range(2), epochs=11, lr=0.5, every=every)
        assert runs.epochs.tolist() == kept
        assert (runs.loss == all_of_them.loss[:, np.array(kept) - 1]).all()
        assert (runs.accuracy == all_of_them.accuracy[:, np.array(kept) - 1]).all()
        assert (runs.theta == all_of_them.theta).all()


def test_each_may_have_its_learning_rate():
    rates = [0.1, 0.7, 0.0]
    net = make("2-2-1")
    start = net.theta.copy()
    runs = net.fit_many(*GATE, init=[net.theta] * 3, epochs=3, lr=rates)
    assert (net.theta == start).all()
    for lr, theta in zip(rates, runs.theta, strict=True):
        alone = make("2-2-1")
        alone.fit(*GATE, epochs=3, lr=lr)
        assert (alone.theta == theta).all()


PER_NET = {
    "momentum": lambda *net: fastnn.SGD(
        *pick(net, [0.1, 0.2, 0.3], [0.5, 0.8, 0.1]), weight_decay=0.01
    ),
    "decay": lambda *net: fastnn.SGD(0.1, weight_decay=pick(net, [0.0, 0.1, 0.3])[0]),
    "bias_lr": lambda *net: fastnn.SGD(0.1, bias_lr=pick(net, [0.0, 0.2, 0.3])[0]),
    "adam": lambda *net: fastnn.Adam(
        0.01, *pick(net, [0.5, 0.9, 0.8], [0.9, 0.99, 0.999])
    ),
}


def pick(net, *settings):
    """The settings of one net, or of all."""
    return [each[net[0]] if net else each for each in settings]


@pytest.mark.parametrize("rule", PER_NET)
def test_each_may_have_settings_of_its_own(rule):
    runs = make("2-2-1").fit_many(
        *GATE, seeds=[4, 4, 4], epochs=3, optimizer=PER_NET[rule]()
    )
    for i in range(3):
        alone = make("2-2-1", 4)
        alone.fit(*GATE, epochs=3, optimizer=PER_NET[rule](i), loop="general")
        assert (alone.theta == runs.theta[i]).all()
    assert (runs.theta[0] != runs.theta[1]).any()


def test_one_net_refuses_the_settings_of_many():
    with pytest.raises(
        ValueError, match=r"momentum has 2 values for one net: .*fit_many"
    ):
        make("2-2-1").fit(
            *GATE, epochs=1, optimizer=fastnn.SGD(0.1, momentum=[0.1, 0.2])
        )
    with pytest.raises(ValueError, match="momentum must be less than 1"):
        fastnn.SGD(0.1, momentum=[0.1, 1.0])
    assert (
        repr(fastnn.SGD(0.1, momentum=[0.1, 0.2])) == "SGD(lr=0.1, momentum=[0.1, 0.2])"
    )


def layerwise(seed=0):
    layers = [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Tanh(), fastnn.MatMul(3, 1)]
    return fastnn.Sequential(layers, loss="bce", init="normal(0.7)", seed=seed)


@pytest.mark.parametrize("batch_size", [1, 3, "full"])
def test_nets_that_are_run_layer_by_layer_are_the_nets_alone(batch_size):
    options = {"epochs": 5, "batch_size": batch_size, "seed": 7}
    rule = fastnn.SGD([0.1, 0.2], momentum=[0.5, 0.0])
    runs = layerwise().fit_many(*GATE, seeds=[3, 8], optimizer=rule, **options)
    for i, (seed, one) in enumerate(
        ((3, fastnn.SGD(0.1, momentum=0.5)), (8, fastnn.SGD(0.2)))
    ):
        alone = layerwise(seed)
        history = alone.fit(*GATE, optimizer=one, **options)
        assert (runs.theta[i] == alone.theta).all()
        assert (runs.loss[i] == history.loss).all()
        assert (runs.accuracy[i] == history.accuracy).all()


@pytest.mark.compiled
def test_layer_by_layer_nets_leave_and_diverge_too():
    X, y = SPIRAL[0], SPIRAL[0][:, :1]
    stack = [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Tanh(), fastnn.Affine(3, 1)]
    net = fastnn.Sequential(stack, loss="mse", seed=0)
    all_of_them = net.fit_many(X, y, seeds=range(3), epochs=30, lr=0.1)
    bound = float(np.median(all_of_them.loss[:, 20]))
    runs = net.fit_many(
        X, y, seeds=[0, 1, 2, 0], epochs=30, lr=[0.1, 0.1, 0.1, 1e200], stop_below=bound
    )
    assert runs.diverged.tolist() == [False, False, False, True]
    for i in range(3):
        below = np.flatnonzero(all_of_them.loss[i] < bound)
        last = int(below[0]) + 1 if len(below) else 30
        assert runs.trained[i] == last
        alone = net.fit_many(X, y, seeds=[i], epochs=last, lr=0.1)
        assert (runs.theta[i] == alone.theta[0]).all()


@pytest.mark.compiled
def test_one_that_diverges_is_no_success():
    X = GATE[0] * 1e10  # an output that is not a number "wins" as class 0
    net = fastnn.mlp(2, 3, 1, activation="relu")
    runs = net.fit_many(
        X, [0, 0, 0, 1], seeds=range(4), epochs=20, lr=[1e300, 1e300, 0.1, 0.1]
    )
    assert runs.diverged.tolist()[:2] == [True, True]
    assert np.isnan(runs.accuracy[:2, -1]).all()
    assert runs.success_rate(accuracy_above=0.7) <= 0.5
    with pytest.raises(ValueError, match="net 0 diverged"):
        runs[0]
    values = fastnn.mlp(2, 3, 1, loss="mse").fit_many(
        X, GATE[1], seeds=[1], epochs=1, lr=0.0
    )
    with pytest.raises(ValueError, match="use loss_below"):
        values.success_rate(accuracy_above=0.5)


@pytest.mark.compiled
def test_one_that_diverges_disturbs_no_other():
    X, y = SPIRAL[0], SPIRAL[0][:, 0]
    net = fastnn.mlp(2, 3, 1, loss="mse", seed=1)
    runs = net.fit_many(X, y, seeds=range(3), epochs=30, lr=[0.1, 1e200, 0.1])
    assert runs.diverged.tolist() == [False, True, False]
    alone = fastnn.mlp(2, 3, 1, loss="mse", seed=2)
    alone.fit(X, y, epochs=30, lr=0.1)
    assert (runs.theta[2] == alone.theta).all()
    assert "1 diverged" in repr(runs)


def test_layers_with_parameters_of_their_own_keep_them():
    own = fastnn.Affine(2, 3, init=[[[1, 2, 3], [4, 5, 6]], [7, 8, 9]])
    used = fastnn.Affine(3, 2, seed=5)
    before = [param.copy() for param in used.params]
    net = fastnn.Sequential(
        [own, fastnn.Tanh(), used, fastnn.Tanh(), fastnn.Affine(2, 1)], seed=3
    )
    net.fit(*GATE, epochs=1, lr=0.1)
    runs = net.fit_many(*GATE, seeds=[3, 4], epochs=1, lr=0.0)
    assert (
        runs[0].params[0].tolist()
        == runs[1].params[0].tolist()
        == [[1, 2, 3], [4, 5, 6]]
    )
    assert (runs[1].params[2] == before[0]).all()
    assert (runs[0].params[4] != runs[1].params[4]).all()


WRONG = {
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
    "a momentum of 1": (
        {"seeds": [1], "lr": None, "optimizer": "adam", "batch_size": 0},
        "batch_size",
    ),
    "a negative rate": ({"seeds": [1, 2], "lr": [0.1, -0.2]}, "at least 0"),
    "no rate": ({"seeds": [1], "lr": None}, "lr="),
    "every": ({"seeds": [1], "every": 0}, "every must be at least 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_refused(case):
    options, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        make("2-2-1").fit_many(*GATE, epochs=1, **({"lr": 0.1} | options))


def test_nets_that_seeds_do_not_draw_are_refused():
    with pytest.raises(ValueError, match="made from arrays or loaded"):
        fastnn.mlp(2, 1, init=[[[1.0], [1.0]], [0.0]]).fit_many(
            *GATE, seeds=[1], epochs=1, lr=0.1
        )


def test_what_memory_cannot_hold_is_refused_with_the_figure_and_a_way(monkeypatch):
    for module in ("sweep.plan", "data.machine"):
        monkeypatch.setattr(
            f"fastnn.{module}.memory_limit", lambda: 8e9
        )  # whatever this machine has
    ask = {"epochs": 100_000_000, "lr": 0.1, "losses": "all"}
    message = r"1,000 nets with losses and accuracies in 100,000,000 epochs, [\d,.]+ GB, .*choose every=\d+$"
    with pytest.raises(ValueError, match=message):
        make("2-2-1").fit_many(*GATE, seeds=range(1000), **ask)
