"""Choice of the loop that trains a net."""

import naive
import numpy as np
import pytest
from nets import build
from trainings import RULES, initial_params, learnable_data

import fastnn
from fastnn import kernels
from fastnn.training.engines import dispatch
from fastnn.training.engines.table import layer_table

GATE = fastnn.datasets.xor_gate()


def make_net():
    return fastnn.mlp(2, 3, 1, activation="tanh", seed=1)


def test_the_specialised_loop_differs_from_the_general_one_by_rounding():
    X, y = fastnn.datasets.xor_grid(60)
    nets = [make_net() for _ in range(3)]
    for net, loop in zip(nets, ("general", "specialised", "specialised"), strict=True):
        net.fit(X, y, epochs=1, lr=0.02, loop=loop)
    # There are 3,600 updates, each of which rounds.
    assert np.abs(nets[0].theta - nets[1].theta).max() < 1e-12
    assert nets[1].theta.tobytes() == nets[2].theta.tobytes()


@pytest.fixture
def loops_called(monkeypatch):
    """Return a list to which each call of a loop appends the loop's name."""
    called = []

    def watch(module, function, name):
        original = getattr(module, function)

        def watched(*arguments):
            called.append(name)
            return original(*arguments)

        monkeypatch.setattr(module, function, watched)

    watch(kernels.loops.specialised, "trainer", "specialised")
    watch(kernels.loops.per_sample, "train", "per sample")
    watch(kernels.loops.one_hidden_layer, "train_bce", "one hidden layer")
    watch(kernels.loops.one_hidden_layer, "train_mse", "one hidden layer")
    watch(kernels.loops.one_hidden_layer, "train_softmax", "one hidden layer")
    watch(kernels.loops.batches, "train", "batches")
    return called


ONE_HIDDEN_LAYER = {
    "bce": ((3, 5, 1), ["tanh"], "bce", 0.3),
    "softmax_ce": ((2, 10, 3), ["sigmoid"], "softmax_ce", 0.3),
    "mse": ((3, 8, 1), ["tanh"], "mse", 0.3),
    "mse of a sigmoid": ((2, 2, 1), ["sigmoid", "sigmoid"], "mse", 0.3),
    "mse of a tanh": ((2, 1, 1), ["relu", "tanh"], "mse", 0.3),
    "mse of a ReLU": ((3, 5, 1), ["tanh", "relu"], "mse", 0.3),
    # Outputs become infinite, which is no infinite loss where the class is right.
    "diverging": ((3, 5, 1), ["relu"], "bce", 1e200),
    "mse diverging": ((3, 5, 1), ["relu"], "mse", 1e200),
}


# Only plain Python warns of what becomes infinite.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", ONE_HIDDEN_LAYER)
def test_the_loops_for_one_hidden_layer_have_the_bits_of_that_for_any(
    monkeypatch, loops_called, name, decay
):
    sizes, activations, loss, lr = ONE_HIDDEN_LAYER[name]
    X, y = learnable_data(30, sizes[0], loss, sizes[-1])
    found, general = [], kernels.loops.per_sample.train
    rule = fastnn.SGD(lr, weight_decay=decay)
    for _ in range(2):
        net = build(initial_params(sizes), activations, loss)
        message = ""
        try:
            net.fit(X, y, epochs=3, optimizer=rule, seed=0)
        except fastnn.DivergenceError as error:
            message = str(error)
        found.append((net.theta.tobytes(), message, net.history.loss.tobytes()))
        monkeypatch.setattr(dispatch, "_per_sample_kernel", lambda *_: general)
    assert found[0] == found[1]
    assert bool(found[0][1]) == name.endswith("diverging")
    assert loops_called == ["one hidden layer", "per sample"]


@pytest.mark.parametrize("rule", RULES)
def test_a_batch_of_one_row_twice_is_a_per_sample_step(rule):
    X, y = learnable_data(30, 3, "softmax_ce", 3)
    params = initial_params([3, 5, 3])
    alone, twice = (build(params, ["tanh"], "softmax_ce") for _ in range(2))
    options = {"epochs": 1, "optimizer": RULES[rule][0], "shuffle": False}
    alone.fit(X, y, batch_size=1, **options)
    # Two equal gradients have the mean of one, and a batch of two takes another loop.
    twice.fit(np.repeat(X, 2, axis=0), np.repeat(y, 2), batch_size=2, **options)
    assert np.abs(alone.theta - twice.theta).max() <= 1e-13


@pytest.mark.parametrize("batch_size", [3, 5])
def test_a_last_batch_of_one_row_is_a_per_sample_step(batch_size):
    n = 2 * batch_size + 1
    X, y = learnable_data(n, 3, "softmax_ce", 3)
    params = initial_params([3, 5, 3])
    once, twice = (build(params, ["tanh"], "softmax_ce") for _ in range(2))
    options = {"epochs": 1, "lr": 0.3, "shuffle": False}
    once.fit(X, y, batch_size=batch_size, **options)
    twice.fit(X[:-1], y[:-1], batch_size=batch_size, **options)
    twice.fit(X[-1:], y[-1:], batch_size=1, **options)
    assert np.abs(once.theta - twice.theta).max() <= 1e-13


WORK = {
    "few updates": (make_net, {"epochs": 99, "lr": 0.1}, "one hidden layer"),
    "many updates": (make_net, {"epochs": 100, "lr": 0.1}, "specialised"),
    "six hidden units": (
        lambda: fastnn.mlp(2, 6, 1),
        {"epochs": 100, "lr": 0.1},
        "one hidden layer",
    ),
    "the general loop": (
        make_net,
        {"epochs": 100, "lr": 0.1, "loop": "general"},
        "one hidden layer",
    ),
    "the specialised loop": (
        make_net,
        {"epochs": 1, "lr": 0.1, "loop": "specialised"},
        "specialised",
    ),
    "Adam": (make_net, {"epochs": 100, "optimizer": fastnn.Adam(0.1)}, "per sample"),
    "batches": (make_net, {"epochs": 100, "lr": 0.1, "batch_size": 2}, "batches"),
    "a large net": (
        lambda: fastnn.mlp(2, 20, 1),
        {"epochs": 100, "lr": 0.1},
        "per sample",
    ),
    "two outputs": (
        lambda: fastnn.mlp(2, 2, 2),
        {"epochs": 100, "lr": 0.1},
        "one hidden layer",
    ),
    "two hidden layers": (
        lambda: fastnn.mlp(2, 2, 2, 1, init="normal"),
        {"epochs": 1, "lr": 0.1},
        "per sample",
    ),
    "weights of rows": (
        make_net,
        {"epochs": 1, "lr": 0.1, "sample_weight": [1, 2, 3, 4]},
        "per sample",
    ),
    "clipped gradients": (
        make_net,
        {"epochs": 1, "optimizer": fastnn.SGD(0.1, clip_norm=1.0)},
        "per sample",
    ),
}


@pytest.mark.parametrize("case", WORK)
def test_the_work_alone_chooses_the_loop(monkeypatch, chunks, loops_called, case):
    # An epoch of the gate has 4 updates, and all of them are one chunk.
    monkeypatch.setattr(dispatch, "SPECIALISED_PAYS", 400)
    chunks(10**6)
    make, options, expected = WORK[case]
    make().fit(*GATE, **options)
    assert loops_called == [expected]


@pytest.mark.parametrize(
    ("sizes", "batch_size", "is_wide"),
    [
        ((784, 128, 10), 128, True),
        ((784, 128, 10), 2, True),
        ((64, 32, 10), 32, True),
        ((64, 32, 10), 64, False),  # few inputs, large batches
        ((784, 16, 16), 128, True),
        ((784, 15, 10), 8, False),  # few units
        ((30, 100, 1), 32, False),  # one output in a vector of 16
        ((30, 100, 1), 16, True),  # half of the samples' lanes are empty
        ((784, 100, 10), 100, True),  # as 28 of 128 are
        ((784, 100, 10), 128, False),
        ((30, 16, 2), 8, True),
        ((30, 16, 2), 16, False),  # calls count in a small net
    ],
)
def test_the_sizes_alone_decide_whether_layers_are_wide(sizes, batch_size, is_wide):
    table = layer_table(fastnn.mlp(*sizes).layers)
    assert dispatch.is_wide(table, batch_size, np.dtype("float32")) == is_wide


def train_wide(n=150, **options):
    """Return a net with wide layers before and after one batch of n rows, and data."""
    net = fastnn.mlp(300, 48, 33, 3, activation="tanh", dtype="float32", seed=2)
    X, y = np.random.default_rng(0).standard_normal((n, 300)), np.arange(n) % 3
    before = [p.copy() for p in net.params]
    history = net.fit(X, y, epochs=1, lr=1.0, batch_size=n, **options)
    return net, before, history, X, y


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ((784, 128, 10), "batches: units side by side"),
        ((784, 100, 10), "batches of at most 31 samples, and of some other sizes: "),
        ((30, 100, 1), "batches of at most 22 samples: units side by side"),
        ((8, 15, 1), None),
    ],
)
def test_the_summary_says_where_units_lie_side_by_side(sizes, batches):
    summary = fastnn.mlp(*sizes, dtype="float32").summary()
    assert ("units side by side" in summary) == (batches is not None)
    assert batches is None or f"training in {batches}" in summary


@pytest.mark.parametrize("n", [2, 4, 5, 8, 16, 17, 150])
def test_wide_layers_learn_the_naive_gradient(n):
    # 150 rows are two tiles, and none of the sizes is a whole number of blocks.
    net, before, history, X, y = train_wide(n)
    exact = [p.astype(float) for p in before]
    activations = ["tanh", "tanh", "identity"]
    loss, gradients = naive.loss_and_grads(exact, activations, "softmax_ce", X, y)
    assert history.loss[0] == pytest.approx(loss, rel=1e-5)
    for old, new, gradient in zip(before, net.params, gradients, strict=True):
        np.testing.assert_allclose(old - new, gradient, rtol=0, atol=1e-6)


def test_threads_and_chunks_change_no_bit_of_wide_layers(monkeypatch, chunks):
    options = {"sample_weight": np.arange(1, 301)}
    alone = train_wide(300)[0].theta.tobytes()
    monkeypatch.setattr(dispatch, "thread_count", lambda n_jobs: 2)
    assert train_wide(300)[0].theta.tobytes() == alone
    weighted = train_wide(300, **options)[0].theta.tobytes()
    chunks(1)
    assert train_wide(300)[0].theta.tobytes() == alone
    assert train_wide(300, **options)[0].theta.tobytes() == weighted != alone


REFUSED = {
    "two outputs": (lambda: fastnn.mlp(2, 2, 2), {"lr": 0.1}, "one output"),
    "a large net": (
        lambda: fastnn.mlp(2, 20, 1),
        {"lr": 0.1},
        "at most 40 parameters.*81",
    ),
    "batches": (make_net, {"lr": 0.1, "batch_size": 2}, "batch_size=1"),
    "momentum": (
        make_net,
        {"optimizer": fastnn.SGD(0.1, momentum=0.9)},
        "plain SGD",
    ),
    "layer by layer": (
        lambda: fastnn.Sequential(
            [fastnn.Affine(2, 2), fastnn.Softmax(), fastnn.Affine(2, 1)]
        ),
        {"lr": 0.1},
        "layer by layer",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_specialised_loop_refuses_what_it_cannot_train(case):
    make, options, reason = REFUSED[case]
    net = make()
    before = net.theta.tobytes()
    with pytest.raises(ValueError, match=f"specialised.*{reason}"):
        net.fit(*GATE, epochs=1, loop="specialised", **options)
    assert net.theta.tobytes() == before
