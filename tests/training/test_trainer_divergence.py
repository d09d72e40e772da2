"""Losses and parameters that are not finite stop a training."""

import pickle

import numpy as np
import pytest
from nets import xor_net

import fastnn
from fastnn.nn.layers import Layer

# The overflows are on purpose; NumPy warns of them in the kernels run as plain Python.
pytestmark = pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")

X = np.linspace(-3, 3, 40)[:, None]
Y = 5 * X[:, 0]
DIVERGING = {
    "sgd": fastnn.SGD(5.0),
    "momentum": fastnn.SGD(5.0, momentum=0.9),
    "nesterov": fastnn.SGD(5.0, momentum=0.9, nesterov=True),
    "adam": fastnn.Adam(1e160),
}


def diverge(batch_size, optimizer, X=X, y=Y):
    """Train a new net until it diverges, and return it and the error."""
    net = fastnn.mlp(1, 3, 1, activation="relu", loss="mse", seed=0)
    options = {"epochs": 400, "batch_size": batch_size, "seed": 2}
    with pytest.raises(fastnn.DivergenceError) as caught:
        net.fit(X, y, optimizer=optimizer, **options)
    return net, caught.value


@pytest.mark.parametrize("rule", DIVERGING)
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
def test_divergence_is_found_at_its_update_for_any_chunk(chunks, rule, batch_size):
    results = set()
    for length in (1, 13, 1_000_000):
        chunks(length)
        net, error = diverge(batch_size, DIVERGING[rule])
        history = net.history
        assert np.isfinite(net.theta).all()
        assert np.isfinite(history.loss).all()
        assert history.epochs == error.epoch - 1
        where = error.epoch, error.sample, history.updates
        results.add((net.theta.tobytes(), history.loss.tobytes(), where))
    assert len(results) == 1


def test_the_error_says_where_training_diverged():
    _, error = diverge(1, fastnn.SGD(5.0))
    for part in ("epoch", "sample", "lr=5", "smaller lr"):
        assert part in str(error)
    assert error.lr == 5.0
    assert 0 <= error.sample < 40
    loaded = pickle.loads(pickle.dumps(error))
    assert (loaded.epoch, loaded.sample) == (error.epoch, error.sample)
    assert str(loaded) == str(error)


@pytest.mark.parametrize("between", [[], [fastnn.Identity]])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_error_has_the_rate_of_its_epoch(batch_size, between):
    layers = [layer() for layer in between]
    net = fastnn.Sequential([*layers, fastnn.Affine(1, 1)], "mse", seed=0)
    for first_bad in (1, 3):

        def schedule(epoch, first_bad=first_bad):
            return 1e308 if epoch + 1 == first_bad else 1e-3

        net.theta = [4.0, 0.0]
        options = {"epochs": 4, "lr": schedule, "batch_size": batch_size}
        with pytest.raises(fastnn.DivergenceError) as caught:
            net.fit(np.ones((4, 1)), np.zeros(4), **options)
        assert (caught.value.epoch, caught.value.lr) == (first_bad, 1e308)


def test_the_sample_that_the_error_names_breaks_the_net():
    net, error = diverge(1, fastnn.SGD(5.0))
    # The update before the bad one was made: one step from there is not finite.
    row = [error.sample]
    try:
        _, grads = net.loss_and_grads(X[row], Y[row])
    except ValueError:  # they are not finite
        return
    broken = [param - 5.0 * grad for param, grad in zip(net.params, grads, strict=True)]
    assert not all(np.isfinite(array).all() for array in broken)


def test_an_overflowing_parameter_is_divergence_while_losses_are_finite():
    # The sigmoid saturates, so an infinite first weight would leave the loss finite.
    net = fastnn.mlp(1, 1, 1, init=[[[1e308]], [0.0], [[1.0]], [0.0]])
    before = net.theta.copy()
    with pytest.raises(fastnn.DivergenceError, match="epoch 1"):
        net.fit([[1.0]], [1], epochs=3, optimizer=fastnn.SGD(1e300, weight_decay=1e10))
    assert net.theta.tolist() == before.tolist()


def test_a_net_with_parameters_that_are_not_finite_is_not_trained():
    net = xor_net()
    net.theta[3] = np.nan
    with pytest.raises(ValueError, match="parameters are not finite"):
        net.fit(*fastnn.datasets.xor_gate(), epochs=1, lr=0.1)


def test_a_net_run_layer_by_layer_diverges_at_the_same_update_for_any_chunk(chunks):
    results = set()
    for length in (1, 1000):
        chunks(length)
        layers = [fastnn.MatMul(1, 3), fastnn.ReLU(), fastnn.Affine(3, 1)]
        net = fastnn.Sequential(layers, "mse", seed=0)
        with np.errstate(all="ignore"), pytest.raises(fastnn.DivergenceError) as caught:
            net.fit(X, Y, epochs=400, lr=5.0, batch_size=7)
        assert np.isfinite(net.theta).all()
        results.add((net.theta.tobytes(), caught.value.epoch, caught.value.sample))
    assert len(results) == 1


@pytest.mark.parametrize("engine", ["fused", "layer by layer"])
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
def test_the_error_names_the_row_whose_output_overflows(engine, batch_size):
    # The row is the 13th of 20, the last but one of the second batch of 7.
    X = np.ones((20, 1))
    X[12] = 1e200
    layers, params = [fastnn.Affine(1, 1)], [[[1e200]], [0.0]]
    if engine == "layer by layer":
        layers = [fastnn.Identity(), *layers, fastnn.Identity(), fastnn.Affine(1, 1)]
        params += [[[1.0]], [0.0]]
    net = fastnn.Sequential(layers, "mse", init=params)
    options = {"epochs": 1, "lr": 0.0, "batch_size": batch_size, "shuffle": False}
    with pytest.raises(fastnn.DivergenceError) as caught:
        net.fit(X, np.full(20, 1e200), **options)
    assert caught.value.sample == 12
    assert net.history.updates == {1: 12, 7: 1, "full": 0}[batch_size]


def test_a_chunk_that_began_within_an_update_is_rolled_back(chunks):
    # In chunks of 64 of a batch's 300 rows, the chunk that breaks a parameter does so.
    X = np.linspace(-3, 3, 600)[:, None]
    results = set()
    for length in (64, 10**6):
        chunks(length)
        for optimizer in (fastnn.SGD(5.0, momentum=0.9), fastnn.Adam(1e160)):
            net, error = diverge(300, optimizer, X, 5 * X[:, 0])
            assert np.isfinite(net.theta).all()
            where = error.epoch, error.sample, net.history.updates
            results.add((repr(optimizer), net.theta.tobytes(), where))
    assert len(results) == 2


@pytest.mark.parametrize("length", [1, 4, 10**6])
@pytest.mark.parametrize(
    "optimizer",
    [
        fastnn.SGD(1.0, momentum=0.5),
        fastnn.Adam(0.1),
        fastnn.SGD(1e30, weight_decay=1e-32),
    ],
)
def test_per_sample_the_error_names_the_same_sample_for_any_chunk(
    chunks, optimizer, length
):
    chunks(length)
    net = fastnn.mlp(1, 1, 1, 1, activation="identity", loss="mse")
    net.theta = [1, 0, 1e200, 0, 1e200, 0]
    X, y = np.zeros((9, 1)), np.zeros(9)
    # Its gradient is the first that is not zero, and it is infinite.
    y[7] = 1
    with pytest.raises(fastnn.DivergenceError, match="sample 7"):
        net.fit(X, y, epochs=2, optimizer=optimizer, shuffle=False)
    assert net.history.updates == 7


def test_the_padding_of_vectors_is_clean_after_a_bad_update(chunks):
    results = set()
    for length in (1, 10**6):
        chunks(length)
        net = fastnn.mlp(
            1, 3, 1, activation="tanh", loss="mse", dtype="float32", seed=1
        )
        X, y = np.ones((9, 1)), np.zeros(9)
        y[7] = 1e9
        optimizer = fastnn.SGD(1e30, weight_decay=1e-32)
        with pytest.raises(fastnn.DivergenceError):
            net.fit(X, y, epochs=2, optimizer=optimizer, shuffle=False)
        results.add((net.theta.tobytes(), net.history.updates))
    assert len(results) == 1


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # of plain Python
@pytest.mark.parametrize(("dtype", "loss"), [("float32", 1e38), ("float64", 1e308)])
@pytest.mark.parametrize("batch_size", [1, 3, "full"])
@pytest.mark.parametrize("stack", ["fused", "layer by layer"])
def test_losses_that_are_infinite_only_in_their_sum_are_no_divergence(
    dtype, loss, batch_size, stack
):
    X, y = np.ones((20, 1)), np.zeros(20)
    between = [fastnn.Identity()] if stack == "layer by layer" else []
    layers = [*between, fastnn.Affine(1, 1)]
    init = [[[0.0]], [np.sqrt(loss)]]
    net = fastnn.Sequential(layers, "mse", init=init, dtype=dtype)
    options = {"epochs": 2, "lr": 0.0, "batch_size": batch_size}
    history = net.fit(X, y, record=1, **options)
    assert history.loss == pytest.approx(loss, rel=1e-6)
    assert history.recording.loss[1:] == pytest.approx(loss, rel=1e-6)
    of_all = net.fit(X, y, record=[history.updates], **options).recording
    assert of_all.loss == pytest.approx(loss, rel=1e-6)
    runs = net.fit_many(X, y, init=[net.theta] * 2, **options)
    assert not runs.diverged.any()
    assert runs.loss == pytest.approx(np.full((2, 2), loss), rel=1e-6)
    assert net.loss_and_grads(X, y)[0] == pytest.approx(loss, rel=1e-6)


class Overflowing(Layer):
    """A layer that overflows in NumPy, as a user's may."""

    def compute(self, x):
        return np.exp(np.exp(100 * np.abs(x) + 10)) * 0 + x

    def compute_back(self, dout, x, out):
        return dout


def test_numpys_warnings_do_not_leak_out_of_fit():
    net = fastnn.Sequential([fastnn.Affine(1, 1), Overflowing()], "mse")
    with pytest.raises(fastnn.DivergenceError):
        net.fit([[1.0]], [1.0], epochs=1, lr=0.1)
